"""Text of strangers made harmless: names, notes and licences stand in tables as they are, and do nothing there."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_\[\]#|~$])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "†": r"\dag{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def plain(text: str) -> str:
    """One line without what cannot be seen: no line breaks, no control and direction characters."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def markdown(text: str) -> str:
    """Text for a Markdown page, in a table too."""
    safe = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", safe)


def markdown_code(text: str) -> str:
    """Text as code in a line of Markdown, not in a table; the fence is longer than any within."""
    safe = plain(text)
    longest = max((len(run) for run in re.findall("`+", safe)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {safe} {fence}" if longest else f"`{safe}`"


def latex(text: str) -> str:
    """Text for LaTeX; a `?` for letters that it cannot set without more packages."""
    return "".join(_LATEX.get(character, character if character < "\u0180" else "?") for character in plain(text))


def latex_comment(text: str) -> str:
    """A line that LaTeX does not read."""
    return f"% {plain(text)}"


def spreadsheet(value: object) -> object:
    """A field of CSV; text that a spreadsheet program would take for a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    safe = plain(value)
    if safe.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) and not _NUMBER.fullmatch(safe):  # noqa: RUF001 # full-width forms work too
        return f"'{safe}"
    return safe

"""Text of strangers in a terminal: shown, and not obeyed.

Names of files, notes in cards and last words of programs may hold what a terminal takes for an
order: to move and to write over what stands there, to change its title, to fill the clipboard.
All of that is shown as `\\u001b`, as JSON writes it. Imports nothing outside the standard library.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

# Control characters but for tab and line feed; marks that turn the direction of text; halves of characters.
_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")


def visible(text: str) -> str:
    """The text with every order as its number."""
    return _ORDERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Shown:
    """A stream on which text is made visible; in a terminal colours stay."""

    def __init__(self, behind: TextIO) -> None:
        """Stand before the stream `behind`, which has all that is not writing."""
        self.behind = behind

    def write(self, text: str) -> int:
        """Write it, and say how long it was."""
        if self.behind.isatty():
            parts = _COLOUR.split(text)
            self.behind.write("".join(part if place % 2 else visible(part) for place, part in enumerate(parts)))
        else:
            self.behind.write(visible(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a stream has."""
        return getattr(self.behind, name)


def behind(stream: TextIO) -> TextIO:
    """The stream itself, for who makes text visible by itself and gives a terminal orders of its own."""
    return stream.behind if isinstance(stream, Shown) else stream


@contextmanager
def shown() -> Iterator[None]:
    """While it lasts, standard output and standard error show what is written, whoever writes."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Shown(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before

"""Tables in CSV, Markdown and LaTeX files, read as far as the rules need: headings, cells, what is bold."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from restobench.errors import RestobenchError


@dataclass(frozen=True)
class Number:
    """A cell, as printed."""

    text: str
    """Without what makes it bold or underlined."""
    bold: bool
    line: int


@dataclass(frozen=True)
class ReadColumn:
    """A column with all that stands above it, or the rows of a long table that are about one metric and set."""

    heading: str
    """Its own."""
    above: str
    """Headings above it, over several columns."""
    dataset: str
    """Where the table names it in a field of its own."""
    context: str
    """What else is said of it: fields of a long table."""
    line: int
    cells: tuple[Number, ...] = ()


@dataclass(frozen=True)
class ReadTable:
    """One table of a file."""

    columns: tuple[ReadColumn, ...]
    caption: str
    """Caption, or the text around it."""
    line: int


def read_tables(path: Path) -> list[ReadTable]:
    """Every table of a `.csv`, `.md` or `.tex` file.

    Raises:
        RestobenchError: The file cannot be read, is of another kind, or holds no table.
    """
    readers: dict[str, Callable[[str], Iterator[ReadTable]]] = {".csv": _csv, ".md": _markdown, ".tex": _latex}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RestobenchError(f"{path} is no .csv, .md or .tex file; tables are read from these.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RestobenchError(f"{path} is no text in UTF-8.") from None
    try:
        tables = list(reader(text))
    except csv.Error as error:
        raise RestobenchError(f"{path} is no CSV file: {error}.") from None
    if not tables:
        raise RestobenchError(f"{path} holds no table.")
    return tables


_FIELDS = ("means", "definition", "signature", "revision", "reference", "tile", "batch", "device", "library")
"""Of a long table: the fields that say how its number was made."""
_UNDECIDED = re.compile(r"\?|not said|unknown")


def _csv(text: str) -> Iterator[ReadTable]:
    rows = csv.DictReader(io.StringIO(text))
    heads = [head for head in rows.fieldnames or () if head]
    if not heads:
        return
    if "metric" in heads:
        columns: dict[tuple[str, str, str], ReadColumn] = {}
        for row in rows:
            said = [row[name] or "" for name in _FIELDS if name in heads]
            context = "\n".join(field for field in said if not _is_undecided(field))
            metric, dataset = row["metric"] or "", row.get("dataset") or ""
            column = ReadColumn(metric, "", dataset, context, rows.line_num)
            columns.setdefault((metric, dataset, context), column)
        yield ReadTable(tuple(columns.values()), "", 1)
        return
    lines = [(row, rows.line_num) for row in rows]
    yield ReadTable(
        tuple(
            ReadColumn(head, "", "", "", 1, tuple(Number(row[head] or "", False, line) for row, line in lines))
            for head in heads
        ),
        "",
        1,
    )


def _is_undecided(field: str) -> bool:
    """Whether a field leaves open what it is about: `a|b`, `v3?`. A signature has bars, and leaves nothing open."""
    return not field.startswith("restobench|") and ("|" in field or _UNDECIDED.search(field) is not None)


_SPLIT = re.compile(r"(?<!\\)\|")


def _markdown(text: str) -> Iterator[ReadTable]:
    lines = text.splitlines()
    for number, line in enumerate(lines[1:], start=1):
        if "|" not in lines[number - 1] or not re.fullmatch(r"\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?", line):
            continue
        heads = _markdown_cells(lines[number - 1])
        rows = []
        for offset, body in enumerate(lines[number + 1 :], start=number + 2):
            if "|" not in body:
                break
            rows.append((_markdown_cells(body), offset))
        columns = [
            ReadColumn(head, "", "", "", number, tuple(_bold(r"\*\*|__", cells, place, row) for cells, row in rows))
            for place, head in enumerate(heads)
        ]
        yield ReadTable(tuple(columns), _section(lines, number), number)


def _markdown_cells(line: str) -> list[str]:
    return [cell.strip() for cell in _SPLIT.split(line.strip().strip("|"))]


def _bold(marks: str, cells: list[str], place: int, line: int) -> Number:
    text = cells[place] if place < len(cells) else ""
    plain = re.sub(r"</?u>|\\(?=[*_])", "", re.sub(marks, "", text))
    return Number(plain.strip(), re.search(marks, text) is not None, line)


def _section(lines: list[str], place: int) -> str:
    """The text around a table: from the heading above it to the next one, other tables left out."""
    first = next((n for n in range(place, -1, -1) if lines[n].startswith("#")), 0)
    last = next((n for n in range(place + 1, len(lines)) if lines[n].startswith("#")), len(lines))
    return "\n".join(line for line in lines[first:last] if not line.lstrip().startswith("|"))


_TABULAR = re.compile(r"\\begin\{(tabular[x*]?|longtable)\}(.*?)\\end\{\1\}", re.DOTALL)
_RULE = re.compile(r"\\(toprule|midrule|bottomrule|hline|cmidrule(\([lr]+\))?\{[^}]*\}|cline\{[^}]*\})(\[[^]]*\])?")
_SPAN = re.compile(r"\\multi(?:column|row)\{([^}]*)\}\s*\{[^}]*\}\s*\{(.*)\}", re.DOTALL)
_LATEX_BOLD = r"\\textbf|\\mathbf|\\bfseries|\\bf\b|\\boldmath|\\best\b"


def _latex(text: str) -> Iterator[ReadTable]:
    text = re.sub(r"(?<!\\)%.*", "", text)
    for found in _TABULAR.finditer(text):
        start = text.count("\n", 0, found.start()) + 1
        body = re.sub(r"^\s*(\[[^]]*\])?\s*(\{[^{}]*\}\s*)?\{(?:[^{}]|\{[^{}]*\})*\}", "", found[2], count=1)
        shift = text.count("\n", 0, found.end()) + 1 - body.count("\n")
        head, rest = _head_and_rest(body)
        above: dict[int, list[str]] = {}
        for row in (rows := [_latex_cells(line) for line, _ in _latex_rows(head)])[:-1]:
            for place, cell in row.items():
                above.setdefault(place, []).append(cell)
        if not rows:
            continue
        lines = [(_latex_cells(line), shift + place) for line, place in _latex_rows(rest)]
        columns = [
            ReadColumn(
                _plain_latex(cell),
                " ".join(map(_plain_latex, above.get(place, ()))),
                "",
                "",
                start,
                tuple(_latex_number(cells.get(place, ""), line) for cells, line in lines),
            )
            for place, cell in rows[-1].items()
        ]
        yield ReadTable(tuple(columns), _plain_latex(_caption(text, found.start(), found.end())), start)


def _head_and_rest(body: str) -> tuple[str, str]:
    """Headings end at `\\midrule`, or at the first `\\hline` below a row; else after one row."""
    place = body.find(r"\midrule")
    if place < 0:
        rules = [found.start() for found in re.finditer(r"\\hline", body)]
        place = next((rule for rule in rules if "&" in body[:rule]), -1)
    if place < 0:
        end = body.find(r"\\")
        place = len(body) if end < 0 else end + 2
    # The lines above are kept empty, so that lines are counted from the top.
    return body[:place], "\n" * body[:place].count("\n") + body[place:]


def _latex_rows(text: str) -> Iterator[tuple[str, int]]:
    """Each row with the number of its line within the text."""
    line = 0
    for part in re.split(r"(\\\\(?:\[[^]]*\])?)", text):
        if not part.startswith("\\\\"):
            content = _RULE.sub("", part)
            if "&" in content:
                yield content.strip(), line + content[: len(content) - len(content.lstrip())].count("\n")
        line += part.count("\n")


def _latex_cells(row: str) -> dict[int, str]:
    """The cells by their column; one that spans several stands in each."""
    cells: dict[int, str] = {}
    place = 0
    for cell in re.split(r"(?<!\\)&", row):
        span = _SPAN.search(cell) if r"\multicolumn" in cell else None
        width = int(span[1]) if span and span[1].isdigit() else 1
        for column in range(place, place + width):
            cells[column] = span[2] if span else cell.strip()
        place += width
    return cells


def _latex_number(cell: str, line: int) -> Number:
    return Number(_plain_latex(cell), re.search(_LATEX_BOLD, cell) is not None, line)


_SPELT = {r"\pm": "±", r"\%": "%", r"\_": "_", r"\&": "&", r"\degree": "°"}


def _plain_latex(text: str) -> str:
    for command, meant in _SPELT.items():
        text = text.replace(command, meant)
    text = re.sub(r"\\[a-zA-Z]+\*?", " ", text)
    return re.sub(r"\s+", " ", re.sub(r"[{}$^~\\]", " ", text)).strip()


def _caption(text: str, start: int, end: int) -> str:
    """The caption of the table environment around, braces counted."""
    first = max(text.rfind(r"\begin{table", 0, start), 0)
    closing = text.find(r"\end{table", end)
    around = text[first : closing if closing >= 0 else end]
    place = around.find(r"\caption")
    opening = around.find("{", place) if place >= 0 else -1
    if opening < 0:
        return ""
    depth = 0
    for offset, character in enumerate(around[opening:]):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return around[opening + 1 : opening + offset]
    return ""

"""A leaderboard as a page of Markdown: for READMEs, pull requests and people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from restobench.leaderboard.board import Cell, Column, Leaderboard, Row, Table
from restobench.leaderboard.escaping import markdown as safe
from restobench.leaderboard.escaping import markdown_code as code
from restobench.leaderboard.making import explain_command
from restobench.leaderboard.numbers import counts, number, places, seconds
from restobench.leaderboard.verdict import MEANINGS

_LEGEND = (
    "A cell is the mean over the pictures, its standard deviation over seeds (±) where there are several, its 95 % "
    "interval (bootstrap over groups of pictures), and the ranks that the method may have: methods that these pictures "
    "cannot tell apart share theirs (5 % level for a whole column). **Bold** is best and <u>underlined</u> second of "
    "what was measured, where the pictures tell; what is only printed, and metrics of a whole set, are not ranked. "
    "`*`: some samples have no value; such a cell is not ranked."
)
_SECONDS = {
    "method": "the method's own",
    "end-to-end": "the whole program's, divided by its pictures",
    "self-reported": "what the program says",
}


def as_markdown(board: Leaderboard) -> str:
    """The page, byte for byte the same for the same runs."""
    parts = ["# Leaderboard", ""]
    for table in board.tables:
        parts += _section(table)
    parts += [_LEGEND, ""]
    words = {
        beside.verdict.word
        for table in board.tables
        for *_, cell in table.cells()
        for beside in cell.published
        if beside.verdict
    }
    if words:
        parts += [f"- *{word}*: {meaning}" for word, meaning in MEANINGS.items() if word in words]
        parts += ["", "These words describe two numbers and accuse nobody. Seconds are never judged.", ""]
    if board.left_out:
        parts += ["Left out:", "", *(f"- {safe(line)}" for line in board.left_out), ""]
    return "\n".join(parts)


def _section(table: Table) -> list[str]:
    parts = [f"## {safe(table.title)}", "", *_main(table), ""]
    for lines in (_gaps(table), _remarks(table)):
        if lines:
            parts += [*lines, ""]
    if timed := list(_timed(table)):
        heads = ("method", "scenario", "input", "batch", "dtype", "s / picture", "memory, GB", "device")
        parts += ["Timed by protocol (`restobench time`):", "", *_grid(heads, timed), ""]
    if beside := list(_beside(table)):
        heads = ("method", "number", "paper", "published", "measured", "difference", "verdict", "why")
        parts += ["Beside published numbers:", "", *_grid(heads, beside), ""]
    if explanations := list(_explanations(table)):
        parts += _folded("What may make a number differ", map(code, explanations))
    if signatures := dict.fromkeys(line for *_, cell in table.cells() for line in cell.signatures):
        parts += _folded("Signatures", map(code, signatures))
    if commands := dict.fromkeys(line for row in table.rows for line in row.commands):
        parts += _folded("Commands", map(code, commands))
    return parts


def _folded(title: str, lines: Iterable[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *(f"- {line}" for line in lines), "", "</details>", ""]


def _main(table: Table) -> list[str]:
    timed = any(row.seconds is not None for row in table.rows)
    heads = ["method", "seeds", *map(_head, table.columns), "n", *(["s / picture"] if timed else [])]
    lines = []
    for row in table.rows:
        cells = [
            _printed(cell) if row.paper else _measured(column, cell)
            for column, cell in zip(table.columns, row.cells, strict=True)
        ]
        name = f"{safe(row.name)}{safe(table.mark) if row.paper else ''}"
        seeds = str(len(row.seeds)) if row.seeds else "-"
        lines.append([name, seeds, *cells, counts(row), *([seconds(row)] if timed else [])])
    return _grid(heads, lines)


def _grid(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *(f"| {' | '.join(line)} |" for line in lines)]


def _head(column: Column) -> str:
    arrow = {"higher": " ↑", "lower": " ↓", "": ""}[column.better]
    heading = f"{safe(column.heading)}: " if column.heading else ""
    return f"{heading}{safe(column.name)}{arrow}"


def _measured(column: Column, cell: Cell) -> str:
    if cell.mean is None:
        return f"∞ ({cell.infinite})" if cell.infinite else "-"
    digits = column.decimals
    value = number(cell.mean, digits)
    if cell.seed_std is not None:
        value += f" ± {number(cell.seed_std, digits + 1)}"
    value = {"best": f"**{value}**", "second": f"<u>{value}</u>", "": value}[cell.mark]
    if cell.low is not None and cell.high is not None:
        value += f" [{number(cell.low, digits)}, {number(cell.high, digits)}]"
    if cell.ranks:
        value += f", rank {places(cell.ranks)}"
    return value + (r"\*" if cell.missing else "")


def _printed(cell: Cell) -> str:
    return safe(" / ".join(beside.value for beside in cell.published)) or "-"


def _gaps(table: Table) -> list[str]:
    """What is missing, and why: of measured rows cell by cell."""
    return [
        f"- {safe(row.name)}, {safe(column.name)}: {safe(cell.problem)}."
        for row, column, cell in table.cells()
        if cell.problem and not row.paper
    ]


def _remarks(table: Table) -> list[str]:
    lines = []
    for column in table.columns:
        if column.smallest_visible is not None:
            shown = number(column.smallest_visible, column.decimals + 1)
            lines.append(
                f"- {_head(column)}: a difference of {shown} between the two best would show with 80 % probability."
            )
    for row in table.rows:
        lines += [f"- {line}" for line in _row_remarks(row)]
    if any(row.paper for row in table.rows):
        papers = dict.fromkeys(row.paper for row in table.rows if row.paper)
        lines.append(f"- {safe(table.mark)} printed by {safe(', '.join(papers))}, not measured here.")
    return [*lines, *(f"- {safe(note)}" for note in table.notes)]


def _row_remarks(row: Row) -> Iterator[str]:
    facts = []
    if row.licence:
        facts.append(f"licence {row.licence}")
    if row.training_data:
        facts.append(f"trained on: {row.training_data}")
    if row.seconds is not None:
        kinds = ", ".join(_SECONDS.get(kind, kind) for kind in row.timing.split(", "))
        facts.append(f"seconds: {kinds}, on {row.device}" if row.device else f"seconds: {kinds}")
    if facts:
        yield f"{safe(row.name)}: {safe('; '.join(facts))}."
    for note in row.notes:
        yield f"{safe(row.name)}: {safe(note)}."


def _timed(table: Table) -> Iterator[list[str]]:
    for row in table.rows:
        for one in row.timings:
            memory = "-" if one.memory_bytes is None else f"{one.memory_bytes / 2**30:.2f}"
            width, height = one.size
            facts = (row.name, one.scenario, f"{width} x {height}", str(one.batch), one.dtype)
            yield [*map(safe, facts), f"{one.seconds:.3g}", memory, safe(one.device)]


def _explanations(table: Table) -> Iterator[str]:
    """For each number that differs, what looks for the reason."""
    for row, column, cell in table.cells():
        if any(beside.verdict and beside.verdict.word == "differs" for beside in cell.published):
            yield explain_command(row.method, column.dataset, column.metric)


def _beside(table: Table) -> Iterator[list[str]]:
    """A line a published number of a method that we have, and of the others where there is something to say."""
    for row, column, cell in table.cells():
        for beside in cell.published:
            verdict = beside.verdict
            if verdict is None or (row.paper and not row.ours and verdict.word == "unknown"):
                continue
            digits = max(column.decimals, len(beside.value.partition(".")[2]))
            measured = number(cell.mean, digits)
            difference = "-" if verdict.difference is None else f"{verdict.difference:+.{digits}f}"
            why = "; ".join(filter(None, (verdict.reason, beside.remark)))
            yield [
                safe(row.name),
                _head(column),
                safe(f"{beside.paper}, table {beside.tables}"),
                safe(beside.value) + ("" if beside.flag == "ok" else f" ({safe(beside.flag)})"),
                measured,
                difference,
                safe(str(verdict)),
                safe(why),
            ]

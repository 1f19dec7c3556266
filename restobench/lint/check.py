"""What the rules find in the tables of a file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Set
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from restobench.lint.reading import Number, ReadColumn, ReadTable, read_tables
from restobench.lint.rules import Rule, rules

_SIGNED = re.compile(r"restobench\|v\d+\|\S*?\|metric:([^:|\s]+)")
_VALUE = re.compile(r"-?\d+(?:\.(\d+))?")
_SPREAD = re.compile(r"(?:±|\+/-)\s*(\d+(?:\.\d+)?)")
_INTERVAL = re.compile(r"\[\s*(-?\d+(?:\.\d+)?)\s*[,;]\s*(-?\d+(?:\.\d+)?)\s*\]")


class Finding(NamedTuple):
    """Where a rule fires."""

    rule: Rule
    line: int
    what: str
    """The heading or the cell."""

    def __str__(self) -> str:
        """`line 3: lpips-net: 'LPIPS': why`."""
        return f"line {self.line}: {self.rule.id}: '{self.what}': {self.rule.reason}"


def lint(path: Path) -> list[Finding]:
    """Everything that the rules find in a file, in its order; each heading once for each rule.

    Raises:
        RestobenchError: The file cannot be read, or holds no table.
    """
    found = [finding for table in read_tables(path) for finding in _in_table(table)]
    unique = {(finding.rule.id, finding.what, finding.line): finding for finding in found}
    return sorted(unique.values(), key=lambda finding: finding.line)


def _in_table(table: ReadTable) -> Iterator[Finding]:
    signed = set(_SIGNED.findall(table.caption))
    for rule in rules().values():
        if rule.where == "metric":
            yield from _metrics(rule, table, signed)
        elif rule.where == "dataset":
            yield from _datasets(rule, table)
    for column in table.columns:
        yield from _in_cells(column)


def _context(table: ReadTable, column: ReadColumn) -> str:
    return "\n".join((column.heading, column.above, column.context, table.caption))


def _metrics(rule: Rule, table: ReadTable, signed: Set[str]) -> Iterator[Finding]:
    """One finding a heading. What a signature below the table names has left nothing unsaid."""
    found: dict[str, list[ReadColumn]] = {}
    for column in table.columns:
        if _own_name(column.heading) not in signed and rule.fires(column.heading, _context(table, column)):
            found.setdefault(column.heading, []).append(column)
    for heading, columns in found.items():
        sets = ", ".join(dict.fromkeys(column.dataset for column in columns if column.dataset))
        yield Finding(rule, columns[0].line, f"{heading} on {sets}" if sets else heading)


def _datasets(rule: Rule, table: ReadTable) -> Iterator[Finding]:
    """One finding a data set, wherever it is named: in a field, in headings, in the caption."""
    found: dict[str, int] = {}
    for column in table.columns:
        for name in (column.dataset, column.heading, column.above, table.caption):
            if rule.fires(name, _context(table, column)):
                assert rule.about
                named = rule.about.search(name)
                assert named
                found.setdefault(named[0].lower(), column.line)
    for what, line in found.items():
        yield Finding(rule, line, what)


def _own_name(heading: str) -> str:
    """A heading without arrows and emphasis: as signatures call a metric."""
    return re.sub(r"[^\w.-]", "", heading)


class _Known(NamedTuple):
    """A cell's value with what is known of its spread."""

    cell: Number
    value: float
    decimals: int
    low: float
    high: float


def _in_cells(column: ReadColumn) -> Iterator[Finding]:
    known = [one for cell in column.cells if (one := _known(cell))]
    for one in known:
        half = (one.high - one.low) / 2
        if half > 0 and one.decimals > 2 - math.floor(math.log10(half)):
            yield Finding(rules()["digits"], one.cell.line, one.cell.text)
    # A cell that tells its rank was compared picture by picture, which intervals cannot replace.
    for one in known:
        if one.cell.bold and "rank" not in one.cell.text:
            ties = [other for other in known if not other.cell.bold and _tied(one, other)]
            if ties:
                yield Finding(rules()["bold-tie"], one.cell.line, f"{one.cell.text} and {ties[0].cell.text}")


def _known(cell: Number) -> _Known | None:
    found = _VALUE.match(cell.text)
    if found is None:
        return None
    value = float(found[0])
    low = high = value
    if spread := _SPREAD.search(cell.text):
        low, high = value - float(spread[1]), value + float(spread[1])
    if interval := _INTERVAL.search(cell.text):
        low, high = float(interval[1]), float(interval[2])
    return _Known(cell, value, len(found[1] or ""), low, high)


def _tied(one: _Known, other: _Known) -> bool:
    return all(first.low <= second.value <= first.high for first, second in pairwise((one, other, one)))

"""Which runs, which of their samples, and in which order. Reads no picture and imports neither torch nor pandas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeVar

from restobench.errors import unknown_name
from restobench.metrics.registry import all_metrics
from restobench.results import RunRecord, TableRow, natural_order

SETTING = "setting:"
"""What names of settings begin with, in filters and as columns."""

_FACTS: dict[str, Callable[[RunRecord], list[str]]] = {
    "method": lambda record: [record.method, record.run["label"], f"{record.run['label']}@{record.run['variant']}"],
    "variant": lambda record: [record.run["variant"]],
    "dataset": lambda record: [record.dataset, f"{record.dataset}@{record.run['dataset']['revision']}"],
    "revision": lambda record: [record.run["dataset"]["revision"]],
    "seed": lambda record: [_words(record.run["determinants"].get("seed"))],
    "status": lambda record: [status(record)],
    "origin": lambda record: ["imported" if record.folder.is_imported else "here"],
    "key": lambda record: [record.folder.path.name],
}
"""What runs are chosen by: by its name, every way to write a run's value."""
RUN_FILTERS = (*_FACTS, f"{SETTING}NAME")
"""The names of filters that choose runs."""
_COLUMNS: dict[str, Callable[[TableRow], Any]] = {
    "method": lambda row: natural_order(row.method),
    "dataset": lambda row: natural_order(row.records[0].dataset),
    "seed": lambda row: row.records[0].run["determinants"].get("seed"),
    "finished": lambda row: row.records[0].finished or None,
    "pictures": lambda row: row.records[0].run["samples"]["restored"],
    "seconds": lambda row: mean_seconds(row.records[0]),
}
"""What rows are sorted by, beside metrics, the smallest first."""

Row = TypeVar("Row")


class Where(NamedTuple):
    """Filters: of runs by what is true of them, of samples by their tags."""

    runs: Mapping[str, str]
    tags: Mapping[str, str]


def read_where(pairs: Mapping[str, str]) -> Where:
    """Filters apart: `method`, `seed`, ... and `setting:NAME` choose runs, any other name is a tag of samples."""
    runs = {name: value for name, value in pairs.items() if name in _FACTS or name.startswith(SETTING)}
    return Where(runs, {name.removeprefix("tag:"): value for name, value in pairs.items() if name not in runs})


def choose_records(records: Sequence[RunRecord], where: Mapping[str, str]) -> list[RunRecord]:
    """The runs for which every filter holds. A value may be a pattern (`resshift*`), or several with commas.

    Raises:
        RestobenchError: No run has such a setting, or none has such a value; what there is, is listed.
    """
    chosen = list(records)
    for name, wanted in where.items():
        values = {id(record): _values(record, name) for record in chosen}
        if name.startswith(SETTING) and not any(values.values()):
            known = {setting for record in records for setting in record.run["determinants"].get("settings", {})}
            raise unknown_name("setting of these runs", name.removeprefix(SETTING), known)
        patterns = {wanted, *(part.strip() for part in wanted.split(","))}
        fitting = [
            record
            for record in chosen
            if any(fnmatchcase(value, pattern) for value in values[id(record)] for pattern in patterns)
        ]
        if chosen and not fitting:
            raise unknown_name(f"'{name}' of these runs", wanted, {one[0] for one in values.values() if one})
        chosen = fitting
    return chosen


def _values(record: RunRecord, name: str) -> list[str]:
    if name in _FACTS:
        return _FACTS[name](record)
    settings = record.run["determinants"].get("settings", {})
    setting = name.removeprefix(SETTING)
    return [_words(settings[setting])] if setting in settings else []


def _words(value: Any) -> str:
    """A value as people type it: `true`, `0.1`; a method that draws no noise has the seed `none`."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def status(record: RunRecord) -> str:
    """`complete`, `failures` (every sample was tried), `part`, or `not evaluated`."""
    if not record.complete:
        return "part"
    if not record.summary:
        return "not evaluated"
    return "failures" if record.run["samples"]["failed"] else "complete"


def mean_seconds(record: RunRecord) -> float | None:
    """Seconds a picture, over all that were timed."""
    seconds = list(record.folder.read_timing().values())
    return sum(seconds) / len(seconds) if seconds else None


def directions() -> dict[str, str]:
    """By metric, which way is better."""
    return {metric.name: metric.card.better for metric in all_metrics()}


def sort_rows(rows: Sequence[TableRow], by: str, *, reverse: bool = False) -> list[TableRow]:
    """The rows by a metric, its best first, or by a column; rows without a value last, equals as they stood.

    Args:
        rows: They.
        by: A metric of the rows, or `method`, `dataset`, `seed`, `finished`, `pictures`, `seconds`.
        reverse: The other way round.
    """
    if by in _COLUMNS:
        return in_order([(_COLUMNS[by](row), row) for row in rows], reverse=reverse)
    better = directions().get(by, "higher")
    return in_order([(_score(row.cells.get(by), better), row) for row in rows], reverse=reverse)


def sort_records(records: Sequence[RunRecord], by: str, *, reverse: bool = False) -> list[RunRecord]:
    """The runs as `sort_rows` does, each by itself; data sets stay apart, for their numbers do not compare.

    Raises:
        RestobenchError: No run has such a metric, and no column is called so.
    """
    metrics = {row["metric"] for record in records for row in record.summary}
    if records and by not in {*metrics, *_COLUMNS}:
        raise unknown_name("metric or column of these runs", by, {*metrics, *_COLUMNS})
    rows = [TableRow((record,), {row["metric"]: row for row in record.summary}) for record in records]
    ordered = [row.records[0] for row in sort_rows(rows, by, reverse=reverse)]
    if by in _COLUMNS:
        return ordered
    sets = {record.run["dataset"]["fingerprint"]: None for record in records}
    return [record for one in sets for record in ordered if record.run["dataset"]["fingerprint"] == one]


def sort_tagged(rows: Sequence[dict[str, Any]], by: str, *, reverse: bool = False) -> list[dict[str, Any]]:
    """The rows of `rows_by_tag`: within each value of the tag by a metric, the best method first."""

    def whose(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["dataset"], row["value"], row["method"], row["seed"]

    better = directions().get(by, "higher")
    found = {whose(row): _score(row, better) for row in rows if row["metric"] == by}
    if not found:
        raise unknown_name("metric of these rows", by, {row["metric"] for row in rows})
    ordered = in_order([(found.get(whose(row)), row) for row in rows], reverse=reverse)
    groups = dict.fromkeys(whose(row)[:2] for row in rows)
    return [row for group in groups for row in ordered if whose(row)[:2] == group]


def _score(cell: Mapping[str, Any] | None, better: str) -> float | None:
    """A mean, such that less is better; what is infinite everywhere is the best that PSNR can be."""
    if cell is None:
        return None
    sign = -1.0 if better == "higher" else 1.0
    if cell["mean"] is None:
        return -math.inf if cell.get("infinite") else None
    return sign * float(cell["mean"])


def in_order(keyed: Sequence[tuple[Any, Row]], *, reverse: bool = False) -> list[Row]:
    """Sorted by the keys, equals as they stood; what has no key comes last, either way."""
    there = [pair for pair in keyed if pair[0] is not None]
    ordered = sorted(there, key=lambda pair: pair[0], reverse=reverse)
    return [row for _, row in ordered] + [row for key, row in keyed if key is None]

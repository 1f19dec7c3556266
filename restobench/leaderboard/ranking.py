"""Which rows of a column the samples can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from restobench.leaderboard.board import Column
from restobench.leaderboard.shown import Shown, row_in, summary_in
from restobench.paired import paired_difference
from restobench.ranks import Ranks, ranks_of
from restobench.results import RunRecord, TableRow


def ranks_in(columns: Sequence[Column], shown: Sequence[Shown]) -> list[Ranks]:
    """For each column, by run's folder and metric, the ranks of the rows that have a value for every sample.

    Columns with the same rows are ranked in one go.
    """
    together: dict[tuple[Path, ...], list[int]] = {}
    records: dict[tuple[Path, ...], list[RunRecord]] = {}
    for number, column in enumerate(columns):
        members = [record for row in _ranked_rows(column, shown) for record in row.records]
        key = tuple(record.folder.path for record in members)
        together.setdefault(key, []).append(number)
        records[key] = members
    found: list[Ranks] = [{} for _ in columns]
    for key, numbers in together.items():
        ranks = ranks_of(records[key], [columns[number].metric for number in numbers])
        for number in numbers:
            found[number] = ranks
    return found


def smallest_visible(column: Column, shown: Sequence[Shown]) -> float | None:
    """Of the two best rows: what their samples would show."""
    import pandas as pd

    whole = [row for row in _ranked_rows(column, shown) if not row.cells[column.metric]["missing"]]
    whole = [row for row in whole if row.cells[column.metric]["low"] is not None]
    if len(whole) < 2 or not column.better:
        return None
    sign = -1 if column.better == "higher" else 1
    best = sorted(whole, key=lambda row: (sign * row.cells[column.metric]["mean"], row.method))[:2]
    values = []
    for row in best:
        tables = [record.samples() for record in row.records]
        values.append(pd.concat([table[column.metric] for table in tables], axis=1).mean(axis=1, skipna=False))
    groups = tables[0]["group"].reindex(values[0].index)
    second = values[1].reindex(values[0].index)
    found = paired_difference(values[0].to_numpy(), second.to_numpy(), list(groups), resamples=1)
    return found.smallest_visible


def _ranked_rows(column: Column, shown: Sequence[Shown]) -> list[TableRow]:
    """Those with values for each sample, in one definition."""
    rows = [row for one in shown if (row := row_in(one, column)) and summary_in(row, column)]
    return [row for row in rows if all(_has_samples(record, column.metric) for record in row.records)]


def _has_samples(record: RunRecord, metric: str) -> bool:
    """Whether the run has a value for each sample: a metric of a whole set has none."""
    return record.folder.samples_path.exists() and metric in record.samples()

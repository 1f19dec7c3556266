"""Between which ranks each method of a table lies: which methods can be told apart on the same samples.

Reads what evaluation left in the runs' folders and computes no metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from restobench.metrics.registry import all_metrics
from restobench.paired import Better, rank_columns
from restobench.results import RunRecord, TableRow, table_rows
from restobench.signature import Signature

if TYPE_CHECKING:
    import pandas as pd

Ranks = dict[tuple[Path, str], tuple[int, int]]
"""By a run's folder and metric: the first and the last rank that its method may have; 1 is the best."""


def ranks_of(records: Sequence[RunRecord], metrics: Sequence[str] | None = None) -> Ranks:
    """The ranks of every method in every column, at the 5 % level for the whole column.

    A column is one metric of all these runs over the same pictures. Not ranked are runs of a part
    of the data set, cells without some samples' values, metrics of a whole set, columns of one
    method, and columns that were not computed in one way.

    Args:
        records: The runs of the table; seeds of one method are averaged sample by sample.
        metrics: Which columns; None: all.
    """
    tables: dict[str, list[TableRow]] = {}
    for row in table_rows(records):
        tables.setdefault(row.records[0].run["dataset"]["fingerprint"], []).append(row)
    better = {metric.name: metric.card.better for metric in all_metrics() if metric.card.kind != "set"}
    found: Ranks = {}
    for rows in tables.values():
        columns: dict[str, list[TableRow]] = {}
        for name in dict.fromkeys(name for row in rows for name in row.cells):
            if name in better and (metrics is None or name in metrics):
                column = [row for row in rows if _can_be_ranked(row, name)]
                ways = {Signature.parse(row.cells[name]["signature"]).metric for row in column}
                if len(column) > 1 and len(ways) == 1:
                    columns[name] = column
        found |= _ranked(columns, better)
    return found


def _can_be_ranked(row: TableRow, metric: str) -> bool:
    cell = row.cells.get(metric)
    # Of a single group nothing is known.
    return cell is not None and row.records[0].complete and not cell["missing"] and cell["low"] is not None


def _ranked(columns: Mapping[str, Sequence[TableRow]], better: Mapping[str, Better]) -> Ranks:
    """By metric the rows of its column; each row's samples are read once for all columns."""
    import pandas as pd

    wanted: dict[Path, list[str]] = {}
    rows = {row.records[0].folder.path: row for column in columns.values() for row in column}
    for name, column in columns.items():
        for row in column:
            wanted.setdefault(row.records[0].folder.path, []).append(name)
    values = {path: _values(rows[path], names) for path, names in wanted.items()}
    # Columns over the same samples are ranked by the same signs.
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, pd.DataFrame]] = {}
    for name, column in columns.items():
        of_it = [values[row.records[0].folder.path] for row in column]
        groups: dict[str, str] = {}
        for one in of_it:
            groups |= one.groups
        table = pd.concat([one.table[name] for one in of_it], axis=1)
        ids = tuple(map(str, table.index))
        together.setdefault((ids, tuple(groups[one] for one in ids)), {})[name] = table
    found: Ranks = {}
    for (_, of_samples), tables in together.items():
        arrays = [table.to_numpy(dtype=float) for table in tables.values()]
        for name, ranking in zip(
            tables, rank_columns(arrays, of_samples, [better[one] for one in tables]), strict=True
        ):
            found |= {
                (record.folder.path, name): ranks
                for row, ranks in zip(columns[name], ranking.ranks, strict=True)
                for record in row.records
            }
    return found


class _Values(NamedTuple):
    """Of a row: by sample and metric the mean over seeds, and each sample's group."""

    table: pd.DataFrame
    groups: dict[str, str]


def _values(row: TableRow, metrics: Sequence[str]) -> _Values:
    import pandas as pd

    seeds = [record.samples() for record in row.records]
    groups = dict(zip(map(str, seeds[0].index.tolist()), seeds[0]["group"].tolist(), strict=True))
    if len(seeds) == 1:
        return _Values(seeds[0][list(metrics)], groups)
    means = [pd.concat([seed[name] for seed in seeds], axis=1).mean(axis=1, skipna=False) for name in metrics]
    return _Values(pd.concat(means, axis=1, keys=list(metrics)), groups)

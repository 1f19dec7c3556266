"""Between which ranks each method of a table lies: which methods can be told apart on the same samples.

Reads what evaluation left in the runs' folders and computes no metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from restobench.metrics.registry import all_metrics
from restobench.paired import Better, rank
from restobench.results import RunRecord, TableRow, table_rows
from restobench.signature import Signature

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
        for name in dict.fromkeys(name for row in rows for name in row.cells):
            if name in better and (metrics is None or name in metrics):
                column = [row for row in rows if _can_be_ranked(row, name)]
                ways = {Signature.parse(row.cells[name]["signature"]).metric for row in column}
                if len(column) > 1 and len(ways) == 1:
                    found |= _column(column, name, better[name])
    return found


def _can_be_ranked(row: TableRow, metric: str) -> bool:
    cell = row.cells.get(metric)
    # Of a single group nothing is known.
    return cell is not None and row.records[0].complete and not cell["missing"] and cell["low"] is not None


def _column(rows: Sequence[TableRow], metric: str, better: Better) -> Ranks:
    import pandas as pd

    columns = []
    groups: dict[str, str] = {}
    for row in rows:
        seeds = [
            pd.read_parquet(record.folder.samples_path, columns=["id", "group", metric]).set_index("id")
            for record in row.records
        ]
        groups |= dict(zip(map(str, seeds[0].index.tolist()), seeds[0]["group"].tolist(), strict=True))
        columns.append(pd.concat([seed[metric] for seed in seeds], axis=1).mean(axis=1, skipna=False))
    table = pd.concat(columns, axis=1)
    found = rank(table.to_numpy(dtype=float), [groups[str(name)] for name in table.index], better)
    return {
        (record.folder.path, metric): ranks
        for row, ranks in zip(rows, found.ranks, strict=True)
        for record in row.records
    }

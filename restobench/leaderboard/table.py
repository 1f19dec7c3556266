"""The runs that may stand in a table, as Markdown for people and CSV for programs.

A column holds numbers of one definition on one set of pictures; where two runs differ in
either they stand in columns or tables of their own.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restobench.errors import RestobenchError
from restobench.files import written_whole
from restobench.results import RunRecord, newest, table_rows
from restobench.signature import Signature

COLUMNS = (
    "dataset",
    "revision",
    "fingerprint",
    "method",
    "seed",
    "metric",
    "mean",
    "low",
    "high",
    "count",
    "missing",
    "infinite",
    "signature",
)


@dataclass(frozen=True)
class Leaderboard:
    """Every row that may be shown, and why the others may not."""

    records: list[RunRecord]
    left_out: list[str]


def choose_runs(records: list[RunRecord]) -> Leaderboard:
    """The newest complete, evaluated run of each method, data set and seed."""
    fit, left_out = [], []
    for record in records:
        if reason := _unfit(record):
            left_out.append(f"{record.name} ({record.folder.path.name}): {reason}")
        else:
            fit.append(record)
    return Leaderboard(newest(fit), left_out)


def _unfit(record: RunRecord) -> str | None:
    if not record.complete:
        return "not every sample was restored"
    if record.run["demonstration"]:
        return "a demonstration"
    if not record.summary:
        return "not evaluated"
    return None


def rows(board: Leaderboard) -> list[dict[str, Any]]:
    """A row for each run and metric, in the order of `COLUMNS`."""
    return [
        {name: row.get(name, "") for name in COLUMNS}
        for record in board.records
        for row in (found | {"fingerprint": record.run["dataset"]["fingerprint"][:12]} for found in record.rows())
    ]


def as_csv(board: Leaderboard) -> str:
    """The rows as CSV, every digit kept."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(board))
    return text.getvalue()


def as_markdown(board: Leaderboard, decimals: dict[str, int]) -> str:
    """A table for each set of pictures, then the signature of every number.

    Args:
        board: What to show.
        decimals: Digits after the point, by metric.
    """
    parts = ["# Leaderboard", ""]
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in board.records:
        dataset = record.run["dataset"]
        groups.setdefault((dataset["name"], dataset["revision"], dataset["fingerprint"]), []).append(record)
    for (name, revision, fingerprint), records in groups.items():
        parts += [f"## {name}@{revision} ({fingerprint[:12]})", ""]
        parts += _markdown_table(records, decimals)
        parts += ["", "<details><summary>Signatures</summary>", ""]
        parts += [f"- `{row['signature']}`" for record in records for row in record.rows() if row["count"]]
        parts += ["", "</details>", ""]
    parts += [
        "A cell is the mean over the pictures, its standard deviation over seeds (±) where there are several, and its "
        "95 % interval (bootstrap over groups of pictures). "
        "`*`: some samples have no value; such a cell is not to be ranked.",
        "",
    ]
    if board.left_out:
        parts += ["Left out:", "", *(f"- {line}" for line in board.left_out), ""]
    return "\n".join(parts)


def _markdown_table(records: list[RunRecord], decimals: dict[str, int]) -> list[str]:
    lines = []
    columns: dict[tuple[str, ...], None] = {}
    for row in table_rows(records):
        found = {
            _definition(cell): cell
            for cell in row.cells.values()
            if cell["count"] or cell["infinite"] or cell.get("identical")
        }
        columns |= dict.fromkeys(found)
        lines.append((row, found))
    heads = ["method", "seeds", *(_head(column, list(columns)) for column in columns), "n"]
    table = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row, found in lines:
        shown = [_cell(found.get(column), decimals) for column in columns]
        counts = sorted({cell["count"] + cell["infinite"] + cell.get("identical", 0) for cell in found.values()})
        table.append(f"| {' | '.join([row.method, str(len(row.records)), *shown, '-'.join(map(str, counts))])} |")
    return table


def _definition(row: dict[str, Any]) -> tuple[str, ...]:
    """What a column is made of: the metric with every option and library version."""
    return Signature.parse(row["signature"]).metric


def _head(column: tuple[str, ...], columns: list[tuple[str, ...]]) -> str:
    same = [other for other in columns if other[0] == column[0]]
    return column[0] if len(same) == 1 else ":".join(column)


def _cell(row: dict[str, Any] | None, decimals: dict[str, int]) -> str:
    if row is None or row["mean"] is None:
        return "-"
    digits = decimals.get(row["metric"], 3)
    interval = "" if row["low"] is None else f" [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"
    spread = "" if row["seed_std"] is None else f" ± {row['seed_std']:.{digits + 1}f}"
    return f"{row['mean']:.{digits}f}{spread}{interval}{'*' if row['missing'] else ''}"


def build(records: list[RunRecord], output: Path, decimals: dict[str, int]) -> tuple[Path, Path, Leaderboard]:
    """Write leaderboard.md and leaderboard.csv into `output`.

    Raises:
        RestobenchError: No run may stand in a table.
    """
    board = choose_runs(records)
    if not board.records:
        reasons = "".join(f"\n  {line}" for line in board.left_out)
        raise RestobenchError(f"There is no complete, evaluated run to show; make one with 'restobench run'.{reasons}")
    paths = output / "leaderboard.md", output / "leaderboard.csv"
    for path, text in zip(paths, (as_markdown(board, decimals), as_csv(board)), strict=True):
        with written_whole(path) as beside:
            beside.write_text(text, encoding="utf-8")
    return (*paths, board)

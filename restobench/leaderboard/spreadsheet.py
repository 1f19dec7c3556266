"""A leaderboard as CSV, for programs: a line a cell and published number, every digit kept."""

from __future__ import annotations

import csv
import io
from typing import Any

from restobench.leaderboard.board import Beside, Cell, Column, Leaderboard, Row, Timing
from restobench.leaderboard.escaping import spreadsheet as safe

COLUMNS = (
    "table", "dataset", "revision", "fingerprint", "method", "name", "seeds", "metric", "definition", "better", "mean",
    "seed_std", "low", "high", "count", "missing", "infinite", "identical", "rank_first", "rank_last", "problem",
    "paper", "paper_table", "published_as", "published", "flag", "difference", "verdict", "reason", "remark", "seconds",
    "timing", "device", "timed", "licence", "training_data", "notes", "command", "signature",
)  # fmt: skip


def as_csv(board: Leaderboard) -> str:
    """The lines, byte for byte the same for the same runs.

    Text that a spreadsheet program would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table in board.tables:
        for row, column, cell in table.cells():
            for beside in cell.published or (None,):
                line = {"table": table.title} | _line(row, column, cell) | _beside(beside)
                writer.writerow({name: safe(value) for name, value in line.items()})
    return text.getvalue()


def _line(row: Row, column: Column, cell: Cell) -> dict[str, Any]:
    first, last = cell.ranks or (None, None)
    return {
        "dataset": column.dataset,
        "revision": column.revision,
        "fingerprint": column.fingerprint,
        "method": row.method,
        "name": row.name,
        "seeds": " ".join(row.seeds),
        "metric": column.metric,
        "definition": ":".join(column.definition),
        "better": column.better,
        "mean": cell.mean,
        "seed_std": cell.seed_std,
        "low": cell.low,
        "high": cell.high,
        "count": cell.count,
        "missing": cell.missing,
        "infinite": cell.infinite,
        "identical": cell.identical,
        "rank_first": first,
        "rank_last": last,
        "problem": cell.problem,
        "paper": row.paper,
        "seconds": row.seconds,
        "timing": row.timing,
        "device": row.device,
        "timed": "; ".join(map(_timed, row.timings)),
        "licence": row.licence,
        "training_data": row.training_data,
        "notes": "; ".join(row.notes),
        "command": "; ".join(row.commands),
        "signature": " ".join(cell.signatures),
    }


def _timed(timing: Timing) -> str:
    width, height = timing.size
    memory = "" if timing.memory_bytes is None else f", {timing.memory_bytes} bytes"
    how = f"{timing.scenario}, {width}x{height}, batch {timing.batch}, {timing.dtype}, {timing.device}"
    return f"{timing.seconds} s{memory} ({how})"


def _beside(beside: Beside | None) -> dict[str, Any]:
    if beside is None:
        return {}
    verdict = beside.verdict
    return {
        "paper": beside.paper,
        "paper_table": beside.tables,
        "published_as": beside.metric,
        "published": beside.value,
        "flag": beside.flag,
        "difference": verdict.difference if verdict else None,
        "verdict": str(verdict) if verdict else "",
        "reason": verdict.reason if verdict else "",
        "remark": beside.remark,
    }

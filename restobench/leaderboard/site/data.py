"""What the pages' scripts are given: plain values, as JSON. Scripts never read text of strangers as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from restobench.leaderboard.board import Cell, Column, Row, Table
from restobench.leaderboard.escaping import plain
from restobench.leaderboard.site.names import file_name, keys
from restobench.leaderboard.site.pictures import Album
from restobench.leaderboard.site.samples import Gallery
from restobench.leaderboard.site.sweeps import Sweep
from restobench.metrics.registry import all_metrics

_SPARE_DIGITS = 2
"""Behind those that are shown: differences of samples are small."""

_EDGE, _EXACT = 1e-4, 1e10
"""How near to the middle between two roundings, and how large, a number of last digits is left to Python."""


def column_keys(columns: Sequence[Column]) -> list[str]:
    """What columns are called in links; of a table over several data sets with the set's name."""
    alone = len({column.pictures for column in columns}) == 1
    return keys(column.name if alone else f"{column.name}@{column.dataset}" for column in columns)


def row_keys(table: Table) -> list[str]:
    """What rows are called in links."""
    return keys(row.name for row in table.rows)


def kinds() -> dict[str, str]:
    """By metric: `distortion` where a formula compares with the clean picture, `perception` where a network or a model
    of clean pictures judges; neither where the input is what it compares with.
    """
    judges = {None: "perception", "input": "", "clean": "distortion"}
    return {
        metric.name: "perception" if metric.card.weights else judges[metric.card.reference] for metric in all_metrics()
    }


def table_data(table: Table, sweeps: Sequence[tuple[str, Sweep]]) -> dict[str, Any]:
    """A table's numbers for its plots.

    Args:
        table: The table.
        sweeps: With the title of the data set that they are on.
    """
    kind = kinds()
    columns = [
        {
            "key": key,
            "name": plain(f"{column.heading}: {column.name}" if column.heading else column.name),
            "better": column.better,
            "decimals": column.decimals,
            "kind": kind.get(column.metric, ""),
            "set": f"{column.dataset}@{column.revision}",
        }
        for key, column in zip(column_keys(table.columns), table.columns, strict=True)
    ]
    rows = [
        {
            "key": key,
            "name": plain(row.name),
            "printed": bool(row.paper),
            "cells": [_point(row, cell) for cell in row.cells],
        }
        for key, row in zip(row_keys(table), table.rows, strict=True)
    ]
    return {"columns": columns, "rows": rows, "speeds": _speeds(table), "sweeps": _sweeps(table, sweeps)}


def _point(row: Row, cell: Cell) -> list[float | None] | None:
    """Value, and the two ends of its interval; None where there is no number."""
    if row.paper:
        printed = [value for beside in cell.published if (value := _number(beside.value)) is not None]
        return [printed[0], None, None] if printed else None
    if cell.mean is None or not math.isfinite(cell.mean):
        return None
    return [cell.mean, cell.low, cell.high]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _speeds(table: Table) -> list[dict[str, Any]]:
    """Seconds of a picture by how they were measured: what was measured otherwise has an axis of its own."""
    found: dict[str, list[float | None]] = {}
    for place, row in enumerate(table.rows):
        for timing in row.timings:
            width, height = timing.size
            how = f"{timing.scenario}, {width} x {height}, batch {timing.batch}, {timing.dtype}, {timing.device}"
            found.setdefault(plain(how), [None] * len(table.rows))[place] = timing.seconds
        if row.seconds is not None:
            how = f"in the runs, {row.timing}" + (f", {row.device}" if row.device else "")
            found.setdefault(plain(how), [None] * len(table.rows))[place] = row.seconds
    named = zip(keys(found), found.items(), strict=True)
    return [{"key": key, "name": name, "seconds": seconds} for key, (name, seconds) in named]


def _sweeps(table: Table, sweeps: Sequence[tuple[str, Sweep]]) -> list[dict[str, Any]]:
    places = {row.method: place for place, row in enumerate(table.rows) if not row.paper}
    found = []
    for title, sweep in sweeps:
        if all(row in places for row in sweep.rows):
            found.append(
                {
                    "method": plain(sweep.method),
                    "knob": plain(sweep.knob),
                    "set": plain(title),
                    "labels": [plain(position.strip('"')) for position in sweep.positions],
                    "positions": sweep.numbers or list(range(len(sweep.positions))),
                    "rows": [places[row] for row in sweep.rows],
                }
            )
    return found


def gallery_data(gallery: Gallery, album: Album) -> dict[str, Any]:
    """A set's samples with every method's values. Infinity is one: this goes into a script, not into JSON."""
    columns = [
        {"key": key, "name": plain(column.name), "better": column.better, "decimals": column.decimals}
        for key, column in zip(column_keys(gallery.columns), gallery.columns, strict=True)
    ]
    there = [
        {side.key for side in album.samples[number].sides} if number in album.samples else set()
        for number in range(len(gallery.ids))
    ]
    series = [
        {
            "key": one.key,
            "name": plain(one.name),
            "folder": one.folder,
            "values": [
                _rounded(values, column.decimals + _SPARE_DIGITS)
                for column, values in zip(gallery.columns, one.values, strict=True)
            ],
            "without": [number for number, sides in enumerate(there) if one.key not in sides],
        }
        for one in gallery.series
    ]
    return {
        "ids": [plain(one) for one in gallery.ids],
        "pages": [file_name(one) if number in album.samples else None for number, one in enumerate(gallery.ids)],
        "tags": {plain(tag): list(map(plain, values)) for tag, values in gallery.tags.items()},
        "columns": columns,
        "series": series,
    }


def _rounded(values: Sequence[float | None], digits: int) -> list[float | None]:
    """As `round` rounds each, but for millions: NumPy does what does not lie at the edge of two roundings."""
    array = np.array(values, dtype=float)
    with np.errstate(invalid="ignore"):
        scaled = array * 10.0**digits
        at_the_edge = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < _EDGE
        fast = np.abs(scaled) < _EXACT
    found: list[float | None] = (np.rint(scaled) / 10.0**digits).tolist()
    for place in np.flatnonzero(at_the_edge | ~fast).tolist():
        value = values[place]
        found[place] = value if value is None or math.isinf(value) else round(value, digits)
    return found

"""Published numbers beside a row's own, each with its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from restobench.leaderboard import making
from restobench.leaderboard.board import Beside, Column
from restobench.leaderboard.published import Published, PublishedCell
from restobench.leaderboard.shown import Shown
from restobench.leaderboard.verdict import Measured, judge
from restobench.results import TableRow


def published_of(shown: Shown, column: Column, published: Published) -> list[PublishedCell]:
    """What papers print for this cell."""
    if shown.printed:
        cells: Iterable[PublishedCell] = shown.printed
    elif shown.rows:
        record = shown.rows[0].records[0]
        names = making.method_names(record)
        cells = [cell for name in sorted(names) for cell in published.of(name, column.dataset)]
        if record.run["variant"] == "folder":
            # Pictures that somebody brought are a published method's where they bear its name.
            label = record.run["label"].lower()
            cells = [cell for cell in published.cells if cell.method.lower() == label and cell.config == "default"]
    else:
        cells = ()
    return [cell for cell in cells if cell.dataset == column.dataset and column.metric in cell.means]


def besides_of(
    cells: Sequence[PublishedCell],
    column: Column,
    measured: tuple[TableRow, dict[str, Any]] | None,
    published: Published,
) -> tuple[Beside, ...]:
    """One for each number of a paper, wherever in it it stands."""
    tables: dict[tuple[str, str, str], list[PublishedCell]] = {}
    for cell in cells:
        tables.setdefault((cell.paper, cell.metric, cell.value), []).append(cell)
    found = []
    for same in tables.values():
        cell = min(same, key=lambda one: one.flag != "ok")
        which = f"the paper does not say which of {', '.join(cell.means)}" if len(cell.means) > 1 else ""
        guess = f"revision {cell.revision}" if cell.revision.endswith("?") else ""
        verdict = judge(
            cell,
            column.metric,
            _measured(cell, *measured) if measured else None,
            copied_from=published.copied_from(cell),
            command=making.command_to_measure(published.our_name(cell), cell.dataset, column.metric),
        )
        found.append(
            Beside(
                paper=cell.paper,
                tables=", ".join(dict.fromkeys(one.table for one in same)),
                metric=cell.metric,
                value=cell.value,
                flag=cell.flag,
                verdict=verdict,
                remark="; ".join(filter(None, (which, guess))),
            )
        )
    return tuple(found)


def _measured(cell: PublishedCell, row: TableRow, found: dict[str, Any]) -> Measured:
    """Ours beside one published number, with what is known to differ."""
    record = row.records[0]
    made = record.run["determinants"]
    revision = record.run["dataset"]["revision"]
    stated = "" if cell.revision.endswith("?") else cell.revision
    differing = [
        f"{name} is {value} here and {usual} in the published configuration"
        for name, (value, usual) in making.changed_settings(record).items()
    ]
    if stated and stated != revision:
        differing.insert(0, f"the paper's data set is revision {stated}, here {revision}")
    tile = made.get("settings", {}).get("tile")
    if cell.tile and tile is not None and str(tile) != cell.tile:
        differing.append(f"tiles of {cell.tile} in the paper, of {tile} here")
    if made.get("lossy"):
        differing.append("the restored pictures were saved with loss")
    width = None if found["low"] is None else (found["high"] - found["low"]) / 2
    return Measured(
        mean=found["mean"],
        seeds=len(row.records),
        seed_std=found["seed_std"],
        # What was brought may have been drawn; what draws no noise has no seed.
        stochastic=made.get("seed", 0) is not None,
        missing=found["missing"],
        half_interval=width,
        same_pictures=bool(stated) and stated == revision,
        differing=tuple(differing),
    )

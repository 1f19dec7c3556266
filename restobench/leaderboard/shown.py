"""What becomes a row of a table, and which of its runs has a column's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from restobench.leaderboard.board import Column
from restobench.leaderboard.choosing import pictures_of_record
from restobench.leaderboard.published import PublishedCell
from restobench.metric_card import MetricCard
from restobench.results import TableRow
from restobench.signature import Signature

_DECIMALS = 3
"""Of a metric that nobody has a card of."""


@dataclass(frozen=True)
class Shown:
    """What becomes a row: the rows of one method, one a data set, or the cells that a paper prints."""

    name: str
    method: str
    rows: list[TableRow]
    printed: Sequence[PublishedCell] = ()


def definition_of(cell: dict[str, Any]) -> tuple[str, ...]:
    """What a number is: the metric with every option and library version."""
    return Signature.parse(cell["signature"]).metric


def column_of(
    dataset: dict[str, Any], metric: str, definition: tuple[str, ...], cards: dict[str, MetricCard], name: str
) -> Column:
    """A column of the metric, called `name`, as the metric's card describes it."""
    card = cards.get(metric)
    return Column(
        dataset=dataset["name"],
        revision=dataset["revision"],
        fingerprint=dataset["fingerprint"][:12],
        metric=metric,
        definition=definition,
        name=name,
        heading="",
        better=card.better if card else "",
        decimals=card.decimals if card else _DECIMALS,
    )


def pictures_of(row: TableRow) -> tuple[str, str, str]:
    """What the row's runs restored, as columns have it."""
    return pictures_of_record(row.records[0])


def row_in(shown: Shown, column: Column) -> TableRow | None:
    """The row's runs that have this column's number; else those on its pictures at all."""
    there = [row for row in shown.rows if pictures_of(row) == column.pictures]
    return next((row for row in there if summary_in(row, column)), there[0] if there else None)


def summary_in(row: TableRow, column: Column) -> dict[str, Any] | None:
    """The row's number where it was computed as the column says."""
    found = row.cells.get(column.metric)
    return found if found and definition_of(found) == column.definition else None

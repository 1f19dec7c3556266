"""What a leaderboard is: tables of rows, columns and cells, with all that is known of each number.

Values only. Who makes it is `assemble`; `markdown`, `latex` and `spreadsheet` each turn it
into text, and whatever else shows a leaderboard needs nothing but this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from restobench.leaderboard.verdict import Verdict

Mark = Literal["", "best", "second"]


@dataclass(frozen=True)
class Column:
    """Numbers of one definition on one set of pictures."""

    dataset: str
    revision: str
    fingerprint: str
    """Of the pictures: its first 12 digits."""
    metric: str
    definition: tuple[str, ...]
    """The metric with every option and library version, as in signatures; empty where nothing was measured."""
    name: str
    """What it is headed with."""
    heading: str
    """What stands above its name, over all neighbours with the same; empty: nothing."""
    better: Literal["higher", "lower", ""]
    """Empty where nobody knows the metric any more."""
    decimals: int
    smallest_visible: float | None = None
    """The difference that the two best rows' samples would show with 80 % probability, in the metric's unit."""

    @property
    def pictures(self) -> tuple[str, str, str]:
        """Which set of pictures the numbers are of."""
        return self.dataset, self.revision, self.fingerprint


@dataclass(frozen=True)
class Beside:
    """A published number, and what is to be said of it beside ours."""

    paper: str
    tables: str
    """Where in the paper, with commas."""
    metric: str
    """As printed."""
    value: str
    """As printed."""
    flag: str
    verdict: Verdict | None
    """None for what is no score."""
    remark: str = ""
    """What the paper leaves open."""


@dataclass(frozen=True)
class Cell:
    """A row's number in a column, or why there is none."""

    mean: float | None = None
    """Over samples, of several seeds too; None where there is no number, or it is only printed."""
    low: float | None = None
    """Of the 95 % interval over groups of pictures."""
    high: float | None = None
    seed_std: float | None = None
    """Standard deviation of the seeds' means; None for one seed."""
    count: int = 0
    missing: int = 0
    infinite: int = 0
    identical: int = 0
    """Pairs that the metric takes for one picture: counted, and in no mean."""
    ranks: tuple[int, int] | None = None
    """The first and last rank that the row may have; None where it is not ranked."""
    mark: Mark = ""
    """Only where the samples tell the row apart from the others."""
    signatures: tuple[str, ...] = ()
    """One a seed."""
    problem: str = ""
    """Why there is no value, or not of every sample."""
    published: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class Timing:
    """What a method took by the timing protocol; never compared across scenarios, sizes or devices."""

    method: str
    """As runs are called."""
    scenario: str
    size: tuple[int, int]
    """Width and height of the input, in pixels."""
    batch: int
    dtype: str
    device: str
    seconds: float
    """Of one picture, the median."""
    memory_bytes: int | None = None
    """At the peak; None where nobody could tell."""


@dataclass(frozen=True)
class Row:
    """A method, with all its seeds; or what a paper prints of one."""

    name: str
    """What it is shown as."""
    method: str
    """`label@variant` as runs are called; of a printed row the paper's name for it."""
    cells: tuple[Cell, ...]
    """One a column."""
    paper: str = ""
    """Of a row that is printed and not measured; empty: measured."""
    ours: str = ""
    """Of a printed row: what the method is called here; empty where we do not have it."""
    seeds: tuple[str, ...] = ()
    """What was drawn; empty for a printed row."""
    seconds: float | None = None
    """A picture, mean over all that were timed."""
    timing: str = ""
    """What the seconds are: `method`, `end-to-end` or `self-reported`."""
    device: str = ""
    timings: tuple[Timing, ...] = ()
    licence: str = ""
    training_data: str = ""
    commands: tuple[str, ...] = ()
    """What makes the row's numbers again."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows and columns under one title."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """On the data sets: licence, overlap with what methods were trained on."""
    mark: str = "†"
    """What marks a row that is printed and not measured."""

    def cells(self) -> Iterator[tuple[Row, Column, Cell]]:
        """Every cell with its row and column, row by row."""
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                yield row, column, cell


@dataclass(frozen=True)
class Leaderboard:
    """Every table, and which runs are in none of them."""

    tables: tuple[Table, ...]
    left_out: tuple[str, ...] = ()
    """A line a run: which, and why."""

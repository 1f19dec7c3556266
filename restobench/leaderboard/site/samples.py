"""The samples behind a leaderboard's numbers: what each method got on each, and where the pictures lie.

Reads what evaluation left in the runs' folders; decodes no picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from restobench.cache import Cache
from restobench.dataset import Sample, open_dataset
from restobench.errors import RestobenchError
from restobench.leaderboard.board import Column, Leaderboard
from restobench.leaderboard.choosing import pictures_of_record
from restobench.leaderboard.site.names import file_name, keys
from restobench.remote import is_url
from restobench.results import RunRecord
from restobench.signature import Signature
from restobench.store import TAG

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Series:
    """One method on one set of pictures."""

    key: str
    """What it is called in links."""
    name: str
    """What its rows are shown as."""
    record: RunRecord
    """Whose pictures are shown: the first seed's."""
    seeds: int
    """How many runs its values are the means of."""
    values: tuple[tuple[float | None, ...], ...]
    """By column, by sample: the mean over seeds. A column of a whole set has none."""

    @property
    def folder(self) -> str:
        """What the folder of its pictures is called."""
        return file_name(self.record.method)

    @cached_property
    def restored(self) -> frozenset[str]:
        """The ids of the samples whose pictures are there."""
        return frozenset(self.record.folder.restored_ids())

    @property
    def seed(self) -> int | None:
        """Of the pictures that are shown; None: nothing was drawn."""
        seed: int | None = self.record.run["determinants"].get("seed")
        return seed


class Source(NamedTuple):
    """A picture of a sample, where it lies."""

    key: str
    """What it is called in links: `lq`, `gt`, or a method's key."""
    name: str
    folder: str
    """What the folder of such pictures is called."""
    path: Path


@dataclass(frozen=True)
class Gallery:
    """One set of pictures with all that was made of it."""

    dataset: str
    revision: str
    fingerprint: str
    columns: tuple[Column, ...]
    """Only those with a value for each sample."""
    ids: tuple[str, ...]
    tags: dict[str, tuple[str, ...]]
    """By tag, by sample; empty where a sample has none."""
    series: tuple[Series, ...]
    sources: dict[str, Sample]
    """By id; empty where the data set is not on this machine as it was."""

    @property
    def title(self) -> str:
        """`name@revision`."""
        return f"{self.dataset}@{self.revision}"

    @property
    def pictures(self) -> tuple[str, str, str]:
        """Which set of pictures it is, as columns have it."""
        return self.dataset, self.revision, self.fingerprint

    @property
    def folder(self) -> str:
        """What its folder is called."""
        return file_name(f"{self.title} {self.fingerprint}")

    def sides(self, sample_id: str) -> Iterator[Source]:
        """What there is to see of a sample: the input, what each method made, the clean picture."""
        if PurePosixPath(sample_id).is_absolute() or ".." in PurePosixPath(sample_id).parts:
            return  # a run that was brought from elsewhere may call a sample whatever it likes
        source = self.sources.get(sample_id)
        if source and source.lq:
            yield Source("lq", "input picture", "lq", source.lq)
        for series in self.series:
            if sample_id in series.restored and (path := series.record.folder.picture(sample_id)).is_file():
                yield Source(series.key, series.name, series.folder, path)
        if source and source.gt:
            yield Source("gt", "clean picture", "gt", source.gt)

    def of_interest(self) -> list[int]:
        """All samples by number: in turn each column's worst and best, so that the middle comes last."""
        orders: list[list[int]] = []
        for column, metric in enumerate(self.columns):
            means = [_mean([series.values[column][one] for series in self.series]) for one in range(len(self.ids))]
            known = [(mean, number) for number, mean in enumerate(means) if mean is not None]
            rising = [number for _, number in sorted(known)]
            orders += [rising, rising[::-1]] if metric.better == "higher" else [rising[::-1], rising]
        places = range(len(self.ids))
        turns = (order[place] for place in places for order in orders if place < len(order))
        return list(dict.fromkeys([*turns, *places]))


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def galleries(board: Leaderboard, records: Sequence[RunRecord]) -> list[Gallery]:
    """Every set of pictures that a leaderboard's tables are about.

    Args:
        board: The tables.
        records: The runs that stand in them.
    """
    names: dict[tuple[str, str, str], dict[str, str]] = {}
    columns: dict[tuple[str, str, str], list[Column]] = {}
    for table in board.tables:
        for row, column, cell in table.cells():
            if not row.paper and cell.signatures:
                names.setdefault(column.pictures, {}).setdefault(row.method, row.name)
                if column not in columns.setdefault(column.pictures, []):
                    columns[column.pictures].append(column)
    found = []
    for pictures, shown in names.items():
        there = [record for record in records if pictures_of_record(record) == pictures and record.method in shown]
        found.append(_gallery(pictures, columns[pictures], shown, there))
    return found


def _gallery(
    pictures: tuple[str, str, str], columns: Sequence[Column], shown: dict[str, str], records: Sequence[RunRecord]
) -> Gallery:
    import pandas as pd

    tables = {record.folder.path: record.samples() for record in records if record.folder.samples_path.exists()}
    ids = sorted({str(one) for table in tables.values() for one in table.index})
    index = pd.Index(ids, dtype=object)
    tables = {path: table.reindex(index) for path, table in tables.items()}
    kept = [
        column
        for column in columns
        if any(_computed(record, column) and column.metric in tables.get(record.folder.path, ()) for record in records)
    ]
    first = next(iter(tables.values()), None)
    tags = {} if first is None else _tags(first)
    series = []
    _, _, *named = keys(["lq", "gt", *shown.values()])  # the two that no method may be called
    for key, (method, name) in zip(named, shown.items(), strict=True):
        own = [record for record in records if record.method == method]
        values = tuple(_values(column, own, tables, len(ids)) for column in kept)
        series.append(Series(key, name, own[0], len(own), values))
    return Gallery(*pictures, tuple(kept), tuple(ids), tags, tuple(series), _sources(records[0]))


def _computed(record: RunRecord, column: Column) -> bool:
    """Whether the run has the column's number, computed as the column says."""
    return any(
        row["metric"] == column.metric and Signature.parse(row["signature"]).metric == column.definition
        for row in record.summary
    )


def _tags(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    return {
        str(name).removeprefix(TAG): tuple(
            "" if value != value or value is None else str(value) for value in table[name]
        )
        for name in table.columns
        if str(name).startswith(TAG)
    }


def _values(
    column: Column, records: Sequence[RunRecord], tables: dict[Path, pd.DataFrame], count: int
) -> tuple[float | None, ...]:
    """A sample's value is its mean over seeds; None where a seed has none."""
    import pandas as pd

    seeds = [
        table[column.metric].astype(float)
        for record in records
        if _computed(record, column) and column.metric in (table := tables.get(record.folder.path, pd.DataFrame()))
    ]
    if not seeds:
        return (None,) * count
    mean = seeds[0] if len(seeds) == 1 else pd.concat(seeds, axis=1).mean(axis=1, skipna=False)
    return tuple(None if value != value else value for value in mean.tolist())


def _sources(record: RunRecord) -> dict[str, Sample]:
    """The data set's own pictures, where they are on this machine and still the same. Never asks the net."""
    wanted = record.run["dataset"]
    reference = str(wanted.get("reference") or wanted["name"])
    if is_url(reference):
        return {}
    try:
        dataset = open_dataset(reference, scale=wanted.get("scale"))
        same = dataset.fingerprint(Cache()) == wanted["fingerprint"]
    except RestobenchError:
        return {}
    return {sample.id: sample for sample in dataset.samples} if same else {}

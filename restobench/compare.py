"""Two runs on the same pictures, beside each other sample by sample.

Reads what evaluation left in the runs' folders and computes no metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from restobench.errors import RestobenchError, unknown_name
from restobench.paired import Difference, mean_over_seeds, paired_difference
from restobench.results import RunRecord, all_runs, find_run, newest, readable_runs
from restobench.signature import Signature
from restobench.store import run_folders

if TYPE_CHECKING:
    from numpy.typing import NDArray


_OF_A_SET = "it is one number for the whole set, without samples to pair; compare with --swaps 199"


class Moved(NamedTuple):
    """A sample with its two values."""

    id: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """`second - first`."""
        return self.second - self.first


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of both runs, over the samples that both have."""

    metric: str
    first: float | None
    """The first's mean over these samples."""
    second: float | None
    difference: Difference
    moved: tuple[Moved, ...]
    """The samples with the largest differences, the largest first."""


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two runs."""

    first: tuple[RunRecord, ...]
    """The run; of a stochastic method every seed."""
    second: tuple[RunRecord, ...]
    metrics: tuple[ComparedMetric, ...]
    left_out: dict[str, str]
    """By metric: why it is not compared."""
    of_sets: tuple[str, ...] = ()
    """Those left out because they are one number for the whole set: for `swapping`."""

    def refuse_nothing(self) -> None:
        """Raise RestobenchError where no metric was compared."""
        if not self.metrics:
            reasons = " ".join(f"{name}: {reason}." for name, reason in self.left_out.items())
            raise RestobenchError(f"The two runs have no metric that can be compared. {reasons}".rstrip())


def compare(
    runs: Path, first: str, second: str, *, metrics: Sequence[str] | None = None, most_moved: int = 3
) -> Comparison:
    """Compare two runs, `second - first`.

    Args:
        runs: Where runs are looked up by name.
        first: As `find_run` takes it. A name stands for all seeds, which are averaged sample
            by sample first; a folder stands for itself.
        second: As `first`.
        metrics: Which of the metrics that both have; None: all.
        most_moved: How many of the samples that moved most are told.

    Raises:
        RestobenchError: A run is not found, was not scored, or is of other pictures than the
            other; or one has no metric of that name.
    """
    return _compared(_seeds_of(runs, first), _seeds_of(runs, second), metrics, most_moved)


def _compared(
    first: tuple[RunRecord, ...], second: tuple[RunRecord, ...], metrics: Sequence[str] | None, most_moved: int
) -> Comparison:
    sides = first, second
    _refuse_other_pictures(sides[0][0], sides[1][0])
    scored = [_signatures(side) for side in sides]
    both = [name for name in scored[0] if name in scored[1]]
    for name in metrics or ():
        if name not in both:
            raise unknown_name("metric of both runs", name, both, "Score the run that lacks it: 'restobench evaluate'.")
    samples = [_samples(side) for side in sides]
    left_out: dict[str, str] = {}
    compared = []
    for name in metrics or both:
        if reason := _why_not(name, scored, samples):
            left_out[name] = reason
        else:
            compared.append(_compare(name, samples, most_moved))
    of_sets = tuple(name for name, reason in left_out.items() if reason == _OF_A_SET)
    return Comparison(*sides, tuple(compared), left_out, of_sets)


class Visible(NamedTuple):
    """How small a mean difference a data set's samples show, with 80 % probability."""

    smallest: float
    """Between the two methods whose differences vary least from sample to sample."""
    largest: float
    pairs: int
    """Of methods that were run here."""


def visible_differences(runs: Path, dataset: str, revision: str) -> dict[str, Visible]:
    """By metric, what the samples of a data set can show, from every two methods that were run on it here.

    Empty where there are not two: it depends on the methods as much as on the data set.
    """
    wanted = (dataset, revision)
    there = newest([one for one in readable_runs(run_folders(runs)) if one.complete and one.summary])
    records = [one for one in there if (one.dataset, one.run["dataset"]["revision"]) == wanted]
    found: dict[str, list[float]] = {}
    for first, second in combinations({record.name: record for record in records}.values(), 2):
        if first.run["dataset"]["fingerprint"] != second.run["dataset"]["fingerprint"]:
            continue
        with suppress(RestobenchError):  # runs whose metrics were worked out in two ways, or not at all
            for compared in _compared((first,), (second,), None, most_moved=0).metrics:
                if compared.difference.smallest_visible:
                    found.setdefault(compared.metric, []).append(compared.difference.smallest_visible)
    return {metric: Visible(min(values), max(values), len(values)) for metric, values in found.items()}


def _seeds_of(runs: Path, name: str) -> tuple[RunRecord, ...]:
    """The run that is meant, with the runs that differ from it in the seed alone."""
    record = find_run(runs, name)
    if (Path(name) / "run.json").exists():
        return (record,)
    alike = [other for other in newest(all_runs(runs)) if _but_for_seed(other) == _but_for_seed(record)]
    return tuple(sorted(alike, key=_seed)) or (record,)


def _but_for_seed(record: RunRecord) -> tuple[object, ...]:
    made = {key: value for key, value in record.run["determinants"].items() if key != "seed"}
    # The end of the folder's name is the hash of the method's sources.
    sources = record.folder.path.name.rpartition("-")[2]
    return record.name, record.run["dataset"]["fingerprint"], made, sources, record.complete


def _seed(record: RunRecord) -> int:
    return record.run["determinants"].get("seed") or 0


def _refuse_other_pictures(first: RunRecord, second: RunRecord) -> None:
    one, other = first.run["dataset"], second.run["dataset"]
    if one["fingerprint"] == other["fingerprint"]:
        return
    if one["name"] != other["name"]:
        told = f"{first.name} is of the data set '{one['name']}' and {second.name} of '{other['name']}'"
    elif one["revision"] != other["revision"]:
        told = f"{first.name} is of '{one['name']}' in revision {one['revision']}, the other in {other['revision']}"
    else:
        told = (
            f"the pictures of '{one['name']}' changed between the runs (fingerprints {one['fingerprint'][:12]} and "
            f"{other['fingerprint'][:12]})"
        )
    raise RestobenchError(f"Only runs over the same pictures can be compared, and {told}.")


def _signatures(side: Sequence[RunRecord]) -> dict[str, set[tuple[str, ...]]]:
    """By metric that every seed has: how it was computed."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for row in side[0].summary:
        rows = [other for record in side for other in record.summary if other["metric"] == row["metric"]]
        if len(rows) == len(side):
            found[row["metric"]] = {Signature.parse(other["signature"]).metric for other in rows}
    return found


@dataclass(frozen=True)
class _Samples:
    ids: tuple[str, ...]
    groups: dict[str, str]
    values: dict[str, NDArray[np.float64]]
    """By metric, (seeds, samples)."""


def _samples(side: Sequence[RunRecord]) -> _Samples:
    import pandas as pd

    tables = []
    for record in side:
        if not record.folder.samples_path.exists():
            raise RestobenchError(
                f"{record.folder.path} was not scored yet; do it with 'restobench evaluate {record.folder.path}'."
            )
        tables.append(record.folder.read_samples().set_index("id"))
    ids = sorted(set.intersection(*(set(map(str, table.index)) for table in tables)))
    names = [name for name in tables[0].columns if all(name in table for table in tables)]
    values = {
        str(name): np.array([table[name].reindex(ids).to_numpy(dtype=float) for table in tables])
        for name in names
        if all(pd.api.types.is_numeric_dtype(table[name]) for table in tables)
    }
    return _Samples(tuple(ids), dict(zip(ids, tables[0]["group"].reindex(ids), strict=True)), values)


def _why_not(name: str, scored: Sequence[dict[str, set[tuple[str, ...]]]], samples: Sequence[_Samples]) -> str | None:
    ways = sorted(scored[0][name] | scored[1][name])
    if len(ways) > 1:
        apart = " and ".join(
            ":".join(part for part in way if part not in ways[1 - place]) or "none of these"
            for place, way in enumerate(ways[:2])
        )
        return f"it was computed in two ways ({apart}); score both runs again with 'restobench evaluate'"
    if not all(name in side.values for side in samples):
        return _OF_A_SET
    return None


class _Paired(NamedTuple):
    ids: list[str]
    one: NDArray[np.float64]
    other: NDArray[np.float64]
    both: NDArray[np.bool_]
    """Where both are finite."""

    @property
    def means(self) -> tuple[float, float] | None:
        """Of both where both are finite; None: nowhere."""
        return (float(self.one[self.both].mean()), float(self.other[self.both].mean())) if self.both.any() else None


def _paired(name: str, samples: Sequence[_Samples]) -> _Paired:
    """Both sides' values of a metric over the samples that both have, means over their seeds."""
    places = [{sample_id: place for place, sample_id in enumerate(side.ids)} for side in samples]
    ids = [sample_id for sample_id in places[0] if sample_id in places[1]]
    one, other = (
        mean_over_seeds(side.values[name][:, [where[sample_id] for sample_id in ids]])
        for side, where in zip(samples, places, strict=True)
    )
    return _Paired(ids, one, other, np.isfinite(one) & np.isfinite(other))


def means_on_common_samples(first: RunRecord, second: RunRecord) -> dict[str, tuple[float, float]]:
    """By metric, the means of two scored runs over the samples with a value in both: a part of a set has other means.

    Raises:
        RestobenchError: A run was not scored, or its table is damaged.
    """
    samples = [_samples((record,)) for record in (first, second)]
    metrics = [row["metric"] for row in first.summary]
    there = [name for name in metrics if all(name in side.values for side in samples)]
    return {name: means for name in there if (means := _paired(name, samples).means)}


def _compare(name: str, samples: Sequence[_Samples], most_moved: int) -> ComparedMetric:
    ids, one, other, both = paired = _paired(name, samples)
    means = paired.means
    moved = [Moved(*row) for row in zip(ids, one.tolist(), other.tolist(), strict=True)]
    moved = [row for row, there in zip(moved, both, strict=True) if there and row.difference != 0]
    moved.sort(key=lambda row: (-abs(row.difference), row.id))
    return ComparedMetric(
        name,
        means and means[0],
        means and means[1],
        paired_difference(one, other, [samples[0].groups[sample_id] for sample_id in ids]),
        tuple(moved[:most_moved]),
    )


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """A row a metric, as JSON takes it."""
    return [
        {
            "metric": row.metric,
            "first": row.first,
            "second": row.second,
            "difference": row.difference.mean,
            "low": row.difference.low,
            "high": row.difference.high,
            "p": row.difference.p,
            "count": row.difference.count,
            "groups": row.difference.groups,
            "smallest_visible": row.difference.smallest_visible,
            "moved": [{**moved._asdict(), "difference": moved.difference} for moved in row.moved],
        }
        for row in comparison.metrics
    ]

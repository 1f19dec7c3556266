"""Two runs by a number of the whole set, as FID: larger a difference than chance makes?

Such a number has no samples to pair, and resampling pictures with replacement inflates it. But
where both methods restored the same inputs and do equally well, a picture might as well bear the
other method's name: names are swapped at random, picture by picture, and the observed difference is
held against what comes of that. Uses the features that evaluation kept, and sees no picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from restobench.compare import ComparedMetric, Comparison
from restobench.dataset import open_dataset
from restobench.errors import RestobenchError
from restobench.metrics.registry import Metric, SetValue, choose_metrics
from restobench.paired import Difference

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from restobench.cache import Cache
    from restobench.results import RunRecord

    Features = NDArray[np.float32]


class Swapped(NamedTuple):
    """What came of swapping names."""

    first: float
    second: float
    p: float
    """Two-sided: (1 + swaps with at least the observed difference) / (1 + swaps)."""


def swap_names(
    first: Features,
    second: Features,
    groups: Sequence[str],
    number: Callable[[Features], float],
    *,
    swaps: int,
    seed: int = 0,
) -> Swapped:
    """Compare two methods by a set's number.

    Args:
        first: Features of the first method's pictures, (n, D).
        second: Of the second's, of the same inputs in the same order.
        groups: The group of each; pictures of one group are swapped together.
        number: A set's number from its features.
        swaps: How often names are swapped at random; each costs two numbers.
        seed: Of the draws.
    """
    names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    group = np.array([names[name] for name in groups])
    values = number(first), number(second)
    # Sums of the same numbers in another order differ in the last digits; they are ties.
    observed = abs(values[1] - values[0]) * (1 - 1e-9)
    generator = np.random.default_rng(seed)
    hits = 0
    for _ in range(swaps):
        swapped = generator.integers(2, size=len(names), dtype=bool)[group, None]
        one, other = np.where(swapped, second, first), np.where(swapped, first, second)
        hits += abs(number(other) - number(one)) >= observed
    return Swapped(*values, (1 + hits) / (1 + swaps))


def compare_sets(comparison: Comparison, names: Sequence[str], cache: Cache, *, swaps: int) -> Comparison:
    """The comparison with these set-level metrics, which it left out; a metric that cannot be compared says why."""
    compared, left_out = list(comparison.metrics), dict(comparison.left_out)
    for name in names:
        try:
            compared.append(_compare_set(comparison, name, cache, swaps))
        except RestobenchError as error:
            left_out[name] = str(error).rstrip(".")
        else:
            del left_out[name]
    return replace(comparison, metrics=tuple(compared), left_out=left_out)


def _compare_set(comparison: Comparison, name: str, cache: Cache, swaps: int) -> ComparedMetric:
    if len(comparison.first) > 1 or len(comparison.second) > 1:
        raise RestobenchError("names are swapped between two runs, not between several seeds; name the runs' folders")
    first, second = comparison.first[0], comparison.second[0]
    (metric,) = choose_metrics([name])
    metric = metric.identified(cache)
    dataset = open_dataset(first.run["dataset"]["reference"])
    there = first.folder.restored_ids() & second.folder.restored_ids()
    samples = [sample for sample in dataset.samples if sample.id in there]
    one, other = (
        _vectors(metric, cache, [record.folder.picture(sample.id) for sample in samples], "restored pictures", record)
        for record in (first, second)
    )
    others: list[Any] = [None]
    if metric.card.reference:
        clean = [sample.gt for sample in samples if sample.gt]
        others = [_tensor(_vectors(metric, cache, clean, "clean pictures", first))]
    function = metric.load()

    def number(features: Features) -> float:
        value: SetValue = function.compare(_tensor(features), *others)
        return value.value

    found = swap_names(one, other, [sample.group for sample in samples], number, swaps=swaps)
    difference = Difference(
        mean=found.second - found.first,
        low=None,
        high=None,
        p=found.p,
        count=len(samples),
        groups=len({sample.group for sample in samples}),
        smallest_visible=None,
    )
    return ComparedMetric(name, found.first, found.second, difference, ())


def _vectors(metric: Metric, cache: Cache, paths: Sequence[Path], what: str, record: RunRecord) -> Features:
    hashes = cache.hashes(paths)
    kept = cache.features(metric.features_kind, hashes.values())
    if lost := sum(hashes[path] not in kept for path in paths):
        raise RestobenchError(
            f"the features of {lost} of {len(paths)} {what} are not kept here; "
            f"restobench evaluate {record.name} --metrics {metric.name}"
        )
    return np.stack([kept[hashes[path]] for path in paths])


def _tensor(features: Features) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(features))

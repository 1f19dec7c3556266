"""Means of per-sample values, and how sure they are.

A percentile bootstrap over groups: samples that share a photograph are not independent, so
whole groups are drawn. Works on arrays of numbers and knows neither pictures nor metrics;
never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

RESAMPLES = 9999
LEVEL = 0.95
# Drawn group numbers held at once: 32 MB.
_DRAWS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Interval:
    """A mean over samples with its 95 % interval, and what is not in it."""

    mean: float | None
    """Over the finite values; None where there is none."""
    low: float | None
    """None where fewer than two groups have a finite value: their spread is unknown."""
    high: float | None
    count: int
    """Finite values."""
    missing: int
    """Samples without a value (NaN)."""
    infinite: int
    """Samples whose value is infinite: counted, and in no mean."""
    identical: int = 0
    """Samples that the metric takes for the clean picture itself, for those that do: counted, and in no mean."""


def mean_interval(values: ArrayLike, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of one metric: `values` is (samples,). Otherwise as `mean_intervals`."""
    return mean_intervals(np.asarray(values, dtype=float)[:, None], groups, resamples=resamples, seed=seed)[0]


def mean_intervals(
    table: ArrayLike, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """The mean of each metric with its 95 % percentile bootstrap interval.

    Groups are drawn with replacement, as many as there are; the mean of a draw is over the
    samples of its groups. A metric's interval depends on its own values, their groups and
    the seed: not on the order of the samples nor (beyond the last bit) on other metrics.

    Args:
        table: (samples, metrics); NaN where a sample has no value.
        groups: The group of each sample; its own id where it is independent.
        resamples: How often to draw.
        seed: Of the draws.
    """
    array = np.asarray(table, dtype=float)
    samples, metrics = array.shape
    assert len(groups) == samples
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    group = np.array([names[name] for name in groups], dtype=np.intp)

    centre = [_mean(column[np.isfinite(column)]) for column in array.T]
    totals, counts = _group_sums(array, group, len(names), centre)
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * metrics
    for columns in _columns_by_groups_present(counts):
        present = counts[:, columns[0]] > 0
        if present.sum() < 2:
            continue
        means = _resampled_means(totals[present][:, columns], counts[present][:, columns], resamples, seed)
        tail = 100 * (1 - LEVEL) / 2
        ends = np.percentile(means, [tail, 100 - tail], axis=0)
        for column, low, high in zip(columns, *ends.tolist(), strict=True):
            bounds[column] = (centre[column] + low, centre[column] + high)

    return [
        Interval(
            mean=None if math.isnan(middle) else middle,
            low=low,
            high=high,
            count=int(np.isfinite(column).sum()),
            missing=int(np.isnan(column).sum()),
            infinite=int(np.isinf(column).sum()),
        )
        for column, middle, (low, high) in zip(array.T, centre, bounds, strict=True)
    ]


def _mean(values: Array) -> float:
    """Rounded once, so that the order of the values cannot show."""
    return math.fsum(values) / values.size if values.size else math.nan


def _group_sums(array: Array, group: NDArray[np.intp], groups: int, centre: Sequence[float]) -> tuple[Array, Array]:
    """(groups, metrics) twice: the sums of the finite values less their mean, and how many they are.

    Taking the mean off first keeps equal values equal: their interval has no width at all.
    """
    totals = np.zeros((groups, array.shape[1]))
    counts = np.zeros_like(totals)
    for column, middle in enumerate(centre):
        values = array[:, column]
        # In order of size, so that the order of the samples cannot show in the last bit.
        order = np.argsort(values, kind="stable")
        order = order[np.isfinite(values[order])]
        totals[:, column] = np.bincount(group[order], weights=values[order] - middle, minlength=groups)
        counts[:, column] = np.bincount(group[order], minlength=groups)
    return totals, counts


def _columns_by_groups_present(counts: Array) -> list[list[int]]:
    """Metrics that have values in the same groups; they share their draws."""
    alike: dict[bytes, list[int]] = {}
    for column in range(counts.shape[1]):
        alike.setdefault((counts[:, column] > 0).tobytes(), []).append(column)
    return list(alike.values())


def _resampled_means(totals: Array, counts: Array, resamples: int, seed: int) -> Array:
    """(groups, metrics) twice -> (resamples, metrics): the mean of every draw.

    How often each group is drawn is multinomial; one matrix product turns these weights
    into the sums of every metric at once.
    """
    groups, metrics = totals.shape
    generator = np.random.default_rng(seed)
    both = np.concatenate([totals, counts], axis=1)
    means = np.empty((resamples, metrics))
    rows = max(1, _DRAWS_AT_ONCE // groups)
    for start in range(0, resamples, rows):
        part = means[start : start + rows]
        drawn = generator.integers(groups, size=(len(part), groups))
        drawn += np.arange(len(part))[:, None] * groups
        weights = np.bincount(drawn.ravel(), minlength=part.shape[0] * groups).reshape(-1, groups)
        sums = weights.astype(float) @ both
        part[:] = sums[:, :metrics] / sums[:, metrics:]
    return means

"""Differences between methods on the same samples: how large, how sure, how many at once.

Everything is about differences sample by sample, so that what is hard for every method drops
out. Where a difference is due to chance, its sign is too: each group's difference is given a
sign at random, and the observed mean is held against what comes of that. Samples that share
a photograph are one group and change sign together. Works on arrays of numbers and knows
neither pictures nor metrics; pure NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

from restobench.statistics import LEVEL, RESAMPLES, mean_interval
from restobench.stepdown import ROUNDING, Family, random_signs, subtract

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

Better = Literal["higher", "lower"]
"""Which way a metric is better, as its card says."""

POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """The mean of `second - first` over the samples that both have."""

    mean: float | None
    """None where no sample has a finite value in both."""
    low: float | None
    """Of the 95 % interval; None where fewer than two groups have a difference."""
    high: float | None
    p: float | None
    """Two-sided, by sign flips of groups; None where fewer than two groups have a difference."""
    count: int
    """Samples with a finite value in both."""
    groups: int
    """Groups that these samples fall into."""
    smallest_visible: float | None
    """The mean difference that such samples would show with 80 % probability."""


@dataclass(frozen=True)
class Ranking:
    """One column of a table: the same metric of every method on the same samples."""

    p: dict[tuple[int, int], float]
    """By pair of methods (i < j): adjusted for all pairs of the column, two-sided."""
    ranks: tuple[tuple[int, int], ...]
    """For each method the first and the last rank that it may have; 1 is the best."""


def mean_over_seeds(values: ArrayLike) -> Array:
    """(seeds, samples) -> (samples,): each sample's mean; NaN where a seed has none."""
    means: Array = np.asarray(values, dtype=float).mean(axis=0)
    return means


def paired_difference(
    first: ArrayLike, second: ArrayLike, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two methods on the same samples.

    The interval is a percentile bootstrap over groups. The p-value is the share of sign
    assignments whose mean is at least as far from 0 as the observed one: of all assignments
    where there are no more than `resamples` + 1, else (1 + hits) / (1 + resamples) of random ones.

    Args:
        first: (samples,), or (seeds, samples) of a stochastic method; NaN where there is no value.
        second: As `first`.
        groups: The group of each sample; its own id where it is independent.
        resamples: How often to draw.
        seed: Of the draws.
    """
    difference = subtract(_averaged(second), _averaged(first))
    sums, sizes = _group_sums(difference, groups)
    count = int(sizes.sum())
    if count == 0:
        return Difference(None, None, None, None, 0, 0, None)
    interval = mean_interval(
        np.where(np.isfinite(difference), difference, np.nan), groups, resamples=resamples, seed=seed
    )
    enough = len(sums) >= 2
    return Difference(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        p=_sign_flip_p(sums, resamples, seed) if enough else None,
        count=count,
        groups=len(sums),
        smallest_visible=_smallest_visible(sums, sizes) if enough else None,
    )


def rank(
    table: ArrayLike, groups: Sequence[str], better: Better, *, resamples: int = RESAMPLES, seed: int = 0
) -> Ranking:
    """Compare all methods of a column with each other, and say between which ranks each lies.

    Westfall and Young's step-down max-T: every pair's statistic is its sum over groups divided
    by the root of its groups' squares, which no sign can change, and the same signs are used
    for all pairs. A method's rank goes from 1 + (methods that are significantly better) to
    n - (methods that are significantly worse), at the 5 % level for the whole column.

    Args:
        table: (samples, methods); NaN where a method has no value. A pair is compared on the
            samples that both have.
        groups: The group of each sample.
        better: Which way the metric is better.
        resamples: How often to draw signs.
        seed: Of the draws.
    """
    (found,) = rank_columns([table], groups, [better], resamples=resamples, seed=seed)
    return found


def rank_columns(
    tables: Sequence[ArrayLike],
    groups: Sequence[str],
    better: Sequence[Better],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Ranking]:
    """As `rank`, of several columns over the same samples: each a family of its own, and signs drawn once for all.

    Args:
        tables: (samples, methods) each.
        groups: The group of each sample.
        better: Which way each column's metric is better.
        resamples: How often to draw signs.
        seed: Of the draws.
    """
    arrays = [np.asarray(table, dtype=float) for table in tables]
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    group = np.array([names[name] for name in groups], dtype=np.intp)
    # A column of one method has no pairs.
    families = [Family(array, group, len(names)) if array.shape[1] > 1 else None for array in arrays]
    several = [family for family in families if family]
    for signs in random_signs(len(names), resamples, seed) if several else ():
        for family in several:
            family.draw(signs)
    p = [family.adjusted(resamples) if family else {} for family in families]
    return [Ranking(own, _ranks(array, own, way)) for array, own, way in zip(arrays, p, better, strict=True)]


def _ranks(table: Array, p: dict[tuple[int, int], float], better: Better) -> tuple[tuple[int, int], ...]:
    methods = table.shape[1]
    sign = 1 if better == "higher" else -1
    above = [0] * methods
    below = [0] * methods
    for (one, other), adjusted in p.items():
        if adjusted > 1 - LEVEL:
            continue
        difference = subtract(table[:, one], table[:, other])
        winner, loser = (one, other) if sign * difference[np.isfinite(difference)].sum() > 0 else (other, one)
        above[loser] += 1
        below[winner] += 1
    return tuple((1 + better_ones, methods - worse) for better_ones, worse in zip(above, below, strict=True))


def _averaged(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=float)
    return mean_over_seeds(array) if array.ndim == 2 else array


def _group_sums(difference: Array, groups: Sequence[str]) -> tuple[Array, Array]:
    """The sum of each group's finite differences, and how many they are; groups without any left out."""
    assert len(groups) == len(difference)
    finite = np.isfinite(difference)
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    group = np.array([names[name] for name in groups], dtype=np.intp)[finite]
    sums = np.bincount(group, weights=difference[finite], minlength=len(names)).astype(np.float64)
    sizes = np.bincount(group, minlength=len(names)).astype(np.float64)
    return sums[sizes > 0], sizes[sizes > 0]


def _sign_flip_p(sums: Array, resamples: int, seed: int) -> float:
    sums = sums[sums != 0]  # a zero has no sign to change
    observed = abs(sums.sum()) * (1 - ROUNDING)
    exact = 2 ** len(sums) <= resamples + 1
    hits = tried = 0
    for signs in _all_signs(len(sums)) if exact else random_signs(len(sums), resamples, seed):
        hits += int((np.abs(signs @ sums) >= observed).sum())
        tried += len(signs)
    return hits / tried if exact else (1 + hits) / (1 + tried)


def _all_signs(groups: int) -> Iterator[Array]:
    """Every assignment of signs once, as one (2^groups, groups)."""
    numbers = np.arange(2**groups)[:, None]
    yield np.where(numbers >> np.arange(groups) & 1, -1.0, 1.0)


def _smallest_visible(sums: Array, sizes: Array) -> float:
    """(z_0.975 + z_0.8) standard errors of the mean difference, groups taken as one draw each."""
    mean = sums.sum() / sizes.sum()
    spread = ((sums - mean * sizes) ** 2).sum() * len(sums) / (len(sums) - 1)
    normal = NormalDist()
    return (normal.inv_cdf((1 + LEVEL) / 2) + normal.inv_cdf(POWER)) * math.sqrt(spread) / float(sizes.sum())

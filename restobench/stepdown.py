"""Westfall and Young's step-down max-T over all pairs of a column's methods, and the signs that it draws.

Works on arrays of numbers, as `paired` does, which says what they mean; pure NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Sums of one set of numbers in another order differ by less than this share; they are ties.
ROUNDING = 1e-10
# As bits, half a megabyte. Another size would be another draw.
_SIGNS_DRAWN_AT_ONCE = 2**22
# As numbers, 8 MB: several columns use them while a processor's cache has them.
_SIGNS_AT_ONCE = 2**20
# Of pairs, at once: 256 KB, which stays in a processor's cache through four steps.
_STATISTICS_AT_ONCE = 2**15
# The eight signs that a byte of chance stands for.
_SIGNS_OF_BYTES = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(256, 8)


def subtract(one: Array, other: Array) -> Array:
    """`one - other`; two infinite values have no difference, which is no reason to warn."""
    with np.errstate(invalid="ignore"):
        return one - other


def random_signs(groups: int, resamples: int, seed: int) -> Iterator[Array]:
    """`resamples` rows of signs in blocks (rows, groups) of bounded size; each takes the place of the one before."""
    generator = np.random.default_rng(seed)
    drawn_at_once = max(1, _SIGNS_DRAWN_AT_ONCE // max(1, groups))
    at_once = 8 * max(1, _SIGNS_AT_ONCE // max(1, 8 * groups))  # eight rows are whole bytes, whatever the groups
    block = np.empty((at_once * groups // 8, 8))
    for start in range(0, resamples, drawn_at_once):
        rows = min(drawn_at_once, resamples - start)
        drawn = np.frombuffer(generator.bytes(-(-rows * groups // 8)), np.uint8)
        for first in range(0, rows, at_once):
            count = min(at_once, rows - first)
            part = drawn[first * groups // 8 : -(-(first + count) * groups // 8)]
            signs = np.take(_SIGNS_OF_BYTES, part, axis=0, out=block[: len(part)], mode="clip")
            yield signs.reshape(-1)[: count * groups].reshape(count, groups)


class Family:
    """The pairs of one column's methods, from the largest statistic down, and how often chance was as large."""

    def __init__(self, table: Array, group: NDArray[np.intp], groups: int) -> None:
        """`table` is (samples, methods), two or more; `group` each sample's number of `groups`."""
        self.pairs = list(combinations(range(table.shape[1]), 2))
        sums = _pair_sums(table, self.pairs, group, groups)
        length = np.sqrt((sums**2).sum(axis=0))
        sums = np.divide(sums, length, out=np.zeros_like(sums), where=length > 0)
        observed = np.abs(sums.sum(axis=0))
        order = np.argsort(-observed, kind="stable")
        self._falling = [self.pairs[place] for place in order]
        self._threshold = observed[order] * (1 - ROUNDING)
        self._hits = np.zeros(len(self.pairs), dtype=np.intp)
        if np.isfinite(table).all():
            self._statistics = _differences_of_methods(table, self._falling, group, groups)
        else:
            ordered = sums[:, order].T
            self._statistics = lambda signs: iter([ordered @ signs.T])

    def draw(self, signs: Array) -> None:
        """Count with (draws, groups) of signs."""
        for drawn in self._statistics(signs):
            # Each pair is held against the largest of those that are not above it.
            rising = np.abs(drawn, out=drawn)[::-1]
            largest = np.maximum.accumulate(rising, axis=0, out=rising)[::-1]
            self._hits += np.count_nonzero(largest >= self._threshold[:, None], axis=1)

    def adjusted(self, resamples: int) -> dict[tuple[int, int], float]:
        """p by pair, step by step from the largest statistic down."""
        adjusted = np.maximum.accumulate((1 + self._hits) / (1 + resamples))
        adjusted[self._threshold == 0] = 1.0
        found = dict(zip(self._falling, adjusted.tolist(), strict=True))
        return {pair: found[pair] for pair in self.pairs}


def _pair_sums(table: Array, pairs: Sequence[tuple[int, int]], group: NDArray[np.intp], groups: int) -> Array:
    """(groups, pairs): each group's sum of finite differences."""
    if groups == len(table):  # each sample is its own group
        first, second = np.array(pairs, dtype=np.intp).T
        differences = subtract(table[:, first], table[:, second])
        sums = np.empty_like(differences)
        sums[group] = np.where(np.isfinite(differences), differences, 0.0)
        return sums
    sums = np.empty((groups, len(pairs)))
    for column, (one, other) in enumerate(pairs):
        difference = subtract(table[:, one], table[:, other])
        finite = np.isfinite(difference)
        sums[:, column] = np.bincount(group[finite], weights=difference[finite], minlength=groups)
    return sums


def _differences_of_methods(
    table: Array, pairs: Sequence[tuple[int, int]], group: NDArray[np.intp], groups: int
) -> Callable[[Array], Iterator[Array]]:
    """From signs (draws, groups) to the pairs' statistics (pairs, draws), in parts, where no value is missing.

    A pair's sum is the difference of two methods' sums: of twenty methods there are twenty
    products, of their pairs 190.
    """
    # What all methods have in common is taken off first: it would cost digits.
    centred = table - table.mean(axis=1, keepdims=True)
    of_methods = np.stack([np.bincount(group, weights=column, minlength=groups) for column in centred.T], axis=1)
    first, second = np.array(pairs, dtype=np.intp).T
    length = np.sqrt(((of_methods[:, first] - of_methods[:, second]) ** 2).sum(axis=0))
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)[:, None]

    def differences(signs: Array) -> Iterator[Array]:
        drawn = of_methods.T @ signs.T
        at_once = max(1, _STATISTICS_AT_ONCE // len(pairs))
        for start in range(0, drawn.shape[1], at_once):
            part = drawn[:, start : start + at_once]
            found: Array = part[first]
            found -= part[second]
            found *= scale
            yield found

    return differences

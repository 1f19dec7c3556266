"""What is said of a row's calls: median and spread, the rounds, drift, and what makes them doubtful.

Numbers alone; knows no clock and no method.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal["shared", "throttled", "host-bound", "noisy", "unstable", "drifting", "quick"]
MARKS: dict[Mark, str] = {
    "shared": "other programs used the device",
    "throttled": "calls were dropped because the device was slowed down",
    "host-bound": "the wall's time, which is more than 1.2 times that of the device's events",
    "noisy": "the quartiles are more than 10 % of the median apart",
    "unstable": "the quartiles are more than 25 % of the median apart, or the rounds more than 5 %",
    "drifting": "the last third of the calls is more than 5 % slower or faster than the first, and not by chance",
    "quick": "a few calls in one process, to see whether it works; no figure to publish",
}
"""Every mark that a row can bear, and what it says."""

NOISY, UNSTABLE, ROUNDS_APART, DRIFTING = 0.10, 0.25, 0.05, 0.05
WITHIN_BEST = 0.02
"""The smallest batch within this of the best pictures per second is the one that is measured."""

_STUDENT_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Student's t for a 95 % interval, by the number of rounds."""


@dataclass(frozen=True)
class Figures:
    """Seconds a picture, over all calls of all rounds."""

    median: float
    low_quartile: float
    high_quartile: float
    p90: float
    calls: int
    rounds: tuple[float, ...]
    """The rounds' medians."""
    interval: tuple[float, float] | None
    """95 % interval of the rounds' medians, by Student's t; None of one round."""
    drift: float
    """The last third's median beside the first third's, as a share; the median over rounds. 0.1: 10 % slower."""
    marks: tuple[Mark, ...]


def figures(rounds: Sequence[Sequence[float]], batch: int = 1) -> Figures | None:
    """The figures of calls of `batch` pictures; None where no call counts.

    Args:
        rounds: For each process the seconds of its calls, in their order.
        batch: Pictures a call.
    """
    kept = [[seconds / batch for seconds in calls] for calls in rounds if calls]
    if not kept:
        return None
    together = sorted(seconds for calls in kept for seconds in calls)
    medians = tuple(statistics.median(calls) for calls in kept)
    middle = statistics.median(together)
    low, high = quantile(together, 0.25), quantile(together, 0.75)
    drift = statistics.median(drift_of(calls) for calls in kept)
    return Figures(
        median=middle,
        low_quartile=low,
        high_quartile=high,
        p90=quantile(together, 0.9),
        calls=len(together),
        rounds=medians,
        interval=_interval(medians),
        drift=drift,
        marks=_marks(middle, high - low, medians, drift if _drifts_clearly(kept) else 0.0),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of sorted numbers, between two of them in proportion.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.25)
    1.75
    """
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def drift_of(calls: Sequence[float]) -> float:
    """How much slower the last third of the calls is than the first, as a share; 0 of fewer than three calls."""
    third = len(calls) // 3
    if not third:
        return 0.0
    first = statistics.median(calls[:third])
    return statistics.median(calls[-third:]) / first - 1 if first else 0.0


def _drifts_clearly(rounds: Sequence[Sequence[float]]) -> bool:
    """Whether in most rounds the quartiles of the first third and of the last do not overlap."""
    clear = 0
    for calls in rounds:
        third = len(calls) // 3
        first, last = sorted(calls[:third]), sorted(calls[len(calls) - third :])
        clear += bool(third) and (
            quantile(last, 0.25) > quantile(first, 0.75) or quantile(last, 0.75) < quantile(first, 0.25)
        )
    return 2 * clear > len(rounds)


def _interval(medians: Sequence[float]) -> tuple[float, float] | None:
    if len(medians) not in _STUDENT_95:
        return None
    mean = statistics.fmean(medians)
    half = _STUDENT_95[len(medians)] * statistics.stdev(medians) / len(medians) ** 0.5
    return max(0.0, mean - half), mean + half


def _marks(middle: float, spread: float, medians: Sequence[float], drift: float) -> tuple[Mark, ...]:
    found: list[Mark] = []
    apart = max(medians) - min(medians)
    if spread > UNSTABLE * middle or apart > ROUNDS_APART * statistics.median(medians):
        found.append("unstable")
    elif spread > NOISY * middle:
        found.append("noisy")
    if abs(drift) > DRIFTING:
        found.append("drifting")
    return tuple(found)


def best_batch(pictures_per_second: Mapping[int, float]) -> int:
    """The smallest batch whose pace is within 2 % of the best.

    >>> best_batch({1: 10.0, 2: 19.0, 4: 24.6, 8: 25.0})
    4
    """
    best = max(pictures_per_second.values())
    return min(batch for batch, pace in pictures_per_second.items() if pace >= (1 - WITHIN_BEST) * best)

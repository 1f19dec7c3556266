"""Whether a published number and a measured one agree: one of eight words, with its reason.

The words describe two numbers and accuse nobody. Pure functions of numbers; who may be
compared with whom is decided elsewhere.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from restobench.leaderboard.published import PublishedCell
from restobench.statistics import LEVEL

Word = Literal[
    "not comparable", "implausible", "same as", "reproduced", "compatible", "close", "differs", "unknown"
]  # fmt: skip

MEANINGS: dict[Word, str] = {
    "not comparable": "something is known to differ that moves the number",
    "implausible": "the published number cannot be right, for the reason given",
    "same as": "copied from an earlier paper: no new measurement",
    "reproduced": "equal to the published digits, seeds allowed for",
    "compatible": "equal, allowing for another draw of pictures",
    "close": "apart by less than matters in practice",
    "differs": "apart by more",
    "unknown": "not measured",
}
"""In the order in which they are tried."""

ENOUGH_SEEDS = 5
"""A stochastic method with fewer cannot be called reproduced."""

# Decimal fractions are not exact in binary: 25.01 - 25.005 is a little more than 0.005.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Tolerance:
    """What is true of a metric's values, in its unit."""

    tolerance: float = 0.0
    """The difference that matters to nobody in practice."""
    share: float = 0.0
    """The same as a share of the published value."""
    lowest: float = -math.inf
    highest: float = math.inf

    def around(self, published: float) -> float:
        """The practical tolerance around a published value."""
        return max(self.tolerance, self.share * abs(published))


@dataclass(frozen=True)
class Measured:
    """Our number beside a published one."""

    mean: float
    """Over all samples and seeds."""
    seeds: int = 1
    seed_std: float | None = None
    """Standard deviation of the seeds' means; None for one seed."""
    stochastic: bool = False
    missing: int = 0
    """Samples without a value."""
    half_interval: float | None = None
    """Half the width of the 95 % interval over pictures; None where there is none."""
    same_pictures: bool = False
    """Whether the paper's pictures are known to be these."""
    differing: tuple[str, ...] = ()
    """What is known to differ from what the paper did, each in words."""


@dataclass(frozen=True)
class Verdict:
    """A word and why."""

    word: Word
    reason: str
    difference: float | None = None
    """Measured less published; None where nothing was measured."""
    source: str = ""
    """The earlier paper, of `same as`."""

    def __str__(self) -> str:
        """As it stands in tables."""
        return f"same as [{self.source}]" if self.word == "same as" else self.word


@cache
def tolerances() -> dict[str, Tolerance]:
    """By metric, or by the beginning of its name."""
    text = Path(__file__).with_name("tolerances.toml").read_text(encoding="utf-8")
    return {name: Tolerance(**values) for name, values in tomllib.loads(text).items()}


def tolerance_of(metric: str) -> Tolerance:
    """Of the metric itself, else of the family that its name begins with; none known: no tolerance, no range."""
    known = tolerances()
    while metric:
        if metric in known:
            return known[metric]
        metric = metric.rpartition("-")[0]
    return Tolerance()


def judge(
    published: PublishedCell, metric: str, measured: Measured | None, *, copied_from: str | None = None, command: str
) -> Verdict | None:
    """Compare a published number with ours.

    Args:
        published: What was printed.
        metric: What it is in our names; one of those that it may mean.
        measured: Ours; None where there is none.
        copied_from: An earlier paper that has the same numbers.
        command: What would measure it.

    Returns:
        The first of the eight that holds; None for what is no score: seconds of one machine
        and scenario say nothing about another's.
    """
    if not published.is_score:
        return None
    known = tolerance_of(metric)
    difference = None if measured is None else measured.mean - published.number
    if measured and measured.differing:
        return Verdict("not comparable", "; ".join(measured.differing), difference)
    if published.flag == "suspicious":
        return Verdict("implausible", published.note, difference)
    if not known.lowest <= published.number <= known.highest:
        reason = f"{metric} lies between {known.lowest:g} and {known.highest:g}"
        return Verdict("implausible", reason, difference)
    if copied_from:
        return Verdict("same as", f"equal in all digits to {copied_from}", difference, copied_from)
    if measured is None:
        return Verdict("unknown", f"not measured; {command}")
    return _by_distance(published, measured, known.around(published.number))


def _by_distance(published: PublishedCell, measured: Measured, practical: float) -> Verdict:
    difference = measured.mean - published.number
    digit = published.half_digit
    seeds = seed_allowance(measured.seeds, measured.seed_std)
    apart = f"{abs(difference):.3g} apart"
    within_digit = f"{apart}; half of the last digit is {digit:g}" + (f", seeds add {seeds:.2g}" if seeds else "")
    if hindrance := _hindrance(measured):
        if _within(difference, max(digit + seeds, practical)):
            return Verdict("close", f"{apart}; {hindrance}", difference)
        return Verdict("differs", f"{apart}; {practical:g} is what matters in practice", difference)
    if _within(difference, digit + seeds):
        return Verdict("reproduced", within_digit, difference)
    if not measured.same_pictures and measured.half_interval is not None:
        pictures = measured.half_interval
        if _within(difference, digit + seeds + pictures):
            return Verdict("compatible", f"{within_digit}, another draw of pictures {pictures:.2g}", difference)
    if _within(difference, practical):
        return Verdict("close", f"{apart}; less than {practical:g} matters to nobody in practice", difference)
    return Verdict("differs", f"{apart}; {practical:g} is what matters in practice", difference)


def _hindrance(measured: Measured) -> str:
    """Why nothing better than `close` can be said; empty where it can."""
    if measured.missing:
        return f"{measured.missing} samples have no value"
    if measured.stochastic and measured.seeds < ENOUGH_SEEDS:
        return f"a stochastic method with {measured.seeds} of {ENOUGH_SEEDS} seeds"
    return ""


def seed_allowance(seeds: int, seed_std: float | None) -> float:
    """t(K - 1, 0.975) s sqrt(1 + 1/K): how far another seed's mean lies from the mean of K seeds."""
    if not seed_std or seeds < 2:
        return 0.0
    from scipy.special import stdtrit

    quantile = float(stdtrit(seeds - 1, (1 + LEVEL) / 2))
    return quantile * seed_std * math.sqrt(1 + 1 / seeds)


def _within(difference: float, allowed: float) -> bool:
    return abs(difference) <= allowed * (1 + _ROUNDING) + _ROUNDING

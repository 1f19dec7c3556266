"""Which other way of scoring explains published numbers, if one does. Numbers only.

With dozens of ways to score, one of them meets any number by chance. A cause is therefore
named only when one variant explains at least three cells, and more than half of those that
differ; else the nearest is shown as the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from restobench.attribution.variants import Variant

AT_LEAST = 3
"""Cells that a cause must explain."""

# Decimal fractions are not exact in binary.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Trial:
    """A published number that differs, and what the pictures give in other ways."""

    cell: str
    """What it is called: METHOD@VARIANT/DATASET/METRIC."""
    published: float
    half_digit: float
    """Half of the last printed digit, and what another seed may do."""
    measured: float
    values: Mapping[Variant, float]

    def distance(self, variant: Variant) -> float:
        """From the published number."""
        return abs(self.values[variant] - self.published)

    def explained_by(self, variant: Variant) -> bool:
        """Whether the variant's value is the published one, as far as it is printed."""
        return variant in self.values and self.distance(variant) <= self.half_digit * (1 + _ROUNDING) + _ROUNDING


@dataclass(frozen=True)
class Attribution:
    """What was found for one cell."""

    trial: Trial
    causes: tuple[Variant, ...]
    """Empty: none is named. Several: these cannot be told apart on the cells that there are."""
    explained: int
    """Cells that the first cause, else the best variant, explains."""
    tried: int
    """Cells that differ."""
    nearest: tuple[Variant, ...]
    """All variants, the nearest to this cell's number first."""


def attribute(trials: Sequence[Trial], cell: str) -> Attribution:
    """Look for the way of scoring that explains one cell and enough of the others.

    Args:
        trials: Every cell of one metric that differs, of one paper.
        cell: Which of them is asked about.
    """
    (asked,) = [trial for trial in trials if trial.cell == cell]
    nearest = tuple(sorted(asked.values, key=lambda variant: (asked.distance(variant), str(variant))))
    counts = {variant: sum(trial.explained_by(variant) for trial in trials) for variant in nearest}
    fitting = [
        variant
        for variant in nearest
        if asked.explained_by(variant) and counts[variant] >= AT_LEAST and 2 * counts[variant] > len(trials)
    ]
    most = max((counts[variant] for variant in fitting), default=max(counts.values(), default=0))
    causes = tuple(variant for variant in fitting if counts[variant] == most)
    return Attribution(asked, causes, most, len(trials), nearest)

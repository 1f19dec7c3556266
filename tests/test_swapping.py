"""Names swapped at random, held against distances whose chance is known."""

import numpy as np
import torch
from numpy.typing import NDArray

from restobench.metrics.frechet import frechet_distance
from restobench.swapping import swap_names

Features = NDArray[np.float32]
CLEAN = torch.from_numpy(np.random.default_rng(7).normal(size=(60, 6)).astype(np.float32))


def fid(features: Features) -> float:
    return frechet_distance(torch.from_numpy(np.ascontiguousarray(features)), CLEAN)


def drawn(trial: int, better: float = 0.0) -> tuple[Features, Features]:
    """Two methods on sixty inputs: what they share, and what each adds; the second's own error is smaller."""
    generator = np.random.default_rng([trial, 1])
    shared = generator.normal(size=(60, 6))
    own = generator.normal(size=(2, 60, 6)) * np.array([1.0, 1.0 - better])[:, None, None]
    first, second = (shared + own).astype(np.float32)
    return first, second


def independent(count: int = 60) -> list[str]:
    return [str(number) for number in range(count)]


def test_methods_that_do_equally_well_are_called_different_in_one_of_twenty_trials() -> None:
    """What a bootstrap of FID cannot give."""
    called = [swap_names(*drawn(trial), independent(), fid, swaps=59, seed=trial).p <= 0.05 for trial in range(150)]

    assert 0.005 <= np.mean(called) <= 0.11  # 99.9 % of what 150 trials at 5 % give


def test_a_better_method_is_seen() -> None:
    """And the two numbers are the sets' own."""
    first, second = drawn(0, better=0.8)

    found = swap_names(first, second, independent(), fid, swaps=99)

    assert (found.first, found.second) == (fid(first), fid(second))
    assert found.second < found.first
    assert found.p == 0.01


def test_equal_pictures_are_no_difference() -> None:
    """Every swap gives as much as was seen."""
    first, _ = drawn(0)

    assert swap_names(first, first, independent(), fid, swaps=19).p == 1


def test_pictures_of_one_group_are_swapped_together() -> None:
    """One group has two ways, and both are as far apart: no evidence at all."""
    first, second = drawn(0, better=0.8)

    assert swap_names(first, second, ["one"] * 60, fid, swaps=19).p == 1


def test_the_same_seed_gives_the_same_answer() -> None:
    """A comparison can be repeated."""
    first, second = drawn(3, better=0.1)

    one, other = (swap_names(first, second, independent(), fid, swaps=29, seed=5) for _ in range(2))

    assert one == other

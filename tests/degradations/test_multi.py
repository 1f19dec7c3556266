"""The multi-degradation recipe: that its draws follow their distributions, and depend on nothing else."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import kstest

from restobench.degradations.multi import ORDER, RANGES, Step, apply_steps, degraded, draw_steps, kind_of
from restobench.degradations.weather import from_eight_bit
from restobench.errors import RestobenchError
from tests.conftest import picture

COUNT = 6000
DRAWN = [draw_steps(f"folder/picture-{number}", 7) for number in range(COUNT)]


def share_is(found: int, count: int, share: float) -> bool:
    """Within four standard errors."""
    return abs(found / count - share) < 4 * math.sqrt(share * (1 - share) / count)


def test_six_in_ten_are_of_one_kind_and_the_kinds_are_equally_likely() -> None:
    """The rest is two or three kinds, equally likely, each of them once."""
    numbers = Counter(len(steps) for steps in DRAWN)
    single = Counter(steps[0].kind for steps in DRAWN if len(steps) == 1)
    mixed = Counter(step.kind for steps in DRAWN if len(steps) > 1 for step in steps)

    assert set(numbers) == {1, 2, 3}
    assert share_is(numbers[1], COUNT, 0.6)
    assert share_is(numbers[2], COUNT - numbers[1], 0.5)
    assert set(single) == set(mixed) == set(RANGES)
    assert all(share_is(count, numbers[1], 1 / 6) for count in single.values())
    assert all(share_is(count, COUNT - numbers[1], 2.5 / 6) for count in mixed.values())


def test_a_mixture_has_each_kind_once_and_in_the_order_of_the_world() -> None:
    """Light, air, camera, file."""
    for steps in DRAWN:
        places = [ORDER.index(step.kind) for step in steps]

        assert places == sorted(set(places))


def test_values_are_uniform_in_their_ranges() -> None:
    """By Kolmogorov and Smirnov's test; the quality takes all its whole numbers."""
    for kind, ranges in RANGES.items():
        for name, (low, high) in ranges.items():
            values = [step.values[name] for steps in DRAWN for step in steps if step.kind == kind]
            if kind == "jpeg":
                assert Counter(values).keys() == set(range(10, 41))
                assert np.mean(values) == pytest.approx(25, abs=4 * 9 / math.sqrt(len(values)))
                continue
            assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-4, (kind, name)


def test_values_of_one_sample_do_not_hang_together() -> None:
    """Each is a draw of its own."""
    rain = np.array([list(step.values.values()) for steps in DRAWN for step in steps if step.kind == "rain"])

    off_diagonal = np.corrcoef(rain.T) - np.eye(rain.shape[1])

    assert abs(off_diagonal).max() < 4 / math.sqrt(len(rain))


def test_a_sample_depends_on_its_id_and_the_seed_alone() -> None:
    """Whatever else was drawn in between."""
    assert draw_steps("folder/picture-11", 7) == DRAWN[11]
    assert draw_steps("folder/picture-11", 8) != DRAWN[11]
    assert {step.tag for step in DRAWN[11]} == {f"folder/picture-11/{step.kind}" for step in DRAWN[11]}


def test_kind_of_is_the_only_kind_or_a_mixture() -> None:
    """What a table per kind is made by."""
    single = next(steps for steps in DRAWN if len(steps) == 1)
    several = next(steps for steps in DRAWN if len(steps) == 3)

    assert kind_of(single) == single[0].kind
    assert kind_of(several) == "mixture"


def test_degraded_is_what_the_steps_make_in_eight_bits() -> None:
    """The function for training loops; the same for the same id and seed, and never the clean picture."""
    clean = picture(0, 40, 56)
    for number in range(12):
        sample_id = f"picture-{number}"

        lq = degraded(clean, sample_id, 3)

        assert lq.shape == clean.shape
        assert lq.dtype == np.uint8
        exact = apply_steps(from_eight_bit(clean), draw_steps(sample_id, 3))
        assert abs(lq / 255 - exact.transpose(1, 2, 0)).max() <= 0.5 / 255 + 1e-9
        np.testing.assert_array_equal(degraded(clean, sample_id, 3), lq)
        assert (lq != clean).any()


@pytest.mark.parametrize("values", [{}, {"sigma": 10, "gain": 1}])
def test_a_step_with_other_values_is_refused(values: dict[str, float]) -> None:
    """Steps come from manifests, and those from anywhere."""
    with pytest.raises(RestobenchError, match=r"The degradation 'noise' of 'a/noise' has .*noise with sigma;"):
        Step("noise", "a/noise", 0, values)

"""Means and their intervals: what is known without computing, and that the computing is repeatable."""

import math
import random

import numpy as np
import pytest
from scipy.stats import bootstrap

from restobench.statistics import Interval, mean_interval, mean_intervals


def ids(count: int) -> list[str]:
    return [f"picture-{number}" for number in range(count)]


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_the_interval_of_normal_values_is_the_textbook_s() -> None:
    """mean +- 1.96 s / sqrt(n), s the deviation with n: what a bootstrap of a mean tends to."""
    values = np.random.default_rng(5).normal(30, 4, 400)

    interval = mean_interval(values, ids(400))

    half = 1.96 * values.std() / math.sqrt(400)
    assert interval.mean == pytest.approx(values.mean(), rel=1e-12)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.04 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.04 * half)


def test_it_is_scipy_s_percentile_bootstrap() -> None:
    """On skewed values, where the interval is not symmetric; drawn apart, so equal up to chance."""
    values = np.random.default_rng(6).exponential(2, 60)

    interval = mean_interval(values, ids(60))
    theirs = bootstrap((values,), np.mean, n_resamples=9999, method="percentile", rng=1).confidence_interval

    assert [interval.low, interval.high] == pytest.approx([theirs.low, theirs.high], abs=0.02 * width(interval))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """94 % is what 300 trials of 50 normal values give a percentile bootstrap, within three deviations."""
    generator = np.random.default_rng(7)
    trials = generator.normal(1, 3, (50, 300))

    intervals = mean_intervals(trials, ids(50), resamples=999)
    covered = sum(one.low <= 1 <= one.high for one in intervals if one.low is not None and one.high is not None)

    assert 0.90 <= covered / 300 <= 0.98


def test_groups_widen_the_interval_by_what_their_samples_share() -> None:
    """Four equal crops of each photograph say no more than one: twice as wide as if independent."""
    photographs = np.random.default_rng(8).normal(0, 1, 100)
    values = np.repeat(photographs, 4)

    grouped = mean_interval(values, [f"photograph-{number // 4}" for number in range(400)])
    independent = mean_interval(values, ids(400))

    assert grouped.mean == pytest.approx(independent.mean, abs=1e-15)
    assert width(grouped) / width(independent) == pytest.approx(2, rel=0.05)


def test_groups_of_many_sizes_weigh_as_their_samples_do() -> None:
    """The mean of a draw is over samples: a photograph with more crops counts for more."""
    values = [0.0] * 8 + [1.0] * 2
    groups = ["large"] * 8 + ["small-1", "small-2"]

    interval = mean_interval(values, groups)

    assert interval.mean == pytest.approx(0.2)
    assert (interval.low, interval.high) == pytest.approx((0, 1), abs=1e-12)


def test_the_order_of_the_samples_does_not_show() -> None:
    """Not in the last bit either: the file that is written must be the same."""
    generator = np.random.default_rng(9)
    table = generator.normal(25, 5, (200, 3))
    table[3, 1] = np.nan
    groups = [f"group-{number}" for number in generator.integers(40, size=200)]
    order = list(range(200))
    random.Random(1).shuffle(order)

    straight = mean_intervals(table, groups)
    shuffled = mean_intervals(table[order], [groups[number] for number in order])

    assert shuffled == straight


def test_the_same_seed_gives_the_same_interval_and_another_nearly() -> None:
    """A seed is fixed so that a summary can be made again, not because it matters."""
    values = np.random.default_rng(10).normal(0, 1, 80)

    first, again = (mean_interval(values, ids(80)) for _ in range(2))
    other = mean_interval(values, ids(80), seed=1)

    assert again == first
    assert other != first
    assert width(other) == pytest.approx(width(first), rel=0.05)


def test_another_metric_beside_it_moves_no_interval() -> None:
    """Scoring one metric more must not change the numbers that were printed."""
    generator = np.random.default_rng(11)
    values, other = generator.normal(0, 1, (2, 90))
    other[:30] = np.nan

    alone = mean_interval(values, ids(90))
    beside = mean_intervals(np.column_stack([other, values, values]), ids(90))[1]

    assert (beside.low, beside.high) == pytest.approx((alone.low, alone.high), rel=1e-12)


def test_missing_and_infinite_values_are_counted_and_in_no_mean() -> None:
    """An identical picture has infinite PSNR; one that failed has none."""
    values = [30.0, math.inf, math.nan, 32.0, -math.inf, 34.0]

    interval = mean_interval(values, ids(6))

    assert (interval.mean, interval.count, interval.missing, interval.infinite) == (32.0, 3, 1, 2)
    assert 30 <= (interval.low or 0) <= 32 <= (interval.high or 0) <= 34


def test_samples_without_a_value_do_not_change_the_interval() -> None:
    """They are missing, not zero, and leave the others' draws as they were."""
    values = np.random.default_rng(12).normal(0, 1, 40)

    whole = mean_interval(values, ids(40))
    with_missing = mean_interval([*values, math.nan, math.inf], [*ids(40), "picture-98", "picture-99"])

    assert (with_missing.low, with_missing.high) == (whole.low, whole.high)


@pytest.mark.parametrize(
    ("values", "groups", "mean"),
    [
        ([], [], None),
        ([math.nan, math.inf], ["a", "b"], None),
        ([3.0], ["a"], 3.0),
        ([3.0, 5.0], ["a", "a"], 4.0),
        ([3.0, math.nan], ["a", "b"], 3.0),
    ],
    ids=["nothing", "no finite value", "one sample", "one group", "one group with a value"],
)
def test_fewer_than_two_groups_have_no_interval(values: list[float], groups: list[str], mean: float | None) -> None:
    """One group does not say how far another would be; a width of zero would claim to know."""
    interval = mean_interval(values, groups)

    assert (interval.mean, interval.low, interval.high) == (mean, None, None)


def test_equal_values_have_an_interval_without_width() -> None:
    """Rounding must not put the mean outside of its own interval."""
    interval = mean_interval([0.1] * 37, ids(37))

    assert (interval.low, interval.mean, interval.high) == (0.1, 0.1, 0.1)


def test_a_table_of_paper_size_is_done_at_once() -> None:
    """16 metrics x 3,000 samples x 9,999 resamples, in chunks of bounded memory."""
    table = np.random.default_rng(13).normal(0, 1, (3000, 16))

    intervals = mean_intervals(table, ids(3000))

    expected = 2 * 1.96 / math.sqrt(3000)
    assert [width(interval) for interval in intervals] == pytest.approx([expected] * 16, rel=0.08)

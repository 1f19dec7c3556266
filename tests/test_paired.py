"""Paired tests: against scipy's, against what is known, and how often they are wrong where nothing is different."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import permutation_test

from restobench.paired import paired_difference, rank, rank_columns
from restobench.stepdown import random_signs


def ids(count: int) -> list[str]:
    return [f"picture-{number}" for number in range(count)]


def false_alarms(samples: int, trials: int, seed: int, resamples: int = 999) -> float:
    """How often two seeds of one method are called different: sample difficulty shared, noise of each seed its own."""
    generator = np.random.default_rng(seed)
    called = 0
    for _ in range(trials):
        difficulty = generator.normal(28, 4, samples)
        first, second = difficulty + generator.laplace(0, 0.5, (2, samples))
        p = paired_difference(first, second, ids(samples), resamples=resamples).p
        assert p is not None
        called += p <= 0.05
    return called / trials


def test_few_samples_are_tested_exactly_as_scipy_does() -> None:
    """Every assignment of signs, once; ties and zeros included."""
    generator = np.random.default_rng(1)
    first = generator.integers(0, 9, 11).astype(float)
    second = first + generator.integers(-1, 4, 11)

    ours = paired_difference(first, second, ids(11))
    theirs = permutation_test(
        (second - first,), np.mean, permutation_type="samples", n_resamples=math.inf, vectorized=False
    )

    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-12)
    assert ours.mean == pytest.approx((second - first).mean())


def test_many_samples_are_tested_as_scipy_does_up_to_chance() -> None:
    """Both draw 9,999 times; three standard errors of two such shares near 0.1 are 0.013."""
    generator = np.random.default_rng(2)
    first = generator.normal(25, 5, 80)
    second = first + generator.normal(0.1, 0.6, 80)

    ours = paired_difference(first, second, ids(80)).p
    theirs = permutation_test(
        (second - first,), np.mean, permutation_type="samples", n_resamples=9999, rng=3, vectorized=True
    ).pvalue

    assert ours == pytest.approx(theirs, abs=0.013)


def test_what_is_hard_for_both_drops_out() -> None:
    """0.03 dB on 3,000 pictures: nothing beside a spread of 4 dB, clear sample by sample."""
    generator = np.random.default_rng(3)
    first = generator.normal(28, 4, 3000)
    second = first + generator.normal(0.03, 0.3, 3000)

    found = paired_difference(first, second, ids(3000), resamples=1999)

    assert found.p is not None
    assert found.p < 0.001
    assert found.low is not None
    assert 0 < found.low < 0.03 < (found.high or 0)


def test_turned_round_only_the_sign_changes() -> None:
    """Which run is named first must not decide anything."""
    generator = np.random.default_rng(4)
    first, second = generator.normal(0, 1, (2, 60))

    there, back = paired_difference(first, second, ids(60)), paired_difference(second, first, ids(60))

    assert there.p == back.p
    assert there.mean == pytest.approx(-(back.mean or 0))
    assert there.smallest_visible == pytest.approx(back.smallest_visible)


def test_crops_of_one_photograph_change_sign_together() -> None:
    """Five photographs cannot show p = 0.03, into however many crops they were cut: 2 / 2^5 is the least."""
    generator = np.random.default_rng(5)
    first = generator.normal(28, 4, 100)
    second = first + 1 + generator.normal(0, 0.1, 100)

    grouped = paired_difference(first, second, [f"photograph-{number % 5}" for number in range(100)])
    apart = paired_difference(first, second, ids(100))

    assert (grouped.p, grouped.groups, grouped.count) == (2 / 2**5, 5, 100)
    assert apart.p == 1 / 10_000


def test_seeds_are_averaged_before_samples_are_compared() -> None:
    """Ten seeds of ten samples are ten differences, not a hundred."""
    generator = np.random.default_rng(6)
    seeds = generator.normal(30, 1, (10, 10))
    other = generator.normal(30, 1, 10)

    found = paired_difference(other, seeds, ids(10))

    assert found == paired_difference(other, seeds.mean(axis=0), ids(10))
    assert found.count == 10


def test_a_sample_without_a_value_in_one_is_in_neither() -> None:
    """Missing is not zero; infinite on both sides is no difference."""
    first = [1.0, 2.0, math.nan, math.inf, 3.0, 4.0]
    second = [2.0, 2.5, 3.0, math.inf, -math.inf, 4.75]

    found = paired_difference(first, second, ids(6))

    assert found.count == 3
    assert found.mean == pytest.approx(0.75)
    assert found.p == 2 / 2**3


@pytest.mark.parametrize(
    ("first", "second", "mean", "count"),
    [([], [], None, 0), ([math.nan], [1.0], None, 0), ([1.0], [3.0], 2.0, 1)],
    ids=["no samples", "none in common", "one"],
)
def test_fewer_than_two_groups_are_no_test(
    first: list[float], second: list[float], mean: float | None, count: int
) -> None:
    """Nothing is claimed of what one sample cannot say."""
    found = paired_difference(first, second, ids(len(first)))

    assert (found.mean, found.count) == (mean, count)
    assert found.p is found.low is found.high is found.smallest_visible is None


def test_equal_values_are_no_difference() -> None:
    """A run beside itself."""
    values = np.random.default_rng(7).normal(0, 1, 30)

    found = paired_difference(values, values, ids(30))

    assert (found.mean, found.low, found.high, found.p, found.smallest_visible) == (0, 0, 0, 1, 0)


def test_two_seeds_of_one_method_are_called_different_in_5_percent() -> None:
    """400 trials: 5 % within three standard errors."""
    assert false_alarms(samples=40, trials=400, seed=8) == pytest.approx(0.05, abs=0.033)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [65, 407, 3000])
def test_two_seeds_of_one_method_are_called_different_in_5_percent_of_many_trials(samples: int) -> None:
    """The same with sets of the sizes that papers have."""
    trials = 4000 if samples < 3000 else 1000

    assert false_alarms(samples, trials, seed=9) == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / trials))


def test_the_smallest_visible_difference_is_seen_four_times_of_five() -> None:
    """300 trials with just this difference; three standard errors are 0.07."""
    generator = np.random.default_rng(10)
    size = 2.8016 * 0.5 / math.sqrt(65)
    seen = 0
    told = []
    for _ in range(300):
        first = generator.normal(28, 4, 65)
        found = paired_difference(first, first + size + generator.normal(0, 0.5, 65), ids(65), resamples=499)
        assert found.p is not None
        assert found.smallest_visible is not None
        seen += found.p <= 0.05
        told.append(found.smallest_visible)

    assert seen / 300 == pytest.approx(0.8, abs=0.07)
    assert np.mean(told) == pytest.approx(size, rel=0.03)


def test_one_pair_alone_is_not_adjusted() -> None:
    """A column of two methods is a plain paired test."""
    generator = np.random.default_rng(11)
    first = generator.normal(28, 4, 80)
    second = first + generator.normal(0.12, 0.6, 80)

    column = rank(np.column_stack([first, second]), ids(80), "higher")

    assert column.p[0, 1] == pytest.approx(paired_difference(first, second, ids(80)).p, abs=0.013)


def test_adjusted_p_values_are_those_of_the_definition() -> None:
    """Westfall and Young's step-down, written again pair by pair over all 2^8 assignments."""
    generator = np.random.default_rng(12)
    table = generator.normal(np.array([0, 0.3, 0.9, 2.0]), 1, (8, 4))
    pairs = list(combinations(range(4), 2))
    differences = {pair: table[:, pair[0]] - table[:, pair[1]] for pair in pairs}
    signs = np.array([[1 - 2 * (number >> place & 1) for place in range(8)] for number in range(256)])
    statistic = {pair: np.abs(signs @ d) / np.sqrt((d**2).sum()) for pair, d in differences.items()}
    ordered = sorted(pairs, key=lambda pair: -statistic[pair][0])
    expected, so_far = {}, 0.0
    for place, pair in enumerate(ordered):
        largest = np.max([statistic[other] for other in ordered[place:]], axis=0)
        so_far = max(so_far, float((largest >= statistic[pair][0] - 1e-9).mean()))
        expected[pair] = so_far

    found = rank(table, ids(8), "higher").p

    assert found == pytest.approx(expected, abs=0.015)


def test_a_column_of_equal_methods_finds_a_winner_in_5_percent_at_most() -> None:
    """21 pairs of 7 seeds of one method: tested one by one, most columns would find something."""
    generator = np.random.default_rng(13)
    wrong = 0
    for _ in range(150):
        table = generator.normal(28, 4, (40, 1)) + generator.normal(0, 0.5, (40, 7))
        wrong += rank(table, ids(40), "higher", resamples=499).ranks != ((1, 7),) * 7

    assert wrong / 150 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


@pytest.mark.parametrize(
    ("better", "ranks"),
    [("lower", ((1, 1), (2, 3), (2, 3), (4, 4))), ("higher", ((4, 4), (2, 3), (2, 3), (1, 1)))],
)
def test_ranks_are_intervals(better: str, ranks: tuple[tuple[int, int], ...]) -> None:
    """Two methods that cannot be told apart share both their ranks."""
    generator = np.random.default_rng(14)
    table = generator.normal(28, 4, (100, 1)) + generator.normal(np.array([0, 1, 1, 2]), 0.3, (100, 4))

    assert rank(table, ids(100), better).ranks == ranks  # type: ignore[arg-type]


def test_a_table_of_13_methods_can_tell_them_apart() -> None:
    """78 pairs of 500 samples with 0.1 dB from row to row: Holm on p = 1e-4 could call nothing above 128 pairs."""
    generator = np.random.default_rng(15)
    table = generator.normal(28, 4, (500, 1)) + generator.normal(0, 0.2, (500, 13)) + 0.1 * np.arange(13)

    column = rank(table, ids(500), "higher")

    assert column.ranks == tuple((13 - place, 13 - place) for place in range(13))
    assert len(column.p) == 78


def test_methods_without_a_sample_in_common_keep_every_rank() -> None:
    """And a method alone is first and last."""
    table = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, 9.0], [np.nan, 8.0]])

    assert rank(table, ids(4), "higher").ranks == ((1, 2), (1, 2))
    assert rank(table[:, :1], ids(4), "higher").ranks == ((1, 1),)


def test_columns_that_share_their_signs_are_ranked_as_each_alone() -> None:
    """Crops of one photograph, a missing value and a column of one method make no difference."""
    draw = np.random.default_rng(4)
    tables = [draw.normal(0, 1, (60, 4)) + np.arange(4) * spread for spread in (0.0, 0.2, 0.6)]
    tables[1][7, 2] = np.nan
    columns = [*tables, tables[0][:, :1]]
    better = ["higher", "lower", "higher", "lower"]

    for groups in (ids(60), [f"photograph {number // 3}" for number in range(60)]):
        found = rank_columns(columns, groups, better, resamples=999)  # type: ignore[arg-type]

        assert found == [rank(one, groups, way, resamples=999) for one, way in zip(columns, better, strict=True)]  # type: ignore[arg-type]
        assert found[3].ranks == ((1, 1),)
        assert found[2].ranks[3] == (1, 1)


@pytest.mark.parametrize("groups", [7, 3000])
def test_signs_are_drawn_once_each_and_as_often_as_asked(groups: int) -> None:
    """Blocks end within a byte of chance, and are handed on in parts."""
    signs = np.concatenate([block.copy() for block in random_signs(groups, 1500, 0)])

    assert signs.shape == (1500, groups)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert len({row.tobytes() for row in signs}) > (1400 if groups > 20 else 0.9 * 2**groups)
    assert abs(signs.mean()) < 0.03

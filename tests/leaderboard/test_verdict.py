import math

import pytest

from restobench.leaderboard.verdict import ENOUGH_SEEDS, MEANINGS, Measured, Verdict, judge, tolerance_of
from tests.leaderboard.test_published import cell


def verdict(value: str, measured: Measured | None, metric: str = "psnr", **changed: str) -> Verdict:
    """What is said of a published PSNR beside ours."""
    found = judge(cell(value=value, means=metric, **changed), metric, measured, command="restobench run")
    assert found
    return found


def test_what_is_known_to_differ_comes_before_everything() -> None:
    """Two numbers of two things are not to be compared, however close."""
    found = verdict(
        "25.10", Measured(25.10, differing=("the paper's set is v3-full, ours v2",)), flag="suspicious", note="x"
    )

    assert (found.word, found.reason) == ("not comparable", "the paper's set is v3-full, ours v2")


def test_a_flagged_number_is_implausible_even_where_ours_is_equal() -> None:
    """The doubt is about the number, and comes with its reason."""
    found = verdict("72.81", Measured(72.81), "musiq", flag="suspicious", note="copied")

    assert (found.word, found.reason) == ("implausible", "copied")


@pytest.mark.parametrize(
    ("metric", "value"), [("ssim", "1.02"), ("musiq", "101"), ("lpips-vgg", "-0.1"), ("fid-ffhq", "-3"), ("ids", "181")]
)
def test_a_number_that_the_metric_cannot_give_is_implausible(metric: str, value: str) -> None:
    """A typing error of somebody's."""
    assert verdict(value, Measured(0.5), metric).word == "implausible"


@pytest.mark.parametrize("flag", ["ok", "contested", "reconstructed", "second-hand"])
def test_other_flags_are_no_verdict(flag: str) -> None:
    """That somebody measured otherwise is his measurement, not ours."""
    assert verdict("25.10", Measured(25.10, same_pictures=True), flag=flag, note="x").word == "reproduced"


def test_a_copied_number_is_no_new_measurement() -> None:
    """It names whose it is, measured here or not."""
    for measured in (Measured(25.10), None):
        found = judge(cell(), "psnr", measured, copied_from="Early", command="restobench run")

        assert found
        assert str(found) == "same as [Early]"


@pytest.mark.parametrize(
    ("value", "mean", "word"),
    [
        ("25.10", 25.10, "reproduced"),
        ("25.01", 25.005, "reproduced"),  # a hair above 0.005 in binary
        ("25.01", 25.015, "reproduced"),
        ("25.01", 25.0151, "close"),
        ("25.01", 24.91, "close"),
        ("25.01", 25.11, "close"),
        ("25.01", 25.1101, "differs"),
        ("25.0", 25.05, "reproduced"),
        ("23", 23.4, "reproduced"),
    ],
)
def test_a_deterministic_methods_number_is_known_to_half_a_digit(value: str, mean: float, word: str) -> None:
    """Boundaries included: what rounds to the printed number is that number."""
    assert verdict(value, Measured(mean, same_pictures=True)).word == word


@pytest.mark.parametrize(("seeds", "quantile"), [(5, 2.7764451), (8, 2.3646243)])
def test_seeds_widen_what_counts_as_reproduced(seeds: int, quantile: float) -> None:
    """t(K-1, 0.975) s sqrt(1 + 1/K), t from a printed table: the paper's number is one more draw."""
    allowed = 0.005 + quantile * 0.02 * math.sqrt(1 + 1 / seeds)

    words = [
        verdict("25.10", Measured(25.10 + sign * apart, seeds, 0.02, stochastic=True, same_pictures=True)).word
        for sign in (1, -1)
        for apart in (allowed - 1e-6, allowed + 1e-6)
    ]

    assert words == ["reproduced", "close", "reproduced", "close"]


@pytest.mark.parametrize("seeds", range(1, ENOUGH_SEEDS + 1))
def test_with_few_seeds_close_is_the_best(seeds: int) -> None:
    """One lucky draw reproduces nothing."""
    std = 0.0 if seeds > 1 else None

    found = verdict("25.10", Measured(25.10, seeds, std, stochastic=True, half_interval=1.0))

    assert found.word == ("reproduced" if seeds == ENOUGH_SEEDS else "close")
    assert verdict("25.10", Measured(26.0, seeds, std, stochastic=True, same_pictures=True)).word == "differs"


def test_with_missing_samples_close_is_the_best() -> None:
    """It is a mean over other pictures."""
    found = verdict("25.10", Measured(25.10, missing=2, half_interval=1.0))

    assert (found.word, found.reason) == ("close", "0 apart; 2 samples have no value")


def test_few_digits_are_no_reason_to_differ() -> None:
    """25 may be 25.4, however few seeds there are."""
    assert verdict("25", Measured(25.4, 1, None, stochastic=True)).word == "close"


@pytest.mark.parametrize(
    ("mean", "same_pictures", "word"),
    [
        (25.105, False, "reproduced"),
        (25.405, False, "compatible"),
        (25.4051, False, "differs"),
        (25.405, True, "differs"),
    ],
)
def test_another_draw_of_pictures_allows_for_half_the_interval(mean: float, same_pictures: bool, word: str) -> None:
    """Only where the paper's pictures may be others than ours."""
    assert verdict("25.10", Measured(mean, half_interval=0.3, same_pictures=same_pictures)).word == word


@pytest.mark.parametrize(
    ("metric", "value", "tolerance"),
    [
        ("psnr-y", "25.0000", 0.1),
        ("ssim-yiq", "0.7000", 0.005),
        ("lpips-alex", "0.2000", 0.01),
        ("fid-ffhq", "50.0000", 1.0),
        ("musiq", "70.0000", 1.0),
        ("clipiqa", "0.5000", 0.01),
        ("ids", "35.0000", 0.5),
    ],
)
def test_what_matters_in_practice_is_data(metric: str, value: str, tolerance: float) -> None:
    """By metric, and by the beginning of its name; of FID a share."""
    inside, outside = (
        verdict(value, Measured(float(value) + apart, same_pictures=True), metric).word
        for apart in (tolerance, tolerance * 1.001)
    )

    assert (inside, outside) == ("close", "differs")


def test_a_metric_without_a_known_tolerance_is_equal_or_differs() -> None:
    """What nobody wrote down is not invented. The cosine is another number than the angle."""
    assert verdict("4.100", Measured(4.101), "niqe").word == "differs"
    assert tolerance_of("ids-cos").highest == 1.0


def test_without_a_measurement_the_verdict_says_how_to_make_one() -> None:
    """The next step is a command."""
    found = verdict("25.10", None)

    assert (found.word, found.reason, found.difference) == ("unknown", "not measured; restobench run", None)


def test_the_difference_is_ours_less_theirs() -> None:
    """Whatever the word."""
    assert verdict("25.10", Measured(26.0)).difference == pytest.approx(0.9)
    assert verdict("25.10", Measured(24.0), flag="suspicious", note="x").difference == pytest.approx(-1.1)


def test_there_is_no_verdict_on_seconds() -> None:
    """Another machine's seconds say nothing about ours, ever."""
    seconds = cell(metric="seconds", means="seconds, scenario not said", direction="lower", value="0.421")

    assert judge(seconds, "seconds", Measured(0.421), command="restobench run") is None


def test_every_word_has_a_meaning() -> None:
    """The legend under each table is made of them."""
    assert list(MEANINGS) == [
        "not comparable", "implausible", "same as", "reproduced", "compatible", "close", "differs", "unknown",
    ]  # fmt: skip

"""Figures of a row, against libraries that are not ours where there are any."""

import numpy as np
import pytest
from scipy import stats

from restobench.timing.figures import figures

RANDOM = np.random.default_rng(3)


def test_medians_quartiles_and_p90_are_numpys() -> None:
    """Over the calls of all rounds, of one picture."""
    rounds = [RANDOM.gamma(50, 0.001, 37).tolist() for _ in range(3)]

    found = figures(rounds, batch=4)

    assert found
    pooled = np.concatenate(rounds) / 4
    assert found.calls == 111
    assert found.median == pytest.approx(np.median(pooled))
    assert (found.low_quartile, found.high_quartile, found.p90) == pytest.approx(np.quantile(pooled, [0.25, 0.75, 0.9]))
    assert found.rounds == pytest.approx([np.median(calls) / 4 for calls in rounds])


def test_the_interval_is_students_over_the_rounds() -> None:
    """A process is one draw: its calls share a start, an allocator and a temperature."""
    rounds = [[0.100], [0.103], [0.099]]

    found = figures(rounds)

    assert found
    expected = stats.t.interval(0.95, 2, loc=np.mean(rounds), scale=stats.sem(np.ravel(rounds)))
    assert found.interval == pytest.approx(expected, rel=1e-4)


def test_one_round_has_no_interval_and_no_call_no_figure() -> None:
    """A spread cannot be guessed."""
    alone = figures([[1.0, 1.0]])

    assert alone
    assert alone.interval is None
    assert figures([[], []]) is None


@pytest.mark.parametrize(
    ("rounds", "marks"),
    [
        ([[1.0, 1.01, 0.99, 1.0]] * 3, ()),
        ([[0.9, 1.1, 0.93, 1.07, 1.0] * 2] * 3, ("noisy",)),
        ([[0.7, 1.3, 0.8, 1.2, 1.0] * 2] * 3, ("unstable",)),
        ([[1.0] * 5, [1.06] * 5, [1.0] * 5], ("unstable",)),
        ([[1.0, 1.0, 1.1, 1.1, 1.2, 1.2]] * 3, ("noisy", "drifting")),
    ],
    ids=["even", "quartiles 10 %", "quartiles 25 %", "rounds 5 %", "drift 5 %"],
)
def test_doubtful_figures_bear_their_marks(rounds: list[list[float]], marks: tuple[str, ...]) -> None:
    """Who reads the table sees which number not to lean on."""
    found = figures(rounds)

    assert found
    assert found.marks == marks

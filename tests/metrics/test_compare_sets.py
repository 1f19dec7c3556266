"""`compare --swaps`: numbers of whole sets, from the features that evaluation kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

import restobench
from restobench.cache import Cache
from restobench.compare import compare
from restobench.environment import runs_folder
from restobench.swapping import compare_sets


def test_two_runs_are_compared_by_a_number_of_the_set(
    make_pairs: Callable[..., Path], with_weights: Callable[..., Path]
) -> None:
    """The numbers are those of the table; without the features the reason says what to do."""
    with_weights("fid-gt", "kid-gt")
    pairs = make_pairs(["a", "b", "c", "d"], size=(20, 24))
    table = restobench.run(["bicubic", "nearest"], pairs, metrics=["fid-gt", "kid-gt"])
    comparison = compare(runs_folder(), "bicubic", "nearest")

    found = compare_sets(comparison, comparison.of_sets, Cache(), swaps=9)
    lost = compare_sets(comparison, ["fid-gt"], Cache(runs_folder()), swaps=9)

    assert comparison.of_sets == ("fid-gt", "kid-gt")
    assert comparison.metrics == ()
    means = table.set_index(["method", "metric"])["mean"]
    for row in found.metrics:
        assert row.first == pytest.approx(means["bicubic", row.metric], rel=1e-5)
        assert row.second == pytest.approx(means["nearest", row.metric], rel=1e-5)
        assert row.difference.p is not None
        assert 0.1 <= row.difference.p <= 1
        assert row.difference.count == 4
    assert found.left_out == {}
    assert "the features of 4 of 4 restored pictures are not kept here" in lost.left_out["fid-gt"]

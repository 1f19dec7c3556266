"""`compare`, `explain` and the ranks of `results`: what is printed."""

import json
from pathlib import Path

import pytest

from restobench.signature import Signature
from tests.cli.conftest import Restobench, is_a_sentence
from tests.test_compare import CLEAN, scored

RUNS = Path("runs")


@pytest.fixture
def three(restobench: Restobench) -> Restobench:
    """The command line where three runs of `demo` were scored: `best` is 1 dB better in half of the pictures."""
    best = CLEAN.copy()
    best[::2] += 1
    for label, values in (("best", best), ("one", CLEAN), ("two", CLEAN[:10])):
        scored(RUNS, label, values, ids=[f"s{number:02}" for number in range(len(values))])
    return restobench


def test_compare_says_which_is_better_and_where(three: Restobench) -> None:
    """The table, what its columns mean, and the pictures to look at; nothing is cut where a terminal is narrow."""
    ran = three("compare", "one", "best", "--moved", 1)

    assert ran.code == 0
    assert "first: one:demo" in ran.out
    assert "+0.500" in ran.out
    assert "psnr: the second is better. Moved most:" in ran.out
    assert "(+1.000)" in ran.out
    assert "fid-gt: it is one number for the whole set, without samples to pair; compare with --swaps 199." in ran.out
    assert max(map(len, ran.out.split("second - first:")[0].splitlines()[2:])) <= 80


def test_compare_is_read_by_programs_too(three: Restobench) -> None:
    """Of a part only the samples that both have are compared."""
    ran = three("compare", "one", "two", "--json")

    (row,) = json.loads(ran.out)["metrics"]
    assert (row["difference"], row["p"], row["count"], row["moved"]) == (0, 1, 10, [])


def test_results_ranks_the_methods_of_a_column(three: Restobench) -> None:
    """On demand; else it says how to ask. A part is not ranked."""
    plain = three("results")
    ranked = three("results", "--ranks")
    rows = json.loads(three("results", "--ranks", "--json", "--metrics", "psnr").out)

    assert "'restobench results --ranks'" in plain.out
    assert "psnr ↑: best 1, one 2\n" in ranked.out
    assert {row["method"]: row["rank"] for row in rows} == {"best": [1, 1], "one": [2, 2], "two": None}
    assert is_a_sentence(three("results", "--ranks", "--by", "kind"))


def test_explain_says_what_two_lines_differ_in(restobench: Restobench) -> None:
    """And how far it moves the number; a line that was changed by hand is refused."""
    line = Signature(("demo@1", "n24"), ("psnr", "rev=1", "border=0"), ("png8",), ("bicubic",), ("0",))
    other = Signature(("demo@1", "n24"), ("psnr", "rev=1", "border=4"), ("png8",), ("lanczos",), ("0",))
    ssim = Signature(("demo@1", "n24"), ("ssim", "rev=1", "border=4"), ("png8",), ("bicubic",), ("0",))

    ran = restobench("explain", str(line), str(other))
    metrics = restobench("explain", str(line), str(ssim))

    assert "metric, border: 0 in the first, 4 in the second\n" in ran.out
    assert "for that alone the second is about 0.0346 higher" in ran.out
    assert "method, name: bicubic in the first, lanczos in the second\n" in ran.out
    assert "These are numbers of two metrics" in metrics.out
    assert "border" not in metrics.out
    assert is_a_sentence(restobench("explain", str(line), str(other).replace("lanczos", "bicubic")))


def test_explain_says_what_a_run_s_numbers_were_made_with(three: Restobench) -> None:
    """Every number's line, and what another choice would do to it."""
    ran = three("explain", "one")

    assert ran.out.count("\nrestobench|v1|") == 2
    assert ": MATLAB's luma instead of RGB\n" in ran.out

"""`results`: filtered, sorted, and as files."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Restobench, is_a_sentence
from tests.test_compare import CLEAN, scored

RUNS = Path("runs")


@pytest.fixture
def three(restobench: Restobench) -> Restobench:
    """The command line where three runs were scored, the worst first by name."""
    for number, label in enumerate(("a-worst", "b-middle", "c-best")):
        scored(RUNS, label, CLEAN + number)
    return restobench


def test_tables_are_sorted_the_best_first(three: Restobench) -> None:
    """In the direction in which the metric is better; the other way round on demand."""
    methods = {
        tuple(row["method"] for row in json.loads(three("results", "--json", "--metrics", "psnr", *how).out))
        for how in (("--sort", "psnr"), ("--sort", "method", "--reverse"))
    }
    text = three("results", "--sort", "psnr").out

    assert methods == {("c-best", "b-middle", "a-worst")}
    assert text.index("c-best") < text.index("b-middle") < text.index("a-worst")
    assert is_a_sentence(three("results", "--sort", "pnsr"), "Did you mean 'psnr'")
    assert is_a_sentence(three("results", "--reverse"), "--reverse turns --sort round")


def test_runs_are_chosen_and_written_to_a_file(three: Restobench) -> None:
    """What is said of it goes to standard error: standard output stays for tables."""
    ran = three("results", "--where", "method=a-*,c-best", "--sort", "psnr", "--output", "out/table.csv")

    table = pd.read_csv("out/table.csv")
    assert (ran.code, ran.out) == (0, "")
    assert "4 rows in out/table.csv" in ran.err
    assert list(table["method"]) == ["c-best", "c-best", "a-worst", "a-worst"]
    assert three("results", "c-best", "--samples", "--output", "c.parquet").code == 0
    assert len(pd.read_parquet("c.parquet")) == 20
    assert len(json.loads(three("results", "--samples", "--all", "--json").out)) == 60


def test_show_is_meant_where_no_command_is_named(three: Restobench) -> None:
    """A run called as a command is found by its whole name, or after `show`."""
    scored(RUNS, "export", CLEAN)

    assert three("results", "c-best").out == three("results", "show", "c-best").out
    assert "export" in three("results", "show", "export").out
    assert "export" in three("results", "export:demo").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--output", "table.xlsx"), "must end with .csv"),
        (("--all",), "--all is for files and programs"),
        (("--samples",), "--samples is for files and programs"),
        (("--ranks", "--output", "t.csv"), "--ranks are those of whole data sets"),
        (("c-best", "--all", "--json"), "--all is of all runs"),
        (("--samples", "--by", "kind", "--json"), "say one"),
        (("--where", "method=nobody"), "No 'method' of these runs is called 'nobody'"),
        (("--where", "methd=x"), "No tag of samples in these runs is called 'methd'. Did you mean 'method'"),
        (("--where", "kind=x", "--output", "t.csv", "--samples"), "No sample of these runs has kind=x"),
    ],
)
def test_what_cannot_be_is_a_sentence(three: Restobench, arguments: tuple[str, ...], words: str) -> None:
    """And nothing is written."""
    assert is_a_sentence(three("results", *arguments), words)
    assert not list(Path().glob("*t*.*v"))


def test_damaged_samples_are_told_with_what_makes_them_again(three: Restobench) -> None:
    """By whichever command reads them."""
    (path,) = RUNS.glob("demo/a-worst@default/*/samples.parquet")
    path.write_bytes(b"x")

    for arguments in (
        ("results", "--samples", "--json"),
        ("results", "--by", "kind"),
        ("results", "--ranks"),
        ("compare", "a-worst", "c-best"),
    ):
        ran = three(*arguments)
        assert is_a_sentence(ran, "samples.parquet is damaged")
        assert f"'restobench evaluate {path.parent.resolve()}' makes it again" in ran.err


def test_one_of_several_seeds_is_chosen_by_its_name(restobench: Restobench) -> None:
    """A name means the newest of its runs; with a filter, the newest of those that fit."""
    for seed in (0, 1):
        scored(RUNS, "noisy", CLEAN + seed, seed=seed)

    for seed in (0, 1):
        rows = json.loads(restobench("results", "noisy", "--where", f"seed={seed}", "--json").out)
        assert {row["seed"] for row in rows} == {seed}
    assert is_a_sentence(restobench("results", "noisy", "--where", "seed=7"), "Known: 0, 1.")


def test_a_run_goes_out_and_comes_in(restobench: Restobench, make_pairs: Callable[..., Path]) -> None:
    """What is printed last is where it lies; what else there is to say goes to standard error."""
    pairs = make_pairs()
    assert restobench("run", "--method", "bicubic", "--dataset", pairs, "--metrics", "psnr").code == 0

    out = restobench("results", "export", "bicubic")
    asked = restobench("results", "export", "bicubic", "--pictures", "--output", "run.zip")
    there = restobench("results", "import", "run.zip")
    new = restobench("results", "import", "run.zip", "--runs", "theirs", "--dataset", pairs)

    assert out.out.startswith("bicubic@default-pairs-")
    assert "nobody said whether pictures of 'pairs' may be passed on; --pictures puts them in" in out.err
    assert (asked.code, asked.out) == (0, "run.zip\n")
    assert "bicubic:pairs is already here, with the same contents" in there.out
    assert "bicubic:pairs: imported, 3 of 3 pictures scored again here, from run.zip\n" in new.out
    assert "as the archive says: psnr of" in new.out
    assert "came here:" in restobench("results", "bicubic", "--runs", "theirs").out
    assert is_a_sentence(restobench("results", "export", "nobody"), "runs is called 'nobody'")
    assert is_a_sentence(restobench("results", "import", "none.zip"), "none.zip does not exist")
    assert is_a_sentence(restobench("results", "export", "bicubic", "-o", "x.tar"), "must end with .zip")

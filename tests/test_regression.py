"""The guard against numbers that move, on a method that is damaged on purpose."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from restobench.baseline import Key, Number, check_writable, find_baseline, read_baseline, write_baseline
from restobench.cli.app import app
from restobench.errors import RestobenchError
from restobench.plugins import plugins
from restobench.regression import (
    COULD_NOT_RUN,
    REGRESSED,
    Task,
    compare_numbers,
    lines_of,
    markdown_of,
    tasks_of,
    tolerance_of,
)

SOURCE = '''
import torch


class Mine:
    """Enlarges by repetition, and darkens a little."""

    def __init__(self, setup):
        self.scale = setup.scale

    def restore(self, lq, noise, mask=None):
        larger = lq.repeat_interleave(self.scale, dim=2).repeat_interleave(self.scale, dim=3)
        return larger * CONSTANT
'''

MakePairs = Callable[..., Path]


@pytest.fixture
def check(make_pairs: MakePairs, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Write the method with a constant and check it against the baseline: exit code and what was printed."""
    file, pairs = tmp_path / "mine.py", make_pairs()

    def run(constant: object, *arguments: str) -> tuple[int, str]:
        file.write_text(SOURCE.replace("CONSTANT", str(constant)))
        done = CliRunner().invoke(app, ["check", "--baseline", str(tmp_path / "base.csv"), *arguments])
        if isinstance(done.exception, RestobenchError):
            return 2, str(done.exception)
        return done.exit_code, done.stdout

    code, _ = run(0.99, "--update", "--method", f"{file}:Mine", "--dataset", str(pairs), "--metrics", "psnr,ssim-y")
    assert code == 0
    return run


def test_a_wrong_constant_is_caught_and_the_last_digit_is_not(check: Callable[..., tuple[int, str]]) -> None:
    """Pictures are made anew each time: nothing is taken from the run before."""
    same = check(0.99)
    noise = check(0.9900001)
    damaged = check(0.97)

    assert same == (0, "2 numbers as they were.\n")
    assert noise == same
    assert damaged[0] == REGRESSED
    assert re.search(r"MOVED +psnr of \S+mine.py:Mine on \S+, seed 0: .* \(-?[\d.]+, tolerance 0.002\)", damaged[1])
    assert "MOVED     ssim-y" in damaged[1]
    assert damaged[1].endswith("2 moved; 0 numbers as they were.\n")


def test_a_method_that_cannot_run_is_not_called_worse(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """It has an exit code of its own, and the baseline is left as it is."""
    before = (tmp_path / "base.csv").read_bytes()

    broken = check("undefined_name")
    updated = check("undefined_name", "--update")

    assert broken[0] == COULD_NOT_RUN
    assert re.search(r"NOT RUN +\S+mine.py:Mine on \S+: 3 samples failed, 'a': NameError", broken[1])
    assert "VANISHED" not in broken[1]
    assert updated[0] == 2
    assert "not updated by half" in updated[1]
    assert (tmp_path / "base.csv").read_bytes() == before


def test_a_baseline_is_updated_when_asked(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """And only then; Markdown is for the summary of a CI job."""
    assert check(0.97, "--markdown")[0] == REGRESSED
    assert "| number | old | new | difference | tolerance | |" in check(0.97, "--markdown")[1]
    assert check(0.97, "--update")[0] == 0

    assert check(0.97)[0] == 0
    assert check(0.99)[0] == REGRESSED


def number(mean: float | None = 25.0, **changed: object) -> Number:
    values = {"count": 3, "missing": 0, "infinite": 0, "fingerprint": "f" * 12, "definition": "psnr:rev=1"}
    return Number(mean=mean, **(values | changed))  # type: ignore[arg-type]


PSNR, SSIM = Key("a", "demo", 0, "psnr"), Key("a", "demo", 0, "ssim")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (number(), number(), ""),
        (number(), number(25.002), ""),
        (number(), number(25.0021), "the mean moved by more than the tolerance"),
        (number(), number(24.9979), "the mean moved by more than the tolerance"),
        (number(), number(missing=1, count=2), "of 3 values 0 missing and 0 infinite before, of 3 now 1 and 0"),
        (number(None, infinite=3, count=0), number(None, infinite=3, count=0), ""),
        (number(), number(fingerprint="e" * 12), "the data set's pictures are others"),
        (number(), number(definition="psnr:rev=2"), "the metric is defined otherwise"),
    ],
)
def test_what_counts_as_moved(old: Number, new: Number, why: str) -> None:
    """Means beyond the tolerance, lost samples, other pictures, another definition."""
    report = compare_numbers({PSNR: old}, {PSNR: new}, {})

    assert [one.why[: len(why)] for one in report.moved] == ([why] if why else [])
    assert report.exit_code == (REGRESSED if why else 0)


def test_new_and_vanished_numbers_count() -> None:
    """A metric that silently is not computed any more would never regress."""
    report = compare_numbers({PSNR: number()}, {SSIM: number()}, {})

    assert (list(report.new), list(report.vanished), report.exit_code) == ([SSIM], [PSNR], REGRESSED)
    assert lines_of(report) == [
        "NEW       ssim of a on demo, seed 0: 25",
        "VANISHED  psnr of a on demo, seed 0: 25 before",
        "1 new, 1 vanished; 0 numbers as they were.",
    ]
    assert "| psnr of a on demo, seed 0 | 25 | - | - | - | vanished |" in markdown_of(report)


def test_what_could_not_run_has_not_vanished() -> None:
    """Weights that are not there make no method worse; a number that moved elsewhere still does."""
    absent = compare_numbers({PSNR: number()}, {}, {"a on demo": "weights are missing"})
    moved = compare_numbers(
        {PSNR: number(), Key("b", "demo", 0, "psnr"): number()}, {PSNR: number(1)}, {"b on demo": "-"}
    )

    assert (absent.vanished, absent.exit_code) == ({}, COULD_NOT_RUN)
    assert moved.exit_code == REGRESSED


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Sorted, so that a change shows as the lines that changed."""
    numbers = {SSIM: number(None, infinite=3), PSNR: number(25.12346), Key("a@b", "demo@1", 3, "psnr"): number()}

    write_baseline(tmp_path / "base.csv", numbers)

    assert read_baseline(tmp_path / "base.csv") == numbers
    lines = (tmp_path / "base.csv").read_text().splitlines()
    assert lines[1] == "a,demo,0,psnr,25.12346,3,0,0,ffffffffffff,psnr:rev=1"
    assert tasks_of(numbers) == [Task("a", "demo", 0, ("psnr", "ssim")), Task("a@b", "demo@1", 3, ("psnr",))]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n", "is no baseline: its columns must be method, dataset"),
        ("{head}\na,demo,x,psnr,25,3,0,0,f,d\n", "line 2, is no line of a baseline"),
        ("{head}\na,demo,0,psnr,25,3,0,0,f,d\na,demo,0,psnr,26,3,0,0,f,d\n", "line 3, has psnr of a on demo, seed 0 a"),
    ],
)
def test_a_bad_baseline_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """It may have been merged by hand."""
    head = "method,dataset,seed,metric,mean,count,missing,infinite,fingerprint,definition"
    (tmp_path / "base.csv").write_text(text.replace("{head}", head))

    with pytest.raises(RestobenchError, match=complaint):
        read_baseline(tmp_path / "base.csv")
    with pytest.raises(RestobenchError, match=r"none.csv cannot be read: .*--update --method M --dataset D"):
        read_baseline(tmp_path / "none.csv")


@pytest.mark.parametrize("place", ["folder.csv", "file/base.csv"])
def test_where_no_baseline_can_be_written_nothing_is_run(tmp_path: Path, place: str) -> None:
    """It would be known when all methods had run."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()

    check_writable(tmp_path / "yet" / "to" / "come" / "base.csv")
    with pytest.raises(RestobenchError, match=r"\.csv cannot be written there; name another file with --baseline\.$"):
        check_writable(tmp_path / place)


def test_the_baselines_that_ship_can_be_read_and_run() -> None:
    """They name methods, data sets and metrics that are there."""
    from restobench.dataset import open_dataset
    from restobench.metrics.registry import choose_metrics
    from restobench.plugins import find_method

    folder = plugins("restobench.leaderboards")["restobench"].folder / "baselines"
    assert [path.stem for path in folder.glob("*.csv")]
    for path in folder.glob("*.csv"):
        numbers = read_baseline(find_baseline(path.stem))
        for key in numbers:
            find_method(key.method)
            choose_metrics([key.metric])
        assert {open_dataset(key.dataset).name for key in numbers}
    with pytest.raises(RestobenchError, match=r"No baseline is called 'dmo'\. Did you mean 'demo'"):
        find_baseline("dmo")


def test_tolerances_are_of_a_metrics_family() -> None:
    """Where none is known, a share of the mean."""
    assert tolerance_of("psnr-yiq", 25.0) == 0.002
    assert tolerance_of("ids-cos", 0.5) == 0.0005
    assert tolerance_of("unheard-of", 50.0) == pytest.approx(0.005)


@pytest.fixture
def workflow() -> Any:
    """The workflow that the page on leaderboards shows."""
    yaml = pytest.importorskip("yaml")
    page = (Path(__file__).parents[1] / "docs" / "leaderboards.md").read_text(encoding="utf-8")
    return yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])


@pytest.mark.parametrize(("code", "wanted"), [(0, 0), (1, 1), (2, 2), (3, 0)])
def test_the_page_s_workflow_fails_where_a_number_moved(code: int, wanted: int, workflow: Any, tmp_path: Path) -> None:
    """And not where weights are missing, which it says; run as GitHub does, with a program that ends so."""
    (job,) = workflow["jobs"].values()
    step = next(step for step in job["steps"] if "restobench check" in step.get("run", ""))
    (tmp_path / "restobench").write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    (tmp_path / "restobench").chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(summary)}

    done = subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, text=True)

    assert done.returncode == wanted, done.stderr
    assert summary.read_text() == "check --baseline mine.csv --markdown\n"
    assert ("::warning::" in done.stdout) == (code == COULD_NOT_RUN)

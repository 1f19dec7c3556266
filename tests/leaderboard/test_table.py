import csv
import io
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.leaderboard.table import as_csv, as_markdown, build, choose_runs
from restobench.results import all_runs
from restobench.signature import Signature
from restobench.store import RunFolder
from tests.test_results import PART, make


def score(folder: RunFolder, mean: float, *, missing: int = 0, definition: tuple[str, ...] = ("psnr", "rev=1")) -> None:
    """Give a run a row of summary.json."""
    import json

    signature = Signature(data=("demo@1",), metric=definition, img=("png8",), method=("m",), seed=("0",))
    row = {
        "metric": "psnr",
        "mean": mean,
        "low": mean - 1,
        "high": mean + 1,
        "count": 3 - missing,
        "missing": missing,
        "infinite": 0,
        "signature": str(signature),
    }
    folder.summary_path.write_text(json.dumps([row]))


def test_a_table_for_each_set_of_pictures(tmp_path: Path) -> None:
    """Two fingerprints are two sets, whatever they are called."""
    score(make(tmp_path, "a"), 25.123)
    score(make(tmp_path, "b"), 26.0)
    score(make(tmp_path, "a", dataset="other"), 27.0)

    text = as_markdown(choose_runs(all_runs(tmp_path)), {"psnr": 2})

    assert text.count("\n## ") == 2
    assert "| a | 1 | 25.12 [24.12, 26.12] | 3 |" in text


def test_two_definitions_never_share_a_column(tmp_path: Path) -> None:
    """A library's update may have moved the number."""
    score(make(tmp_path, "a"), 25.0)
    score(make(tmp_path, "b"), 26.0, definition=("psnr", "rev=2"))

    text = as_markdown(choose_runs(all_runs(tmp_path)), {"psnr": 2})

    assert "| method | seeds | psnr:rev=1 | psnr:rev=2 | n |" in text
    assert "| b | 1 | - | 26.00 [25.00, 27.00] | 3 |" in text


def test_what_may_not_stand_in_a_table_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """Limited, unfinished, unscored and demonstration runs."""
    score(make(tmp_path, "whole"), 25.0)
    score(make(tmp_path, "limited", samples=PART), 25.0)
    score(make(tmp_path, "toy", demonstration=True), 25.0)
    make(tmp_path, "unscored")

    board = choose_runs(all_runs(tmp_path))

    assert [record.method for record in board.records] == ["whole"]
    reasons = sorted(line.partition("): ")[2] for line in board.left_out)
    assert reasons == ["a demonstration", "not evaluated", "not every sample was restored"]


def test_a_cell_with_missing_samples_is_marked(tmp_path: Path) -> None:
    """It is a mean over other pictures than its neighbour's."""
    score(make(tmp_path, "a"), 25.0, missing=1)

    assert "25.00 [24.00, 26.00]* | 2 |" in as_markdown(choose_runs(all_runs(tmp_path)), {"psnr": 2})


def test_the_csv_keeps_every_digit(tmp_path: Path) -> None:
    """It is for programs."""
    score(make(tmp_path, "a"), 25.123456789012345)

    (row,) = csv.DictReader(io.StringIO(as_csv(choose_runs(all_runs(tmp_path)))))

    assert float(row["mean"]) == 25.123456789012345
    assert row["signature"].startswith("restobench|v1|")


def test_no_run_is_no_table(tmp_path: Path) -> None:
    """An empty leaderboard would be a file that says nothing."""
    make(tmp_path / "runs", "unscored")

    with pytest.raises(RestobenchError, match=r"no complete, evaluated run[^\n]*\n  unscored:demo .*: not evaluated"):
        build(all_runs(tmp_path / "runs"), tmp_path, {})

"""From runs to tables, from the terminal."""

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Restobench

SPEC = """
title = "Mine"
[[columns]]
dataset = "pairs"
metric = "psnr"
[[rows]]
method = "nearest"
name = "Ours"
"""


def test_runs_become_tables(restobench: Restobench, make_pairs: Callable[..., Path], tmp_path: Path) -> None:
    """All of them, or those that a file asks for; what our own linter would find is not in them."""
    runs, tables = tmp_path / "runs", tmp_path / "tables"
    (tmp_path / "table.toml").write_text(SPEC)
    names = [name for name in ("nearest", "lanczos") for name in ("--method", name)]
    ran = restobench("run", *names, "--dataset", str(make_pairs()), "--metrics", "psnr,ssim-y", "--runs", str(runs))
    assert ran.code == 0

    every = restobench("leaderboard", "build", "--runs", str(runs), "--output", str(tables))
    text = (tables / "leaderboard.md").read_text(encoding="utf-8")
    found = restobench("lint", str(tables / "leaderboard.md"), str(tables / "leaderboard.csv"))
    asked = restobench(
        "leaderboard", "build", "--runs", str(runs), "-o", str(tables), "--spec", str(tmp_path / "table.toml")
    )

    assert (every.code, asked.code) == (0, 0)
    assert every.out.startswith("3 rows in ")
    assert all(f"| {name} | 1 | " in text for name in ("bicubic", "lanczos", "nearest"))
    assert "- `restobench run --method lanczos --dataset pairs`" in text
    assert (found.code, found.out) == (0, "Nothing found.\n")
    assert "| Ours | 1 | " in (tables / "leaderboard.md").read_text(encoding="utf-8")
    assert asked.out.startswith("1 rows in ")


def test_runs_become_a_site(restobench: Restobench, make_pairs: Callable[..., Path], tmp_path: Path) -> None:
    """With every sample's page, within the size that is asked for."""
    runs, tables = str(tmp_path / "runs"), tmp_path / "tables"
    restobench("run", "--method", "nearest", "--dataset", str(make_pairs()), "--metrics", "psnr", "--runs", runs)
    build = ("leaderboard", "build", "--runs", runs, "-o", str(tables), "--anonymous")

    made = restobench(*build, "--site", "--max-size", "0.5MB")
    refused = [
        restobench(*build, "--max-size", "1MB"),
        restobench(*build, "--site", "--max-size", "huge"),
        restobench(*build, "--site", "--max-size", "1B"),
    ]

    assert made.code == 0
    assert str(tables / "site" / "index.html") in made.out
    assert len(list(tables.glob("site/pairs*/samples/*.html"))) == len(list((tmp_path / "pairs").glob("lq/*")))
    assert sum(path.stat().st_size for path in (tables / "site").rglob("*") if path.is_file()) <= 500_000
    assert [ran.code for ran in refused] == [2, 2, 2]
    assert [ran.err.split(";")[0].strip() for ran in refused[:2]] == [
        "--max-size is the site's",
        "--max-size huge is no size",
    ]
    assert refused[2].err.startswith("Without any picture the site takes ")


def test_a_cell_that_nobody_prints_cannot_be_explained(
    restobench: Restobench, make_pairs: Callable[..., Path], tmp_path: Path
) -> None:
    """One sentence, with what a cell is called."""
    runs = str(tmp_path / "runs")
    restobench("run", "--method", "nearest", "--dataset", str(make_pairs()), "--metrics", "psnr", "--runs", runs)

    ran = restobench("leaderboard", "explain", "nearest/pairs/psnr", "--runs", runs)

    assert ran.code == 2
    assert ran.err.startswith("No paper prints a number for nearest/pairs/psnr, nor for another psnr of these runs")
    assert "METHOD@VARIANT/DATASET/METRIC" in ran.err

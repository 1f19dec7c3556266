"""Results as tables for other programs."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import restobench
from restobench.errors import RestobenchError
from restobench.frames import rows_of, samples_frame, write_frame
from restobench.results import all_runs
from tests.test_compare import IDS, scored
from tests.test_results import make


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two scored runs, one of them with a seed and settings of its own, and one that was never evaluated."""
    folder = tmp_path / "runs"
    values = np.linspace(20, 30, 20)
    scored(folder, "best", [math.inf, math.nan, *values[2:]])
    other = scored(folder, "=HYPERLINK(1)", values[:10], ids=IDS[:10], seed=3)
    run = other.read_run()
    other.write_run(run | {"determinants": {"seed": 3, "settings": {"steps": 4, "mode": "fast"}}})
    make(folder, "unscored", determinants={"settings": {"steps": 15, "mode": 2}})
    return folder


def test_a_row_for_each_run_and_metric_with_all_that_made_it(runs: Path) -> None:
    """As a DataFrame whose columns have types: what is whole stays whole beside what is missing."""
    table = restobench.read_results(runs)

    best = table[(table["label"] == "best") & (table["metric"] == "psnr")].iloc[0]
    assert len(table) == 5
    assert (best["better"], best["count"], best["missing"], best["infinite"]) == ("higher", 18, 1, 1)
    assert best["low"] < best["mean"] < best["high"]
    assert best["signature"].startswith("restobench|v1|")
    assert set(table["status"]) == {"complete", "part", "not evaluated"}
    assert str(table["seed"].dtype) == str(table["setting:steps"].dtype) == "Int64"
    assert sorted(table["setting:mode"].dropna().unique()) == ["2", "fast"]


def test_only_what_is_asked_for(runs: Path) -> None:
    """Filters, metrics, order."""
    assert set(restobench.read_results(runs, where={"setting:steps": "4"})["seed"]) == {3}
    assert list(restobench.read_results(runs, metrics=["psnr"], sort="psnr")["label"])[-1] == "unscored"
    with pytest.raises(RestobenchError, match="'kind' is taken for a tag, which chooses samples"):
        restobench.read_results(runs, where={"kind": "rain"})
    with pytest.raises(RestobenchError, match="No sample of these runs has kind=rain"):
        restobench.read_results(runs, where={"kind": "rain"}, samples=True)


def test_a_row_for_each_sample(runs: Path) -> None:
    """Infinite and missing values are told apart; the runs keep their names."""
    table = restobench.read_results(runs, samples=True)

    best = table[table["label"] == "best"].set_index("id")["psnr"]
    assert len(table) == 30
    assert best["s00"] == math.inf
    assert math.isnan(best["s01"])
    assert str(table["psnr"].dtype) == "float64"
    with pytest.raises(RestobenchError, match="None of these runs was evaluated"):
        samples_frame([record for record in all_runs(runs) if record.run["label"] == "unscored"])


def test_files_hold_the_same_rows(runs: Path, tmp_path: Path) -> None:
    """Every digit, in each format; written again they are the same bytes."""
    table = restobench.read_results(runs, samples=True)
    paths = [tmp_path / f"table{suffix}" for suffix in (".csv", ".parquet", ".json")]
    for path in paths:
        write_frame(table, path)
    first = [path.read_bytes() for path in paths]

    for path in paths:
        write_frame(table, path)

    assert [path.read_bytes() for path in paths] == first
    assert pd.read_csv(paths[0])["psnr"].equals(table["psnr"])
    assert pd.read_parquet(paths[1]).equals(table)
    assert json.loads(paths[2].read_text())[:2] == rows_of(table)[:2]
    assert [row["psnr"] for row in rows_of(table)[-20:-18]] == ["inf", None]
    assert sorted(path.name for path in tmp_path.glob("table*")) == ["table.csv", "table.json", "table.parquet"]


def test_no_cell_of_csv_is_a_formula(runs: Path, tmp_path: Path) -> None:
    """A run of a stranger must not start a program on who opens the table."""
    write_frame(restobench.read_results(runs), tmp_path / "table.csv")

    text = (tmp_path / "table.csv").read_text()
    assert "'=HYPER" in text
    assert not [cell for line in text.splitlines() for cell in line.split(",") if cell.startswith(("=", "@", "+"))]


def test_a_file_that_cannot_be_written_is_a_sentence(runs: Path, tmp_path: Path) -> None:
    """With the reason."""
    table = restobench.read_results(runs)
    (tmp_path / "file").write_text("")

    with pytest.raises(RestobenchError, match=r"must end with .csv, .parquet or .json"):
        write_frame(table, tmp_path / "table.xlsx")
    with pytest.raises(RestobenchError, match="is no folder"):
        write_frame(table, tmp_path / "file" / "table.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RestobenchError, match="is a folder"):
        write_frame(table, tmp_path / "folder.csv")

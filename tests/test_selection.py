"""Choosing and sorting runs."""

from pathlib import Path

import pandas as pd
import pytest

from restobench.errors import RestobenchError
from restobench.results import RunRecord, all_runs, table_rows
from restobench.selection import choose_records, read_where, sort_records, sort_rows, sort_tagged
from restobench.signature import Signature
from tests.test_results import make


def rows(*means: tuple[str, float | None]) -> list[dict[str, object]]:
    """summary.json, as far as sorting reads it."""
    return [{"metric": name, "mean": mean, "infinite": int(mean is None)} for name, mean in means]


def record(runs: Path, label: str, *means: tuple[str, float | None], **changed: object) -> RunRecord:
    """A run with these means; None: every value is infinite."""
    folder = make(runs, label, **changed)  # type: ignore[arg-type]
    return RunRecord(folder, folder.read_run(), rows(*means))


def test_runs_are_chosen_by_what_is_true_of_them(tmp_path: Path) -> None:
    """Patterns, lists, settings; several filters hold together."""
    for steps in (4, 15):
        made = {"seed": 1, "settings": {"steps": steps, "retrained": True}}
        make(tmp_path, "resshift", variant="v3", determinants=made, finished=f"2026-01-{steps:02}")
    make(tmp_path, "bicubic", dataset="realsr")
    records = all_runs(tmp_path)

    def chosen(**where: str) -> int:
        return len(choose_records(records, {name.replace("__", ":"): value for name, value in where.items()}))

    assert chosen(method="resshift") == chosen(method="ressh*") == chosen(method="resshift@v3") == 2
    assert chosen(method="bicubic,resshift") == 3
    assert chosen(dataset="realsr") == chosen(dataset="realsr@1") == chosen(seed="0") == 1
    assert chosen(setting__steps="4", seed="1") == chosen(status="not evaluated", setting__steps="15") == 1
    assert chosen(setting__retrained="true") == 2


def test_a_filter_that_fits_nothing_lists_what_there_is(tmp_path: Path) -> None:
    """A misspelt value would else look like missing runs."""
    make(tmp_path, "resshift", determinants={"seed": 0, "settings": {"steps": 4}})
    records = all_runs(tmp_path)

    with pytest.raises(
        RestobenchError, match=r"No 'method' of these runs is called 'resshif'. Did you mean 'resshift'"
    ):
        choose_records(records, {"method": "resshif"})
    with pytest.raises(RestobenchError, match=r"No 'seed' of these runs is called '7'.\nKnown: 0"):
        choose_records(records, {"seed": "7"})
    with pytest.raises(RestobenchError, match=r"No setting of these runs is called 'step'. Did you mean 'steps'"):
        choose_records(records, {"setting:step": "4"})


def test_what_is_no_fact_of_runs_is_a_tag_of_samples() -> None:
    """Also where a tag has the name of a fact, written out."""
    where = read_where({"seed": "0", "setting:steps": "4", "kind": "rain", "tag:method": "x"})

    assert where.runs == {"seed": "0", "setting:steps": "4"}
    assert where.tags == {"kind": "rain", "method": "x"}


def test_the_best_stand_first_whichever_way_is_better(tmp_path: Path) -> None:
    """Equals stay as they stood, infinite is the best, and what has no value comes last either way."""
    one = record(tmp_path, "one", ("psnr", 30.0), ("gmsd", 0.2))
    two = record(tmp_path, "two", ("psnr", 31.0), ("gmsd", 0.1))
    same = record(tmp_path, "same", ("psnr", 30.0), ("gmsd", 0.1))
    none = record(tmp_path, "none")
    equal = record(tmp_path, "equal", ("psnr", None))
    records = [none, one, two, same, equal]

    def order(by: str, *, reverse: bool = False) -> list[str]:
        return [found.method for found in sort_records(records, by, reverse=reverse)]

    assert order("psnr") == ["equal", "two", "one", "same", "none"]
    assert order("psnr", reverse=True) == ["one", "same", "two", "equal", "none"]
    assert order("gmsd") == ["two", "same", "one", "none", "equal"]
    assert order("method") == ["equal", "none", "one", "same", "two"]
    with pytest.raises(RestobenchError, match=r"No metric or column of these runs is called 'psnrr'"):
        order("psnrr")


def test_numbers_of_two_data_sets_are_not_ranked_among_each_other(tmp_path: Path) -> None:
    """30 dB on one and 20 dB on another say nothing of the methods."""
    low = record(tmp_path, "low", ("psnr", 20.0))
    high = record(tmp_path, "high", ("psnr", 30.0), dataset="other")
    higher = record(tmp_path, "higher", ("psnr", 25.0))
    high.run["dataset"]["fingerprint"] = "e" * 64

    assert [one.method for one in sort_records([low, high, higher], "psnr")] == ["higher", "low", "high"]


def test_a_row_of_several_seeds_stands_by_its_mean(tmp_path: Path) -> None:
    """Not by its first seed."""
    noisy = [record(tmp_path, "noisy", ("psnr", 20.0 + 8 * seed), seed=seed) for seed in (0, 1)]
    steady = [record(tmp_path, "steady", ("psnr", 23.0))]
    for one in [*noisy, *steady]:
        one.summary[0] |= {
            "signature": str(Signature(("demo",), ("psnr",), ("png8",), ("m",), ("0",))),
            "missing": 0,
            "count": 3,
        }
        empty_samples(one)

    ordered = sort_rows(table_rows([*steady, *noisy]), "psnr")

    assert [row.method for row in ordered] == ["noisy", "steady"]


def empty_samples(one: RunRecord) -> None:
    pd.DataFrame({"id": ["a"], "group": ["a"]}).to_parquet(one.folder.samples_path)


def test_rows_of_a_tag_are_sorted_within_each_value(tmp_path: Path) -> None:
    """All other metrics of a run stay with it."""
    found = [
        {"dataset": "d", "method": method, "seed": 0, "value": value, "metric": metric, "mean": mean, "infinite": 0}
        for value in ("haze", "rain")
        for method, mean in (("one", 1.0), ("two", 2.0))
        for metric in ("psnr", "ssim")
    ]

    ordered = sort_tagged(found, "psnr")

    assert [(row["value"], row["method"]) for row in ordered[::2]] == [
        ("haze", "two"), ("haze", "one"), ("rain", "two"), ("rain", "one"),
    ]  # fmt: skip
    with pytest.raises(RestobenchError, match="No metric of these rows"):
        sort_tagged(found, "fsim")

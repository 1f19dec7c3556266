from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.results import all_runs, find_run, newest
from restobench.store import RunFolder, RunIdentity


def make(runs: Path, label: str, dataset: str = "demo", variant: str = "default", **changed: object) -> RunFolder:
    """A run of three samples, described and empty."""
    determinants = {"seed": changed.pop("seed", 0), "salt": str(changed)}
    folder = RunIdentity(dataset, label, variant, determinants, "a" * 64).folder(runs)
    run: dict[str, object] = {
        "label": label,
        "variant": variant,
        "demonstration": False,
        "dataset": {"name": dataset, "revision": "1", "fingerprint": "f" * 64},
        "determinants": determinants,
        "samples": {"total": 3, "restored": 3, "failed": {}, "limit": None},
        "finished": "2026-01-01T00:00:00+00:00",
        "sessions": [],
    }
    folder.write_run(run | changed)
    return folder


PART = {"total": 3, "restored": 1, "failed": {}, "limit": 1}


def test_a_run_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    """As short as it is clear."""
    folder = make(tmp_path, "resshift", variant="v3")

    for name in ("resshift", "resshift@v3", "resshift:demo", "resshift@v3:demo", str(folder.path)):
        assert find_run(tmp_path, name).folder == folder


def test_of_several_runs_the_newest_complete_one_is_meant(tmp_path: Path) -> None:
    """A run that was cut short is no result while there is a whole one."""
    make(tmp_path, "bicubic", finished="2026-01-01")
    whole = make(tmp_path, "bicubic", finished="2026-01-02")
    make(tmp_path, "bicubic", finished="2026-01-03", samples=PART)

    assert find_run(tmp_path, "bicubic").folder == whole
    assert [record.folder for record in newest(all_runs(tmp_path))] == [whole]


def test_an_ambiguous_name_lists_the_candidates(tmp_path: Path) -> None:
    """Which was meant is not ours to guess."""
    make(tmp_path, "bicubic", dataset="demo")
    make(tmp_path, "bicubic", dataset="realsr")

    with pytest.raises(RestobenchError, match="fits several runs: bicubic@default:demo, bicubic@default:realsr"):
        find_run(tmp_path, "bicubic")


def test_an_unknown_run_offers_the_nearest(tmp_path: Path) -> None:
    """And says where it looked."""
    make(tmp_path, "bicubic")

    with pytest.raises(RestobenchError, match=r"is called 'bicubik:demo'. Did you mean 'bicubic:demo'"):
        find_run(tmp_path, "bicubik:demo")
    with pytest.raises(RestobenchError, match="There are no runs in"):
        find_run(tmp_path / "elsewhere", "bicubic")


def test_seeds_and_changed_data_sets_are_runs_of_their_own(tmp_path: Path) -> None:
    """They share a name and must not hide each other."""
    make(tmp_path, "resshift", seed=0)
    make(tmp_path, "resshift", seed=1)
    make(tmp_path, "resshift", dataset="other")

    assert len(newest(all_runs(tmp_path))) == 3

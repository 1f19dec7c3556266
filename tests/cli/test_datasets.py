"""`datasets make`, `rebuild` and `recipes` at the command line, kills and a full disk included."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from restobench.cli.arguments import complete_datasets, complete_recipes
from restobench.journal import UNFINISHED
from restobench.manifest import MANIFEST
from restobench.synthesis.registry import RECIPES
from tests.cli.conftest import Restobench, finish, is_a_sentence, save, spawn
from tests.synthesis.conftest import content

MAKE = ("datasets", "make", "multi-degradation", "--source", "clean", "--workers", 1)


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six clean pictures in the folder in hand, and a place for data sets."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for number in range(6):
        save(tmp_path / "clean" / f"{number}.png", 40, 56, seed=number)
    return tmp_path / "clean"


def write_many(folder: Path, count: int, side: int) -> None:
    """Pictures that take a while."""
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        folder.mkdir(exist_ok=True)
        Image.fromarray(noise).save(folder / f"s{number:02d}.png", compress_level=1)


def test_a_set_is_made_used_and_told_apart_by_kind(restobench: Restobench, slowpack: Path) -> None:
    """From a folder of clean pictures to a table for each kind."""
    made = restobench(*MAKE)
    ran = restobench("run", "-m", "input", "-d", "multi-degradation", "--metrics", "psnr")
    by_kind, as_json = restobench("results", "--by", "kind"), restobench("results", "--by", "kind", "--json")

    assert made.code == ran.code == by_kind.code == 0
    assert "6 samples (" in made.out
    assert "6 of them made now" in made.out
    assert "Use it with --dataset multi-degradation" in made.out
    assert "multi-degradation" in restobench("datasets", "list").out
    assert "folder:" in restobench("datasets", "show", "multi-degradation").out
    assert "smallest visible" not in restobench("datasets", "show", "multi-degradation").out
    restobench("run", "-m", "bright", "-d", "multi-degradation", "--metrics", "psnr")
    shown = restobench("datasets", "show", "multi-degradation", "--json").out
    assert json.loads(shown)["smallest visible difference"]["psnr"]
    assert "multi-degradation" in complete_datasets("multi")
    rows = json.loads(as_json.out)
    assert sum(row["count"] for row in rows) == 6
    assert {row["metric"] for row in rows} == {"psnr"}
    assert all(row["value"] in by_kind.out for row in rows)
    assert is_a_sentence(restobench("results", "--by", "kin"), "Did you mean 'kind'")


def test_a_table_by_kind_is_of_the_samples_of_that_kind(restobench: Restobench) -> None:
    """Worked out here from the samples themselves."""
    import pandas as pd

    restobench(*MAKE)
    restobench("run", "-m", "input", "-d", "multi-degradation", "--metrics", "psnr")

    rows = json.loads(restobench("results", "--by", "kind", "--json").out)

    (path,) = Path("runs").rglob("samples.parquet")
    samples = pd.read_parquet(path).set_index("id")
    kinds = {
        one["id"]: one["tags"]["kind"]
        for one in json.loads((Path("datasets/multi-degradation") / MANIFEST).read_text())["samples"]
    }
    assert kinds == dict(samples["tag:kind"])
    for row in rows:
        values = [samples.loc[sample_id, "psnr"] for sample_id, kind in kinds.items() if kind == row["value"]]
        assert row["mean"] == pytest.approx(np.mean(values))
        assert row["count"] == len(values)


def test_a_table_is_of_the_samples_with_a_tag_s_value(restobench: Restobench) -> None:
    """The rows of `--by` that are asked for, and in words what there is not."""
    restobench(*MAKE)
    restobench("run", "-m", "input", "-d", "multi-degradation", "--metrics", "psnr")
    rows = json.loads(restobench("results", "--by", "kind", "--json").out)
    kind = rows[0]["value"]

    found = json.loads(restobench("results", "--where", f"kind={kind}", "--json").out)

    assert found == [row for row in rows if row["value"] == kind]
    assert restobench("results", "--where", f"kind={kind}", "--by", "kind").code == 0
    assert is_a_sentence(restobench("results", "--where", "kind=hail"), "No value of 'kind'", "'hail'")
    assert is_a_sentence(restobench("results", "--where", "kin=rain"), "Did you mean 'kind'")
    assert is_a_sentence(restobench("results", "--where", "kind"), "--where wants NAME=VALUE")


def test_what_a_card_s_recipe_makes_is_the_set_of_that_card(restobench: Restobench) -> None:
    """With its facts, found by its bare name; that the published one has more pictures is told."""
    absent = restobench("run", "-m", "input", "-d", "cbsd68")
    assert is_a_sentence(absent, "datasets make cbsd68@noise-25 --source FOLDER_OF_CLEAN_PICTURES")
    assert is_a_sentence(restobench("datasets", "prepare", "cbsd68", "--source", "clean"), "is made, and not published")

    made = restobench("datasets", "make", "cbsd68@noise-25", "--source", "clean", "--workers", 1)
    ran = restobench("run", "-m", "input", "-d", "cbsd68", "--metrics", "psnr", "--json")
    shown = restobench("datasets", "show", "cbsd68")

    assert "The published 'cbsd68@noise-25' has 68 samples." in made.out
    (row,) = json.loads(ran.out)
    assert (row["dataset"], row["revision"], row["count"]) == ("cbsd68", "noise-25", 6)
    assert row["mean"] == pytest.approx(20.2, abs=0.8)  # 20 log10(255 / 25), and what clipping takes away
    assert "cbsd68@noise-25" in shown.out
    assert is_a_sentence(restobench("run", "-m", "input", "-d", "cbsd68@noise-50"), "cbsd68@noise-50")


def test_a_set_is_rebuilt_from_its_manifest_and_a_difference_is_exit_1(restobench: Restobench) -> None:
    """And told with the pictures and the versions."""
    restobench(*MAKE)
    manifest = Path("datasets/multi-degradation") / MANIFEST
    stored = json.loads(manifest.read_text())
    stored["versions"]["numpy"] = "1.26.0"
    stored["samples"][3]["lq"]["pixels"] = "0" * 64
    Path("other.json").write_text(json.dumps(stored))

    rebuild = ("datasets", "rebuild", "--source", "clean", "--workers", 1)
    same = restobench(*rebuild, manifest, "--output", "same")
    other = restobench(*rebuild, "other.json", "--output", "other")

    assert same.code == 0
    assert "Every file is the recorded one, byte for byte." in same.out
    assert other.code == 1
    assert "1 of 6 samples have other pixels than the manifest records: 3" in other.out
    assert "The manifest was made with numpy 1.26.0 (here " in other.out


def test_recipes_are_listed_completed_and_offered(restobench: Restobench) -> None:
    """What is not known is not made."""
    listed, as_json = restobench("datasets", "recipes"), restobench("datasets", "recipes", "--json")

    assert all(name in listed.out for name in RECIPES)
    assert [row["name"] for row in json.loads(as_json.out)] == list(RECIPES)
    assert complete_recipes("mine@inter") == ["mine@interlcm", "mine@interlcm-large"]
    assert "imagenet-test" in complete_recipes("")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("make multi-degrade --source clean", ["No recipe is called 'multi-degrade'", "'multi-degradation'"]),
        ("make multi-degradation", ["Missing option '--source'"]),
        ("make multi-degradation --source nowhere", ["nowhere does not exist"]),
        ("make demo@multi-degradation --source clean", ["'demo' already is the name"]),
        ("make gfpgan --source clean", ["0.png is 56 x 40", "512 x 512"]),
        ("make multi-degradation --source clean --output clean", ["lie in each other"]),
        ("make multi-degradation --source clean --workers 0", ["--workers"]),
        ("make multi-degradation --source clean --limit 0", ["--limit"]),
        ("make multi-degradation --source clean --seed -1", ["--seed"]),
        ("rebuild nowhere.json --source clean", ["nowhere.json cannot be read"]),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    restobench: Restobench, tmp_path: Path, arguments: str, words: list[str]
) -> None:
    """Exit code 2, no traceback, and nothing written."""
    assert is_a_sentence(restobench("datasets", *arguments.split()), *words)
    assert not (tmp_path / "datasets").exists()


def kill_when_begun(process: subprocess.Popen[str], folder: Path, samples: int) -> list[psutil.Process]:
    """Kill -9 once so many samples are noted; the processes that it had started."""
    journal = folder / UNFINISHED
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") <= samples:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    return children


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_command_goes_on_and_ends_as_an_undisturbed_one(
    restobench: Restobench, tmp_path: Path, workers: int
) -> None:
    """Byte for byte; and no process is left waiting for the one that was killed."""
    write_many(tmp_path / "many", 24, 200)
    make = ("datasets", "make", "multi-degradation", "--source", "many", "--workers", workers)
    folder = tmp_path / "datasets" / "multi-degradation"

    children = kill_when_begun(spawn(*make), folder, samples=3)
    begun = (folder / UNFINISHED).read_bytes().count(b"\n") - 1
    opened = restobench("run", "-m", "input", "-d", "multi-degradation")
    gone, alive = psutil.wait_procs(children, timeout=30)
    resumed = restobench(*make[:-1], 1)
    restobench(*make[:-1], 1, "--output", "calm")

    assert is_a_sentence(opened, "is not finished: what made it was stopped")
    assert not alive
    assert len(gone) >= (2 if workers == 2 else 0)
    assert f"{24 - begun} of them made now" in resumed.out
    assert content(folder) == content(tmp_path / "calm")


def test_ctrl_c_keeps_what_was_made(restobench: Restobench, tmp_path: Path) -> None:
    """SIGTERM ends as Ctrl-C does, workers included."""
    write_many(tmp_path / "many", 24, 200)
    process = spawn("datasets", "make", "multi-degradation", "--source", "many", "--workers", 2)
    journal = tmp_path / "datasets" / "multi-degradation" / UNFINISHED
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.002)
    children = psutil.Process(process.pid).children(recursive=True)

    process.terminate()
    ended = finish(process)

    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert "the same command does the rest" in ended.err
    assert not psutil.wait_procs(children, timeout=30)[1]
    assert journal.exists()


@pytest.mark.slow
def test_a_worker_that_dies_is_one_sentence_and_costs_little(restobench: Restobench, tmp_path: Path) -> None:
    """As one does that the system kills for memory."""
    write_many(tmp_path / "many", 24, 400)
    make = ("datasets", "make", "multi-degradation", "--source", "many", "--workers")
    process = spawn(*make, 2)
    journal = tmp_path / "datasets" / "multi-degradation" / UNFINISHED
    while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
        assert process.poll() is None
        time.sleep(0.002)

    for worker in psutil.Process(process.pid).children():
        if "spawn_main" in " ".join(worker.cmdline()):
            worker.kill()
    ended = finish(process)
    resumed = restobench(*make, 1)

    assert ended.code == 2
    assert "One of 2 processes ended before its time" in ended.err
    assert "Traceback" not in ended.err
    assert resumed.code == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    small_disk: Path, tmp_path: Path, workers: int
) -> None:
    """What was written is whole."""
    write_many(tmp_path / "many", 6, 300)
    make = ("datasets", "make", "multi-degradation", "--source", "many", "--workers", workers)
    calm = finish(spawn(*make, "--output", "calm"))

    full = finish(spawn(*make, "--output", small_disk / "set"))
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    freed = finish(spawn(*make, "--output", small_disk / "set"))

    assert calm.code == freed.code == 0
    assert full.code == 2
    assert "The disk is full" in full.err
    assert "Traceback" not in full.err
    assert content(small_disk / "set") == content(tmp_path / "calm")

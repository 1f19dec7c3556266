"""What made a row, from what runs and cards say."""

from pathlib import Path
from typing import Any

import pytest

from restobench.leaderboard.making import changed_settings, command_of, command_to_measure, dataset_notes, overlap
from restobench.results import RunRecord
from tests.test_results import make


def run(tmp_path: Path, method: str, variant: str, **changed: Any) -> RunRecord:
    """A run of an installed method."""
    determinants = {"method": method, "seed": changed.pop("seed", None), **changed.pop("made", {})}
    folder = make(tmp_path, changed.pop("label", method), variant=variant, determinants=determinants, **changed)
    return RunRecord.read(folder)


def test_the_command_makes_the_run_again(tmp_path: Path) -> None:
    """Only what is not as by default is said; text is quoted for a shell."""
    plain = run(tmp_path, "bicubic", "default")
    made = {"settings": {"steps": 4, "kappa": 2.0, "retrained": True}, "dtype": "float16", "tf32": True}
    seeds = [run(tmp_path, "resshift", "v1", seed=seed, label="my own", made=made) for seed in (3, 2)]

    assert command_of([plain]) == "restobench run --method bicubic --dataset demo"
    assert command_of(seeds) == (
        "restobench run --method resshift@v1 --dataset demo --as 'my own' --set retrained=true --set steps=4 "
        "--seed 2 --seeds 2 --dtype float16 --tf32"
    )


def test_where_a_folder_lay_is_nobodys_business(tmp_path: Path) -> None:
    """A leaderboard is published; paths tell of the machine."""
    dataset = {"name": "mine", "revision": "folder", "fingerprint": "f" * 64, "reference": "/home/somebody/mine"}

    record = run(tmp_path, "bicubic", "default")

    found = command_of([RunRecord(record.folder, record.run | {"dataset": dataset}, [])])

    assert found == "restobench run --method bicubic --dataset mine"


def test_settings_are_compared_with_those_of_the_variant(tmp_path: Path) -> None:
    """Of a method that is not installed nothing is known to differ."""
    assert changed_settings(run(tmp_path, "resshift", "v1", made={"settings": {"steps": 4}})) == {"steps": (4, 15)}
    assert changed_settings(run(tmp_path, "resshift", "v3", made={"settings": {"steps": 4}})) == {}
    assert changed_settings(run(tmp_path, "gone", "v1", made={"settings": {"steps": 4}})) == {}


@pytest.mark.parametrize(
    ("dataset", "trained", "note"),
    [
        ("imagenet-test", "ImageNet (training part) and FFHQ", "trained on ImageNet"),
        ("celeba-test", "FFHQ at 512 x 512", ""),
        ("demo", "most pictures", ""),
    ],
)
def test_training_data_of_the_same_name_is_pointed_out(tmp_path: Path, dataset: str, trained: str, note: str) -> None:
    """It need be no overlap; whoever reads the table should look."""
    method = {"licence": "MIT", "training_data": trained}
    record = RunRecord.read(make(tmp_path, "a", dataset, method=method))

    assert overlap(record).startswith(note)
    assert bool(overlap(record)) == bool(note)


def test_a_data_sets_licence_is_its_cards() -> None:
    """Of a revision that no card describes nothing is said."""
    (note,) = dataset_notes("demo", "1")

    assert note.startswith("demo@1: licence astronaut (NASA)")
    assert dataset_notes("demo", "99") == dataset_notes("unknown", "1") == ()


def test_what_would_measure_a_number_is_a_command_that_suffices() -> None:
    """A stochastic method needs several seeds before its number can be called reproduced."""
    commands = [command_to_measure(method, "realsr", "psnr") for method in ("bicubic", "resshift@v1", "gone", None)]

    assert commands == [
        "restobench run --method bicubic --dataset realsr --metrics psnr",
        "restobench run --method resshift@v1 --dataset realsr --metrics psnr --seeds 5",
        "restobench run --method gone --dataset realsr --metrics psnr",
        "restobench evaluate --restored DIR --dataset realsr --as NAME --metrics psnr",
    ]

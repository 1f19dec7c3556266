"""Training with and without the contrastive term, and the comparison."""

import subprocess
import sys
from pathlib import Path

import pytest

SMALL = (
    "generator={dim=8,num_blocks=[1,1,1,1],num_refinement_blocks=1}",
    "discriminator.width=4",
    "crop=32",
    "held_out_crops=2",
    "training.iterations=2",
    "training.workers=0",
    "training.validate_every=2",
    "data.drawn={count=4,size=64,held_out=2}",
)


def ablation(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The command, in a folder of its own."""
    command = [sys.executable, "-m", "restobench_methods.ufrgan.ablation", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.slow
def test_one_command_trains_each_form_and_compares_them(tmp_path: Path) -> None:
    """By restobench's own commands; and again it goes on where it was, which is the end."""
    words = ["--output", "ablation", *(word for change in SMALL for word in ("--set", change))]

    first, second = ablation(*words, folder=tmp_path), ablation(*words, folder=tmp_path)

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert "contrast-none" in first.stdout
    assert "95 % interval" in first.stdout
    assert first.stdout.count("$ restobench train") == 2
    assert second.stderr.count("Was already trained") == 2
    for form in ("none", "frequency"):
        assert (tmp_path / "ablation" / form / "checkpoints" / "best.safetensors").is_file()


@pytest.mark.parametrize("forms", [["none"], ["none", "frequency", "none"]])
def test_fewer_than_two_forms_are_no_ablation(forms: list[str], tmp_path: Path) -> None:
    """Exit code 2, before anything is trained."""
    ended = ablation(*(word for form in forms for word in ("--form", form)), folder=tmp_path)

    assert ended.returncode == 2
    assert "at least two forms, each once" in ended.stderr
    assert not list(tmp_path.iterdir())

"""The log of a training."""

from pathlib import Path

import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from restobench.train.log import Log


def test_a_resumed_log_drops_what_came_after_the_state(tmp_path: Path) -> None:
    """Rows that will be written again, and one that a kill cut off."""
    with Log(tmp_path, after=0, tensorboard=False) as log:
        for iteration in (10, 20, 30):
            log.losses(iteration, {"loss": 1 / iteration, "rate": 1e-4})
    with (tmp_path / "log.csv").open("a") as file:
        file.write("40,0.0")

    with Log(tmp_path, after=20, tensorboard=False) as log:
        log.losses(30, {"loss": 0.5, "rate": 1e-4})

    assert (tmp_path / "log.csv").read_text().split() == [
        "iteration,loss,rate", "10,0.1,0.0001", "20,0.05,0.0001", "30,0.5,0.0001",
    ]  # fmt: skip


def test_samples_are_a_picture_with_a_row_each(tmp_path: Path) -> None:
    """From what is given, on the left, to what is wanted."""
    with Log(tmp_path, after=0, tensorboard=False) as log:
        log.samples(7, torch.rand(2, 3, 3, 10, 12))

    with Image.open(tmp_path / "samples" / "00000007.png") as grid:
        assert grid.size == (3 * 14 + 2, 2 * 12 + 2)


def test_tensorboard_reads_the_same_values(tmp_path: Path) -> None:
    """For those who watch a training in it."""
    with Log(tmp_path, after=0, tensorboard=True) as log:
        log.losses(3, {"loss": 0.25})
        log.validation(3, {"psnr": 30.0})

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("training/loss")] == [(3, 0.25)]
    assert [(event.step, event.value) for event in events.Scalars("validation/psnr")] == [(3, 30.0)]

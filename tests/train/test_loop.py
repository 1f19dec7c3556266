"""The loop, with a recipe that trains in a second."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from restobench.checkpoint import read_configuration
from restobench.errors import RestobenchError
from restobench.train.loop import StoppedError, train
from tests.train.smoothing import Smoothing, settings


def curve(folder: Path, name: str = "log.csv") -> list[dict[str, str]]:
    """The rows of a log, without the seconds, which no two trainings share."""
    with (folder / name).open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def run(folder: Path, iterations: int, workers: int = 0) -> subprocess.Popen[str]:
    """A training in a process of its own."""
    command = [sys.executable, "-m", "tests.train.smoothing", str(folder), str(iterations), str(workers)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for_state(folder: Path, process: subprocess.Popen[str], iteration: int) -> None:
    """Until the state of this iteration, or a later one, is there."""
    for _ in range(3000):
        states = [int(path.name) for path in folder.glob("state/*") if path.name.isdigit()]
        if states and max(states) >= iteration:
            return
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("no state came")


def test_a_training_leaves_log_samples_checkpoints_and_state(tmp_path: Path) -> None:
    """Everything a person looks at afterwards."""
    seen: list[int] = []

    said: list[str] = []

    done = train(
        "smoothing",
        Smoothing,
        settings(13),
        tmp_path,
        listener=lambda number, _: seen.append(number),
        say=said.append,
        device="cpu",
    )

    assert (done, seen, said) == (13, list(range(1, 14)), ["It smooths."])
    assert [row["iteration"] for row in curve(tmp_path)] == ["4", "8", "12"]
    assert [row["iteration"] for row in curve(tmp_path, "validation.csv")] == ["5", "10", "13"]
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == [
        "00000006.png", "00000012.png", "00000013.png",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["00000013"]
    last = read_configuration(tmp_path / "checkpoints" / "last.safetensors")
    assert last is not None
    assert (last["recipe"], last["iteration"], last["network"]) == ("smoothing", 13, {"channels": 3})
    assert last["configuration"]["training"]["seed"] == 7
    assert last["remarks"] == ["It smooths."]
    assert load_file(tmp_path / "checkpoints" / "last.safetensors")["weight"].shape == (3, 3, 3, 3)


def test_the_best_checkpoint_is_that_of_the_best_validation(tmp_path: Path) -> None:
    """Not the last one's, where that is worse."""
    train("smoothing", Smoothing, settings(20), tmp_path, device="cpu")

    rows = curve(tmp_path, "validation.csv")
    best = max(rows, key=lambda row: float(row["psnr"]))
    made = read_configuration(tmp_path / "checkpoints" / "best.safetensors")
    assert made is not None
    assert made["iteration"] == int(best["iteration"])


def test_killed_trainings_give_the_curve_of_an_undisturbed_one(tmp_path: Path) -> None:
    """kill -9 three times, each time resumed with another number of workers."""
    whole = run(tmp_path / "whole", 150)
    killed = tmp_path / "killed"
    for workers, after in ((0, 10), (2, 50), (1, 100)):
        process = run(killed, 150, workers)
        wait_for_state(killed, process, after)
        process.kill()
        process.communicate()

    for process in (whole, run(killed, 150)):
        _, error = process.communicate()
        assert process.returncode == 0, error
    assert curve(killed) == curve(tmp_path / "whole")
    assert curve(killed, "validation.csv") == curve(tmp_path / "whole", "validation.csv")
    for which in ("last", "best"):
        name = f"checkpoints/{which}.safetensors"
        weights, others = load_file(killed / name), load_file(tmp_path / "whole" / name)
        assert all(torch.equal(weights[key], others[key]) for key in others)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_finishes_the_iteration_and_saves(tmp_path: Path, number: int) -> None:
    """Ctrl-C and a scheduler's warning lose nothing."""
    asked: list[int] = []

    def listener(iteration: int, _: object) -> None:
        asked.append(iteration)
        if iteration == 4:
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match=r"^Stopped after iteration 5 of 50; the same command goes on\.$"):
        train("smoothing", Smoothing, settings(50), tmp_path, listener=listener, device="cpu")

    assert asked[-1] == 5
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["00000005"]
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)


def test_a_scheduler_that_stops_the_whole_group_loses_nothing(tmp_path: Path) -> None:
    """SIGTERM to every process of the job, workers included, as Slurm sends it: the last state is left, and said."""
    command = [sys.executable, "-m", "tests.train.smoothing", str(tmp_path), "100000", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for_state(tmp_path, process, 3)

    os.killpg(process.pid, signal.SIGTERM)

    _, error = process.communicate(timeout=120)
    assert "StoppedError: Stopped " in error
    assert [path.name.isdigit() for path in (tmp_path / "state").iterdir() if not path.name.startswith(".")] == [True]


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    """The same command a second time does nothing."""
    train("smoothing", Smoothing, settings(4), tmp_path, device="cpu")
    before = (tmp_path / "checkpoints" / "last.safetensors").stat().st_mtime_ns

    assert train("smoothing", Smoothing, settings(4), tmp_path, device="cpu") == 0

    assert (tmp_path / "checkpoints" / "last.safetensors").stat().st_mtime_ns == before


def test_a_folder_takes_no_other_configuration(tmp_path: Path) -> None:
    """A curve whose first half had another seed is nobody's; how often is logged may change."""
    train("smoothing", Smoothing, settings(4), tmp_path, device="cpu")

    with pytest.raises(RestobenchError, match=r"another configuration: training\.seed = 8 \(was 7\)\. Name another"):
        train("smoothing", Smoothing, settings(4, seed=8), tmp_path, device="cpu")
    with pytest.raises(RestobenchError, match=r"training\.iterations = 9 \(was 4\)"):
        train("smoothing", Smoothing, settings(9), tmp_path, device="cpu")
    with pytest.raises(RestobenchError, match="holds a training of smoothing; name another folder"):
        train("other", Smoothing, settings(4), tmp_path, device="cpu")
    assert train("smoothing", Smoothing, settings(4, log_every=1, workers=1), tmp_path, device="cpu") == 0


class Diverging(Smoothing):
    """Its loss stops being a number."""

    def step(self, batch, iteration, generators):  # type: ignore[no-untyped-def]
        values = super().step(batch, iteration, generators)
        return values | {"loss": float("nan")} if iteration == 8 else values


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_state_before(tmp_path: Path) -> None:
    """What came of the broken iteration is not saved."""
    with pytest.raises(RestobenchError, match=r"^Iteration 8 gave loss nan; the state before is kept in "):
        train("smoothing", Diverging, settings(20), tmp_path, device="cpu")

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["00000006"]


class Unreadable(Smoothing):
    """One of its pictures cannot be read."""

    def example(self, number):  # type: ignore[no-untyped-def]
        if number == 10:
            raise RestobenchError("photo.png is cut off; get it again.")
        return super().example(number)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_cannot_be_read_is_named_in_one_sentence(tmp_path: Path, workers: int) -> None:
    """A worker's traceback is no message for a user."""
    with pytest.raises(RestobenchError, match=r"^photo\.png is cut off; get it again\.$"):
        train("smoothing", Unreadable, settings(20, workers), tmp_path, device="cpu")


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    """With what to do about it."""
    train("smoothing", Smoothing, settings(3), tmp_path, device="cpu")
    shared = tmp_path / "state" / "00000003" / "shared.pt"
    shared.write_bytes(shared.read_bytes()[:100])
    content = json.loads((tmp_path / "configuration.json").read_text())
    assert content["recipe"] == "smoothing"

    with pytest.raises(RestobenchError, match=r"00000003 cannot be read .*delete it to begin anew"):
        train("smoothing", Smoothing, settings(3), tmp_path, device="cpu")


def test_weights_can_be_stored_in_half_the_room(tmp_path: Path) -> None:
    """For checkpoints that ship; the training itself is the same."""
    train("smoothing", Smoothing, settings(4), tmp_path / "whole", device="cpu")
    train("smoothing", Smoothing, settings(4, store_as="float16"), tmp_path / "half", device="cpu")

    half = load_file(tmp_path / "half" / "checkpoints" / "last.safetensors")
    whole = load_file(tmp_path / "whole" / "checkpoints" / "last.safetensors")
    assert half["weight"].dtype == torch.float16
    torch.testing.assert_close(half["weight"], whole["weight"].half())

"""A program of somebody else's as a method: run once on a folder, or kept running."""

from __future__ import annotations

import hashlib
import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.image import read_array, to_eight_bit, to_tensor, write_picture
from restobench.method import Setup
from restobench.noise import Noise
from restobench_methods.command.conversation import Worker, WorkerDiedError, is_whole
from restobench_methods.command.program import Program, fill, how_it_ended

START_SECONDS = 600.0
"""A program that is not ready by then has not begun to serve."""
TRIES = 2
"""Starts that a picture is worth: a program may die of what came before, but hardly twice."""
STARTS_IN_A_ROW = 5
"""After so many starts without one answer the rest of the pictures is given up."""


def command(setup: Setup) -> RunCommand | WorkerCommand:
    """The method for the setting that was given."""
    return RunCommand(setup) if setup.settings["run"] else WorkerCommand(setup)


def _values(setup: Setup, line: str) -> dict[str, object]:
    if setup.scale is None and "{scale}" in line:
        raise RestobenchError("The command holds {scale}, and nothing says how many times larger: give --scale.")
    return {"device": setup.device, "scale": setup.scale}


class RunCommand:
    """A program that restores a folder."""

    def __init__(self, setup: Setup) -> None:
        """Check that the program is there; raises RestobenchError."""
        self.line = str(setup.settings["run"])
        self.values = _values(setup, self.line)
        self.timeout = float(setup.settings["timeout"]) or None
        self.log = setup.log
        fill(self.line, self.values | {"input": "", "output": "", "seed": 0})

    def restore_folder(self, lq_dir: Path, restored_dir: Path, *, seed: int) -> None:
        """Run the program once.

        Raises:
            RestobenchError: It ended with an exit code other than 0, or not in time.
        """
        paths = {"input": lq_dir, "output": restored_dir}
        program = Program(fill(self.line, {**self.values, **paths, "seed": seed}), self.log)
        code = None
        try:
            code = program.wait(self.timeout)
        except TimeoutError:
            pass
        finally:
            program.end()
        if code != 0:
            how = how_it_ended(code) if code is not None else f"killed after the timeout of {self.timeout:g} s"
            last_words = program.last_words()
            raise RestobenchError(f"The program did not end well: {how}" + (f": {last_words}" if last_words else "."))


class WorkerCommand:
    """A program that is kept running, and restores a picture for each line that it is sent."""

    def __init__(self, setup: Setup) -> None:
        """Start the program and wait until it is ready.

        Raises:
            RestobenchError: It is not there, or ends before it is ready.
        """
        line = str(setup.settings["worker"])
        self.words = fill(line, _values(setup, line))
        self.scale = setup.scale
        self.timeout = float(setup.settings["timeout"]) or None
        self.log = setup.log
        self.reported_seconds = 0.0
        self._folder = Path(mkdtemp(prefix="restobench-"))
        # Whoever drops this method, or ends Python, ends what it began; nobody has to remember it.
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._pictures = 0
        self._starts = 0
        self._worker: Worker | None = None
        setup.audit["program"] = self._running().ready

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, scale H, scale W), from PNGs that the program wrote; one after the other.

        The program is told a seed that is the picture's own, made of its noise: neither the
        order nor a restart changes what it draws.

        Raises:
            RestobenchError: The program says that it cannot, writes no picture, dies or hangs.
        """
        drawn = noise.part("seed").draw((4,))
        self.reported_seconds = 0.0
        restored = [
            self._restore_one(picture, sample_id, _seed(numbers))
            for picture, sample_id, numbers in zip(lq, noise.ids, drawn, strict=True)
        ]
        return torch.stack(restored).to(lq.device)

    def _restore_one(self, picture: Tensor, sample_id: str, seed: int) -> Tensor:
        self._pictures += 1
        lq_path, restored_path = (self._folder / f"{self._pictures}-{what}.png" for what in ("lq", "restored"))
        write_picture(lq_path, to_eight_bit(picture))
        try:
            answer = self._ask(
                {
                    "id": sample_id,
                    "input": str(lq_path),
                    "output": str(restored_path),
                    "seed": seed,
                    "scale": self.scale,
                }
            )
            if not answer["ok"]:
                raise RestobenchError(f"The program says: {answer['error']}")
            if not restored_path.exists():
                raise RestobenchError("The program says that it is done, and wrote no picture.")
            self.reported_seconds += answer["seconds"]
            return to_tensor(read_array(restored_path))
        finally:
            lq_path.unlink(missing_ok=True)
            restored_path.unlink(missing_ok=True)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The program's answer. Where it dies it is started once more; one that hangs is not asked again."""
        for tries_left in reversed(range(TRIES)):
            worker = self._running()
            try:
                answer = worker.ask(request, self.timeout)
            except WorkerDiedError as death:
                self._end()
                if not tries_left:
                    raise RestobenchError(f"The program died of it {TRIES} times ({death}).") from None
            except TimeoutError:
                self._end()
                raise RestobenchError(
                    f"The program took longer than the timeout of {self.timeout:g} s, and was killed."
                ) from None
            except BaseException:
                self._end()  # above all: the user interrupts
                raise
            else:
                self._starts = 0
                if is_whole(answer, request["id"]):
                    return answer
                self._end()
                raise RestobenchError(f"The program answered what is no answer for this picture: {answer}")
        raise AssertionError("the last try returns or raises")

    def _running(self) -> Worker:
        if self._worker is None:
            if self._starts == STARTS_IN_A_ROW:
                raise RestobenchError(f"The program was given up: {STARTS_IN_A_ROW} starts in a row, and no answer.")
            self._starts += 1
            worker = Worker(self.words, self.log)
            self._finalizer = weakref.finalize(self, worker.end)
            self._worker = worker
            try:
                worker.wait_until_ready(START_SECONDS)
            except BaseException:
                self._end()
                raise
        return self._worker

    def _end(self) -> None:
        if self._worker is not None:
            self._worker = None
            self._finalizer()


def _seed(numbers: Tensor) -> int:
    """A whole number below 2**31 from four drawn ones."""
    return int.from_bytes(hashlib.sha256(numbers.cpu().numpy().tobytes()).digest()[:4], "little") >> 1

"""Samples made and written, in this process or in several; which of them makes no byte different.

Processes and not threads: much of a degradation is many short calls, between which threads of
one interpreter wait for each other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restobench.ahead import in_order
from restobench.errors import RestobenchError
from restobench.files import sha256_of
from restobench.image import read_array
from restobench.manifest import MadeSample
from restobench.synthesis.folder import SetFolder
from restobench.synthesis.recipe import Parameters, Recipe
from restobench.synthesis.registry import maker_of

SAMPLES_A_WORKER = 32
"""As long as these take, a worker takes to start: some recipes import torch."""


@dataclass(frozen=True)
class Job:
    """A sample to be made."""

    id: str
    source: Path
    """Its clean picture."""
    name: str
    """Of the clean picture, below the folder of clean pictures."""
    parameters: Parameters


Outcome = MadeSample | RestobenchError


def make_all(
    jobs: Sequence[Job], recipe: Recipe, folder: SetFolder, workers: int | None
) -> Iterator[tuple[Job, Outcome]]:
    """Make every sample; in the order of the jobs, each with what came of it.

    Raises:
        RestobenchError: A process ended before its time.
        OSError: A picture cannot be written.
    """
    make = partial(make_sample, recipe=recipe, folder=folder)
    workers = min(workers or os.cpu_count() or 1, len(jobs) if workers else len(jobs) // SAMPLES_A_WORKER)
    if workers <= 1:
        with _one_thread():
            for job in jobs:
                try:
                    outcome: Outcome = make(job)
                except RestobenchError as error:
                    outcome = error
                yield job, outcome
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (recipe,)) as pool:
        try:
            yield from in_order(pool, jobs, make, ahead=2 * workers)
        except BrokenProcessPool:
            raise RestobenchError(
                f"One of {workers} processes ended before its time, perhaps for want of memory. "
                "What was made is kept; give the same command with fewer --workers."
            ) from None


def make_sample(job: Job, recipe: Recipe, folder: SetFolder) -> MadeSample:
    """Make and write one sample.

    Raises:
        RestobenchError: Its clean picture cannot be read, or has a size that the recipe cannot take.
        OSError: A picture cannot be written.
    """
    maker = maker_of(recipe)
    picture = _eight_bit(read_array(job.source))
    if misfit := recipe.misfit(picture.shape[1], picture.shape[0]):
        raise RestobenchError(f"{job.source} is {misfit}.")
    try:
        pair = maker.make(picture, job.parameters)
    except RestobenchError as error:
        raise RestobenchError(f"{job.source}: {error}") from None
    return MadeSample(
        id=job.id,
        source=job.name,
        source_sha256=sha256_of(job.source),
        gt=folder.write("gt", job.id, pair.gt),
        lq=folder.write("lq", job.id, pair.lq),
        tags=maker.tags(job.parameters),
        parameters=job.parameters,
    )


def _eight_bit(stored: NDArray[Any]) -> NDArray[np.uint8]:
    # 65,535 is 257 times 255.
    return np.asarray(stored if stored.dtype == np.uint8 else np.rint(stored / 257), np.uint8)


def _begin(recipe: Recipe) -> None:
    """What a worker process does first."""
    # Ctrl-C goes to all processes; the one that gives out the work ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    maker_of(recipe)
    _set_threads(1, 1)


def _end_with_the_parent() -> None:
    """Killed outright, the parent could not end its workers, and they would wait for work for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let the libraries compute in one thread, as they do in a worker: sums keep their order."""
    torch = sys.modules.get("torch")
    before = cv2.getNumThreads(), torch.get_num_threads() if torch else 1
    _set_threads(1, 1)
    try:
        yield
    finally:
        _set_threads(*before)


def _set_threads(of_opencv: int, of_torch: int) -> None:
    cv2.setNumThreads(of_opencv)
    # Recipes that compute with torch have imported it; the others need not.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(of_torch)

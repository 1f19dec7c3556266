"""One batch through a method, and again where it fails: in halves, picture by picture, once more.

A failure is one picture's, and a lack of memory the batch's: from there on batches are smaller.
Noise belongs to the picture, so that no new attempt changes what is drawn. Knows pictures in
memory and no file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restobench.batching import BatchSizes, Shape
from restobench.dataset import Sample
from restobench.errors import RestobenchError, in_words
from restobench.image import to_eight_bit, to_tensor
from restobench.method import SelfTimed
from restobench.noise import Noise
from restobench.patience import TookTooLongError, time_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from restobench.method import Method


class Picture(NamedTuple):
    """A sample as it was read: arrays of 8 or 16 bits, (H, W, 3) and (H, W) or None."""

    lq: NDArray[np.uint8] | NDArray[np.uint16]
    mask: NDArray[np.bool_] | None

    @property
    def kind(self) -> Shape:
        """What it has in common with those that it can share a batch with."""
        return (*self.lq.shape, self.mask is not None)


Batch = list[tuple[Sample, Picture]]
"""Of one size."""


class Inputs(NamedTuple):
    """A batch as a method takes it, but still in the host's memory."""

    lq: Tensor
    """(B, 3, H, W), float32, sRGB in [0, 1]."""
    mask: Tensor | None
    """(B, 1, H, W), float32, 1 = hole."""


def put_together(batch: Batch, device: str) -> Inputs:
    """The pictures as tensors; for a graphics card in memory that is copied from without a detour."""
    (_, first), pinned = batch[0], device.startswith("cuda")
    height, width = first.lq.shape[:2]
    lq = torch.empty((len(batch), 3, height, width), pin_memory=pinned)
    for place, (_, picture) in zip(lq, batch, strict=True):
        to_tensor(picture.lq, out=place)
    if first.mask is None:
        return Inputs(lq, None)
    mask = torch.empty((len(batch), 1, height, width), pin_memory=pinned)
    for place, (_, picture) in zip(mask.numpy(), batch, strict=True):
        place[0] = picture.mask
    return Inputs(lq, mask)


@dataclass
class Outcome:
    """What became of some pictures, by sample id."""

    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[str], checking: Future[Checked]) -> None:
        """Take in the pictures of a call, once they are looked at."""
        try:
            checked = checking.result()
        except Exception as error:  # memory ran out, or a dtype that nobody can round
            self.failures |= dict.fromkeys(ids, in_words(error))
            return
        for sample_id, picture, well in zip(ids, checked.pictures, checked.numbers, strict=True):
            if well:
                self.pictures[sample_id] = picture
            else:
                self.failures[sample_id] = "The restored picture holds values that are not numbers."


class Checked(NamedTuple):
    """What a method returned, as it is saved."""

    pictures: NDArray[np.uint8]
    """(B, H, W, 3)."""
    numbers: list[bool]
    """Of each picture, whether all its values were numbers."""


def check(restored: Tensor, _let_go: object = None) -> Checked:
    """(B, 3, H, W) in 8 bits, and whether there was anything to round.

    What else is given is let go when this is done. To give the memory of large tensors back takes a
    millisecond or two, which the thread that calls the method has better uses for.
    """
    return Checked(to_eight_bit(restored), _are_numbers(restored))


@dataclass
class Begun:
    """A batch that the method has returned, or has failed, and whose pictures are still looked at."""

    batch: Batch
    outcome: Outcome = field(default_factory=Outcome)
    """What is known of it already."""
    unchecked: list[tuple[list[str], Future[Checked]]] = field(default_factory=list)
    """The samples of each call that went well."""


class _FailedError(Exception):
    """The whole batch failed, in these words."""

    def __init__(self, text: str, *, out_of_memory: bool) -> None:
        super().__init__(text)
        self.out_of_memory = out_of_memory


@dataclass
class Attempts:
    """How batches are restored, and what was learnt of their size."""

    method: Method
    seed: int
    scale: int | None
    device: str
    sizes: BatchSizes
    """How many pictures fit: halved where memory runs out."""
    retries: int = 0
    """How often a picture that failed is tried again."""
    timeout: float | None = None
    """Seconds that a picture may take; None: as long as it likes."""
    recovered: list[str] = field(default_factory=list)
    """The pictures that came out only when they were tried again."""
    pool: Executor | None = None
    """Threads that look at what came back; None: that is done before the next call."""

    def begin(self, batch: Batch, ready: Future[Inputs] | None = None) -> Begun:
        """Call the method with the pictures of a batch; those that fail in it alone.

        Args:
            batch: Pictures of one size.
            ready: The same as tensors, where somebody puts them together already.
        """
        begun = Begun(batch)
        self._call(batch, ready, begun)
        return begun

    def settle(self, begun: Begun) -> Outcome:
        """Wait until the pictures are looked at, and try again what failed, as often as asked."""
        outcome = begun.outcome
        while begun.unchecked:
            outcome.add(*begun.unchecked.pop(0))
        for one in begun.batch:
            outcome = self._tried_again(one, outcome)
        outcome.seconds = {name: seconds for name, seconds in outcome.seconds.items() if name in outcome.pictures}
        return outcome

    def _call(self, batch: Batch, ready: Future[Inputs] | None, begun: Begun) -> None:
        kind = batch[0][1].kind
        if len(batch) > (size := self.sizes.of(kind)):  # it was put together before memory ran out
            # On the way the size may become smaller still.
            for at in range(0, len(batch), size):
                self._call(batch[at : at + size], None, begun)
            return
        # What is raised holds the method's frames, and they its memory: it must be gone before the next try.
        failed, out_of_memory = None, False
        try:
            self._once(batch, ready, begun)
        except _FailedError as error:
            failed, out_of_memory = str(error), error.out_of_memory
        if failed is None:
            return
        ready = None
        if out_of_memory:
            _free_memory()
        if len(batch) == 1:
            begun.outcome.failures[batch[0][0].id] = failed
        elif out_of_memory:
            fits = self.sizes.ran_out(kind, len(batch))
            begun.outcome.notes.append(f"Out of memory with {len(batch)} pictures at a time; from there on {fits}.")
            self._call(batch, None, begun)
        else:
            for one in batch:
                self._call([one], None, begun)

    def _tried_again(self, one: tuple[Sample, Picture], outcome: Outcome) -> Outcome:
        """A picture that failed once more, alone, as often as is asked for."""
        sample_id = one[0].id
        for _ in range(self.retries):
            if sample_id not in outcome.failures:
                break
            again = Begun([one])
            try:
                self._once([one], None, again)
            except _FailedError as error:
                outcome.failures[sample_id] = str(error)
                continue
            ((ids, checking),) = again.unchecked
            outcome.failures.pop(sample_id)
            outcome.seconds |= again.outcome.seconds
            outcome.add(ids, checking)
            if sample_id in outcome.pictures:
                self.recovered.append(sample_id)
        return outcome

    def _once(self, batch: Batch, ready: Future[Inputs] | None, begun: Begun) -> None:
        """One call of the method.

        Raises:
            _FailedError: It raised, took too long, ran out of memory, or returned another shape.
        """
        ids = [sample.id for sample, _ in batch]
        try:
            inputs = ready.result() if ready else put_together(batch, self.device)
            lq = self._moved(inputs.lq)
            mask = None if inputs.mask is None else self._moved(inputs.mask)
            with time_limit(self.timeout and self.timeout * len(batch)):
                _synchronise(self.device)
                started = time.perf_counter()
                with torch.inference_mode():
                    restored = self.method.restore(lq, Noise.of_seed(self.seed, ids), mask)
                _synchronise(self.device)
                seconds = (time.perf_counter() - started) / len(batch)
            if isinstance(self.method, SelfTimed):
                seconds = self.method.reported_seconds
            _check_shape(restored, lq, self.scale)
            begun.unchecked.append((ids, self._checking(restored, inputs)))
        except TookTooLongError:
            raise _FailedError(f"Took longer than {self.timeout:g} s (--timeout).", out_of_memory=False) from None
        except Exception as error:
            raise _FailedError(in_words(error), out_of_memory=is_out_of_memory(error)) from None
        begun.outcome.seconds |= dict.fromkeys(ids, seconds)
        self.sizes.took(batch[0][1].kind, len(batch), seconds)

    def _moved(self, part: Tensor) -> Tensor:
        if self.device == "cpu":  # what does nothing still lets other threads go first, and waits for them
            return part
        # For a graphics card it is pinned. To ask takes milliseconds where torch knows CUDA and there is no card.
        return part.to(self.device, non_blocking=self.device.startswith("cuda"))

    def _checking(self, restored: Tensor, inputs: Inputs) -> Future[Checked]:
        """Look at what came back: a graphics card at once, a processor in a thread, while the method goes on."""
        if self.pool and restored.device.type == "cpu":
            # The method may use the memory again.
            return self.pool.submit(check, restored.detach().clone(), (restored, inputs))
        done: Future[Checked] = Future()
        done.set_result(check(restored))
        return done


def _check_shape(restored: Tensor, lq: Tensor, scale: int | None) -> None:
    wanted = (lq.shape[0], 3, lq.shape[2] * (scale or 1), lq.shape[3] * (scale or 1))
    if scale is None:
        wanted = (lq.shape[0], 3, *restored.shape[2:])
    if tuple(restored.shape) != wanted:
        raise RestobenchError(f"The method returned the shape {tuple(restored.shape)}; {wanted} was wanted.")


def _are_numbers(restored: Tensor) -> list[bool]:
    """Of each picture, whether all its values are: neither NaN nor infinite."""
    # A sum is not where one value is not. It takes a tenth of the time, but can be too large by itself.
    sums = restored.detach().flatten(1).sum(dim=1).isfinite().tolist()
    return [well or bool(picture.isfinite().all()) for well, picture in zip(sums, restored, strict=True)]


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on whichever device; the CPU's allocator has no error of its own."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _free_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

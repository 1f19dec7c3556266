"""Stage 1: a data set through a method to pictures on disk, with the time it took.

Knows methods, knows no metric. Can be stopped, resumed and repeated alone: a picture
that is there is not restored again.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from restobench.dataset import Sample, read_ahead, size_ratio
from restobench.errors import RestobenchError, in_words
from restobench.exchange import Exchange
from restobench.files import writing
from restobench.image import picture_size, read_array, to_eight_bit, to_tensor, write_picture
from restobench.method import FolderMethod, SelfTimed
from restobench.noise import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from restobench.method import Method

Advance = Callable[[int, int], None]
"""(pictures done, pictures failed) since the last call."""


class Picture(NamedTuple):
    """A sample as it was read: arrays of 8 or 16 bits, (H, W, 3) and (H, W) or None."""

    lq: NDArray[np.uint8] | NDArray[np.uint16]
    mask: NDArray[np.bool_] | None


@dataclass
class Restored:
    """What a call of `restore_samples` did."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Per picture, inside the method: its batch's time divided by the batch.

    A folder's is divided by its pictures; what is behind a pipe says itself.
    """
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is no picture's failure, and still to be said."""
    wall_seconds: float = 0.0
    """Reading, restoring and writing, from the first picture to the last."""
    stopped: bool = False
    """Whether it gave up because too many had failed."""


@dataclass(frozen=True)
class FailureLimit:
    """How many failures a run bears: a number, or a share of its pictures."""

    number: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> FailureLimit:
        """`10`, `0.1` or `10%`.

        Raises:
            RestobenchError: It is none of these.
        """
        with suppress(ValueError):
            if text.endswith("%"):
                return cls._of_share(float(text[:-1]) / 100, text)
            if text.isdigit():
                return cls(number=int(text))
            return cls._of_share(float(text), text)
        raise RestobenchError(f"--max-failures wants a number (10) or a share (0.1 or 10%), not {text!r}.")

    @classmethod
    def _of_share(cls, share: float, text: str) -> FailureLimit:
        if not 0 <= share <= 1:
            raise RestobenchError(f"--max-failures {text} is no share between 0 and 1 (0 % and 100 %).")
        return cls(share=share)

    def exceeded(self, failed: int, total: int) -> bool:
        """Whether `failed` of `total` pictures are too many."""
        return (self.number is not None and failed > self.number) or (
            self.share is not None and failed > self.share * total
        )


def restore_samples(
    method: Method | FolderMethod,
    samples: Sequence[Sample],
    *,
    target: Callable[[str], Path],
    scale: int | None,
    seed: int,
    batch_size: int,
    device: str,
    limit: FailureLimit | None = None,
    advance: Advance | None = None,
    checkpoint: Callable[[Restored], None] | None = None,
) -> Restored:
    """Restore samples and write each as an 8-bit PNG.

    Pictures of one size form batches; the others wait for theirs. A batch that fails is
    tried again picture by picture, so that a failure (or a lack of memory) is one picture's.
    A method that restores folders is given all of them in one.

    Args:
        method: What restores.
        samples: What is restored.
        target: Where the picture of a sample id goes.
        scale: What the result's size must be, as a multiple of the input's; None: anything.
        seed: Of the noise.
        batch_size: Pictures at a time, at most.
        device: Where the method is.
        limit: When to give up; None: never.
        advance: Called as pictures are done.
        checkpoint: Called about once a second and at the end, to keep times and failures.

    Raises:
        RestobenchError: The disk is full or cannot be written; what was written stays whole.
    """
    result = Restored()
    started = time.perf_counter()
    noted = started
    advance = advance or (lambda done, failed: None)
    if isinstance(method, SelfTimed):
        batch_size = 1

    def note_failures(failed: dict[str, str]) -> bool:
        """Whether to go on."""
        result.failures |= failed
        advance(0, len(failed))
        result.stopped = bool(limit and limit.exceeded(len(result.failures), len(samples)))
        return not result.stopped

    try:
        readable = _readable(samples, scale, batch_size, note_failures)
        if isinstance(method, FolderMethod):
            outcomes = _restore_folder(method, readable, seed, scale)
        else:
            outcomes = (_restore_batch(method, batch, seed, scale, device) for batch in _batches(readable, batch_size))
        with writing(), closing(outcomes), _Writer() as writer:
            for outcome in outcomes:
                for sample_id, picture in outcome.pictures.items():
                    writer.write(target(sample_id), picture)
                note_failures(outcome.failures)
                result.notes += outcome.notes
                result.seconds |= outcome.seconds
                advance(len(outcome.pictures), 0)
                if result.stopped:
                    break
                if checkpoint and time.perf_counter() - noted > 1:
                    writer.wait()
                    checkpoint(result)
                    noted = time.perf_counter()
    finally:
        result.wall_seconds = time.perf_counter() - started
        if checkpoint:
            # What ended the run is the error to show, not that the disk is still full here.
            with suppress(OSError):
                checkpoint(result)
    return result


def _readable(
    samples: Sequence[Sample], scale: int | None, batch_size: int, fail: Callable[[dict[str, str]], bool]
) -> Iterator[tuple[Sample, Picture]]:
    """The samples that can be read; the others are handed to `fail`, until it says to stop."""

    def read(sample: Sample) -> Picture:
        if sample.lq is None:
            raise RestobenchError(f"'{sample.id}' has no lq picture.")
        lq = read_array(sample.lq)
        mask = None if sample.mask is None else read_array(sample.mask)[..., 0] > 0
        if mask is not None and mask.shape != lq.shape[:2]:
            raise RestobenchError(f"{sample.mask} is not as large as {sample.lq}.")
        if sample.gt and scale and (gt_size := picture_size(sample.gt)):
            lq_size = (lq.shape[1], lq.shape[0])
            if size_ratio(lq_size, gt_size) != scale:
                raise RestobenchError(
                    f"{sample.lq} is {lq_size[0]} x {lq_size[1]} and its clean picture {gt_size[0]} x {gt_size[1]}: "
                    f"not x{scale}."
                )
        return Picture(lq, mask)

    for sample, picture in read_ahead(samples, read, ahead=2 * batch_size + 4):
        if isinstance(picture, RestobenchError):
            if not fail({sample.id: str(picture)}):
                return
        else:
            yield sample, picture


Batch = list[tuple[Sample, Picture]]


def _batches(pictures: Iterable[tuple[Sample, Picture]], batch_size: int) -> Iterator[Batch]:
    """Batches of pictures of one size; what waits for company is bounded by four batches."""
    waiting: defaultdict[tuple[object, ...], Batch] = defaultdict(list)
    for sample, picture in pictures:
        kind = (picture.lq.shape, picture.mask is None)
        waiting[kind].append((sample, picture))
        if len(waiting[kind]) == batch_size:
            yield waiting.pop(kind)
        elif sum(map(len, waiting.values())) >= 4 * batch_size:
            yield waiting.pop(max(waiting, key=lambda kind: len(waiting[kind])))
    yield from waiting.values()


@dataclass
class _Outcome:
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _restore_folder(
    method: FolderMethod, pictures: Iterable[tuple[Sample, Picture]], seed: int, scale: int | None
) -> Generator[_Outcome]:
    """All pictures through one call; what it had written is taken also where it fails or is interrupted."""
    with Exchange(scale) as exchange:
        for sample, picture in pictures:
            exchange.hand_over(sample.id, picture.lq)
        if not exchange.handed_over:
            return
        ended_by: BaseException | None = None
        begun = time.perf_counter()
        try:
            method.restore_folder(exchange.lq_dir, exchange.restored_dir, seed=seed)
        except (Exception, KeyboardInterrupt) as error:
            ended_by = error
        wall_seconds = time.perf_counter() - begun
        came_back = exchange.came_back()
        for sample_id, restored in exchange.take_back():
            if not isinstance(restored, RestobenchError):
                # A program that broke off spent its time on the pictures that it wrote.
                yield _Outcome(pictures={sample_id: restored}, seconds={sample_id: wall_seconds / len(came_back)})
            elif not isinstance(ended_by, KeyboardInterrupt):
                broke_off = isinstance(ended_by, Exception) and sample_id not in came_back
                yield _Outcome(failures={sample_id: in_words(ended_by if broke_off else restored)})
        broken = [in_words(ended_by)] if isinstance(ended_by, Exception) else []
        yield _Outcome(notes=[*broken, *exchange.remarks()])
        if isinstance(ended_by, KeyboardInterrupt):
            raise ended_by


def _restore_batch(method: Method, batch: Batch, seed: int, scale: int | None, device: str) -> _Outcome:
    ids = [sample.id for sample, _ in batch]
    lq = torch.stack([to_tensor(picture.lq) for _, picture in batch]).to(device)
    masks = [torch.from_numpy(picture.mask)[None].float() for _, picture in batch if picture.mask is not None]
    mask = torch.stack(masks).to(device) if masks else None
    try:
        _synchronise(device)
        begun = time.perf_counter()
        with torch.inference_mode():
            restored = method.restore(lq, Noise.of_seed(seed, ids), mask)
        _synchronise(device)
        seconds = (time.perf_counter() - begun) / len(batch)
        if isinstance(method, SelfTimed):
            seconds = method.reported_seconds
        _check_shape(restored, lq, scale)
    except Exception as error:
        if len(batch) == 1:
            return _Outcome(failures={ids[0]: in_words(error)})
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return _merged(_restore_batch(method, [one], seed, scale, device) for one in batch)
    outcome = _Outcome()
    for sample_id, picture in zip(ids, restored, strict=True):
        if torch.isfinite(picture).all():
            outcome.pictures[sample_id] = to_eight_bit(picture)
            outcome.seconds[sample_id] = seconds
        else:
            outcome.failures[sample_id] = "The restored picture holds values that are not numbers."
    return outcome


def _merged(outcomes: Iterable[_Outcome]) -> _Outcome:
    merged = _Outcome()
    for outcome in outcomes:
        merged.pictures |= outcome.pictures
        merged.seconds |= outcome.seconds
        merged.failures |= outcome.failures
    return merged


def _check_shape(restored: Tensor, lq: Tensor, scale: int | None) -> None:
    wanted = (lq.shape[0], 3, lq.shape[2] * (scale or 1), lq.shape[3] * (scale or 1))
    if scale is None:
        wanted = (lq.shape[0], 3, *restored.shape[2:])
    if tuple(restored.shape) != wanted:
        raise RestobenchError(f"The method returned the shape {tuple(restored.shape)}; {wanted} was wanted.")


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


class _Writer:
    """Writes pictures in two threads, so that a fast method does not wait for PNG."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="write")
        self._waiting: deque[Future[None]] = deque()

    def write(self, path: Path, picture: NDArray[np.uint8]) -> None:
        self._waiting.append(self._pool.submit(write_picture, path, picture))
        while len(self._waiting) > 16:
            self._waiting.popleft().result()

    def wait(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            # A full disk would fail again; who interrupts wants what was made.
            if kind in (None, KeyboardInterrupt):
                self.wait()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

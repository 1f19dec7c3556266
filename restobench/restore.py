"""Stage 1: a data set through a method to pictures on disk, with the time it took.

Knows methods, knows no metric. Can be stopped, resumed and repeated alone: a picture
that is there is not restored again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from restobench.ahead import read_ahead
from restobench.attempt import (
    Attempts,
    Batch,
    Begun,
    Inputs,
    Outcome,
    Picture,
    put_together,
)
from restobench.batching import BatchSizes, batches, by_size, room_on
from restobench.behind import Notes, Writer
from restobench.dataset import Sample, size_ratio
from restobench.errors import RestobenchError, in_words
from restobench.exchange import Exchange
from restobench.files import writing
from restobench.image import picture_size, read_array
from restobench.method import FolderMethod, Method, SelfTimed
from restobench.patience import check_time_limit, finishing_batches

Advance = Callable[[int, int], None]
"""(pictures done, pictures failed) since the last call."""


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
    batch_size: int | None = None
    """How many pictures went through the method at a time in the end; None: none did."""

    def so_far(self) -> Restored:
        """The same, which does not change when there is more."""
        return replace(self, seconds=dict(self.seconds), failures=dict(self.failures), notes=list(self.notes))


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
    batch_size: int | BatchSizes | None,
    device: str,
    limit: FailureLimit | None = None,
    retries: int = 0,
    timeout: float | None = None,
    advance: Advance | None = None,
    checkpoint: Callable[[Restored], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Restored:
    """Restore samples and write each as an 8-bit PNG.

    Pictures of one size form batches; the others wait for theirs. A batch that fails is
    tried again picture by picture, so that a failure is one picture's; where memory runs out
    batches become smaller. A method that restores folders is given all of them in one.

    Args:
        method: What restores.
        samples: What is restored.
        target: Where the picture of a sample id goes.
        scale: What the result's size must be, as a multiple of the input's; None: anything.
        seed: Of the noise.
        batch_size: Pictures at a time, at most; None: as many as make it quickest. Or what was learnt of
            that when the same method restored other pictures.
        device: Where the method is.
        limit: When to give up; None: never.
        retries: How often a picture that failed is tried again; not of a method that restores folders.
        timeout: Seconds that a picture may take; None: as long as it likes.
        advance: Called as pictures are done.
        checkpoint: Called about once a second and at the end, to keep times and failures.
        say: Told that Ctrl-C was heard, and that the batch in hand is finished first.

    Raises:
        KeyboardInterrupt: After a first Ctrl-C when the batch is finished, after a second at once.
        RestobenchError: The disk is full or cannot be written; what was written stays whole.
    """
    result = Restored()
    started = time.perf_counter()
    advance = advance or (lambda done, failed: None)
    if isinstance(method, SelfTimed | FolderMethod):
        batch_size = 1
    sizes = batch_size if isinstance(batch_size, BatchSizes) else BatchSizes(batch_size, room_on(device))
    if timeout:
        check_time_limit()

    def note_failures(failed: dict[str, str]) -> bool:
        """Whether to go on."""
        result.failures |= failed
        advance(0, len(failed))
        result.stopped = bool(limit and limit.exceeded(len(result.failures), len(samples)))
        return not result.stopped

    try:
        readable = _readable(samples if sizes.asked == 1 else by_size(samples), scale, sizes, note_failures)
        recovered: list[str] = []
        # What somebody else's program does is ended at once: nobody knows how long its batch is.
        ours = not isinstance(method, FolderMethod | SelfTimed)
        patience = finishing_batches(say) if ours else nullcontext(lambda: False)
        with writing(), Notes(checkpoint) as notes, Writer() as writer, patience as interrupted:
            if isinstance(method, FolderMethod):
                outcomes = _restore_folder(method, readable, seed, scale)
            else:
                attempts = Attempts(method, seed, scale, device, sizes, retries, timeout, recovered)
                source = batches(readable, lambda pair: pair[1].kind, sizes)
                outcomes = _restore_batches(attempts, source, lambda: result.stopped or interrupted())
            with closing(outcomes):
                for outcome in outcomes:
                    done = len(outcome.pictures)
                    for sample_id in list(outcome.pictures):
                        # Nothing else may hold it: who lets go last gives the memory back, which takes a while.
                        writer.write(target(sample_id), outcome.pictures.pop(sample_id))
                    note_failures(outcome.failures)
                    result.notes += outcome.notes
                    result.seconds |= outcome.seconds
                    result.batch_size = sizes.largest
                    advance(done, 0)
                    notes.take(result.so_far)
                    if result.stopped and isinstance(method, FolderMethod):
                        break
            if interrupted():
                raise KeyboardInterrupt
        if recovered:
            some = ", ".join(recovered[:5]) + ", ..." * (len(recovered) > 5)
            result.notes.append(f"{len(recovered)} pictures came out only when they were tried again: {some}")
    finally:
        result.wall_seconds = time.perf_counter() - started
        if checkpoint:
            # What ended the run is the error to show, not that the disk is still full here.
            with suppress(OSError):
                checkpoint(result)
    return result


def _readable(
    samples: Iterable[Sample], scale: int | None, sizes: BatchSizes, fail: Callable[[dict[str, str]], bool]
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

    for sample, picture in read_ahead(samples, read, ahead=lambda: 2 * sizes.largest + 4):
        if isinstance(picture, RestobenchError):
            if not fail({sample.id: str(picture)}):
                return
        else:
            yield sample, picture


def _restore_batches(attempts: Attempts, source: Iterable[Batch], ending: Callable[[], bool]) -> Generator[Outcome]:
    """Batch by batch, until there are no more or it is `ending`; what the method has returned comes in any case.

    While the method has one batch, the next is put together, and what came of the last is looked at.
    """
    begun: Begun | None = None
    waiting: deque[tuple[Batch, Future[Inputs]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="batch") as pool:
        attempts.pool = pool
        try:
            for batch in chain(source, [None]):  # the last has none behind it
                if batch:
                    waiting.append((batch, pool.submit(put_together, batch, attempts.device)))
                if not waiting or (batch and len(waiting) == 1):
                    continue
                last, begun = begun, attempts.begin(*waiting.popleft())
                if last:
                    yield attempts.settle(last)
                if not begun.unchecked:  # all failed: nothing to wait for
                    last, begun = begun, None
                    yield attempts.settle(last)
                if ending():
                    break
        except KeyboardInterrupt:  # a second Ctrl-C, in the middle of a call
            if begun:
                yield attempts.settle(begun)
            raise
        if begun:
            yield attempts.settle(begun)


def _restore_folder(
    method: FolderMethod, pictures: Iterable[tuple[Sample, Picture]], seed: int, scale: int | None
) -> Generator[Outcome]:
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
                yield Outcome(pictures={sample_id: restored}, seconds={sample_id: wall_seconds / len(came_back)})
            elif not isinstance(ended_by, KeyboardInterrupt):
                broke_off = isinstance(ended_by, Exception) and sample_id not in came_back
                yield Outcome(failures={sample_id: in_words(ended_by if broke_off else restored)})
        broken = [in_words(ended_by)] if isinstance(ended_by, Exception) else []
        yield Outcome(notes=[*broken, *exchange.remarks()])
        if isinstance(ended_by, KeyboardInterrupt):
            raise ended_by

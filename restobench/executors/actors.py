"""The restore stage on a Ray cluster: one actor a device, each with the method and a shard at a time.

What is restored, and how, is `restore_samples` in every actor. Actors write pictures and nothing
else; the driver hears of shards, and is the only one to show progress and to keep the records.
Knows of a run what to restore and where pictures go, no metric and no table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from restobench.batching import by_size
from restobench.behind import Notes
from restobench.dataset import Sample
from restobench.errors import RestobenchError, in_words
from restobench.executors.cluster import Share, connect, machines, share_of
from restobench.executors.shards import Shards
from restobench.executors.worker import Job, Order, Started, Worker
from restobench.patience import finishing_batches
from restobench.restore import Advance, FailureLimit, Restored

PATIENCE = 30.0
"""Seconds after which it is said what is being waited for."""


class Actors:
    """The actors of one method, from their start until they are no longer needed."""

    def __init__(self, order: Order, share: Share, say: Callable[[str], None]) -> None:
        """Start them, and wait until each has built the method.

        Raises:
            RestobenchError: One cannot, or is lost on the way.
        """
        import ray

        self.order = order
        self.share = share
        self.idle: list[Any] = []
        self.starting: dict[Any, Any] = {}
        """Actors by what Ray will give when they have started."""
        self.hosts: dict[Any, str] = {}
        self.hardware: list[dict[str, Any]] = []
        """Of every actor that ever started."""
        self.audit: dict[str, Any] = {}
        # An actor that is lost is replaced here, not by Ray: here it is known which shard it had.
        self._kind = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, scheduling_strategy="SPREAD")(Worker)
        try:
            for _ in range(share.workers):
                self.start_one()
            while self.starting:
                done, _ = ray.wait(list(self.starting), num_returns=1, timeout=PATIENCE)
                if not done:
                    say(f"Waiting for {len(self.starting)} of {share.workers} workers to get a place and be ready.")
                if problem := next(filter(None, map(self.take_in, done)), None):
                    raise problem
        except BaseException:
            self.close()
            raise

    def start_one(self) -> None:
        """Ask Ray for an actor."""
        actor = self._kind.remote()
        self.starting[actor.start.remote(self.order, self.share.cpus)] = actor

    def take_in(self, ready: Any) -> Exception | None:
        """An actor has started, or has not; returns why it has not."""
        import ray

        actor = self.starting.pop(ready)
        try:
            started: Started | Exception = ray.get(ready)
        except ray.exceptions.RayTaskError as error:
            started = error  # a fault of the method's, or of ours
        except ray.exceptions.RayError as error:
            started = RestobenchError(f"A worker was lost while it built the method: {_reason(error)}.")
        if isinstance(started, Exception):
            ray.kill(actor)
            return started
        self.idle.append(actor)
        self.hosts[actor] = started.host
        self.hardware.append({"host": started.host} | started.hardware)
        self.audit = started.audit
        return None

    def restore(
        self,
        samples: Sequence[Sample],
        *,
        target: Callable[[str], Path],
        scale: int,
        seed: int,
        batch_size: int | None,
        limit: FailureLimit | None = None,
        retries: int = 0,
        timeout: float | None = None,
        advance: Advance = lambda done, failed: None,
        checkpoint: Callable[[Restored], None] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> Restored:
        """Restore samples: `restore_samples` in all actors, with its arguments and its errors.

        Raises:
            RestobenchError: Also where no worker is left.
        """
        job = Job(target, scale, seed, batch_size, retries, timeout)
        drive = _Drive(self, list(samples), job, limit, advance, say)
        started = time.perf_counter()
        # What somebody else's program does is ended at once: nobody knows how long its batch is.
        ours = self.order.choice.timing == "method"
        try:
            patience = finishing_batches(say) if ours else nullcontext(lambda: False)
            with Notes(checkpoint) as notes, patience as interrupted:
                while drive.hand_out(going_on=not interrupted()):
                    drive.wait()
                    notes.take(drive.result.so_far)
                if interrupted():
                    raise KeyboardInterrupt
        finally:
            drive.abandon()
            drive.result.wall_seconds = time.perf_counter() - started
            # What ended the run is the error to show, not that the disk is still full here.
            with suppress(OSError):
                if checkpoint:
                    checkpoint(drive.result)
        return drive.result

    def close(self) -> None:
        """End all actors, whatever they do."""
        import ray

        for actor in [*self.hosts, *self.starting.values()]:
            ray.kill(actor)


class _Drive:
    """Some samples on their way through the actors."""

    def __init__(
        self,
        actors: Actors,
        samples: list[Sample],
        job: Job,
        limit: FailureLimit | None,
        advance: Advance,
        say: Callable[[str], None],
    ) -> None:
        self.result = Restored()
        self._actors = actors
        self._job = job
        self._limit = limit
        self._total = len(samples)
        self._advance = advance
        self._say = say
        self._busy: dict[Any, tuple[Any, list[Sample]]] = {}
        """The actor and its shard, by what Ray will give when it is done."""
        self._shards = Shards(
            samples if job.batch_size == 1 else list(by_size(samples)),
            workers=actors.share.workers,
            batch_size=job.batch_size or 1,
            whole=actors.order.choice.interface == "folder",
        )

    def hand_out(self, *, going_on: bool) -> bool:
        """Give every idle actor a shard, if it is still `going_on`; returns whether there is anything to wait for.

        Raises:
            RestobenchError: There is work, and nobody to do it.
        """
        going_on = going_on and not self.result.stopped
        while going_on and self._actors.idle and (shard := self._shards.next()):
            actor = self._actors.idle.pop()
            self._busy[actor.restore.remote(shard, self._job)] = (actor, shard)
        if self._busy or not going_on or not len(self._shards):
            return bool(self._busy)
        if not self._actors.starting:
            raise RestobenchError(
                f"No worker is left, and {len(self._shards)} pictures are not restored. What was written is kept; "
                "run the same command again when the cluster is well."
            )
        return True

    def wait(self) -> None:
        """Until an actor is done or ready, or a second has passed."""
        import ray

        done, _ = ray.wait([*self._busy, *self._actors.starting], num_returns=1, timeout=1.0)
        if not done and not self._busy:
            # All wait for a place: which may come, but not where the last such node is gone.
            share_of(machines(), self._actors.order.device, 1)
        for ready in done:
            if ready in self._actors.starting:
                if problem := self._actors.take_in(ready):
                    self._say(f"A worker could not be replaced: {_reason(problem)}.")
                continue
            actor, shard = self._busy.pop(ready)
            try:
                outcome = ray.get(ready)
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as error:
                self._lost(actor, shard, error)
            else:
                self._back(actor, shard, outcome)

    def abandon(self) -> None:
        """End the actors that still have a shard, so that no picture comes after the last word on them."""
        import ray

        for actor, _ in self._busy.values():
            ray.kill(actor)
        if self._busy:
            ray.wait(list(self._busy), num_returns=len(self._busy), timeout=PATIENCE)

    def _back(self, actor: Any, shard: list[Sample], outcome: Restored | RestobenchError) -> None:
        if isinstance(outcome, RestobenchError):
            raise outcome
        self._actors.idle.append(actor)
        self._shards.came_back(len(shard), outcome.wall_seconds, outcome.batch_size)
        self.result.seconds |= outcome.seconds
        self.result.notes += outcome.notes
        self.result.batch_size = max(filter(None, (self.result.batch_size, outcome.batch_size)), default=None)
        self._advance(len(outcome.seconds), 0)
        self._note(outcome.failures)

    def _lost(self, actor: Any, shard: list[Sample], error: Exception) -> None:
        import ray

        self._note(self._shards.lost(shard))
        line = f"A worker on {self._actors.hosts.pop(actor)} was lost ({_reason(error)}); others restore its pictures."
        self.result.notes.append(line)
        self._say(line)
        ray.kill(actor)  # it may only have been out of reach, and must not come back
        if len(self._shards):
            self._actors.start_one()

    def _note(self, failed: dict[str, str]) -> None:
        self.result.failures |= failed
        self._advance(0, len(failed))
        self.result.stopped = bool(self._limit and self._limit.exceeded(len(self.result.failures), self._total))


def _reason(error: Exception) -> str:
    """What a method raised, or the line of Ray's long account that tells what happened."""
    if cause := getattr(error, "cause", None):
        return in_words(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if ":" not in line] or lines
    return told[-1].rstrip(".") if told else type(error).__name__


@contextmanager
def actors(order: Order, *, address: str | None, workers: int | None, say: Callable[[str], None]) -> Iterator[Actors]:
    """The actors that carry an order out, on a cluster that is there or on this machine.

    Args:
        order: What they build.
        address: Of a cluster, `auto` for the one that this machine belongs to; None: RAY_ADDRESS, or
            where that says nothing a cluster on this machine, for as long as this process lives.
        workers: How many; None: one a graphics card, on the CPU one a machine.
        say: Told when they are long in coming.

    Raises:
        RestobenchError: Ray is not installed, no cluster answers, it has too few devices, or an
            actor cannot build the method.
    """
    connect(address, workers)
    found = Actors(order, share_of(machines(), order.device, workers), say)
    try:
        yield found
    finally:
        found.close()

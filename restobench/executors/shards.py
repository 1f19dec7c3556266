"""What is still to be restored, in shards so small that a slow worker holds nobody up.

Knows samples, seconds and losses; no worker, and nothing of how one is reached.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from restobench.dataset import Sample

LONGEST, SHORTEST = 5.0, 1.0
"""Seconds that a shard should take: long beside handing it over, short beside a run."""
LOSSES = 2
"""How many workers a picture may cost that was alone with them."""


class Shards:
    """Hands out samples, and takes back those whose worker was lost."""

    def __init__(self, samples: Sequence[Sample], *, workers: int, batch_size: int, whole: bool = False) -> None:
        """Begin with all samples waiting.

        Args:
            samples: In the order in which they go out.
            workers: How many there are to be.
            batch_size: Pictures that go through the method together; what a first shard is made of.
            whole: Whether each worker is given its share at once: starting a program costs more than waiting.
        """
        self._waiting = deque(samples)
        self._again: deque[list[Sample]] = deque()
        self._workers = workers
        self._batch_size = batch_size
        self._share = -(-len(samples) // workers) if whole else None
        self._seconds: float | None = None
        self._losses: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many samples wait."""
        return len(self._waiting) + sum(map(len, self._again))

    def next(self) -> list[Sample]:
        """The next shard; empty where nothing waits. What cost a worker comes last."""
        if not self._waiting:
            return self._again.popleft() if self._again else []
        return [self._waiting.popleft() for _ in range(min(self._size(), len(self._waiting)))]

    def _size(self) -> int:
        """As many as take some seconds, whole batches of them; towards the end fewer, so that all end together."""
        if self._share:
            return self._share
        if self._seconds is None:
            return self._batch_size
        fair = len(self._waiting) // (2 * self._workers) * self._seconds
        pictures = round(min(LONGEST, max(SHORTEST, fair)) / self._seconds)
        return max(1, pictures // self._batch_size) * self._batch_size

    def came_back(self, pictures: int, seconds: float, batch_size: int | None) -> None:
        """A worker restored so many pictures in so many seconds, in batches of that size (None: none came out)."""
        self._seconds = max(1e-6, seconds / pictures)
        self._batch_size = batch_size or self._batch_size

    def lost(self, shard: Sequence[Sample]) -> dict[str, str]:
        """A worker was lost with a shard; returns the failures that this makes, by sample.

        One of its pictures may be what ends workers. They are tried again in smaller company, and
        one that was alone with two of them and lost both has failed.
        """
        if len(shard) > 1:
            step = -(-len(shard) // 2) if self._share else 1
            self._again.extend(list(shard[at : at + step]) for at in range(0, len(shard), step))
            return {}
        (sample,) = shard
        self._losses[sample.id] += 1
        if self._losses[sample.id] < LOSSES:
            self._again.append([sample])
            return {}
        return {sample.id: f"{LOSSES} workers were lost while each restored this picture alone."}

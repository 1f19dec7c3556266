"""How many pictures go through a method at a time, and which of them together.

A number that is given is kept until memory runs out. `auto` begins with one picture and doubles
while that makes pictures come sooner. Pictures of different sizes learn apart. Knows sizes and
seconds, no method and no file but the headers of pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from restobench.dataset import Sample
from restobench.image import picture_size
from restobench.provenance import peak_process_bytes

MOST = 64
"""Pictures at a time that `auto` tries at most, as the timer does."""
GAIN = 0.98
"""Twice as many pictures at a time must take less than this share of the time a picture, or are not worth it."""
CALLS = 2
"""That a size is judged by; the quickest counts, for the first one also warms up."""
WINDOW = 1024
"""So many pictures are put into the order of their sizes together: reading their headers stalls nothing for long."""

Shape = tuple[int, ...]
"""What pictures of one batch have in common; what it says is the caller's affair."""


@dataclass
class _Learnt:
    """Of pictures of one shape."""

    size: int
    most: int
    growing: bool
    paces: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds a picture, by the number of pictures at a time."""


class BatchSizes:
    """How many pictures of a shape go together, and what was learnt of that."""

    def __init__(self, asked: int | None, room: Callable[[], bool] = lambda: True) -> None:
        """Begin with `asked` pictures at a time, or find out (None).

        Args:
            asked: Pictures at a time.
            room: Whether a batch twice as large as the largest so far can be tried, where memory
                that runs out would not be an error but the end of the process.
        """
        self.asked = asked
        self._room = room
        self._learnt: dict[Shape, _Learnt] = {}

    def of(self, shape: Shape) -> int:
        """Pictures of this shape at a time."""
        return self._of(shape).size

    @property
    def largest(self) -> int:
        """Of all shapes so far; what was asked for, where there were none."""
        return max((learnt.size for learnt in self._learnt.values()), default=self.asked or 1)

    def took(self, shape: Shape, pictures: int, seconds: float) -> None:
        """A batch went well, in so many seconds a picture."""
        learnt = self._of(shape)
        if not learnt.growing or pictures != learnt.size:
            return
        paces = learnt.paces[pictures]
        paces.append(seconds)
        if len(paces) < CALLS:
            return
        if pictures > 1 and min(paces) > GAIN * min(learnt.paces[pictures // 2]):
            learnt.size, learnt.growing = pictures // 2, False
        elif 2 * pictures <= learnt.most and self._room():
            learnt.size = 2 * pictures
        else:
            learnt.growing = False

    def ran_out(self, shape: Shape, pictures: int) -> int:
        """Memory did not do for so many pictures; returns how many will be tried from here on."""
        learnt = self._of(shape)
        learnt.size, learnt.growing = max(1, pictures // 2), False
        return learnt.size

    def _of(self, shape: Shape) -> _Learnt:
        if shape not in self._learnt:
            self._learnt[shape] = _Learnt(self.asked or 1, MOST, growing=self.asked is None)
        return self._learnt[shape]


def room_on(device: str) -> Callable[[], bool]:
    """Whether memory does for a batch twice as large as the largest so far, asked once the method is loaded.

    A graphics card says itself when it does not, and nothing is lost. The system's memory must have
    twice as much free as was ever taken beyond what is held now.
    """
    if device.startswith("cuda"):
        return lambda: True
    held = psutil.Process().memory_info().rss
    return lambda: psutil.virtual_memory().available > 2 * (peak_process_bytes() - held)


def by_size(samples: Sequence[Sample]) -> Iterator[Sample]:
    """The samples, those of one size behind each other within each thousand: batches are full that way.

    Headers are read, nothing is decoded; what cannot be read comes first.
    """

    def size(sample: Sample) -> tuple[int, int]:
        return (sample.lq and picture_size(sample.lq)) or (0, 0)

    for start in range(0, len(samples), WINDOW):
        yield from sorted(samples[start : start + WINDOW], key=size)


Item = TypeVar("Item")


def batches(items: Iterable[Item], shape: Callable[[Item], Shape], sizes: BatchSizes) -> Iterator[list[Item]]:
    """Batches of one shape, as large as `sizes` says; what waits for company is bounded by four batches."""
    waiting: defaultdict[Shape, list[Item]] = defaultdict(list)
    for item in items:
        kind = shape(item)
        waiting[kind].append(item)
        if len(waiting[kind]) >= sizes.of(kind):
            yield waiting.pop(kind)
        elif sum(map(len, waiting.values())) >= 4 * sizes.largest:
            yield waiting.pop(max(waiting, key=lambda kind: len(waiting[kind])))
    yield from waiting.values()

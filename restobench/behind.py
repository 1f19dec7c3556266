"""Writing behind the method: pictures, and what is known of them so far, in threads.

Knows files, and no method.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from restobench.image import write_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WAITING = 16
"""Pictures that may wait to be written: a method that is quicker than the disk must wait for it."""
SHARE = 0.05
"""Of the time that keeping notes may take: of many thousand pictures it takes longer, and is done less often."""


class Writer:
    """Writes pictures in two threads, so that a quick method does not wait for PNG."""

    def __init__(self) -> None:
        """Begin with nothing to write."""
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="write")
        self._waiting: deque[Future[None]] = deque()

    def write(self, path: Path, picture: NDArray[np.uint8]) -> None:
        """Write (H, W, 3) as PNG some time before the end.

        Raises:
            OSError: This or an earlier one could not be written.
        """
        self._waiting.append(self._pool.submit(write_picture, path, picture))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > WAITING):
            self._waiting.popleft().result()

    def __enter__(self) -> Writer:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        """Wait for what is still to be written, but where something else went wrong."""
        try:
            # A full disk would fail again; who interrupts wants what was made.
            if kind in (None, KeyboardInterrupt):
                while self._waiting:
                    self._waiting.popleft().result()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)


Known = TypeVar("Known")


class Notes(Generic[Known]):
    """Keeps what is known about once a second, in a thread."""

    def __init__(self, keep: Callable[[Known], None] | None, *, every: float = 1.0) -> None:
        """Begin with nothing known.

        Args:
            keep: Writes it down; None: nobody wants to know.
            every: Seconds between two notes, at least.
        """
        self._keep = keep
        self._every = every
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="note")
        self._keeping: Future[None] | None = None
        self.due = time.monotonic() + every
        """When the next may be kept."""

    def take(self, known: Callable[[], Known]) -> None:
        """Keep what is known now, if it is time for that; `known` must give what does not change any more.

        Raises:
            OSError: What was known before could not be written.
        """
        if self._keep is None or time.monotonic() < self.due or (self._keeping and not self._keeping.done()):
            return
        self.wait()
        self._keeping = self._pool.submit(self._write, self._keep, known())

    def _write(self, keep: Callable[[Known], None], known: Known) -> None:
        begun = time.monotonic()
        keep(known)
        ended = time.monotonic()
        self.due = ended + max(self._every, (ended - begun) / SHARE)

    def wait(self) -> None:
        """Until what is being kept is kept.

        Raises:
            OSError: It could not be written.
        """
        if self._keeping:
            self._keeping.result()

    def __enter__(self) -> Notes[Known]:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        """Wait for what is being written."""
        self._pool.shutdown(wait=True)
        if kind is None:
            self.wait()

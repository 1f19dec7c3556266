"""A machine whose time is known: a host, a device with a queue, and a second queue beside it."""

from __future__ import annotations

from collections.abc import Callable


class Machine:
    """A clock for `restobench.timing` that moves only when something is done. Seconds."""

    def __init__(self, together: int = 10) -> None:
        self.together = together
        self.host = 0.0
        self.queue = 0.0
        self.side = 0.0
        self.waits = 0

    def now(self) -> float:
        return self.host

    def mark(self) -> float:
        """An event in the queue; where each call is waited for, the host's time when all is done."""
        if self.together == 1:
            self.wait()
        self.queue = max(self.queue, self.host)
        return self.queue

    def wait(self) -> None:
        self.waits += 1
        self.host = max(self.host, self.queue, self.side)

    def between(self, begun: float, ended: float) -> float:
        return ended - begun

    def sleeps(self, seconds: Callable[[int], float]) -> Callable[[int], None]:
        """A method that keeps the host waiting."""

        def call(number: int) -> None:
            self.host += seconds(number)

        return call

    def queues(self, seconds: Callable[[int], float]) -> Callable[[int], None]:
        """A method that returns at once and leaves its work in the queue."""

        def call(number: int) -> None:
            self.queue = max(self.queue, self.host) + seconds(number)

        return call

    def works_aside(self, seconds: Callable[[int], float]) -> Callable[[int], None]:
        """A method that leaves its work in the second queue, for which the first does not wait."""

        def call(number: int) -> None:
            self.side = max(self.side, self.host) + seconds(number)

        return call

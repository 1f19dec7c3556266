"""What tells the time of a call: the host's clock, or events in the device's own queue.

A call on a graphics card returns before its work is done. What is measured there is the
time between two events in the queue, and beside it the host's time until the whole device
has come to rest, which misses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """Tells when the work that was asked for was done."""

    together: int
    """Calls between two waits, at most; 1: each call is waited for."""

    def now(self) -> float:
        """Seconds of the host."""

    def mark(self) -> Any:
        """The moment at which all that was asked for until now is done, in the queue that calls use."""

    def wait(self) -> None:
        """Until all that was asked of the device is done, in whichever queue."""

    def between(self, begun: Any, ended: Any) -> float:
        """Seconds between two marks; known once they were waited for."""


class HostClock:
    """Synchronise, then read the host's clock: for the CPU and for devices without events."""

    together = 1

    def __init__(self, synchronise: Callable[[], None] = lambda: None) -> None:
        """With what waits for the device; the CPU needs nothing: its calls return when they are done."""
        self._synchronise = synchronise

    def now(self) -> float:
        """Seconds of the host."""
        return time.perf_counter_ns() / 1e9

    def mark(self) -> float:
        """Now, when all is done."""
        self._synchronise()
        return self.now()

    def wait(self) -> None:
        """Until the device is done."""
        self._synchronise()

    def between(self, begun: float, ended: float) -> float:
        """Seconds between two marks."""
        return ended - begun


class CudaClock:
    """CUDA events in the current stream, waited for ten calls at a time.

    Work in another stream that the current one does not wait for is not between the events;
    the wait is for the whole device, so that the host's time holds it.
    """

    together = 10

    def __init__(self, device: str) -> None:
        """Of this device."""
        import torch

        self._cuda = torch.cuda
        self._device = torch.device(device)

    def now(self) -> float:
        """Seconds of the host."""
        return time.perf_counter_ns() / 1e9

    def mark(self) -> Any:
        """An event in the current stream."""
        event = self._cuda.Event(enable_timing=True)
        event.record(self._cuda.current_stream(self._device))
        return event

    def wait(self) -> None:
        """Until every stream of the device is done."""
        self._cuda.synchronize(self._device)

    def between(self, begun: Any, ended: Any) -> float:
        """Seconds between two events."""
        return float(begun.elapsed_time(ended)) / 1000


def clock_of(device: str) -> Clock:
    """The clock for `cpu`, `cuda`, `cuda:1` or `mps`."""
    if device.startswith("cuda"):
        return CudaClock(device)
    if device.startswith("mps"):
        import torch

        return HostClock(torch.mps.synchronize)
    return HostClock()

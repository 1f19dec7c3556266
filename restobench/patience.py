"""What is borne of a method: how long a picture may take, how often it is tried, and what Ctrl-C does meanwhile.

Knows signals and clocks, no picture.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from restobench.method import MethodChoice


class TookTooLongError(BaseException):
    """No `Exception`, which a method may catch and go on."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TookTooLongError` in the block after so many seconds, as soon as Python runs in it again.

    What waits, sleeps or loops in Python is ended; a call inside a library is waited for.
    """
    if not seconds:
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLongError

    begun = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # Somebody else's alarm rings when it would have rung, or now.
        left = left and max(1e-3, left - (time.monotonic() - begun))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left, interval)


def check_patience(retries: int, timeout: float | None) -> None:
    """Whether these can be what is borne of a picture.

    Raises:
        RestobenchError: They cannot.
    """
    if retries < 0:
        raise RestobenchError(f"--retries must be at least 0, not {retries}.")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise RestobenchError(f"--timeout wants seconds, more than 0, not {timeout:g}.")


def refuse_time_limit(choice: MethodChoice) -> None:
    """Raises RestobenchError where a time limit would end nothing: somebody else's program goes on."""
    if choice.timing != "method":
        hint = "say --set timeout=SECONDS instead" if choice.command else "leave it out"
        raise RestobenchError(f"--timeout cannot end what '{choice.label}' starts; {hint}.")


def check_time_limit() -> None:
    """Whether a call can be ended here.

    Raises:
        RestobenchError: The system has no alarm, or this is not the main thread.
    """
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        raise RestobenchError("--timeout needs a system with alarms (not Windows), and the program's main thread.")


@contextmanager
def finishing_batches(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Let a first Ctrl-C wait for the end of the batch; the function given says whether there was one.

    A second one does what it always did. Where Ctrl-C means something else already, or outside the
    main thread, nothing is changed.
    """
    asked: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not in_main or before is not signal.default_int_handler:
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)
        with suppress(RuntimeError):  # in the middle of another line
            say("Interrupted: the batch in hand is finished. Ctrl-C again stops at once.")

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)

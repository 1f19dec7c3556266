"""The first call, the warm-up and the loop of `timing-v1`, on anything that can be called.

Pure: the clock is handed in, and what is called is a function of the number of the call.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from restobench.timing.clock import Clock

Call = Callable[[int], float | None]
"""Makes call number n, which says what input it takes; returns seconds where the callee times itself."""

SETTLED = 0.02
"""The median of five calls moves by less than this from the five before: warm."""
HOST_BOUND = 1.2
"""The wall's time beyond so many times the events' is not the device's: work is missing there, or waits."""


@dataclass(frozen=True)
class Rules:
    """How long is warmed up and measured; seconds are the host's."""

    name: str = "timing-v1"
    warm_calls: int = 3
    warm_seconds: float = 1
    warm_most_seconds: float = 30
    calls: int = 30
    seconds: float = 5
    most_seconds: float = 60
    least_calls: int = 5
    """Whatever the seconds."""
    rounds: int = 3


TIMING_V1 = Rules()
QUICK = Rules(
    name="quick", warm_calls=1, warm_seconds=0, warm_most_seconds=0, calls=5, seconds=0, most_seconds=10, rounds=1
)
"""Whether a set-up works, in one process and a few calls; its figures are not for publication."""


def first_call(call: Call, clock: Clock) -> float:
    """Make call 0 and tell its seconds, compilation and whatever else happens once included."""
    clock.wait()
    begun = clock.now()
    call(0)
    clock.wait()
    return clock.now() - begun


class WarmUp(NamedTuple):
    """How it was warmed up."""

    calls: int
    seconds: float
    settled: bool
    """Whether the calls had become even; else the time was up."""
    typical: float
    """Seconds: the median of the last calls."""


def warm_up(call: Call, clock: Clock, rules: Rules = TIMING_V1) -> WarmUp:
    """Call until it is even: the last five calls beside the five before, or until the time is up.

    At least `warm_calls`, whatever they last. Each is waited for.
    """
    taken: list[float] = []
    begun = clock.now()
    while True:
        started = clock.now()
        call(len(taken))
        clock.wait()
        taken.append(clock.now() - started)
        elapsed = clock.now() - begun
        if len(taken) < rules.warm_calls or elapsed < min(rules.warm_seconds, rules.warm_most_seconds):
            continue
        settled = _settled(taken)
        if settled or elapsed >= rules.warm_most_seconds:
            return WarmUp(len(taken), elapsed, settled, statistics.median(taken[-5:]))


def _settled(taken: list[float]) -> bool:
    if len(taken) < 10:
        return False
    last, before = statistics.median(taken[-5:]), statistics.median(taken[-10:-5])
    return abs(last - before) < SETTLED * before


@dataclass
class Round:
    """What one process measured."""

    seconds: list[float] = field(default_factory=list)
    """Of every call that counts, in their order."""
    dropped: int = 0
    """Calls made while the device was throttled."""
    host_bound: bool = False
    """Whether the seconds are the wall's, because the events miss a sixth of them or more."""
    wall_seconds: float = 0.0
    event_seconds: float = 0.0


def measure(
    call: Call,
    clock: Clock,
    rules: Rules = TIMING_V1,
    *,
    typical: float,
    throttled: Callable[[], bool] = lambda: False,
) -> Round:
    """Call until there are enough calls and enough seconds, or until the time is up.

    Args:
        call: What is measured.
        clock: By what.
        rules: When to stop.
        typical: Seconds that a call takes about: of slow calls fewer are waited for together, or
            ten of them would outlast the time there is.
        throttled: Asked after each wait: whether the device was slowed down since it was last asked.
    """
    result = Round()
    by_wall: list[float] = []
    together = min(clock.together, max(1, int(rules.seconds / max(typical, 1e-9))))
    made = 0
    clock.wait()
    throttled()  # what was before is no part of it
    begun = clock.now()
    while True:
        marks, reported = [], []
        started = clock.now()
        for _ in range(together):
            before = clock.mark()
            reported.append(call(made))
            marks.append((before, clock.mark()))
            made += 1
        clock.wait()
        wall = clock.now() - started
        if throttled():
            result.dropped += together
        else:
            seconds = [clock.between(*pair) for pair in marks]
            result.wall_seconds += wall
            result.event_seconds += sum(seconds)
            result.seconds += [own if said is None else said for own, said in zip(seconds, reported, strict=True)]
            by_wall += [wall / together] * together
        elapsed = clock.now() - begun
        if elapsed >= rules.seconds and len(result.seconds) >= rules.calls:
            break
        if elapsed >= rules.most_seconds and made >= rules.least_calls:
            break
    # Where every call is waited for there is nothing that the marks could miss.
    if clock.together > 1 and result.wall_seconds > HOST_BOUND * result.event_seconds:
        result.host_bound = True
        result.seconds = by_wall
    return result

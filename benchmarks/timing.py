"""The timer of `timing-v1` on things whose time is known, with real clocks.

    python benchmarks/timing.py [--device cuda] [--milliseconds 10]

Each line is a method that sleeps, or leaves its work to be done later, for a time that was
chosen. On the CPU the queue is a thread that works through what it is given, and what
synchronises the device waits for it; with `--device cuda` it is a second stream of the card,
kept busy by torch. Asserts nothing.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import torch

from restobench.timing.clock import Clock, CudaClock, HostClock
from restobench.timing.figures import figures
from restobench.timing.measure import TIMING_V1, first_call, measure, warm_up


def main() -> None:
    """Measure every method, and print a Markdown table."""
    parser = argparse.ArgumentParser(description="The timer on things whose time is known.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--milliseconds", type=float, default=10)
    options = parser.parse_args()
    seconds = options.milliseconds / 1000
    print(f"python benchmarks/timing.py --device {options.device} --milliseconds {options.milliseconds:g}")
    on_gpu = options.device.startswith("cuda")
    card = torch.cuda.get_device_name(options.device) if on_gpu else "the host's clock"
    print(f"torch {torch.__version__}, {platform.machine()}, {card}\n")
    print("| method | known, ms | median, ms | off | first call, ms | drift | calls | marks |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")

    started = time.perf_counter()
    plain: Clock = CudaClock(options.device) if on_gpu else HostClock()
    tell("sleeps", seconds, sleeper(lambda number: seconds), plain)
    tell("sleeps, the first call 50 times as long", seconds, slow_at_first(seconds), plain)
    tell(
        "sleeps, by 2 % a second longer",
        None,
        sleeper(lambda number: seconds * (1 + 0.02 * (time.perf_counter() - started))),
        plain,
    )
    if on_gpu:
        cycles = cycles_for(seconds, plain)
        tell("leaves its work in the queue", seconds, lambda number: torch.cuda._sleep(cycles), plain)
        stream = torch.cuda.Stream(options.device)

        def aside(number: int) -> None:
            with torch.cuda.stream(stream):
                torch.cuda._sleep(cycles)

        tell("leaves its work in another stream", seconds, aside, plain)
    else:
        with ThreadPoolExecutor(1) as queue:
            left: list[Future[None]] = []

            def synchronise() -> None:
                while left:
                    left.pop().result()

            def later(number: int) -> None:
                left.append(queue.submit(time.sleep, seconds))

            tell("leaves its work to a thread", seconds, later, HostClock(synchronise))


def tell(name: str, known: float | None, call: Callable[[int], None], clock: Clock) -> None:
    """One line of the table, by the protocol's own rules but for the number of rounds."""
    first = first_call(call, clock)
    warm = warm_up(call, clock, replace(TIMING_V1, warm_most_seconds=5))
    result = measure(call, clock, typical=warm.typical)
    found = figures([result.seconds])
    assert found
    off = "" if known is None else f"{found.median / known - 1:+.1%}"
    marks = ", ".join([*found.marks, *(["host-bound"] if result.host_bound else [])])
    print(
        f"| {name} | {'' if known is None else f'{1000 * known:.4g}'} | {1000 * found.median:.4g} | {off} "
        f"| {1000 * first:.4g} | {found.drift:+.1%} | {found.calls} | {marks} |",
        flush=True,
    )


def sleeper(seconds: Callable[[int], float]) -> Callable[[int], None]:
    """Sleeps for a time that may depend on the call."""
    return lambda number: time.sleep(seconds(number))


def slow_at_first(seconds: float) -> Callable[[int], None]:
    """Sleeps 50 times as long when it is called for the first time."""
    made: list[int] = []

    def call(number: int) -> None:
        made.append(number)
        time.sleep(seconds * (50 if len(made) == 1 else 1))

    return call


def cycles_for(seconds: float, clock: Clock) -> int:
    """For how many cycles of its clock the card has to be kept busy; the middle of five tries."""
    paces = []
    for _ in range(5):
        begun = clock.mark()
        torch.cuda._sleep(100_000_000)
        ended = clock.mark()
        clock.wait()
        paces.append(100_000_000 / clock.between(begun, ended))
    return int(seconds * statistics.median(paces))


if __name__ == "__main__":
    main()

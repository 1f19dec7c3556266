"""The timer on things whose time is known."""

import statistics
from collections.abc import Callable

import pytest

from restobench.timing.figures import figures
from restobench.timing.measure import TIMING_V1, Round, first_call, measure, warm_up
from tests.timing.machine import Machine


def steady(seconds: float) -> Callable[[int], float]:
    return lambda number: seconds * (1 + 0.01 * (number % 3 - 1))


@pytest.mark.parametrize("together", [1, 10])
def test_a_method_that_sleeps_ten_milliseconds_takes_ten_milliseconds(together: int) -> None:
    """By the host's clock and by events alike."""
    machine = Machine(together)

    result = measure(machine.sleeps(steady(0.01)), machine, typical=0.01)

    assert statistics.median(result.seconds) == pytest.approx(0.01, rel=0.05)
    assert not result.host_bound


@pytest.mark.parametrize("together", [1, 10])
def test_work_that_is_only_queued_is_not_free(together: int) -> None:
    """The call returns in no time, and its work is done later."""
    machine = Machine(together)

    result = measure(machine.queues(steady(0.01)), machine, typical=0.01)

    assert statistics.median(result.seconds) == pytest.approx(0.01, rel=0.05)
    assert not result.host_bound


def test_work_in_another_queue_is_told_by_the_wall_and_marked() -> None:
    """Between the events there is nothing; the wait for the whole device holds it."""
    machine = Machine()

    result = measure(machine.works_aside(steady(0.01)), machine, typical=0.01)

    assert result.event_seconds == 0
    assert statistics.median(result.seconds) == pytest.approx(0.01, rel=0.05)
    assert result.host_bound


def test_work_in_another_queue_is_waited_for_where_there_are_no_events() -> None:
    """Synchronising a device without events waits for all of it."""
    machine = Machine(together=1)

    result = measure(machine.works_aside(steady(0.01)), machine, typical=0.01)

    assert statistics.median(result.seconds) == pytest.approx(0.01, rel=0.05)


def test_a_slow_first_call_is_told_apart_and_moves_no_median() -> None:
    """Compilation, and whatever a library does once."""
    machine = Machine()
    made = []

    def call(number: int) -> None:
        made.append(number)
        machine.queue = max(machine.queue, machine.host) + (7 if len(made) == 1 else 0.01)

    first = first_call(call, machine)
    warm = warm_up(call, machine)
    result = measure(call, machine, typical=warm.typical)

    assert first == pytest.approx(7)
    assert max(result.seconds) == pytest.approx(0.01)


def test_warming_up_goes_on_until_the_calls_are_even() -> None:
    """Sixty calls that become faster, then even ones: the figures begin with the even ones."""
    machine = Machine()

    warm = warm_up(machine.sleeps(lambda number: max(0.1, 0.4 - 0.005 * number)), machine)

    assert warm.settled
    assert warm.calls > 60
    assert warm.typical == pytest.approx(0.1)


def test_warming_up_takes_three_calls_and_a_second_at_least_and_ends_after_half_a_minute() -> None:
    """What never becomes even is measured all the same; ten calls are needed to see that it is."""
    growing = Machine()
    slow = Machine()
    fast = Machine()

    never = warm_up(growing.sleeps(lambda number: 0.1 * 1.05**number), growing)
    few = warm_up(slow.sleeps(lambda number: 20.0), slow)
    many = warm_up(fast.sleeps(lambda number: 0.001), fast)

    assert not never.settled
    assert 30 <= never.seconds < 35
    assert (few.calls, few.settled) == (3, False)
    assert many.seconds >= 1
    assert many.settled


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [(0.01, 500), (0.5, 30), (3.0, 20), (20.0, 5)],
    ids=["five seconds", "thirty calls", "a minute", "five calls"],
)
def test_a_loop_ends_when_there_are_enough_calls_and_seconds(seconds: float, calls: int) -> None:
    """At least 30 calls and 5 s, at most a minute, but five calls in any case."""
    machine = Machine(together=1)

    result = measure(machine.sleeps(lambda number: seconds), machine, typical=seconds)

    assert len(result.seconds) in (calls, calls + 1)  # the sum of floats may lie just below five seconds


def test_slow_calls_are_not_waited_for_ten_at_a_time() -> None:
    """Ten calls of 20 s would outlast the minute there is."""
    machine = Machine()

    result = measure(machine.queues(lambda number: 20.0), machine, typical=20)

    assert len(result.seconds) == 5


def test_ten_calls_share_one_wait() -> None:
    """A wait after every call would keep the host from running ahead, as it does in use."""
    machine = Machine()

    result = measure(machine.queues(lambda number: 0.01), machine, typical=0.01)

    assert machine.waits == 1 + len(result.seconds) / 10


def test_calls_while_the_device_is_slowed_down_are_dropped_and_counted() -> None:
    """What was before the loop is no part of it."""
    machine = Machine()
    slow = range(100, 200)

    def seconds(number: int) -> float:
        return 0.02 if number in slow else 0.01

    made = []

    def call(number: int) -> None:
        made.append(number)
        machine.queues(seconds)(number)

    result = measure(call, machine, typical=0.01, throttled=lambda: not made or made[-1] in slow)

    assert result.dropped == 100
    assert max(result.seconds) == pytest.approx(0.01)
    assert len(made) == len(result.seconds) + 100


def test_a_device_that_is_always_slowed_down_ends_without_a_figure() -> None:
    """It must end, and must not pretend."""
    machine = Machine()

    result = measure(machine.queues(lambda number: 0.5), machine, typical=0.5, throttled=lambda: True)

    assert result.seconds == []
    assert result.dropped >= TIMING_V1.least_calls


def test_a_callee_that_times_itself_is_believed() -> None:
    """What is behind a pipe knows better than the clock around the pipe."""
    machine = Machine(together=1)

    def call(number: int) -> float:
        machine.host += 1
        return 0.25

    result = measure(call, machine, typical=1)

    assert set(result.seconds) == {0.25}


def drift(result: Round) -> tuple[float, tuple[str, ...]]:
    found = figures([result.seconds])
    assert found
    return found.drift, found.marks


def test_a_method_that_becomes_slower_is_reported() -> None:
    """A list that grows, a cache that fills: the median alone would hide it."""
    machine = Machine()
    even = Machine()

    grown = measure(machine.queues(lambda number: 0.01 * (1 + number / 1000)), machine, typical=0.01)
    steadily = measure(even.queues(steady(0.01)), even, typical=0.01)

    slower, marks = drift(grown)
    assert slower > 0.2
    assert "drifting" in marks
    assert drift(steadily) == (pytest.approx(0, abs=0.001), ())

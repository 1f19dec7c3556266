"""Which processes are started, in which order, and what becomes of what they say."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from restobench.method import choose_method
from restobench.timing.job import Job, Outcome
from restobench.timing.measure import QUICK, TIMING_V1
from restobench.timing.rows import Row, rows_for, time_rows

JOB = Job("bicubic", {}, {}, 4, "cpu", "float32", False, "inputs", TIMING_V1)


def plenty() -> int:
    return 10**12


def outcome(seconds: float) -> Outcome:
    return {"seconds": [seconds] * 3, "calls": 3, "dropped": 0, "memory": {"allocated": None, "process": 10**6}}


class Machine:
    """Does jobs without a process; `paces` says the seconds of a call of a batch."""

    def __init__(self, pace: Callable[[Job], Outcome] = lambda job: outcome(0.01 * job.batch)) -> None:
        self.done: list[Job] = []
        self.pace = pace

    def __call__(self, job: Job) -> Outcome:
        self.done.append(job)
        return self.pace(job)


def row(name: str, **changed: object) -> Row:
    return Row(choose_method("bicubic"), "latency", replace(JOB, method=name), **changed)  # type: ignore[arg-type]


def test_rounds_take_turns_over_the_methods() -> None:
    """What changes slowly in the machine meets all of them: A B C, A B C, A B C."""
    machine = Machine()
    rows = [row("a"), row("b"), row("c")]

    time_rows(rows, machine, free_bytes=plenty)

    assert "".join(job.method for job in machine.done) == "abcabcabc"
    assert [len(one.outcomes) for one in rows] == [3, 3, 3]
    assert [job.count for job in machine.done] == [True] * 3 + [False] * 6


def test_the_ladder_finds_the_smallest_batch_within_two_percent_of_the_best() -> None:
    """Larger ones cost memory and gain nothing. The three rounds are made at that batch."""
    seconds = {1: 1.0, 2: 1.1, 4: 1.2, 8: 2.02, 16: 4.0, 32: 8.0, 64: 16.0}
    machine = Machine(lambda job: outcome(seconds[job.batch]))
    one = row("a", climbs=True)

    time_rows([one], machine, free_bytes=plenty)

    assert [job.batch for job in machine.done] == [1, 2, 4, 8, 16, 32, 64, 8, 8, 8]
    assert one.ladder[8] == pytest.approx(8 / 2.02)
    assert one.ladder_ended == ""


def test_the_ladder_ends_where_memory_does() -> None:
    """Out of memory is no failure of the row."""

    def pace(job: Job) -> Outcome:
        return {"out_of_memory": "CUDA out of memory"} if job.batch > 4 else outcome(1.0)

    machine = Machine(pace)
    one = row("a", climbs=True)

    time_rows([one], machine, free_bytes=plenty)

    assert [job.batch for job in machine.done] == [1, 2, 4, 8, 4, 4, 4]
    assert one.ladder_ended == "batch 8: out of memory (CUDA out of memory)"
    assert one.problem is None


def test_the_ladder_leaves_the_machine_its_memory() -> None:
    """Where the CPU's memory runs out, the system ends whatever it likes."""
    machine = Machine()
    one = row("a", climbs=True)

    time_rows([one], machine, free_bytes=lambda: 10**6)

    assert [job.batch for job in machine.done] == [1, 1, 1, 1]
    assert "more memory" in one.ladder_ended


def test_a_row_that_fails_is_left_out_and_the_others_go_on() -> None:
    """One method that breaks must not cost the night."""
    machine = Machine(lambda job: {"problem": "ValueError: no"} if job.method == "b" else outcome(0.01))
    rows = [row("a"), row("b"), row("c", climbs=True)]
    broken = row("b", climbs=True)

    time_rows([*rows, broken], machine, free_bytes=plenty)

    assert rows[1].problem == "ValueError: no"
    assert broken.problem == "batch 1: ValueError: no"
    assert [len(one.outcomes) for one in rows] == [3, 0, 3]


def test_calls_that_were_all_throttled_are_no_figure() -> None:
    """The reason says how many there were."""
    one = row("a")

    time_rows([one], Machine(lambda job: outcome(1) | {"seconds": [], "dropped": 40}), free_bytes=plenty)

    assert one.problem == "no call counts; 40 were throttled"


def test_a_method_has_the_rows_that_it_can_have() -> None:
    """A program's whole time is end-to-end, whatever is asked for; a worker's word is marked as that."""
    ours = choose_method("bicubic")
    folder = choose_method("command", settings={"run": "x {input} {output}"})
    worker = choose_method("command", settings={"worker": "x"})

    def kinds(choice: object, batch: int | None = None) -> list[tuple[str, int, bool]]:
        rows = rows_for(choice, JOB, ("latency", "throughput"), batch)  # type: ignore[arg-type]
        return [(one.scenario, one.job.batch, one.climbs) for one in rows]

    assert kinds(ours) == [("latency", 1, False), ("throughput", 1, True)]
    assert kinds(ours, 8) == [("latency", 1, False), ("throughput", 8, False)]
    assert kinds(folder) == [("end-to-end", 1, False)]
    assert kinds(worker) == [("self-reported", 1, False)]


def test_a_job_reaches_the_other_process_as_it_is() -> None:
    """Rules and settings included."""
    job = replace(JOB, rules=QUICK, settings={"tile": 64, "exact": True, "name": "x"}, weights={"net": "a.pth"})

    assert Job.from_json(job.to_json()) == job

"""Which measurements are made, and in what order: the ladder of batches first, then rounds in turn.

Knows jobs and what comes back; a function that does a job is handed in.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from restobench.method import MethodChoice
from restobench.timing.figures import best_batch
from restobench.timing.job import Job, Outcome

Scenario = Literal["latency", "throughput", "end-to-end", "self-reported"]
SCENARIOS: tuple[Scenario, ...] = ("latency", "throughput")
LADDER = (1, 2, 4, 8, 16, 32, 64)

Do = Callable[[Job], Outcome]
Say = Callable[[str], None]


@dataclass
class Row:
    """A method in a scenario, and what its processes found."""

    choice: MethodChoice
    scenario: Scenario
    job: Job
    climbs: bool = False
    """Whether the batch is sought on the ladder."""
    ladder: dict[int, float] = field(default_factory=dict)
    """Pictures per second by batch."""
    ladder_ended: str = ""
    """Why no larger batch was tried."""
    outcomes: list[Outcome] = field(default_factory=list)
    """One a round."""
    problem: str | None = None
    """Why there is no figure."""

    @property
    def title(self) -> str:
        """For people who wait."""
        return f"{self.choice.label}@{self.choice.variant}, {self.scenario}"


def rows_for(choice: MethodChoice, job: Job, scenarios: Sequence[Scenario], batch: int | None) -> list[Row]:
    """The rows of one method.

    A program over a folder has its whole time alone, and one behind a pipe takes a picture at a
    time and tells the seconds itself.

    Args:
        choice: The method.
        job: As it is ordered, at batch 1.
        scenarios: What is asked for.
        batch: Of throughput; None: the ladder decides. Latency is of one picture.
    """
    if choice.timing == "end-to-end":
        return [Row(choice, "end-to-end", replace(job, asked="folder"))]
    if choice.timing == "self-reported":
        return [Row(choice, "self-reported", job)]
    latency = Row(choice, "latency", job)
    throughput = Row(choice, "throughput", replace(job, batch=batch or 1), climbs=batch is None)
    return [row for row in (latency, throughput) if row.scenario in scenarios]


def time_rows(rows: Sequence[Row], do: Do, *, free_bytes: Callable[[], int], say: Say = lambda line: None) -> None:
    """Fill the rows: first the batch of those that seek it, then each row once a round.

    Between two rounds of a method all others have theirs, so that what changes slowly in the
    machine meets all of them. A row that fails once is left out from there on.

    Args:
        rows: What is measured.
        do: Does a job, in a process of its own.
        free_bytes: How much memory the machine has left; a larger batch must not make it kill others.
        say: Who hears of it.
    """
    for row in rows:
        if row.climbs:
            _climb(row, do, free_bytes, say)
    rounds = max((row.job.rules.rounds for row in rows), default=0)
    for number in range(rounds):
        for row in rows:
            if row.problem is not None:
                continue
            outcome = do(replace(row.job, count=number == 0))
            row.problem = what_went_wrong(outcome)
            if row.problem is None:
                row.outcomes.append(outcome)
            told = row.problem or _told(outcome, row.job.batch)
            say(f"{row.title}, batch {row.job.batch}, round {number + 1} of {rounds}: {told}")


def _climb(row: Row, do: Do, free_bytes: Callable[[], int], say: Say) -> None:
    """Find the smallest batch within 2 % of the best pictures per second."""
    for batch in LADDER:
        outcome = do(replace(row.job, batch=batch))
        if problem := what_went_wrong(outcome):
            row.ladder_ended = f"batch {batch}: {problem}"
            say(f"{row.title}, {row.ladder_ended}")
            break
        row.ladder[batch] = batch / statistics.median(outcome["seconds"])
        say(f"{row.title}, batch {batch}: {row.ladder[batch]:.4g} pictures/s")
        # A card refuses what it cannot hold; the machine's own memory is refused to somebody.
        if outcome["memory"]["allocated"] is None and 2 * outcome["memory"]["process"] > free_bytes():
            row.ladder_ended = f"batch {2 * batch} might take more memory than there is"
            break
    if row.ladder:
        row.job = replace(row.job, batch=best_batch(row.ladder))
    else:
        row.problem = row.ladder_ended


def what_went_wrong(outcome: Outcome) -> str | None:
    """A sentence; None where it went well."""
    if "out_of_memory" in outcome:
        return f"out of memory ({outcome['out_of_memory']})"
    if "problem" in outcome:
        return str(outcome["problem"])
    # What was throttled all the time, or what says nothing of itself, has no call that counts.
    return None if outcome["seconds"] else f"no call counts; {outcome.get('dropped', 0)} were throttled"


def _told(outcome: Outcome, batch: int) -> str:
    return f"{1000 * statistics.median(outcome['seconds']) / batch:.4g} ms a picture, {outcome['calls']} calls"

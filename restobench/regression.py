"""The guard against numbers that move: runs a small suite anew and compares each mean with a baseline.

Nothing is reused: pictures and scores are made in a folder of their own, which is removed
afterwards. What could not be run is told from what regressed.
"""

from __future__ import annotations

import math
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from restobench.baseline import DIGITS, Key, Number, Numbers
from restobench.benchmark import RunResult, carry_out
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.planning import Options, plan, refuse_missing_weights
from restobench.reporter import Reporter, Silence
from restobench.signature import Signature

REGRESSED = 1
"""Exit code: a number moved, is new or is gone."""
COULD_NOT_RUN = 3
"""Exit code: nothing moved, but something could not be run. 2 is what every other mistake ends with."""


class Moved(NamedTuple):
    """A number that is not what it was."""

    key: Key
    old: Number
    new: Number
    tolerance: float
    why: str

    @property
    def difference(self) -> float | None:
        """New less old; None where either has no mean."""
        return None if self.old.mean is None or self.new.mean is None else self.new.mean - self.old.mean


@dataclass
class Report:
    """What came of a check."""

    moved: list[Moved] = field(default_factory=list)
    new: Numbers = field(default_factory=dict)
    """Not in the baseline."""
    vanished: Numbers = field(default_factory=dict)
    """In the baseline, and not computed any more."""
    unmoved: int = 0
    could_not_run: dict[str, str] = field(default_factory=dict)
    """By `method on dataset`: why."""

    @property
    def exit_code(self) -> int:
        """0: nothing moved."""
        if self.moved or self.new or self.vanished:
            return REGRESSED
        return COULD_NOT_RUN if self.could_not_run else 0


@dataclass(frozen=True)
class Task:
    """One run of the suite."""

    method: str
    dataset: str
    seed: int = 0
    metrics: tuple[str, ...] | None = None
    """None: the data set's protocol."""

    def __str__(self) -> str:
        """`bicubic on demo`."""
        return f"{self.method} on {self.dataset}"


def tasks_of(numbers: Numbers) -> list[Task]:
    """What has to be run for these numbers."""
    metrics: dict[tuple[str, str, int], list[str]] = {}
    for key in sorted(numbers):
        metrics.setdefault((key.method, key.dataset, key.seed), []).append(key.metric)
    return [Task(*which, tuple(names)) for which, names in metrics.items()]


def run_tasks(
    tasks: Sequence[Task], *, device: str, reporter: Reporter | None = None
) -> tuple[Numbers, dict[str, str]]:
    """Run everything anew, in a folder that is removed afterwards.

    Returns:
        The numbers, and by `method on dataset` why it could not be run.
    """
    numbers: Numbers = {}
    could_not_run: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="restobench-check-") as folder:
        fresh = Cache(Path(folder) / "cache")
        for number, task in enumerate(tasks):
            # A folder for each: no picture is taken over from another run.
            options = Options(seed=task.seed, device=device, runs=Path(folder) / f"runs-{number}", existing="replace")
            try:
                result = _run(task, options, fresh, reporter or Silence())
            except RestobenchError as error:
                could_not_run[str(task)] = str(error)
                continue
            if problem := _problem(result):
                could_not_run[str(task)] = problem
            if result.restored:
                numbers |= _numbers(result, task)
    return numbers, could_not_run


def _run(task: Task, options: Options, fresh: Cache, reporter: Reporter) -> RunResult:
    (planned,) = plan([task.method], [task.dataset], options, fresh, baseline=False)
    refuse_missing_weights([planned])
    return carry_out(planned, options, fresh, metrics=task.metrics, reporter=reporter)


def _problem(result: RunResult) -> str:
    """Why there is no number; empty where there are. Of a sample that was lost among others the numbers tell."""
    if not result.restored:
        first = min(result.failures, default="")
        return f"{len(result.failures)} samples failed, '{first}': {result.failures.get(first, '')}"
    absent = result.evaluation.absent if result.evaluation else {}
    return "; ".join(f"{name}: {why}" for name, why in absent.items())


def _numbers(result: RunResult, task: Task) -> Numbers:
    absent = result.evaluation.absent if result.evaluation else {}
    fingerprint = result.record.run["dataset"]["fingerprint"][:12]
    found = {}
    for row in result.rows():
        if row["metric"] is not None and row["metric"] not in absent:
            parts = Signature.parse(row["signature"]).metric
            definition = ":".join(part for part in parts if not part.startswith("lib="))
            found[Key(task.method, task.dataset, task.seed, row["metric"])] = Number(
                row["mean"], row["count"], row["missing"], row["infinite"], fingerprint, definition
            )
    return found


def compare_numbers(old: Numbers, new: Numbers, could_not_run: Mapping[str, str]) -> Report:
    """What moved, came and went; what could not be run is neither."""
    report = Report(could_not_run=dict(could_not_run))
    for key, number in sorted(old.items()):
        if key in new:
            tolerance = tolerance_of(key.metric, number.mean)
            if why := _why_moved(number, new[key], tolerance):
                report.moved.append(Moved(key, number, new[key], tolerance, why))
            else:
                report.unmoved += 1
        elif f"{key.method} on {key.dataset}" not in could_not_run:
            report.vanished[key] = number
    report.new = {key: number for key, number in sorted(new.items()) if key not in old}
    return report


def _why_moved(old: Number, new: Number, tolerance: float) -> str:
    if old.fingerprint != new.fingerprint:
        return "the data set's pictures are others"
    if old.definition != new.definition:
        return f"the metric is defined otherwise: {old.definition} before, {new.definition} now"
    counts = [(one.count, one.missing, one.infinite) for one in (old, new)]
    if counts[0] != counts[1]:
        return "of {} values {} missing and {} infinite before, of {} now {} and {}".format(
            *(number for one in counts for number in (sum(one), *one[1:]))
        )
    if old.mean is None or new.mean is None:
        return "" if old.mean == new.mean else "a mean came or went"
    if not math.isclose(old.mean, new.mean, rel_tol=10.0**-DIGITS, abs_tol=tolerance):
        return "the mean moved by more than the tolerance"
    return ""


def tolerance_of(metric: str, mean: float | None) -> float:
    """How far the metric's mean may move; where none is known a share of the mean."""
    content = _tolerances()
    known: dict[str, float] = content["tolerances"]
    name = metric
    while name:
        if name in known:
            return known[name]
        name = name.rpartition("-")[0]
    return float(content["default"]) * abs(mean or 0.0)


@cache
def _tolerances() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("regression.toml").read_text(encoding="utf-8"))


def lines_of(report: Report) -> list[str]:
    """The report for people: a line for each number that is not what it was."""
    lines = [
        f"MOVED     {one.key}: {_shown(one.old)} before, {_shown(one.new)} now"
        + (f" ({one.difference:+.4g}, tolerance {one.tolerance:.2g})" if one.difference is not None else "")
        + f": {one.why}"
        for one in report.moved
    ]
    lines += [f"NEW       {key}: {_shown(number)}" for key, number in report.new.items()]
    lines += [f"VANISHED  {key}: {_shown(number)} before" for key, number in report.vanished.items()]
    lines += [f"NOT RUN   {what}: {why}" for what, why in report.could_not_run.items()]
    return [*lines, _verdict(report)]


def markdown_of(report: Report) -> str:
    """The report for the summary page of a CI job."""
    from restobench.leaderboard.escaping import markdown as safe

    lines = ["### restobench check", "", _verdict(report), ""]
    rows: list[tuple[str, str, str, float | None, float | None, str]] = [
        (str(one.key), _shown(one.old), _shown(one.new), one.difference, one.tolerance, one.why) for one in report.moved
    ]
    rows += [(str(key), "-", _shown(number), None, None, "new") for key, number in report.new.items()]
    rows += [(str(key), _shown(number), "-", None, None, "vanished") for key, number in report.vanished.items()]
    if rows:
        lines += ["| number | old | new | difference | tolerance | |", "|---|---|---|---|---|---|"]
        for what, old, new, difference, tolerance, why in rows:
            apart = "-" if difference is None else f"{difference:+.4g}"
            allowed = "-" if tolerance is None else f"{tolerance:.2g}"
            lines.append(f"| {safe(what)} | {old} | {new} | {apart} | {allowed} | {safe(why)} |")
        lines.append("")
    lines += [f"- could not run {safe(what)}: {safe(why)}" for what, why in report.could_not_run.items()]
    return "\n".join(lines).rstrip() + "\n"


def _shown(number: Number) -> str:
    return "no mean" if number.mean is None else f"{number.mean:.{DIGITS}g}"


def _verdict(report: Report) -> str:
    changed = {
        "moved": len(report.moved),
        "new": len(report.new),
        "vanished": len(report.vanished),
        "not run": len(report.could_not_run),
    }
    said = ", ".join(f"{count} {what}" for what, count in changed.items() if count)
    unmoved = f"{report.unmoved} numbers as they were"
    return f"{said}; {unmoved}." if said else f"{unmoved[0].upper()}{unmoved[1:]}."

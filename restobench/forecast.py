"""What planned runs would do, and for how long, told before any of it is done: `run --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restobench.cache import Cache
from restobench.evaluate import count_known, why_not
from restobench.method import MethodChoice
from restobench.planning import Options, PlannedRun, metrics_for
from restobench.provenance import best_device, device_name
from restobench.results import RunRecord, readable_runs
from restobench.store import run_folders
from restobench.weights import what_is_fetched


@dataclass(frozen=True)
class Forecast:
    """What a planned run would do."""

    planned: PlannedRun
    folder: Path
    already: int
    """Pictures that are there."""
    restore: int
    known: int
    """Values of metrics that are known."""
    compute: int
    """Values that would be worked out, if every picture comes out and none was ever scored."""
    seconds: float | None
    """To restore, from earlier runs of the method on such a device; None where there were none."""
    missing: tuple[str, ...]
    """What the run lacks: weights, libraries of metrics; each with what to do."""

    def row(self) -> dict[str, Any]:
        """As a row of `--dry-run --json`."""
        return {
            "method": f"{self.planned.choice.label}@{self.planned.choice.variant}",
            "dataset": self.planned.dataset.name,
            "seed": self.planned.identity.determinants["seed"],
            "already": self.already,
            "restore": self.restore,
            "known": self.known,
            "compute": self.compute,
            "minutes": None if self.seconds is None else round(self.seconds / 60, 3),
            "missing": list(self.missing),
            "run": str(self.folder),
        }


def forecast(
    planned: Sequence[PlannedRun],
    options: Options,
    cache: Cache,
    *,
    metrics: Sequence[str] | None = None,
    evaluate: bool = True,
) -> list[Forecast]:
    """What `carry_out` would do with each planned run, without doing any of it.

    Raises:
        RestobenchError: As `carry_out` would before it begins.
    """
    history = readable_runs(run_folders(options.runs))
    return [_foretold(one, options, cache, history, metrics if evaluate else ()) for one in planned]


def _foretold(
    planned: PlannedRun, options: Options, cache: Cache, history: Sequence[RunRecord], metrics: Sequence[str] | None
) -> Forecast:
    folder = planned.folder(options)
    work = planned.work(folder, options, cache)
    chosen = metrics_for(planned.dataset, metrics)
    usable = [metric for metric in chosen if not why_not(metric, planned.dataset)]
    there = set() if planned.starts_anew(options) else folder.restored_ids()
    pictures = {sample_id: folder.picture(sample_id) for sample_id in there}
    pictures |= {sample_id: other.picture(sample_id) for sample_id, other in work.take_over.items()}
    present = [sample for sample in planned.dataset.samples if sample.id in pictures]
    known = count_known(pictures, present, usable, cache)
    sets = sum(metric.card.kind == "set" for metric in usable)
    values = (len(usable) - sets) * (len(present) + len(work.restore)) + sets
    pace = _seconds_a_picture(planned, options, history)
    missing = [_lacking(planned.choice, part) for part in planned.choice.missing_parts()]
    missing += [f"{metric.name}: {reason}" for metric in chosen if (reason := why_not(metric, planned.dataset))]
    return Forecast(
        planned=planned,
        folder=folder.path,
        already=work.already + len(work.take_over),
        restore=len(work.restore),
        known=known,
        compute=values - known,
        seconds=0.0
        if not work.restore
        else None
        if pace is None
        else pace * len(work.restore) / (options.workers or 1),
        missing=tuple(missing),
    )


def _lacking(choice: MethodChoice, part: str) -> str:
    facts = choice.parts[part]
    text = f"weights '{part}' of '{choice.name}'"
    if not facts.can_be_fetched:
        return text
    return f"{text}: {what_is_fetched(facts)}; restobench weights fetch {choice.reference}"


def _seconds_a_picture(planned: PlannedRun, options: Options, history: Sequence[RunRecord]) -> float | None:
    """From the last run of this method and variant on a device of this name, on this data set if there is one.

    Of one such device: what a cluster did in its time counts once for each worker.
    """
    device = device_name(options.device or best_device())
    paces: list[tuple[bool, str, float]] = []
    for record in history:
        made = record.run["determinants"]
        if (made.get("method"), made.get("variant")) != (planned.choice.name, planned.choice.variant):
            continue
        if planned.choice.command and record.run["label"] != planned.choice.label:
            continue  # another program altogether
        same = bool(made["dataset"] == planned.fingerprint)
        for session in record.run["sessions"]:
            hardware = session["hardware"]
            if session.get("restored") and hardware.get("gpu", hardware["cpu"]) == device:
                workers = len(session.get("workers", ())) or 1
                paces.append((same, session["finished"], workers * session["wall_seconds"] / session["restored"]))
    return max(paces)[2] if paces else None

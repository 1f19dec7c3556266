"""`restobench time`: plan as a run is planned, measure in fresh processes, keep the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from restobench.cache import Cache
from restobench.card import Value
from restobench.dataset import Dataset
from restobench.errors import RestobenchError
from restobench.image import picture_size
from restobench.planning import Options, PlannedRun, Weights, plan, refuse_missing_weights
from restobench.provenance import best_device
from restobench.reporter import Reporter, Silence
from restobench.store import now
from restobench.timing.figures import figures
from restobench.timing.inputs import MOST, read_inputs
from restobench.timing.job import Job, in_a_fresh_process
from restobench.timing.measure import TIMING_V1, Rules
from restobench.timing.record import TimingRecord, keep
from restobench.timing.rows import LADDER, SCENARIOS, Do, Row, Scenario, rows_for, time_rows


@dataclass
class Timed:
    """What came of it."""

    records: list[TimingRecord] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    """By row, why it has no figure."""
    kept: list[Path] = field(default_factory=list)


def time_methods(
    methods: Sequence[str],
    dataset: str | Path,
    options: Options,
    *,
    size: tuple[int, int] | None = None,
    scenarios: Sequence[Scenario] = SCENARIOS,
    batch: int | None = None,
    settings: Mapping[str, Value] | None = None,
    weights: Weights = (),
    label: str | None = None,
    scale: int | None = None,
    rules: Rules = TIMING_V1,
    do: Do = in_a_fresh_process,
    reporter: Reporter | None = None,
) -> Timed:
    """Time methods on a data set's pictures, in turn, and keep a record of each row.

    Args:
        methods: Names, with or without `@variant`.
        dataset: Whose pictures; the same for all methods.
        options: Device, precision, and where runs and records are.
        size: Width and height that the pictures are brought to; None: the first one's.
        scenarios: Latency, throughput or both.
        batch: Of throughput; None: the ladder decides.
        settings: Of the one method.
        weights: Of the one method.
        label: What the one method's rows are called.
        scale: For folders without clean pictures.
        rules: When warm-up and measurement end. Records are kept of `timing-v1` alone.
        do: Does a job, in a process of its own.
        reporter: Who hears how it goes.

    Raises:
        RestobenchError: As `plan` does, weights are missing, or there are too few pictures.
    """
    if batch is not None and batch not in range(1, LADDER[-1] + 1):
        raise RestobenchError(f"--batch wants 'auto', or 1 to {LADDER[-1]} pictures, not {batch}.")
    reporter = reporter or Silence()
    planned = plan(
        methods, [dataset], options, Cache(), settings=settings, weights=weights, label=label, scale=scale,
        baseline=False,
    )  # fmt: skip
    refuse_missing_weights(planned)
    inputs = read_inputs(planned[0].dataset, size)
    size = (inputs.pictures.shape[2], inputs.pictures.shape[1])
    timed = Timed()
    with TemporaryDirectory(prefix="restobench-time-") as folder:
        inputs.save(Path(folder))
        by_plan = [(one, _rows(one, options, folder, scenarios, batch, rules)) for one in planned]
        rows = [row for _, some in by_plan for row in some]
        time_rows(rows, do, free_bytes=_free_bytes, say=reporter.say)
    for one, some in by_plan:
        for row in some:
            if row.problem is not None:
                timed.problems[row.title] = row.problem
                continue
            record = _record(one, row, size, options, batch)
            timed.records.append(record)
            if rules == TIMING_V1:
                timed.kept.append(keep(record, options.runs))
    return timed


def _rows(
    one: PlannedRun, options: Options, inputs: str, scenarios: Sequence[Scenario], batch: int | None, rules: Rules
) -> list[Row]:
    job = Job(
        method=one.choice.reference,
        settings=dict(one.choice.settings),
        weights={part: str(path) for part, path in one.choice.weights.items()},
        scale=one.dataset.scale,
        device=options.device or best_device(),
        dtype=options.dtype,
        tf32=options.tf32,
        inputs=inputs,
        rules=rules,
    )
    return rows_for(one.choice, job, scenarios, batch)


def _free_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _record(
    one: PlannedRun, row: Row, size: tuple[int, int], options: Options, batch_asked: int | None
) -> TimingRecord:
    found, first = row.outcomes, row.outcomes[0]
    summary = figures([outcome["seconds"] for outcome in found], row.job.batch)
    assert summary is not None, "a row without a call that counts has a problem"
    summary = replace(summary, calls=sum(outcome["calls"] for outcome in found))
    device = first["hardware"].get("gpu", first["hardware"]["cpu"])
    contents = first.get("contents", {})
    return TimingRecord(
        label=one.choice.label,
        variant=one.choice.variant,
        scenario=row.scenario,
        size=size,
        restored_size=tuple(first["restored_size"]) if "restored_size" in first else None,
        batch=row.job.batch,
        batch_asked=batch_asked if row.scenario == "throughput" else 1,
        dtype=row.job.dtype,
        device=device,
        determinants=dict(one.identity.determinants),
        sources=one.identity.sources,
        dataset=one.dataset.describe() | {"fingerprint": one.fingerprint},
        figures=asdict(summary),
        marks=_marks(row, summary.marks),
        protocol=row.job.rules.name,
        measured=now(),
        ladder={str(batch): pace for batch, pace in row.ladder.items()},
        ladder_ended=row.ladder_ended,
        first_call_seconds=_each(row, "first_call_seconds"),
        warm_up=_each(row, "warm_up"),
        dropped=sum(_each(row, "dropped")),
        different_inputs=first["different_inputs"],
        late_draws=sum(_each(row, "late_draws")),
        memory=_memory(row) | {"weights": contents.get("weight_bytes")},
        parameters=contents.get("parameters"),
        flops=first.get("flops"),
        state={
            **{name: first[name] for name in ("hardware", "precision", "cudnn_benchmark", "versions")},
            **{name: contents.get(name) for name in ("layout", "compiled")},
            "rounds": _each(row, "watched"),
        },
        end_to_end=_ordinary_run(one, options, size, device),
    )


def _each(row: Row, name: str) -> list[Any]:
    """What every round says of it; a program over a folder says little."""
    return [outcome[name] for outcome in row.outcomes if name in outcome]


def _memory(row: Row) -> dict[str, int | None]:
    """The most of all rounds."""
    rounds: list[dict[str, int | None]] = _each(row, "memory")
    return {
        kind: max((peak for one in rounds if (peak := one[kind]) is not None), default=None)
        for kind in ("allocated", "reserved", "process")
    }


def _marks(row: Row, found: Sequence[str]) -> list[str]:
    marks = {
        "shared": any(watched["shared"] for watched in _each(row, "watched")),
        "throttled": any(_each(row, "dropped")),
        "host-bound": any(_each(row, "host_bound")),
    }
    quick = [] if row.job.rules == TIMING_V1 else ["quick"]
    return [*(mark for mark, there in marks.items() if there), *found, *quick]


def _ordinary_run(one: PlannedRun, options: Options, size: tuple[int, int], device: str) -> dict[str, Any] | None:
    """The last session of the run of the same method on the same pictures and device; None: there is none.

    What several workers did at a time says nothing of a device.
    """
    if not _at_their_own_size(one.dataset, size):
        return None
    folder = one.identity.folder(options.runs)
    with suppress(RestobenchError):
        for session in reversed(folder.read_run()["sessions"]):
            hardware = session["hardware"]
            alone = session.get("restored") and not session.get("workers")
            if alone and hardware.get("gpu", hardware["cpu"]) == device:
                return {
                    "seconds": session["seconds_per_picture"],
                    "pictures": session["restored"],
                    "batch": session["batch_size"],
                    "run": str(folder.path),
                }
    return None


def _at_their_own_size(dataset: Dataset, size: tuple[int, int]) -> bool:
    """Whether an ordinary run restores pictures of this size."""
    return all(sample.lq and picture_size(sample.lq) == size for sample in dataset.samples[:MOST])

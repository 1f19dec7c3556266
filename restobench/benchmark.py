"""Stage 1, then stage 2, over a grid of methods and data sets.

Everything that can be known to be wrong is found while planning, before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from restobench.cache import Cache
from restobench.card import Value
from restobench.conformance.record import describe_record
from restobench.dataset import Dataset, open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import evaluate_run
from restobench.executors.actors import actors
from restobench.executors.worker import Order
from restobench.files import write_json
from restobench.foreign import Brought, bring_pictures
from restobench.metrics.registry import Metric, choose_metrics
from restobench.planning import (
    BASELINES,
    Options,
    PlannedRun,
    Weights,
    metrics_for,
    plan,
    refuse_missing_weights,
)
from restobench.provenance import best_device, evaluation_device, set_tf32
from restobench.reporter import Reporter, Silence
from restobench.restore import Restored, restore_samples
from restobench.results import RunRecord, find_run
from restobench.session import Session, close_killed_session
from restobench.store import RunFolder, now
from restobench.summary import Evaluation, by_reason

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class RunResult:
    """What came of one run."""

    record: RunRecord
    restored: int = 0
    """Pictures restored now."""
    already: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    evaluation: Evaluation | None = None
    metrics: tuple[str, ...] = ()
    """What was asked for, in order."""

    @property
    def ok(self) -> bool:
        """Whether every sample has a picture and every metric that ran a value for it."""
        return not (self.failures or self.stopped or self.errors)

    @property
    def errors(self) -> dict[str, dict[str, str]]:
        """Sample by metric, why it has no value: of the metrics that were asked for."""
        found = self.evaluation.errors if self.evaluation else {}
        return {name: texts for name, texts in found.items() if name in self.metrics}

    def rows(self) -> list[dict[str, Any]]:
        """The summary's rows; one row without a metric where nothing was scored."""
        if self.evaluation is not None:
            return self.record.rows(list(self.metrics))
        head = RunRecord(self.record.folder, self.record.run, [{"metric": None}]).rows()[0]
        samples = self.record.run["samples"]
        nothing = dict.fromkeys(("mean", "low", "high", "signature"))
        counts = {"count": samples["restored"], "missing": len(samples["failed"]), "infinite": 0, "identical": 0}
        return [head | nothing | counts]


def carry_out(
    planned: PlannedRun,
    options: Options,
    cache: Cache,
    *,
    metrics: Sequence[str] | None = None,
    evaluate: bool = True,
    reporter: Reporter | None = None,
) -> RunResult:
    """Restore what is not there, then score it.

    Raises:
        RestobenchError: Another process writes this run, the disk is full, the method cannot
            be built, or there is nothing to reuse and `existing` is `only`.
    """
    reporter = reporter or Silence()
    folder = planned.folder(options)
    if folder.path.name != planned.identity.key:
        reporter.say(f"{planned.title}: pictures that other source files of the method made ({folder.path.name})")
    elif not folder.run_path.exists() and planned.by_other_sources(options):
        reporter.say(f"{planned.title}: earlier pictures are by other source files of the method, and not reused")
    if not folder.run_path.exists() and (imported := planned.imported(options)):
        reporter.say(f"{planned.title}: an imported run has this key ({imported[0].path}), and is not reused")
    with folder.locked():
        outcome, already = _restore(planned, folder, options, cache, reporter)
        result = RunResult(
            RunRecord.read(folder),
            restored=len(outcome.seconds),
            already=already,
            stopped=outcome.stopped,
        )
        result.failures = dict(result.record.run["samples"]["failed"])
        if evaluate:
            _evaluate(result, planned.dataset, metrics, options, cache, reporter, planned.title)
    return result


def carry_out_each(
    planned: Sequence[PlannedRun],
    options: Options,
    cache: Cache,
    *,
    metrics: Sequence[str] | None = None,
    evaluate: bool = True,
    reporter: Reporter | None = None,
) -> tuple[list[RunResult], dict[str, str]]:
    """`carry_out` for a grid: a run that cannot be made does not stop the others.

    Returns:
        What came of the runs, and by title why one could not be made.

    Raises:
        RestobenchError: It is the only run but for the rows of doing nothing.
    """
    reporter = reporter or Silence()
    asked = [one for one in planned if one.choice.label not in BASELINES]
    results, refused = [], {}
    for one in planned:
        try:
            results.append(carry_out(one, options, cache, metrics=metrics, evaluate=evaluate, reporter=reporter))
        except RestobenchError as error:
            if len(asked) < 2:
                raise
            refused[one.title] = str(error)
            reporter.say(f"{one.title}: {error}")
    return results, refused


def _restore(
    planned: PlannedRun, folder: RunFolder, options: Options, cache: Cache, reporter: Reporter
) -> tuple[Restored, int]:
    """Restore the samples that have no picture yet; returns what was done and how many were there."""
    choice, asked = planned.choice, len(planned.dataset.samples[: options.limit])
    todo, take_over, already = planned.work(folder, options, cache)
    replacing = planned.starts_anew(options)
    earlier = folder.read_run() if not replacing and folder.run_path.exists() else None
    if not todo and not take_over:
        reporter.say(f"{planned.title}: {already} of {asked} already there, nothing to restore")
        if earlier and options.existing != "only":
            close_killed_session(folder, earlier, options.limit)
        return Restored(), already
    if already:
        reporter.say(f"{planned.title}: {already} of {asked} already there")

    with _workforce(planned, folder, options, reporter) as force:
        if choice.never_reused and folder.restored_ids() and options.existing == "resume":
            reporter.say(f"{planned.title}: the pictures that are there are made anew: {choice.never_reused}")
        if replacing:
            # Only now: a method that cannot be built must not cost the pictures that are there.
            folder.clear()
        session = Session(planned, folder, options, audit=force.audit, workers=force.workers, earlier=earlier)
        folder.write_inputs(planned.dataset.inputs(cache))
        if take_over:
            reporter.say(
                f"{planned.title}: {len(take_over)} of {asked} taken from an earlier run, their input is the same"
            )
            session.take_over(take_over)
        session.save(Restored())
        if session.conformance:
            reporter.say(f"{planned.title}: {describe_record(session.conformance)}")
        if choice.command:
            reporter.say(f"{planned.title}: what the program prints goes to {folder.log}")
        with reporter.stage(f"{planned.title}: restoring", len(todo)) as advance:
            outcome = force.restore(
                todo,
                target=folder.picture,
                scale=planned.dataset.scale,
                seed=planned.seed,
                batch_size=options.batch_size,
                limit=options.max_failures,
                retries=options.retries,
                timeout=options.timeout,
                advance=advance,
                checkpoint=session.save,
                say=reporter.say,
            )
    session.finish(outcome)
    for note in outcome.notes:
        reporter.say(f"{planned.title}: {note}")
    if outcome.stopped:
        reporter.say(f"{planned.title}: stopped, {len(outcome.failures)} pictures had failed (--max-failures)")
    return outcome, already + len(take_over)


class _Workforce(NamedTuple):
    """Who restores a run."""

    restore: Callable[..., Restored]
    """`restore_samples`, its method and device decided."""
    audit: Mapping[str, Any]
    workers: Sequence[Mapping[str, Any]] = ()
    """The hardware of each, where they are others than this process."""


@contextmanager
def _workforce(planned: PlannedRun, folder: RunFolder, options: Options, reporter: Reporter) -> Iterator[_Workforce]:
    """The method, built in this process or in those of a cluster; `folder` is locked.

    Raises:
        RestobenchError: It cannot be built, or the cluster cannot be used.
    """
    choice, scale, device = planned.choice, planned.dataset.scale, options.device or best_device()
    if options.executor == "local":
        set_tf32(options.tf32)
        built = choice.build(device=device, dtype=options.dtype, scale=scale, log=folder.log)
        yield _Workforce(partial(restore_samples, built.method, device=device), built.setup.audit)
        return
    order = Order(
        choice,
        device=device,
        dtype=options.dtype,
        tf32=options.tf32,
        scale=scale,
        log=folder.log,
        sources=planned.identity.sources,
        marker=folder.writer_path,
        marked=folder.writer_path.read_text(encoding="utf-8"),
    )
    try:
        with actors(order, address=options.address, workers=options.workers, say=reporter.say) as force:
            yield _Workforce(force.restore, force.audit, force.hardware)
    finally:
        # A worker that was lost, or ended in the middle of a picture, leaves what is no picture yet.
        folder.sweep()


def _evaluate(
    result: RunResult,
    dataset: Dataset,
    metrics: Sequence[str] | None,
    options: Options,
    cache: Cache,
    reporter: Reporter,
    title: str,
) -> None:
    """Score a run whose lock is held; what earlier evaluations computed is kept up to date."""
    folder = result.record.folder
    asked = metrics_for(dataset, metrics)
    chosen = _with_earlier(asked, result.record)
    with reporter.stage(f"{title}: scoring", len(folder.restored_ids())) as advance:
        result.evaluation = evaluate_run(
            folder,
            dataset,
            chosen,
            cache,
            device=evaluation_device(options.device),
            advance=lambda done: advance(done, 0),
        )
    if result.evaluation.computed:
        # Where every value was known there is nothing to time.
        folder.write_run(folder.read_run() | {"evaluation": result.evaluation.pace()})
    result.metrics = tuple(metric.name for metric in asked)
    result.record = RunRecord.read(folder)
    absent = {name: reason for name, reason in result.evaluation.absent.items() if name in result.metrics}
    for line in [*by_reason(absent), *result.evaluation.notes]:
        reporter.say(f"{title}: {line}")


def _with_earlier(asked: list[Metric], record: RunRecord) -> list[Metric]:
    names = {metric.name for metric in asked}
    earlier = []
    for row in record.summary:
        if row["metric"] not in names:
            try:
                earlier += choose_metrics([row["metric"]])
            except RestobenchError:
                continue  # a metric of a package that is no longer installed
    return [*asked, *earlier]


def evaluate_existing(
    name: str,
    options: Options,
    cache: Cache,
    *,
    dataset: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    reporter: Reporter | None = None,
) -> RunResult:
    """Score a run that is there, by name or folder. Needs no method.

    Args:
        name: `method[@variant][:dataset]`, or the run's folder.
        options: Where the runs are.
        cache: Where values are kept.
        dataset: Where its data set is now, if not where it was.
        metrics: What to compute; None: the data set's protocol.
        reporter: Who hears of it.

    Raises:
        RestobenchError: No such run, or the data set is not the one that was restored.
    """
    record = find_run(options.runs, name)
    if record.folder.is_imported and not record.folder.restored_ids():
        raise RestobenchError(f"{record.folder.path} was imported with scores only: there are no pictures to score.")
    described = record.run["dataset"]
    # The same pictures are the same data set; a folder without clean ones cannot tell its scale.
    opened = replace(open_dataset(dataset or described["reference"], reporter=reporter), scale=described["scale"])
    found = opened.fingerprint(cache)
    if found != described["fingerprint"]:
        raise RestobenchError(
            f"'{opened.name}' has changed since {record.folder.path} was made (fingerprint {found[:12]}, then "
            f"{described['fingerprint'][:12]}); restore it again, or name the old data set with --dataset."
        )
    result = RunResult(record, already=record.run["samples"]["restored"])
    result.failures = dict(record.run["samples"]["failed"])
    with record.folder.locked():
        _evaluate(result, opened, metrics, options, cache, reporter or Silence(), record.name)
        if imported := record.folder.read_imported():
            write_json(record.folder.imported_path, imported | {"scored": now()})
    return result


def evaluate_folder(
    restored: Path,
    dataset: str | Path,
    label: str,
    options: Options,
    cache: Cache,
    *,
    scale: int | None = None,
    metrics: Sequence[str] | None = None,
    allow_lossy: bool = False,
    reporter: Reporter | None = None,
) -> tuple[RunResult, Brought]:
    """Score pictures that anybody's program made, as a run called `label`.

    Raises:
        RestobenchError: As `bring_pictures` does.
    """
    reporter = reporter or Silence()
    opened = open_dataset(dataset, scale=scale, reporter=reporter)
    with reporter.stage(f"{label}:{opened.name}: reading", len(opened.samples)) as advance:
        brought = bring_pictures(
            restored,
            opened,
            label=label,
            runs=options.runs,
            cache=cache,
            allow_lossy=allow_lossy,
            advance=lambda done: advance(done, 0),
        )
    result = RunResult(RunRecord.read(brought.folder), already=len(brought.folder.restored_ids()))
    result.failures = dict(result.record.run["samples"]["failed"])
    with brought.folder.locked():
        _evaluate(result, opened, metrics, options, cache, reporter, result.record.name)
    return result, brought


def run(
    methods: Sequence[str] | str,
    datasets: Sequence[str | Path] | str | Path,
    *,
    metrics: Sequence[str] | None = None,
    settings: Mapping[str, Value] | None = None,
    weights: Weights = (),
    label: str | None = None,
    scale: int | None = None,
    options: Options | None = None,
    reporter: Reporter | None = None,
) -> pd.DataFrame:
    """Restore and score a grid of methods and data sets; what is there is reused.

    Args:
        methods: Names, with or without `@variant`.
        datasets: Names, folders or URLs.
        metrics: What to compute; None: each data set's protocol.
        settings: Of the one method.
        weights: Files by part ("" for the only one), of the one method; several such mappings
            are checkpoints, each a run of its own.
        label: What the one method's rows are called.
        scale: For folders without clean pictures.
        options: Seed, device, batch size and the like.
        reporter: Who hears how it goes.

    Returns:
        A row for each method, data set and metric: mean, 95 % interval (low, high), count,
        missing, infinite, signature, and the run's folder. The baseline's rows come first.

    Raises:
        RestobenchError: Anything the caller can put right.
    """
    import pandas as pd

    options = options or Options()
    cache = Cache()
    named = [methods] if isinstance(methods, str) else methods
    placed = [datasets] if isinstance(datasets, str | Path) else datasets
    if metrics is not None:
        choose_metrics(metrics)
    planned = plan(
        named,
        placed,
        options,
        cache,
        settings=settings,
        weights=weights,
        label=label,
        scale=scale,
        reporter=reporter,
    )
    refuse_missing_weights(planned)
    results = [carry_out(one, options, cache, metrics=metrics, reporter=reporter) for one in planned]
    return pd.DataFrame([row for result in results for row in result.rows()])

"""A few pictures of an imported run scored again: whether its numbers are those of its pictures."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restobench.cache import Cache
from restobench.dataset import Dataset, NotPreparedError, dataset_cards, local_cards, open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import why_not
from restobench.metrics.registry import Metric, find_metric
from restobench.onepass import OnePass
from restobench.reading import scored_samples
from restobench.regression import tolerance_of
from restobench.reporter import Reporter
from restobench.sharing.contents import refused
from restobench.sharing.schema import Row
from restobench.sharing.unpack import Contents
from restobench.signature import Signature
from restobench.store import RunFolder
from restobench.summary import Evaluation, by_reason


@dataclass(frozen=True)
class Again:
    """What was scored again; every number was as the archive says."""

    samples: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    left_out: Mapping[str, str] | None = None
    """By metric that was not computed again: why."""
    not_checked: str = ""
    """Why nothing was; empty where something was."""
    dataset: Dataset | None = None
    """The data set, where it is here and is the one that was restored."""


def score_again(
    folder: RunFolder, contents: Contents, *, seed: str, number: int, dataset: str | Path | None, reporter: Reporter
) -> Again:
    """Score some pictures of a run anew and compare the numbers with those that it came with.

    Args:
        folder: The run, with its pictures.
        contents: What the archive says.
        seed: Decides which samples: who alters an archive alters it, and cannot know them before.
        number: How many samples.
        dataset: Where the data set is; None: it is looked for by its name, and never on the net.
        reporter: Who hears how pictures come from a URL that was given.

    Raises:
        RestobenchError: A number is not that of its picture, or the data set that was named is another one.
    """
    opened, problem = _dataset(contents, dataset, reporter)
    if opened is None:
        return Again(not_checked=problem)
    _check_samples(contents, opened)
    if not folder.restored_ids():
        return Again(not_checked="there are no pictures", dataset=opened)
    if number == 0:
        return Again(not_checked="nothing was to be scored again", dataset=opened)
    there = {sample.id: sample for sample in opened.samples}
    ids = sorted(contents.pixels, key=lambda one: hashlib.sha256(f"{seed}/{one}".encode()).hexdigest())[:number]
    with tempfile.TemporaryDirectory(prefix="restobench-again-") as place:
        cache = Cache(Path(place))
        metrics, left_out = _metrics(contents, opened, cache)
        if not metrics:
            why = "; ".join(by_reason(left_out)) or "it has no number for each sample"
            return Again(left_out=left_out, not_checked=f"no metric could be computed here: {why}", dataset=opened)
        samples = [there[sample_id] for sample_id in ids]
        pictures = {sample_id: folder.picture(sample_id) for sample_id in ids}
        present = scored_samples(pictures, samples, cache)
        evaluation = Evaluation(rows=[])
        values = OnePass(metrics, samples, present, cache, "cpu", evaluation).values(lambda done: None)
    checked = [metric.name for metric in metrics if metric.name not in evaluation.absent]
    for name in checked:
        for sample_id in ids:
            _compare(contents, name, sample_id, values.get(name, {}).get(sample_id))
    return Again(tuple(ids), tuple(checked), left_out | evaluation.absent, "", opened)


def _dataset(contents: Contents, given: str | Path | None, reporter: Reporter) -> tuple[Dataset | None, str]:
    """The data set of the run, or why it is not here. An archive decides on no address and no path."""
    facts = contents.run.dataset
    known = {card.name for card, _ in [*dataset_cards().values(), *local_cards().values()]} | set(local_cards())
    if given is None and facts.name not in known:
        return None, f"the data set '{facts.name}' is not known here; --dataset names it"
    try:
        opened = open_dataset(given or f"{facts.name}@{facts.revision}", reporter=reporter)
        fingerprint = opened.fingerprint(Cache())
    except NotPreparedError:
        return None, f"the data set '{facts.name}' is not on this machine"
    except RestobenchError as error:
        if given is not None:
            raise
        return None, f"the data set '{facts.name}' cannot be read here ({str(error).splitlines()[0].rstrip('.')})"
    if fingerprint == facts.fingerprint:
        # A folder without clean pictures cannot tell its scale.
        return replace(opened, scale=facts.scale), ""
    problem = (
        f"the data set '{facts.name}' here is another one ({fingerprint[:12]}, the run's {facts.fingerprint[:12]})"
    )
    if given is not None:
        raise RestobenchError(f"{problem[0].upper()}{problem[1:]}; leave --dataset out, and nothing is scored again.")
    return None, problem


def _check_samples(contents: Contents, dataset: Dataset) -> None:
    """Samples, their groups, which decide how wide an interval is, and what pictures are made of are the data set's."""
    groups = {sample.id: sample.group for sample in dataset.samples}
    for row in contents.table.rows:
        if row.id not in groups:
            raise refused(f"its sample {row.id!r} is none of '{dataset.name}'")
        if row.group != groups[row.id]:
            raise refused(f"its sample {row.id!r} is said to be of the group {row.group!r}, not {groups[row.id]!r}")
    inputs = dataset.inputs(Cache()) if contents.inputs else {}
    for sample_id, sha256 in contents.inputs.sha256.items() if contents.inputs else ():
        if inputs.get(sample_id) != sha256:
            raise refused(f"its sample {sample_id!r} is said to be made from another input than that of the data set")


def _metrics(contents: Contents, dataset: Dataset, cache: Cache) -> tuple[list[Metric], dict[str, str]]:
    """The metrics that mean the same here and can be computed, and why the others are left out."""
    chosen, left_out = [], {}
    for row in contents.summary.rows:
        try:
            metric = find_metric(row.metric)
            metric = metric.identified(cache) if metric else None
        except RestobenchError as error:
            left_out[row.metric] = str(error)
            continue
        if metric is None:
            left_out[row.metric] = "no such metric is installed"
        elif row.metric not in contents.table.metrics:
            left_out[row.metric] = "it is one number for the whole set"
        elif problem := why_not(metric, dataset):
            left_out[row.metric] = problem
        elif _definition(row) != _without_library(metric.signature_parts()):
            left_out[row.metric] = "it is defined otherwise here"
        else:
            chosen.append(metric)
    return chosen, left_out


def _definition(row: Row) -> list[str]:
    return _without_library(Signature.parse(row.signature).metric)


def _without_library(parts: Any) -> list[str]:
    """Another version of a library moves the last digits, which the tolerance forgives."""
    return [part for part in parts if not part.startswith("lib=")]


def _compare(contents: Contents, metric: str, sample_id: str, ours: float | None) -> None:
    row = next(row for row in contents.table.rows if row.id == sample_id)
    told = row.values[metric]
    theirs = None if told is None else float(told)
    if ours is None and theirs is None:
        return
    if ours is not None and theirs is not None:
        if ours == theirs:
            return
        tolerance = tolerance_of(metric, theirs)
        if math.isfinite(ours) and math.isfinite(theirs) and abs(ours - theirs) <= tolerance:
            return
    shown = ["no value" if value is None else f"{value:.6g}" for value in (theirs, ours)]
    raise refused(
        f"{metric} of {sample_id!r} is {shown[0]} in the archive, and {shown[1]} scored again here, more apart than "
        f"the tolerance of {tolerance_of(metric, theirs):.2g}"
    )

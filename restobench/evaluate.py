"""Stage 2: pictures on disk to numbers.

Knows metrics, knows no method: it scores what is in a run's folder, whoever made it.
Each picture is decoded once for all metrics. A value that was once worked out for a pair of
pictures is taken from the cache, and so are features that were once worked out for a picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from restobench.cache import Cache
from restobench.dataset import Dataset, Sample
from restobench.errors import RestobenchError
from restobench.metrics.registry import Metric
from restobench.onepass import OnePass
from restobench.reading import scored_samples, whole_pair
from restobench.store import RunFolder
from restobench.summary import Evaluation, import_what_writes, write_summary


def evaluate_run(
    folder: RunFolder,
    dataset: Dataset,
    metrics: Sequence[Metric],
    cache: Cache,
    *,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score the pictures of a run and write samples.parquet and summary.json.

    Args:
        folder: The run; its lock is held by the caller.
        dataset: What was restored; its clean pictures are compared with.
        metrics: What to compute.
        cache: Where values and features are looked up and kept.
        device: Where metrics compute.
        advance: Called with the number of pictures looked at since the last call.

    Raises:
        RestobenchError: The run's files cannot be read or written.
    """
    started = time.perf_counter()
    run = folder.read_run()
    wanted = _wanted_samples(dataset, run, folder.restored_ids())
    pictures = {sample.id: folder.picture(sample.id) for sample in wanted}
    present = scored_samples(pictures, [sample for sample in wanted if pictures[sample.id].exists()], cache)

    evaluation = Evaluation(rows=[], pictures=len(present))
    identified, usable = [], []
    for metric in metrics:
        try:
            metric = metric.identified(cache)
            problem = why_not(metric, dataset)
        except RestobenchError as error:
            problem = str(error)
        identified.append(metric)
        if problem:
            evaluation.absent[metric.name] = problem
        else:
            usable.append(metric)

    one_pass = OnePass(usable, wanted, present, cache, device, evaluation)
    with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
        pool.submit(import_what_writes)
        values = one_pass.values(advance or (lambda done: None))
    write_summary(folder, dataset, run, wanted, identified, values, evaluation)
    evaluation.wall_seconds = time.perf_counter() - started
    return evaluation


def _wanted_samples(dataset: Dataset, run: Mapping[str, Any], restored: set[str]) -> list[Sample]:
    """What the run set out to restore (its first `limit` samples), and whatever else is there."""
    limit = run["samples"]["limit"]
    asked = {sample.id for sample in dataset.samples[:limit]} | restored
    return [sample for sample in dataset.samples if sample.id in asked]


def why_not(metric: Metric, dataset: Dataset) -> str | None:
    """Why a metric cannot be computed on a data set here, with what to do; None where it can."""
    reference = metric.card.reference
    if reference == "clean" and not dataset.has_gt:
        return f"needs clean pictures, and '{dataset.name}' has none"
    if reference == "input" and not all(sample.lq for sample in dataset.samples):
        return f"needs the inputs, and '{dataset.name}' has none"
    if dataset.scale < metric.card.min_scale:
        return (
            f"is for pictures that are enlarged x{metric.card.min_scale} or more; '{dataset.name}' is x{dataset.scale}"
        )
    return metric.missing()


def count_known(
    pictures: Mapping[str, Path], present: Sequence[Sample], metrics: Sequence[Metric], cache: Cache
) -> int:
    """How many values of restored pictures (by sample) need not be worked out again."""
    scored = scored_samples(pictures, present, cache)
    known = 0
    for metric in metrics:
        reference = metric.card.reference
        if metric.card.kind == "set":
            pairs = [whole_pair(scored[: metric.card.first], reference)]
        else:
            pairs = [one.pair(reference) for one in scored]
        found = cache.values(metric.identified(cache).fingerprint, pairs)
        known += sum(pair in found for pair in pairs)
    return known

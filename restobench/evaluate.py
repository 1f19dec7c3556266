"""Stage 2: pictures on disk to numbers.

Knows metrics, knows no method: it scores what is in a run's folder, whoever made it.
Each picture is decoded once for all metrics, and a value that was once worked out for a
pair of pictures is taken from the cache.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from restobench.cache import Cache
from restobench.dataset import Dataset, Sample, read_ahead
from restobench.errors import RestobenchError
from restobench.image import read_array, to_tensor
from restobench.metrics.registry import Metric
from restobench.store import RunFolder
from restobench.summary import Evaluation, Values, write_summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pictures are scored in batches of one size, of about this many pixels: enough for a GPU,
# and 4096 x 4096 goes alone.
_PIXELS_A_BATCH = 2**21

Pair = tuple[str, str]
"""(hash of the restored picture, hash of the clean one or "")."""


class Scored(NamedTuple):
    """A sample with what is known of its restored picture."""

    sample: Sample
    restored: Path
    pair: Pair


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
        cache: Where values are looked up and kept.
        device: Where metrics compute.
        advance: Called with the number of pictures looked at since the last call.

    Raises:
        RestobenchError: The run's files cannot be read or written.
    """
    started = time.perf_counter()
    run = folder.read_run()
    wanted = _wanted_samples(dataset, run, folder.restored_ids())
    pictures = {sample.id: folder.picture(sample.id) for sample in wanted}
    present = _hashed(pictures, [sample for sample in wanted if pictures[sample.id].exists()], cache)

    evaluation = Evaluation(rows=[], pictures=len(present))
    usable: dict[Metric, Callable[..., Any]] = {}
    for metric in metrics:
        try:
            if problem := why_not(metric, dataset):
                raise RestobenchError(problem)
            usable[metric] = metric.load()
        except Exception as error:  # a library that breaks when imported must not take the other metrics along
            evaluation.absent[metric.name] = _in_words(error)

    values = _values(usable, present, cache, device, evaluation, advance or (lambda done: None))
    write_summary(folder, dataset, run, wanted, metrics, values, evaluation)
    evaluation.wall_seconds = time.perf_counter() - started
    return evaluation


def _wanted_samples(dataset: Dataset, run: Mapping[str, Any], restored: set[str]) -> list[Sample]:
    """What the run set out to restore (its first `limit` samples), and whatever else is there."""
    limit = run["samples"]["limit"]
    asked = {sample.id for sample in dataset.samples[:limit]} | restored
    return [sample for sample in dataset.samples if sample.id in asked]


def _hashed(pictures: Mapping[str, Path], samples: Sequence[Sample], cache: Cache) -> list[Scored]:
    restored = {sample.id: pictures[sample.id] for sample in samples}
    sha256 = cache.hashes([*restored.values(), *(sample.gt for sample in samples if sample.gt)])
    return [
        Scored(
            sample,
            restored[sample.id],
            (sha256[restored[sample.id]], sha256[sample.gt] if sample.gt else ""),
        )
        for sample in samples
    ]


def why_not(metric: Metric, dataset: Dataset) -> str | None:
    """Why a metric cannot be computed on a data set here, with what to do; None where it can."""
    if problem := metric.missing():
        return problem
    if metric.card.kind == "full-reference" and not dataset.has_gt:
        return f"needs clean pictures, and '{dataset.name}' has none"
    return None


def _values(
    metrics: Mapping[Metric, Callable[..., Any]],
    present: Sequence[Scored],
    cache: Cache,
    device: str,
    evaluation: Evaluation,
    advance: Callable[[int], None],
) -> Values:
    """Every value, from the cache where it is known; the rest in one pass over the pictures."""
    values: Values = {metric.name: {} for metric in metrics}
    todo: dict[str, set[str]] = {}
    whole = _whole_pair(present)
    for metric in metrics:
        if metric.card.kind == "set":
            known = cache.values(metric.fingerprint, [whole])
            values[metric.name] = {"": known[whole]} if known else {}
            todo[metric.name] = set() if known else {scored.sample.id for scored in present}
        else:
            known = cache.values(metric.fingerprint, [_pair_for(metric, scored) for scored in present])
            for scored in present:
                if (pair := _pair_for(metric, scored)) in known:
                    values[metric.name][scored.sample.id] = known[pair]
            todo[metric.name] = {s.sample.id for s in present if _pair_for(metric, s) not in known}
        evaluation.known += len(known)

    needed = set().union(*todo.values())
    advance(sum(scored.sample.id not in needed for scored in present))
    states = {metric.name: make() for metric, make in metrics.items() if _is_open_set(metric, todo)}

    for batch in _batches([scored for scored in present if scored.sample.id in needed], evaluation, todo):
        fresh: dict[Metric, dict[Pair, float]] = {}
        for metric, function in metrics.items():
            members = [member for member in batch if member.scored.sample.id in todo[metric.name]]
            if not members:
                continue
            if metric.name in states:
                _update(states[metric.name], metric, members, device, evaluation)
                continue
            found = _compute(function, metric, members, device, evaluation)
            values[metric.name] |= found
            fresh[metric] = {
                _pair_for(metric, member.scored): found[member.scored.sample.id]
                for member in members
                if member.scored.sample.id in found
            }
        for metric, pairs in fresh.items():
            cache.keep(metric.fingerprint, pairs)
            evaluation.computed += len(pairs)
        advance(len(batch))

    for metric in metrics:
        if metric.name in states:
            value = _finish(states[metric.name], metric, evaluation)
            if value is not None:
                values[metric.name][""] = value
                # A value over fewer pictures than there are is not the set's.
                if not evaluation.errors.get(metric.name):
                    cache.keep(metric.fingerprint, {whole: value})
                evaluation.computed += 1
    return values


def count_known(
    pictures: Mapping[str, Path], present: Sequence[Sample], metrics: Sequence[Metric], cache: Cache
) -> int:
    """How many values of restored pictures (by sample) need not be worked out again."""
    scored = _hashed(pictures, present, cache)
    known = 0
    for metric in metrics:
        pairs = [_whole_pair(scored)] if metric.card.kind == "set" else [_pair_for(metric, one) for one in scored]
        found = cache.values(metric.fingerprint, pairs)
        known += sum(pair in found for pair in pairs)
    return known


def _is_open_set(metric: Metric, todo: Mapping[str, set[str]]) -> bool:
    return metric.card.kind == "set" and bool(todo[metric.name])


def _pair_for(metric: Metric, scored: Scored) -> Pair:
    """What the value depends on: without reference the clean picture does not matter."""
    return scored.pair if metric.card.kind == "full-reference" else (scored.pair[0], "")


def _whole_pair(present: Sequence[Scored]) -> Pair:
    """One pair of hashes for a set of pictures, whatever their order."""
    restored, gt = hashlib.sha256(), hashlib.sha256()
    for scored in sorted(present, key=lambda scored: scored.sample.id):
        restored.update(scored.pair[0].encode())
        gt.update(scored.pair[1].encode())
    return restored.hexdigest(), gt.hexdigest()


class Member(NamedTuple):
    """A scored sample with its decoded pictures, (H, W, 3)."""

    scored: Scored
    restored: NDArray[Any]
    gt: NDArray[Any] | None


def _batches(present: Sequence[Scored], evaluation: Evaluation, todo: Mapping[str, set[str]]) -> Iterator[list[Member]]:
    """Runs of pictures of one size. What cannot be decoded becomes an error of every metric."""

    def read(scored: Scored) -> tuple[NDArray[Any], NDArray[Any] | None]:
        gt = read_array(scored.sample.gt) if scored.sample.gt else None
        return read_array(scored.restored), gt

    batch: list[Member] = []
    for scored, pictures in read_ahead(present, read):
        if isinstance(pictures, RestobenchError):
            for name, ids in todo.items():
                if scored.sample.id in ids:
                    evaluation.errors.setdefault(name, {})[scored.sample.id] = str(pictures)
            continue
        member = Member(scored, *pictures)
        if batch and (_size(member) != _size(batch[0]) or len(batch) * _size(member)[0] >= _PIXELS_A_BATCH):
            yield batch
            batch = []
        batch.append(member)
    if batch:
        yield batch


def _size(member: Member) -> tuple[int, object, object]:
    shape = member.restored.shape
    return shape[0] * shape[1], shape, member.gt is not None and (member.gt.shape, member.gt.dtype)


def _tensors(members: Sequence[Member], kind: str, device: str) -> list[Any]:
    """The metric's arguments, each (B, 3, H, W) in [0, 1]."""
    import torch

    arguments = [torch.stack([to_tensor(member.restored) for member in members]).to(device)]
    clean = [to_tensor(member.gt) for member in members if member.gt is not None]
    if kind == "full-reference":
        arguments.append(torch.stack(clean).to(device))
    elif kind == "set":
        arguments.append(torch.stack(clean).to(device) if clean else None)  # type: ignore[arg-type]
    return arguments


def _compute(
    function: Callable[..., Any],
    metric: Metric,
    members: Sequence[Member],
    device: str,
    evaluation: Evaluation,
) -> dict[str, float]:
    """Values by sample; a batch that fails is tried picture by picture."""
    import torch

    try:
        _check_sides(metric, members)
        with torch.inference_mode():
            found = function(*_tensors(members, metric.card.kind, device)).double().cpu().tolist()
    except Exception as error:
        if len(members) > 1:
            merged: dict[str, float] = {}
            for member in members:
                merged |= _compute(function, metric, [member], device, evaluation)
            return merged
        _note(evaluation, metric, members, error)
        return {}
    by_sample = dict(zip((member.scored.sample.id for member in members), found, strict=True))
    for member in members:
        if np.isnan(by_sample[member.scored.sample.id]):
            del by_sample[member.scored.sample.id]
            _note(evaluation, metric, [member], RestobenchError(f"{metric.name} gave no number."))
    return by_sample


def _update(state: Any, metric: Metric, members: Sequence[Member], device: str, evaluation: Evaluation) -> None:
    import torch

    try:
        _check_sides(metric, members)
        with torch.inference_mode():
            state.update(*_tensors(members, "set", device))
    except Exception as error:
        _note(evaluation, metric, members, error)


def _finish(state: Any, metric: Metric, evaluation: Evaluation) -> float | None:
    try:
        return float(state.compute())
    except Exception as error:
        evaluation.absent[metric.name] = _in_words(error)
        return None


def _check_sides(metric: Metric, members: Sequence[Member]) -> None:
    for member in members:
        height, width = member.restored.shape[:2]
        if min(height, width) < metric.card.min_side:
            raise RestobenchError(
                f"The sides must have at least {metric.card.min_side} pixels; they have {width} x {height}."
            )


def _note(evaluation: Evaluation, metric: Metric, members: Iterable[Member], error: Exception) -> None:
    for member in members:
        evaluation.errors.setdefault(metric.name, {})[member.scored.sample.id] = _in_words(error)


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, RestobenchError) else f"{type(error).__name__}: {error}"

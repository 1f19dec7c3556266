"""Stage 2: pictures on disk to numbers.

Knows metrics, knows no method: it scores what is in a run's folder, whoever made it.
Each picture is decoded once for all metrics, and a value that was once worked out for a
pair of pictures is taken from the cache.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from restobench.cache import Cache
from restobench.dataset import Dataset, Sample, read_ahead
from restobench.errors import RestobenchError
from restobench.files import write_json, written_whole
from restobench.image import read_array, to_tensor
from restobench.metrics.registry import Metric
from restobench.signature import Signature
from restobench.statistics import Interval, mean_intervals
from restobench.store import RunFolder

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


@dataclass
class Evaluation:
    """What came of scoring a run."""

    rows: list[dict[str, Any]]
    """A row a metric, as in summary.json."""
    computed: int = 0
    """Values worked out now; the others were known."""
    known: int = 0
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    """Sample by metric: why it has no value."""
    absent: dict[str, str] = field(default_factory=dict)
    """Metrics that could not be computed at all, each with the reason and what to do."""
    wall_seconds: float = 0.0
    pictures: int = 0


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
    present = _hashed(folder, [sample for sample in wanted if folder.picture(sample.id).exists()], cache)

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
    _write(folder, dataset, run, wanted, metrics, values, evaluation)
    evaluation.wall_seconds = time.perf_counter() - started
    return evaluation


def _wanted_samples(dataset: Dataset, run: Mapping[str, Any], restored: set[str]) -> list[Sample]:
    """What the run set out to restore (its first `limit` samples), and whatever else is there."""
    limit = run["samples"]["limit"]
    asked = {sample.id for sample in dataset.samples[:limit]} | restored
    return [sample for sample in dataset.samples if sample.id in asked]


def _hashed(folder: RunFolder, samples: Sequence[Sample], cache: Cache) -> list[Scored]:
    restored = {sample.id: folder.picture(sample.id) for sample in samples}
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


Values = dict[str, dict[str, float]]
"""By metric, then by sample; a set-level metric stands under the sample "" alone."""


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


def count_known(folder: RunFolder, present: Sequence[Sample], metrics: Sequence[Metric], cache: Cache) -> int:
    """How many values of the pictures that are there need not be worked out again."""
    scored = _hashed(folder, present, cache)
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


def _write(
    folder: RunFolder,
    dataset: Dataset,
    run: Mapping[str, Any],
    wanted: Sequence[Sample],
    metrics: Sequence[Metric],
    values: Values,
    evaluation: Evaluation,
) -> None:
    """samples.parquet and summary.json; the summary's rows go into the evaluation too."""
    import pandas as pd

    columns = {
        metric.name: [values.get(metric.name, {}).get(sample.id, np.nan) for sample in wanted]
        for metric in metrics
        if metric.card.kind != "set"
    }
    groups = [sample.group for sample in wanted]
    table = np.array(list(columns.values()), dtype=float).reshape(len(columns), len(wanted)).T
    intervals = dict(zip(columns, mean_intervals(table, groups), strict=True))
    for metric in metrics:
        interval = intervals.get(metric.name) or _set_value(metric, values, wanted, evaluation)
        signature = sign(run, dataset, metric, count=interval.count + interval.infinite)
        evaluation.rows.append({"metric": metric.name, **asdict(interval), "signature": str(signature)})

    seconds = folder.read_timing()
    failed = by_sample(evaluation.errors) | run["samples"]["failed"]
    frame = pd.DataFrame(
        {
            "id": [sample.id for sample in wanted],
            "group": groups,
            **columns,
            "seconds": [seconds.get(sample.id, np.nan) for sample in wanted],
            "error": [failed.get(sample.id) for sample in wanted],
        }
    )
    with written_whole(folder.samples_path) as beside:
        frame.to_parquet(beside, index=False)
    write_json(folder.summary_path, evaluation.rows)


def _set_value(metric: Metric, values: Values, wanted: Sequence[Sample], evaluation: Evaluation) -> Interval:
    """A set-level value in the form of the others: one number over so many pictures, without an interval."""
    value = values.get(metric.name, {}).get("")
    used = evaluation.pictures - len(evaluation.errors.get(metric.name, {})) if value is not None else 0
    finite = value is not None and bool(np.isfinite(value))
    return Interval(
        mean=value if finite else None,
        low=None,
        high=None,
        count=used if finite else 0,
        missing=len(wanted) - used,
        infinite=0 if finite else used,
    )


def by_sample(errors: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Errors by sample instead of by metric: `psnr, ssim: why`, each reason once."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for metric, texts in errors.items():
        for sample_id, text in texts.items():
            reasons.setdefault(sample_id, {}).setdefault(text, []).append(metric)
    return {
        sample_id: " ".join(f"{', '.join(metrics)}: {text}" for text, metrics in texts.items())
        for sample_id, texts in reasons.items()
    }


def by_reason(absent: Mapping[str, str]) -> list[str]:
    """`psnr, ssim: why`, a line for each reason."""
    reasons: dict[str, list[str]] = {}
    for metric, text in absent.items():
        reasons.setdefault(text, []).append(metric)
    return [f"{', '.join(metrics)}: {text}" for text, metrics in reasons.items()]


def sign(run: Mapping[str, Any], dataset: Dataset, metric: Metric, *, count: int) -> Signature:
    """The signature of one number of a run."""
    made = run["determinants"]
    method = [f"{run['label']}@{run['variant']}"]
    method += [f"w={part}-{sha256[:12]}" for part, sha256 in sorted(made.get("weights", {}).items())]
    method += [f"{name}={value}" for name, value in sorted(made.get("settings", {}).items())]
    method += [f"{name}={made[name]}" for name in ("revision", "pictures", "device", "dtype") if name in made]
    if "tf32" in made:
        method.append(f"tf32={'on' if made['tf32'] else 'off'}")
    return Signature(
        data=(f"{dataset.name}@{dataset.revision}", f"n{count}", run["dataset"]["fingerprint"][:12]),
        metric=metric.signature_parts(),
        img=("png8", f"x{dataset.scale}"),
        method=tuple(method),
        seed=("-" if made.get("seed") is None else str(made["seed"]),),
    )

"""What came of scoring a run: its rows, their signatures, and the two files that hold them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from restobench.dataset import Dataset, Sample
from restobench.files import write_json, written_whole
from restobench.metrics.registry import Metric
from restobench.signature import Signature
from restobench.statistics import Interval, mean_intervals
from restobench.store import TAG, RunFolder, now

_NORMAL = 1.96
"""Standard errors on either side that hold 95 % of a normal distribution."""

Values = dict[str, dict[str, float]]
"""By metric, then by sample; a set-level metric stands under the sample "" alone."""


@dataclass
class Evaluation:
    """What came of scoring a run."""

    rows: list[dict[str, Any]]
    """A row a metric, as in summary.json."""
    computed: int = 0
    """Values worked out now; the others were known."""
    known: int = 0
    features: int = 0
    """Pictures whose features were worked out now, counted once for each kind of features."""
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    """Sample by metric: why it has no value."""
    absent: dict[str, str] = field(default_factory=dict)
    """Metrics that could not be computed at all, each with the reason and what to do."""
    standard_errors: dict[str, float] = field(default_factory=dict)
    """Of set-level metrics that have one."""
    notes: list[str] = field(default_factory=list)
    """What is odd about the pictures, or must be known to compare a number."""
    wall_seconds: float = 0.0
    pictures: int = 0

    def pace(self) -> dict[str, Any]:
        """How long it took, as run.json keeps it."""
        return {
            "finished": now(),
            "values_computed": self.computed,
            "values_known": self.known,
            "features_computed": self.features,
            "pictures": self.pictures,
            "wall_seconds": self.wall_seconds,
            "seconds_per_picture": self.wall_seconds / self.pictures if self.pictures else None,
            "pictures_per_second": self.pictures / self.wall_seconds if self.wall_seconds else None,
        }


def import_what_writes() -> None:
    """Import what `write_summary` needs, which takes half a second: best while something else computes."""
    for name in ("pandas", "pyarrow.parquet"):
        importlib.import_module(name)


def write_summary(
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
    below = np.array([metric.card.identical_below or -np.inf for metric in metrics if metric.name in columns])
    identical = table < below
    intervals = dict(zip(columns, mean_intervals(np.where(identical, np.nan, table), groups), strict=True))
    same = dict(zip(columns, identical.sum(axis=0).tolist(), strict=True))
    for metric in metrics:
        interval = intervals.get(metric.name) or _set_value(metric, values, wanted, evaluation)
        interval = _with_identical(interval, same.get(metric.name, 0))
        signature = sign(run, dataset, metric, count=interval.count + interval.infinite + interval.identical)
        evaluation.rows.append({"metric": metric.name, **asdict(interval), "signature": str(signature)})
        if metric.card.biased_below and 0 < interval.count < metric.card.biased_below:
            evaluation.notes.append(
                f"{metric.name} is over {interval.count} pictures: biased below {metric.card.biased_below:,}, "
                "the more the fewer they are; it can be compared only with a number over as many."
            )

    seconds = folder.read_timing()
    tag_names = sorted({name for sample in wanted for name in sample.tags})
    failed = by_sample(evaluation.errors) | run["samples"]["failed"]
    frame = pd.DataFrame(
        {
            "id": [sample.id for sample in wanted],
            "group": groups,
            **{f"{TAG}{name}": [sample.tags.get(name) for sample in wanted] for name in tag_names},
            **columns,
            "seconds": [seconds.get(sample.id, np.nan) for sample in wanted],
            "error": [failed.get(sample.id) for sample in wanted],
        }
    )
    with written_whole(folder.samples_path) as beside:
        frame.to_parquet(beside, index=False)
    write_json(folder.summary_path, evaluation.rows)


def _with_identical(interval: Interval, identical: int) -> Interval:
    """The interval with pairs that the metric takes for one picture: they have a value, and are in no mean.

    Where all are such pairs, the mean is 0.
    """
    if not identical:
        return interval
    mean = 0.0 if interval.mean is None else interval.mean
    return replace(interval, mean=mean, missing=interval.missing - identical, identical=identical)


def _set_value(metric: Metric, values: Values, wanted: Sequence[Sample], evaluation: Evaluation) -> Interval:
    """A set-level value in the form of the others: one number over so many pictures.

    Its interval is of its standard error, where it has one.
    """
    value = values.get(metric.name, {}).get("")
    among = min(len(wanted), metric.card.first or len(wanted))
    there = min(evaluation.pictures, among)
    used = there - len(evaluation.errors.get(metric.name, {})) if value is not None else 0
    finite = value is not None and bool(np.isfinite(value))
    half = _NORMAL * evaluation.standard_errors[metric.name] if metric.name in evaluation.standard_errors else None
    return Interval(
        mean=value if finite else None,
        low=value - half if value is not None and half is not None else None,
        high=value + half if value is not None and half is not None else None,
        count=used if finite else 0,
        missing=among - used,
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
    method += [f"w={name}-{sha256[:12]}" for name, sha256 in sorted(made.get("files", {}).items())]
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

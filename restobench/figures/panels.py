"""The pictures of a figure and what is written at them, from stored runs: nothing is restored or scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from restobench.cache import Cache
from restobench.dataset import Dataset, Sample, open_dataset, size_ratio
from restobench.errors import RestobenchError
from restobench.figures.choosing import choose_run
from restobench.figures.crops import Crop
from restobench.image import read_array
from restobench.metric_card import MetricCard
from restobench.metrics.registry import choose_metrics
from restobench.results import RunRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT, CLEAN = "input", "clean"
"""What the columns beside the methods' are called in `--label`."""


@dataclass(frozen=True)
class Value:
    """A number under a picture."""

    text: str
    best: bool


@dataclass(frozen=True)
class Panel:
    """One picture of the figure, (H, W, 3) in 8 bits, as large as its neighbours in the row."""

    pixels: NDArray[np.uint8]
    values: tuple[Value, ...] = ()
    """One a metric; empty: there are none to write."""


@dataclass(frozen=True)
class Line:
    """A sample of the figure: a picture for each column."""

    sample: str
    name: str
    """What is written at its left; empty: nothing."""
    panels: tuple[Panel, ...]
    crops: tuple[Crop, ...]


@dataclass(frozen=True)
class Figure:
    """What is drawn."""

    columns: tuple[str, ...]
    """What each is headed with."""
    lines: tuple[Line, ...]
    metrics: tuple[str, ...]
    """What the numbers are, with an arrow that says which way is better."""
    valued: tuple[bool, ...]
    """By column, whether it has numbers."""


def collect(
    dataset: str | Path,
    samples: Sequence[str],
    methods: Sequence[str],
    runs: Path,
    *,
    crops: Mapping[str, Sequence[Crop]],
    metrics: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    with_input: bool = True,
    with_clean: bool = True,
) -> Figure:
    """Read the pictures of a figure.

    Args:
        dataset: A name, a folder or a URL.
        samples: Ids, a row each.
        methods: `METHOD`, `METHOD@VARIANT` or a run's folder, a column each.
        runs: Where the runs are.
        crops: By sample.
        metrics: What is written under the pictures.
        labels: By method, `input`, `clean` or sample, what it is called.
        where: Which runs, where a method has several.
        with_input: Whether the first column is what was restored.
        with_clean: Whether the last column is the clean picture, where there is one.

    Raises:
        RestobenchError: Something is not there, or pictures of a row differ in size.
    """
    opened = open_dataset(dataset)
    fingerprint = opened.fingerprint(Cache())
    chosen = [_sample(opened, sample_id) for sample_id in samples]
    records = [choose_run(runs, opened, fingerprint, name, where or {}) for name in methods]
    cards = {metric.name: metric.card for metric in choose_metrics(metrics)}
    numbers = [_numbers(record, metrics, samples) for record in records]
    labels = labels or {}
    with_input = with_input and all(sample.lq for sample in chosen)
    with_clean = with_clean and all(sample.gt for sample in chosen)
    lines, factors = [], set[int]()
    for sample in chosen:
        restored = [
            Panel(_restored(record, sample.id), _values(sample.id, number, numbers, cards))
            for number, record in enumerate(records)
        ]
        panels, factor = _beside(sample, restored, with_input=with_input, with_clean=with_clean)
        factors.add(factor)
        lines.append(Line(sample.id, labels.get(sample.id, ""), tuple(panels), tuple(crops.get(sample.id, ()))))
        for crop in lines[-1].crops:
            crop.check(sample.id, *_size(panels[-1].pixels))
    times = f"×{max(factors)}, " if len(factors) == 1 else ""  # noqa: RUF001 # a multiplication sign
    how = f"\n({times}nearest)" if factors != {1} else ""
    names = [labels.get(name, _called(record, name)) for record, name in zip(records, methods, strict=True)]
    columns = [*([labels.get(INPUT, "Input") + how] if with_input else []), *names]
    columns += [labels.get(CLEAN, "Ground truth")] if with_clean else []
    arrows = {"higher": "↑", "lower": "↓"}
    heads = tuple(f"{name} {arrows[card.better]}" for name, card in cards.items())
    valued = (*[False] * with_input, *[bool(metrics)] * len(methods), *[False] * with_clean)
    return Figure(tuple(columns), tuple(lines), heads, valued)


def _called(record: RunRecord, name: str) -> str:
    """A method as it was named; of a folder what the run is called."""
    return record.method if (Path(name) / "run.json").is_file() else name


def _sample(dataset: Dataset, sample_id: str) -> Sample:
    found = next((sample for sample in dataset.samples if sample.id == sample_id), None)
    if found is not None:
        return found
    ids = [sample.id for sample in dataset.samples]
    near = get_close_matches(sample_id, ids, n=3, cutoff=0.5)
    question = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    more = f" and {len(ids) - 6} more" if len(ids) > 6 else ""
    raise RestobenchError(
        f"No sample of '{dataset.name}' is called {sample_id!r}.{question}\nThere are {', '.join(ids[:6])}{more}."
    )


def _restored(record: RunRecord, sample_id: str) -> NDArray[np.uint8]:
    path = record.folder.picture(sample_id)
    if not path.exists():
        failed = record.run["samples"]["failed"].get(sample_id)
        why = f"it failed: {failed}" if failed else "it was not restored, or the run was imported with scores only"
        raise RestobenchError(f"{record.name} ({record.folder.path}) has no picture of '{sample_id}': {why}")
    return _eight_bit(path)


def _eight_bit(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3); of 16 bits the upper eight, for nothing else can be printed."""
    stored = read_array(path)
    return (stored / 257).round().astype(np.uint8) if stored.dtype == np.uint16 else stored.astype(np.uint8)


def _beside(sample: Sample, panels: Sequence[Panel], *, with_input: bool, with_clean: bool) -> tuple[list[Panel], int]:
    """The methods' pictures between the input, enlarged to their size, and the clean picture; how many times it was.

    Raises:
        RestobenchError: They are not of one size.
    """
    clean = [Panel(_eight_bit(sample.gt))] if with_clean and sample.gt else []
    wanted = _size([*panels, *clean][-1].pixels) if panels or clean else None
    for panel in [*panels, *clean]:
        if _size(panel.pixels) != wanted:
            raise RestobenchError(
                f"The pictures of '{sample.id}' are not of one size: {wanted} and {_size(panel.pixels)}; a figure "
                "resamples none."
            )
    if not (with_input and sample.lq):
        return [*panels, *clean], 1
    lq = _eight_bit(sample.lq)
    factor = size_ratio(_size(lq), wanted or _size(lq))
    if factor is None:
        raise RestobenchError(
            f"The input of '{sample.id}' has {_size(lq)} pixels and the restored picture {wanted}: not a whole number "
            "of times as many; say --no-input."
        )
    return [Panel(enlarged(lq, factor)), *panels, *clean], factor


def enlarged(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Each pixel as a block of `factor` x `factor`: nothing is made up."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _size(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


def _numbers(record: RunRecord, metrics: Sequence[str], samples: Sequence[str]) -> dict[str, dict[str, float]]:
    """By metric, by sample; NaN where a sample has no value.

    Raises:
        RestobenchError: The run was not scored by the metric, or has no number for each sample.
    """
    if not metrics:
        return {}
    import pandas as pd

    table = record.samples() if record.folder.samples_path.exists() else pd.DataFrame()
    if absent := next((metric for metric in metrics if metric not in table), None):
        raise RestobenchError(
            f"{record.name} ({record.folder.path}) has no {absent} for each sample; "
            f"'restobench evaluate {record.name} --metrics {absent}' works it out, unless it is of a whole set."
        )
    return {metric: {one: float(table[metric].get(one, np.nan)) for one in samples} for metric in metrics}


def _values(
    sample_id: str, column: int, numbers: Sequence[Mapping[str, Mapping[str, float]]], cards: Mapping[str, MetricCard]
) -> tuple[Value, ...]:
    """A method's numbers for a sample, as they are written, each with whether no method of the row has a better one.

    What is equal as it is written is equally good.
    """
    values = []
    for metric, card in cards.items():
        shown = [f"{found[metric][sample_id]:.{card.decimals}f}" for found in numbers]
        there = [float(text) for text in shown if text != "nan"]
        best = (max if card.better == "higher" else min)(there, default=math.nan)
        text = {"nan": "-", "inf": "∞"}.get(shown[column], shown[column])
        values.append(Value(text, best=float(shown[column]) == best and len(shown) > 1))
    return tuple(values)

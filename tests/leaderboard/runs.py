"""Runs as their files tell them, for tables: no picture is ever there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from restobench.files import write_json
from restobench.signature import Signature
from restobench.statistics import mean_interval
from restobench.store import RunFolder
from tests.test_results import make

IDS = [f"s{number:02}" for number in range(20)]
CLEAN = np.random.default_rng(1).normal(28, 4, 20)
NOISE = np.random.default_rng(2).normal(0, 0.3, (4, 20))


def scored(
    runs: Path,
    label: str,
    values: Mapping[str, Sequence[float]],
    *,
    seed: int | None = None,
    options: Sequence[str] = ("rev=1",),
    seconds: float | None = None,
    pictures: tuple[str, str, str] = ("demo", "1", "f" * 64),
    **run: Any,
) -> RunFolder:
    """A complete run with values of each sample by metric; NaN where there is none."""
    samples = {"total": len(IDS), "restored": len(IDS), "failed": {}, "limit": None}
    folder = make(runs, label, pictures[0], seed=seed, samples=samples, **run)
    dataset = dict(zip(("name", "revision", "fingerprint"), pictures, strict=True))
    folder.write_run(folder.read_run() | {"dataset": dataset})
    frame = pd.DataFrame({"id": IDS, "group": IDS, **{name: list(column) for name, column in values.items()}})
    frame.to_parquet(folder.samples_path, index=False)
    rows = []
    for metric, column in values.items():
        interval = mean_interval(column, IDS, resamples=99)
        signature = Signature(("demo@1",), (metric, *options), ("png8", "x4"), (label,), (str(seed),))
        rows.append(asdict(interval) | {"metric": metric, "signature": str(signature)})
    write_json(folder.summary_path, rows)
    if seconds is not None:
        folder.write_timing(dict.fromkeys(IDS, seconds))
    return folder

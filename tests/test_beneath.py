"""Runs beneath their input."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from restobench.benchmark import RunResult
from restobench.beneath import worse_than_their_input
from restobench.results import RunRecord
from restobench.store import RunFolder
from restobench.summary import Evaluation


def test_a_run_that_every_metric_puts_below_its_input_is_pointed_out(tmp_path: Path) -> None:
    """One that loses PSNR and wins LPIPS is a method like many; one that loses both is seldom what was meant.

    Compared are the samples that both have: of a part of a set that is harder, both means are lower.
    """

    def result(label: str, **values: Sequence[float]) -> RunResult:
        columns = {name.replace("_", "-"): list(column) for name, column in values.items()}
        folder = RunFolder(tmp_path / label)
        folder.path.mkdir()
        count = len(columns["psnr"])
        ids = ["a", "b", "c"][:count]
        pd.DataFrame({"id": ids, "group": ids, **columns}).to_parquet(folder.samples_path)
        run = {"label": label, "variant": "default", "dataset": {"name": "d", "revision": "1", "fingerprint": "f"}}
        record = RunRecord(folder, run | {"determinants": {}}, [{"metric": name} for name in columns])
        return RunResult(record, evaluation=Evaluation(rows=[]), metrics=tuple(columns))

    nan = math.nan
    bicubic = result("bicubic", psnr=(22.0, 20.0, 30.0), lpips_alex=(0.4, 0.5, 0.3), musiq=(20.0, 20.0, 20.0))
    gan = result("gan", psnr=(21.0, 19.0, 29.0), lpips_alex=(0.2, 0.2, 0.2), musiq=(60.0, 60.0, 60.0))
    part = result("part", psnr=(22.5, 20.5), lpips_alex=(0.41, 0.4), musiq=(30.0, 30.0))
    swapped = result("swapped", psnr=(11.0, 11.5, math.inf), lpips_alex=(0.7, 0.6, 0.5), musiq=(61.0, 61.0, 61.0))
    unscored = result("unscored", psnr=(nan, nan, nan), lpips_alex=(nan, nan, nan), musiq=(10.0, 10.0, 10.0))

    assert worse_than_their_input([bicubic, gan, part, swapped, unscored]) == [
        "swapped:d scores worse than bicubic, its input: psnr 11.25 against 21, lpips-alex 0.6 against 0.4. "
        "Are these the pictures that were meant?"
    ]
    assert worse_than_their_input([swapped]) == []

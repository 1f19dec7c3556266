"""How long it takes to build a leaderboard of 200 runs with 3,000 samples each, and how much memory.

The runs are generated: tables and no pictures, so that of the site it is the pages that are measured.
Twenty methods on ten data sets, six metrics.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from restobench.files import write_json
from restobench.leaderboard.table import build
from restobench.metrics.registry import choose_metrics
from restobench.results import all_runs
from restobench.signature import Signature
from restobench.statistics import mean_intervals
from restobench.store import RunIdentity

METRICS = ("psnr", "psnr-y", "psnr-yiq", "ssim", "ssim-y", "ssim-yiq")


def generate(runs: Path, methods: int, datasets: int, samples: int) -> None:
    """Write complete, evaluated runs; methods differ by a tenth of a dB, samples by several."""
    definitions = {metric.name: metric.signature_parts() for metric in choose_metrics(METRICS)}
    ids = [f"{number:05}" for number in range(samples)]
    for dataset in range(datasets):
        generator = np.random.default_rng(dataset)
        hardness = generator.normal(25, 4, samples)
        for method in range(methods):
            determinants = {"method": f"method-{method:02}", "seed": None}
            folder = RunIdentity(f"set-{dataset}", f"method-{method:02}", "default", determinants, "a" * 64).folder(
                runs
            )
            values = hardness[:, None] + 0.1 * method + generator.normal(0, 1, (samples, len(METRICS)))
            described = {"name": f"set-{dataset}", "revision": "1", "fingerprint": f"{dataset:064}"}
            folder.write_run(
                {
                    "label": f"method-{method:02}",
                    "variant": "default",
                    "demonstration": False,
                    "dataset": described,
                    "determinants": determinants,
                    "samples": {"total": samples, "restored": samples, "failed": {}, "limit": None},
                    "finished": "2026-01-01T00:00:00+00:00",
                    "sessions": [],
                }
            )
            frame = pd.DataFrame({"id": ids, "group": ids} | dict(zip(METRICS, values.T, strict=True)))
            frame.to_parquet(folder.samples_path, index=False)
            folder.write_timing(dict.fromkeys(ids, 0.1))
            intervals = mean_intervals(values, ids, resamples=99)
            rows = []
            for metric, interval in zip(METRICS, intervals, strict=True):
                made = Signature((f"set-{dataset}@1",), definitions[metric], ("png8", "x4"), (f"m{method}",), ("-",))
                rows.append(asdict(interval) | {"metric": metric, "signature": str(made)})
            write_json(folder.summary_path, rows)


def main() -> None:
    """Generate, build the tables, then tables and site, and tell."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        generate(runs, methods=20, datasets=10, samples=samples)
        print(f"200 runs of {samples} samples, {len(METRICS)} metrics, 10 tables; memory before: {_peak():.0f} MB")
        for what, site in (("tables", False), ("tables and site", True)):
            started, spent = time.perf_counter(), time.process_time()
            built = build(all_runs(runs), Path(folder) / what, site=site)
            seconds, processor = time.perf_counter() - started, time.process_time() - spent
            assert sum(len(table.rows) for table in built.board.tables) == 200
            size = sum(path.stat().st_size for path in (Path(folder) / what).rglob("*") if path.is_file()) / 2**20
            print(
                f"{what}: {seconds:.1f} s ({processor:.1f} processor seconds), {size:.1f} MB written, "
                f"memory {_peak():.0f} MB at most"
            )


def _peak() -> float:
    """Of this process until now, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""How much sooner several workers of a Ray cluster on this machine are done than one.

    .venv/bin/python benchmarks/executors.py [--pictures 200] [--side 256] [--milliseconds 100] [--workers 1 2 4]

The method waits, as a processor waits for a graphics card: so that what is measured is handing out
shards, reading and writing, not how many cores there are. Told are the wall seconds of the restore
stage in this process and by so many workers, pictures a second, and the efficiency: that rate, divided
by the workers and by the rate of one. Starting the workers is told apart; it happens once a run. Needs
the extra `ray`. Asserts nothing. (It is not called ray.py, which Python would import as Ray.)
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import torch
from overhead import write_pictures

from restobench.dataset import Sample, open_dataset
from restobench.executors.actors import actors
from restobench.executors.worker import Order
from restobench.method import MethodChoice, choose_method
from restobench.restore import restore_samples

METHOD = """
import time


class Waits:
    def __init__(self, setup):
        pass

    def restore(self, lq, noise, mask=None):
        time.sleep({seconds} * len(lq))
        return lq.clone()
"""


def by_actors(choice: MethodChoice, samples: tuple[Sample, ...], folder: Path, workers: int) -> tuple[float, float]:
    """Seconds until the workers are ready, and of the restore stage."""
    marker = folder / "marker"
    marker.write_text("here")
    order = Order(
        choice,
        device="cpu",
        dtype="float32",
        tf32=False,
        scale=1,
        log=folder / "log",
        sources=choice.source_hash(),
        marker=marker,
        marked="here",
    )
    begun = time.perf_counter()
    with actors(order, address=None, workers=workers, say=print) as force:
        ready = time.perf_counter() - begun
        outcome = force.restore(samples, target=(folder / f"by{workers}").joinpath, scale=1, seed=0, batch_size=1)
    assert len(outcome.seconds) == len(samples), outcome.failures
    return ready, outcome.wall_seconds


def main() -> None:
    """Measure every number of workers, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--milliseconds", type=float, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    try:
        import ray
    except ImportError:
        print("Ray is not installed: pip install 'restobench[ray]'")
        return
    print(f"Ray {ray.__version__}, torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{options.pictures} pictures of {options.side} x {options.side}, {options.milliseconds:g} ms each\n")
    print("| workers | ready after, s | restore stage, s | pictures/s | efficiency |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        folder = Path(place)
        (folder / "lq").mkdir()
        write_pictures(folder / "lq", options.pictures, options.side)
        (folder / "waits.py").write_text(METHOD.format(seconds=options.milliseconds / 1000))
        choice = choose_method(f"{folder / 'waits.py'}:Waits")
        samples = open_dataset(folder).samples
        here = restore_samples(
            choice.build().method,
            samples,
            target=(folder / "here").joinpath,
            scale=1,
            seed=0,
            batch_size=1,
            device="cpu",
        ).wall_seconds
        print(f"| this process | - | {here:.1f} | {len(samples) / here:.1f} | - |", flush=True)
        # A cluster of one process has one size: that of the largest number.
        ray.init(address="local", num_cpus=max(options.workers), include_dashboard=False, log_to_driver=False)
        alone = 0.0
        for workers in sorted(options.workers):
            ready, seconds = by_actors(choice, samples, folder, workers)
            rate = len(samples) / seconds
            alone = alone or rate / workers
            print(
                f"| {workers} | {ready:.1f} | {seconds:.1f} | {rate:.1f} | {rate / workers / alone:.0%} |", flush=True
            )


if __name__ == "__main__":
    main()

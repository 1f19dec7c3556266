"""The restore stage beside the method's bare calls on the same pictures, and the evaluate stage beside the metrics'.

    .venv/bin/python benchmarks/throughput.py [restore] [evaluate] [--pictures 60] [--batch 1] [--only waits]

`restore`: each line is a method. Told are the seconds of its calls alone, on tensors that are on the
device already, one after the other without a look at the clock between; the wall time of the restore
stage, from the first file read to the last one written, notes of what is known included; and their
ratio. Then what the ratio is made of: what passes between one call and the next, and once, before the
first and after the last. Building the method and its imports come before, in both. Methods that wait
stand for a graphics card, which leaves the processor to us; those that compute use the device.

`evaluate`: each line is a set of metrics, on pictures that are decoded and on the device already, and in
the evaluate stage on the files, with nothing known. Networks have weights that follow from names.

The two take turns, three times; the least of each counts. `thread` is the same ratio of the processor
time of the thread that calls, which neither waits nor is interrupted: what is left of the ratio where
cores are idle. Asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import torch
from overhead import Waits, write_pictures
from torch import Tensor

from restobench.cache import Cache
from restobench.dataset import Sample, open_dataset
from restobench.evaluate import evaluate_run
from restobench.foreign import bring_pictures
from restobench.image import read_picture
from restobench.method import FolderMethod, Method, choose_method
from restobench.metrics.precision import as_metrics_compute
from restobench.metrics.protocol import protocol_metrics
from restobench.metrics.registry import choose_metrics
from restobench.noise import Noise
from restobench.planning import Options
from restobench.restore import Restored, restore_samples
from restobench.store import RunFolder
from restobench.summary import Evaluation

ROUNDS = 3
PARTS = ["restore", "evaluate"]
METRICS = {
    "offline-v1": tuple(metric.name for metric in protocol_metrics("offline-v1")),
    "networks": ("lpips-alex", "lpips-vgg"),
}


class Seconds(NamedTuple):
    """Of one go."""

    wall: float
    thread: float
    """Processor time of the thread that calls."""


class Computes:
    """Two convolutions, so often: some tens of milliseconds a picture of 512 x 512."""

    def __init__(self, times: int, device: str) -> None:
        """Hold how often."""
        torch.manual_seed(0)
        self.times = times
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 3, 3, padding=1))
        self.layers.to(device)

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """Nearly the pictures themselves."""
        result = lq
        for _ in range(self.times):
            result = lq + 0.01 * self.layers(result)
        return result


class Watched:
    """A method, and when it was called."""

    def __init__(self, method: Method) -> None:
        """Nobody called yet."""
        self.method = method
        self.calls: list[tuple[float, float]] = []

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """What the method makes."""
        begun = time.perf_counter()
        restored = self.method.restore(lq, noise, mask)
        self.calls.append((begun, time.perf_counter()))
        return restored


def bare(method: Method, samples: Sequence[Sample], batch: int, device: str) -> Seconds:
    """The calls alone."""
    parts = [samples[at : at + batch] for at in range(0, len(samples), batch)]
    batches = [torch.stack([read_picture(sample.lq) for sample in part if sample.lq]).to(device) for part in parts]

    def call() -> None:
        with torch.inference_mode():
            for part, lq in zip(parts, batches, strict=True):
                method.restore(lq, Noise.of_seed(0, [sample.id for sample in part]))
        _wait_for(device)

    _wait_for(device)
    return timed(call)


def staged(method: Method, samples: Sequence[Sample], batch: int, device: str) -> Seconds:
    """The restore stage, with the notes that a run keeps."""
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        folder = RunFolder(Path(place))

        def keep(known: Restored) -> None:
            there = folder.restored_ids()
            folder.write_timing({name: seconds for name, seconds in known.seconds.items() if name in there})

        outcomes: list[Restored] = []

        def restore() -> None:
            outcomes.append(
                restore_samples(
                    method,
                    samples,
                    target=folder.picture,
                    scale=1,
                    seed=0,
                    batch_size=batch,
                    device=device,
                    checkpoint=keep,
                )
            )

        seconds = timed(restore)
    assert len(outcomes[0].seconds) == len(samples), outcomes[0].failures
    return seconds


def bare_metrics(names: Sequence[str], folder: Path, device: str) -> Seconds:
    """The metrics alone, one picture at a time on the CPU, as many as the evaluate stage takes elsewhere."""
    functions = [metric.load(device) for metric in choose_metrics(names)]
    paths = sorted((folder / "gt").iterdir())
    pairs = [[read_picture(folder / part / path.name)[None].to(device) for part in ("lq", "gt")] for path in paths]
    together = len(pairs) if device.startswith("cuda") else 1
    batches = [
        [torch.cat(side) for side in zip(*pairs[at : at + together], strict=True)]
        for at in range(0, len(pairs), together)
    ]

    def call() -> None:
        with as_metrics_compute():
            for restored, gt in batches:
                for function in functions:
                    function(restored, gt).tolist()

    _wait_for(device)
    return timed(call)


def evaluated(names: Sequence[str], folder: Path, device: str) -> Seconds:
    """The evaluate stage with nothing known; the metrics are loaded in it."""
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        options = Options(runs=Path(place) / "runs", device=device)
        cache = Cache(Path(place) / "home")
        dataset = open_dataset(folder)
        run = bring_pictures(folder / "lq", dataset, label="blurred", runs=options.runs, cache=cache).folder
        metrics = choose_metrics(names)
        found: list[Evaluation] = []
        seconds = timed(lambda: found.append(evaluate_run(run, dataset, metrics, cache, device=device)))
    assert not found[0].errors, found[0].errors
    assert not found[0].absent, found[0].absent
    return seconds


def timed(what: Callable[[], None]) -> Seconds:
    """Its seconds."""
    wall, thread = time.perf_counter(), time.thread_time()
    what()
    return Seconds(time.perf_counter() - wall, time.thread_time() - thread)


def least(rounds: Sequence[Seconds], pictures: int) -> Seconds:
    """Of several goes, milliseconds a picture."""
    return Seconds(*(1000 * min(each) / pictures for each in zip(*rounds, strict=True)))


def _wait_for(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def methods(device: str) -> dict[str, Method]:
    """By what their lines are called."""
    found: dict[str, Method] = {
        f"waits {milliseconds} ms": Waits(milliseconds / 1000) for milliseconds in (200, 50, 20)
    }
    found |= {f"computes {times} times": Computes(times, device) for times in (20, 4, 1)}
    built = choose_method("restormer", test=True).build(device=device, scale=1).method
    assert not isinstance(built, FolderMethod)
    return found | {"restormer, small": built}


def restore_table(pictures: int, side: int, batch: int, device: str, only: str) -> None:
    """A line a method."""
    print(
        "| method | bare calls, ms a picture | restore stage, ms a picture | ratio | thread | between, ms | once, ms |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
        write_pictures(Path(folder), pictures, side)
        samples = open_dataset(folder).samples
        for name, method in methods(device).items():
            if not name.startswith(only):
                continue
            bare(method, samples[:batch], batch, device)  # what is done once
            alone, stage, between, once = [], [], [], []
            for _ in range(ROUNDS):
                alone.append(bare(method, samples, batch, device))
                watched = Watched(method)
                stage.append(staged(watched, samples, batch, device))
                between.append(sum(begun - ended for (_, ended), (begun, _) in pairwise(watched.calls)))
                once.append(stage[-1].wall - (watched.calls[-1][1] - watched.calls[0][0]))
            one, other = least(alone, pictures), least(stage, pictures)
            thread = "" if name.startswith("waits") else f"{other.thread / one.thread:.3f}"
            gap = 1000 * min(between) / max(1, len(watched.calls) - 1)
            print(
                f"| {name} | {one.wall:.1f} | {other.wall:.1f} | {other.wall / one.wall:.3f} | {thread} | {gap:.1f} "
                f"| {1000 * min(once):.0f} |",
                flush=True,
            )


def evaluate_table(pictures: int, side: int, device: str, only: str) -> None:
    """A line a set of metrics."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.metrics.filled import put_weights

    print("| metrics | pairs | bare calls, ms a pair | evaluate stage, ms a pair | ratio | thread |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        folder, home = Path(place) / "pairs", Path(place) / "home"
        os.environ["RESTOBENCH_HOME"] = str(home)
        for part in ("lq", "gt"):
            (folder / part).mkdir(parents=True)
        write_pictures(folder / "gt", pictures, side)
        for path in (folder / "gt").iterdir():  # every pair is another one, and none equal
            cv2.imwrite(str(folder / "lq" / path.name), cv2.GaussianBlur(cv2.imread(str(path)), (5, 5), 1))
        (home / "weights" / "metrics" / "restobench").mkdir(parents=True)
        put_weights(home, *METRICS["networks"])
        for title, names in METRICS.items():
            if not title.startswith(only):
                continue
            rounds = [(bare_metrics(names, folder, device), evaluated(names, folder, device)) for _ in range(ROUNDS)]
            alone, stage = (least(each, pictures) for each in zip(*rounds, strict=True))
            print(
                f"| {', '.join(names)} | {pictures} | {alone.wall:.1f} | {stage.wall:.1f} | "
                f"{stage.wall / alone.wall:.3f} | {stage.thread / alone.thread:.3f} |",
                flush=True,
            )


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", default="", help="what the line's name begins with")
    options = parser.parse_args()
    card = torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "CPU"
    print(f"torch {torch.__version__}, {platform.machine()}, {card}, {torch.get_num_threads()} threads")
    print(f"{options.pictures} pictures of {options.side} x {options.side}, {options.batch} at a time\n")
    parts = options.parts or PARTS
    if "restore" in parts:
        restore_table(options.pictures, options.side, options.batch, options.device, options.only)
    if "evaluate" in parts:
        print()
        evaluate_table(options.pictures, options.side, options.device, options.only)


if __name__ == "__main__":
    main()

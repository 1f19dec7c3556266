"""The restore stage beside the method's bare calls on the same pictures, and the evaluate stage beside the metrics'.

    .venv/bin/python benchmarks/throughput.py [--pictures 24] [--side 512] [--batch 1] [--device cuda]

Each line is a method. Told are the seconds of its calls alone, on tensors that are on the device
already, one after the other without a look at the clock between; the wall time of the restore stage,
from the first file read to the last one written; and their ratio. Methods that wait stand for a
graphics card, which leaves the processor to us; the network has seeded weights, and uses the device.
Least of two rounds in which both take turns.

The second table is the same of `restobench evaluate`: the metrics of `offline-v1`, which need no weights,
on batches that are on the device already, and the evaluate stage on the files. Asserts nothing.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage import data
from torch import Tensor

from restobench.benchmark import evaluate_folder
from restobench.cache import Cache
from restobench.dataset import Sample, open_dataset
from restobench.image import read_picture
from restobench.method import FolderMethod, Method, choose_method
from restobench.metrics.precision import as_metrics_compute
from restobench.metrics.protocol import protocol_metrics
from restobench.metrics.registry import choose_metrics
from restobench.noise import Noise
from restobench.planning import Options
from restobench.restore import restore_samples

ROUNDS = 2


class Waits:
    """Takes so many seconds a picture, of which the processor has nothing to do."""

    def __init__(self, seconds: float) -> None:
        """Hold how long."""
        self.seconds = seconds

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """The pictures themselves, later."""
        time.sleep(self.seconds * len(lq))
        return lq.clone()


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Crops of scikit-image's photographs, PNG."""
    photographs = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    random = np.random.default_rng(0)
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        factor = max(1.0, side / min(photograph.shape[:2]))
        larger = cv2.resize(photograph, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        top, left = (int(random.integers(0, length - side + 1)) for length in larger.shape[:2])
        crop = larger[top : top + side, left : left + side]
        cv2.imwrite(str(folder / f"{number:03}.png"), np.ascontiguousarray(crop[..., ::-1]))


def bare(method: Method, samples: Sequence[Sample], batch: int, device: str) -> float:
    """Seconds of the calls alone."""
    parts = [samples[at : at + batch] for at in range(0, len(samples), batch)]
    batches = [torch.stack([read_picture(sample.lq) for sample in part if sample.lq]).to(device) for part in parts]
    _wait_for(device)
    begun = time.perf_counter()
    with torch.inference_mode():
        for part, lq in zip(parts, batches, strict=True):
            method.restore(lq, Noise.of_seed(0, [sample.id for sample in part]))
    _wait_for(device)
    return time.perf_counter() - begun


def staged(method: Method, samples: Sequence[Sample], batch: int, device: str) -> float:
    """Seconds of the restore stage."""
    with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
        outcome = restore_samples(
            method,
            samples,
            target=lambda name: Path(folder) / f"{name}.png",
            scale=1,
            seed=0,
            batch_size=batch,
            device=device,
        )
    assert len(outcome.seconds) == len(samples), outcome.failures
    return outcome.wall_seconds


def bare_metrics(names: Sequence[str], folder: Path, device: str) -> float:
    """Seconds of the metrics alone, one picture at a time on the CPU, as many as the evaluate stage takes elsewhere."""
    functions = [metric.load(device) for metric in choose_metrics(names)]
    paths = sorted((folder / "gt").iterdir())
    pairs = [[read_picture(folder / part / path.name)[None].to(device) for part in ("lq", "gt")] for path in paths]
    together = len(pairs) if device.startswith("cuda") else 1
    batches = [
        [torch.cat(side) for side in zip(*pairs[at : at + together], strict=True)]
        for at in range(0, len(pairs), together)
    ]
    _wait_for(device)
    begun = time.perf_counter()
    with as_metrics_compute():
        for restored, gt in batches:
            for function in functions:
                function(restored, gt).tolist()
    return time.perf_counter() - begun


def evaluated(names: Sequence[str], folder: Path, device: str) -> float:
    """Seconds of the evaluate stage with nothing known."""
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        result, _ = evaluate_folder(
            folder / "lq",
            folder,
            "noisy",
            Options(runs=Path(place) / "runs", device=device),
            Cache(Path(place) / "home"),
            metrics=names,
        )
    assert result.evaluation
    assert result.ok
    return result.evaluation.wall_seconds


def _wait_for(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def methods(device: str) -> dict[str, Method]:
    """By what their lines are called."""
    found: dict[str, Method] = {
        f"waits {milliseconds} ms": Waits(milliseconds / 1000) for milliseconds in (200, 50, 20)
    }
    built = choose_method("restormer", test=True).build(device=device, scale=1).method
    assert not isinstance(built, FolderMethod)
    return found | {"restormer, small": built}


def main() -> None:
    """Measure every method, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", default="", help="what the line's name begins with")
    options = parser.parse_args()
    card = torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "CPU"
    print(f"torch {torch.__version__}, {platform.machine()}, {card}, {torch.get_num_threads()} threads")
    print(f"{options.pictures} pictures of {options.side} x {options.side}, {options.batch} at a time\n")
    print("| method | bare calls, ms a picture | restore stage, ms a picture | ratio |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
        write_pictures(Path(folder), options.pictures, options.side)
        samples = open_dataset(folder).samples
        for name, method in methods(options.device).items():
            if not name.startswith(options.only):
                continue
            bare(method, samples[: options.batch], options.batch, options.device)  # what is done once
            rounds = [
                [measure(method, samples, options.batch, options.device) for measure in (bare, staged)]
                for _ in range(ROUNDS)
            ]
            alone, stage = (1000 * min(each) / len(samples) for each in zip(*rounds, strict=True))
            print(f"| {name} | {alone:.1f} | {stage:.1f} | {stage / alone:.3f} |", flush=True)
    if options.only:
        return
    names = [metric.name for metric in protocol_metrics("offline-v1")]
    print(f"\n| {', '.join(names)} | bare calls, ms a picture | evaluate stage, ms a picture | ratio |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        folder = Path(place)
        for part in ("lq", "gt"):
            (folder / part).mkdir()
        write_pictures(folder / "gt", options.pictures, options.side)
        for path in (folder / "gt").iterdir():  # every pair is another one, and none equal
            cv2.imwrite(str(folder / "lq" / path.name), cv2.GaussianBlur(cv2.imread(str(path)), (5, 5), 1))
        rounds = [
            [measure(names, folder, options.device) for measure in (bare_metrics, evaluated)] for _ in range(ROUNDS)
        ]
        alone, stage = (1000 * min(each) / options.pictures for each in zip(*rounds, strict=True))
        print(f"| {options.pictures} pairs | {alone:.1f} | {stage:.1f} | {stage / alone:.3f} |", flush=True)


if __name__ == "__main__":
    main()

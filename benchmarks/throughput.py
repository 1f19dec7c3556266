"""The restore stage beside the method's bare calls on the same pictures.

    .venv/bin/python benchmarks/throughput.py [--pictures 24] [--side 512] [--batch 1] [--device cuda]

Each line is a method. Told are the seconds of its calls alone, on tensors that are on the device
already, one after the other without a look at the clock between; the wall time of the restore stage,
from the first file read to the last one written; and their ratio. Methods that wait stand for a
graphics card, which leaves the processor to us; the network has seeded weights, and uses the device.
Least of two rounds in which both take turns. Asserts nothing.
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

from restobench.dataset import Sample, open_dataset
from restobench.image import read_picture
from restobench.method import FolderMethod, Method, choose_method
from restobench.noise import Noise
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


if __name__ == "__main__":
    main()

"""Where the time of the thread that calls the method goes, beside the calls: a profile of the restore stage.

    .venv/bin/python benchmarks/overhead.py [--pictures 40] [--side 512] [--milliseconds 50]

A method that waits, so that what is left is ours; cProfile of the calling thread alone, in milliseconds a
picture. Uses nothing but `restore_samples`, so that it also runs on what was there before:
`git worktree add ../before f60ac51`, then the same with PYTHONPATH=../before. Asserts nothing.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage import data
from torch import Tensor

from restobench.dataset import open_dataset
from restobench.noise import Noise
from restobench.restore import restore_samples

LINES = 14


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


def main() -> None:
    """Profile once, after a go that is thrown away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--milliseconds", type=int, default=50)
    options = parser.parse_args()
    method = Waits(options.milliseconds / 1000)

    def restore(folder: Path, profile: cProfile.Profile | None) -> float:
        samples = open_dataset(folder).samples
        if profile:
            profile.enable()
        outcome = restore_samples(
            method,
            samples,
            target=lambda name: folder.parent / "out" / f"{name}.png",
            scale=1,
            seed=0,
            batch_size=1,
            device="cpu",
        )
        if profile:
            profile.disable()
        return outcome.wall_seconds

    with tempfile.TemporaryDirectory(prefix="restobench-") as place:
        folder = Path(place) / "lq"
        folder.mkdir()
        write_pictures(folder, options.pictures, options.side)
        restore(folder, None)
        profile = cProfile.Profile()
        wall = restore(folder, profile)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # as pstats has it, and typeshed has not
    a_picture = 1000 / options.pictures
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads; {options.pictures} pictures of {options.side} "
        f"x {options.side}, a method that waits {options.milliseconds} ms: {wall * a_picture:.1f} ms a picture\n"
    )
    print(f"{'own, ms':>8} {'in all':>8} {'calls':>7}  function")
    for (file, line, name), (_, calls, own, whole, _) in sorted(stats.items(), key=lambda item: -item[1][2])[:LINES]:
        where = f"{Path(file).name}:{line} " if line else ""
        print(f"{own * a_picture:8.2f} {whole * a_picture:8.2f} {calls / options.pictures:7.1f}  {where}{name}")


if __name__ == "__main__":
    main()

"""How fast `restobench datasets make` is, with one worker and with two, beside the same chain of basicsr's functions.

    .venv/bin/python benchmarks/synthesis.py [PICTURES]

Reading, degrading, writing both PNGs and hashing, and the start of the workers where there are two, all
told; by the wall clock, and by processor time, in which a busy machine counts for little. The line of
basicsr needs that extra; it hashes nothing. Asserts nothing.
"""

import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

# Workers import this file again: what is slow to import stands in the functions that need it.
import numpy as np
from PIL import Image

from restobench.embedded import source_path
from restobench.synthesis.make import make_dataset

PICTURES = 60
WORKERS = (1, 2)
PHOTOGRAPHS = ("skimage:data/astronaut.png", "skimage:data/coffee.png", "skimage:data/chelsea.png")
SIDES = {"multi-degradation": 256, "imagenet-test": 256, "interlcm": 512, "difface2000": 512}


class Pace(NamedTuple):
    """Pictures a second."""

    wall: float
    processor: float


def write_clean(folder: Path, count: int, side: int) -> None:
    """Crops of three photographs, each another one."""
    places = np.random.default_rng(0)
    folder.mkdir()
    photographs = []
    for source in PHOTOGRAPHS:
        with Image.open(source_path(source)) as photograph:
            photographs.append(photograph.convert("RGB").resize((640, 640), Image.Resampling.BICUBIC))
    for number in range(count):
        left, top = places.integers(0, 640 - side, 2, endpoint=True)
        crop = photographs[number % len(photographs)].crop((left, top, left + side, top + side))
        crop.save(folder / f"{number:04d}.png", compress_level=1)


def processor_seconds() -> float:
    """Of this process and of the workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def pace(work: Callable[[int], object], count: int) -> Pace:
    """Of `count` pictures, from the call to the finished set."""
    wall, processor = time.perf_counter(), processor_seconds()
    work(count)
    return Pace(count / (time.perf_counter() - wall), count / (processor_seconds() - processor))


def made_by_us(recipe: str, clean: Path, workers: int) -> Callable[[int], object]:
    """A set of so many pictures, in a folder of its own."""

    def make(count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            make_dataset(recipe, clean, output=Path(folder) / "set", workers=workers, limit=count)

    return make


def imagenet_test_by_basicsr(clean: Path) -> Callable[[int], object]:
    """ImageNet-Test's chain of basicsr's functions, in one process, as its training programs chain them."""
    import cv2
    import torch
    from degradations import basicsr

    from restobench.degradations.recipes import IMAGENET_TEST

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    noise = basicsr("data.degradations")
    filter2d = basicsr("utils.img_process_util").filter2D
    compress = basicsr("utils.diffjpeg").DiffJPEG(differentiable=False)
    resize = torch.nn.functional.interpolate
    stage, bells = IMAGENET_TEST.stage1, IMAGENET_TEST.kernel1.bells

    def kernel(size: int) -> Any:
        values = noise.random_mixed_kernels(["iso", "aniso"], [0.6, 0.4], size, bells.sigma_px, bells.sigma_px)
        return torch.from_numpy(values).float()[None]

    def make(count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(clean.iterdir())[:count]:
                gt = cv2.imread(str(path))
                x = torch.from_numpy(gt[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 255)[None]
                kernel(random.choice((3, 5)))  # of the second stage, which there is not: drawn all the same
                x = filter2d(x, kernel(random.choice((3, 5, 7, 9, 11))))
                scale = random.choices((random.uniform(1, 1.5), random.uniform(0.5, 1), 1.0), stage.resize_weights)[0]
                x = resize(x, scale_factor=scale, mode=random.choice(("area", "bilinear", "bicubic")))
                if random.random() < stage.gaussian_probability:
                    x = noise.random_add_gaussian_noise_pt(x, stage.gaussian_sigma, gray_prob=stage.grey_probability)
                else:
                    x = noise.random_add_poisson_noise_pt(x, stage.poisson_scale, gray_prob=stage.grey_probability)
                x = compress(x.clamp(0, 1), x.new_zeros(1).uniform_(*stage.jpeg_quality))
                x = resize(x, size=(gt.shape[0] // 4, gt.shape[1] // 4), mode="bicubic")
                x = compress(x.clamp(0, 1), x.new_zeros(1).uniform_(*IMAGENET_TEST.stage2.jpeg_quality))
                lq = (x[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
                for part, picture in (("gt", gt), ("lq", lq[..., ::-1])):
                    cv2.imwrite(str(Path(folder) / f"{part}-{path.stem}.png"), picture)

    return make


def main() -> None:
    """Measure and print a Markdown table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    print(f"python benchmarks/synthesis.py {count}")
    print(f"Python {platform.python_version()}, torch {version('torch')}, {platform.machine()}\n")
    print("| set | side | workers | pictures a second | pictures a processor second |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        for recipe, side in SIDES.items():
            clean = Path(temporary) / recipe
            write_clean(clean, count, side)
            made_by_us(recipe, clean, 1)(2)  # imports and warms up
            lines = {f"{workers}": made_by_us(recipe, clean, workers) for workers in WORKERS}
            if recipe == "imagenet-test" and find_spec("basicsr"):
                lines["1 (basicsr)"] = imagenet_test_by_basicsr(clean)
            for workers, work in lines.items():
                found = pace(work, count)
                print(f"| {recipe} | {side} | {workers} | {found.wall:.1f} | {found.processor:.1f} |", flush=True)


if __name__ == "__main__":
    main()

"""How fast pictures are degraded, and each step beside basicsr's where that extra is installed.

    .venv/bin/python benchmarks/degradations.py [ROUNDS]

On one processor core, in processor time, so that a busy machine counts for nothing; the two
programs take turns. Asserts nothing.
"""

import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torchvision.transforms import functional

from restobench.degradations.face import degrade_celeba_test, degrade_for_training
from restobench.degradations.filter import filter2d
from restobench.degradations.generators import Generators
from restobench.degradations.jpeg import jpeg
from restobench.degradations.noise import add_gaussian, add_poisson, draw_noise_levels
from restobench.degradations.real_esrgan import degrade, draw_kernels, kernel_batch
from restobench.degradations.recipes import FACE_RECIPES, IMAGENET_TEST, REAL_ESRGAN_TRAINING
from restobench.degradations.resize import resized_antialiased
from restobench.degradations.sharpen import unsharp_mask

ROUNDS = 15
BATCH = 8
SIDE = 256
Work = Callable[[], object]


def chains(generators: Generators) -> dict[str, tuple[int, Work]]:
    """Whole chains: how many pictures one call degrades, and the call."""
    pictures = torch.rand(BATCH, 3, SIDE, SIDE, generator=generators.torch)
    face = np.random.default_rng(0).random((512, 512, 3), np.float32)
    return {
        f"Real-ESRGAN training, {SIDE} -> {SIDE // 4}, batches of {BATCH}": (
            BATCH,
            lambda: degrade(pictures, REAL_ESRGAN_TRAINING, generators),
        ),
        f"ImageNet-Test, {SIDE} -> {SIDE // 4}, one at a time": (
            1,
            lambda: degrade(pictures[:1], IMAGENET_TEST, generators),
        ),
        "CelebA-Test, 512": (1, lambda: degrade_celeba_test(face, generators)),
        "InterLCM training, 512": (1, lambda: degrade_for_training(face, FACE_RECIPES["interlcm"], generators)),
    }


def steps(generators: Generators) -> dict[str, tuple[Work, Work | None]]:
    """Single steps on a batch, ours and basicsr's."""
    pictures = torch.rand(BATCH, 3, SIDE, SIDE, generator=generators.torch)
    kernels = kernel_batch([draw_kernels(REAL_ESRGAN_TRAINING, generators) for _ in range(BATCH)]).first
    quality = torch.linspace(30, 95, BATCH)
    stream = generators.torch
    ours: dict[str, Work] = {
        "filter, kernels of 21 x 21": lambda: filter2d(pictures, kernels),
        "JPEG": lambda: jpeg(pictures, quality),
        "Gaussian noise": lambda: add_gaussian(pictures, draw_noise_levels((1, 30), 0.4, BATCH, stream), stream),
        "Poisson noise": lambda: add_poisson(pictures, draw_noise_levels((0.05, 3), 0.4, BATCH, stream), stream),
        "sharpening": lambda: unsharp_mask(pictures[:1]),
        "antialiased bicubic, x1/4": lambda: resized_antialiased(pictures[:1], 0.25),
    }
    if find_spec("basicsr") is None:
        return {name: (work, None) for name, work in ours.items()}
    noise, process = basicsr("data.degradations"), basicsr("utils.img_process_util")
    compress = basicsr("utils.diffjpeg").DiffJPEG(differentiable=False)
    sharpen, imresize = process.USMSharp(), basicsr("utils.matlab_functions").imresize
    theirs: dict[str, Work] = {
        "filter, kernels of 21 x 21": lambda: process.filter2D(pictures, kernels),
        "JPEG": lambda: compress(pictures, quality.clone()),
        "Gaussian noise": lambda: noise.random_add_gaussian_noise_pt(pictures, (1, 30), gray_prob=0.4),
        "Poisson noise": lambda: noise.random_add_poisson_noise_pt(pictures, (0.05, 3), gray_prob=0.4),
        "sharpening": lambda: sharpen(pictures[:1]),
        "antialiased bicubic, x1/4": lambda: imresize(pictures[0], 0.25),
    }
    return {name: (work, theirs[name]) for name, work in ours.items()}


def basicsr(module: str) -> Any:
    """A module of basicsr, for which torchvision gets back what it gave up in 0.17."""
    given_up = ModuleType("torchvision.transforms.functional_tensor")
    given_up.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]  # a module made here
    sys.modules.setdefault(given_up.__name__, given_up)
    return import_module(f"basicsr.{module}")


def milliseconds(works: list[Work], rounds: int) -> list[float]:
    """The median processor time of each, taking turns; the first round is thrown away."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, times in zip(works, taken, strict=True):
            before = time.process_time()
            work()
            if number > 0:
                times.append(1000 * (time.process_time() - before))
    return [statistics.median(times) for times in taken]


def main() -> None:
    """Measure and print two Markdown tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    torch.set_num_threads(1)
    generators = Generators.of_seed(0)
    print(f"python benchmarks/degradations.py {rounds}")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}, one core\n")
    print("| chain | pictures a processor second |")
    print("|---|---:|")
    for name, (count, work) in chains(generators).items():
        # The chains differ from draw to draw, so the mean of many is told.
        before = time.process_time()
        for _ in range(4 * rounds):
            work()
        print(f"| {name} | {4 * rounds * count / (time.process_time() - before):.0f} |")
    print(f"\n| step, {BATCH} pictures of {SIDE} x {SIDE} (the last two: one) | ms | basicsr, ms |")
    print("|---|---:|---:|")
    for name, (ours, theirs) in steps(generators).items():
        taken = milliseconds([ours] if theirs is None else [ours, theirs], rounds)
        print(f"| {name} | {taken[0]:.1f} | {'not installed' if theirs is None else f'{taken[1]:.1f}'} |")


if __name__ == "__main__":
    main()

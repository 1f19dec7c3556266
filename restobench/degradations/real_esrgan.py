"""The Real-ESRGAN chain: blur, resize, noise and JPEG, once or twice, on a batch of clean pictures.

Section 3 of Real-ESRGAN (Wang et al., ICCVW 2021; arXiv:2107.10833), in the form that ResShift
trains with and made ImageNet-Test by. The batch shares what Python's generator draws (`Choices`:
scales, modes, kinds of noise, the order at the end); each picture has its own kernels, noise
level and JPEG quality. Python's draws do not depend on the other two streams, so they come first,
all at once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from restobench.degradations.filter import filter2d
from restobench.degradations.generators import Generators, uniform_tensor
from restobench.degradations.jpeg import jpeg
from restobench.degradations.kernels import BlurKernel, MixedKernels, Range, draw_final_sinc
from restobench.degradations.noise import NoiseKind, NoiseLevels, add_gaussian, add_poisson, draw_noise_levels
from restobench.degradations.resize import RESIZE_MODES, ResizeMode, resized
from restobench.errors import RestobenchError


class Stage(NamedTuple):
    """What one stage draws its resizing, noise and JPEG from."""

    resize_weights: tuple[float, float, float]
    """Of enlarging, shrinking and keeping the size."""
    resize_range: Range
    """Least and largest scale: shrinking draws from (least, 1), enlarging from (1, largest)."""
    gaussian_probability: float
    """Else the noise is Poisson."""
    gaussian_sigma: Range
    """In grey levels of 255."""
    poisson_scale: Range
    grey_probability: float
    jpeg_quality: Range


class RealEsrgan(NamedTuple):
    """A recipe: every range and probability of the chain."""

    scale: int
    """How many times smaller than the clean picture the result is."""
    kernel1: MixedKernels
    kernel2: MixedKernels
    final_sinc_probability: float
    stage1: Stage
    stage2: Stage
    second_stage_probability: float
    second_blur_probability: float
    """Given that there is a second stage."""


class Kernels(NamedTuple):
    """The three kernels of a picture, as drawn."""

    first: BlurKernel
    second: BlurKernel
    final: BlurKernel


class KernelBatch(NamedTuple):
    """The kernels' values, (1, k, k) for all pictures or (B, k, k), float32; k may differ between the three."""

    first: Tensor
    second: Tensor
    final: Tensor


@dataclass(frozen=True)
class StageChoices:
    """What a batch shares in one stage."""

    scale: float
    resize: ResizeMode
    noise: NoiseKind


@dataclass(frozen=True)
class Choices:
    """All that Python's generator draws for a batch."""

    first: StageChoices
    second: StageChoices | None
    """None: there is no second stage."""
    second_blur: bool
    jpeg_last: bool
    """Resize, filter, JPEG at the end; else JPEG, resize, filter."""
    final_resize: ResizeMode


@dataclass(frozen=True)
class Levels:
    """What torch's generator draws for a batch in one stage, but for the noise itself; one value a picture."""

    noise: tuple[float, ...]
    """Sigma in grey levels or the Poisson scale, as `noise.NoiseLevels`; empty: the stage was left out."""
    grey: tuple[bool, ...]
    jpeg_quality: tuple[float, ...]


class Degraded(NamedTuple):
    """A degraded batch and what was drawn for it."""

    lq: Tensor
    choices: Choices
    first: Levels
    second: Levels


def draw_kernels(recipe: RealEsrgan, generators: Generators) -> Kernels:
    """The kernels of one picture: first, second, final."""
    python, numpy, _ = generators
    first = recipe.kernel1.draw(python, numpy)
    second = recipe.kernel2.draw(python, numpy)
    final = draw_final_sinc(recipe.final_sinc_probability, recipe.kernel2, python, numpy)
    return Kernels(first, second, final)


def kernel_batch(kernels: list[Kernels]) -> KernelBatch:
    """The values of the kernels of B pictures: three tensors (B, k, k), float32."""
    first, second, final = (
        torch.from_numpy(np.stack([one.values() for one in each])).float() for each in zip(*kernels, strict=True)
    )
    return KernelBatch(first, second, final)


def draw_choices(recipe: RealEsrgan, python: random.Random) -> Choices:
    """What a batch shares, in the order in which the steps of the chain would ask for it."""
    first = _draw_stage(recipe.stage1, python)
    second, second_blur = None, False
    if python.random() < recipe.second_stage_probability:
        second_blur = python.random() < recipe.second_blur_probability
        second = _draw_stage(recipe.stage2, python)
    return Choices(first, second, second_blur, python.random() < 0.5, python.choice(RESIZE_MODES))


def _draw_stage(stage: Stage, python: random.Random) -> StageChoices:
    least, largest = stage.resize_range
    match python.choices(("up", "down", "keep"), stage.resize_weights)[0]:
        case "up":
            scale = python.uniform(1, largest)
        case "down":
            scale = python.uniform(least, 1)
        case _:
            scale = 1.0
    mode = python.choice(RESIZE_MODES)
    return StageChoices(scale, mode, "gaussian" if python.random() < stage.gaussian_probability else "poisson")


def degrade(gt: Tensor, recipe: RealEsrgan, generators: Generators) -> tuple[Degraded, list[Kernels]]:
    """Draw everything and degrade: kernels picture by picture, then the choices, then the rest.

    Args:
        gt: (B, 3, H, W), float32, sRGB in [0, 1], on any device.
        recipe: `recipes` holds the published ones.
        generators: All three are used.

    Returns:
        The degraded batch, as `degrade_with`, and each picture's kernels.

    Raises:
        RestobenchError: As `degrade_with`.
    """
    kernels = [draw_kernels(recipe, generators) for _ in range(gt.shape[0])]
    choices = draw_choices(recipe, generators.python)
    return degrade_with(gt, kernel_batch(kernels), choices, recipe, generators.torch), kernels


def draw_levels(recipe: RealEsrgan, choices: Choices, batch: int, generator: torch.Generator) -> tuple[Levels, Levels]:
    """The levels of both stages without any noise, from the distributions of `degrade_with`.

    For sets that are made once: their noise has a stream of its own, so that the recorded values
    and that stream give the picture again.
    """
    noise1 = _draw_noise(choices.first.noise, recipe.stage1, batch, generator)
    jpeg1 = uniform_tensor(*recipe.stage1.jpeg_quality, batch, generator)
    noise2 = None
    if choices.second is not None:
        noise2 = _draw_noise(choices.second.noise, recipe.stage2, batch, generator)
    jpeg2 = uniform_tensor(*recipe.stage2.jpeg_quality, batch, generator)
    return _levels(noise1, jpeg1), _levels(noise2, jpeg2)


def degrade_with(
    gt: Tensor,
    kernels: KernelBatch,
    choices: Choices,
    recipe: RealEsrgan,
    generator: torch.Generator,
    levels: tuple[Levels, Levels] | None = None,
) -> Degraded:
    """The chain itself, with given kernels and choices; levels and noise are drawn on the way.

    Args:
        gt: (B, 3, H, W), float32, sRGB in [0, 1], on any device.
        kernels: Of `kernel_batch`.
        choices: Of `draw_choices`.
        recipe: For the ranges of the levels, and the scale.
        generator: On any device: the same numbers everywhere come from one on the CPU.
        levels: Of `draw_levels`; then the noise alone is drawn.

    Returns:
        lq is (B, 3, H // scale, W // scale), float32, in [0, 1] and rounded to 8 bits.

    Raises:
        RestobenchError: The picture gets too small on the way for its kernels, or the scale
            leaves nothing of it.
    """
    height, width = gt.shape[-2:]
    small = height // recipe.scale, width // recipe.scale
    if min(small) < 1:
        raise RestobenchError(f"A picture of {width} x {height} cannot be made {recipe.scale} times smaller.")

    lq = filter2d(gt, kernels.first)
    lq = resized(lq, choices.first.resize, scale=choices.first.scale)
    lq, noise1 = _noisy(lq, choices.first.noise, recipe.stage1, generator, levels and levels[0])
    lq, jpeg1 = _compressed(lq, recipe.stage1.jpeg_quality, generator, levels and levels[0])

    noise2 = None
    if choices.second is not None:
        if choices.second_blur:
            lq = filter2d(lq, kernels.second)
        height2, width2 = (int(side / recipe.scale * choices.second.scale) for side in (height, width))
        lq = resized(lq, choices.second.resize, size=(height2, width2))
        lq, noise2 = _noisy(lq, choices.second.noise, recipe.stage2, generator, levels and levels[1])

    if choices.jpeg_last:
        lq = filter2d(resized(lq, choices.final_resize, size=small), kernels.final)
        lq, jpeg2 = _compressed(lq, recipe.stage2.jpeg_quality, generator, levels and levels[1])
    else:
        lq, jpeg2 = _compressed(lq, recipe.stage2.jpeg_quality, generator, levels and levels[1])
        lq = filter2d(resized(lq, choices.final_resize, size=small), kernels.final)
    eight_bit = (lq * 255).round().clamp(0, 255) / 255
    return Degraded(eight_bit, choices, _levels(noise1, jpeg1), _levels(noise2, jpeg2))


def _draw_noise(kind: NoiseKind, stage: Stage, batch: int, generator: torch.Generator) -> NoiseLevels:
    strength = stage.gaussian_sigma if kind == "gaussian" else stage.poisson_scale
    return draw_noise_levels(strength, stage.grey_probability, batch, generator)


def _noisy(
    pictures: Tensor, kind: NoiseKind, stage: Stage, generator: torch.Generator, given: Levels | None
) -> tuple[Tensor, NoiseLevels]:
    """The pictures with noise, and how strong it is."""
    if given is None:
        levels = _draw_noise(kind, stage, pictures.shape[0], generator)
    else:
        levels = NoiseLevels(torch.tensor(given.noise), torch.tensor(given.grey))
    add = add_gaussian if kind == "gaussian" else add_poisson
    return add(pictures, levels, generator), levels


def _compressed(
    pictures: Tensor, quality: Range, generator: torch.Generator, given: Levels | None
) -> tuple[Tensor, Tensor]:
    """The pictures after JPEG, and their qualities."""
    drawn = (
        uniform_tensor(*quality, pictures.shape[0], generator) if given is None else torch.tensor(given.jpeg_quality)
    )
    # What resizing and sinc filters let overshoot is cut before an encoder sees it.
    return jpeg(pictures.clamp(0, 1), drawn), drawn


def _levels(noise: NoiseLevels | None, jpeg_quality: Tensor) -> Levels:
    level, grey = ((), ()) if noise is None else (tuple(noise.level.tolist()), tuple(noise.grey.tolist()))
    return Levels(level, grey, tuple(jpeg_quality.tolist()))

"""Super-resolution x4: the Real-ESRGAN chain on whole pictures, and ResShift's ImageNet-Test."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from restobench.degradations.generators import Generators
from restobench.degradations.kernels import BlurKernel
from restobench.degradations.real_esrgan import (
    Choices,
    Kernels,
    Levels,
    degrade_with,
    draw_choices,
    draw_kernels,
    draw_levels,
    kernel_batch,
)
from restobench.degradations.recipes import REAL_ESRGAN_RECIPES
from restobench.image import to_eight_bit, to_tensor
from restobench.synthesis.recipe import Pair, Parameters, Planned, parsed

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Stored

IMAGENET_TEST_COUNT = 3000
IMAGENET_TEST_SIDE = 256


@dataclass(frozen=True)
class _Values:
    """A picture's parameters; its noise comes from a stream of its own."""

    kernels: tuple[BlurKernel, BlurKernel, BlurKernel]
    """First, second, final."""
    choices: Choices
    levels: tuple[Levels, Levels]
    """Of both stages."""
    noise_tag: str
    noise_seed: int


_VALUES = TypeAdapter(_Values)


class RealEsrganChain:
    """By one of the Real-ESRGAN recipes; each picture draws from streams of its own."""

    def __init__(self, name: str) -> None:
        """By the recipe of that name in `degradations.recipes`."""
        self._recipe = REAL_ESRGAN_RECIPES[name]
        self._of_imagenet = name == "imagenet-test"

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """All pictures; of ImageNet's, the 3,000 that ResShift chose."""
        chosen = choose_imagenet(ids, seed) if self._of_imagenet else ids
        return [Planned(sample_id, asdict(self._draw(sample_id, seed))) for sample_id in chosen]

    def _draw(self, sample_id: str, seed: int) -> _Values:
        generators = Generators.of_sample(seed, f"{sample_id}/parameters")
        kernels = draw_kernels(self._recipe, generators)
        choices = draw_choices(self._recipe, generators.python)
        levels = draw_levels(self._recipe, choices, 1, generators.torch)
        return _Values((kernels.first, kernels.second, kernels.final), choices, levels, f"{sample_id}/noise", seed)

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The clean picture, cut so that the scale divides it, and what the chain makes of it."""
        values = parsed(_VALUES, parameters)
        gt = middle_of(picture) if self._of_imagenet else cut_to_multiple(picture, self._recipe.scale)
        degraded = degrade_with(
            to_tensor(gt)[None],
            kernel_batch([Kernels(*values.kernels)]),
            values.choices,
            self._recipe,
            Generators.of_sample(values.noise_seed, values.noise_tag).torch,
            values.levels,
        )
        return Pair(gt, to_eight_bit(degraded.lq[0]))

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """None: all pictures are degraded in one way."""
        return {}


def choose_imagenet(ids: Sequence[str], seed: int) -> list[str]:
    """3,000 of them as ResShift chose: a shuffle whose result is not used, then a sample of the sorted names.

    The published choice comes of all 50,000 validation pictures and seed 10000. Fewer than 3,000
    are all taken.
    """
    python = random.Random(seed)
    python.shuffle(list(ids))
    return python.sample(sorted(ids), min(len(ids), IMAGENET_TEST_COUNT))


def middle_of(picture: Stored) -> Stored:
    """Shortest side to 256 (OpenCV's bilinear, the other side rounded), then the middle 256 x 256."""
    height, width = picture.shape[:2]
    scale = IMAGENET_TEST_SIDE / min(height, width)
    size = round(width * scale), round(height * scale)
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) if size != (width, height) else picture
    left, top = ((side - IMAGENET_TEST_SIDE) // 2 for side in size)
    middle = resized[top : top + IMAGENET_TEST_SIDE, left : left + IMAGENET_TEST_SIDE]
    return np.asarray(middle, np.uint8)


def cut_to_multiple(picture: Stored, scale: int) -> Stored:
    """Without the last columns and rows that the scale does not divide."""
    height, width = (side - side % scale for side in picture.shape[:2])
    return picture[:height, :width]

"""The face-restoration papers' chain: blur, shrink, noise, JPEG, back to the size it had.

One picture at a time, by OpenCV, as the test sets and the training pictures were made. GFPGAN
(Wang et al., CVPR 2021; arXiv:2101.04061), section 4.1; CodeFormer, DifFace, ResShift and
InterLCM differ from it in their ranges (`recipes`), and their test sets in what is drawn when.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from restobench.degradations.kernels import Range, gaussian
from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from restobench.degradations.generators import Generators, NumpyGenerator

    Floats = NDArray[np.float32]

KERNEL_SIZE = 41
_GREY = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True)
class FaceDegradation:
    """Every drawn value of one picture, but for the noise itself."""

    sigma_px: tuple[float, float]
    """Of the Gaussian blur along its two axes, in pixels of the clean picture."""
    angle_rad: float
    """From x (right) towards y (down)."""
    down_factor: float
    noise_sigma: float
    """In grey levels of 255."""
    jpeg_quality: int
    grey: bool = False
    """Whether the result, and the clean picture with it, is made grey."""


class FaceRecipe(NamedTuple):
    """What the training pictures of a paper are degraded by."""

    sigma_px: Range
    down_factor: Range
    noise_sigma: Range
    """In grey levels of 255."""
    jpeg_quality: tuple[int, int]
    """Whole numbers from the first to one less than the second."""
    isotropic_probability: float = 0.5
    grey_probability: float = 0.0


class DegradedFace(NamedTuple):
    """A degraded picture, its clean one (grey where the degraded one is) and what was drawn."""

    lq: Floats
    gt: Floats
    degradation: FaceDegradation


def small_size(picture: Floats, down_factor: float) -> tuple[int, int]:
    """(height, width) of the picture (H, W, 3) after shrinking, rounded down.

    Raises:
        RestobenchError: No pixel is left.
    """
    height, width, _ = picture.shape
    small = int(height // down_factor), int(width // down_factor)
    if min(small) < 1:
        raise RestobenchError(f"A picture of {width} x {height} cannot be made {down_factor:g} times smaller.")
    return small


def degraded_face(picture: Floats, degradation: FaceDegradation, noise: NDArray[np.floating]) -> Floats:
    """Blur, shrink, noise, JPEG, enlarge, round to 8 bits.

    Args:
        picture: (H, W, 3), float32, sRGB in [0, 1].
        degradation: Its values.
        noise: Standard normal, (h, w, 3) with (h, w) of `small_size`, **blue first**: the programs
            that the recipes come from hold pictures as OpenCV does, and so lay out their noise.

    Returns:
        (H, W, 3), float32, sRGB, in 8-bit steps of [0, 1].

    Raises:
        RestobenchError: The quality is outside 1 to 100, or the noise is of another size.
    """
    height, width = picture.shape[:2]
    small = small_size(picture, degradation.down_factor)
    if noise.shape != (*small, 3):
        raise RestobenchError(f"The noise of this picture has shape {(*small, 3)}, not {noise.shape}.")
    if not 1 <= degradation.jpeg_quality <= 100:
        raise RestobenchError(f"A JPEG quality is from 1 to 100, not {degradation.jpeg_quality}.")
    kernel = gaussian(KERNEL_SIZE, *degradation.sigma_px, degradation.angle_rad)
    blurred = cv2.filter2D(np.ascontiguousarray(picture[..., ::-1]), -1, kernel)  # blue first from here on
    noisy = _scaled(blurred, *small) + noise.astype(np.float32) * np.float32(degradation.noise_sigma / 255)
    enlarged = _scaled(_through_jpeg(noisy.clip(0, 1), degradation.jpeg_quality), height, width)[..., ::-1]
    if degradation.grey:
        enlarged = made_grey(enlarged)
    return (enlarged * 255).round().clip(0, 255).astype(np.float32) / np.float32(255)


def made_grey(picture: Floats) -> Floats:
    """(H, W, 3) RGB -> its luma .299 R + .587 G + .114 B in all three channels."""
    return np.repeat((picture @ _GREY)[..., None], 3, axis=-1)


def _scaled(picture: NDArray[Any], height: int, width: int) -> Floats:
    """Bilinear, without antialiasing: shrinking aliases what the blur has left, as in the papers."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _through_jpeg(picture: Floats, quality: int) -> Floats:
    """(H, W, 3), blue first, through OpenCV's encoder (4:2:0 as it comes) and decoder."""
    eight_bit = (picture * 255).round().astype(np.uint8)
    encoded = cv2.imencode(".jpg", eight_bit, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return np.asarray(decoded, np.float32) / np.float32(255)


def draw_celeba_test(python: random.Random) -> FaceDegradation:
    """The values of a picture of DifFace's and ResShift's CelebA-Test; all from Python's generator.

    Factor U(1, 32), quality U(30, 70) cut to a whole number, noise U(1, 20), both sigmas U(4, 16),
    angle U(0, pi), in this order.
    """
    down_factor = python.uniform(1, 32)
    jpeg_quality = python.uniform(30, 70)
    noise_sigma = python.uniform(1, 20)
    sigma_px = python.uniform(4, 16), python.uniform(4, 16)
    return FaceDegradation(sigma_px, python.random() * math.pi, down_factor, noise_sigma, int(jpeg_quality))


def degrade_celeba_test(picture: Floats, generators: Generators) -> DegradedFace:
    """A picture (H, W, 3) of CelebA-Test: values from Python's generator, then the noise from NumPy's."""
    drawn = draw_celeba_test(generators.python)
    noise = generators.numpy.standard_normal((*small_size(picture, drawn.down_factor), 3))
    return DegradedFace(degraded_face(picture, drawn, noise), picture, drawn)


def degrade_for_training(picture: Floats, recipe: FaceRecipe, generators: Generators) -> DegradedFace:
    """A training picture (H, W, 3), float32, sRGB in [0, 1], by a paper's recipe.

    Draws: isotropic or not (python); sigma, or both sigmas and an angle in (-pi, pi); the factor;
    the noise's sigma; the noise; the quality; grey or not, where the recipe has it (numpy).

    Raises:
        RestobenchError: The picture is smaller than the largest factor that was drawn.
    """
    blur = _draw_blur(recipe, generators)
    down_factor, noise_sigma = _draw_size_and_noise(recipe, generators.numpy)
    noise = generators.numpy.standard_normal((*small_size(picture, down_factor), 3))
    drawn = FaceDegradation(*blur, down_factor, noise_sigma, *_draw_file(recipe, generators.numpy))
    return DegradedFace(degraded_face(picture, drawn, noise), made_grey(picture) if drawn.grey else picture, drawn)


def draw_for_training(recipe: FaceRecipe, generators: Generators) -> FaceDegradation:
    """The values of `degrade_for_training` in their order, without the noise itself.

    For sets that are made once: their noise has a stream of its own, so that the recorded values
    and that stream give the picture again.
    """
    blur = _draw_blur(recipe, generators)
    return FaceDegradation(
        *blur, *_draw_size_and_noise(recipe, generators.numpy), *_draw_file(recipe, generators.numpy)
    )


def _draw_blur(recipe: FaceRecipe, generators: Generators) -> tuple[tuple[float, float], float]:
    """Both sigmas and the angle."""
    python, numpy = generators.python, generators.numpy
    isotropic = python.choices((True, False), (recipe.isotropic_probability, 1 - recipe.isotropic_probability))[0]
    sigma_x = float(numpy.uniform(*recipe.sigma_px))
    if isotropic:
        return (sigma_x, sigma_x), 0.0
    sigma_y = float(numpy.uniform(*recipe.sigma_px))
    return (sigma_x, sigma_y), float(numpy.uniform(-math.pi, math.pi))


def _draw_size_and_noise(recipe: FaceRecipe, numpy: NumpyGenerator) -> tuple[float, float]:
    """The factor and the noise's sigma."""
    return float(numpy.uniform(*recipe.down_factor)), float(numpy.uniform(*recipe.noise_sigma))


def _draw_file(recipe: FaceRecipe, numpy: NumpyGenerator) -> tuple[int, bool]:
    """The JPEG quality, and grey or not where the recipe has it."""
    quality = _whole_number(*recipe.jpeg_quality, numpy)
    return quality, recipe.grey_probability > 0 and bool(numpy.uniform() < recipe.grey_probability)


def _whole_number(low: int, high: int, numpy: NumpyGenerator) -> int:
    """From low to high - 1, all equally likely."""
    if isinstance(numpy, np.random.Generator):
        return int(numpy.integers(low, high))
    return int(numpy.randint(low, high))

"""The augmentation of pictures that networks learn to fill holes on: perspective, turns, lenses, colours.

In LaMa's manner (Suvorov et al., WACV 2022; arXiv:2109.07161), with the ranges of ResShift's
inpainting networks, each step with probability 1/2. Those programs take the steps from the
albumentations library, which has not been maintained since June 2025 and whose successor is
AGPL; they are written here with OpenCV and NumPy, by their published descriptions. What the
ranges leave open (the lens's and the equalisation's strength) is that library's default. The
distributions are the same, the order of draws is our own. Never imports torch.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from restobench.degradations.augment import shortest_side_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

PROBABILITY = 0.5
"""Of each step."""

_BORDER = cv2.BORDER_REFLECT_101
_CORNERS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
"""Left top, right top, right bottom, left bottom; (x, y) in shares of the sides."""
_LARGEST_JITTER = 0.32


class Affine(NamedTuple):
    """About the picture's centre."""

    scale: float
    angle_deg: float
    """From x (right) towards y (down)."""
    shear_deg: float


@dataclass(frozen=True)
class Distortion:
    """Every drawn value of one picture; None: the step is left out."""

    corners: tuple[tuple[float, float], ...] | None
    """How far inside each corner is found what is moved there, (x, y) in shares of the sides."""
    affine: Affine | None
    lens: float | None
    """k in r (1 + k r^2 + k r^4), the radius from which a pixel at r is taken, in shares of the sides."""
    cut: tuple[float, float]
    """Where the square is cut out: in [0, 1), how far down and how far to the right of what is possible."""
    mirrored: bool
    equalised: float | None
    """The clip limit of the adaptive histogram equalisation of the luminance (CLAHE), in 8 x 8 fields."""
    contrast_and_brightness: tuple[float, float] | None
    """What the picture is multiplied by, and what is added, in shares of its range."""
    hue_saturation_value: tuple[float, float, float] | None
    """What is added: to the hue in steps of 2 degrees, to the others in grey levels of 255."""


def draw_distortion(python: random.Random) -> Distortion:
    """Draw whether a step is taken and, if so, its values; the steps in the order in which they are applied."""

    def taken() -> bool:
        return python.random() < PROBABILITY

    def within(limit: float) -> float:
        return python.uniform(-limit, limit)

    return Distortion(
        corners=_draw_corners(python) if taken() else None,
        affine=Affine(python.uniform(0.7, 1.3), within(40), within(0.1)) if taken() else None,
        lens=within(0.05) if taken() else None,
        cut=(python.random(), python.random()),
        mirrored=taken(),
        equalised=python.uniform(1, 4) if taken() else None,
        contrast_and_brightness=(1 + within(0.2), within(0.2)) if taken() else None,
        hue_saturation_value=(within(5), within(30), within(5)) if taken() else None,
    )


def _draw_corners(python: random.Random) -> tuple[tuple[float, float], ...]:
    """|N(0, s)| with one s of U(0, 0.06) for the picture; the rare larger ones start again from 0."""
    sigma = python.uniform(0, 0.06)

    def jitter() -> float:
        return abs(python.gauss(0, sigma)) % _LARGEST_JITTER

    return tuple((jitter(), jitter()) for _ in _CORNERS)


def distorted(picture: Floats, distortion: Distortion, side: int) -> Floats:
    """The picture with its shorter side resized to `side`, distorted, and a square of `side` cut out.

    In 8 bits throughout, as training pictures are stored and as the colour steps are defined.
    No step makes the picture smaller than the square, so that nothing has to be padded.

    Args:
        picture: (H, W, 3), float32, sRGB in [0, 1].
        distortion: Of `draw_distortion`.
        side: In pixels.

    Returns:
        (side, side, 3), float32, sRGB, in 8-bit steps of [0, 1].
    """
    work: Bytes = (picture * 255).round().astype(np.uint8)
    work = shortest_side_to(work, side, cv2.INTER_LINEAR)
    if distortion.corners is not None:
        work = _in_perspective(work, distortion.corners)
    if distortion.affine is not None:
        work = _mapped(work, distortion.affine)
    if distortion.lens is not None:
        work = _through_lens(work, distortion.lens)
    top, left = (int(share * (length - side + 1)) for share, length in zip(distortion.cut, work.shape[:2], strict=True))
    work = np.ascontiguousarray(work[top : top + side, left : left + side][:, :: -1 if distortion.mirrored else 1])
    if distortion.equalised is not None:
        work = _equalised(work, distortion.equalised)
    if distortion.contrast_and_brightness is not None:
        contrast, brightness = distortion.contrast_and_brightness
        work = (work * contrast + 255 * brightness).round().clip(0, 255).astype(np.uint8)
    if distortion.hue_saturation_value is not None:
        work = _shifted(work, distortion.hue_saturation_value)
    return work.astype(np.float32) / np.float32(255)


def _in_perspective(picture: Bytes, jitters: tuple[tuple[float, float], ...]) -> Bytes:
    """What lies between four points near the corners, stretched to the whole picture."""
    height, width = picture.shape[:2]
    last = np.array((width - 1, height - 1), np.float32)
    inwards = 1 - 2 * _CORNERS
    found = (_CORNERS + inwards * np.array(jitters, np.float32)) * last
    matrix = cv2.getPerspectiveTransform(found, _CORNERS * last)
    return np.asarray(cv2.warpPerspective(picture, matrix, (width, height), borderMode=_BORDER), np.uint8)


def _mapped(picture: Bytes, affine: Affine) -> Bytes:
    """Scaled, sheared along x, then turned about the centre; mirrored where it does not reach."""
    height, width = picture.shape[:2]
    angle, shear = math.radians(affine.angle_deg), math.radians(affine.shear_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = affine.scale * turn @ np.array([[1, math.tan(shear)], [0, 1]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([linear, centre - linear @ centre])
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=_BORDER), np.uint8)


def _through_lens(picture: Bytes, k: float) -> Bytes:
    """Barrel (k > 0) or cushion: each pixel is taken from r (1 + k r^2 + k r^4)."""
    height, width = picture.shape[:2]
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    squared = x * x + y * y
    factor = 1 + k * squared + k * squared * squared
    from_x, from_y = (factor * x + 0.5) * (width - 1), (factor * y + 0.5) * (height - 1)
    mapped = cv2.remap(picture, from_x, from_y, cv2.INTER_LINEAR, borderMode=_BORDER)
    return np.asarray(mapped, np.uint8)


def _equalised(picture: Bytes, clip_limit: float) -> Bytes:
    lightness, a, b = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB))
    lightness = cv2.createCLAHE(clip_limit, (8, 8)).apply(lightness)
    return np.asarray(cv2.cvtColor(cv2.merge([lightness, a, b]), cv2.COLOR_LAB2RGB), np.uint8)


def _shifted(picture: Bytes, shifts: tuple[float, float, float]) -> Bytes:
    """In OpenCV's 8-bit HSV: the hue, of 180 steps, goes round; saturation and value stop at their ends."""
    moved = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.int16) + np.rint(shifts).astype(np.int16)
    moved[..., 0] %= 180
    return np.asarray(cv2.cvtColor(moved.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB), np.uint8)

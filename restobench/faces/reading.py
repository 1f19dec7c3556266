"""A photograph as the face programs read it: 8 bits' range, and no side below 512 pixels.

All that follows (landmarks, pasting, the result's size) is counted in pixels of what was
read here, and not of the file: a result is upscale times as large as the enlarged picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restobench.errors import RestobenchError
from restobench.faces.grey import Pixels, is_grey

SHORTEST_SIDE = 512
"""Smaller photographs are enlarged to it."""

LONGEST_SIDE = 32_766
"""OpenCV warps no larger pictures."""


@dataclass(frozen=True)
class Photograph:
    """A photograph that was read."""

    original: Pixels
    """At the file's own size."""
    picture: Pixels
    """Enlarged where it was small."""
    is_grey: bool
    """Whether it is black and white."""


def as_photograph(stored: NDArray[np.uint8] | NDArray[np.uint16]) -> Photograph:
    """A stored picture, (H, W, 3), RGB, 8 or 16 bits, as a photograph.

    16 bits are brought to [0, 255] and keep their fractions, unless no value is above 256:
    those are 8 bits in a wider file. Enlarging is bilinear.

    Raises:
        RestobenchError: It is so narrow that it would become too long.
    """
    original = _in_eight_bits_range(stored)
    height, width = original.shape[:2]
    factor = max(1.0, SHORTEST_SIDE / min(height, width))
    height, width = round(height * factor), round(width * factor)
    if max(height, width) > LONGEST_SIDE:
        raise RestobenchError(
            f"The photograph has {original.shape[1]} x {original.shape[0]} pixels; with a short side of at least "
            f"{SHORTEST_SIDE} it would have {width} x {height}, and {LONGEST_SIDE} is the most. Crop it first."
        )
    return Photograph(original, resized(original, width, height), is_grey(original))


def resized(picture: Pixels, width: int, height: int) -> Pixels:
    """A picture at another size: bilinear between the centres of pixels, no antialiasing."""
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)


def _in_eight_bits_range(stored: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    if stored.dtype == np.uint8:
        return stored.astype(np.uint8, copy=False)
    if stored.max() <= 256:
        return stored.clip(0, 255).astype(np.uint8)
    return stored.astype(np.float32) * np.float32(255 / 65535)

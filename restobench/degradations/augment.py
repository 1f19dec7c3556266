"""Cutting, turning and resizing clean pictures before they are degraded for training.

One picture at a time, (H, W, 3), as OpenCV and NumPy have it: a data loader's worker does this.
What is drawn comes from Python's generator. Never imports torch.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Number = TypeVar("Number", np.uint8, np.float32)

TURNS = 8
"""The ways in which a square can be laid onto itself: four rotations, each mirrored or not."""


def mirrored_at_random(picture: Floats, python: random.Random) -> Floats:
    """The picture, left and right exchanged in one of two cases: one `random`."""
    return np.ascontiguousarray(picture[:, ::-1]) if python.random() < 0.5 else picture


def turned(picture: Floats, turn: int) -> Floats:
    """A square picture in one of its positions: `turn % 4` quarter turns, mirrored from 4 on."""
    return np.ascontiguousarray(np.rot90(picture[:, ::-1] if turn >= TURNS // 2 else picture, turn % 4))


def padded_to(picture: NDArray[Number], side: int) -> NDArray[Number]:
    """Mirrored to the right and to the bottom, as often as it takes, until both sides have `side` pixels."""
    height, width = picture.shape[:2]
    missing = max(0, side - height), max(0, side - width)
    return np.pad(picture, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="reflect") if any(missing) else picture


def cut_at_random(picture: Floats, side: int, python: random.Random) -> Floats:
    """A square of `side` pixels: top, then left, by `randint`; nothing is drawn where there is no choice."""
    height, width = picture.shape[:2]
    if (height, width) == (side, side):
        return picture
    top, left = python.randint(0, height - side), python.randint(0, width - side)
    return picture[top : top + side, left : left + side]


def shortest_side_to(picture: NDArray[Any], side: int, interpolation: int) -> NDArray[Any]:
    """Resized so that the shorter side has `side` pixels; the other is rounded.

    By one of OpenCV's interpolations, without antialiasing. Cubic overshoots: the result of a
    floating-point picture is cut to [0, 1], as that of an 8-bit one is to its range. The dtype stays.
    """
    height, width = picture.shape[:2]
    scale = side / min(height, width)
    size = round(width * scale), round(height * scale)
    resized = np.asarray(cv2.resize(picture, size, interpolation=interpolation))
    return resized if resized.dtype == np.uint8 else resized.clip(0, 1)


def area_resized(picture: Floats, side: int) -> Floats:
    """A square picture to `side` pixels: each the mean of what it covers (OpenCV; bilinear where it enlarges)."""
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)

"""Holes for inpainting: strokes, boxes, and borders to paint outwards into.

The three kinds that ResShift's inpainting networks are trained on, in LaMa's manner (Suvorov
et al., WACV 2022; arXiv:2109.07161), each as likely as the others. Only the distributions are
published, not an order of draws. Never imports torch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import cv2
import numpy as np

from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.uint8]

MaskKind = Literal["strokes", "boxes", "border"]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)

_BOX_SIDES = (30, 151)
_BOX_MARGIN = 10
_SMALLEST = _BOX_SIDES[0] + 2 * _BOX_MARGIN + 1
_DEPTHS = (0.04, 0.25)


def draw_mask(height: int, width: int, draw: np.random.Generator, kind: MaskKind | None = None) -> Mask:
    """A mask (height, width) of one of the kinds, or of the given one: 1 in the hole, 0 elsewhere.

    Raises:
        RestobenchError: A side is too short for the smallest box, 51 pixels.
    """
    if min(height, width) < _SMALLEST:
        raise RestobenchError(f"A picture of {width} x {height} is too small for holes; {_SMALLEST} pixels are needed.")
    kind = kind or MASK_KINDS[draw.integers(3)]
    makers = {"strokes": _strokes, "boxes": _boxes, "border": _border}
    return makers[kind](np.zeros((height, width), np.uint8), draw)


def _strokes(mask: Mask, draw: np.random.Generator) -> Mask:
    """1 to 6 strokes of 1 to 5 segments, 10 to 209 long and 5 to 104 wide, cut off at the border."""
    height, width = mask.shape
    for stroke in range(draw.integers(1, 7)):
        x, y = int(draw.integers(width)), int(draw.integers(height))
        for _ in range(draw.integers(1, 6)):
            angle = 0.01 + draw.integers(4)
            if stroke % 2 == 0:
                angle = 2 * math.pi - angle
            length, thickness = 10 + draw.integers(200), 5 + int(draw.integers(100))
            end_x = int(np.clip(x + length * math.sin(angle), 0, width))
            end_y = int(np.clip(y + length * math.cos(angle), 0, height))
            cv2.line(mask, (x, y), (end_x, end_y), 1, thickness)
            x, y = end_x, end_y
    return mask


def _boxes(mask: Mask, draw: np.random.Generator) -> Mask:
    """1 to 4 boxes with sides of 30 to 150 pixels, at least 10 from the border."""
    for _ in range(draw.integers(1, 5)):
        spans = []
        for side in mask.shape:
            span = int(draw.integers(_BOX_SIDES[0], min(_BOX_SIDES[1], side - 2 * _BOX_MARGIN)))
            start = int(draw.integers(_BOX_MARGIN, side - _BOX_MARGIN - span + 1))
            spans.append(slice(start, start + span))
        mask[spans[0], spans[1]] = 1
    return mask


def _border(mask: Mask, draw: np.random.Generator) -> Mask:
    """Each side with probability 1/2, 4 to 25 percent deep; one at random where none was chosen."""
    height, width = mask.shape
    top, bottom, left, right = (
        int(draw.integers(math.floor(_DEPTHS[0] * side), math.floor(_DEPTHS[1] * side)))
        for side in (height, height, width, width)
    )
    chosen = draw.random(4) < 0.5
    if not chosen.any():
        chosen[draw.integers(4)] = True
    sides = np.s_[:top, :], np.s_[height - bottom :, :], np.s_[:, :left], np.s_[:, width - right :]
    for side, taken in zip(sides, chosen, strict=True):
        if taken:
            mask[side] = 1
    return mask

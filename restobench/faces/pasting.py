"""A restored face put back to where it came from, with edges that do not show.

The face is weighted by the smaller of two masks: what the parsing network takes for face,
and a square with soft edges. Steps and constants are those of InterLCM's released program;
ours clips at the end and always gives 8 bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from restobench.faces.grey import Pixels
from restobench.faces.reading import resized
from restobench.faces.template import FACE_SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

PASTED_LABELS = (*range(1, 14), 15)
"""Of ParseNet's 19 classes: skin and all that is in a face, hair (13), earrings (15). Not the background (0),
hat (14), necklace (16), neck (17) and clothes (18)."""


def make_canvas(picture: Pixels, upscale: int, background: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
    """What faces are pasted onto: (upscale H, upscale W, 3), in [0, 255].

    Args:
        picture: The photograph as it was read.
        upscale: How many times larger the canvas is.
        background: The photograph as another method enlarged it, of any size; brought to the
            canvas's by Lanczos. None: the photograph itself, bilinear.
    """
    height, width = picture.shape[0] * upscale, picture.shape[1] * upscale
    if background is None:
        canvas: Pixels = resized(picture, width, height)
    elif background.shape[:2] == (height, width):
        canvas = background
    else:
        canvas = cv2.resize(background, (width, height), interpolation=cv2.INTER_LANCZOS4)
    # Double, as in the released program: what is cut to 8 bits at the end depends on the last bit.
    return canvas.astype(np.float64)


def paste(
    canvas: NDArray[np.float64],
    face: Pixels,
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    upscale: int,
) -> None:
    """Paste a face onto the canvas, in place; onto what earlier faces left where they overlap.

    Args:
        canvas: From `make_canvas`, of the same `upscale`.
        face: (512, 512, 3) in [0, 255], or (512 upscale, 512 upscale, 3) where it was enlarged too.
        labels: (512, 512), ParseNet's class of every pixel.
        affine: The alignment's, from photograph to face.
        upscale: How many times larger the canvas is than the photograph.
    """
    side = face.shape[0]
    to_canvas = face_to_canvas(affine, upscale, enlarged=side != FACE_SIZE)
    window = _window(to_canvas, side, upscale, canvas)
    if window is None:
        return
    local = to_canvas - [[0, 0, window.left], [0, 0, window.top]]

    def warped(plane: NDArray[Any]) -> NDArray[Any]:
        return cv2.warpAffine(plane, local, (window.width, window.height), flags=cv2.INTER_LINEAR)

    square = cv2.erode(warped(np.ones((side, side), np.float32)), _full_square(2 * upscale))
    mask = np.minimum(warped(resized(parsing_mask(labels), side, side)), soft_mask(square))[..., None]
    below = canvas[window.top : window.top + window.height, window.left : window.left + window.width]
    below[:] = mask * (square[..., None] * warped(face)) + (1 - mask) * below


def face_to_canvas(affine: NDArray[np.float64], upscale: int, *, enlarged: bool = False) -> NDArray[np.float64]:
    """(2, 3): where a pixel of the face lies on the canvas. The inverse of the alignment, times `upscale`.

    A face that was itself `enlarged` has its size already, and is only shifted.
    """
    inverse = np.asarray(cv2.invertAffineTransform(affine), np.float64)
    if enlarged:
        return inverse * [1, 1, upscale]
    # The released program's, though half of (upscale - 1) would keep the centres of pixels in place.
    offset = upscale / 2 if upscale > 1 else 0
    return inverse * upscale + [[0, 0, offset], [0, 0, offset]]


def parsing_mask(labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(512, 512) classes -> the weight of the face, in [0, 1], blurred twice and 0 on the outer 10 pixels."""
    mask = np.where(np.isin(labels, PASTED_LABELS), 255.0, 0.0)
    for _ in range(2):
        mask = cv2.GaussianBlur(mask, (101, 101), 11)
    inner = np.zeros_like(mask)
    inner[10:-10, 10:-10] = mask[10:-10, 10:-10]
    return inner / 255


def soft_mask(square: Pixels) -> Pixels:
    """The face's square on the canvas with edges that fade over a twentieth of its side, both ways."""
    edge = math.floor(math.sqrt(square.sum(dtype=np.float64))) // 20
    if not edge:  # a face of less than 20 pixels
        return square
    return cv2.GaussianBlur(cv2.erode(square, _full_square(2 * edge)), (2 * edge + 1, 2 * edge + 1), 0)


def finished(canvas: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The canvas in 8 bits: clipped, in place, and cut as the released program does, not rounded."""
    return np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)


def _full_square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


class _Window(NamedTuple):
    """A part of the canvas, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def _window(to_canvas: NDArray[np.float64], side: int, upscale: int, canvas: NDArray[np.float64]) -> _Window | None:
    """The part that a face can reach, None where it lies outside; a crowd would else filter a whole canvas each.

    Around it runs a margin as wide as the filters reach, so that nothing comes out different.
    """
    corners = np.array([[0, side, side, 0], [0, 0, side, side], [1, 1, 1, 1]])
    x, y = to_canvas @ corners
    margin = math.ceil(math.hypot(*to_canvas[:, 0]) * side / 20) + 2 * upscale + 2
    left, top = max(0, math.floor(x.min()) - margin), max(0, math.floor(y.min()) - margin)
    right = min(canvas.shape[1], math.ceil(x.max()) + margin)
    bottom = min(canvas.shape[0], math.ceil(y.max()) + margin)
    return _Window(left, top, right - left, bottom - top) if left < right and top < bottom else None

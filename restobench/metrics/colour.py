"""Pictures as metrics take them: checked, in float64, one colour plane after the other.

Planes come one at a time, so that a picture of 4096 x 4096 needs a tenth of a gigabyte a
plane and not all of them at once. Knows no metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from restobench.errors import RestobenchError

Planes = Callable[[Tensor], Iterator[Tensor]]
"""A picture (3, H, W) to its planes (H, W), float64, on the scale where 1 is the data range."""


def check_pair(restored: Tensor, gt: Tensor, min_side: int = 1) -> None:
    """Refuse what no full-reference metric can compare.

    Args:
        restored: (B, 3, H, W), floating point, sRGB in [0, 1].
        gt: The clean pictures, of the same shape.
        min_side: The shortest side, in pixels, that the metric can do with.

    Raises:
        RestobenchError: The two differ in size, a side is too short, or a value is NaN,
            infinite or outside [0, 1].
    """
    check_pictures(restored, "restored", min_side)
    check_pictures(gt, "clean", min_side)
    if restored.shape != gt.shape:
        raise RestobenchError(
            f"The restored picture is {_size(restored)} and the clean one {_size(gt)}; "
            "they must be of one size, for pictures are never resized before they are compared."
        )


def check_pictures(pictures: Tensor, role: str, min_side: int = 1) -> None:
    """Refuse what is no batch of pictures; `role` names it in the error. Otherwise as `check_pair`."""
    if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.numel() == 0 or not pictures.is_floating_point():
        raise RestobenchError(
            f"A metric wants a floating-point batch (B, 3, H, W); the {role} one is "
            f"{str(pictures.dtype).removeprefix('torch.')} of shape {tuple(pictures.shape)}."
        )
    if min(pictures.shape[-2:]) < min_side:
        raise RestobenchError(
            f"The {role} picture is {_size(pictures)}; this metric needs sides of at least {min_side} pixels."
        )
    low, high = (bound.item() for bound in pictures.aminmax())
    # Written so that NaN, which compares with nothing, is refused too.
    if not (low >= 0 and high <= 1):
        raise RestobenchError(
            f"The {role} picture has values from {low:g} to {high:g}; a metric wants finite ones in [0, 1]."
        )


def _size(pictures: Tensor) -> str:
    return f"{pictures.shape[-1]} x {pictures.shape[-2]}"


def rgb(picture: Tensor) -> Iterator[Tensor]:
    """Red, green and blue as they are."""
    for plane in picture.unbind():
        yield plane.double()


def luma_matlab(picture: Tensor) -> Iterator[Tensor]:
    """BT.601 luma of MATLAB's `rgb2ycbcr`, not rounded: (16 + 65.481 R + 128.553 G + 24.966 B) / 255.

    White is 235 / 255 and black 16 / 255, so errors are 219/255 of those of `luma_yiq`.
    """
    red, green, blue = picture.unbind()
    yield (16 + 65.481 * red.double() + 128.553 * green.double() + 24.966 * blue.double()) / 255


def luma_yiq(picture: Tensor) -> Iterator[Tensor]:
    """The Y of YIQ, not rounded: 0.299 R + 0.587 G + 0.114 B; what pyiqa takes for luma."""
    red, green, blue = picture.unbind()
    yield 0.299 * red.double() + 0.587 * green.double() + 0.114 * blue.double()


def matched(restored: Tensor, gt: Tensor) -> Tensor:
    """A plane (H, W) with the mean and the (population) standard deviation of another; neither clipped nor rounded.

    Raises:
        RestobenchError: It is flat, and no factor gives it a deviation.
    """
    deviation = restored.std(correction=0)
    if deviation == 0:
        raise RestobenchError("A channel of the restored picture is flat, and cannot be matched to the clean one's.")
    return (restored - restored.mean()) / deviation * gt.std(correction=0) + gt.mean()


def over_planes(planes: Planes, measure: Callable[[Tensor, Tensor], Tensor], restored: Tensor, gt: Tensor) -> Tensor:
    """The mean of `measure` over each pair's planes: (B, 3, H, W) twice -> (B,), float64.

    One plane of one picture at a time: the batch's size moves neither the value nor the memory.
    """
    return torch.stack(
        [
            torch.stack([measure(x, y) for x, y in zip(planes(one), planes(other), strict=True)]).mean()
            for one, other in zip(restored, gt, strict=True)
        ]
    )

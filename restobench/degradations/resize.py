"""Resizing in degradations: by a random mode without antialiasing, and MATLAB's antialiased bicubic."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from restobench.errors import RestobenchError

ResizeMode = Literal["area", "bilinear", "bicubic"]
RESIZE_MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)
"""In the order in which one is drawn."""


def resized(pictures: Tensor, mode: ResizeMode, *, scale: float = 1.0, size: tuple[int, int] | None = None) -> Tensor:
    """(B, C, H, W) by a scale or to a size, without antialiasing: bicubic overshoots and nothing is clamped.

    Args:
        pictures: (B, C, H, W), floating point.
        mode: `area` is the mean over the pixels that an output pixel covers.
        scale: Sides become floor(side * scale). Positions follow from the scale itself, not
            from the rounded size, so the picture's far borders may be a fraction of a pixel off.
        size: (height, width) instead; positions then follow from the sizes.

    Raises:
        RestobenchError: A side would have no pixel left.
    """
    height, width = size or (math.floor(pictures.shape[-2] * scale), math.floor(pictures.shape[-1] * scale))
    if min(height, width) < 1:
        raise RestobenchError(
            f"A picture of {pictures.shape[-1]} x {pictures.shape[-2]} cannot be resized to {width} x {height}."
        )
    corners = None if mode == "area" else False
    if size is not None:
        return F.interpolate(pictures, size=size, mode=mode, align_corners=corners)
    return F.interpolate(pictures, scale_factor=scale, mode=mode, align_corners=corners)


def resized_antialiased(pictures: Tensor, scale: float) -> Tensor:
    """MATLAB's `imresize`, bicubic (a = -0.5): widened by 1/scale when shrinking, so that nothing aliases.

    The classical super-resolution sets are made with it. Sides become ceil(side * scale).
    Output j samples the input at u = (j + 0.5)/scale - 0.5 with weights K(s (u - n)),
    s = min(scale, 1), divided by their sum; beyond the border the picture is mirrored, the edge
    pixel repeated. Rows first, then columns.

    Args:
        pictures: (B, C, H, W), floating point.
        scale: Above 0.

    Returns:
        (B, C, ceil(H scale), ceil(W scale)), neither clamped nor rounded.

    Raises:
        RestobenchError: The scale is not above 0.
    """
    if not scale > 0:
        raise RestobenchError(f"A picture is resized by a scale above 0, not by {scale:g}.")
    return _along(_along(pictures, scale, dim=2), scale, dim=3)


def _along(pictures: Tensor, scale: float, dim: int) -> Tensor:
    """One dimension of (B, C, H, W), tap by tap: no copy is larger than the result."""
    weights, sources = _taps(pictures.shape[dim], scale)
    weights, sources = weights.to(pictures), sources.to(pictures.device)
    shape = [1, 1, 1, 1]
    shape[dim] = -1
    result = torch.zeros((), dtype=pictures.dtype, device=pictures.device)
    for weight, source in zip(weights, sources, strict=True):
        result = result + weight.view(shape) * pictures.index_select(dim, source)
    return result


def _taps(length: int, scale: float) -> tuple[Tensor, Tensor]:
    """Weights, float64, and the input positions they belong to; both (taps, output length)."""
    shrink = min(scale, 1.0)
    support = 4 / shrink
    centres = (torch.arange(math.ceil(length * scale), dtype=torch.float64) + 0.5) / scale - 0.5
    first = (centres - support / 2).floor()
    positions = first + torch.arange(math.ceil(support) + 2, dtype=torch.float64)[:, None]
    weights = _cubic(shrink * (centres - positions))
    # Mirrored with the edge repeated: 0 1 2 | 2 1 0 | 0 1 2, of period 2 length.
    wrapped = positions.long() % (2 * length)
    return weights / weights.sum(dim=0), torch.where(wrapped < length, wrapped, 2 * length - 1 - wrapped)


def _cubic(x: Tensor) -> Tensor:
    """Keys' kernel of a = -0.5."""
    x = x.abs()
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, inner, torch.where(x <= 2, outer, 0.0))

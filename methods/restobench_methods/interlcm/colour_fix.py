"""Colours of the restored picture taken from the low-quality one, whose colours are right.

Both pictures are (B, 3, H, W) in about [-1, 1] and are not clamped before.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 5


def wavelet(restored: Tensor, lq: Tensor) -> Tensor:
    """The fine parts of the restored picture on the coarse part of the low-quality one."""
    fine, _ = split_frequencies(restored)
    _, coarse = split_frequencies(lq)
    return fine + coarse


def split_frequencies(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The fine parts of five levels together, and the coarse rest; their sum is the picture."""
    fine, coarse = torch.zeros_like(picture), picture
    for level in range(LEVELS):
        blurred = _blur(coarse, 2**level)
        fine = fine + (coarse - blurred)
        coarse = blurred
    return fine, coarse


def _blur(picture: Tensor, radius: int) -> Tensor:
    """A binomial kernel of 3 x 3 whose taps lie `radius` apart, edges repeated; per channel."""
    row = torch.tensor([0.25, 0.5, 0.25], dtype=picture.dtype, device=picture.device)
    channels = picture.shape[1]
    kernel = torch.outer(row, row).expand(channels, 1, 3, 3)
    padded = F.pad(picture, [radius] * 4, mode="replicate")
    return F.conv2d(padded, kernel, groups=channels, dilation=radius)


def adain(restored: Tensor, lq: Tensor) -> Tensor:
    """Mean and deviation of each channel as in the low-quality picture (arXiv:1703.06868)."""
    mean, deviation = _moments(restored)
    wanted_mean, wanted_deviation = _moments(lq)
    return (restored - mean) / deviation * wanted_deviation + wanted_mean


def _moments(picture: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(picture, dim=(2, 3), keepdim=True)
    return mean, (variance + 1e-5).sqrt()


def none(restored: Tensor, lq: Tensor) -> Tensor:
    """The restored picture as it is: what fills holes or invents colours must not take those of the input."""
    return restored


COLOUR_FIXES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"wavelet": wavelet, "adain": adain, "none": none}
"""By the name that the setting has."""

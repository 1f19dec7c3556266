"""A picture's binary frequency features: what the contrastive term compares.

Grey, Fourier transform, binarised, the centre, overlapping blocks, unit vectors: the steps
are the paper's, their constants ours (`configuration.Frequency`). All of it is float32, also
under autocast. The Fourier transform is not shifted, so that the centre of the array holds
the high frequencies: the middle and high band that the paper wants, and what FCL-GAN takes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from restobench.errors import RestobenchError
from restobench_methods.ufrgan.configuration import Frequency

_LUMA = (0.299, 0.587, 0.114)


class Stages(NamedTuple):
    """Everything on the way; b x b blocks, K of them, of n frequencies, T thresholds."""

    grey: Tensor
    """(B, H, W)."""
    spectrum: Tensor
    """(B, H, W): magnitudes |F| of the orthonormal transform, 0 first."""
    log_magnitude: Tensor
    """(B, H, W): about ln(level |F|), and 0 where that is 1."""
    crop: Tensor
    """(B, h, w): its centre."""
    bits: Tensor
    """(B, T, h, w) in [0, 1]: above the threshold or not."""
    features: Tensor
    """(B, K, 2 T n), of unit length: of each threshold the bits and what they lack to 1."""


def grey(pictures: Tensor) -> Tensor:
    """BT.601 luma, (B, 3, H, W) -> (B, H, W), float32."""
    pictures = pictures.float()
    return (pictures * pictures.new_tensor(_LUMA)[:, None, None]).sum(dim=1)


def frequency_features(pictures: Tensor, told: Frequency) -> Tensor:
    """(B, 3, H, W) -> (B, K, 2 T n), as `frequency_stages` makes them."""
    return frequency_stages(pictures, told).features


def frequency_stages(pictures: Tensor, told: Frequency) -> Stages:
    """Every step from pictures (B, 3, H, W) in [0, 1] to their features.

    K is 49, 7 x 7 blocks, where the sides are multiples of 16 and nothing else is told.

    Raises:
        RestobenchError: The sides are too short for a block, or cells do not divide it.
    """
    luma = grey(pictures)
    spectrum = torch.fft.fft2(_windowed(luma, told.window), norm="ortho")
    power = spectrum.real.square() + spectrum.imag.square()
    log_magnitude = 0.5 * ((power * told.level**2 + told.eps) / (1 + told.eps)).log()
    crop = _centre(torch.fft.fftshift(log_magnitude, dim=(1, 2)) if told.shift else log_magnitude, told.crop_divisor)
    bits = _bits(crop, told)
    return Stages(luma, power.sqrt(), log_magnitude, crop, bits, _block_vectors(bits, told))


def above(threshold: float, eps: float) -> float:
    """The log magnitude where level |F| is the threshold."""
    return 0.5 * math.log((threshold**2 + eps) / (1 + eps))


def _windowed(luma: Tensor, window: str) -> Tensor:
    """Without its mean, under periodic Hann windows of unit root mean square; or as it is."""
    if window == "none":
        return luma
    rows, columns = (torch.hann_window(side, periodic=True, device=luma.device) for side in luma.shape[1:])
    hann = rows[:, None] * columns
    return (luma - luma.mean(dim=(1, 2), keepdim=True)) * (hann / hann.square().mean().sqrt())


def _centre(x: Tensor, divisor: int) -> Tensor:
    """The central 1 / divisor of each side: of H rows H // divisor, from H (divisor - 1) // (2 divisor) on."""
    for dim in (1, 2):
        side = x.shape[dim]
        x = x.narrow(dim, side * (divisor - 1) // (2 * divisor), side // divisor)
    return x


def _bits(crop: Tensor, told: Frequency) -> Tensor:
    """(B, h, w) -> (B, T, h, w)."""
    if told.rule == "fixed":
        thresholds = crop.new_tensor([above(threshold, told.eps) for threshold in told.thresholds])[:, None, None]
    elif told.rule == "mean":
        thresholds = crop.mean(dim=(1, 2))[:, None, None, None]
    else:
        assert told.quantile is not None
        thresholds = crop.flatten(1).quantile(told.quantile, dim=1)[:, None, None, None]
    distance = crop[:, None] - thresholds
    hard = (distance > 0).to(distance.dtype)
    if told.binarise == "hard":
        return hard
    soft = (distance / told.kappa).sigmoid()
    return soft if told.binarise == "soft" else soft + (hard - soft).detach()


def _block_vectors(bits: Tensor, told: Frequency) -> Tensor:
    """(B, T, h, w) -> (B, K, 2 T n), the blocks in reading order."""
    sides = [side // told.block_divisor for side in bits.shape[2:]]
    strides = [max(1, side // told.stride_divisor) for side in bits.shape[2:]]
    if any(side < 1 or side % told.cell for side in sides):
        raise RestobenchError(
            f"Cells of {told.cell} do not divide blocks of {sides[1]} x {sides[0]} frequencies; choose a cell that "
            "divides both sides, or other sides of the pictures."
        )
    blocks = bits.unfold(2, sides[0], strides[0]).unfold(3, sides[1], strides[1])  # (B, T, rows, columns, *sides)
    blocks = blocks.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)  # (B, K, T, *sides)
    if told.cell > 1:
        blocks = blocks.unflatten(4, (-1, told.cell)).unflatten(3, (-1, told.cell)).mean(dim=(4, 6))
    values = blocks.flatten(3)
    return F.normalize(torch.stack([values, 1 - values], dim=3).flatten(2), dim=2)

"""JPEG as a tensor operation: batched, each picture with its own quality, on any device.

What the training of real-world restoration uses in place of an encoder: the loss of JPEG (chroma
at half the resolution, 8 x 8 blocks, quantised cosine coefficients) without its file. Three
things differ from a JPEG library, and are kept because published training had them: the
quantisation tables are scaled but not rounded, the luminance table is transposed, and chroma is
enlarged by repetition. After Shin and Song, "JPEG-resistant adversarial images" (2017).
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from restobench.errors import RestobenchError

# Annex K of the JPEG standard, table K.1.
_ANNEX_K_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE_CORNER = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))

_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))

# At quality 100 the tables vanish; this stands for "no loss" without a division by zero.
_LEAST_FACTOR = 1e-8


def soft_round(x: Tensor) -> Tensor:
    """Rounding with a useful gradient: [x] + (x - [x])^3, at most 1/8 off (Shin and Song, 2017)."""
    nearest = x.round()
    return nearest + (x - nearest) ** 3


def jpeg(pictures: Tensor, quality: Tensor | float, rounding: Callable[[Tensor], Tensor] = torch.round) -> Tensor:
    """Compress and decompress.

    Args:
        pictures: (B, 3, H, W), floating point, sRGB in [0, 1]; any size. Padded with black to
            multiples of 16 and cropped again, as in the published training: where that is needed,
            the black rings into the last block.
        quality: (B,), or one for all; above 0 and at most 100, need not be whole.
        rounding: Of the coefficients. By default to the nearest, halves to even, which has no
            gradient; `soft_round` has one.

    Returns:
        (B, 3, H, W) in [0, 1], not rounded to 8 bits.

    Raises:
        RestobenchError: A quality is outside (0, 100], or the pictures have not three channels.
    """
    batch, channels, height, width = pictures.shape
    if channels != 3:
        raise RestobenchError(f"JPEG is of RGB pictures (B, 3, H, W); these have {channels} channels.")
    factor = _factor(torch.as_tensor(quality).to(pictures).expand(batch))
    whole = F.pad(pictures * 255, (0, -width % 16, 0, -height % 16))

    luma, *chroma = (whole.movedim(1, -1) @ _constant(_TO_YCBCR, pictures).T).unbind(-1)  # (B, H, W) each
    tables = luminance_table(pictures), chrominance_table(pictures)
    luma = _quantised(luma, tables[0], factor, rounding)
    halved = F.avg_pool2d(torch.stack(chroma, 1), 2)
    # Chroma is centred on 0 here: the +128 of JPEG and the -128 before the transform cancel out.
    coarse = torch.stack([_quantised(plane, tables[1], factor, rounding, shift=0) for plane in halved.unbind(1)], 1)
    fine = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    planes = torch.cat([luma.unsqueeze(1), fine], 1).movedim(1, -1)
    rgb = (planes @ _constant(_TO_RGB, pictures).T).movedim(-1, 1)
    return (rgb.clamp(0, 255) / 255)[..., :height, :width]


def luminance_table(like: Tensor) -> Tensor:
    """(8, 8): table K.1, transposed, row = vertical frequency; on the device and of the dtype of `like`."""
    return _constant(_ANNEX_K_LUMINANCE, like).T


def chrominance_table(like: Tensor) -> Tensor:
    """(8, 8): table K.2, which is symmetric."""
    table = torch.full((8, 8), 99.0)
    table[:4, :4] = torch.tensor(_CHROMINANCE_CORNER)
    return table.to(like)


def _factor(quality: Tensor) -> Tensor:
    """(B,), what the tables are multiplied by: 1 at quality 50, 0 at 100."""
    if not bool(((quality > 0) & (quality <= 100)).all()):
        raise RestobenchError(f"A JPEG quality is above 0 and at most 100, not {quality.tolist()}.")
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    return (percent / 100).clamp(min=_LEAST_FACTOR)


def _quantised(
    plane: Tensor, table: Tensor, factor: Tensor, rounding: Callable[[Tensor], Tensor], shift: float = 128
) -> Tensor:
    """(B, H, W) with sides divisible by 8: what the quantisation of its blocks leaves of it."""
    batch, height, width = plane.shape
    cosines = torch.from_numpy(_block_cosines()).to(plane)
    blocks = plane.view(batch, height // 8, 8, width // 8, 8).transpose(2, 3).reshape(batch, -1, 64)
    steps = table.reshape(1, 1, 64) * factor.view(batch, 1, 1)
    coefficients = rounding((blocks - shift) @ cosines.T / steps) * steps
    blocks = coefficients @ cosines + shift
    return blocks.view(batch, height // 8, width // 8, 8, 8).transpose(2, 3).reshape(batch, height, width)


@cache
def _block_cosines() -> NDArray[np.float64]:
    """(64, 64), orthonormal: the two-dimensional cosine transform of a flattened 8 x 8 block."""
    x = np.arange(8.0)
    line = np.cos((2 * x + 1) * x[:, None] * math.pi / 16) / 2
    line[0] /= math.sqrt(2)
    return np.asarray(np.kron(line, line), np.float64)


def _constant(values: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).to(like)

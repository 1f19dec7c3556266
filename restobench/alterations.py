"""What programs do to pictures between restoring and scoring, one step each: crop, save as JPEG, shift, resize.

Functions of a pair of pictures (1, 3, H, W), sRGB in [0, 1], that give such a pair again.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from restobench.image import to_eight_bit, to_tensor

if TYPE_CHECKING:
    from torch import Tensor


class Pair(NamedTuple):
    """A restored and a clean picture, (1, 3, H, W) each."""

    restored: Tensor
    gt: Tensor


def cropped(pair: Pair, border: int) -> Pair:
    """Without so many pixels on each side, as programs for super-resolution do it."""
    if not border:
        return pair
    inside = slice(border, -border)
    return Pair(pair.restored[..., inside, inside], pair.gt[..., inside, inside])


def shifted(pair: Pair) -> Pair:
    """The restored picture one pixel to the right; its first column stands twice."""
    import torch

    return Pair(torch.cat([pair.restored[..., :1], pair.restored[..., :-1]], dim=-1), pair.gt)


def as_jpeg(pair: Pair, quality: int) -> Pair:
    """The restored picture saved by Pillow, chroma at half the size as it does by default."""
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(to_eight_bit(pair.restored[0])).save(file, "JPEG", quality=quality)
    saved = to_tensor(np.array(Image.open(file).convert("RGB")))[None]
    return Pair(saved.to(pair.gt), pair.gt)


def as_rounded_luma(pair: Pair) -> Pair:
    """MATLAB's luma in whole grey levels, three times: its `rgb2ycbcr` of 8-bit pictures gives 8 bits back.

    Three equal channels have the PSNR and the SSIM of one.
    """
    from restobench.metrics.colour import luma_matlab

    return Pair(*((next(luma_matlab(picture[0])) * 255).round().div(255).expand(1, 3, -1, -1) for picture in pair))


def resized(pair: Pair, side: int) -> Pair:
    """Both pictures (1, 3, side, side), antialiased as Pillow's bicubic interpolation is."""
    from torch.nn import functional as F

    both = (F.interpolate(one, (side, side), mode="bicubic", antialias=True, align_corners=False) for one in pair)
    return Pair(*(one.clamp(0, 1) for one in both))

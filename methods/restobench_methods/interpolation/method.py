"""The input as it is, and Pillow's four interpolation kernels on 8-bit pictures.

Pillow computes in fixed point and rounds between its two passes, so these equal
`Image.resize` on the stored picture to the last bit. Torch's plain bicubic has another
kernel (a = -0.75): 0.1 to 0.2 dB apart from this one on photographs enlarged 4x.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restobench.image import to_eight_bit, to_tensor
from restobench.method import Setup
from restobench.noise import Noise


class Input:
    """The degraded picture, unchanged."""

    def __init__(self, setup: Setup) -> None:
        """Has nothing to prepare."""

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> the same."""
        return lq


class Interpolation:
    """Enlarges with one of Pillow's kernels."""

    kernel: Image.Resampling

    def __init__(self, setup: Setup) -> None:
        """Keep the factor; without one the size stays."""
        self.scale = setup.scale or 1

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, scale H, scale W), computed on the CPU in 8 bits."""
        return torch.stack([self._enlarge(picture) for picture in lq]).to(lq.device)

    def _enlarge(self, picture: Tensor) -> Tensor:
        stored = Image.fromarray(to_eight_bit(picture))
        size = (stored.width * self.scale, stored.height * self.scale)
        return to_tensor(np.asarray(stored.resize(size, self.kernel)))


class Nearest(Interpolation):
    """Repeats every pixel."""

    kernel = Image.Resampling.NEAREST


class Bilinear(Interpolation):
    """Triangle kernel."""

    kernel = Image.Resampling.BILINEAR


class Bicubic(Interpolation):
    """Cubic kernel, a = -0.5, as MATLAB's imresize."""

    kernel = Image.Resampling.BICUBIC


class Lanczos(Interpolation):
    """Lanczos kernel of three lobes."""

    kernel = Image.Resampling.LANCZOS

"""The input as it is, and Pillow's four interpolation kernels on 8-bit pictures.

Pillow computes in fixed point and rounds between its two passes, so these equal
`Image.resize` on the stored picture to the last bit. Torch's bicubic has another kernel
(a = -0.75) and gives 0.02 dB less on natural pictures.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

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

    def __init__(self, setup: Setup, kernel: Image.Resampling) -> None:
        """Keep the factor; without one the size stays."""
        self.scale = setup.scale or 1
        self.kernel = kernel

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, scale H, scale W), computed on the CPU in 8 bits."""
        eight_bit = (lq * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        enlarged = np.stack([self._resize(picture) for picture in eight_bit])
        return torch.from_numpy(enlarged).permute(0, 3, 1, 2).to(lq.device).float() / 255

    def _resize(
        self, picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
    ) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        height, width = picture.shape[:2]
        return np.asarray(Image.fromarray(picture).resize((width * self.scale, height * self.scale), self.kernel))


class Nearest(Interpolation):
    """Repeats every pixel."""

    def __init__(self, setup: Setup) -> None:
        """Nearest neighbour."""
        super().__init__(setup, Image.Resampling.NEAREST)


class Bilinear(Interpolation):
    """Triangle kernel."""

    def __init__(self, setup: Setup) -> None:
        """Bilinear."""
        super().__init__(setup, Image.Resampling.BILINEAR)


class Bicubic(Interpolation):
    """Cubic kernel, a = -0.5, as MATLAB's imresize."""

    def __init__(self, setup: Setup) -> None:
        """Bicubic."""
        super().__init__(setup, Image.Resampling.BICUBIC)


class Lanczos(Interpolation):
    """Lanczos kernel of three lobes."""

    def __init__(self, setup: Setup) -> None:
        """Lanczos."""
        super().__init__(setup, Image.Resampling.LANCZOS)

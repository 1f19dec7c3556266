"""Unsharp masking where there is something to sharpen (Real-ESRGAN, appendix; for its clean pictures)."""

import torch
from torch import Tensor

from restobench.degradations.filter import filter2d
from restobench.degradations.kernels import gaussian

_SIZE = 51
# What OpenCV takes for a kernel of this size when no sigma is given.
_SIGMA = 0.3 * ((_SIZE - 1) / 2 - 1) + 0.8


def unsharp_mask(pictures: Tensor, weight: float = 0.5, threshold: float = 10.0) -> Tensor:
    """Add `weight` times what a blur takes away, where that is more than `threshold` grey levels.

    residual = x - blur(x); soft = blur(|residual| > threshold), each channel its own;
    soft clip(x + weight residual) + (1 - soft) x. The blur is Gaussian, 51 x 51, sigma 8.

    Args:
        pictures: (B, C, H, W), floating point, in [0, 1].
        weight: Of the residual.
        threshold: In grey levels of 255.

    Returns:
        (B, C, H, W) in [0, 1].

    Raises:
        RestobenchError: A side is shorter than 26 pixels.
    """
    kernel = torch.from_numpy(gaussian(_SIZE, _SIGMA, _SIGMA))[None]
    residual = pictures - filter2d(pictures, kernel)
    mask = (residual.abs() * 255 > threshold).to(pictures.dtype)
    soft = filter2d(mask, kernel)
    sharp = (pictures + weight * residual).clamp(0, 1)
    return soft * sharp + (1 - soft) * pictures

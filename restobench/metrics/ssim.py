"""Structural similarity (Wang et al., IEEE TIP 2004), in the three colours that papers call by one name."""

import math

import torch
from torch import Tensor

from restobench.metrics.colour import Planes, check_pair, luma_matlab, luma_yiq, matched, over_planes, rgb

_WINDOW = 11
_SIGMA = 1.5
_C1 = 0.01**2
_C2 = 0.03**2
# A picture is worked on in bands of rows that fit a processor's cache; also bounds the memory.
_BAND_PIXELS = 2**14
_BAND_ROWS = 32


def ssim(restored: Tensor, gt: Tensor) -> Tensor:
    """SSIM, the mean of R's, G's and B's; higher is better, at most 1. (B, 3, H, W) twice -> (B,), float64.

    Mean over positions of (2 mx my + C1)(2 cxy + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)),
    moments under a Gaussian of 11 x 11 with sigma 1.5 (population covariances), K 0.01 and
    0.03, only where the whole window lies inside the picture. Nothing is down-sampled
    and negative values stay. Papers differ in the colour (`ssim_y`, `ssim_yiq`); pyiqa's
    `ssimc` clamps negative contrast to zero (up to 1e-3 higher); scikit-image's default
    window is 7 x 7 and uniform (0.015 higher). Equal pictures: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    >>> ssim(1 - gt, gt)
    tensor([-0.8266], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, or as `check_pair` does.
    """
    return _ssim(restored, gt, rgb)


def ssim_y(restored: Tensor, gt: Tensor) -> Tensor:
    """SSIM over MATLAB's luma; higher is better, at most 1. (B, 3, H, W) twice -> (B,), float64.

    `ssim` of Y = 16 + 65.481 R + 128.553 G + 24.966 B with data range 255, not rounded. The
    offset of 16 raises it above `ssim_yiq`; pyiqa's `ssim` rounds the luma and clamps, and
    cannot stand in for it. Pictures of equal luma: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    >>> ssim_y(1 - gt, gt)
    tensor([-0.8193], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, or as `check_pair` does.
    """
    return _ssim(restored, gt, luma_matlab)


def ssim_yiq(restored: Tensor, gt: Tensor) -> Tensor:
    """SSIM over the luma of YIQ; higher is better, at most 1. (B, 3, H, W) twice -> (B,), float64.

    `ssim` of Y = 0.299 R + 0.587 G + 0.114 B, not rounded. pyiqa's default `ssim` is this
    with Y rounded to whole levels and negative contrast clamped. Pictures of equal luma: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    >>> ssim_yiq(1 - gt, gt)
    tensor([-0.8266], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, or as `check_pair` does.
    """
    return _ssim(restored, gt, luma_yiq)


def ssim_matched(restored: Tensor, gt: Tensor) -> Tensor:
    """SSIM over R, G and B after colour matching; higher is better. (B, 3, H, W) twice -> (B,), float64.

    `ssim` of the restored picture whose channels were given the clean one's means and standard
    deviations, neither clipped nor rounded (`matched`): what VQFR's script prints. Equal pictures: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    >>> ssim_matched(0.5 * gt, gt)
    tensor([1.], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, a channel of the restored picture is
            flat, or as `check_pair` does.
    """
    check_pair(restored, gt, min_side=_WINDOW)
    return over_planes(rgb, lambda x, y: _plane_ssim(matched(x, y), y), restored, gt)


def _ssim(restored: Tensor, gt: Tensor, planes: Planes) -> Tensor:
    check_pair(restored, gt, min_side=_WINDOW)
    return over_planes(planes, _plane_ssim, restored, gt)


def _plane_ssim(x: Tensor, y: Tensor) -> Tensor:
    """(H, W) twice -> (): the mean over the valid positions, summed band by band."""
    rows, columns = x.shape[0] - _WINDOW + 1, x.shape[1] - _WINDOW + 1
    height = max(_BAND_ROWS, _BAND_PIXELS // columns)
    total = torch.zeros((), dtype=x.dtype, device=x.device)
    for top in range(0, rows, height):
        band = slice(top, top + height + _WINDOW - 1)
        total += _ssim_map(x[band], y[band]).sum()
    return total / (rows * columns)


def _ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """(H, W) twice -> (H - 10, W - 10)."""
    maps = torch.stack([x, y, x * x, y * y, x * y])
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = _blur(_blur(maps, dim=1), dim=2).unbind()
    product = mean_x * mean_y
    squares = mean_x.square() + mean_y.square()
    covariance = mean_xy - product
    variances = mean_xx + mean_yy - squares
    return (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))


def _blur(maps: Tensor, dim: int) -> Tensor:
    """The Gaussian along one dimension, which becomes 10 shorter.

    Eleven shifted copies added up: `conv2d` has no fast float64 on a CPU and takes twice as long.
    """
    length = maps.shape[dim] - _WINDOW + 1
    weights = [math.exp(-((step - _WINDOW // 2) ** 2) / (2 * _SIGMA**2)) for step in range(_WINDOW)]
    blurred = torch.zeros_like(maps.narrow(dim, 0, length))
    for step, weight in enumerate(weights):
        blurred.add_(maps.narrow(dim, step, length), alpha=weight / sum(weights))
    return blurred

"""Peak signal-to-noise ratio, in the three colours that papers call by one name."""

from torch import Tensor

from restobench.metrics.colour import Planes, check_pair, luma_matlab, luma_yiq, over_planes, rgb


def psnr(restored: Tensor, gt: Tensor) -> Tensor:
    """PSNR over RGB, in dB; higher is better. (B, 3, H, W) twice -> (B,), float64.

    -10 log10(MSE) over all pixels and all three sRGB channels in [0, 1], with no border
    cropped. Papers on super-resolution use `psnr_y` and crop a border; some average the
    channels' PSNRs, or take the PSNR of a data set's pooled error. pyiqa adds 1e-8 to the
    MSE, which caps its value near 80 dB. Equal pictures: inf.

    >>> import torch
    >>> gt = torch.full((1, 3, 16, 16), 0.5)
    >>> psnr(gt + 0.1, gt)
    tensor([20.0000], dtype=torch.float64)

    Raises:
        RestobenchError: As `check_pair` does.
    """
    return _psnr(restored, gt, rgb)


def psnr_y(restored: Tensor, gt: Tensor) -> Tensor:
    """PSNR over MATLAB's luma, in dB; higher is better. (B, 3, H, W) twice -> (B,), float64.

    10 log10(255^2 / MSE) of Y = 16 + 65.481 R + 128.553 G + 24.966 B, not rounded, no border
    cropped. The data range is 255 although Y only spans 219, so it is 1.322 dB above
    `psnr_yiq` on every picture. MATLAB scripts round Y first (0.005 dB lower). Pictures of
    equal luma: inf.

    >>> import torch
    >>> gt = torch.full((1, 3, 16, 16), 0.5)
    >>> psnr_y(gt + 0.1, gt)
    tensor([21.3219], dtype=torch.float64)

    Raises:
        RestobenchError: As `check_pair` does.
    """
    return _psnr(restored, gt, luma_matlab)


def psnr_yiq(restored: Tensor, gt: Tensor) -> Tensor:
    """PSNR over the luma of YIQ, in dB; higher is better. (B, 3, H, W) twice -> (B,), float64.

    -10 log10(MSE) of Y = 0.299 R + 0.587 G + 0.114 B, not rounded, no border cropped: what
    pyiqa calls `psnry`. Papers that say "Y channel" mean `psnr_y` more often: exactly
    20 log10(255/219) = 1.322 dB more. Pictures of equal luma: inf.

    >>> import torch
    >>> gt = torch.full((1, 3, 16, 16), 0.5)
    >>> psnr_yiq(gt + 0.1, gt)
    tensor([20.0000], dtype=torch.float64)

    Raises:
        RestobenchError: As `check_pair` does.
    """
    return _psnr(restored, gt, luma_yiq)


def _psnr(restored: Tensor, gt: Tensor, planes: Planes) -> Tensor:
    check_pair(restored, gt)
    return -10 * over_planes(planes, _mse, restored, gt).log10()


def _mse(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean()

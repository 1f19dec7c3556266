"""Mean squared error, and peak signal-to-noise ratio in the colours that papers call by one name."""

from torch import Tensor

from restobench.metrics.colour import Planes, check_pair, luma_matlab, luma_yiq, matched, over_planes, rgb


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


def psnr_matched(restored: Tensor, gt: Tensor) -> Tensor:
    """PSNR over RGB after colour matching, in dB; higher is better. (B, 3, H, W) twice -> (B,), float64.

    `psnr` of the restored picture whose channels were given the clean one's means and standard
    deviations, neither clipped nor rounded (`matched`): what VQFR's script prints, whose switch
    to leave it out does not work. Above `psnr` where colours drift, below it for blurred
    pictures (bicubic x4 on 32 crops of ImageNet: 22.191 against 22.364 dB). Equal pictures: inf.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    >>> psnr_matched(0.5 * gt.flip(-1), gt)
    tensor([4.2276], dtype=torch.float64)

    Raises:
        RestobenchError: A channel of the restored picture is flat, or as `check_pair` does.
    """
    check_pair(restored, gt)
    return -10 * over_planes(rgb, lambda x, y: _mse(matched(x, y), y), restored, gt).log10()


def mse(restored: Tensor, gt: Tensor) -> Tensor:
    """Mean squared error over RGB in [0, 1]; lower is better. (B, 3, H, W) twice -> (B,), float64.

    Over all pixels and all three sRGB channels, no border cropped. Programs that work on
    [0, 255] print 65025 times as much. Equal pictures: 0.

    >>> import torch
    >>> gt = torch.full((1, 3, 16, 16), 0.5)
    >>> mse(gt + 0.1, gt)
    tensor([0.0100], dtype=torch.float64)

    Raises:
        RestobenchError: As `check_pair` does.
    """
    check_pair(restored, gt)
    return over_planes(rgb, _mse, restored, gt)


def _psnr(restored: Tensor, gt: Tensor, planes: Planes) -> Tensor:
    check_pair(restored, gt)
    return -10 * over_planes(planes, _mse, restored, gt).log10()


def _mse(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean()

"""What the piq library computes (Apache-2.0), every option spelled out so that none is inherited."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import piq
import torch
from torch import Tensor

from restobench.metrics.colour import check_pair
from restobench.metrics.libraries import replaced

MIN_SIDE = 11
"""Below it the filters see more padding than picture; neither paper says what to do there."""
MS_SSIM_MIN_SIDE = 161
"""Its smallest scale is a sixteenth, and the window of 11 must fit there."""
VIF_MIN_SIDE = 41
"""Below it nothing is left of the smallest scale."""


def fsim(restored: Tensor, gt: Tensor) -> Tensor:
    """FSIM with chrominance (FSIMc); higher is better, at most 1. (B, 3, H, W) twice -> (B,), float64.

    Similarity of phase congruency, gradient magnitude and the two chrominances of YIQ,
    weighted by phase congruency (Zhang et al., IEEE TIP 2011). The picture is averaged down
    to a short side of about 256 pixels first. Papers write "FSIM" for this and for the
    variant without chrominance (0.001 to 0.03 higher where we measured). Equal pictures: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    >>> fsim(gt, gt)
    tensor([1.], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, or as `check_pair` does.
    """
    check_pair(restored, gt, MIN_SIDE)
    values = [
        piq.fsim(
            one[None].double(),
            other[None].double(),
            reduction="none",
            data_range=1.0,
            chromatic=True,
            scales=4,
            orientations=4,
            min_length=6,
            mult=2,
            sigma_f=0.55,
            delta_theta=1.2,
            k=2.0,
        )
        for one, other in zip(restored, gt, strict=True)
    ]
    return torch.cat(values)


def gmsd(restored: Tensor, gt: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation; lower is better, 0 is best. (B, 3, H, W) twice -> (B,), float64.

    The standard deviation over positions of (2 gx gy + T) / (gx^2 + gy^2 + T), T = 170 / 255^2,
    g the Prewitt gradient of the luma (Y of YIQ, not rounded) after averaging 2 x 2 (Xue et
    al., IEEE TIP 2014). The authors' program rounds the luma to whole levels (up to 3e-4
    apart). Equal pictures: 0. A difference that is the same everywhere also gives nearly 0.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    >>> gmsd(gt, gt)
    tensor([0.], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 11 pixels, or as `check_pair` does.
    """
    check_pair(restored, gt, MIN_SIDE)
    values = [
        piq.gmsd(one[None].double(), other[None].double(), reduction="none", data_range=1.0, t=170 / 255**2)
        for one, other in zip(restored, gt, strict=True)
    ]
    return torch.cat(values)


def ms_ssim(restored: Tensor, gt: Tensor) -> Tensor:
    """MS-SSIM, the mean of R's, G's and B's; higher is better, at most 1. (B, 3, H, W) twice -> (B,), float64.

    Contrast and structure at five scales, each half the last by averaging 2 x 2, and luminance
    at the smallest, weighted 0.0448, 0.2856, 0.3001, 0.2363, 0.1333 (Wang et al., Asilomar
    2003); Gaussian 11 x 11, sigma 1.5. Negative contrasts count as 0. The authors' program takes
    grey pictures, and so does pyiqa: on five distorted colour pictures theirs was 0.001 to 0.05
    higher. Equal pictures: 1.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 176).expand(1, 3, 176, 176)
    >>> ms_ssim(gt, gt)
    tensor([1.], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 161 pixels, or as `check_pair` does.
    """
    check_pair(restored, gt, MS_SSIM_MIN_SIDE)
    weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], dtype=torch.float64).to(gt.device)
    with _filters_of_few_bytes("piq.ssim"):
        values = [
            piq.multi_scale_ssim(
                one[None].double(),
                other[None].double(),
                kernel_size=11,
                kernel_sigma=1.5,
                data_range=1.0,
                reduction="none",
                scale_weights=weights,
                k1=0.01,
                k2=0.03,
            )
            for one, other in zip(restored, gt, strict=True)
        ]
    return torch.cat(values)


def vif(restored: Tensor, gt: Tensor) -> Tensor:
    """VIF in the pixel domain (VIFp); higher is better. (B, 3, H, W) twice -> (B,), float64.

    Information that the restored picture keeps of the clean one's, over what the clean one
    holds, at four scales (Sheikh and Bovik, IEEE TIP 2006; the authors' faster variant); luma
    (Y of YIQ, not rounded), noise variance 2. The paper's own numbers, and pyiqa's `vif`, are of
    the wavelet variant: 0.003 to 0.05 apart on five distorted pictures. Above 1 where contrast
    is higher than the clean picture's. Equal pictures: 1, but for the rounding of its guards.

    >>> import torch
    >>> gt = torch.linspace(0, 1, 48).expand(1, 3, 48, 48)
    >>> vif(gt, gt)
    tensor([1.0000], dtype=torch.float64)

    Raises:
        RestobenchError: A side is shorter than 41 pixels, or as `check_pair` does.
    """
    check_pair(restored, gt, VIF_MIN_SIDE)
    with _filters_of_few_bytes("piq.vif"):
        values = [
            piq.vif_p(one[None].double(), other[None].double(), sigma_n_sq=2.0, data_range=1.0, reduction="none")
            for one, other in zip(restored, gt, strict=True)
        ]
    return torch.cat(values)


@contextmanager
def _filters_of_few_bytes(module: str) -> Iterator[None]:
    """A module of piq filters by `_filtered`: `conv2d` in float64 writes down the window of every position.

    Of 4096 x 4096 pixels that is 16 GB for MS-SSIM and 39 GB for VIF, on a CPU.
    """
    # By its name: the package has functions that are called like its modules.
    with replaced(import_module(module), "F", SimpleNamespace(conv2d=_filtered)):
        yield


def _filtered(x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
    """`conv2d` of each channel with one Gaussian, (1 or C, 1, k, k), valid positions: two passes of shifted sums."""
    assert (stride, padding) == (1, 0)
    assert groups == x.shape[1]
    line = weight[0, 0].sum(dim=0).tolist()  # the Gaussian is its two marginals' product, and sums to 1
    for dim in (2, 3):
        length = x.shape[dim] - len(line) + 1
        total = line[0] * x.narrow(dim, 0, length)
        for shift, factor in enumerate(line[1:], start=1):
            total.add_(x.narrow(dim, shift, length), alpha=factor)
        x = total
    return x

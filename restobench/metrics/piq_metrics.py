"""What the piq library computes (Apache-2.0), every option spelled out so that none is inherited."""

import piq
import torch
from torch import Tensor

from restobench.metrics.colour import check_pair

MIN_SIDE = 11
"""Below it the filters see more padding than picture; neither paper says what to do there."""


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

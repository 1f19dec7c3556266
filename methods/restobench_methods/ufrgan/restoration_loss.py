"""L_theta, how far a picture is from another: five terms (the paper's), their weights ours.

It holds a cycle's end to its beginning, and a picture that is of the right domain already to
what the generator makes of it. All of it is float32, also under autocast.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench_methods.ufrgan.configuration import Restoration
from restobench_methods.ufrgan.vgg19 import Perceptual

_WINDOW = 11
_SIGMA = 1.5
_C1 = 0.01**2
_C2 = 0.03**2


class RestorationLoss(nn.Module):
    """The weighted sum of l1, mse, perceptual, edge and ssim."""

    def __init__(self, weights: Restoration, vgg19: Path | None) -> None:
        """Build it; `vgg19` is torchvision's file of VGG19, and None leaves the perceptual term out.

        Raises:
            RestobenchError: The file is no VGG19.
        """
        super().__init__()
        self.weights = weights
        self.perceptual = Perceptual.of_file(vgg19) if vgg19 and weights.perceptual else None

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, 3, H, W) twice, sRGB about [0, 1], sides of at least 11 pixels -> a scalar; 0 for equal pictures."""
        told = self.weights.model_dump()
        return torch.stack([told[name] * value for name, value in self.terms(x, y).items()]).sum()

    def terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The terms by name, without their weights; scalars. Those that weigh nothing are left out."""
        kinds = {
            "l1": F.l1_loss,
            "mse": F.mse_loss,
            "perceptual": self.perceptual,
            "edge": edge,
            "ssim": one_minus_ssim,
        }
        told = self.weights.model_dump()
        with torch.autocast(x.device.type, enabled=False):
            x, y = x.float(), y.float()
            return {name: kind(x, y) for name, kind in kinds.items() if kind is not None and told[name]}


def edge(x: Tensor, y: Tensor) -> Tensor:
    """Half the mean absolute difference of the horizontal Sobel gradients, plus half that of the vertical ones.

    Per channel, the kernels divided by 8, the border repeated. Being linear, they are taken of x - y.
    """
    difference = F.pad(x - y, (1, 1, 1, 1), mode="replicate")
    channels = x.shape[1]
    across = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    kernels = torch.stack([across, across.T])[:, None].repeat(channels, 1, 1, 1)
    return F.conv2d(difference, kernels, groups=channels).abs().mean()


def one_minus_ssim(x: Tensor, y: Tensor) -> Tensor:
    """1 - SSIM (Wang et al., 2004), over every channel.

    Gaussian window of 11 x 11 with sigma 1.5, only where it lies inside the picture,
    population covariances, data range 1. The metric `ssim` of the harness, with a gradient.
    """
    weights = [math.exp(-((step - _WINDOW // 2) ** 2) / (2 * _SIGMA**2)) for step in range(_WINDOW)]
    kernel = x.new_tensor(weights) / sum(weights)
    maps = torch.cat([x, y, x * x, y * y, x * y]).flatten(0, 1)[:, None]
    maps = F.conv2d(F.conv2d(maps, kernel[:, None].expand(1, 1, -1, 1)), kernel.expand(1, 1, 1, -1))
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = maps.unflatten(0, (5, -1)).unbind()
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    covariance, variances = mean_xy - product, mean_xx + mean_yy - squares
    ssim: Tensor = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return 1 - ssim.mean()

"""LPIPS, computed with the networks of the lpips package (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from typing import Any

import lpips
import torch
from torch import Tensor

from restobench.lpips_network import Trunk, empty_network, with_weights
from restobench.metrics.colour import check_pair
from restobench.metrics.precision import placed
from restobench.metrics.registry import MetricSetup

MIN_SIDES: dict[Trunk, int] = {"alex": 31, "vgg": 16}
"""Below it nothing is left of the picture at the trunk's last layer."""
_VALUES_A_BAND = 2**24


class Lpips:
    """LPIPS v0.1; lower is better, 0 for equal pictures.

    A trunk trained to classify ImageNet (AlexNet or VGG16) sees both pictures in [-1, 1]. At five
    of its layers the features are scaled to length 1 at each position, subtracted and squared,
    weighted by channel (linear layers that were fitted to people's judgements, and lie in the
    lpips package), summed over channels, averaged over positions, and added up.

    Papers differ in the trunk and seldom name it: faces are mostly measured with VGG, and pyiqa's
    `lpips` is AlexNet's. The two are no multiples of each other.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Raises RestobenchError where the file is not the trunk's."""
        trunk: Trunk = "vgg" if setup.options["trunk"] == "vgg" else "alex"
        self._min_side = MIN_SIDES[trunk]
        self._network = placed(with_weights(empty_network(trunk), trunk, setup.weights["trunk"]), setup.device)

    def __call__(self, restored: Tensor, gt: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,), float64.

        Raises:
            RestobenchError: A side is too short, or as `check_pair` does.
        """
        check_pair(restored, gt, self._min_side)
        return distance(self._network, restored, gt)


def distance(network: Any, restored: Tensor, gt: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1] -> (B,), float64.

    What the package's `forward` computes, a slice at a time and compared in bands of rows: so the
    features of one slice alone are in memory, and none of them twice (VGG: 0.8 GB a megapixel).
    """
    x, y = (network.scaling_layer(2 * pictures - 1) for pictures in (restored, gt))
    total = torch.zeros(len(restored), dtype=torch.float64, device=restored.device)
    for number, linear in enumerate(network.lins, start=1):
        piece = getattr(network.net, f"slice{number}")
        x, y = piece(x), piece(y)
        batch, channels, height, width = x.shape
        rows = max(1, _VALUES_A_BAND // (batch * channels * width))
        for one, other in zip(x.split(rows, dim=2), y.split(rows, dim=2), strict=True):
            difference = lpips.normalize_tensor(one).sub_(lpips.normalize_tensor(other)).square_()
            total += linear.model(difference).double().sum(dim=(1, 2, 3)) / (height * width)
    return total

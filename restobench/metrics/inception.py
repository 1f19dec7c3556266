"""The Inception v3 whose features FID and KID compare, as TensorFlow's release of 2015-12-05 is ported to PyTorch.

torchvision's network (Szegedy et al., CVPR 2016) with 1008 classes and three differences:
average pools leave padding out of the count, and the last block pools by maximum. Module
names are torchvision's, so that `pt_inception-2015-12-05` loads with every key of both. The
same as pytorch-fid's; torch-fidelity's has the same weights and TensorFlow's own resize.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import inception_v3
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

SIDE = 299
DIMENSIONS = 2048


def _mean_of_what_is_there(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


def _largest(x: Tensor) -> Tensor:
    return F.max_pool2d(x, kernel_size=3, stride=1, padding=1)


class FidInceptionA(InceptionA):  # type: ignore[misc]  # torchvision has no types
    """35 x 35: branches of 1 x 1, 5 x 5 and two 3 x 3, and the pool's."""

    def _forward(self, x: Tensor) -> list[Tensor]:
        return [
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(_mean_of_what_is_there(x)),
        ]


class FidInceptionC(InceptionC):  # type: ignore[misc]  # torchvision has no types
    """17 x 17: branches of 1 x 1 and of factorised 7 x 7, one and two, and the pool's."""

    def _forward(self, x: Tensor) -> list[Tensor]:
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        return [
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(_mean_of_what_is_there(x)),
        ]


class FidInceptionE(InceptionE):  # type: ignore[misc]  # torchvision has no types
    """8 x 8: branches of 1 x 1 and of 3 x 3 that fork, and the pool's."""

    def __init__(self, channels: int, pool: Callable[[Tensor], Tensor]) -> None:
        """`pool` is the mean, in the last block the maximum."""
        super().__init__(channels)
        self._pool = pool

    def _forward(self, x: Tensor) -> list[Tensor]:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return [
            self.branch1x1(x),
            torch.cat([self.branch3x3_2a(single), self.branch3x3_2b(single)], 1),
            torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1),
            self.branch_pool(self._pool(x)),
        ]


class FidInception(nn.Module):
    """(N, 3, H, W), sRGB in [0, 1] -> (N, 2048): the pooled features of the last block.

    The picture is resized to 299 x 299 inside (bilinear, align_corners=False, not antialiased) and
    taken to [-1, 1].
    """

    def __init__(self) -> None:
        """`classifier` is the network that the released weights are of."""
        super().__init__()
        network: nn.Module = inception_v3(
            weights=None, num_classes=1008, aux_logits=False, transform_input=False, init_weights=False
        )
        network.Mixed_5b = FidInceptionA(192, pool_features=32)
        network.Mixed_5c = FidInceptionA(256, pool_features=64)
        network.Mixed_5d = FidInceptionA(288, pool_features=64)
        network.Mixed_6b = FidInceptionC(768, channels_7x7=128)
        network.Mixed_6c = FidInceptionC(768, channels_7x7=160)
        network.Mixed_6d = FidInceptionC(768, channels_7x7=160)
        network.Mixed_6e = FidInceptionC(768, channels_7x7=192)
        network.Mixed_7b = FidInceptionE(1280, _mean_of_what_is_there)
        network.Mixed_7c = FidInceptionE(2048, _largest)
        self.classifier = network

    def forward(self, pictures: Tensor) -> Tensor:
        """The features; the classifier's own last layer is not used."""
        x = 2 * F.interpolate(pictures, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1
        for name, layer in self.classifier.named_children():
            x = layer(x)
            if name == "avgpool":
                break
        return x.flatten(1)

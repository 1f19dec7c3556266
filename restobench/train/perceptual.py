"""LPIPS as a loss."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from restobench.lpips_network import empty_network, with_weights


class PerceptualLoss(nn.Module):
    """LPIPS v0.1 with VGG16 (Zhang et al., CVPR 2018), with gradients to both pictures; its weights stand still."""

    def __init__(self, trunk: Path) -> None:
        """Build it without a download.

        Args:
            trunk: torchvision's `vgg16-397923af.pth`.

        Raises:
            RestobenchError: The file is no VGG16.
        """
        super().__init__()
        self.lpips = with_weights(empty_network("vgg"), "vgg", trunk)

    def forward(self, restored: Tensor, gt: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [-1, 1] -> (B,); lower is nearer."""
        distance: Tensor = self.lpips(restored, gt)
        return distance.flatten()

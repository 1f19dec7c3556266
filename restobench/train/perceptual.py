"""LPIPS as a loss, from files: the package's own linear layers, and a VGG trunk that the user names."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import lpips
from torch import Tensor, nn

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError


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
        with warnings.catch_warnings():
            # lpips 0.1.4 calls torchvision by parameters that this calls old.
            warnings.simplefilter("ignore")
            # `pnet_rand` keeps it from a download of the trunk; the linear layers are in the package.
            self.lpips: Any = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False, eval_mode=True)
        features = {name: tensor for name, tensor in read_checkpoint(trunk).items() if name.startswith("features.")}
        slices = [getattr(self.lpips.net, f"slice{number}") for number in range(1, 6)]
        layers = {f"features.{name}": layer for part in slices for name, layer in part.named_children()}
        wanted = {f"{name}.{key}" for name, layer in layers.items() for key in layer.state_dict()}
        if missing := sorted(wanted - features.keys()):
            raise RestobenchError(f"{trunk} is no VGG16 of torchvision: it has no {missing[0]}.")
        for name, layer in layers.items():
            layer.load_state_dict({key: features[f"{name}.{key}"] for key in layer.state_dict()})
        self.requires_grad_(False)

    def forward(self, restored: Tensor, gt: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [-1, 1] -> (B,); lower is nearer."""
        distance: Tensor = self.lpips(restored, gt)
        return distance.flatten()

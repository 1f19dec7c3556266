"""The perceptual term: how differently VGG19 (Simonyan and Zisserman, 2015) sees two pictures."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError

FILE = "vgg19-dcbb9e9d.pth"
"""What torchvision calls its weights, trained on ImageNet."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_OUTPUTS = (8, 15)
"""After relu2_2 and relu3_3."""


class Perceptual(nn.Module):
    """L1 between the activations after relu2_2 and relu3_3, the mean of the two; its weights stand still."""

    def __init__(self) -> None:
        """With weights as PyTorch makes them."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, convolutions in ((64, 2), (128, 2), (256, 3)):
            if layers:
                layers.append(nn.MaxPool2d(2))
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        """The first 16 layers, under the names that torchvision has for them."""
        self.requires_grad_(False)

    @classmethod
    def of_file(cls, path: Path) -> Perceptual:
        """With the weights of torchvision's file.

        Raises:
            RestobenchError: The file cannot be read, or is no VGG19.
        """
        perceptual = cls()
        content = read_checkpoint(path)
        state = {name: content.get(f"features.{name}") for name in perceptual.features.state_dict()}
        try:
            perceptual.features.load_state_dict(state)
        except (RuntimeError, AttributeError):
            raise RestobenchError(
                f'{path} is no VGG19 of torchvision; give {FILE}, or leave the term out: perceptual = "none".'
            ) from None
        return perceptual

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, 3, H, W) twice, sRGB in [0, 1] -> a scalar."""
        of_x, of_y = self._activations(x), self._activations(y)
        return torch.stack([F.l1_loss(one, other) for one, other in zip(of_x, of_y, strict=True)]).mean()

    def _activations(self, pictures: Tensor) -> list[Tensor]:
        mean, std = (pictures.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
        found, x = [], (pictures - mean) / std
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in _OUTPUTS:
                found.append(x)
        return found


def find_vgg19() -> Path | None:
    """Torchvision's file where torchvision puts it; None where it is not there. Nothing is downloaded."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / FILE
    return path if path.is_file() else None

"""From a picture to a restored one, around a network of Restormer's shape: padding, tiles, precision.

What the released test programs do. UFR-GAN's generators go through it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench.noise import Noise
from restobench.tiling import check_tiles, restore_in_tiles

AnyModule = TypeVar("AnyModule", bound=nn.Module)

MULTIPLE = 8
"""Sides that the networks take: their size is halved three times."""


def pad(picture: Tensor) -> Tensor:
    """Mirror the picture downwards and to the right until its sides are multiples of 8.

    The edge itself is not repeated. A reflection needs more pixels than it adds: where a side is
    too short for its own, the last row and column are repeated instead, on both sides alike.
    """
    height, width = picture.shape[-2:]
    below, right = -height % MULTIPLE, -width % MULTIPLE
    if not below and not right:
        return picture
    fits = below < height and right < width
    return F.pad(picture, (0, right, 0, below), mode="reflect" if fits else "replicate")


def ready(network: AnyModule, device: torch.device, dtype: torch.dtype) -> AnyModule:
    """The network for inference on a device, under autocast where `dtype` is not float32.

    Autocast would round the weights of convolutions at every call; they are rounded once here,
    to the same numbers. On the CPU channels lie last, which saves a tenth of the time.
    """
    if device.type == "cpu":
        network.to(memory_format=torch.channels_last)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.to(dtype)
    return network.eval().requires_grad_(False).to(device)


@dataclass(frozen=True)
class Inference:
    """A network that is `ready`, and how it is given pictures."""

    network: nn.Module
    tile: int = 0
    """Side of a tile in pixels; 0 restores a picture whole."""
    overlap: int = 0
    dtype: torch.dtype = torch.float32
    """Other than float32: the network runs under autocast to it."""

    def __post_init__(self) -> None:
        """Refuse tiles that the network cannot take."""
        check_tiles(self.tile, self.overlap)
        if self.tile % MULTIPLE:
            raise RestobenchError(
                f"A tile of {self.tile} pixels is no multiple of {MULTIPLE}; "
                f"take {max(1, round(self.tile / MULTIPLE)) * MULTIPLE}."
            )

    def restore(self, lq: Tensor, noise: Noise) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W), float32, not clamped.

        The padded picture is cut into tiles, so that the last ones begin where the released
        programs have them.
        """
        height, width = lq.shape[-2:]
        padded = restore_in_tiles(self._run, pad(lq), noise, tile=self.tile, overlap=self.overlap, scale=1)
        return padded[..., :height, :width]

    def _run(self, picture: Tensor, noise: Noise) -> Tensor:
        autocast = torch.autocast(picture.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)
        with autocast:
            restored: Tensor = self.network(picture)
        return restored.float()

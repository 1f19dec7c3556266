"""What ResShift's U-Net and autoencoder are built of, but for the Swin layers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def step_embedding(steps: Tensor, dim: int) -> Tensor:
    """Sines and cosines of a step number, (B,) -> (B, dim), float32: cosines first, 0 at the end of an odd `dim`."""
    half = dim // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=steps.device) / half)
    angles = steps.float()[:, None] * frequencies
    embedding = torch.cat([angles.cos(), angles.sin()], dim=1)
    return F.pad(embedding, (0, dim % 2))


class GroupNorm(nn.GroupNorm):
    """32 groups, computed in float32 whatever the input is. (B, C, H, W) -> the same, in the input's dtype."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        """Normalise `channels`, a multiple of 32."""
        super().__init__(32, channels, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return super().forward(x.float()).to(x.dtype)


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is carried; the step's embedding scales and shifts between them.

    (B, C, H, W) and (B, E) -> (B, C', H, W).
    """

    def __init__(
        self, in_channels: int, out_channels: int, embedding_channels: int, *, scale_shift: bool, dropout: float
    ) -> None:
        """Without `scale_shift` the embedding is added instead."""
        super().__init__()
        self.scale_shift = scale_shift
        self.in_layers = nn.Sequential(
            GroupNorm(in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(embedding_channels, 2 * out_channels if scale_shift else out_channels)
        )
        last = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.out_layers = nn.Sequential(GroupNorm(out_channels), nn.SiLU(), nn.Dropout(dropout), last)
        self.skip_connection = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Add to `x` (or its projection) what the two convolutions make of it."""
        hidden = self.in_layers(x)
        told = self.emb_layers(embedding).to(hidden.dtype)[..., None, None]
        if self.scale_shift:
            scale, shift = told.chunk(2, dim=1)
            hidden = self.out_layers[1:](self.out_layers[0](hidden) * (1 + scale) + shift)
        else:
            hidden = self.out_layers(hidden + told)
        added: Tensor = self.skip_connection(x) + hidden
        return added


class Downsample(nn.Module):
    """Half the size by a strided convolution. (B, C, H, W) -> (B, C', H/2, W/2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Pads by one on every side, so that an odd side is rounded up."""
        super().__init__()
        self.op = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve."""
        halved: Tensor = self.op(x)
        return halved


class Upsample(nn.Module):
    """Twice the size by repeating pixels, then a convolution. (B, C, H, W) -> (B, C, 2 H, 2 W)."""

    def __init__(self, channels: int) -> None:
        """Keeps the channels."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Double."""
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return doubled

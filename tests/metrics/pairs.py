"""Pairs of pictures to measure."""

import torch
from torch import Tensor


def a_pair(
    batch: int = 2, height: int = 37, width: int = 53, *, noise: float = 0.1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Restored and clean, (B, 3, H, W) each: random, 8-bit values, the first with noise on the second."""
    generator = torch.Generator().manual_seed(seed)
    gt = torch.rand(batch, 3, height, width, generator=generator)
    restored = (gt + noise * torch.randn(gt.shape, generator=generator)).clamp(0, 1)
    return (restored * 255).round() / 255, (gt * 255).round() / 255

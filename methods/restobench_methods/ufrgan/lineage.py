"""The contrastive term of FCL-GAN (Zhao et al., ACM MM 2022), from which UFR-GAN descends, for comparison.

A bit says whether a frequency's magnitude is above 1. Comparing is no smooth function: the term
has no gradient, and teaches the generators nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from restobench.errors import RestobenchError
from restobench_methods.ufrgan.frequency import grey

SIDE = 256
"""Of the only pictures that it takes, in pixels."""


def lineage_maps(pictures: Tensor, window: int) -> Tensor:
    """The share of frequencies that are absent, cell by cell of the central ones.

    Args:
        pictures: (B, 3, 256, 256) in [0, 1].
        window: Side of a cell, in frequencies.

    Returns:
        (B, 128 / window, 128 / window), without a gradient.

    Raises:
        RestobenchError: The pictures have another size.
    """
    height, width = pictures.shape[-2:]
    if (height, width) != (SIDE, SIDE):
        raise RestobenchError(
            f"The lineage form of the contrastive term takes {SIDE} x {SIDE} pixels alone, not {width} x {height}."
        )
    present = torch.fft.fft2(grey(pictures)).abs() > 1
    absent = 1 - present[:, SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4].float()
    return F.avg_pool2d(absent[:, None], window)[:, 0]


def lineage_contrast(anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the similarities (1 - mean squared difference) / temperature, the positive first; a scalar.

    Args:
        anchor: Maps of the generated pictures, (B, h, w).
        positive: Of the pictures that they are to be like, (B, h, w).
        negatives: Of those that they are not to be like, (B, N, h, w).
        temperature: Divides the similarities.
    """
    others = torch.cat([positive[:, None], negatives], dim=1)
    similarity = 1 - (anchor[:, None] - others).square().mean(dim=(2, 3))
    return -(similarity / temperature).log_softmax(dim=1)[:, 0].mean()

"""The pictures that a method is checked with, and how far two restorations are apart."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from restobench.conformance.report import FAR, Difference

PLAIN = (5, 6)
"""Which of the pictures are black and white: a norm of them is zero."""


def make_pictures(width: int, height: int) -> Tensor:
    """Eight pictures (8, 3, H, W), float32, as they are read from 8-bit files; one is black and one white."""
    generator = np.random.default_rng(width * 10_000 + height)
    coarse = torch.from_numpy(generator.random((8, 3, max(2, height // 6), max(2, width // 6)), dtype=np.float32))
    fine = torch.from_numpy(generator.standard_normal((8, 3, height, width), dtype=np.float32))
    pictures = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False) + 0.02 * fine
    pictures[PLAIN[0]], pictures[PLAIN[1]] = 0, 1
    return (pictures.clamp(0, 1) * 255).round() / 255


def difference(restored: Tensor, other: Tensor) -> Difference:
    """How far two restorations (B, 3, H, W) are apart, as they would be saved; not-a-number counts as black."""
    if torch.equal(restored.nan_to_num(), other.nan_to_num()):
        return Difference()
    one, two = (255 * pictures.nan_to_num().clamp(0, 1) for pictures in (restored, other))
    saved = (one.round() - two.round()).abs().amax(dim=1)
    return Difference(
        exact=False,
        grey_levels=float((one - two).abs().max()),
        share=float((saved > 0).float().mean()),
        far_share=float((saved > FAR).float().mean()),
    )


def seed_everything(seed: int) -> None:
    """Seed all the generators that a method must not draw from."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # the very generator that is meant
    random.seed(seed)


@contextmanager
def generators_put_back() -> Iterator[None]:
    """Whoever calls the check from a training loop goes on with the numbers that come next."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)

"""Black-and-white photographs: how they are known, and how a face is given back their grey.

A face restorer paints colour into a grey face; what it made is turned grey again and given
the mean and deviation of what it was made from (InterLCM's released program).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.integer[Any] | np.floating[Any]]
"""(H, W, 3), RGB, in [0, 255]: 8 bits, or floating point where a finer picture was read."""

LARGEST_VARIANCE = 10.0
"""In squared grey levels of 0 to 255."""

LUMA = np.array([0.2989, 0.5870, 0.1140])
"""Of R, G and B. They sum to 0.9999, as in the released program: white becomes 254.97."""


def colour_variance(picture: Pixels) -> float:
    """Mean, over the three pairs of channels, of the population variance of their difference.

    (H, W, 3) in [0, 255], in squared grey levels. A tint that is the same everywhere counts as none.
    """
    channels = picture.astype(np.float32)
    differences = channels - np.roll(channels, -1, axis=2)
    return float(differences.var(axis=(0, 1), dtype=np.float64).mean())


def is_grey(picture: Pixels) -> bool:
    """Whether a picture, (H, W, 3) in [0, 255], is black and white."""
    return colour_variance(picture) <= LARGEST_VARIANCE


def turned_grey(picture: Pixels) -> NDArray[np.float64]:
    """The luma in all three channels, (H, W, 3), neither rounded nor clipped."""
    luma = picture.astype(np.float64) @ LUMA
    return np.repeat(luma[..., None], 3, axis=2)


def matched(picture: NDArray[np.floating[Any]], to: Pixels) -> NDArray[np.float64]:
    """A picture with the mean and deviation that another has, channel by channel.

    (picture - mean) / sqrt(var + 1e-5) * sqrt(var_to + 1e-5) + mean_to, population variances.
    Neither rounded nor clipped: it may leave [0, 255].
    """
    mean, deviation = _moments(picture)
    mean_to, deviation_to = _moments(to)
    return (picture - mean) / deviation * deviation_to + mean_to


def _moments(picture: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = picture.mean(axis=(0, 1), dtype=np.float64)
    variance = picture.var(axis=(0, 1), dtype=np.float64)
    return mean, np.sqrt(variance + 1e-5)

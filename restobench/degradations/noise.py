"""Camera noise on a batch: Gaussian or Poisson, in colour or grey, of a strength drawn per picture.

The strengths of a batch are drawn first, then the noise itself, all from torch's generator: the
calls are those of the Real-ESRGAN training program, so that its numbers can be repeated.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from restobench.degradations.generators import uniform_tensor

NoiseKind = Literal["gaussian", "poisson"]
_GREY = (0.2989, 0.587, 0.114)


class NoiseLevels(NamedTuple):
    """How strong the noise of each picture is."""

    level: Tensor
    """(B,): Gaussian, sigma in grey levels of 255; Poisson, what the noise is multiplied by."""
    grey: Tensor
    """(B,), bool: whether the three channels get the same noise."""


def draw_noise_levels(
    levels: tuple[float, float], grey_probability: float, batch: int, generator: torch.Generator
) -> NoiseLevels:
    """Levels uniform in a range, and which pictures get grey noise. Two calls of `torch.rand`."""
    level = uniform_tensor(*levels, batch, generator)
    return NoiseLevels(level, uniform_tensor(0, 1, batch, generator) < grey_probability)


def add_gaussian(pictures: Tensor, levels: NoiseLevels, generator: torch.Generator) -> Tensor:
    """Add normal noise of sigma `level`/255 and clamp.

    Draws a field (H, W), one for the whole batch, if any picture's noise is grey; then always
    one of the batch's shape.

    Args:
        pictures: (B, 3, H, W), float32, sRGB in [0, 1].
        levels: Of `draw_noise_levels`.
        generator: On any device.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    sigma = _per_picture(levels.level, pictures) / 255
    noise_grey = None
    if bool(levels.grey.any()):
        noise_grey = _normal(pictures.shape[-2:], pictures, generator) * sigma
    noise = _normal(pictures.shape, pictures, generator) * sigma
    return (pictures + _mixed(noise, noise_grey, levels.grey)).clamp(0, 1)


def add_poisson(pictures: Tensor, levels: NoiseLevels, generator: torch.Generator) -> Tensor:
    """Add `level` times shot noise and clamp.

    With r the picture rounded to 8 bits and n the number of its distinct values, raised to the
    next power of two, the noise is Poisson(n r)/n - r: the fewer values, the stronger. It is
    added to the picture itself, not to r. Draws the noise of the grey picture first, if any
    picture's noise is grey; then always that of the colour picture.

    Arguments and result as of `add_gaussian`.
    """
    noise_grey = None
    if bool(levels.grey.any()):
        weights = torch.tensor(_GREY).to(pictures).view(3, 1, 1)
        noise_grey = _shot_noise((pictures * weights).sum(dim=1, keepdim=True), generator)
    noise = _mixed(_shot_noise(pictures, generator), noise_grey, levels.grey)
    return (pictures + _per_picture(levels.level, pictures) * noise).clamp(0, 1)


def _shot_noise(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Poisson(n r)/n - r, (B, C, H, W)."""
    codes = (pictures * 255).round().clamp(0, 255)
    rounded = codes / 255
    counts = [int(torch.bincount(picture.flatten().long(), minlength=256).count_nonzero()) for picture in codes]
    powers = torch.tensor([2.0 ** (count - 1).bit_length() for count in counts])
    peak = powers.to(pictures).view(-1, 1, 1, 1)
    drawn = torch.poisson((rounded * peak).to(generator.device), generator=generator)
    return drawn.to(pictures) / peak - rounded


def _normal(shape: torch.Size, like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device).to(like)


def _mixed(noise: Tensor, noise_grey: Tensor | None, grey: Tensor) -> Tensor:
    """Each picture's own kind of noise."""
    return noise if noise_grey is None else torch.where(grey.to(noise.device).view(-1, 1, 1, 1), noise_grey, noise)


def _per_picture(level: Tensor, pictures: Tensor) -> Tensor:
    return level.to(pictures).view(-1, 1, 1, 1)

"""The sampling loop of a latent consistency model that is entered halfway (InterLCM, sections 3.1 and 3.2).

A consistency model denoises in one step and, in several, adds noise to what it found and
denoises again. InterLCM takes the low-quality picture for what an early step found.
Steps are counted from 1 in `start_step`, as in the paper, and from 0 everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

TRAINING_STEPS = 1000
DISTILLED_STEPS = 50
"""Of the teacher's sampler; only their time steps were ever trained."""
TIMESTEP_SCALING = 10.0
SIGMA_DATA = 0.5

Predict = Callable[[Tensor, int], Tensor]
"""(latent, time step) -> the noise that the networks see in it, of the same shape."""
Draw = Callable[[], Tensor]
"""Standard-normal noise of the latent's shape, another one with every call."""


class Step(NamedTuple):
    """What one step did."""

    number: int
    """Which of the N it is, from 0."""
    timestep: int
    denoised: Tensor
    """The estimate of the clean latent."""
    latent: Tensor
    """The same with the noise of the next time step; after the last step without."""


def timesteps(steps: int) -> list[int]:
    """The time steps of N steps, falling from 999.

    Entry floor(50 i / N) of 999, 979, ..., 19 for the i-th. The scheduler's options for an
    offset, a spacing and the last alpha move none of them.

    >>> timesteps(4)
    [999, 759, 499, 259]
    """
    every = TRAINING_STEPS // DISTILLED_STEPS
    return [TRAINING_STEPS - 1 - every * (DISTILLED_STEPS * number // steps) for number in range(steps)]


def alphas_cumprod() -> Tensor:
    """The share of the signal's variance at every time step, (1000,), float32.

    Stable Diffusion's: the roots of beta grow linearly. In float32, as the models saw them.
    """
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), TRAINING_STEPS, dtype=torch.float32) ** 2
    return (1 - betas).cumprod(dim=0)


def boundary_scalings(timestep: int) -> tuple[float, float]:
    """c_skip and c_out (arXiv:2310.04378, section 4.1): at time step 0 the estimate is the latent itself."""
    scaled = TIMESTEP_SCALING * timestep
    variance = scaled**2 + SIGMA_DATA**2
    return SIGMA_DATA**2 / variance, scaled / math.sqrt(variance)


def guidance_embedding(guidance_scale: float, dimension: int) -> Tensor:
    """What tells the U-Net the strength of guidance it was distilled for, (1, dimension), float32, on the CPU.

    Sines, then cosines, of 1000 (guidance_scale - 1) at falling frequencies, a zero behind them
    where the dimension is odd. The angles reach 7000 rad: one bit of a frequency is 5e-4 here,
    and half precision would leave nothing of them, so cast the result and nothing before it.
    """
    half = dimension // 2
    frequencies = torch.exp(-torch.log(torch.tensor(10_000.0)) / (half - 1) * torch.arange(half))
    angles = 1000 * torch.tensor([guidance_scale - 1])[:, None] * frequencies
    embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(embedding, (0, dimension % 2))


class Sampler:
    """N steps, entered at one of them."""

    def __init__(self, steps: int = 4, start_step: int = 2) -> None:
        """Make the tables.

        Args:
            steps: N.
            start_step: The first step that calls the networks, from 1. The low-quality picture is
                what the step before it would have found; at 1 there is none, and noise is what
                it starts from. The method is 2.

        Raises:
            ValueError: There is no such step.
        """
        if not 1 <= start_step <= steps <= DISTILLED_STEPS:
            raise ValueError(f"start_step {start_step} of {steps} steps: 1 <= start_step <= steps <= 50 is wanted.")
        self.timesteps = timesteps(steps)
        self.start_step = start_step
        self._alphas_cumprod = alphas_cumprod()

    @property
    def calls(self) -> int:
        """How often the networks are called."""
        return len(self.timesteps) - self.start_step + 1

    def walk(self, predict: Predict, lq_latent: Tensor, draw: Draw) -> Iterator[Step]:
        """Every step, that of the low-quality latent included; the last one's `denoised` is the result.

        Nothing is detached: where gradients are on they flow through all the calls.

        Args:
            predict: The networks, called `calls` times.
            lq_latent: (B, C, H, W); where `start_step` is 1, only its place in the code.
            draw: Called once between two steps, and once before them where `start_step` is 1.
        """
        first = max(self.start_step - 2, 0)
        latent = draw() if self.start_step == 1 else lq_latent
        for number, timestep in enumerate(self.timesteps[first:], first):
            if number == self.start_step - 2:
                denoised = lq_latent
            else:
                denoised = self.denoise(latent, predict(latent, timestep), timestep)
            last = number == len(self.timesteps) - 1
            latent = denoised if last else self.diffuse(denoised, draw(), self.timesteps[number + 1])
            yield Step(number, timestep, denoised, latent)

    def denoise(self, latent: Tensor, predicted_noise: Tensor, timestep: int) -> Tensor:
        """The consistency function: c_out (z - sqrt(1 - a) eps) / sqrt(a) + c_skip z."""
        signal, noise = self._roots(timestep)
        c_skip, c_out = boundary_scalings(timestep)
        return c_out * ((latent - noise * predicted_noise) / signal) + c_skip * latent

    def diffuse(self, denoised: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """A sample of q(z_t | z_0): sqrt(a) z_0 + sqrt(1 - a) noise."""
        signal, spread = self._roots(timestep)
        return signal * denoised + spread * noise

    def _roots(self, timestep: int) -> tuple[float, float]:
        """The roots of a and of 1 - a."""
        alpha = self._alphas_cumprod[timestep]
        return float(alpha.sqrt()), float((1 - alpha).sqrt())

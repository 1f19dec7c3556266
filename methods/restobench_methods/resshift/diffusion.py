"""The Markov chain of ResShift: from the low-quality picture plus noise to the clean one, shifting the residual.

Section 2.1 of the paper (arXiv:2307.12348): eta_t grows from almost 0 to almost 1; x_t is
x_0 + eta_t (y_0 - x_0) plus noise of variance kappa² eta_t. Steps are counted from 0 here,
as in the released program; the paper counts from 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from restobench_methods.resshift.configurations import Prediction

Network = Callable[[Tensor, Tensor], Tensor]
"""(normalised x_t (B, C, H, W), original step of each sample (B,)) -> what is predicted."""

Draw = Callable[[], Tensor]
"""The next standard-normal tensor, of the chain's shape."""


def sqrt_eta_schedule(steps: int, *, kappa: float, power: float, min_noise_level: float, sqrt_eta_end: float) -> Tensor:
    """sqrt(eta) of every step, (T,), float64 (section 2.1, eq. 5 and 6).

    sqrt(eta_t) = sqrt(eta_first) b^beta_t,  beta_t = (t / (T - 1))^p (T - 1),
    b = exp( ln(sqrt(eta_end) / sqrt(eta_first)) / (T - 1) ).

    The released program departs from the paper at both ends: the first value is
    min(m / kappa, m) without the paper's bound eta_1 <= 0.001, and the last is given as a
    square root: 0.99, so that eta_T is 0.9801 where the paper says 0.999.

    Raises:
        ValueError: Fewer than two steps, or an eta outside (0, 1].
    """
    if steps < 2:
        raise ValueError(f"A chain has at least 2 steps, not {steps}.")
    first = min(min_noise_level / kappa, min_noise_level)
    growth = math.exp(math.log(sqrt_eta_end / first) / (steps - 1))
    places = torch.linspace(0, 1, steps, dtype=torch.float64)
    schedule = first * growth ** (places**power * (steps - 1))
    if schedule.min() <= 0 or schedule.max() > 1:
        raise ValueError(f"The eta of some step lies outside (0, 1]: its root goes from {first:g} to {sqrt_eta_end:g}.")
    return schedule


def retained_steps(steps: int, respacing: int | None) -> list[int]:
    """The steps of a chain of `steps` that a chain of `respacing` keeps: floor(T/S k) for k = 0 ... S - 1.

    The last step is in general dropped (15 to 5 keeps 0, 3, 6, 9, 12), so a shorter chain
    begins at less noise than the whole one.
    """
    if respacing is None:
        return list(range(steps))
    return sorted({math.floor(steps / respacing * number) for number in range(respacing)})


class Step(NamedTuple):
    """One step of the chain backwards: its number, the estimate of x_0, and x before it (x_{t-1})."""

    number: int
    x_start: Tensor
    x: Tensor


class Diffusion:
    """The chain's tables and what is computed from them.

    Tables are float64. At a tensor they are gathered at each sample's step, cast to float32
    and broadcast over (B, C, H, W), as in the released program; the result's dtype is the
    tensors' promoted with float32.
    """

    def __init__(
        self,
        *,
        steps: int = 15,
        kappa: float = 2.0,
        power: float = 0.3,
        min_noise_level: float = 0.04,
        sqrt_eta_end: float = 0.99,
        prediction: Prediction = "xstart",
        normalise_input: bool = True,
        latent: bool = True,
        weighted: bool = False,
        respacing: int | None = None,
    ) -> None:
        """Make the tables.

        Args:
            steps: T, the length of the chain the network was trained on.
            kappa: Noise strength.
            power: p, how fast the first steps shift.
            min_noise_level: m, kappa sqrt(eta) of the first step where kappa >= 1.
            sqrt_eta_end: sqrt(eta) of the last step.
            prediction: What the network predicts.
            normalise_input: Whether x_t is scaled before the network sees it.
            latent: Whether x is a latent (of about unit variance) or pixels in [-1, 1].
            weighted: Whether the loss has the weights of the evidence lower bound.
            respacing: How many steps to sample in; None: all.

        Raises:
            ValueError: As `sqrt_eta_schedule` does, or fewer than two steps are kept.
        """
        schedule = sqrt_eta_schedule(
            steps, kappa=kappa, power=power, min_noise_level=min_noise_level, sqrt_eta_end=sqrt_eta_end
        )
        self.kappa = kappa
        self.prediction = prediction
        self.normalise_input = normalise_input
        self.latent = latent
        self.weighted = weighted
        self.steps = retained_steps(steps, respacing)
        """The original number of each step of this chain; the network is told that one."""
        if len(self.steps) < 2:
            raise ValueError(f"A chain has at least 2 steps, not {len(self.steps)}.")
        self.sqrt_etas = schedule[self.steps]
        self.etas = self.sqrt_etas**2
        self.etas_before = torch.cat([self.etas.new_zeros(1), self.etas[:-1]])
        self.alpha = self.etas - self.etas_before
        # Equation 7: the posterior's mean is coefficient_x x_t + coefficient_x_start x_0.
        self.coefficient_x = self.etas_before / self.etas
        self.coefficient_x_start = self.alpha / self.etas
        self.posterior_variance = kappa**2 * self.coefficient_x * self.alpha
        # The first step's is 0, and its logarithm is asked for though the noise there is not used.
        self.posterior_variance_clipped = torch.cat([self.posterior_variance[1:2], self.posterior_variance[1:]])
        self.posterior_log_variance = self.posterior_variance_clipped.log()

    def __len__(self) -> int:
        """How many steps the chain has."""
        return len(self.steps)

    @cached_property
    def loss_weights(self) -> Tensor:
        """The weight of each step's squared error in the evidence lower bound (eq. 8), (T,), float64."""
        if self.prediction in ("xstart", "residual"):
            factor = self.alpha / self.etas
        else:
            factor = self.kappa * self.alpha / ((1 - self.etas) * self.sqrt_etas)
        return 0.5 / self.posterior_variance_clipped * factor**2

    @staticmethod
    def at(table: Tensor, steps: Tensor, like: Tensor) -> Tensor:
        """The values of a table at the steps (B,), float32, on the device of `like`, broadcast over its shape."""
        gathered = table[steps.to(table.device)].float().to(like.device)
        return gathered.view(-1, *[1] * (like.dim() - 1))

    def diffuse(self, x_start: Tensor, y: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """A sample of q(x_t | x_0, y_0) = N(x_0 + eta_t (y_0 - x_0), kappa² eta_t) (eq. 2)."""
        spread = self.at(self.kappa * self.sqrt_etas, steps, x_start)
        return self.marginal_mean(x_start, y, steps) + spread * noise

    def marginal_mean(self, x_start: Tensor, y: Tensor, steps: Tensor) -> Tensor:
        """The mean of q(x_t | x_0, y_0)."""
        return self.at(self.etas, steps, x_start) * (y - x_start) + x_start

    def marginal_variance(self, steps: Tensor, like: Tensor) -> Tensor:
        """The variance of q(x_t | x_0, y_0), for each sample: (B, 1, 1, 1)."""
        return self.at(self.etas, steps, like) * self.kappa**2

    def prior(self, y: Tensor, noise: Tensor) -> Tensor:
        """A sample of p(x_T | y_0) = N(y_0, kappa² eta_T): around y itself, as if eta_T were 1 (section 2.1)."""
        last = torch.full((len(y),), len(self) - 1)
        return y + self.at(self.kappa * self.sqrt_etas, last, y) * noise

    def posterior_mean(self, x: Tensor, x_start: Tensor, steps: Tensor) -> Tensor:
        """The mean of q(x_{t-1} | x_t, x_0, y_0) (eq. 7)."""
        return self.at(self.coefficient_x, steps, x) * x + self.at(self.coefficient_x_start, steps, x) * x_start

    def normalised(self, x: Tensor, steps: Tensor) -> Tensor:
        """x_t as the network wants it: latents at about unit variance, pixels within about [-1, 1].

        Latents are divided by sqrt(kappa² eta_t + 1), pixels by 3 kappa sqrt(eta_t) + 1: three
        deviations of the noise around a picture in [-1, 1].
        """
        if not self.normalise_input:
            return x
        if self.latent:
            return x / (self.at(self.etas, steps, x) * self.kappa**2 + 1).sqrt()
        return x / (self.at(self.sqrt_etas, steps, x) * self.kappa * 3 + 1)

    def x_start_from(
        self, output: Tensor, x: Tensor, y: Tensor, steps: Tensor, prediction: Prediction | None = None
    ) -> Tensor:
        """x_0 from what the network gave. `prediction`: what that is, where not the chain's own."""
        kind = prediction or self.prediction
        if kind == "xstart":
            return output
        if kind == "residual":
            return y - output
        if kind == "epsilon":
            output = self.at(self.sqrt_etas, steps, x) * self.kappa * output
        return (x - output - self.at(self.etas, steps, x) * y) / self.at(1 - self.etas, steps, x)

    def noise_from(self, x: Tensor, x_start: Tensor, y: Tensor, steps: Tensor) -> Tensor:
        """The unit noise that made x_t of x_0 and y: `diffuse` solved for it."""
        mean = self.at(1 - self.etas, steps, x) * x_start + self.at(self.etas, steps, x) * y
        return (x - mean) / self.at(self.kappa * self.sqrt_etas, steps, x)

    def predict(self, network: Network, x: Tensor, y: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The network's output at x_t, and the x_0 that follows from it; `steps` (B,) count in this chain."""
        original = torch.tensor(self.steps)[steps.cpu()].to(x.device)
        output = network(self.normalised(x, steps), original).to(x.dtype)
        return output, self.x_start_from(output, x, y, steps)

    def sample(self, network: Network, y: Tensor, draw: Draw, *, clip: bool = False) -> Iterator[Step]:
        """The chain backwards from the prior, step by step; the last step's x is the result.

        Noise is drawn once for the prior and once in every step, the last one too, where it
        is not used: so the order of draws is that of the released program.

        Args:
            network: Predicts at each step.
            y: (B, C, H, W), what the chain starts from.
            draw: Called 1 + S times.
            clip: Whether to hold every estimate of x_0 within [-1, 1]: in pixels, not in latents.
        """
        x = self.prior(y, draw())
        for number in reversed(range(len(self))):
            steps = torch.full((len(y),), number)
            _, x_start = self.predict(network, x, y, steps)
            if clip:
                x_start = x_start.clamp(-1, 1)
            x, noise = self.posterior_mean(x, x_start, steps), draw()
            if number:
                x = x + (self.at(self.posterior_log_variance, steps, x) / 2).exp() * noise
            yield Step(number, x_start, x)

    def target(self, x_start: Tensor, y: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """What the network should give for x_t = `diffuse(x_start, y, steps, noise)`."""
        if self.prediction == "xstart":
            return x_start
        if self.prediction == "residual":
            return y - x_start
        if self.prediction == "epsilon":
            return noise
        return self.at(self.sqrt_etas, steps, noise) * self.kappa * noise

    def squared_error(self, output: Tensor, target: Tensor, steps: Tensor) -> Tensor:
        """The loss of each sample, (B,): the mean squared error, with the weight of its step where `weighted`."""
        error = (target - output).square().flatten(1).mean(dim=1)
        if self.prediction == "epsilon_scale":
            error = error / self.marginal_variance(steps, error)
        return error * self.at(self.loss_weights, steps, error) if self.weighted else error

"""Blur kernels of the real-world degradations: by formula, and as drawn from the mixed list.

Every kernel is a float64 array of odd size and of sum 1. With (x, y) the offset from the centre,
x to the right and y downwards in pixels, turned by the angle and divided by the two sigmas,

    u = (cos(a) x + sin(a) y) / sigma_x,   v = (cos(a) y - sin(a) x) / sigma_y,   q = u^2 + v^2

and the bell-shaped kernels are functions of q. Formulas and orders of draws: Real-ESRGAN
(Wang et al., ICCVW 2021; arXiv:2107.10833), section 3 and appendix, as ResShift uses them.
Never imports torch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import j1

from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from restobench.degradations.generators import NumpyGenerator

    Kernel = NDArray[np.float64]

Range = tuple[float, float]
"""(low, high) of a uniform distribution."""
Family = Literal["gaussian", "generalised", "plateau", "sinc", "pulse"]
BellKind = Literal["iso", "aniso", "generalised-iso", "generalised-aniso", "plateau-iso", "plateau-aniso"]

_BELLS: Mapping[BellKind, tuple[Family, bool]] = MappingProxyType(
    {
        "iso": ("gaussian", True),
        "aniso": ("gaussian", False),
        "generalised-iso": ("generalised", True),
        "generalised-aniso": ("generalised", False),
        "plateau-iso": ("plateau", True),
        "plateau-aniso": ("plateau", False),
    }
)
"""Each kind's family, and whether both its sigmas are one."""


def gaussian(size: int, sigma_x: float, sigma_y: float, angle_rad: float = 0.0) -> Kernel:
    """exp(-q / 2), normalised: (size, size).

    Args:
        size: Of a side, in pixels; odd.
        sigma_x: Along the axis that the angle turns, in pixels; above 0.
        sigma_y: Across it.
        angle_rad: From x (right) towards y (down).

    Raises:
        RestobenchError: The size is even or below 1, or a sigma is not above 0.
    """
    return _normalised(np.exp(-_squared_distance(size, sigma_x, sigma_y, angle_rad) / 2))


def generalised(size: int, sigma_x: float, sigma_y: float, angle_rad: float, beta: float) -> Kernel:
    """exp(-q^beta / 2), normalised: a Gaussian at beta 1, flatter above and more peaked below.

    Arguments, shape and errors as `gaussian`.
    """
    return _normalised(np.exp(-(_squared_distance(size, sigma_x, sigma_y, angle_rad) ** beta) / 2))


def plateau(size: int, sigma_x: float, sigma_y: float, angle_rad: float, beta: float) -> Kernel:
    """1 / (1 + q^beta), normalised: a flat top with long tails.

    Arguments, shape and errors as `gaussian`.
    """
    return _normalised(1 / (1 + _squared_distance(size, sigma_x, sigma_y, angle_rad) ** beta))


def sinc(size: int, cutoff_rad: float) -> Kernel:
    """The circular low-pass filter w J1(w r) / (2 pi r), normalised: (size, size). It rings.

    Args:
        size: Of a side, in pixels; odd.
        cutoff_rad: w, the lowest frequency that is cut off, in radians per pixel, in (0, pi].

    Raises:
        RestobenchError: The size is even or below 1, or the cut-off is outside (0, pi].
    """
    if not 0 < cutoff_rad <= math.pi:
        raise RestobenchError(f"A sinc filter's cut-off must be above 0 and at most pi, not {cutoff_rad:g}.")
    x, y = _offsets(size)
    radius = np.hypot(x, y)
    centre = size // 2
    radius[centre, centre] = 1.0  # any number: the limit for r -> 0 is put in below
    values: Kernel = cutoff_rad * j1(cutoff_rad * radius) / (2 * math.pi * radius)
    values[centre, centre] = cutoff_rad**2 / (4 * math.pi)
    return _normalised(values)


def pulse(size: int) -> Kernel:
    """The kernel that changes nothing: 1 at the centre, (size, size); raises as `gaussian`."""
    x, y = _offsets(size)
    return np.asarray((x == 0) & (y == 0), np.float64)


def padded(kernel: Kernel, size: int) -> Kernel:
    """The kernel with zeros around it: (size, size).

    Raises:
        RestobenchError: The size is even, or smaller than the kernel.
    """
    _check_size(size)
    border = (size - kernel.shape[0]) // 2
    if border < 0:
        raise RestobenchError(f"A kernel of {kernel.shape[0]} pixels does not fit into {size}; pad it to more.")
    return np.pad(kernel, border)


def _squared_distance(size: int, sigma_x: float, sigma_y: float, angle_rad: float) -> Kernel:
    """q of the module's head, at every position of the kernel."""
    if not (sigma_x > 0 and sigma_y > 0):
        raise RestobenchError(f"A blur's sigmas must be above 0, not {sigma_x:g} and {sigma_y:g}.")
    x, y = _offsets(size)
    u = (math.cos(angle_rad) * x + math.sin(angle_rad) * y) / sigma_x
    v = (math.cos(angle_rad) * y - math.sin(angle_rad) * x) / sigma_y
    return np.asarray(u**2 + v**2)


def _offsets(size: int) -> tuple[Kernel, Kernel]:
    """x and y of every position, (size, size) each."""
    _check_size(size)
    y, x = np.mgrid[: float(size), : float(size)] - size // 2
    return x, y


def _check_size(size: int) -> None:
    if size < 1 or size % 2 == 0:
        raise RestobenchError(f"A blur kernel has an odd size, so that it has a centre; {size} is none.")


def _normalised(values: Kernel) -> Kernel:
    return np.asarray(values / values.sum(), np.float64)


@dataclass(frozen=True)
class BlurKernel:
    """All that a kernel's values follow from, as drawn: small enough for a manifest."""

    family: Family
    size: int
    """Of the kernel itself, in pixels."""
    padded_size: int
    """With the zeros around it, which make the kernels of a batch equally large."""
    sigma_px: tuple[float, float] = (1.0, 1.0)
    """Of `gaussian`, `generalised` and `plateau`: along the two axes."""
    angle_rad: float = 0.0
    beta: float = 1.0
    """Of `generalised` and `plateau`: the exponent of q."""
    cutoff_rad: float = math.pi
    """Of `sinc`."""

    def values(self) -> Kernel:
        """The kernel, (padded_size, padded_size), float64, of sum 1; raises as the families' functions."""
        return padded(self._own_values(), self.padded_size)

    def _own_values(self) -> Kernel:
        match self.family:
            case "gaussian":
                return gaussian(self.size, *self.sigma_px, self.angle_rad)
            case "generalised":
                return generalised(self.size, *self.sigma_px, self.angle_rad, self.beta)
            case "plateau":
                return plateau(self.size, *self.sigma_px, self.angle_rad, self.beta)
            case "sinc":
                return sinc(self.size, self.cutoff_rad)
            case "pulse":
                return pulse(self.size)


class Bells(NamedTuple):
    """What bell-shaped kernels are drawn from."""

    weights: Mapping[BellKind, float]
    """How often each kind comes, in the order of the draw; they need not add up to 1."""
    sigma_px: Range
    beta_generalised: Range = (1.0, 1.0)
    """Half of the draws are below 1, half above; so the range must hold 1."""
    beta_plateau: Range = (1.0, 1.0)

    def draw(self, size: int, padded_size: int, python: random.Random, numpy: NumpyGenerator) -> BlurKernel:
        """A kernel of the list. Draws: the kind (python); sigma_x, sigma_y, angle, beta (numpy), as needed."""
        kind = python.choices(list(self.weights), list(self.weights.values()))[0]
        family, isotropic = _BELLS[kind]
        sigma_x = sigma_y = float(numpy.uniform(*self.sigma_px))
        angle = 0.0
        if not isotropic:
            sigma_y = float(numpy.uniform(*self.sigma_px))
            angle = float(numpy.uniform(-math.pi, math.pi))
        beta = 1.0
        if family != "gaussian":
            low, high = self.beta_generalised if family == "generalised" else self.beta_plateau
            beta = float(numpy.uniform(low, 1) if numpy.uniform() < 0.5 else numpy.uniform(1, high))
        return BlurKernel(family, size, padded_size, (sigma_x, sigma_y), angle, beta)


class MixedKernels(NamedTuple):
    """What a stage's kernel is drawn from: sometimes a sinc filter, else a bell."""

    padded_size: int
    """In pixels, odd. Drawn are the odd sizes from 3 to two less than this."""
    bells: Bells
    sinc_probability: float

    def draw(self, python: random.Random, numpy: NumpyGenerator) -> BlurKernel:
        """A kernel. Draws: size (python); sinc or not (numpy); the cut-off (numpy), or as `Bells.draw`."""
        size = self.draw_size(python)
        if numpy.uniform() < self.sinc_probability:
            # Small kernels with a low cut-off are plain averages.
            lowest = math.pi / 3 if size < 13 else math.pi / 5
            cutoff = float(numpy.uniform(lowest, math.pi))
            return BlurKernel("sinc", size, self.padded_size, cutoff_rad=cutoff)
        return self.bells.draw(size, self.padded_size, python, numpy)

    def draw_size(self, python: random.Random) -> int:
        """One of the sizes, all equally likely."""
        return python.choice(range(3, self.padded_size, 2))


def draw_final_sinc(
    sinc_probability: float, kernels: MixedKernels, python: random.Random, numpy: NumpyGenerator
) -> BlurKernel:
    """The filter that ends the chain: a sinc of one of the sizes of `kernels`, else the pulse.

    Draws: whether (numpy); the size (python) and the cut-off (numpy), where it is a sinc.
    """
    if numpy.uniform() < sinc_probability:
        size = kernels.draw_size(python)
        cutoff = float(numpy.uniform(math.pi / 3, math.pi))
        return BlurKernel("sinc", size, kernels.padded_size, cutoff_rad=cutoff)
    return BlurKernel("pulse", 1, kernels.padded_size)

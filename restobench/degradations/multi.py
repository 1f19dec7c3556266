"""The multi-degradation recipe: one kind of degradation or a mixture, drawn for each picture by its id.

Kinds and mixtures are those of UFR-GAN (Nguyen et al., Pattern Recognition Letters 2025); the
ranges, shares and formulas (`weather`) are ours, for that paper gives none. A sample's values
come from the stream "<id>/parameters": first its kinds, then the values of each in the order of
`RANGES`. What a step draws itself comes from the stream "<id>/<kind>". Never imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from restobench.degradations import weather
from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["rain", "haze", "noise", "blur", "low", "jpeg"]

RANGES: Mapping[Kind, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "rain": {
            "density": (0.002, 0.01), "length": (12, 36), "angle": (60, 120), "width": (0.4, 1.0), "gain": (0.4, 0.9),
        },
        "haze": {"beta": (0.6, 2.0), "airlight": (0.75, 1.0)},
        "noise": {"sigma": (10, 50)},
        "blur": {"length": (7, 25), "angle": (0, 180)},
        "low": {"alpha": (0.9, 1.0), "beta": (0.5, 0.9), "gamma": (1.8, 3.5), "sigma": (0, 0.03)},
        "jpeg": {"quality": (10, 40)},
    }
)  # fmt: skip
"""Uniform, but for the JPEG quality: a whole number, both ends included. Units: see `weather`."""

ORDER: tuple[Kind, ...] = ("low", "rain", "haze", "blur", "noise", "jpeg")
"""How the steps of a mixture follow each other: light, air, camera, file."""

SINGLE_PROBABILITY = 0.6
"""Else two or three kinds, equally likely, each kind once."""

_STEPS: Mapping[Kind, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {kind: getattr(weather, kind) for kind in ORDER}
)


@dataclass(frozen=True)
class Step:
    """One degradation of a picture, with all that its pixels follow from."""

    kind: Kind
    tag: str
    """Of the stream that its noise, its drops or its clouds come from."""
    seed: int
    values: Mapping[str, float]
    """By the names of `RANGES`."""

    def __post_init__(self) -> None:
        """Check the values' names: a manifest may come from anywhere."""
        if self.kind not in RANGES or set(self.values) != set(RANGES[self.kind]):
            known = "; ".join(f"{kind} with {', '.join(names)}" for kind, names in RANGES.items())
            raise RestobenchError(
                f"The degradation '{self.kind}' of '{self.tag}' has {', '.join(self.values) or 'no values'}; "
                f"known are {known}."
            )


def draw_steps(sample_id: str, seed: int) -> tuple[Step, ...]:
    """What is done to the sample called `sample_id` under `seed`, in the order in which it is done."""
    random = weather.stream(f"{sample_id}/parameters", seed)
    count = 1 if random.random() < SINGLE_PROBABILITY else int(random.integers(2, 3, endpoint=True))
    chosen = {ORDER[number] for number in random.choice(len(ORDER), count, replace=False)}
    values = {kind: _draw_values(kind, random) for kind in RANGES if kind in chosen}
    return tuple(Step(kind, f"{sample_id}/{kind}", seed, values[kind]) for kind in ORDER if kind in chosen)


def _draw_values(kind: Kind, random: np.random.Generator) -> dict[str, float]:
    if kind == "jpeg":
        low, high = RANGES[kind]["quality"]
        return {"quality": int(random.integers(int(low), int(high), endpoint=True))}
    return {name: float(random.uniform(*bounds)) for name, bounds in RANGES[kind].items()}


def kind_of(steps: Sequence[Step]) -> str:
    """The kind of a sample, for a table of its own: the name of its only step, or `mixture`."""
    return steps[0].kind if len(steps) == 1 else "mixture"


def apply_steps(x: NDArray[np.float64], steps: Sequence[Step]) -> NDArray[np.float64]:
    """(3, H, W), float64, sRGB in [0, 1], twice.

    Raises:
        RestobenchError: The picture is too small for a kernel.
    """
    for step in steps:
        x = _STEPS[step.kind](x, weather.stream(step.tag, step.seed), **step.values)
    return x


def degraded(picture: NDArray[np.uint8], sample_id: str, seed: int) -> NDArray[np.uint8]:
    """The degraded picture of a sample, (H, W, 3), 8-bit RGB twice: drawn, applied, rounded half to even.

    Raises:
        RestobenchError: The picture is too small: below 20 pixels some kernels do not fit.
    """
    x = apply_steps(weather.from_eight_bit(picture), draw_steps(sample_id, seed))
    return weather.to_eight_bit(x)

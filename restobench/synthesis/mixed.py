"""`multi-degradation`: rain, haze, noise, blur, low light, JPEG, or several of them; and noise alone.

Never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from restobench.degradations.multi import Step, apply_steps, draw_steps, kind_of
from restobench.degradations.weather import from_eight_bit, to_eight_bit
from restobench.synthesis.recipe import Pair, Parameters, Planned, parsed

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Stored


@dataclass(frozen=True)
class _Values:
    """A sample's parameters."""

    steps: tuple[Step, ...]
    """In the order in which they are done."""


_VALUES = TypeAdapter(_Values)


class MultiDegradation:
    """One kind or a mixture for each picture; the tag `kind` tells which."""

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """All pictures, each with steps of its own."""
        return [Planned(sample_id, asdict(_Values(draw_steps(sample_id, seed)))) for sample_id in ids]

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The picture itself, and what the steps make of it."""
        return Pair(picture, to_eight_bit(apply_steps(from_eight_bit(picture), _steps(parameters))))

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """`kind`: the only step's, or `mixture`."""
        return {"kind": kind_of(_steps(parameters))}


class ColourNoise:
    """Gaussian noise of one strength on all pictures, as colour denoising is tested."""

    def __init__(self, sigma: float) -> None:
        """Of `sigma` grey levels of 255."""
        self._sigma = sigma

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """All pictures, each with a stream of its own."""
        steps = (Step("noise", f"{sample_id}/noise", seed, {"sigma": self._sigma}) for sample_id in ids)
        return [Planned(sample_id, asdict(_Values((step,)))) for sample_id, step in zip(ids, steps, strict=True)]

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The picture itself, and with noise, rounded to 8 bits."""
        return MultiDegradation().make(picture, parameters)

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """None: all pictures are degraded in one way."""
        return {}


def _steps(parameters: Parameters) -> tuple[Step, ...]:
    return parsed(_VALUES, parameters).steps

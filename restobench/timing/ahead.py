"""Noise that is drawn before the clock starts.

Drawing on the CPU and copying to the device are no part of a method's time. A call is made
once; whatever it drew is kept, drawn for the other inputs too, and handed out in the calls
that are measured. Pictures are those of ordinary noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from restobench.noise import Noise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_Array = tuple[int, str, int, tuple[int, ...]]
"""(place in the batch, part, draw number, shape)."""
_Drawn = tuple[str, int, tuple[int, ...], torch.device, torch.dtype]
"""(part, draw number, shape, device, dtype)."""


class NoiseAhead:
    """The noise of one batch, made anew for every call and drawn only once."""

    def __init__(self, seed: int, ids: Sequence[str]) -> None:
        """Noise of `seed` for the samples `ids`; nothing is drawn yet."""
        self.ids = tuple(ids)
        self.late = 0
        """Draws that were not there when they were asked for, since this was last set to 0."""
        self._plain = Noise.of_seed(seed, ids)
        self._places = {sample_id: place for place, sample_id in enumerate(self.ids)}
        self._arrays: dict[_Array, NDArray[np.float32]] = {}
        self._tensors: dict[_Drawn, Tensor] = {}

    def noise(self) -> Noise:
        """For one call: it counts its draws from 0."""
        return _Kept(self)

    def prepare(self, like: NoiseAhead) -> None:
        """Draw all that was drawn of another batch of the same size."""
        for place, part, number, shape in like._arrays:
            self.array(self.ids[place], part, number, shape)
        for part, number, shape, device, dtype in like._tensors:
            self.tensor(part, number, shape, device, dtype)

    def array(self, sample_id: str, part: str, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """One sample's numbers; what joins streams, as tiling does, asks for these."""
        key = (self._places[sample_id], part, number, shape)
        if key not in self._arrays:
            self.late += 1
            self._arrays[key] = self._plain._source(sample_id, part, number, shape)
        return self._arrays[key]

    def tensor(
        self, part: str, number: int, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
    ) -> Tensor:
        """The batch's numbers on the device; the caller's own, to write into."""
        key = (part, number, shape, device, dtype)
        if key not in self._tensors:
            drawn = Noise(self.ids, self.array, part)
            drawn._draws = number
            self._tensors[key] = drawn.draw(shape, device=device, dtype=dtype)
        return self._tensors[key].clone()


class _Kept(Noise):
    """Hands out what `NoiseAhead` holds."""

    def __init__(self, ahead: NoiseAhead, part: str = "") -> None:
        super().__init__(ahead.ids, ahead.array, part)
        self._ahead = ahead

    def part(self, name: str) -> Noise:
        return _Kept(self._ahead, f"{self._part}/{name}")

    def draw(
        self,
        shape: Sequence[int],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        one = tuple(int(side) for side in shape)
        drawn = self._ahead.tensor(self._part, self._draws, one, torch.device(device), dtype)
        self._draws += 1
        return drawn

"""What is random in a restoration, drawn per sample so that nothing else can change it.

A number depends on (seed, sample id, part, draw number) alone: not on the batch size,
the order, the worker, the shard or the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Source = Callable[[str, str, int, tuple[int, ...]], "NDArray[np.float32]"]
"""(sample id, part, draw number, shape of one sample) -> float32 array of that shape."""


class Noise:
    """Standard-normal noise for the samples of one batch.

    Draws are counted: the first `draw` of a part gives draw number 0 of every sample in
    the batch, the next one number 1. Two `Noise` objects for the same seed and samples
    give the same numbers in the same order.
    """

    def __init__(self, ids: Sequence[str], source: Source, part: str = "") -> None:
        """Noise for the samples `ids`, whose numbers come from `source`.

        Most callers want `Noise.of_seed`; a source of one's own injects known noise.
        """
        self.ids = tuple(ids)
        self._source = source
        self._part = part
        self._draws = 0

    @classmethod
    def of_seed(cls, seed: int, ids: Sequence[str]) -> Noise:
        """The noise of `seed` for the samples called `ids`, one a picture of the batch."""

        def source(sample_id: str, part: str, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
            # NUL cannot stand in a file name, so no id runs into a part's name.
            name = f"{seed}\x00{sample_id}\x00{part}\x00{number}"
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
            return np.random.Generator(np.random.Philox(key=key)).standard_normal(shape, dtype=np.float32)

        return cls(ids, source)

    @classmethod
    def joined(cls, noises: Sequence[Noise]) -> Noise:
        """The noise of several batches as that of one: the samples of the first, then those of the next.

        Each sample's numbers are those that its own noise would have drawn from here on.
        """
        owners = [(noise, noise._draws, sample_id) for noise in noises for sample_id in noise.ids]

        def source(place: str, part: str, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
            noise, drawn, sample_id = owners[int(place)]
            # A part counts from 0, whatever was drawn outside it.
            return noise._source(sample_id, noise._part + part, number if part else drawn + number, shape)

        return cls([str(place) for place in range(len(owners))], source)

    def part(self, name: str) -> Noise:
        """A stream of its own for a part of each picture, as in `noise.part("tile3")`.

        The part's numbers do not depend on what was drawn outside it, and drawing them
        moves nothing outside it. Parts nest: `noise.part("face0").part("tile3")`.
        """
        return Noise(self.ids, self._source, f"{self._part}/{name}")

    def draw(
        self,
        shape: Sequence[int],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """The next standard-normal tensor, (B, *shape), B the number of samples.

        It is made in float32 on the CPU, then moved and cast, so that a device or a dtype
        changes no number beyond its rounding.

        Args:
            shape: The shape for one sample, without the batch: (C, H, W).
            device: Where the tensor is wanted.
            dtype: As what.
        """
        one = tuple(int(side) for side in shape)
        drawn = np.stack([self._source(sample_id, self._part, self._draws, one) for sample_id in self.ids])
        self._draws += 1
        return torch.from_numpy(drawn).to(device=device, dtype=dtype)

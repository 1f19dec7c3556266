"""Where the randomness of a degradation comes from: three generators, handed in, never global ones.

Three, because the programs that the recipes come from draw from Python's, NumPy's and torch's;
with all three seeded alike, ours draws the same values in the same order.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator as TorchGenerator

NumpyGenerator = np.random.RandomState | np.random.Generator
"""NumPy's old or new generator: of both only `uniform` and `standard_normal` are used."""


class Generators(NamedTuple):
    """The three streams that a degradation draws from."""

    python: random.Random
    numpy: NumpyGenerator
    torch: TorchGenerator
    """May live on any device: what it draws is made there, then moved to the pictures."""

    @classmethod
    def of_seed(cls, seed: int) -> Generators:
        """As programs begin that call `random.seed`, `numpy.random.seed` and `torch.manual_seed`.

        Args:
            seed: From 0 to 2^32 - 1, as NumPy's old generator wants it.
        """
        return cls(random.Random(seed), np.random.RandomState(seed), TorchGenerator().manual_seed(seed))

    @classmethod
    def of_sample(cls, seed: int, sample_id: str) -> Generators:
        """A sample's own streams: the same whatever else is made, in whichever order and process."""
        # NUL cannot stand in a file name, so no id runs into the seed.
        digest = hashlib.sha256(f"{seed}\x00{sample_id}".encode()).digest()
        python, numpy, torch_seed = (int.from_bytes(digest[at : at + 8], "little") for at in (0, 8, 16))
        return cls(
            random.Random(python),
            np.random.Generator(np.random.Philox(key=numpy)),
            # torch takes 64 bits, but some of its versions refuse the upper half of them.
            TorchGenerator().manual_seed(torch_seed >> 1),
        )


def uniform_tensor(low: float, high: float, count: int, generator: TorchGenerator) -> torch.Tensor:
    """(count,), float32, uniform in [low, high), on the generator's device: one call of `torch.rand`."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)

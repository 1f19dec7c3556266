"""The two domains of an unpaired training: low-quality pictures (L), and clean ones (H) that are others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restobench.degradations.multi import degraded, draw_steps, kind_of
from restobench.degradations.unpaired import split_halves
from restobench.train.clean import CleanPictures, held_out_crops, random_crop, shuffled
from restobench.train.configuration import Data
from restobench_methods.ufrgan.configuration import UFRGANTraining

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOW, _HIGH = 1, 2
"""What keeps the orders of the two domains apart."""


class Domains:
    """Where examples of both domains come from, each drawn for itself."""

    def __init__(self, told: UFRGANTraining) -> None:
        """Find the pictures; without real low-quality ones, half of the clean pictures are degraded for it.

        Raises:
            RestobenchError: There are no pictures, or too few to be halved.
        """
        self.told, self.clean = told, CleanPictures(told.data, "training")
        self.real = CleanPictures(Data(pictures=told.low), "training") if told.low else None
        numbers = range(len(self.clean))
        if self.real:
            self.high, self.low = list(numbers), list(range(len(self.real)))
        else:
            halves = split_halves(dict.fromkeys(self.clean.names))
            clean = set(halves.clean)
            self.high = [number for number in numbers if self.clean.names[number] in clean]
            self.low = [number for number in numbers if self.clean.names[number] not in clean]

    def example(self, number: int) -> dict[str, Tensor]:
        """`low` and `high`, (3, crop, crop) in [0, 1], of different pictures: each cut and turned by itself."""
        seed = self.told.training.seed
        low = self._square(self.low, self.real or self.clean, number, seed, _LOW)
        if self.real is None:
            low = degraded(low, f"example {number}", seed)
        return {"low": _tensor(low), "high": _tensor(self._square(self.high, self.clean, number, seed, _HIGH))}

    def _square(
        self, choice: Sequence[int], pictures: CleanPictures, number: int, seed: int, domain: int
    ) -> NDArray[np.uint8]:
        draw = np.random.Generator(np.random.PCG64([seed, domain, number]))
        picture = pictures[choice[shuffled(number, len(choice), 10 * seed + domain)]]
        square = random_crop(picture, self.told.crop, draw)
        if self.told.flip and draw.random() < 0.5:
            square = square[:, ::-1]
        return np.rot90(square, int(draw.integers(4))) if self.told.turn else square


class HeldOut(NamedTuple):
    """Pairs that are trained on in neither form."""

    lq: Tensor
    """(N, 3, crop, crop) in [0, 1]."""
    gt: Tensor
    kinds: tuple[str, ...]
    """Of their degradations."""


def held_out_pairs(told: UFRGANTraining) -> HeldOut:
    """Squares of held-out pictures under the multi-degradation recipe, always the same.

    Raises:
        RestobenchError: Nothing is held out.
    """
    squares = held_out_crops(CleanPictures(told.data, "held-out"), told.crop, told.held_out_crops)
    names = [f"held out {number}" for number in range(len(squares))]
    lq = [_tensor(degraded(square, name, 0)) for square, name in zip(squares, names, strict=True)]
    kinds = tuple(kind_of(draw_steps(name, 0)) for name in names)
    return HeldOut(torch.stack(lq), torch.stack([_tensor(square) for square in squares]), kinds)


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) of 8 bits -> (3, H, W), float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)) / 255

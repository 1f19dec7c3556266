"""From a clean picture to what the training of ResShift sees: the degraded one, the clean one, the mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restobench.degradations.generators import Generators
from restobench.demo_degradation import degraded, draw_demo
from restobench.train.clean import random_crop
from restobench_methods.resshift.training_settings import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pair(NamedTuple):
    """A batch, sRGB in [0, 1]."""

    lq: Tensor
    """(B, 3, h, w)."""
    gt: Tensor
    """(B, 3, H, W)."""
    mask: Tensor | None
    """(B, 1, h, w), 1 = hole; for inpainting alone."""


class PairMaker:
    """Makes pairs in two steps: picture by picture in worker processes, then the whole batch on the device."""

    def __init__(self, pairs: Pairs, crop: int, scale: int) -> None:
        """For pairs of one kind, of clean squares of `crop` pixels."""
        self.pairs, self.crop, self.scale = pairs, crop, scale

    def example(self, picture: NDArray[np.uint8], generators: Generators) -> Mapping[str, Any]:
        """What is made of (H, W, 3) by itself: tensors for `on_device`, to be collated to a batch."""
        assert isinstance(generators.numpy, np.random.Generator)
        gt = random_crop(picture, self.crop, generators.numpy)
        turns = generators.python.randrange(8)
        gt = np.rot90(gt[:, ::-1] if turns >= 4 else gt, turns % 4)
        lq = degraded(Image.fromarray(np.ascontiguousarray(gt)), draw_demo(generators.numpy), generators.numpy)
        return {"lq": _tensor(np.asarray(lq)), "gt": _tensor(gt)}

    def on_device(self, batch: Mapping[str, Any], generators: Generators) -> Pair:
        """The pairs of a collated batch, on its device."""
        return Pair(batch["lq"], batch["gt"], batch.get("mask"))

    def state(self) -> dict[str, Any]:
        """What it remembers of earlier batches."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` gave."""


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) of 8 bits -> (3, H, W), float32 in [0, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1).astype(np.float32) / 255)

"""From a clean picture to what the training of ResShift sees: the degraded one, the clean one, the mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restobench.degradations.generators import Generators
from restobench.degradations.pool import PairPool
from restobench.degradations.real_esrgan import KernelBatch, kernel_batch
from restobench.degradations.training import PairBatch, RealsrBatch, degraded_realsr, realsr_picture, training_pair
from restobench.demo_degradation import degraded, draw_demo
from restobench.train.clean import random_crop
from restobench_methods.resshift.training_settings import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PairMaker:
    """Makes pairs in two steps: picture by picture in worker processes, then the whole batch on the device.

    Only `realsr` leaves something to the second: its chain is shared by a batch, and its pairs
    are mixed with those of earlier batches.
    """

    def __init__(self, pairs: Pairs, crop: int) -> None:
        """For pairs of one kind, of clean squares of `crop` pixels."""
        self.pairs, self.crop = pairs, crop
        self.pool = PairPool()

    def example(self, picture: NDArray[np.uint8], generators: Generators) -> Mapping[str, Any]:
        """What is made of (H, W, 3) by itself: tensors for `on_device`, to be collated to a batch."""
        if self.pairs == "realsr":
            prepared = realsr_picture(picture, generators, side=self.crop)
            kernels = kernel_batch([prepared.kernels])
            return {"gt": _tensor(prepared.gt), **{name: kernel[0] for name, kernel in kernels._asdict().items()}}
        if self.pairs == "demo-camera":
            lq, gt = _demo_pair(picture, self.crop, generators)
            return {"lq": _tensor(lq), "gt": _tensor(gt)}
        pair = training_pair(self.pairs, picture, generators, side=self.crop)
        return {name: _tensor(made) for name, made in pair._asdict().items() if made is not None}

    def on_device(self, batch: Mapping[str, Any], generators: Generators) -> PairBatch:
        """The pairs of a collated batch, on its device."""
        if self.pairs == "realsr":
            kernels = KernelBatch(*(batch[name] for name in KernelBatch._fields))
            return degraded_realsr(RealsrBatch(batch["gt"], kernels), generators, pool=self.pool)
        return PairBatch(batch["lq"], batch["gt"], batch.get("mask"))

    def state(self) -> dict[str, Any]:
        """The pairs of earlier batches."""
        return self.pool.state()

    def resume(self, state: Mapping[str, Any]) -> None:
        """Have the pairs that `state` gave."""
        self.pool.resume(state)


def _demo_pair(
    picture: NDArray[np.uint8], crop: int, generators: Generators
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A square anywhere, in one of eight positions, degraded as the pictures of `demo` were."""
    assert isinstance(generators.numpy, np.random.Generator)
    gt = random_crop(picture, crop, generators.numpy)
    turns = generators.python.randrange(8)
    gt = np.ascontiguousarray(np.rot90(gt[:, ::-1] if turns >= 4 else gt, turns % 4))
    lq = degraded(Image.fromarray(gt), draw_demo(generators.numpy), generators.numpy)
    return np.asarray(lq), gt


def _tensor(picture: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    """(H, W, C), 8 bits or float32 in [0, 1] -> (C, H, W), float32 in [0, 1]."""
    levels = 255 if picture.dtype == np.uint8 else 1
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)) / levels

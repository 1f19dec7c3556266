"""Weights and inputs that depend on names alone, so that two programs can be compared without a checkpoint.

Every tensor is drawn from a stream of its own, seeded by its name, its shape and a seed:
two networks whose state dicts agree get the same weights, whoever wrote them.
"""

import math
import zlib
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def _normal(name: str, shape: Sequence[int], seed: int) -> NDArray[np.float32]:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()) + 1_000_003 * seed))
    return generator.standard_normal(tuple(shape), dtype=np.float32)


def values(name: str, shape: Sequence[int], seed: int = 0) -> NDArray[np.float32]:
    """What the parameter or buffer `name` is filled with.

    Two dimensions and more: normal, divided by the root of the fan-in; a running variance
    above 1; a one-dimensional weight around 1; everything else around 0.
    """
    drawn = _normal(name, shape, seed)
    if len(shape) >= 2:
        return drawn / np.float32(math.sqrt(math.prod(shape[1:])))
    if name.endswith("running_var"):
        return 1 + np.float32(0.1) * np.abs(drawn)
    if name.endswith("weight"):
        return 1 + np.float32(0.1) * drawn
    return np.float32(0.1) * drawn


@torch.no_grad()
def fill(module: AnyModule, seed: int = 0, skip: Sequence[str] = ()) -> AnyModule:
    """Fill every floating-point tensor of the state dict in place, but for names that hold one of `skip`."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not any(part in name for part in skip):
            drawn = np.asarray(values(name, tensor.shape, seed), dtype=np.float32).reshape(tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(drawn)).to(tensor.dtype))
    return module


def noise(tag: str, shape: Sequence[int], seed: int = 0) -> Tensor:
    """A standard-normal input, float32, the same everywhere for the same tag, shape and seed."""
    return torch.from_numpy(_normal(tag, shape, seed))


def image(tag: str, shape: Sequence[int], seed: int = 0) -> Tensor:
    """A smooth picture (B, C, H, W) in [0, 1], the same everywhere for the same tag, shape and seed."""
    batch, channels, height, width = shape
    coarse = noise(tag, (batch, channels, max(2, height // 8), max(2, width // 8)), seed)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return (0.5 + 0.25 * smooth).clamp(0, 1)


def sample(tensor: Tensor, n: int = 64) -> dict[str, Any]:
    """Shape, moments and `n` values at fixed positions, ready for JSON; values have seven decimals."""
    flat = tensor.detach().double().flatten()
    index = torch.linspace(0, flat.numel() - 1, min(n, flat.numel())).round().long()
    return {
        "shape": list(tensor.shape),
        "mean": flat.mean().item(),
        "std": flat.std(unbiased=False).item(),
        "min": flat.min().item(),
        "max": flat.max().item(),
        "index": index.tolist(),
        "value": [round(value, 7) for value in flat[index].tolist()],
    }

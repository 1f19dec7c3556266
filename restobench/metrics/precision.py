"""How metrics compute: without gradients, in float32 that is float32, and laid out as the device likes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def placed(network: Network, device: str) -> Network:
    """The network on the device, in eval mode, its weights without gradients.

    A processor convolves a fifth quicker with the channels last, pictures of any layout.
    """
    if device == "cpu":
        network.to(memory_format=torch.channels_last)
    return network.to(device).eval().requires_grad_(False)


@contextmanager
def as_metrics_compute() -> Iterator[None]:
    """No gradients, no TF32 (its 10 bits move LPIPS in the third decimal), no kernel chosen by trial.

    Whatever a method was run with, and as it was again afterwards.
    """
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = False
    try:
        with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        matmul.allow_tf32 = before

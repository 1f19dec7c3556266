"""How metrics compute: without gradients, and in float32 that is float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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

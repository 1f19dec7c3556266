"""Metrics on tensors, for the validation of somebody's training loop: no files, no run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from restobench.errors import RestobenchError
from restobench.metrics.registry import choose_metrics, read_protocol

if TYPE_CHECKING:
    from torch import Tensor


def score(
    restored: Tensor, gt: Tensor | None = None, *, protocol: str | None = None, metrics: Sequence[str] | None = None
) -> dict[str, Tensor]:
    """Score a batch as `restobench evaluate` would score the saved pictures.

    Both are clamped and rounded to 8 bits first, because that is what a saved picture
    holds; so the values equal those of the same pictures on disk.

    Args:
        restored: (B, 3, H, W), sRGB in [0, 1].
        gt: The clean pictures, of the same shape; None for metrics that need none.
        protocol: A named list of metrics; default `offline-v1` where no metrics are named.
        metrics: Names of metrics, instead of a protocol.

    Returns:
        (B,) float64 for each metric, on the batch's device; a set-level metric gives one
        number, shape (1,), over the batch.

    Raises:
        RestobenchError: A metric is unknown, cannot be computed here, or needs clean pictures.
    """
    import torch

    if protocol and metrics:
        raise RestobenchError("Name a protocol or metrics, not both.")
    names = metrics or read_protocol(protocol or "offline-v1").metrics
    saved = _as_saved(restored)
    clean = None if gt is None else _as_saved(gt)
    values = {}
    with torch.inference_mode():
        for metric in choose_metrics(names):
            function = metric.load()
            if metric.card.kind == "set":
                state = function()
                state.update(saved, clean)
                values[metric.name] = torch.tensor([state.compute()], dtype=torch.float64)
            elif metric.card.kind == "no-reference":
                values[metric.name] = function(saved)
            elif clean is None:
                raise RestobenchError(f"'{metric.name}' compares with clean pictures: score(restored, gt).")
            else:
                values[metric.name] = function(saved, clean)
    return values


def _as_saved(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) as it would be read back: the values are k / 255, in float32 like `read_picture`'s."""
    return (pictures.detach().float().clamp(0, 1) * 255).round() / 255

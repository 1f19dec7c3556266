"""Metrics on tensors, for the validation of somebody's training loop: no files, no run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from restobench.errors import RestobenchError
from restobench.metrics.protocol import protocol_metrics
from restobench.metrics.registry import SetValue, choose_metrics

if TYPE_CHECKING:
    from torch import Tensor

    from restobench.metrics.registry import Metric


def score(
    restored: Tensor,
    gt: Tensor | None = None,
    *,
    lq: Tensor | None = None,
    protocol: str | None = None,
    metrics: Sequence[str] | None = None,
) -> dict[str, Tensor]:
    """Score a batch as `restobench evaluate` would score the saved pictures.

    All are clamped and rounded to 8 bits first, because that is what a saved picture
    holds; so the values equal those of the same pictures on disk.

    Args:
        restored: (B, 3, H, W), sRGB in [0, 1].
        gt: The clean pictures, of the same shape; None for metrics that need none.
        lq: What was restored, for metrics that compare with it.
        protocol: A named list of metrics; default `offline-v1` where no metrics are named.
        metrics: Names of metrics, instead of a protocol.

    Returns:
        (B,) float64 for each metric, on the batch's device; a set-level metric gives one
        number, shape (1,), over the batch.

    Raises:
        RestobenchError: A metric is unknown, cannot be computed here, or needs other pictures.
    """
    if protocol and metrics:
        raise RestobenchError("Name a protocol or metrics, not both.")
    from restobench.metrics.precision import as_metrics_compute

    chosen = choose_metrics(metrics) if metrics else protocol_metrics(protocol or "offline-v1")
    saved = _as_saved(restored)
    others = {role: None if given is None else _as_saved(given) for role, given in (("clean", gt), ("input", lq))}
    values = {}
    with as_metrics_compute():
        for metric in chosen:
            other = others[metric.card.reference] if metric.card.reference else None
            if metric.card.reference and other is None:
                call = "score(restored, gt)" if metric.card.reference == "clean" else "score(restored, lq=lq)"
                what = "clean pictures" if metric.card.reference == "clean" else "the input"
                raise RestobenchError(f"'{metric.name}' compares with {what}: {call}.")
            values[metric.name] = _value(metric, saved, other).to(restored.device)
    return values


def _value(metric: Metric, restored: Tensor, other: Tensor | None) -> Tensor:
    import torch

    from restobench.metrics.colour import check_pair, check_pictures

    check_pictures(restored, "restored", metric.card.min_side)
    function = metric.load(str(restored.device))
    pictures = [restored] if other is None else [restored, other]
    if metric.card.features:
        if other is not None and metric.card.kind == "full-reference":
            check_pair(restored, other)  # features alone would not show that sizes differ
        vectors = [function.features(each).cpu() for each in pictures]
        found = function.compare(*vectors, *[None] * (2 - len(vectors)))
        return torch.tensor([found.value], dtype=torch.float64) if isinstance(found, SetValue) else found
    if metric.card.one_by_one:
        return torch.cat([function(*(each[i : i + 1] for each in pictures)) for i in range(len(restored))])
    value: Tensor = function(*pictures)
    return value


def _as_saved(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) as it would be read back: the values are k / 255, in float32 like `read_picture`'s."""
    return (pictures.detach().float().clamp(0, 1) * 255).round() / 255

"""Other ways to score the same pictures, as papers' programs do without saying so.

A metric's relatives (another luma, another net, another reference), a cropped border,
rounded luma, pictures saved as JPEG or shifted by a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from restobench.alterations import Pair, as_jpeg, as_rounded_luma, cropped, shifted
from restobench.errors import RestobenchError
from restobench.metric_card import MetricCard
from restobench.metrics.registry import Metric, all_metrics, choose_metrics

if TYPE_CHECKING:
    from torch import Tensor

Change = Literal["", "rounded", "jpeg95", "jpeg75", "shifted"]

_TEXTS: dict[Change, str] = {
    "": "",
    "rounded": "the luma rounded to whole levels",
    "jpeg95": "restored pictures saved as JPEG, quality 95",
    "jpeg75": "restored pictures saved as JPEG, quality 75",
    "shifted": "restored pictures shifted by one pixel",
}


@dataclass(frozen=True)
class Variant:
    """One way to score."""

    metric: str
    """A registered metric."""
    border: int = 0
    """Pixels cropped on each side."""
    change: Change = ""

    @property
    def cause(self) -> tuple[str, int, str]:
        """What it has in common with variants that differ by a rounding alone."""
        return self.metric, self.border, "" if self.change == "rounded" else self.change

    def text(self, usual: str) -> str:
        """In words, beside the metric that was meant."""
        parts = [f"{self.metric} instead of {usual}"] if self.metric != usual else []
        if self.border:
            parts.append(f"{self.border} pixels of border cropped")
        if self.change:
            parts.append(_TEXTS[self.change])
        return ", ".join(parts)


def relatives(metric: str) -> list[Metric]:
    """The metrics of one family that can be computed here, the metric itself first: `psnr`, `psnr-y`, `psnr-yiq`."""
    family = metric.partition("-")[0]
    known = [
        one
        for one in all_metrics()
        if one.name.partition("-")[0] == family and one.card.reference != "input" and not one.missing()
    ]
    return sorted(known, key=lambda one: (one.name != metric, one.name))


def variants_of(metric: str, scale: int) -> list[Variant]:
    """Every other way to score that applies to a metric.

    Args:
        metric: What the number is said to be.
        scale: How many times the pictures were enlarged; programs crop as many pixels.
    """
    found: list[Variant] = []
    for relative in relatives(metric):
        # Networks of faces take one size of picture only.
        by_pixels = relative.card.kind == "full-reference" and not relative.card.features
        for border in sorted({0, 2, 4, scale if scale > 1 else 0}) if by_pixels else [0]:
            found.append(Variant(relative.name, border))
            if relative.name in ("psnr-y", "ssim-y"):
                found.append(Variant(relative.name, border, "rounded"))
        found += [Variant(relative.name, 0, "jpeg95"), Variant(relative.name, 0, "jpeg75")]
        if relative.card.kind == "full-reference":
            found.append(Variant(relative.name, 0, "shifted"))
    return [variant for variant in found if variant != Variant(metric)]


class Scorer:
    """Scores pairs of pictures in every way at once, so that each picture is read once."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        """Load what the variants need; those of a metric that cannot be loaded are left out."""
        self._functions: dict[str, Any] = {}
        self.left_out: dict[str, str] = {}
        """By metric that cannot be loaded: why."""
        self.failed: dict[Variant, str] = {}
        """Variants that could not score some picture, and have no number."""
        names = [variant.metric for variant in variants]
        names += [variant.metric.partition("-")[0] for variant in variants if variant.change == "rounded"]
        self._metrics = {metric.name: metric for metric in choose_metrics(names)}
        for name, metric in self._metrics.items():
            try:
                self._functions[name] = metric.load()
            except RestobenchError as error:
                self.left_out[name] = str(error)
        self.variants = [variant for variant in variants if variant.metric in self._functions]
        self._of_sets: dict[Variant, list[list[Tensor]]] = {
            variant: [] for variant in self.variants if self.card_of(variant).kind == "set"
        }

    def card_of(self, variant: Variant) -> MetricCard:
        """The card of the variant's metric."""
        return self._metrics[variant.metric].card

    def score(self, restored: Tensor, gt: Tensor | None, wanted: Sequence[Variant]) -> Mapping[Variant, float]:
        """The value of one pair, (1, 3, H, W) each, in every wanted way; sets take it in and give none."""
        import torch

        values: dict[Variant, float] = {}
        with torch.inference_mode():
            for variant in wanted:
                try:
                    pictures = self._shown(variant, restored, gt)
                    if variant in self._of_sets:
                        function = self._functions[variant.metric]
                        self._of_sets[variant].append([function.features(picture).cpu() for picture in pictures])
                    else:
                        values[variant] = self._call(variant, pictures)
                except RestobenchError as error:  # too small a picture once it is cropped
                    self.failed.setdefault(variant, str(error))
        return values

    def of_sets(self) -> Iterator[tuple[Variant, float]]:
        """The numbers of the set-level variants, once every picture was shown."""
        import torch

        for variant, vectors in self._of_sets.items():
            if variant in self.failed or not vectors:
                continue
            restored, *other = (torch.cat(list(side)) for side in zip(*vectors, strict=True))
            try:
                yield variant, self._functions[variant.metric].compare(restored, other[0] if other else None).value
            except RestobenchError as error:  # too few pictures
                self.failed[variant] = str(error)

    def _shown(self, variant: Variant, restored: Tensor, gt: Tensor | None) -> list[Tensor]:
        """What the metric is shown: the altered picture, and the clean one where it compares with that."""
        # What needs no clean picture is altered beside the restored one, which is then forgotten.
        pair = _altered(variant, Pair(restored, restored if gt is None else gt))
        return [pair.restored, pair.gt] if self.card_of(variant).reference == "clean" else [pair.restored]

    def _call(self, variant: Variant, pictures: Sequence[Tensor]) -> float:
        # Rounded luma stands in three equal channels, and is scored as RGB is.
        name = variant.metric.partition("-")[0] if variant.change == "rounded" else variant.metric
        function = self._functions[name]
        if self._metrics[name].card.features:
            vectors = [function.features(picture) for picture in pictures]
            return float(function.compare(*vectors, *[None] * (2 - len(vectors))).item())
        return float(function(*pictures).item())


def _altered(variant: Variant, pair: Pair) -> Pair:
    if variant.change == "shifted":
        pair = shifted(pair)
    elif variant.change in ("jpeg95", "jpeg75"):
        pair = as_jpeg(pair, int(variant.change.removeprefix("jpeg")))
    elif variant.change == "rounded":
        pair = as_rounded_luma(pair)
    return cropped(pair, variant.border)

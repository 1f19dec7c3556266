"""Other ways to score the same pictures, as papers' programs do without saying so.

A metric's relatives (another luma, another net, another reference), a cropped border,
rounded luma, a uniform window, pictures saved as JPEG, shifted by a pixel or resized
otherwise for FID's network, another revision of the data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from restobench.alterations import Pair, as_jpeg, as_rounded_luma, cropped, resized, shifted
from restobench.errors import RestobenchError
from restobench.metric_card import MetricCard
from restobench.metrics.registry import Metric, all_metrics, choose_metrics

if TYPE_CHECKING:
    from torch import Tensor

Change = Literal["", "rounded", "uniform", "jpeg95", "jpeg75", "shifted", "antialiased"]

_WINDOWED = ("ssim", "ssim-y", "ssim-yiq")
_WINDOWED_SIDE = 7

INCEPTION_SIDE = 299
"""Pixels that FID's network makes of a side; what has as many is not resized by it."""

_TEXTS: dict[Change, str] = {
    "": "",
    "rounded": "the luma rounded to whole levels",
    "uniform": "a uniform window of 7 x 7, scikit-image's default",
    "jpeg95": "restored pictures saved as JPEG, quality 95",
    "jpeg75": "restored pictures saved as JPEG, quality 75",
    "shifted": "restored pictures shifted by one pixel",
    "antialiased": "all pictures resized for the network with antialiasing, about as clean-fid does",
}


@dataclass(frozen=True)
class Variant:
    """One way to score."""

    metric: str
    """A registered metric."""
    border: int = 0
    """Pixels cropped on each side."""
    change: Change = ""
    revision: str = ""
    """Of the data set; empty: the one that was restored."""

    @property
    def cause(self) -> tuple[str, int, str, str]:
        """What it has in common with variants that differ by a rounding alone."""
        return self.metric, self.border, "" if self.change == "rounded" else self.change, self.revision

    def text(self, usual: str) -> str:
        """In words, beside the metric that was meant."""
        parts = [f"{self.metric} instead of {usual}"] if self.metric != usual else []
        if self.border:
            parts.append(f"{self.border} pixels of border cropped")
        if self.change:
            parts.append(_TEXTS[self.change])
        if self.revision:
            parts.append(f"revision {self.revision} of the data set")
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
        if relative.name in _WINDOWED:
            found.append(Variant(relative.name, 0, "uniform"))
        found += [Variant(relative.name, 0, "jpeg95"), Variant(relative.name, 0, "jpeg75")]
        if relative.card.kind == "full-reference":
            found.append(Variant(relative.name, 0, "shifted"))
        if relative.card.options.get("antialias") is False:
            found.append(Variant(relative.name, 0, "antialiased"))
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
        known: dict[tuple[object, ...], Tensor] = {}
        with torch.inference_mode():
            for variant in wanted:
                try:
                    if self.card_of(variant).features is None:
                        values[variant] = self._call(variant, self._shown(variant, restored, gt))
                        continue
                    vectors = self._features(variant, self._shown(variant, restored, gt), known)
                    if variant in self._of_sets:
                        self._of_sets[variant].append([vector.cpu() for vector in vectors])
                    else:
                        both = (*vectors, *[None] * (2 - len(vectors)))
                        values[variant] = float(self._functions[variant.metric].compare(*both).item())
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

    def _features(
        self, variant: Variant, pictures: Sequence[Tensor], known: dict[tuple[object, ...], Tensor]
    ) -> list[Tensor]:
        """Of each picture, looked up in `known`: metrics share features, and most changes leave the clean picture."""
        facts = self.card_of(variant).features
        assert facts is not None
        vectors = []
        for place, picture in enumerate(pictures):
            change = "" if place and variant.change != "antialiased" else variant.change
            key = (facts.name, place, variant.border, change)
            if key not in known:
                known[key] = self._functions[variant.metric].features(picture)
            vectors.append(known[key])
        return vectors

    def _call(self, variant: Variant, pictures: Sequence[Tensor]) -> float:
        if variant.change == "uniform":
            return _uniform_ssim(variant.metric, *pictures)
        # Rounded luma stands in three equal channels, and is scored as RGB is.
        name = variant.metric.partition("-")[0] if variant.change == "rounded" else variant.metric
        return float(self._functions[name](*pictures).item())


def _uniform_ssim(metric: str, restored: Tensor, gt: Tensor) -> float:
    """SSIM by scikit-image as it comes, but for the data range, which it would refuse to guess."""
    from skimage.metrics import structural_similarity

    from restobench.metrics.colour import luma_matlab, luma_yiq, rgb

    if min(restored.shape[-2:]) < _WINDOWED_SIDE:
        raise RestobenchError(f"A window of {_WINDOWED_SIDE} x {_WINDOWED_SIDE} does not fit into the picture.")
    planes = dict(zip(_WINDOWED, (rgb, luma_matlab, luma_yiq), strict=True))[metric]
    pairs = zip(planes(restored[0]), planes(gt[0]), strict=True)
    values = [float(structural_similarity(one.numpy(), other.numpy(), data_range=1.0)) for one, other in pairs]
    return sum(values) / len(values)


def _altered(variant: Variant, pair: Pair) -> Pair:
    if variant.change == "shifted":
        pair = shifted(pair)
    elif variant.change in ("jpeg95", "jpeg75"):
        pair = as_jpeg(pair, int(variant.change.removeprefix("jpeg")))
    elif variant.change == "rounded":
        pair = as_rounded_luma(pair)
    elif variant.change == "antialiased":
        pair = resized(pair, INCEPTION_SIDE)
    return cropped(pair, variant.border)

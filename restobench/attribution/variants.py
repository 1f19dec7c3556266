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

    @property
    def fingerprint(self) -> str:
        """The key of its cached values."""
        (metric,) = choose_metrics([self.metric])
        return f"{metric.fingerprint}|border={self.border}|change={self.change}"


def relatives(metric: str) -> list[Metric]:
    """The metrics of one family that can be computed here, the metric itself first: `psnr`, `psnr-y`, `psnr-yiq`."""
    family = metric.partition("-")[0]
    known = [one for one in all_metrics() if one.name.partition("-")[0] == family and not one.missing()]
    return sorted(known, key=lambda one: (one.name != metric, one.name))


def variants_of(metric: str, scale: int) -> list[Variant]:
    """Every other way to score that applies to a metric.

    Args:
        metric: What the number is said to be.
        scale: How many times the pictures were enlarged; programs crop as many pixels.
    """
    family = relatives(metric)
    found: list[Variant] = []
    for relative in family:
        kind = relative.card.kind
        borders = sorted({0, 2, 4, scale if scale > 1 else 0}) if kind == "full-reference" else [0]
        for border in borders:
            found.append(Variant(relative.name, border))
            if relative.name in ("psnr-y", "ssim-y"):
                found.append(Variant(relative.name, border, "rounded"))
        found += [Variant(relative.name, 0, "jpeg95"), Variant(relative.name, 0, "jpeg75")]
        if kind == "full-reference":
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
        for name in dict.fromkeys(names):
            (metric,) = choose_metrics([name])
            try:
                self._functions[name] = metric.load()
            except RestobenchError as error:
                self.left_out[name] = str(error)
        self._kinds = {name: choose_metrics([name])[0].card.kind for name in self._functions}
        self.variants = [variant for variant in variants if variant.metric in self._functions]
        self._sets = {variant: self._functions[variant.metric]() for variant in self.variants if self.is_set(variant)}

    def is_set(self, variant: Variant) -> bool:
        """Whether the variant gives one number for all pictures."""
        return self._kinds[variant.metric] == "set"

    def score(self, restored: Tensor, gt: Tensor | None, wanted: Sequence[Variant]) -> Mapping[Variant, float]:
        """The value of one pair, (1, 3, H, W) each, in every wanted way; sets take it in and give none."""
        import torch

        values: dict[Variant, float] = {}
        with torch.inference_mode():
            for variant in wanted:
                try:
                    altered = _altered(variant, restored, gt)
                    if self.is_set(variant):
                        self._sets[variant].update(altered.restored, None if gt is None else altered.gt)
                    else:
                        values[variant] = self._call(variant, altered)
                except RestobenchError as error:  # too small a picture once it is cropped, weights that are missing
                    self.failed.setdefault(variant, str(error))
        return values

    def of_sets(self) -> Iterator[tuple[Variant, float]]:
        """The numbers of the set-level variants, once every picture was shown."""
        for variant, state in self._sets.items():
            if variant not in self.failed:
                yield variant, float(state.compute())

    def _call(self, variant: Variant, pair: Pair) -> float:
        if self._kinds[variant.metric] == "no-reference":
            return float(self._functions[variant.metric](pair.restored).item())
        # Rounded luma stands in three equal channels, and is scored as RGB is.
        name = variant.metric.partition("-")[0] if variant.change == "rounded" else variant.metric
        return float(self._functions[name](*pair).item())


def _altered(variant: Variant, restored: Tensor, gt: Tensor | None) -> Pair:
    # What needs no clean picture is shown the restored one in its place and ignores it.
    pair = Pair(restored, restored if gt is None else gt)
    if variant.change == "shifted":
        pair = shifted(pair)
    elif variant.change in ("jpeg95", "jpeg75"):
        pair = as_jpeg(pair, int(variant.change.removeprefix("jpeg")))
    elif variant.change == "rounded":
        pair = as_rounded_luma(pair)
    return cropped(pair, variant.border)

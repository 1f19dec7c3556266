"""How far each choice of a metric's program moves a number, measured on the pictures of a run.

    restobench run --method bicubic --dataset demo
    python -m restobench.sensitivity bicubic:demo > restobench/sensitivity.toml

One choice is changed at a time: a luma, a border, a window, how the pictures were saved.
What was measured so ships as `sensitivity.toml` and is read by `restobench explain`.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from restobench.alterations import Pair, as_jpeg, as_rounded_luma, cropped, shifted
from restobench.dataset import Dataset, open_dataset
from restobench.environment import runs_folder
from restobench.errors import RestobenchError
from restobench.image import read_array, to_tensor
from restobench.metrics.registry import choose_metrics
from restobench.results import RunRecord, find_run
from restobench.statistics import mean_interval

if TYPE_CHECKING:
    from torch import Tensor

    Values = dict[str, float]
    """By metric."""
    Measure = Callable[[Tensor, Tensor], Values]
    """Restored and clean, (1, 3, H, W) each."""

TABLE = Path(__file__).with_name("sensitivity.toml")
METRICS = ("psnr", "psnr-y", "psnr-yiq", "ssim", "ssim-y", "ssim-yiq", "gmsd")
"""What is measured: weight-free metrics. Not FSIM, which takes ten times as long as all others together."""


class Move(NamedTuple):
    """By how much a choice moved a metric's mean, with its 95 % interval over pictures."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Choice:
    """One part of a signature with another value than the usual one, and what came of it."""

    field: Literal["metric", "img"]
    key: str
    value: str
    against: str
    """The usual value."""
    text: str
    moves: Mapping[str, Move]
    """By metric; a colour stands under the name of the metric that it is changed from."""


@dataclass(frozen=True)
class Table:
    """The choices, and what they were measured on."""

    data: str
    n: int
    fingerprint: str
    method: str
    base: Mapping[str, float]
    """By metric, the mean before anything is changed."""
    choices: tuple[Choice, ...]

    def move(self, metrics: Sequence[str], key: str, first: str, second: str) -> float | None:
        """How far `second` lies above `first`, for the first of the metrics that was measured; None: unknown."""
        for metric in metrics:
            known = {choice.value: choice.moves[metric].mean for choice in self._of(key) if metric in choice.moves}
            known |= {choice.against: 0.0 for choice in self._of(key) if metric in choice.moves}
            if first in known and second in known:
                return known[second] - known[first]
        return None

    def _of(self, key: str) -> list[Choice]:
        return [choice for choice in self.choices if choice.key == key]


@cache
def sensitivity_table() -> Table:
    """The table that ships with restobench."""
    return read_table(TABLE.read_text(encoding="utf-8"))


def read_table(text: str) -> Table:
    """Read what `write_table` wrote."""
    content = tomllib.loads(text)
    choices = [
        Choice(
            **{key: value for key, value in one.items() if key != "moves"},
            moves={
                metric: Move(move["mean"], move.get("low"), move.get("high")) for metric, move in one["moves"].items()
            },
        )
        for one in content.pop("choice")
    ]
    return Table(choices=tuple(choices), **content)


def write_table(table: Table) -> str:
    """The table as TOML, numbers to five digits behind the point."""
    lines = [
        "# How far a choice of a metric's program moves its mean: another value than the usual one, one at a time.",
        "# Measured, not typed:  restobench run --method bicubic --dataset demo",
        "#                       python -m restobench.sensitivity bicubic:demo",
        *(f"{key} = {json.dumps(getattr(table, key))}" for key in ("data", "n", "fingerprint", "method")),
        "\n[base]",
        *(f"{metric} = {value:.5f}" for metric, value in table.base.items()),
    ]
    for choice in table.choices:
        lines.append("\n[[choice]]")
        lines += [f"{key} = {json.dumps(getattr(choice, key))}" for key in ("field", "key", "value", "against", "text")]
        lines.append("[choice.moves]")
        for metric, move in choice.moves.items():
            shown = ", ".join(f"{key} = {value:.5f}" for key, value in move._asdict().items() if value is not None)
            lines.append(f"{metric} = {{ {shown} }}")
    return "\n".join(lines) + "\n"


def measure(record: RunRecord, dataset: Dataset) -> Table:
    """Measure every choice on the stored pictures of a run.

    Args:
        record: Any run.
        dataset: What was restored, with clean pictures.

    Raises:
        RestobenchError: There are no clean pictures, or a picture is missing.
    """
    import torch

    if not dataset.has_gt:
        raise RestobenchError(f"'{dataset.name}' has no clean pictures, and every choice is measured against them.")
    groups = [sample.group for sample in dataset.samples]
    base: list[Values] = []
    varied: dict[int, list[Values]] = {}
    with torch.inference_mode():
        for restored, gt in _pairs(record, dataset):
            base.append(_offline(restored, gt))
            for number, (_, variant) in enumerate(_VARIANTS):
                varied.setdefault(number, []).append(variant(restored, gt))
    choices = []
    for number, (facts, _) in enumerate(_VARIANTS):
        moves = {}
        for metric in varied[number][0]:
            values = [one[metric] - before[metric] for one, before in zip(varied[number], base, strict=True)]
            interval = mean_interval(values, groups)
            assert interval.mean is not None
            moves[metric] = Move(interval.mean, interval.low, interval.high)
        choices.append(Choice(*facts, moves))
    choices.append(_pooled(base))
    return Table(
        data=f"{dataset.name}@{dataset.revision}",
        n=len(base),
        fingerprint=record.run["dataset"]["fingerprint"][:12],
        method=record.method,
        base={metric: sum(values[metric] for values in base) / len(base) for metric in METRICS},
        choices=tuple(choices),
    )


def _pairs(record: RunRecord, dataset: Dataset) -> Iterator[tuple[Tensor, Tensor]]:
    for sample in dataset.samples:
        assert sample.gt is not None
        restored, gt = read_array(record.folder.picture(sample.id)), read_array(sample.gt)
        yield to_tensor(restored)[None], to_tensor(gt)[None]


def _offline(restored: Tensor, gt: Tensor) -> Values:
    return {metric.name: metric.load()(restored, gt).item() for metric in choose_metrics(METRICS)}


def _bordered(pixels: int, restored: Tensor, gt: Tensor) -> Values:
    return _offline(*cropped(Pair(restored, gt), pixels))


def _coloured(usual: str, other: str, restored: Tensor, gt: Tensor) -> Values:
    """PSNR and SSIM under the names with the ending `usual`, computed as those with the ending `other`."""
    found = _offline(restored, gt)
    return {name + usual: found[name + other] for name in ("psnr", "ssim")}


def _rounded_luma(restored: Tensor, gt: Tensor) -> Values:
    from restobench.metrics.psnr import psnr
    from restobench.metrics.ssim import ssim

    rounded = as_rounded_luma(Pair(restored, gt))
    return {"psnr-y": psnr(*rounded).item(), "ssim-y": ssim(*rounded).item()}


def _mean_of_channels(restored: Tensor, gt: Tensor) -> Values:
    mse = (restored.double() - gt.double()).square().mean(dim=(0, 2, 3))
    return {"psnr": (-10 * mse.log10()).mean().item()}


def _uniform_window(restored: Tensor, gt: Tensor) -> Values:
    """The defaults of scikit-image, but for the data range, which it would refuse to guess."""
    from skimage.metrics import structural_similarity

    one, other = (picture[0].double().numpy() for picture in (restored, gt))
    return {"ssim": float(structural_similarity(one, other, channel_axis=0, data_range=1.0))}


def _wrong_range(restored: Tensor, gt: Tensor) -> Values:
    """Pictures in [0, 255] with the constants for [0, 1]."""
    from skimage.metrics import structural_similarity

    one, other = (255 * picture[0].double().numpy() for picture in (restored, gt))
    value = structural_similarity(
        one, other, channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return {"ssim": float(value)}


def _as_jpeg(quality: int, restored: Tensor, gt: Tensor) -> Values:
    return _offline(*as_jpeg(Pair(restored, gt), quality))


def _shifted(restored: Tensor, gt: Tensor) -> Values:
    return _offline(*shifted(Pair(restored, gt)))


def _pooled(base: Sequence[Values]) -> Choice:
    import numpy as np

    psnr = np.array([values["psnr"] for values in base])
    moved = -10 * np.log10((10 ** (-psnr / 10)).mean()) - psnr.mean()
    text = "one PSNR of all pictures' mean error, instead of the mean of their PSNRs"
    return Choice("metric", "pictures", "pooled", "mean", text, {"psnr": Move(float(moved), None, None)})


class _Facts(NamedTuple):
    field: Literal["metric", "img"]
    key: str
    value: str
    against: str
    text: str


# By the ending of the metrics' names: what a signature calls the colour, and its words.
_COLOUR_NAMES = {"": ("rgb", "RGB"), "-y": ("y-bt601-matlab", "MATLAB's luma"), "-yiq": ("y-yiq", "the luma of YIQ")}
_COLOURS: tuple[tuple[_Facts, Measure], ...] = tuple(
    (
        _Facts("metric", "colour", value, against, f"{words} instead of {usual_words}"),
        partial(_coloured, usual, other),
    )
    for usual, (against, usual_words) in _COLOUR_NAMES.items()
    for other, (value, words) in _COLOUR_NAMES.items()
    if usual != other
)

_VARIANTS: tuple[tuple[_Facts, Measure], ...] = (
    (_Facts("metric", "border", "2", "0", "2 pixels of border cropped"), partial(_bordered, 2)),
    (_Facts("metric", "border", "4", "0", "4 pixels of border cropped"), partial(_bordered, 4)),
    *_COLOURS,
    (_Facts("metric", "rounded", "true", "false", "the luma rounded to whole levels"), _rounded_luma),
    (_Facts("metric", "channels", "mean", "together", "the mean of the channels' PSNRs"), _mean_of_channels),
    (
        _Facts("metric", "window", "uniform-7", "gaussian-11", "a uniform window of 7 x 7 (scikit-image's default)"),
        _uniform_window,
    ),
    (_Facts("metric", "data_range", "1/255", "1", "a data range of 1 for pictures in [0, 255]"), _wrong_range),
    (_Facts("img", "format", "jpeg95", "png8", "restored pictures saved as JPEG, quality 95"), partial(_as_jpeg, 95)),
    (_Facts("img", "format", "jpeg75", "png8", "restored pictures saved as JPEG, quality 75"), partial(_as_jpeg, 75)),
    (_Facts("img", "shift", "1", "0", "restored pictures shifted by one pixel"), _shifted),
)


def main() -> None:
    """Print the table of the run that is named, as TOML."""
    if len(sys.argv) != 2:
        sys.exit("python -m restobench.sensitivity RUN")
    record = find_run(runs_folder(), sys.argv[1])
    sys.stdout.write(write_table(measure(record, open_dataset(record.run["dataset"]["reference"]))))


if __name__ == "__main__":
    try:
        main()
    except RestobenchError as error:
        sys.exit(str(error))

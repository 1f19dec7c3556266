"""Tables forged by a hidden way of scoring: how often it is named, and how often another one where it is withheld.

    python -m tests.attribution.forging                     # all metrics, 20 tables a hidden way: about an hour
    python -m tests.attribution.forging --tables 2 psnr     # a minute

A table is of three methods on four sets of a few crops of the photographs in `demo`, printed with the
papers' digits. PSNR and SSIM are printed as scikit-image and OpenCV have them, where they have such a way of
scoring; the rest is printed as we have it. Networks have weights that follow from names: nothing is downloaded,
and no number of theirs is a real one, but ways of scoring differ as they do with any weights.
"""

import argparse
import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from skimage.color import rgb2ycbcr, rgb2yiq
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from restobench.attribution.deciding import Trial, attribute
from restobench.attribution.variants import Scorer, Variant, variants_of
from restobench.dataset import open_dataset
from restobench.image import read_array, to_tensor
from restobench.leaderboard.verdict import tolerance_of
from restobench.metrics.registry import choose_metrics
from tests.metrics.filled import put_weights

METRICS = ("psnr", "psnr-y", "ssim", "ssim-y", "lpips-alex", "lpips-vgg", "fid-gt", "fid-ffhq")
DIGITS = {"psnr": 2, "ssim": 4}
"""Behind the point, as papers print them."""
SIGNIFICANT = {"lpips": 3, "fid": 4}
"""Digits of 0.485 and 69.99, whatever the size that values have with these networks."""
MATTERS = {"lpips": 0.03, "fid": 0.02}
"""The difference that matters in practice, as a share: 0.01 of 0.35, and 2 %."""
SIDES = (44, 53)
"""Of a crop: what is left of it without a border is enough for LPIPS."""
OTHER_REVISION = "fewer"
"""A revision of each set, without its last picture."""


class Size(NamedTuple):
    """Of a table."""

    sets: int = 4
    methods: int = 3
    pictures: int = 3


USUAL = Size()

Cells = tuple[tuple[float, Mapping[Variant, float], Mapping[Variant, float]], ...]
"""For each cell the usual number, every variant's, and the same as printed: by other programs where they can."""


class Count(NamedTuple):
    """Cells of which a cause is asked."""

    differ: int
    named: int
    """With the true cause among those that are named."""
    wrong: int
    """With a cause named where the true one is withheld."""


def put_networks(home: Path, metrics: Iterable[str]) -> None:
    """Put the networks' files in their place, for the families of the metrics that need any.

    FID's reference set is 40 crops as this network sees them: from one of chance every picture is about as far.
    """
    families = {name.partition("-")[0] for name in metrics}
    put_weights(home, *(name for name in METRICS if name.partition("-")[0] in families & set(SIGNIFICANT)))
    if "fid" in families:
        (metric,) = choose_metrics(["fid-ffhq"])
        (statistics,) = [part for part in metric.parts if part.name == "statistics"]
        network = metric.load()
        with torch.inference_mode():
            features = torch.cat([network.features(gt) for gt in crops(999, 40)]).double().numpy()
        path = home / "weights" / statistics.owner / str(statistics.facts.file)
        torch.save({"mean": features.mean(axis=0), "cov": np.cov(features, rowvar=False)}, path)


def printed(metric: str, value: float) -> tuple[float, float]:
    """A value as a paper prints it, and half of its last digit."""
    family = metric.partition("-")[0]
    digits = DIGITS.get(family) or SIGNIFICANT[family] - 1 - math.floor(math.log10(abs(value)))
    return round(value, digits), 0.5 * 10.0**-digits


def matters(metric: str, published: float) -> float:
    """The difference that matters in practice."""
    share = MATTERS.get(metric.partition("-")[0])
    return share * abs(published) if share else tolerance_of(metric).around(published)


def crops(seed: int, count: int) -> list[Tensor]:
    """Crops of the photographs, (1, 3, 44, 53) each."""
    draw = np.random.default_rng(seed)
    samples = open_dataset("demo").samples
    found = []
    for sample in draw.choice(np.arange(len(samples)), count):
        path = samples[sample].gt
        assert path
        pixels = read_array(path)
        top, left = (draw.integers(0, whole - part) for whole, part in zip(pixels.shape, SIDES, strict=False))
        found.append(to_tensor(pixels[top : top + SIDES[0], left : left + SIDES[1]])[None])
    return found


def degraded(gt: Tensor, method: int, seed: int) -> Tensor:
    """What simple methods make of a picture: noise, blur, and a cast of colour; 8 bits."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.nn.functional.interpolate(gt, scale_factor=1 / (method + 2), mode="bilinear", antialias=True)
    restored = torch.nn.functional.interpolate(small, size=gt.shape[-2:], mode="bicubic", align_corners=False)
    cast = torch.rand(1, 3, 1, 1, generator=generator) * 0.06 - 0.03
    noise = torch.randn(gt.shape, generator=generator) * 0.02 * (method + 1)
    return ((restored + cast + noise).clamp(0, 1) * 255).round() / 255


@cache
def cells(metric: str, seed: int, size: Size = USUAL) -> Cells:
    """A table's cells in every way of scoring."""
    usual, fewer = Variant(metric), Variant(metric, revision=OTHER_REVISION)
    variants = [usual, *variants_of(metric, 4)]
    found = []
    for number in range(size.sets):
        clean = crops(1000 * seed + number, size.pictures)
        for method in range(size.methods):
            pairs = [(degraded(gt, method, 100 * seed + 10 * number + at), gt) for at, gt in enumerate(clean)]
            values = means(pairs, variants)
            values[fewer] = means(pairs[:-1], [usual])[usual]
            told = {way: np.mean([by_others(way, *pair) for pair in pairs]) for way in variants if others_can(way)}
            found.append((values.pop(usual), values, values | told))
    return tuple(found)


def means(pairs: Sequence[tuple[Tensor, Tensor]], variants: Sequence[Variant]) -> dict[Variant, float]:
    """Of each way of scoring, over a set of pairs."""
    scorer = Scorer(variants)
    values = [scorer.score(restored, gt, variants) for restored, gt in pairs]
    assert not scorer.failed
    assert not scorer.left_out
    return {variant: float(np.mean([one[variant] for one in values])) for variant in values[0]} | dict(scorer.of_sets())


def others_can(way: Variant) -> bool:
    """Whether scikit-image and OpenCV have this way of scoring."""
    family, _, colour = way.metric.partition("-")
    return family in ("psnr", "ssim") and colour != "matched" and way.change != "shifted"


def by_others(way: Variant, restored: Tensor, gt: Tensor) -> float:
    """What scikit-image says of a pair, and OpenCV's JPEG."""
    pair = [(one[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for one in (restored, gt)]
    if way.change.startswith("jpeg"):
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(way.change.removeprefix("jpeg"))]
        _, code = cv2.imencode(".jpg", pair[0][..., ::-1], quality)
        pair[0] = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    inside = slice(way.border, -way.border or None)
    pair = [one[inside, inside] for one in pair]
    family, _, colour = way.metric.partition("-")
    if colour:
        luma = {"y": lambda one: rgb2ycbcr(one)[..., 0], "yiq": lambda one: 255 * rgb2yiq(one)[..., 0]}[colour]
        pair = [luma(one).round() if way.change == "rounded" else luma(one) for one in pair]
    if family == "psnr":
        return float(peak_signal_noise_ratio(*pair, data_range=255))
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    window = {} if way.change == "uniform" else gaussian
    return float(structural_similarity(*pair, data_range=255, channel_axis=None if colour else 2, **window))


def forged(metric: str, seed: int, hidden: Variant, size: Size, *, withheld: bool) -> list[Trial]:
    """The cells that differ in a table that was scored in the hidden way."""
    trials = []
    for number, (usual, values, told) in enumerate(cells(metric, seed, size)):
        published, half_digit = printed(metric, told[hidden])
        if abs(published - usual) <= matters(metric, published):
            continue
        left = {variant: v for variant, v in values.items() if not (withheld and variant.cause == hidden.cause)}
        trials.append(Trial(f"cell{number}", published, half_digit, usual, left))
    return trials


def hidden_ways(metric: str) -> list[Variant]:
    """Relatives, border, rounding, JPEG, shift, resizing, revision; and relatives with a border."""
    ways = [variant for variant in variants_of(metric, 4) if variant.border in (0, 4)]
    return [*ways, Variant(metric, revision=OTHER_REVISION)]


def outcome(metric: str, seed: int, hidden: Variant, size: Size = USUAL) -> Count:
    """Of one table; nothing where fewer than three cells differ."""
    trials = forged(metric, seed, hidden, size, withheld=False)
    if len(trials) < 3:
        return Count(0, 0, 0)
    named = sum(hidden in attribute(trials, trial.cell).causes for trial in trials)
    without = forged(metric, seed, hidden, size, withheld=True)
    return Count(len(trials), named, sum(bool(attribute(without, trial.cell).causes) for trial in without))


def outcomes(metric: str, seeds: Sequence[int], size: Size = USUAL) -> Iterator[tuple[Variant, Count]]:
    """For each hidden way the counts over all tables."""
    for hidden in hidden_ways(metric):
        counts = [outcome(metric, seed, hidden, size) for seed in seeds]
        yield hidden, Count(*map(sum, zip(*counts, strict=True)))


def shares(metric: str, seeds: Sequence[int], size: Size = USUAL) -> tuple[float, float]:
    """Over all tables with at least three cells that differ: the share named, and the share named wrongly."""
    differ, named, wrong = (
        sum(column) for column in zip(*(one for _, one in outcomes(metric, seeds, size)), strict=True)
    )
    assert differ, "no way of scoring moved the numbers at all"
    return named / differ, wrong / differ


def main() -> None:
    """Forge, ask, and print a line a kind of cause."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("metric", nargs="*", default=list(METRICS), help=f"of {', '.join(METRICS)}")
    parser.add_argument("--tables", type=int, default=20, help="for each metric and hidden way")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["RESTOBENCH_HOME"] = home
        put_networks(Path(home), told.metric)
        total: Counter[str] = Counter()
        print("| metric | hidden | cells | named | another named where it is withheld |\n|---|---|---:|---:|---:|")
        for metric in told.metric:
            for hidden, count in outcomes(metric, range(told.tables)):
                if count.differ:
                    name = hidden.text(metric)
                    print(f"| {metric} | {name} | {count.differ} | {count.named} | {count.wrong} |", flush=True)
                total.update(count._asdict())
            cells.cache_clear()
    named, wrong = (f"{total[what]} ({total[what] / total['differ']:.1%})" for what in ("named", "wrong"))
    print(f"| | all | {total['differ']} | {named} | {wrong} |")


if __name__ == "__main__":
    main()

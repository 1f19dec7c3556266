"""The Real-ESRGAN chain: what it draws, and that nothing but its draws decides."""

import json
import math
import random
from collections import Counter
from dataclasses import asdict

import pytest
import torch
from scipy.stats import kstest

from restobench.degradations.generators import Generators
from restobench.degradations.real_esrgan import (
    Choices,
    degrade,
    degrade_with,
    draw_choices,
    draw_kernels,
    draw_levels,
    kernel_batch,
)
from restobench.degradations.recipes import IMAGENET_TEST, REAL_ESRGAN_RECIPES, REAL_ESRGAN_TRAINING
from restobench.errors import RestobenchError
from tests.filling import image


def many_choices(count: int = 4000) -> list[Choices]:
    python = random.Random(2)
    return [draw_choices(REAL_ESRGAN_TRAINING, python) for _ in range(count)]


def share_is(found: int, count: int, share: float) -> bool:
    """Within four standard errors."""
    return abs(found / count - share) < 4 * math.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize("name", REAL_ESRGAN_RECIPES)
@pytest.mark.parametrize("seed", range(4))
def test_the_result_is_a_quarter_of_the_picture_in_eight_bit_steps(name: str, seed: int) -> None:
    """Whatever sizes were drawn in between; sides that four does not divide are rounded down."""
    gt = image("gt", (2, 3, 149, 170), seed)

    degraded, kernels = degrade(gt, REAL_ESRGAN_RECIPES[name], Generators.of_seed(seed))

    assert degraded.lq.shape == (2, 3, 37, 42)
    assert degraded.lq.dtype == torch.float32
    torch.testing.assert_close(degraded.lq * 255, (degraded.lq * 255).round(), atol=1e-4, rtol=0)
    assert 0 <= degraded.lq.min() <= degraded.lq.max() <= 1
    assert len(kernels) == len(degraded.first.noise) == len(degraded.second.jpeg_quality) == 2


def test_equal_seeds_give_equal_pictures_and_others_others() -> None:
    """No global generator has a part in it: they are moved between the two."""
    gt = image("gt", (1, 3, 128, 128), 0)

    def lq(seed: int) -> torch.Tensor:
        return degrade(gt, REAL_ESRGAN_TRAINING, Generators.of_sample(seed, "a"))[0].lq

    first = lq(0)
    torch.rand(5)
    random.random()

    assert torch.equal(lq(0), first)
    assert not torch.equal(lq(1), first)


def test_what_was_drawn_fits_into_a_manifest() -> None:
    """Plain numbers and texts, and as many as there are pictures."""
    degraded, kernels = degrade(image("gt", (3, 3, 96, 96), 0), IMAGENET_TEST, Generators.of_seed(4))

    first = kernels[0]
    text = json.dumps([asdict(first.first), asdict(first.final), asdict(degraded.choices), asdict(degraded.first)])

    assert '"resize"' in text
    assert '"cutoff_rad"' in text
    assert degraded.second.noise == ()


def test_the_choices_follow_the_recipe() -> None:
    """Shares within four standard errors, scales by Kolmogorov and Smirnov's test."""
    drawn = many_choices()
    count = len(drawn)
    scales = [choices.first.scale for choices in drawn]
    down = [scale for scale in scales if scale < 1]
    up = [scale for scale in scales if scale > 1]

    assert share_is(len(up), count, 0.2)
    assert share_is(len(down), count, 0.7)
    assert kstest(up, "uniform", (1, 0.5)).pvalue > 1e-3
    assert kstest(down, "uniform", (0.15, 0.85)).pvalue > 1e-3
    for found in (Counter(one.first.resize for one in drawn), Counter(one.final_resize for one in drawn)):
        assert set(found) == {"area", "bilinear", "bicubic"}
        assert all(share_is(number, count, 1 / 3) for number in found.values())
    assert share_is(sum(one.first.noise == "gaussian" for one in drawn), count, 0.5)
    assert share_is(sum(one.jpeg_last for one in drawn), count, 0.5)
    second = [one for one in drawn if one.second is not None]
    assert share_is(len(second), count, 0.5)
    assert share_is(sum(one.second_blur for one in second), len(second), 0.8)
    assert not any(one.second_blur for one in drawn if one.second is None)


def test_imagenet_test_has_no_second_stage() -> None:
    """Its published probability is 0, although its other values are given."""
    python = random.Random(0)

    assert all(draw_choices(IMAGENET_TEST, python).second is None for _ in range(100))


def test_levels_and_qualities_follow_the_recipe() -> None:
    """Of 300 pictures too small to take long."""
    degraded, _ = degrade(torch.full((300, 3, 48, 48), 0.5), IMAGENET_TEST, Generators.of_seed(1))

    low, high = (1, 15) if degraded.choices.first.noise == "gaussian" else (0.05, 0.3)
    assert kstest(degraded.first.noise, "uniform", (low, high - low)).pvalue > 1e-3
    assert kstest(degraded.first.jpeg_quality, "uniform", (70, 25)).pvalue > 1e-3
    assert kstest(degraded.second.jpeg_quality, "uniform", (80, 20)).pvalue > 1e-3
    assert share_is(sum(degraded.first.grey), 300, 0.4)


@pytest.mark.parametrize("name", REAL_ESRGAN_RECIPES)
@pytest.mark.parametrize("seed", range(3))
def test_levels_can_be_drawn_before_and_handed_in(name: str, seed: int) -> None:
    """So that a picture follows from recorded values and a stream of noise of its own."""
    recipe, gt = REAL_ESRGAN_RECIPES[name], image("gt", (2, 3, 96, 112), seed)
    generators = Generators.of_seed(seed)
    kernels = kernel_batch([draw_kernels(recipe, generators) for _ in range(2)])
    choices = draw_choices(recipe, generators.python)

    levels = draw_levels(recipe, choices, 2, generators.torch)
    degraded, again = (
        degrade_with(gt, kernels, choices, recipe, Generators.of_seed(5).torch, levels) for _ in range(2)
    )

    assert (degraded.first, degraded.second) == levels
    assert bool(levels[1].noise) == (choices.second is not None)
    assert torch.equal(degraded.lq, again.lq)
    assert len(levels[0].noise) == len(levels[0].grey) == len(levels[1].jpeg_quality) == 2


def test_a_picture_without_four_pixels_is_refused() -> None:
    """Nothing would be left of it."""
    with pytest.raises(RestobenchError, match="A picture of 40 x 3 cannot be made 4 times smaller"):
        degrade(torch.rand(1, 3, 3, 40), IMAGENET_TEST, Generators.of_seed(0))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_same_generators_give_the_same_pictures() -> None:
    """Draws are made where the generators are; what is left is the GPU's own rounding."""
    gt = image("gt", (2, 3, 128, 160), 0)

    here = degrade(gt, IMAGENET_TEST, Generators.of_seed(3))[0].lq
    there = degrade(gt.cuda(), IMAGENET_TEST, Generators.of_seed(3))[0].lq.cpu()

    assert ((here - there).abs() < 1.5 / 255).float().mean() > 0.98

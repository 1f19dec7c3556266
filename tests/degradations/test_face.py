"""The face papers' chain."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from restobench.degradations.face import (
    FaceDegradation,
    FaceRecipe,
    degrade_celeba_test,
    degrade_for_training,
    degraded_face,
    draw_celeba_test,
    draw_for_training,
    small_size,
)
from restobench.degradations.generators import Generators
from restobench.degradations.recipes import FACE_RECIPES
from restobench.errors import RestobenchError
from tests.filling import image

MILD = FaceDegradation((1.0, 1.0), 0.0, down_factor=1.0, noise_sigma=0.0, jpeg_quality=100)


def a_face(height: int = 96, width: int = 112) -> NDArray[np.float32]:
    return image("face", (1, 3, height, width), 0)[0].permute(1, 2, 0).numpy()


def noise_for(picture: NDArray[np.float32], degradation: FaceDegradation) -> NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal((*small_size(picture, degradation.down_factor), 3))


def degraded(degradation: FaceDegradation) -> NDArray[np.float32]:
    return degraded_face(a_face(), degradation, noise_for(a_face(), degradation))


def test_size_and_eight_bit_steps_are_kept() -> None:
    """The factor need not divide the sides."""
    lq = degraded(replace(MILD, down_factor=3.7, noise_sigma=9.0, jpeg_quality=40))

    assert lq.shape == (96, 112, 3)
    assert lq.dtype == np.float32
    np.testing.assert_allclose(lq * 255, (lq * 255).round(), atol=1e-4)


def test_almost_nothing_degrades_almost_nothing_and_colours_stay_in_place() -> None:
    """Red comes in first and goes out first, though OpenCV holds blue first in between."""
    lq = degraded(replace(MILD, sigma_px=(0.1, 0.1)))

    assert np.abs(lq - a_face()).mean() < 2 / 255


@pytest.mark.parametrize(
    "harder",
    [
        replace(MILD, sigma_px=(6.0, 2.0)),
        replace(MILD, down_factor=6.0),
        replace(MILD, noise_sigma=15.0),
        replace(MILD, jpeg_quality=30),
    ],
)
def test_each_part_takes_its_toll(harder: FaceDegradation) -> None:
    """None of the four is left out."""

    def loss(degradation: FaceDegradation) -> float:
        return float(np.square(degraded(degradation) - a_face()).mean())

    assert loss(harder) > 1.2 * loss(MILD)


def test_noise_is_laid_out_blue_first() -> None:
    """So that the numbers of programs that draw it so can be repeated."""
    flat = np.full((32, 40, 3), 0.5, np.float32)
    noise = np.zeros((32, 40, 3))
    noise[..., 0] = 1.0

    lq = degraded_face(flat, replace(MILD, noise_sigma=20.0), noise)

    assert lq[..., 2].mean() * 255 == pytest.approx(127.5 + 20, abs=2)
    assert lq[..., 0].mean() * 255 == pytest.approx(127.5, abs=2)


def test_celeba_test_s_values_follow_their_distributions() -> None:
    """Drawn by Python's generator alone, as two thousand pictures were."""
    python = random.Random(10000)

    drawn = [draw_celeba_test(python) for _ in range(2000)]

    for values, low, high in (
        ([one.down_factor for one in drawn], 1, 32),
        ([one.noise_sigma for one in drawn], 1, 20),
        ([one.sigma_px[0] for one in drawn], 4, 16),
        ([one.sigma_px[1] for one in drawn], 4, 16),
        ([one.angle_rad for one in drawn], 0, math.pi),
    ):
        assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-3
    assert {one.jpeg_quality for one in drawn} == set(range(30, 70))


@pytest.mark.parametrize("name", FACE_RECIPES)
def test_training_values_stay_in_the_recipe_s_ranges(name: str) -> None:
    """And half of the blurs are isotropic."""
    recipe = FACE_RECIPES[name]
    generators = Generators.of_sample(0, name)
    picture = a_face(40, 48)

    drawn = [degrade_for_training(picture, recipe, generators).degradation for _ in range(120)]

    for one in drawn:
        assert all(recipe.sigma_px[0] <= sigma <= recipe.sigma_px[1] for sigma in one.sigma_px)
        assert recipe.down_factor[0] <= one.down_factor <= recipe.down_factor[1]
        assert recipe.noise_sigma[0] <= one.noise_sigma <= recipe.noise_sigma[1]
        assert recipe.jpeg_quality[0] <= one.jpeg_quality < recipe.jpeg_quality[1]
    assert 36 < sum(one.sigma_px[0] == one.sigma_px[1] for one in drawn) < 84
    assert all(one.angle_rad == 0 for one in drawn if one.sigma_px[0] == one.sigma_px[1])


def test_values_are_drawn_in_the_same_order_without_the_noise() -> None:
    """What comes before the noise is equal; what comes after it is drawn from where the noise would have begun."""
    recipe = FACE_RECIPES["interlcm"]
    picture = a_face(40, 48)

    for seed in range(8):
        drawn = draw_for_training(recipe, Generators.of_seed(seed))
        used = degrade_for_training(picture, recipe, Generators.of_seed(seed)).degradation

        assert replace(drawn, jpeg_quality=0) == replace(used, jpeg_quality=0)
        assert drawn.jpeg_quality in range(*recipe.jpeg_quality)


def test_grey_takes_the_clean_picture_with_it() -> None:
    """Else a network would learn to invent colours."""
    recipe = FaceRecipe((0.1, 2), (1, 2), (0, 5), (80, 100), grey_probability=1.0)

    lq, gt, drawn = degrade_for_training(a_face(), recipe, Generators.of_seed(0))

    assert drawn.grey
    for picture in (lq, gt):
        np.testing.assert_array_equal(picture[..., 0], picture[..., 1])
        np.testing.assert_array_equal(picture[..., 0], picture[..., 2])
    np.testing.assert_allclose(gt[..., 0], a_face() @ [0.299, 0.587, 0.114], atol=1e-6)


def test_a_recorded_degradation_gives_the_same_picture_again() -> None:
    """A manifest holds the values; the noise follows from the sample's seed."""
    lq, _, drawn = degrade_celeba_test(a_face(), Generators.of_sample(0, "face"))

    generators = Generators.of_sample(0, "face")
    again = degraded_face(
        a_face(), drawn, generators.numpy.standard_normal((*small_size(a_face(), drawn.down_factor), 3))
    )

    np.testing.assert_array_equal(again, lq)


def test_what_cannot_be_is_refused() -> None:
    """With the numbers that do not fit."""
    with pytest.raises(RestobenchError, match=r"A picture of 112 x 96 cannot be made 99\.5 times smaller"):
        small_size(a_face(), 99.5)
    with pytest.raises(RestobenchError, match=r"has shape \(96, 112, 3\), not \(5, 5, 3\)"):
        degraded_face(a_face(), MILD, np.zeros((5, 5, 3)))
    with pytest.raises(RestobenchError, match="from 1 to 100, not 0"):
        degraded(replace(MILD, jpeg_quality=0))

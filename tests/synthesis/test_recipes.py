"""Each recipe: that recorded values give the pair again, and that the published sets are the published ones."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from scipy.stats import kstest

from restobench.degradations.face import degrade_celeba_test
from restobench.degradations.generators import Generators
from restobench.degradations.recipes import FACE_RECIPES, REAL_ESRGAN_RECIPES
from restobench.errors import RestobenchError
from restobench.metrics.protocol import protocol_names
from restobench.synthesis.enlarging import choose_imagenet, cut_to_multiple, middle_of
from restobench.synthesis.recipe import Planned, Recipe
from restobench.synthesis.registry import RECIPES, find_recipe, maker_of
from tests.synthesis.conftest import texture

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Stored

every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> Iterator[None]:
    return None


def planned(recipe: Recipe, *ids: str, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Parameters by id, as they come out of a manifest."""
    return {one.id: json.loads(json.dumps(one.parameters)) for one in maker_of(recipe).plan(ids, seed)}


def a_picture(recipe: Recipe) -> Stored:
    width, height = recipe.size or (91, 70)
    return texture(4, height, width)


@every
def test_recorded_values_give_the_pair_again(recipe: Recipe) -> None:
    """After JSON, and whatever was made before."""
    picture, drawn = a_picture(recipe), planned(recipe, "a", "x/b")

    first = maker_of(recipe).make(picture, drawn["x/b"])
    other = maker_of(recipe).make(picture, drawn["a"])
    again = maker_of(recipe).make(picture.copy(), drawn["x/b"])

    np.testing.assert_array_equal(first.lq, again.lq)
    np.testing.assert_array_equal(first.gt, again.gt)
    assert (first.lq != other.lq).any()
    assert first.lq.dtype == first.gt.dtype == np.uint8
    assert first.gt.shape == (first.lq.shape[0] * recipe.scale, first.lq.shape[1] * recipe.scale, 3)


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "difface2000"])
def test_a_sample_does_not_depend_on_the_others(name: str) -> None:
    """Nor on their order; but for the one published set whose faces were drawn one after the other."""
    recipe = RECIPES[name]

    assert planned(recipe, "a", "b", "c")["b"] == planned(recipe, "c", "b")["b"]
    assert planned(recipe, "b", seed=2)["b"] != planned(recipe, "b", seed=1)["b"]


@every
def test_values_of_another_recipe_are_refused(recipe: Recipe) -> None:
    """With what is wrong, and no traceback."""
    with pytest.raises(RestobenchError, match="the recorded parameters are not this recipe's"):
        maker_of(recipe).make(a_picture(recipe), {"nonsense": 1})


@every
def test_its_own_recipe_is_found_and_its_facts_hold(recipe: Recipe) -> None:
    """What is listed is what is made."""
    assert find_recipe(recipe.name) is recipe
    assert recipe.task in ("face", "restoration", "super-resolution")
    assert (recipe.task == "super-resolution") == (recipe.scale > 1)
    assert recipe.protocol in protocol_names()
    assert recipe.misfit(*(recipe.size or (4000, 3000))) is None
    assert recipe.misfit(recipe.min_side - 1, 4000)


@pytest.mark.parametrize("name", FACE_RECIPES)
def test_a_face_recipe_draws_from_its_ranges(name: str) -> None:
    """By Kolmogorov and Smirnov's test; half of the blurs are round."""
    ranges = FACE_RECIPES[name]
    count = 600

    drawn = [
        one["degradation"] for one in planned(RECIPES[name], *(f"face-{number}" for number in range(count))).values()
    ]

    for values, (low, high) in (
        ([one["sigma_px"][0] for one in drawn], ranges.sigma_px),
        ([one["down_factor"] for one in drawn], ranges.down_factor),
        ([one["noise_sigma"] for one in drawn], ranges.noise_sigma),
        ([one["angle_rad"] for one in drawn if one["angle_rad"]], (-math.pi, math.pi)),
    ):
        assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-4
    assert set(range(*ranges.jpeg_quality)) >= {one["jpeg_quality"] for one in drawn}
    round_ones = sum(one["sigma_px"][0] == one["sigma_px"][1] for one in drawn)
    assert abs(round_ones - count / 2) < 4 * math.sqrt(count / 4)
    greys = sum(one["grey"] for one in drawn)
    assert (0 < greys < 20) if ranges.grey_probability else greys == 0


def test_a_grey_face_has_a_grey_clean_picture() -> None:
    """Else a network would learn to invent colours."""
    recipe = RECIPES["resshift-faceir"]
    ids = [f"face-{number}" for number in range(600)]
    parameters = next(one for one in planned(recipe, *ids).values() if one["degradation"]["grey"])

    pair = maker_of(recipe).make(a_picture(recipe), parameters)

    for picture in pair:
        np.testing.assert_array_equal(picture[..., 0], picture[..., 2])


def test_celeba_test_is_what_one_sequential_program_makes() -> None:
    """Names shuffled, then values and noise from two generators face after face: as it was published.

    Ours makes them in any order.
    """
    pictures = {f"{number:05d}": texture(number, 512, 512) for number in range(4)}
    generators = Generators.of_seed(10000)
    names = sorted(pictures)
    generators.python.shuffle(names)
    published = {
        name: degrade_celeba_test(pictures[name].astype(np.float32) / np.float32(255), generators).lq for name in names
    }

    drawn = planned(RECIPES["difface2000"], *pictures, seed=RECIPES["difface2000"].seed)

    assert list(drawn) == names
    for name in sorted(names, reverse=True):
        pair = maker_of(RECIPES["difface2000"]).make(pictures[name], drawn[name])
        np.testing.assert_array_equal(pair.lq, (published[name] * 255).round())


def test_celeba_test_takes_two_thousand_of_many() -> None:
    """The first of the shuffled list; how long the tape of noise is follows from the sizes."""
    ids = [f"{number:05d}" for number in range(2500)]
    expected = ids.copy()
    random.Random(10000).shuffle(expected)

    drawn = maker_of(RECIPES["difface2000"]).plan(ids, 10000)

    assert [one.id for one in drawn] == expected[:2000]
    used = 0
    for one in drawn:
        assert one.parameters["noise_from"] == used
        used += 3 * int(512 // one.parameters["degradation"]["down_factor"]) ** 2


def test_imagenet_test_takes_three_thousand_as_resshift_did() -> None:
    """A shuffle whose result is thrown away, then a sample of the sorted names."""
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(1, 5001)]
    python = random.Random(10000)
    python.shuffle(ids.copy())

    chosen = choose_imagenet(ids, 10000)

    assert chosen == python.sample(ids, 3000)
    assert sorted(choose_imagenet(ids[:50], 10000)) == ids[:50]


@pytest.mark.parametrize(("height", "width"), [(300, 411), (411, 300), (37, 53), (256, 700), (256, 256)])
def test_imagenet_s_clean_pictures_are_the_middle_of_the_resized_ones(height: int, width: int) -> None:
    """OpenCV's bilinear, as the library had it that the set was made with."""
    picture = texture(0, height, width)

    middle = middle_of(picture)

    assert middle.shape == (256, 256, 3)
    scale = 256 / min(height, width)
    whole = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
    top, left = (whole.shape[0] - 256) // 2, (whole.shape[1] - 256) // 2
    np.testing.assert_array_equal(middle, whole[top : top + 256, left : left + 256])


def test_sides_are_cut_to_what_the_scale_divides() -> None:
    """At the right and below, where datasets are cut."""
    picture = texture(0, 71, 90)

    np.testing.assert_array_equal(cut_to_multiple(picture, 4), picture[:68, :88])


@pytest.mark.parametrize("name", REAL_ESRGAN_RECIPES)
def test_a_chain_s_levels_follow_its_recipe(name: str) -> None:
    """Drawn for each picture apart; so the distributions are over pictures."""
    stage1, stage2 = REAL_ESRGAN_RECIPES[name].stage1, REAL_ESRGAN_RECIPES[name].stage2

    drawn = planned(RECIPES[name], *(f"picture-{number}" for number in range(500))).values()

    gaussian = [one["levels"][0]["noise"][0] for one in drawn if one["choices"]["first"]["noise"] == "gaussian"]
    for values, (low, high) in (
        (gaussian, stage1.gaussian_sigma),
        ([one["levels"][0]["jpeg_quality"][0] for one in drawn], stage1.jpeg_quality),
        ([one["levels"][1]["jpeg_quality"][0] for one in drawn], stage2.jpeg_quality),
    ):
        assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-4
    assert abs(len(gaussian) - 250) < 4 * math.sqrt(125)
    greys = sum(one["levels"][0]["grey"][0] for one in drawn)
    assert abs(greys - 200) < 4 * math.sqrt(120)


def test_a_planned_sample_is_plain_data() -> None:
    """Its id, and what JSON can hold."""
    (one,) = maker_of(RECIPES["multi-degradation"]).plan(["a"], 0)

    assert isinstance(one, Planned)
    assert one.id == "a"

"""The augmentation of pictures to fill holes on."""

import colorsys
import math
import random
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from restobench.degradations.augment import shortest_side_to
from restobench.degradations.distortion import Affine, Distortion, distorted, draw_distortion
from tests.filling import image

NOTHING = Distortion(
    corners=None,
    affine=None,
    lens=None,
    cut=(0.0, 0.0),
    mirrored=False,
    equalised=None,
    contrast_and_brightness=None,
    hue_saturation_value=None,
)
DRAWS = 3000


@cache
def drawn() -> list[Distortion]:
    python = random.Random(0)
    return [draw_distortion(python) for _ in range(DRAWS)]


def a_picture(height: int, width: int) -> NDArray[np.float32]:
    """In 8-bit steps, as pictures are stored."""
    picture = image("clean", (1, 3, height, width), 0)[0].permute(1, 2, 0).numpy()
    return np.asarray((picture * 255).round() / 255, np.float32)


def ramp(side: int) -> NDArray[np.float32]:
    """Red grows from 0 to 1 with the column, green with the row."""
    share = np.linspace(0, 1, side, dtype=np.float32)
    return np.stack([*np.broadcast_arrays(share[None], share[:, None]), np.full((side, side), 0.5)], -1).astype("f4")


@pytest.mark.parametrize(
    "step", ["corners", "affine", "lens", "mirrored", "equalised", "contrast_and_brightness", "hue_saturation_value"]
)
def test_every_step_is_taken_in_one_of_two_cases(step: str) -> None:
    """Within four standard errors; mirroring as well, cutting always."""
    taken = sum(getattr(one, step) not in (None, False) for one in drawn())

    assert abs(taken - DRAWS / 2) < 4 * math.sqrt(DRAWS) / 2
    assert {field.name for field in fields(Distortion)} >= {step, "cut"}


def test_the_steps_are_taken_independently() -> None:
    """All 128 combinations of the seven come up."""
    names = [field.name for field in fields(Distortion) if field.name != "cut"]
    found = {tuple(getattr(one, name) not in (None, False) for name in names) for one in drawn()}

    assert len(found) == 2**7


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (lambda one: one.affine and one.affine.scale, 0.7, 1.3),
        (lambda one: one.affine and one.affine.angle_deg, -40, 40),
        (lambda one: one.affine and one.affine.shear_deg, -0.1, 0.1),
        (lambda one: one.lens, -0.05, 0.05),
        (lambda one: one.cut[0], 0, 1),
        (lambda one: one.cut[1], 0, 1),
        (lambda one: one.equalised, 1, 4),
        (lambda one: one.contrast_and_brightness and one.contrast_and_brightness[0], 0.8, 1.2),
        (lambda one: one.contrast_and_brightness and one.contrast_and_brightness[1], -0.2, 0.2),
        (lambda one: one.hue_saturation_value and one.hue_saturation_value[0], -5, 5),
        (lambda one: one.hue_saturation_value and one.hue_saturation_value[1], -30, 30),
        (lambda one: one.hue_saturation_value and one.hue_saturation_value[2], -5, 5),
    ],
)
def test_values_are_uniform_in_the_published_ranges(
    value: Callable[[Distortion], float | None], low: float, high: float
) -> None:
    """Kolmogorov and Smirnov against the whole distribution, ends included."""
    values = [found for one in drawn() if (found := value(one)) is not None]

    assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-3


def test_corners_move_inwards_by_few_percent() -> None:
    """Of |N(0, s)| with s of U(0, 0.06) the mean is 0.03 sqrt(2 / pi), and the root mean square 0.06 / sqrt(3)."""
    jitters = np.array([one.corners for one in drawn() if one.corners is not None])

    assert jitters.shape[1:] == (4, 2)
    assert 0 <= jitters.min() <= jitters.max() < 0.32
    assert jitters.mean() == pytest.approx(0.03 * math.sqrt(2 / math.pi), rel=0.05)
    assert np.sqrt((jitters**2).mean()) == pytest.approx(0.06 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("size", [(37, 53), (500, 333), (256, 256), (40, 300)])
def test_the_result_is_a_square_in_8_bit_steps_whatever_was_drawn(size: tuple[int, int]) -> None:
    """Equal values make equal pictures, and the picture itself stays as it was."""
    picture = a_picture(*size)
    before = picture.copy()
    for one in drawn()[:20]:
        result = distorted(picture, one, 96)

        assert result.shape == (96, 96, 3)
        assert result.dtype == np.float32
        assert 0 <= result.min() <= result.max() <= 1
        np.testing.assert_allclose(result * 255, (result * 255).round(), atol=1e-4)
        np.testing.assert_array_equal(result, distorted(picture, one, 96))
    np.testing.assert_array_equal(picture, before)


def test_with_nothing_drawn_it_is_resized_and_cut() -> None:
    """The cut's shares reach from one end of what is possible to the other."""
    picture = a_picture(90, 144)
    resized = shortest_side_to((picture * 255).round().astype(np.uint8), 60, cv2.INTER_LINEAR)

    for share, left in ((0.0, 0), (0.5, 18), (0.999, 36)):
        result = distorted(picture, replace(NOTHING, cut=(share, share)), 60)
        np.testing.assert_array_equal((result * 255).round(), resized[:, left : left + 60])


def test_mirroring_exchanges_left_and_right() -> None:
    """Of the square that was cut."""
    picture = a_picture(64, 64)

    np.testing.assert_array_equal(distorted(picture, replace(NOTHING, mirrored=True), 64), picture[:, ::-1])


def test_perspective_stretches_what_lies_between_the_four_points() -> None:
    """Each corner shows the point that lies so far inside it; columns stay straight lines."""
    jitters = ((0.1, 0.05), (0.2, 0.1), (0.05, 0.02), (0.15, 0.12))
    found = ((0.1, 0.05), (0.8, 0.1), (0.95, 0.98), (0.15, 0.88))

    result = distorted(ramp(201), replace(NOTHING, corners=jitters), 201)

    for (row, column), (x, y) in zip(((0, 0), (0, -1), (-1, -1), (-1, 0)), found, strict=True):
        np.testing.assert_allclose(result[row, column, :2], (x, y), atol=1.5 / 255)
    # A projective map keeps lines: the left edge's points lie between the two found for its ends.
    x, y = result[:, 0, 0], result[:, 0, 1]
    np.testing.assert_allclose(x, 0.1 + (y - 0.05) / (0.88 - 0.05) * 0.05, atol=2 / 255)


def test_an_affine_map_turns_from_right_to_down_about_the_centre() -> None:
    """By a quarter it is a turn of the array; what is twice as large shows the middle half."""
    picture = a_picture(65, 65)
    quarter = distorted(picture, replace(NOTHING, affine=Affine(1.0, 90.0, 0.0)), 65)
    larger = distorted(ramp(201), replace(NOTHING, affine=Affine(2.0, 0.0, 0.0)), 201)

    np.testing.assert_array_equal(quarter, np.rot90(picture, -1))
    np.testing.assert_allclose(larger[100, :, 0], np.linspace(0.25, 0.75, 201), atol=1.5 / 255)
    np.testing.assert_allclose(larger[:, 100, 1], np.linspace(0.25, 0.75, 201), atol=1.5 / 255)


def test_a_shear_moves_rows_against_each_other() -> None:
    """x grows by tan(45 degrees) = 1 for each row below the centre."""
    sheared = distorted(ramp(201), replace(NOTHING, affine=Affine(1.0, 0.0, 45.0)), 201)

    np.testing.assert_allclose(sheared[120, 60:180, 0], np.linspace(0, 1, 201)[40:160], atol=1.5 / 255)
    np.testing.assert_allclose(sheared[120, 60:180, 1], 0.6, atol=1.5 / 255)


def test_beyond_the_border_the_picture_is_mirrored() -> None:
    """A smaller picture is surrounded by its mirror images, and by nothing black."""
    picture = ramp(101)
    smaller = distorted(picture, replace(NOTHING, affine=Affine(0.7, 0.0, 0.0)), 101)

    expected = np.abs((np.arange(101) - 50) / 0.7 / 100 + 0.5)
    expected = np.where(expected > 1, 2 - expected, expected)
    np.testing.assert_allclose(smaller[50, :, 0], expected, atol=2 / 255)


@pytest.mark.parametrize("k", [-0.05, 0.05])
def test_a_lens_takes_each_pixel_from_another_radius(k: float) -> None:
    """r (1 + k r^2 + k r^4), in shares of the sides; the middle stays where it is."""
    result = distorted(ramp(201), replace(NOTHING, lens=k), 201)

    x, y = result[30, 150, :2] - np.float32(0.5)
    radius = math.hypot(-0.35, 0.25)
    factor = 1 + k * radius**2 + k * radius**4
    np.testing.assert_allclose((x, y), (0.25 * factor, -0.35 * factor), atol=1.5 / 255)
    np.testing.assert_allclose(result[100, 100, :2], 0.5, atol=1 / 255)


def test_equalisation_spreads_a_flat_picture_and_leaves_grey_grey() -> None:
    """Only the lightness is equalised."""
    flat = np.repeat(a_picture(64, 64)[..., :1] * np.float32(0.2) + np.float32(0.4), 3, axis=2)

    result = distorted(flat, replace(NOTHING, equalised=4.0), 64)

    assert result.std() > 1.5 * flat.std()
    assert np.ptp(result, axis=2).max() <= 3 / 255


def test_contrast_multiplies_and_brightness_adds() -> None:
    """In this order, cut to the range."""
    picture = a_picture(64, 64)

    result = distorted(picture, replace(NOTHING, contrast_and_brightness=(1.2, -0.1)), 64)

    np.testing.assert_allclose(result, (1.2 * picture - 0.1).clip(0, 1), atol=1 / 255)


@pytest.mark.parametrize("shift", [-5, 0, 5])
def test_the_hue_goes_round(shift: int) -> None:
    """Red lies at its beginning and its end; a step is 2 degrees."""
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1

    result = distorted(red, replace(NOTHING, hue_saturation_value=(shift, 0.0, 0.0)), 16)

    np.testing.assert_allclose(result[0, 0], colorsys.hsv_to_rgb(2 * shift / 360 % 1, 1, 1), atol=2 / 255)


def test_saturation_and_value_stop_at_their_ends() -> None:
    """More of a full saturation is full; less of it is paler."""
    colour = np.full((16, 16, 3), (0.8, 0.2, 0.2), np.float32)
    hue, saturation, value = colorsys.rgb_to_hsv(0.8, 0.2, 0.2)

    paler = distorted(colour, replace(NOTHING, hue_saturation_value=(0.0, -30.0, 5.0)), 16)
    fuller = distorted(colour, replace(NOTHING, hue_saturation_value=(0.0, 200.0, 200.0)), 16)

    expected = colorsys.hsv_to_rgb(hue, saturation - 30 / 255, value + 5 / 255)
    np.testing.assert_allclose(paler[0, 0], expected, atol=2 / 255)
    np.testing.assert_allclose(fuller[0, 0], (1, 0, 0), atol=1 / 255)

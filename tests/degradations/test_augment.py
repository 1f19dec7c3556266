"""Cutting, turning and resizing clean pictures."""

import random
from collections import Counter

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from restobench.degradations.augment import (
    TURNS,
    area_resized,
    cut_at_random,
    mirrored_at_random,
    padded_to,
    shortest_side_to,
    turned,
)
from tests.filling import image


def a_picture(height: int, width: int) -> NDArray[np.float32]:
    return image("clean", (1, 3, height, width), 0)[0].permute(1, 2, 0).numpy()


def coordinates(height: int, width: int) -> NDArray[np.float32]:
    """A picture whose red tells the row and whose green tells the column."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1)


@pytest.mark.parametrize(("height", "width", "side"), [(37, 53, 256), (3, 5, 17), (1, 4, 6), (60, 20, 50)])
def test_padding_goes_to_and_fro_without_repeating_the_edge(height: int, width: int, side: int) -> None:
    """0 1 2 3 | 2 1 0 1 2 ..., as often as it takes; a side that is long enough stays."""
    padded = padded_to(coordinates(height, width), side)

    def expected(length: int) -> list[int]:
        there_and_back = [*range(length), *range(length - 2, 0, -1)] or [0]
        return [there_and_back[place % len(there_and_back)] for place in range(max(length, side))]

    assert padded.shape == (max(height, side), max(width, side), 3)
    np.testing.assert_array_equal(padded[:, 0, 0], expected(height))
    np.testing.assert_array_equal(padded[0, :, 1], expected(width))


def test_a_square_is_cut_anywhere_with_equal_probability() -> None:
    """All 4 x 6 places of a square of 5 in 8 x 10 pixels."""
    python = random.Random(0)
    found: Counter[tuple[int, int]] = Counter()
    for _ in range(4800):
        cut = cut_at_random(coordinates(8, 10), 5, python)
        assert cut.shape == (5, 5, 3)
        found[int(cut[0, 0, 0]), int(cut[0, 0, 1])] += 1

    assert set(found) == {(top, left) for top in range(4) for left in range(6)}
    assert max(abs(count - 200) for count in found.values()) < 5 * 200**0.5


def test_nothing_is_drawn_where_there_is_nothing_to_choose() -> None:
    """A picture that has the size already is the cut, and the generator stays where it was."""
    python = random.Random(0)
    before = python.getstate()
    picture = a_picture(8, 8)

    assert cut_at_random(picture, 8, python) is picture
    assert python.getstate() == before


def test_a_picture_is_mirrored_in_one_of_two_cases() -> None:
    """Left and right, never up and down."""
    python = random.Random(0)
    picture = a_picture(5, 7)
    mirrored = 0
    for _ in range(1000):
        found = mirrored_at_random(picture, python)
        if not np.array_equal(found, picture):
            np.testing.assert_array_equal(found, picture[:, ::-1])
            mirrored += 1

    assert abs(mirrored - 500) < 4 * 1000**0.5 / 2


def test_the_eight_turns_are_all_the_positions_of_a_square() -> None:
    """Each is another one, and together they hold every rotation and every mirror image."""
    picture = a_picture(6, 6)
    positions = {turned(picture, turn).tobytes() for turn in range(TURNS)}
    by_numpy = {
        np.ascontiguousarray(np.rot90(other, quarter)).tobytes()
        for other in (picture, picture[:, ::-1])
        for quarter in range(4)
    }

    assert len(positions) == 8
    assert positions == by_numpy


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(37, 53, (256, 367)), (500, 333, (384, 256)), (256, 256, (256, 256)), (1000, 257, (996, 256)), (9, 9, (256, 256))],
)
def test_the_shorter_side_gets_the_length_and_the_other_follows(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    """The longer one is rounded to the nearest pixel."""
    assert shortest_side_to(a_picture(height, width), 256, cv2.INTER_CUBIC).shape == (*expected, 3)


def test_cubic_resizing_stays_in_range_in_either_dtype() -> None:
    """A sharp edge makes it overshoot; what 8 bits cut off by themselves is cut off from floats too."""
    edge = np.zeros((20, 30, 3), np.float32)
    edge[:, 15:] = 1

    floats = shortest_side_to(edge, 64, cv2.INTER_CUBIC)
    eight_bit = shortest_side_to((edge * 255).astype(np.uint8), 64, cv2.INTER_CUBIC)

    assert (floats.dtype, eight_bit.dtype) == (np.float32, np.uint8)
    assert (floats.min(), floats.max()) == (0, 1)
    assert np.abs(floats * 255 - eight_bit).max() < 1.5


def test_area_resizing_is_the_mean_of_the_covered_pixels() -> None:
    """By a whole factor these are blocks; a picture of the wanted size is left alone."""
    picture = a_picture(60, 60)

    small = area_resized(picture, 20)

    np.testing.assert_allclose(small, picture.reshape(20, 3, 20, 3, 3).mean(axis=(1, 3)), atol=1e-6)
    assert area_resized(picture, 60) is picture
    assert area_resized(picture, 37).shape == (37, 37, 3)

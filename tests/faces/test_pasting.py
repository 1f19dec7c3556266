"""A face put back: what changes, where, and by how much."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from restobench.faces.alignment import align
from restobench.faces.pasting import (
    PASTED_LABELS,
    face_to_canvas,
    finished,
    make_canvas,
    parsing_mask,
    paste,
    soft_mask,
)
from restobench.faces.template import FACE_TEMPLATE, Points
from tests.faces.drawn import landmarks_at, portrait, smooth

SKIN = np.ones((512, 512), np.uint8)


def outside(shape: tuple[int, ...], landmarks: Points, upscale: int) -> NDArray[np.bool_]:
    """Where the face's square does not reach, with 3 pixels to spare."""
    inverse = face_to_canvas(align(np.zeros((512, 512, 3), np.uint8), landmarks).affine, upscale)
    linear, shift = inverse[:, :2], inverse[:, 2]
    y, x = np.mgrid[: shape[0], : shape[1]]
    in_face = np.linalg.solve(linear, np.stack([x.ravel() - shift[0], y.ravel() - shift[1]])).reshape(2, *shape[:2])
    margin = 3 / np.sqrt(np.linalg.det(linear))
    return ((in_face < -margin) | (in_face > 511 + margin)).any(axis=0)


@pytest.mark.parametrize(
    "landmarks",
    [tuple((x + 101, y + 57) for x, y in FACE_TEMPLATE), landmarks_at((320, 290), 210.0, 17.0)],
    ids=["at its place", "turned"],
)
def test_an_untouched_face_changes_nothing_outside_and_at_most_rounding_inside(landmarks: Points) -> None:
    """What was cut out is what is put back, where it was."""
    picture = smooth(611, 733)
    crop, affine = align(picture, landmarks)
    canvas = make_canvas(picture, 1)

    paste(canvas, crop, SKIN, affine, 1)

    result = finished(canvas)
    difference = np.abs(result.astype(int) - picture)
    assert difference[outside(picture.shape, landmarks, 1)].max() == 0
    assert difference.max() <= 1


@pytest.mark.parametrize("upscale", [2, 3])
def test_on_a_larger_canvas_a_face_comes_to_its_place(upscale: int) -> None:
    """Half a pixel of the canvas off, as in the released program; on a smooth picture that is a level or two."""
    picture, landmarks = smooth(523, 601), landmarks_at((260, 310), 190.0, -8.0)
    crop, affine = align(picture, landmarks)
    canvas = make_canvas(picture, upscale)
    enlarged = finished(canvas.copy())

    paste(canvas, crop, SKIN, affine, upscale)

    difference = np.abs(finished(canvas).astype(int) - enlarged)
    assert difference[outside(enlarged.shape, landmarks, upscale)].max() == 0
    assert difference.max() <= 2


def test_a_portrait_survives_being_cut_out_and_put_back() -> None:
    """A real face, enlarged three times and reduced again."""
    picture, landmarks = portrait("astronaut")
    crop, affine = align(picture, landmarks)
    canvas = make_canvas(picture, 1)

    paste(canvas, crop, SKIN, affine, 1)

    difference = np.abs(finished(canvas).astype(int) - picture)
    assert difference[outside(picture.shape, landmarks, 1)].max() == 0
    assert difference.mean() < 0.2


def test_an_enlarged_face_lands_where_the_plain_one_does() -> None:
    """With a face up-sampler the linear part is not multiplied again, and nothing is shifted."""
    picture, landmarks = smooth(540, 600), landmarks_at((300, 280), 240.0, 5.0)
    crop, affine = align(picture, landmarks)
    plain, enlarged = make_canvas(picture, 2), make_canvas(picture, 2)

    paste(plain, crop, SKIN, affine, 2)
    paste(enlarged, make_canvas(crop, 2).astype(np.uint8), SKIN, affine, 2)

    assert np.abs(plain - enlarged).max() < 5
    assert np.abs(plain - enlarged).max() > 0


def test_faces_go_onto_those_pasted_before() -> None:
    """Where two overlap, the later one shows."""
    picture = smooth(560, 600)
    canvas = make_canvas(picture, 1)
    for centre, level in (((250, 280), 0), ((330, 280), 255)):
        affine = align(picture, landmarks_at(centre, 200)).affine
        paste(canvas, np.full((512, 512, 3), level, np.uint8), SKIN, affine, 1)

    result = finished(canvas)

    assert (result[280, 200] == 0).all()
    assert (result[280, 290] == 255).all()


@pytest.mark.parametrize("centre", [(-400.0, 300.0), (300.0, 2000.0)])
def test_a_face_that_lies_outside_is_not_pasted(centre: tuple[float, float]) -> None:
    """Detectors can answer so at the edge of a photograph."""
    picture = smooth(512, 600)
    canvas = make_canvas(picture, 2)
    before = canvas.copy()

    paste(canvas, np.zeros((512, 512, 3), np.uint8), SKIN, align(picture, landmarks_at(centre, 100)).affine, 2)

    assert np.array_equal(canvas, before)


@pytest.mark.parametrize("centre", [(10.0, 15.0), (596.0, 300.0), (300.0, 511.0), (280.0, 250.0)])
def test_the_part_of_the_canvas_that_is_worked_on_changes_nothing(centre: tuple[float, float]) -> None:
    """Also at the picture's edges, where filters look beyond: as if the whole canvas were filtered."""
    picture, face = smooth(512, 600), smooth(512, 512, seed=7)
    affine = align(picture, landmarks_at(centre, 260.0, 33.0)).affine
    canvas = make_canvas(picture, 2)
    expected = pasted_on_the_whole_canvas(canvas, face, affine, 2)

    paste(canvas, face, SKIN, affine, 2)

    # A warp's coordinates are rounded to parts of a pixel, for another corner now and then to the other side.
    assert np.abs(canvas - expected).max() < 2
    assert np.abs(canvas - expected).mean() < 1e-3


def pasted_on_the_whole_canvas(
    canvas: NDArray[np.float64], face: NDArray[np.uint8], affine: NDArray[np.float64], upscale: int
) -> NDArray[np.float64]:
    """The steps as they are written down, each on the full canvas."""
    height, width = canvas.shape[:2]
    inverse = cv2.invertAffineTransform(affine) * upscale
    inverse[:, 2] += upscale / 2

    def warped(plane: NDArray[Any]) -> NDArray[Any]:
        return cv2.warpAffine(plane, inverse, (width, height))

    square = cv2.erode(warped(np.ones((512, 512), np.float32)), np.ones((2 * upscale, 2 * upscale), np.uint8))
    edge = int(square.sum() ** 0.5) // 20
    inner = cv2.erode(square, np.ones((2 * edge, 2 * edge), np.uint8))
    soft = cv2.GaussianBlur(inner, (2 * edge + 1, 2 * edge + 1), 0)
    mask = np.minimum(soft, warped(parsing_mask(SKIN)))[..., None]
    return mask * square[..., None] * warped(face) + (1 - mask) * canvas


def test_a_tiny_face_has_hard_edges() -> None:
    """A twentieth of less than 20 pixels is nothing to blur by."""
    square = np.zeros((30, 40), np.float32)
    square[5:22, 8:25] = 1

    assert np.array_equal(soft_mask(square), square)
    assert (soft_mask(np.ones((60, 60), np.float32)) == 1).all()


def test_hats_necks_and_background_are_not_pasted() -> None:
    """Of 19 classes 14 are; whatever they are, the outer 10 pixels are not."""
    masks = {label: parsing_mask(np.full((512, 512), label, np.uint8)) for label in range(19)}

    assert {label for label, mask in masks.items() if mask.max() > 0.9} == set(PASTED_LABELS)
    assert set(range(19)) - set(PASTED_LABELS) == {0, 14, 16, 17, 18}
    assert masks[1][:10].max() == masks[1][:, -10:].max() == 0
    assert masks[1][256, 256] == pytest.approx(1)


def test_a_background_of_another_size_is_brought_to_the_canvas() -> None:
    """A method's own scale need not be the wanted one."""
    picture = smooth(512, 640)

    canvas = make_canvas(picture, 2, smooth(2048, 2560))

    assert canvas.shape == (1024, 1280, 3)


def test_what_leaves_the_range_is_clipped_to_8_bits() -> None:
    """The released program writes 16 bits with wrapped values there."""
    canvas = np.array([[[-3.0, 0.99, 128.5], [254.999, 255.0, 300.0]]])

    assert finished(canvas).tolist() == [[[0, 0, 128], [254, 255, 255]]]

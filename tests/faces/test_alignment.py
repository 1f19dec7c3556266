"""A face brought to its place."""

import numpy as np
import pytest

from restobench.errors import RestobenchError
from restobench.faces.alignment import BORDER, affine_to_template, align
from restobench.faces.template import FACE_TEMPLATE
from tests.faces.drawn import landmarks_at, portrait, smooth


@pytest.mark.parametrize("degrees", [0.0, 17.0, -95.0, 180.0])
def test_the_landmarks_come_to_the_template(degrees: float) -> None:
    """However the head is turned."""
    landmarks = landmarks_at((411.3, 207.9), 173.0, degrees)

    affine = affine_to_template(landmarks)

    moved = np.array([[x, y, 1] for x, y in landmarks]) @ affine.T
    assert np.allclose(moved, FACE_TEMPLATE, atol=1e-6)


def test_one_landmark_that_is_off_moves_nothing() -> None:
    """The least median of squares does not listen to it; least squares would."""
    landmarks = list(landmarks_at((300, 300), 200, 10))
    landmarks[2] = (landmarks[2][0] + 25, landmarks[2][1] - 25)

    affine = affine_to_template(tuple(landmarks))

    assert np.allclose(affine, affine_to_template(landmarks_at((300, 300), 200, 10)), atol=1e-5)


def test_a_face_that_is_at_its_place_is_not_changed() -> None:
    """Shifted by whole pixels."""
    picture = smooth(700, 800)

    crop, _ = align(picture, tuple((x + 101, y + 57) for x, y in FACE_TEMPLATE))

    assert np.array_equal(crop, picture[57:569, 101:613])


def test_beyond_the_photograph_lies_grey() -> None:
    """R, G, B 132, 133, 135, as the networks were trained."""
    crop, _ = align(smooth(512, 512), landmarks_at((0, 0), 200))

    assert crop.shape == (512, 512, 3)
    assert tuple(crop[5, 5]) == BORDER


@pytest.mark.parametrize("name", ["astronaut", "grace-hopper"])
def test_a_portrait_s_eyes_come_to_the_template(name: str) -> None:
    """Landmarks measured by hand; no face is the template, so that five points cannot all fit."""
    picture, landmarks = portrait(name)

    crop, affine = align(picture, landmarks)

    moved = np.array([[x, y, 1] for x, y in landmarks]) @ affine.T
    assert np.linalg.norm(moved - np.array(FACE_TEMPLATE), axis=1)[:2].max() < 8
    # What lies at the pupils is darker than the cheeks below them.
    for x, y in FACE_TEMPLATE[:2]:
        column = slice(int(x) - 8, int(x) + 8)
        assert crop[int(y) - 8 : int(y) + 8, column].mean() < 0.8 * crop[int(y) + 52 : int(y) + 68, column].mean()


def test_landmarks_on_one_spot_are_refused() -> None:
    """A broken detector's; a face's failure, not a crash."""
    with pytest.raises(RestobenchError, match="lie on one spot"):
        align(smooth(512, 512), ((100.0, 100.0),) * 5)

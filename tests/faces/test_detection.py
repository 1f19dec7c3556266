"""Which faces are taken: what the detector sees, and who is too small."""

import numpy as np
import pytest

from restobench.errors import RestobenchError
from restobench.faces.detection import (
    choose_faces,
    detector_size,
    faces_of,
    released_eye_distance,
    true_eye_distance,
)
from restobench.faces.photograph import Selection
from tests.faces.drawn import face_at, landmarks_at

SHAPE = (600, 800, 3)


@pytest.mark.parametrize(
    ("height", "width", "seen"),
    [(512, 733, (1.25, 640, 916)), (640, 999, (1.0, 640, 999)), (3000, 2000, (1.0, 3000, 2000))],
)
def test_the_detector_s_picture_is_enlarged_and_never_reduced(
    height: int, width: int, seen: tuple[float, int, int]
) -> None:
    """To a short side of 640, its sides cut to whole pixels."""
    assert detector_size(height, width) == seen


def test_answers_are_given_back_in_pixels_of_the_photograph() -> None:
    """The detector saw it enlarged."""
    answers = np.arange(30, dtype=np.float64).reshape(2, 15)

    faces = faces_of(answers, 2.0)

    assert faces[1].number == 1
    assert faces[1].box == (7.5, 8.0, 8.5, 9.0)
    assert faces[1].score == 19
    assert faces[1].landmarks[0] == (10.0, 10.5)
    assert faces_of(np.empty((0, 15)), 2.0) == []


def test_the_released_distance_is_half_of_the_true_one() -> None:
    """For a face seen from the front: from the nose to the right eye."""
    landmarks = landmarks_at((300, 300), 512)

    assert true_eye_distance(landmarks) == pytest.approx(125.9, abs=0.1)
    assert released_eye_distance(landmarks) == pytest.approx(62.3, abs=0.1)


def test_small_faces_are_dropped_and_counted() -> None:
    """The released distance drops faces of twice the size."""
    faces = [face_at((100, 100), 200), face_at((300, 300), 30, number=1), face_at((500, 300), 15, number=2)]

    released = choose_faces(faces, SHAPE)
    true = choose_faces(faces, SHAPE, eye_distance="true")

    assert [face.number for face in released.faces] == [0]
    assert released.dropped == 2
    assert [face.number for face in true.faces] == [0, 1]
    assert true.dropped == 1


def test_the_central_face_is_chosen_among_those_that_are_large_enough() -> None:
    """Not a dot in the middle of the picture."""
    faces = [face_at((100, 100), 200), face_at((500, 350), 100, number=1), face_at((400, 300), 9, number=2)]

    chosen = choose_faces(faces, SHAPE, only_center_face=True)

    assert [face.number for face in chosen.faces] == [1]
    assert chosen.dropped == 1
    assert choose_faces([], SHAPE, only_center_face=True) == ([], 0)


def test_another_distance_is_refused() -> None:
    """Two are known."""
    with pytest.raises(RestobenchError, match="is one of released, true, not 'false'"):
        Selection(eye_distance="false")  # type: ignore[arg-type]

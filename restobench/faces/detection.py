"""Which faces a photograph shows, and which of them are worth restoring.

facexlib's RetinaFace with the sizes and thresholds of InterLCM's released program, among
them its eye distance, which is not one; the true one is there to choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from restobench.faces.grey import Pixels
from restobench.faces.reading import resized
from restobench.faces.template import Points

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

EyeDistance = Literal["released", "true"]
EYE_DISTANCES: tuple[EyeDistance, ...] = get_args(EyeDistance)

SMALLEST_EYE_DISTANCE = 5.0
"""In pixels of the photograph as it was read; faces below it are dropped."""

CONFIDENCE, OVERLAP = 0.8, 0.4
"""A detection below this confidence is none, and of two that overlap more the surer one stays."""

DETECTOR_SIDE = 640
"""Photographs with a shorter short side are enlarged to it for the detector."""


@dataclass(frozen=True)
class Face:
    """A face that was found, in pixels of the photograph as it was read."""

    number: int
    """Its place in the detector's answer, the surest first; names the face's stream of noise."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    score: float
    landmarks: Points


class ChosenFaces(NamedTuple):
    """The faces to restore, and how many were too small."""

    faces: list[Face]
    dropped: int


FindFaces = Callable[[Pixels], list[Face]]
"""A photograph to the faces in it, the surest first."""


class Detector:
    """Finds faces with facexlib's RetinaFace; a `FindFaces`."""

    def __init__(self, network: nn.Module) -> None:
        """Take a network with its weights loaded, from `networks.detection_network`."""
        self._network: Any = network

    def __call__(self, picture: Pixels) -> list[Face]:
        """The faces in a picture, (H, W, 3) in [0, 255], the surest first."""
        import torch

        size = detector_size(*picture.shape[:2])
        bgr = np.ascontiguousarray(resized(picture, size.width, size.height)[..., ::-1])
        with torch.inference_mode():
            answers = self._network.detect_faces(bgr, CONFIDENCE, OVERLAP)
        return faces_of(np.asarray(answers, np.float64), size.scale)


class DetectorSize(NamedTuple):
    """How large the detector sees a photograph."""

    scale: float
    height: int
    width: int


def detector_size(height: int, width: int) -> DetectorSize:
    """Enlarged to a short side of 640 pixels, never made smaller; sides are cut to whole pixels."""
    scale = max(1.0, DETECTOR_SIDE / min(height, width))
    return DetectorSize(scale, int(height * scale), int(width * scale))


def faces_of(answers: NDArray[np.float64], scale: float) -> list[Face]:
    """The detector's answers, (N, 15): box, score, five points x, y, in pixels of its input."""
    faces = []
    for number, answer in enumerate(answers):
        left, top, right, bottom = (float(side) / scale for side in answer[:4])
        points = tuple((float(x) / scale, float(y) / scale) for x, y in answer[5:].reshape(5, 2))
        faces.append(Face(number, (left, top, right, bottom), float(answer[4]), points))
    return faces


def choose_faces(
    faces: Sequence[Face],
    shape: tuple[int, ...],
    *,
    eye_distance: EyeDistance = "released",
    only_center_face: bool = False,
) -> ChosenFaces:
    """Leave out faces whose eyes are less than 5 pixels apart.

    Args:
        faces: What the detector found.
        shape: (H, W, ...) of the photograph as it was read.
        eye_distance: What is taken for the distance.
        only_center_face: Of those that remain, keep the one whose box is nearest to the centre.
    """
    measure = {"released": released_eye_distance, "true": true_eye_distance}[eye_distance]
    kept = [face for face in faces if measure(face.landmarks) >= SMALLEST_EYE_DISTANCE]
    dropped = len(faces) - len(kept)
    if only_center_face and kept:
        kept = [min(kept, key=lambda face: _from_centre(face, shape))]
    return ChosenFaces(kept, dropped)


def true_eye_distance(landmarks: Points) -> float:
    """Between the two eyes, in pixels."""
    return math.dist(landmarks[0], landmarks[1])


def released_eye_distance(landmarks: Points) -> float:
    """As the released program measures it, one place off in the detector's answer.

    The eyes' difference in height, and by how much the nose is left of the right eye: about half of
    the true distance, and next to nothing for a face in profile.
    """
    left_eye, right_eye, nose = landmarks[:3]
    return math.hypot(left_eye[1] - right_eye[1], right_eye[0] - nose[0])


def _from_centre(face: Face, shape: tuple[int, ...]) -> float:
    left, top, right, bottom = face.box
    height, width = shape[:2]
    return math.hypot((left + right) / 2 - width / 2, (top + bottom) / 2 - height / 2)

"""A face moved to the template of 512 x 512 pixels, and the map that did it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from restobench.errors import RestobenchError
from restobench.faces.grey import Pixels
from restobench.faces.template import FACE_SIZE, FACE_TEMPLATE, Points

BORDER = (132, 133, 135)
"""R, G, B of what lies beyond the photograph."""


class AlignedFace(NamedTuple):
    """A face at 512 x 512, and where it came from."""

    crop: Pixels
    """(512, 512, 3), RGB, in [0, 255]."""
    affine: NDArray[np.float64]
    """(2, 3): `affine @ (x, y, 1)` is the place in the crop of a point of the photograph."""


def align(picture: Pixels, landmarks: Points) -> AlignedFace:
    """Turn, zoom and shift a face so that its landmarks come near the template's; bilinear.

    Raises:
        RestobenchError: The landmarks lie on one spot.
    """
    affine = affine_to_template(landmarks)
    crop = cv2.warpAffine(
        picture,
        affine,
        (FACE_SIZE, FACE_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=BORDER,
    )
    return AlignedFace(crop, affine)


def affine_to_template(landmarks: Points) -> NDArray[np.float64]:
    """(2, 3): rotation, one scale and a shift, by OpenCV's least median of squares.

    Not the least squares of `restobench.embedded`: where one landmark is off, the others decide.
    """
    affine, _ = cv2.estimateAffinePartial2D(np.array(landmarks), np.array(FACE_TEMPLATE), method=cv2.LMEDS)
    if affine is None or not np.isfinite(affine).all():
        raise RestobenchError("The landmarks lie on one spot, so that the face cannot be turned upright.")
    return np.asarray(affine, np.float64)

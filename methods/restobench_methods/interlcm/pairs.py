"""Faces to train InterLCM on: degraded, grey, or with strokes painted over them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from restobench.degradations.augment import mirrored_at_random
from restobench.degradations.face import degrade_for_training
from restobench.degradations.generators import Generators
from restobench.degradations.recipes import FACE_RECIPES
from restobench_methods.interlcm.training_settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray


def face_pair(picture: NDArray[np.uint8], task: Task, generators: Generators) -> Mapping[str, Tensor]:
    """`lq` and `gt`, (3, H, W), float32 in [-1, 1], of an aligned face (H, W, 3), 8 bits.

    restoration: mirrored or not, then the face papers' chain in InterLCM's ranges, rounded to 8
    bits. colorization: the grey of that. inpainting: no degradation, one to three strokes in white.
    """
    gt = mirrored_at_random(np.asarray(picture / 255, np.float32), generators.python)
    if task == "inpainting":
        lq = np.where(strokes(gt.shape[0], gt.shape[1], generators)[..., None], np.float32(1), gt)
    else:
        lq = degrade_for_training(gt, FACE_RECIPES["interlcm"], generators).lq
        if task == "colorization":
            lq = cv2.cvtColor(cv2.cvtColor(lq, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        lq = np.rint(lq.clip(0, 1) * 255) / 255
    return {"lq": _tensor(lq), "gt": _tensor(gt)}


def strokes(height: int, width: int, generators: Generators) -> NDArray[np.bool_]:
    """One to three bent strokes, (height, width), true where they are.

    Each has 9 to 28 vertices a normal step apart, of mean R and deviation R / 2, R an eighth of the
    diagonal; the angle turns every other time; it is 30 to 69 pixels wide.
    """
    numpy = generators.numpy
    mean = math.hypot(height, width) / 8
    mask = np.zeros((height, width), np.uint8)
    for _ in range(1 + int(numpy.uniform(0, 3))):
        count = 8 + int(numpy.uniform(0, 20))
        low = 2 * math.pi / 5 - numpy.uniform(0, math.pi / 6)
        high = 2 * math.pi / 5 + numpy.uniform(0, math.pi / 6)
        x, y = numpy.uniform(0, width), numpy.uniform(0, height)
        vertices = [(int(x), int(y))]
        for number in range(count):
            angle = numpy.uniform(low, high)
            angle = 2 * math.pi - angle if number % 2 == 0 else angle
            length = min(max(mean + math.floor(mean / 2) * float(numpy.standard_normal()), 0), 2 * mean)
            x = min(max(x + length * math.cos(angle), 0), width)
            y = min(max(y + length * math.sin(angle), 0), height)
            vertices.append((int(x), int(y)))
        thickness = 30 + int(numpy.uniform(0, 40))
        cv2.polylines(mask, [np.array(vertices, np.int32)], False, 1, thickness)
        for vertex in vertices:
            cv2.circle(mask, vertex, thickness // 2, 1, -1)
    return mask.astype(bool)


def _tensor(picture: NDArray[np.float32]) -> Tensor:
    """(H, W, 3) in [0, 1] -> (3, H, W), float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)) * 2 - 1

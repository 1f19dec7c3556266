"""Photographs whose faces are known, and detectors that know them."""

import cmath
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restobench.card import read_card
from restobench.dataset_card import DatasetCard
from restobench.embedded import source_path
from restobench.faces.detection import Face, FindFaces
from restobench.faces.grey import Pixels
from restobench.faces.template import FACE_TEMPLATE, Points
from restobench.plugins import find_plugin


def smooth(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Waves of some hundred pixels: what resampling can hardly change."""
    y, x = np.mgrid[:height, :width]
    phases = np.random.default_rng(seed).uniform(0, 2 * math.pi, (3, 2))
    waves = [np.sin(x / 31 + across) + np.cos(y / 37 + down) for across, down in phases]
    return np.stack([128 + 50 * wave for wave in waves], axis=2).round().astype(np.uint8)


def landmarks_at(centre: tuple[float, float], size: float, degrees: float = 0.0) -> Points:
    """The template turned, so small that its square has sides of `size` pixels, around `centre`."""
    turn = cmath.rect(size / 512, math.radians(degrees))
    moved = [complex(*centre) + turn * (complex(*point) - (256 + 256j)) for point in FACE_TEMPLATE]
    return tuple((point.real, point.imag) for point in moved)


def face_at(centre: tuple[float, float], size: float, degrees: float = 0.0, number: int = 0) -> Face:
    """A face as a detector would report it."""
    (x, y), half = centre, size / 2
    return Face(number, (x - half, y - half, x + half, y + half), 0.99, landmarks_at(centre, size, degrees))


def knows(*faces: Face) -> FindFaces:
    """A detector that always finds these."""

    def find(picture: Pixels) -> list[Face]:
        return list(faces)

    return find


def everything_is_face(faces: Sequence[Pixels]) -> list[NDArray[np.uint8]]:
    """A parser that sees skin wherever it looks."""
    return [np.ones((512, 512), np.uint8) for _ in faces]


def portrait(name: str) -> tuple[NDArray[np.uint8], Points]:
    """A photograph that the demo data set is cut from, and the landmarks on its card."""
    plugin = find_plugin("restobench.datasets", "restobench")
    card = read_card(DatasetCard, plugin.folder / "demo-face.toml")
    crop = next(crop for crop in card.crops if crop.ids[0].startswith(name))
    with Image.open(source_path(crop.source)) as photograph:
        return np.asarray(photograph.convert("RGB")), crop.landmarks

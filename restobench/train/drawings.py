"""Pictures drawn by code, for trainings that have no photographs.

Mostly dead leaves: opaque shapes that cover each other, their sizes after a power law, as the
things in photographs are. Networks trained on such pictures restore photographs nearly as well as
those trained on photographs (Achddou, Gousseau, Ladjal, "Synthetic images as a regularity prior
for image restoration neural networks", SSVM 2021). Gratings and grain stand on
some leaves and strokes over them, because leaves alone have neither texture nor thin lines. Never imports torch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SUPERSAMPLING = 2
"""Drawn so many times larger and averaged, so that edges are as soft as a camera's."""


def drawn_picture(number: int, size: int) -> NDArray[np.uint8]:
    """The picture of this number, (size, size, 3), RGB, 8 bits: always the same one."""
    draw = np.random.Generator(np.random.Philox(key=[number, size]))
    side = size * _SUPERSAMPLING
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = _shaded(_colour(draw), side, side, draw) + _texture(side, side, draw)
    for _ in range(int(draw.integers(200, 700))):
        _draw_leaf(picture, draw)
    if draw.random() < 0.5:
        _draw_strokes(picture, draw)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(small.clip(0, 1) * 255), np.uint8)


def _draw_leaf(picture: Floats, draw: np.random.Generator) -> None:
    side = len(picture)
    # Radii with a density of r^-3 look alike at every scale; the inverse of its distribution.
    least, most = side / 40, side / 2.5
    share = draw.random()
    radius = 1 / math.sqrt((1 - share) / least**2 + share / most**2)
    x, y = draw.uniform(0, side, 2)
    outline = _outline(draw, radius) + np.array([x, y])
    left, top = np.floor(outline.min(axis=0)).astype(int).clip(0, side - 1)
    right, bottom = np.ceil(outline.max(axis=0)).astype(int).clip(1, side)
    width, height = max(int(right - left), 1), max(int(bottom - top), 1)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline - (left, top)).astype(np.int32)], 1)
    leaf = _shaded(_colour(draw), height, width, draw) + _texture(height, width, draw)
    region = picture[top : top + height, left : left + width]
    np.copyto(region, leaf[: region.shape[0], : region.shape[1]], where=mask[..., None].astype(bool))


def _outline(draw: np.random.Generator, radius: float) -> NDArray[np.float64]:
    """A closed curve around the origin, (N, 2): an ellipse, a polygon, or something wavier."""
    kind = draw.random()
    corners = 48 if kind < 0.6 else int(draw.integers(3, 8))
    angles = np.sort(draw.uniform(0, 2 * math.pi, corners)) if kind >= 0.6 else np.linspace(0, 2 * math.pi, corners)
    radii = np.full(corners, radius)
    if 0.35 <= kind < 0.6:
        radii = radii * (1 + 0.3 * np.sin(int(draw.integers(2, 7)) * angles + draw.uniform(0, 6)))
    stretch, turn = draw.uniform(0.3, 1), draw.uniform(0, math.pi)
    x, y = radii * np.cos(angles), radii * np.sin(angles) * stretch
    return np.stack([x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)], axis=1)


def _colour(draw: np.random.Generator) -> Floats:
    """RGB in [0, 1]: mostly muted, as the colours of photographs are."""
    grey = draw.beta(1.2, 1.2)
    return np.asarray(np.clip(grey + draw.normal(0, 0.12, 3), 0, 1), np.float32)


def _shaded(colour: Floats, height: int, width: int, draw: np.random.Generator) -> Floats:
    """The colour, a little lighter towards one side, (height, width, 3)."""
    across, down = draw.normal(0, 0.08, 2)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    return np.asarray(colour + (across * x[None, :] + down * y[:, None])[..., None], np.float32)


def _texture(height: int, width: int, draw: np.random.Generator) -> Floats | float:
    """Nothing, a grating, or grain, (height, width, 1)."""
    kind = draw.random()
    if kind < 0.45:
        return 0.0
    strength = draw.uniform(0.02, 0.15)
    if kind < 0.7:
        period, angle = draw.uniform(4, 30), draw.uniform(0, math.pi)
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        phase = (x[None, :] * math.cos(angle) + y[:, None] * math.sin(angle)) * (2 * math.pi / period)
        return np.asarray(strength * np.sin(phase)[..., None], np.float32)
    cells = draw.standard_normal((max(height // int(draw.integers(2, 9)), 1), max(width // 4, 1)), np.float32)
    grain = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(strength * grain[..., None], np.float32)


def _draw_strokes(picture: Floats, draw: np.random.Generator) -> None:
    """Thin strokes on top, straight and bent, as wires, twigs and letters are in photographs."""
    side = len(picture)
    for _ in range(int(draw.integers(2, 25))):
        steps = draw.normal(0, side / 20 * draw.uniform(0.3, 3), (int(draw.integers(2, 6)), 2))
        corners = np.rint(draw.uniform(0, side, 2) + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(picture, [corners], False, _colour(draw).tolist(), int(draw.integers(1, 7)), cv2.LINE_AA)

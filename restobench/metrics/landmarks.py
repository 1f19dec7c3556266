"""LMD: how far the landmarks of the restored face are from those of the clean one."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from facexlib.alignment.awing_arch import FAN
from numpy.typing import NDArray
from torch import Tensor

from restobench.checkpoint import load_strictly
from restobench.image import to_eight_bit
from restobench.metrics.colour import check_pictures
from restobench.metrics.registry import MetricSetup

_COUNT = 98
_SIDE = 256


class LandmarkDistance:
    """Mean Euclidean distance of 98 landmarks, in pixels; lower is better.

    Landmarks are those of facexlib's AWing network (`FAN`, four hourglasses, trained on WFLW), read
    off its heat maps of 64 x 64 as facexlib's `get_landmarks` does; that function itself calls
    `np.float`, which numpy has not had since 1.24. So a picture of 512 has a grid of 8 pixels,
    refined by a quarter of a cell: distances below about 2 pixels say little.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Read no file yet: see `_network`."""
        self._setup = setup

    @cached_property
    def _network(self) -> Any:
        """Read when the first picture comes: where all features are known, it is not needed."""
        with torch.device("meta"):
            network = FAN(num_modules=4, end_relu=False, gray_scale=False, num_landmarks=_COUNT, device="cpu")
        network.to_empty(device="cpu")
        load_strictly(network, self._setup.weights["network"])
        return network.to(self._setup.device).eval()

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 196), x and y in pixels; raises RestobenchError as `check_pictures` does."""
        check_pictures(pictures, "restored or clean")
        height, width = pictures.shape[-2:]
        heat_maps = self._network(torch.stack([_seen(picture) for picture in pictures]).to(pictures.device))[0][-1]
        found = [landmarks(maps) for maps in heat_maps[:, :-1].cpu().numpy()]
        cells = torch.from_numpy(np.stack(found)) * torch.tensor([width / 64, height / 64], dtype=torch.float64)
        return cells.flatten(1).float()

    def compare(self, restored: Tensor, other: Tensor | None) -> Tensor:
        """(N, 196) twice -> (N,), float64."""
        assert other is not None
        apart: Tensor = (restored - other).double().unflatten(1, (_COUNT, 2)).norm(dim=2)
        return apart.mean(dim=1)


def _seen(picture: Tensor) -> Tensor:
    """(3, H, W) in [0, 1] -> what the network sees of it, (3, 256, 256) in [0, 1]: resized as whole levels."""
    small = cv2.resize(to_eight_bit(picture), (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(small.transpose(2, 0, 1).astype(np.float32)) / 255


def landmarks(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """(landmarks, 64, 64) of one picture -> (landmarks, 2), x and y in cells.

    The highest cell's middle, moved a quarter of a cell towards the higher neighbour on each
    axis. As in facexlib, where one landmark is in the last row, the cell below is the map's last
    cell for all of them; where one is in the first, the cell above is the map's first cell.
    """
    width = maps.shape[2]
    flat = maps.reshape(len(maps), -1)
    last = flat.shape[1] - 1
    best = flat.argmax(axis=1)
    each = np.arange(len(maps))
    # facexlib's own neighbours end with an error where a landmark is in the last cell of all.
    right, left = flat[each, np.minimum(best + 1, last)], flat[each, best - 1]
    below = flat[each, last] if (best + width > last).any() else flat[each, best + width]
    above = flat[each, 0] if (best - width <= 0).any() else flat[each, best - width]
    moved = 0.25 * np.sign(np.stack([right - left, below - above], axis=1))
    return np.asarray(np.stack([best % width, best // width], axis=1) + moved + 0.5)

"""Which pixels of an aligned face are what: skin, hair, hat and 16 other classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from restobench.faces.grey import Pixels
from restobench.faces.reading import resized
from restobench.faces.template import FACE_SIZE

if TYPE_CHECKING:
    from torch import Tensor, nn

ParseFaces = Callable[[Sequence[Pixels]], list[NDArray[np.uint8]]]
"""Aligned faces, (side, side, 3) each, to the class of every pixel of theirs at 512 x 512."""


class Parser:
    """Labels the pixels of faces with facexlib's ParseNet; a `ParseFaces`."""

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        """Take a network with its weights loaded, from `networks.parsing_network`."""
        self._network, self._device = network, device

    @torch.inference_mode()
    def __call__(self, faces: Sequence[Pixels]) -> list[NDArray[np.uint8]]:
        """RGB in [0, 255], of any size -> (512, 512) classes of 0 to 18 each; the faces go through together."""
        batch = np.stack([resized(face, FACE_SIZE, FACE_SIZE) for face in faces]).astype(np.float32)
        pictures = torch.from_numpy(batch).permute(0, 3, 1, 2).to(self._device)
        scores: Tensor = self._network(pictures / 127.5 - 1)[0]
        labels: NDArray[np.uint8] = scores.argmax(dim=1).byte().cpu().numpy()
        return list(labels)

"""IDS: whether the restored face is the same person's, as a face recognition network sees it."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import torch
from torch import Tensor

from restobench.checkpoint import load_strictly
from restobench.image import to_eight_bit
from restobench.metrics.arcface import ArcFace
from restobench.metrics.colour import check_pictures
from restobench.metrics.precision import placed
from restobench.metrics.registry import MetricSetup

_SIDE = 128


class Identity:
    """The angle between the ArcFace embeddings of the restored and the clean face, or its cosine.

    As an angle in degrees (0 to 180, lower is better) it is what VQFR, InterLCM and others call
    Deg. or IDS; as the cosine (at most 1, higher is better) what CodeFormer calls IDS. The picture is
    rounded to 8 bits, made grey and 128 x 128 by OpenCV's rules (BT.601 luma rounded to whole
    levels, bilinear), and (v - 127.5) / 127.5. Nothing is aligned here: the faces are expected
    to be, as they are in the face papers' sets of 512 x 512.

    A pair under 1 degree is taken for one picture twice: counted, and left out of the mean (the
    card says so). A flat picture has some embedding too, and is no error.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Read no file yet: see `_network`."""
        self._setup = setup
        self._measure = {"degrees": degrees, "cosine": cosine}[str(setup.options["measure"])]

    @cached_property
    def _network(self) -> ArcFace:
        """Read when the first picture comes: where all features are known, it is not needed."""
        with torch.device("meta"):
            network = ArcFace()
        network.to_empty(device="cpu")
        load_strictly(network, self._setup.weights["network"])
        return placed(network, self._setup.device)

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 512), float32; raises RestobenchError as `check_pictures` does."""
        check_pictures(pictures, "restored or clean")
        embeddings: Tensor = self._network(torch.stack([_seen(picture) for picture in pictures]).to(pictures.device))
        return embeddings

    def compare(self, restored: Tensor, other: Tensor | None) -> Tensor:
        """(N, 512) twice -> (N,), float64."""
        assert other is not None
        return self._measure(restored, other)


def _seen(picture: Tensor) -> Tensor:
    """(3, H, W) in [0, 1] -> what the network sees of it, (1, 128, 128) in [-1, 1]."""
    grey = cv2.cvtColor(np.ascontiguousarray(to_eight_bit(picture)[..., ::-1]), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy((small.astype(np.float32) - 127.5) / 127.5)[None]


def cosine(x: Tensor, y: Tensor) -> Tensor:
    """Of the angles between vectors: (N, D) twice -> (N,), float64."""
    x, y = x.double(), y.double()
    cosines: Tensor = (x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1))
    return cosines.clamp(-1, 1)


def degrees(x: Tensor, y: Tensor) -> Tensor:
    """Angles between vectors in degrees: (N, D) twice -> (N,), float64.

    >>> import torch
    >>> degrees(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([45.0000], dtype=torch.float64)
    """
    return cosine(x, y).arccos().rad2deg()

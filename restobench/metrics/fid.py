"""FID and KID: how far a set of restored pictures is from a named reference set, as Inception sees them."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from restobench.checkpoint import load_strictly, read_torch
from restobench.errors import RestobenchError
from restobench.metrics.colour import check_pictures
from restobench.metrics.frechet import Gaussian, frechet_distance, kernel_distance
from restobench.metrics.inception import DIMENSIONS, FidInception
from restobench.metrics.precision import placed
from restobench.metrics.registry import MetricSetup, SetValue

_AT_ONCE = {"cpu": 8, "cuda": 64}


class InceptionDistance:
    """FID or KID; lower is better.

    Features are the 2048 of `inception.FidInception`, of pictures of 8 bits in [-1, 1], resized to
    299 inside of it (bilinear, not antialiased): what VQFR's and BasicSR's scripts do, and
    pytorch-fid. clean-fid and pyiqa resize with antialiasing, and print another number.

    The reference is stored statistics (part `statistics` of the weights), or the clean pictures of
    the same data set. Below 2,048 pictures FID is biased upwards, the more the fewer: only
    numbers over equally many pictures can be compared; KID is not biased.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Read no file yet: see `_network`."""
        self._setup = setup

    @cached_property
    def _network(self) -> FidInception:
        """Read when the first picture comes: where all features are known, it is not needed."""
        with torch.device("meta"):
            network = FidInception()
        network.to_empty(device="cpu")
        load_strictly(network.classifier, self._setup.weights["inception"])
        return placed(network, self._setup.device)

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 2048), float32; raises RestobenchError as `check_pictures` does."""
        check_pictures(pictures, "restored or clean")
        # The network makes each picture 299 x 299, however small it came and in how large a batch. In parts of one
        # size memory is used again; parts of all sizes leave holes in it that add up over a set.
        parts = pictures.split(_AT_ONCE["cuda" if pictures.is_cuda else "cpu"])
        return torch.cat([self._network(part) for part in parts])

    def compare(self, restored: Tensor, other: Tensor | None) -> SetValue:
        """(N, 2048), and the clean pictures' where they are the reference.

        Raises:
            RestobenchError: There are fewer than two pictures, or the stored statistics are none.
        """
        if self._setup.options["distance"] == "kernel":
            assert other is not None
            return kernel_distance(restored, other)
        if other is None:
            path = self._setup.weights["statistics"]
            return SetValue(frechet_distance(restored, _statistics(path, path.stat().st_mtime_ns)))
        return SetValue(frechet_distance(restored, other))


@lru_cache(maxsize=2)
def _statistics(path: Path, modified_ns: int) -> Gaussian:
    """Kept for the next method, with the covariance's root; read again where the file has changed."""
    return read_statistics(path)


def read_statistics(path: Path) -> Gaussian:
    """Mean and covariance of a reference set: BasicSR's `.pth` (`mean`, `cov`), or an `.npz` (`mu`, `sigma`).

    The first holds numpy arrays in a pickle: nothing but what puts an array together is let in.

    Raises:
        RestobenchError: The file is not there, would run code, or holds something else.
    """
    content: Any = _read_npz(path) if path.suffix == ".npz" else read_torch(path, allowed=_ARRAYS)
    mean, covariance = _array(path, content, "mean", "mu"), _array(path, content, "cov", "sigma")
    if mean.shape != (DIMENSIONS,) or covariance.shape != (DIMENSIONS, DIMENSIONS):
        raise RestobenchError(
            f"{path} holds a mean of {tuple(mean.shape)} and a covariance of {tuple(covariance.shape)}; "
            f"those of {DIMENSIONS} Inception features are wanted."
        )
    if not (mean.isfinite().all() and covariance.isfinite().all()):
        raise RestobenchError(f"{path} holds numbers that are not finite; get it again.")
    return Gaussian(mean, (covariance + covariance.T) / 2)


def _array(path: Path, content: Any, *names: str) -> Tensor:
    """What stands under the first of the names that is there, float64."""
    name = next((name for name in names if isinstance(content, dict) and name in content), None)
    try:
        return torch.as_tensor(np.asarray(content[name], dtype=np.float64))
    except (KeyError, TypeError, ValueError):
        raise RestobenchError(f"{path} holds no statistics: a mean and a covariance ('mean' and 'cov').") from None


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # a damaged archive makes numpy raise anything
        raise RestobenchError(f"{path} cannot be read as an .npz file of numbers: {error}") from error


_reconstruct = np.array(0).__reduce__()[0]
# By the names that numpy 1 and 2 write into a pickle.
_ARRAYS = [
    np.ndarray,
    np.dtype,
    type(np.dtype(np.float32)),
    type(np.dtype(np.float64)),
    (_reconstruct, "numpy.core.multiarray._reconstruct"),
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
]

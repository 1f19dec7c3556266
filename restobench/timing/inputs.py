"""The pictures that all methods of a table are timed with: a data set's own, at the size that was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from restobench.ahead import read_ahead
from restobench.dataset import Dataset, Sample
from restobench.errors import RestobenchError
from restobench.image import picture_size, read_array, to_eight_bit, to_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 8
"""Different inputs, so that no cache holds the only one and no picture's content decides."""
MOST = 64
"""The largest batch of the ladder; more pictures are not read."""


class Inputs(NamedTuple):
    """Pictures (N, H, W, 3) of 8 bits, and masks (N, H, W), True = hole, where the data set has any."""

    ids: list[str]
    pictures: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None

    def save(self, folder: Path) -> None:
        """As files, for the processes that measure."""
        (folder / "ids.json").write_text(json.dumps(self.ids), encoding="utf-8")
        np.save(folder / "pictures.npy", self.pictures)
        if self.masks is not None:
            np.save(folder / "masks.npy", self.masks)

    @classmethod
    def load(cls, folder: Path) -> Inputs:
        """What `save` wrote. What is not looked at takes no memory, and is no part of a method's peak."""
        masks = folder / "masks.npy"
        return cls(
            json.loads((folder / "ids.json").read_text(encoding="utf-8")),
            np.load(folder / "pictures.npy", mmap_mode="r"),
            np.load(masks, mmap_mode="r") if masks.exists() else None,
        )


def read_inputs(dataset: Dataset, size: tuple[int, int] | None = None) -> Inputs:
    """The first pictures of a data set, each at the same size.

    Args:
        dataset: Its pictures, sorted by name.
        size: Width and height in pixels; None: those of the first picture. Another picture is
            enlarged or reduced until it covers the size, and its middle is cut out.

    Raises:
        RestobenchError: There are fewer than eight pictures, or one cannot be read.
    """
    samples = dataset.samples[:MOST]
    if len(samples) < LEAST:
        raise RestobenchError(
            f"'{dataset.name}' has {len(samples)} pictures, and a method is timed with at least {LEAST} different "
            "ones; name a larger data set."
        )
    size = size or (picture_size(samples[0].lq) if samples[0].lq else None)

    def read(sample: Sample) -> tuple[Image.Image, Image.Image | None]:
        if sample.lq is None:
            raise RestobenchError(f"'{sample.id}' has no lq picture.")
        lq = Image.fromarray(to_eight_bit(to_tensor(read_array(sample.lq))))
        mask = None if sample.mask is None else Image.fromarray(read_array(sample.mask)[..., 0] > 0).convert("L")
        return lq, mask

    pictures, masks = [], []
    for _, found in read_ahead(samples, read):
        if isinstance(found, RestobenchError):
            raise found
        lq, mask = found
        size = size or lq.size
        pictures.append(np.asarray(ImageOps.fit(lq, size, Image.Resampling.BICUBIC)))
        if mask is not None:
            masks.append(np.asarray(ImageOps.fit(mask, size, Image.Resampling.NEAREST)) > 0)
    return Inputs([sample.id for sample in samples], np.stack(pictures), np.stack(masks) if dataset.has_mask else None)

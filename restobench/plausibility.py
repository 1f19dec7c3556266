"""What is odd about a set of pictures before any metric is believed: wrong pairs, and a wrong range.

Looks at thumbnails of pictures that are decoded anyway. It warns, and changes no number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from restobench.reading import Decoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 8
_FEWEST = 3
"""Pairs that must be odd before anything is said; and more than half of all."""
_NEARLY_BLACK = 2 / 255
_MOST = 3000
"""Pictures that are looked at: each is compared with all."""


class Plausibility:
    """Remembers a thumbnail of each picture that is scored, and says what is odd about them together."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._ids: list[str] = []
        self._restored: list[NDArray[np.float32]] = []
        self._clean: list[NDArray[np.float32]] = []
        self._black: list[str] = []

    def look(self, batch: Sequence[Decoded]) -> None:
        """Take in the pictures of a batch that has both; sizes that differ are the metrics' affair."""
        for member in batch:
            restored, clean = member.arrays.get("restored"), member.arrays.get("clean")
            if len(self._ids) == _MOST:
                return
            if restored is None or clean is None or min(*restored.shape[:2], *clean.shape[:2]) < _SIDE:
                continue
            self._ids.append(member.scored.sample.id)
            self._restored.append(_thumbnail(restored))
            self._clean.append(_thumbnail(clean))
            largest = float(restored.max()) / np.iinfo(restored.dtype).max
            if largest <= _NEARLY_BLACK < self._clean[-1].mean():
                self._black.append(member.scored.sample.id)

    def notes(self) -> list[str]:
        """A sentence for each thing that is odd."""
        notes = []
        if self._many(len(self._black)):
            notes.append(
                f"{len(self._black)} of {len(self._ids)} restored pictures are nearly black, '{self._black[0]}' among "
                "them: were they saved with values of 0 to 1 instead of 0 to 255?"
            )
        elif self._ids:
            swapped = self._nearer_to_another()
            if self._many(len(swapped)):
                one, other = swapped[0]
                notes.append(
                    f"{len(swapped)} of {len(self._ids)} restored pictures look more like another sample's clean "
                    f"picture than like their own, '{one}' like that of '{other}': are they paired rightly?"
                )
        return notes

    def _many(self, count: int) -> bool:
        return count >= _FEWEST and 2 * count > len(self._ids)

    def _nearer_to_another(self) -> list[tuple[str, str]]:
        """Samples whose thumbnail is nearer to another's clean one, and by a margin, each with that other."""
        restored, clean = (_centred(thumbnails) for thumbnails in (self._restored, self._clean))
        squares = (restored**2).sum(1)[:, None] + (clean**2).sum(1)[None] - 2 * restored @ clean.T
        nearest = squares.argmin(axis=1)
        own = squares.diagonal()
        # A blurred or noisy picture is some way off its own; another photograph is much nearer only by mistake.
        odd = squares.min(axis=1) < 0.25 * own
        return [(self._ids[i], self._ids[nearest[i]]) for i in np.flatnonzero(odd & (own > 1e-3))]


def _thumbnail(stored: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, 3) -> (64,) means of an 8 x 8 grid's cells, of the mean of the channels, in [0, 1]."""
    rows, columns = (np.linspace(0, side, _SIDE, endpoint=False).astype(int) for side in stored.shape[:2])
    grey = stored.mean(axis=2, dtype=np.float32) / np.float32(np.iinfo(stored.dtype).max)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    counts = np.diff([*rows, stored.shape[0]])[:, None] * np.diff([*columns, stored.shape[1]])[None]
    return np.asarray((sums / counts).ravel(), dtype=np.float32)


def _centred(thumbnails: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Each without its own brightness: a method may shift that."""
    table = np.stack(thumbnails)
    return np.asarray(table - table.mean(axis=1, keepdims=True))

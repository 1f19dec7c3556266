"""What is odd about a set of pictures before any metric is believed: wrong pairs, and a wrong range.

Looks at thumbnails of pictures that are decoded anyway. It warns, and changes no number.
Knows pictures in memory, no file and no metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 8
_FEWEST = 3
"""Pairs that must be odd before anything is said; and more than half of all."""
_NEARLY_BLACK = 2 / 255
_MOST = 3000
"""Pictures that are looked at: each is compared with all."""


class Glimpse(NamedTuple):
    """What is remembered of a pair."""

    restored: NDArray[np.float32]
    clean: NDArray[np.float32]
    """Thumbnails, (64,) each."""
    black: bool
    """Whether the restored picture is nearly black and the clean one is not."""


def glimpse(restored: NDArray[Any], clean: NDArray[Any]) -> Glimpse | None:
    """Of a pair, (H, W, 3) each; None where one is too small. Sizes that differ are the metrics' affair."""
    if min(*restored.shape[:2], *clean.shape[:2]) < _SIDE:
        return None
    thumbnails = _thumbnail(restored), _thumbnail(clean)
    largest = float(restored.max()) / np.iinfo(restored.dtype).max
    return Glimpse(*thumbnails, black=bool(largest <= _NEARLY_BLACK < thumbnails[1].mean()))


class Plausibility:
    """Remembers a glimpse of each pair that is scored, and says what is odd about them together."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._ids: list[str] = []
        self._glimpses: list[Glimpse] = []

    def look(self, sample_id: str, seen: Glimpse) -> None:
        """Take in a pair."""
        if len(self._ids) < _MOST:
            self._ids.append(sample_id)
            self._glimpses.append(seen)

    def notes(self) -> list[str]:
        """A sentence for each thing that is odd."""
        notes = []
        black = [name for name, seen in zip(self._ids, self._glimpses, strict=True) if seen.black]
        if self._many(len(black)):
            notes.append(
                f"{len(black)} of {len(self._ids)} restored pictures are nearly black, '{black[0]}' among "
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
        restored = _centred([seen.restored for seen in self._glimpses])
        clean = _centred([seen.clean for seen in self._glimpses])
        squares = (restored**2).sum(1)[:, None] + (clean**2).sum(1)[None] - 2 * restored @ clean.T
        nearest = squares.argmin(axis=1)
        own = squares.diagonal()
        # A blurred or noisy picture is some way off its own; another photograph is much nearer only by mistake.
        odd = squares.min(axis=1) < 0.25 * own
        return [(self._ids[i], self._ids[nearest[i]]) for i in np.flatnonzero(odd & (own > 1e-3))]


def _thumbnail(stored: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, 3) -> (64,) means of an 8 x 8 grid's cells, of the mean of the channels, in [0, 1]."""
    rows, columns = (np.linspace(0, side, _SIDE, endpoint=False).astype(int) for side in stored.shape[:2])
    # Whole numbers, and the long way first: a third of the time that means of floats take.
    sums = np.add.reduceat(np.add.reduceat(stored, rows, axis=0, dtype=np.uint64), columns, axis=1).sum(axis=2)
    counts = np.diff([*rows, stored.shape[0]])[:, None] * np.diff([*columns, stored.shape[1]])[None]
    return np.asarray((sums / (3 * counts * np.iinfo(stored.dtype).max)).ravel(), dtype=np.float32)


def _centred(thumbnails: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Each without its own brightness: a method may shift that."""
    table = np.stack(thumbnails)
    return np.asarray(table - table.mean(axis=1, keepdims=True))

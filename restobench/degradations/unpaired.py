"""Clean pictures split in two, for training without pairs: no degraded picture's original may be seen clean.

halves = split_halves(ids)
h = [read(sample_id) for sample_id in halves.clean]
l = [degraded(read(sample_id), sample_id, seed) for sample_id in halves.degraded]
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from restobench.errors import RestobenchError


class Halves(NamedTuple):
    """Names of clean pictures, in the order of their hashes."""

    clean: tuple[str, ...]
    """Those that are shown as they are: domain H."""
    degraded: tuple[str, ...]
    """Those that are shown degraded alone: domain L."""


def split_halves(names: Iterable[str]) -> Halves:
    """Split names by SHA-256 of the name: the lower half is H, the rest L. Their order does not matter.

    Halves differ by at most one picture, L being the larger. The split knows names alone: of a
    photograph that is there under two names, or of two frames of one film, one may land in each
    half; give such pictures one folder and split the folders' names.

    Raises:
        RestobenchError: There are fewer than two names, or one stands there twice.
    """
    listed = list(names)
    if len(set(listed)) < len(listed):
        twice = next(name for name in listed if listed.count(name) > 1)
        raise RestobenchError(f"The name '{twice}' is there twice; each picture has a name of its own.")
    if len(listed) < 2:
        raise RestobenchError(
            f"Training without pairs needs at least two clean pictures, one for each half; there {_are(len(listed))}."
        )
    ordered = sorted(listed, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    middle = len(ordered) // 2
    return Halves(tuple(ordered[:middle]), tuple(ordered[middle:]))


def _are(count: int) -> str:
    return "is one" if count else "are none"

"""Pictures handed to a program in a folder of files, and taken back from another.

On the way out names are made harmless, on the way back they are matched and sizes are
checked. Knows pictures and files, not who restores them.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from restobench.ahead import read_ahead
from restobench.errors import RestobenchError
from restobench.image import LOSSY_SUFFIXES, is_picture, read_array, to_eight_bit, to_tensor, write_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Exchange:
    """A temporary folder with a folder of lq pictures and one for restored pictures."""

    def __init__(self, scale: int | None) -> None:
        """What comes back must be `scale` times as large as what went out; None: of any size."""
        self.scale = scale
        self._folder = TemporaryDirectory(prefix="restobench-", ignore_cleanup_errors=True)
        self.lq_dir = Path(self._folder.name) / "lq"
        self.restored_dir = Path(self._folder.name) / "restored"
        self._stems: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._taken: set[str] = set()

    def __enter__(self) -> Exchange:
        """Make the two folders."""
        self.lq_dir.mkdir()
        self.restored_dir.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove all of it."""
        self._folder.cleanup()

    @property
    def handed_over(self) -> int:
        """How many pictures went out."""
        return len(self._stems)

    def hand_over(self, sample_id: str, lq: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Write a picture, (H, W, 3), as an 8-bit PNG."""
        stem = harmless(sample_id)
        if stem.casefold() in self._taken:
            stem = harmless(sample_id, always=True)
        self._taken.add(stem.casefold())
        self._stems[sample_id] = stem
        self._sizes[sample_id] = lq.shape[:2]
        write_picture(self.lq_dir / f"{stem}.png", _eight_bit(lq))

    def came_back(self) -> set[str]:
        """The ids of the samples that have a picture, whatever it is like."""
        found = self._found()
        return {sample_id for sample_id, stem in self._stems.items() if stem in found}

    def take_back(self) -> Iterator[tuple[str, NDArray[np.uint8] | RestobenchError]]:
        """Each sample's id with its picture, (H, W, 3), or with what is wrong with it."""
        found = self._found()
        yield from read_ahead(self._stems, lambda sample_id: self._read(sample_id, found))

    def remarks(self) -> list[str]:
        """What lies among the restored pictures and is none of theirs."""
        stems = set(self._stems.values())
        extra = sorted(path.name for stem, paths in self._found().items() if stem not in stems for path in paths)
        if not extra:
            return []
        listing = ", ".join(extra[:5]) + ", ..." * (len(extra) > 5)
        one = len(extra) == 1
        return [f"{len(extra)} picture{'' if one else 's'} {'is' if one else 'are'} extra, not taken: {listing}"]

    def _found(self) -> dict[str, list[Path]]:
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.restored_dir.rglob("*")):
            if is_picture(path) and path.is_file():
                found[path.stem].append(path)
        return dict(found)

    def _read(self, sample_id: str, found: dict[str, list[Path]]) -> NDArray[np.uint8]:
        path = _the_one(found.get(self._stems[sample_id], []))
        stored = read_array(path)
        lq_height, lq_width = self._sizes[sample_id]
        wanted = (lq_height * (self.scale or 1), lq_width * (self.scale or 1))
        if self.scale and stored.shape[:2] != wanted:
            height, width = stored.shape[:2]
            raise RestobenchError(f"{path.name} is {width} x {height}; {wanted[1]} x {wanted[0]} was wanted.")
        return _eight_bit(stored)


def _the_one(paths: list[Path]) -> Path:
    lossless = [path for path in paths if path.suffix.lower() not in LOSSY_SUFFIXES]
    if len(lossless) == 1:
        return lossless[0]
    if lossless:
        raise RestobenchError(f"There are {len(lossless)} pictures of one name: {', '.join(p.name for p in lossless)}.")
    if paths:
        raise RestobenchError(f"{paths[0].name} was saved with loss, which moves the numbers; save a PNG.")
    raise RestobenchError("No picture of this name came back.")


def _eight_bit(stored: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    return stored.astype(np.uint8) if stored.dtype == np.uint8 else to_eight_bit(to_tensor(stored))


def harmless(sample_id: str, *, always: bool = False) -> str:
    """A file's name for an id, without suffix: letters, digits, `-` and `_` alone.

    An id that is such a name stays as it is, unless `always`; any other gets the
    beginning of its hash, so that two never become one. A dot counts as odd: programs cut
    names at the first one as often as at the last.
    """
    if not always and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", sample_id):
        return sample_id
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", sample_id)[:60].strip("_-")
    return f"{plain}-{hashlib.sha256(sample_id.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}".lstrip("-")

"""The clean pictures of a training: from folders, from installed packages, drawn by code.

Never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from restobench.degradations.augment import padded_to
from restobench.embedded import source_path
from restobench.errors import RestobenchError
from restobench.image import is_picture, read_array
from restobench.train.configuration import Data
from restobench.train.drawings import drawn_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

Part = Literal["training", "held-out"]

# Drawn pictures that are trained on and those that are held out are apart by their numbers.
_HELD_OUT_FROM = 1_000_000


class CleanPictures:
    """The pictures of one part of a training's data, by number."""

    def __init__(self, data: Data, part: Part) -> None:
        """List the files and draw what is to be drawn.

        Raises:
            RestobenchError: A source is not there or holds no picture, or nothing is held out.
        """
        sources = data.pictures if part == "training" else data.held_out
        self._files = [
            (path, source.box) for source in sources for path in _files(source.source) for _ in range(source.repeat)
        ]
        self._drawn: list[NDArray[np.uint8]] = []
        self.names = [f"{path} {box}" if box else str(path) for path, box in self._files]
        """Of the pictures, by number; one that an epoch takes several times has its name several times."""
        if data.drawn:
            first, count = (0, data.drawn.count) if part == "training" else (_HELD_OUT_FROM, data.drawn.held_out)
            self._drawn = [drawn_picture(first + number, data.drawn.size) for number in range(count)]
            self.names += [f"drawn {first + number}" for number in range(count)]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._files) + len(self._drawn)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        """A picture, (H, W, 3), RGB, 8 bits; not to be written into.

        Raises:
            RestobenchError: Its file cannot be read, has 16 bits, or is smaller than its box.
        """
        if number >= len(self._files):
            return self._drawn[number - len(self._files)]
        return _read(*self._files[number])


def _files(source: str) -> list[Path]:
    inside_a_package = ":" in source and not Path(source).expanduser().exists()
    path = source_path(source) if inside_a_package else Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise RestobenchError(f"The clean pictures {source} are not there; name a folder, a picture or package:path.")
    found = sorted(file for file in path.rglob("*") if is_picture(file))
    if not found:
        raise RestobenchError(f"The folder {source} holds no pictures, and neither does any folder in it.")
    return found


# The photographs of a small training are decoded once in each worker; of a large one hardly any twice.
@lru_cache(maxsize=16)
def _read(path: Path, box: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    picture = read_array(path)
    if picture.dtype != np.uint8:
        raise RestobenchError(f"{path} has 16 bits a channel, and a training takes 8; convert it.")
    if box is None:
        return np.asarray(picture, np.uint8)
    left, top, width, height = box
    if left + width > picture.shape[1] or top + height > picture.shape[0]:
        raise RestobenchError(f"The box {box} leaves {path}, which is {picture.shape[1]} x {picture.shape[0]}.")
    return np.asarray(picture[top : top + height, left : left + width], np.uint8)


@lru_cache(maxsize=4)
def _order(epoch: int, count: int, seed: int) -> NDArray[np.int64]:
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def shuffled(number: int, count: int, seed: int) -> int:
    """Which of `count` pictures the example of this number takes: each once an epoch, in a new order every time."""
    return int(_order(number // count, count, seed)[number % count])


def random_crop(picture: NDArray[np.uint8], side: int, draw: np.random.Generator) -> NDArray[np.uint8]:
    """A square of the picture, anywhere, (side, side, 3); of a smaller one, mirrored as often as it takes."""
    picture = padded_to(picture, side)
    top, left = (int(draw.integers(length - side + 1)) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def held_out_crops(pictures: CleanPictures, side: int, count: int) -> Sequence[NDArray[np.uint8]]:
    """`count` squares of held-out pictures, one of each in turn, always the same."""
    if not len(pictures):
        raise RestobenchError("Nothing is held out for validation; name a folder (--held-out DIR).")
    draw = np.random.Generator(np.random.Philox(key=[side, count]))
    return [random_crop(pictures[number % len(pictures)], side, draw) for number in range(count)]

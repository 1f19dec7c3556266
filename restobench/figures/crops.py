"""Which part of a picture is shown enlarged, how many times, and how parts stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from restobench.errors import RestobenchError


class Crop(NamedTuple):
    """A rectangle in the pixels of the restored picture."""

    left: int
    top: int
    width: int
    height: int

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.left},{self.top},{self.width},{self.height}"

    def check(self, sample_id: str, width: int, height: int) -> None:
        """Raises RestobenchError where it leaves a picture of this size."""
        if self.left + self.width > width or self.top + self.height > height:
            raise RestobenchError(
                f"The crop {self} leaves the picture of '{sample_id}', which is {width} x {height} pixels; a crop is "
                "left,top,width,height, counted from the upper left corner."
            )


class Placed(NamedTuple):
    """A crop in the strip below a picture: where its upper left corner lies, in pixels of the picture."""

    crop: Crop
    number: int
    """Which of the picture's crops: its colour."""
    left: float
    top: float


class Strip(NamedTuple):
    """The enlarged crops below a picture, in pixels of the picture."""

    zoom: int
    height: int
    placed: tuple[Placed, ...]


def read_crops(texts: Sequence[str], samples: Sequence[str]) -> dict[str, tuple[Crop, ...]]:
    """By sample its crops: those written `sample:x,y,w,h`, else those written `x,y,w,h`, for all.

    Raises:
        RestobenchError: One is no crop, or names a sample that is not shown.
    """
    common: list[Crop] = []
    own: dict[str, list[Crop]] = {}
    for text in texts:
        sample_id, colon, numbers = text.rpartition(":")
        crop = _crop(numbers, text)
        if not colon:
            common.append(crop)
        elif sample_id in samples:
            own.setdefault(sample_id, []).append(crop)
        else:
            raise RestobenchError(f"--crop {text} is of the sample '{sample_id}', which --samples does not name.")
    return {sample_id: tuple(own.get(sample_id, common)) for sample_id in samples}


def _crop(numbers: str, text: str) -> Crop:
    parts = [part.strip() for part in numbers.split(",")]
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        raise RestobenchError(f"--crop wants x,y,width,height in pixels, or SAMPLE:x,y,width,height, not {text!r}.")
    crop = Crop(*map(int, parts))
    if not (crop.width and crop.height):
        raise RestobenchError(f"--crop {text} has no pixels; a crop is x,y,width,height.")
    return crop


def strip_of(crops: Sequence[Crop], width: int, sample_id: str, zoom: int | None = None) -> Strip:
    """The crops, enlarged a whole number of times, in lines that are no wider than the picture.

    Args:
        crops: At least one.
        width: Of the picture, in pixels.
        sample_id: Whose they are, for the message.
        zoom: How many times larger than in the picture; None: as large as fits in one line, twice at
            least where that fits in several.

    Raises:
        RestobenchError: A crop would be wider than the picture.
    """
    widest = max(crop.width for crop in crops)
    if zoom is None:
        zoom = max(1, min(width // widest, max(2, width // sum(crop.width for crop in crops))))
    if zoom * widest > width:
        raise RestobenchError(
            f"A crop of {widest} pixels at --zoom {zoom} is wider than the picture of '{sample_id}', which has "
            f"{width}; it can be {width // widest} at most."
        )
    lines: list[list[tuple[int, Crop]]] = [[]]
    for number, crop in enumerate(crops):
        if zoom * (sum(one.width for _, one in lines[-1]) + crop.width) > width:
            lines.append([])
        lines[-1].append((number, crop))
    placed, top = [], 0
    for line in lines:
        # In the middle, by whole pixels, so that every edge of a pixel of the crop is one of the picture's.
        left = (width - zoom * sum(crop.width for _, crop in line)) // 2
        for number, crop in line:
            placed.append(Placed(crop, number, left, top))
            left += zoom * crop.width
        top += zoom * max(crop.height for _, crop in line)
    return Strip(zoom, top, tuple(placed))


def labels_of(texts: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """What columns and rows are called.

    Raises:
        RestobenchError: One is given to what is not shown, or is no name but a text.
    """
    if long := next((text for text in texts.values() if len(text) > 200), None):
        raise RestobenchError(f"--label {long[:40]}... is longer than 200 letters.")
    if unknown := next((name for name in texts if name not in known), None):
        raise RestobenchError(f"--label names '{unknown}', which is not shown; there are {', '.join(known)}.")
    return dict(texts)

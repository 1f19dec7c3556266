"""The pictures of the site: every side of a sample as a file that browsers show, with a thumbnail.

Without a limit the pictures are what was scored, to the last bit. Within a limit they are
compressed, and where that is not enough, a part of the samples is shown.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from restobench.errors import RestobenchError
from restobench.image import read_array
from restobench.leaderboard.site.names import file_name
from restobench.leaderboard.site.samples import Gallery

THUMBNAIL = 192
"""The longest side of a thumbnail, in pixels."""

_QUALITIES = (None, 90, 75, 50)
"""Of WebP, best first; None: PNG, nothing is lost."""
_TRIED = 12
"""Samples that tell how much room the others will take."""
_PAGE = 8_000
"""About what a sample's page takes, in bytes."""
_AT_ONCE = 32
"""Samples that are encoded ahead of being written; where so many did not fit, none is tried any more."""


@dataclass(frozen=True)
class Side:
    """A picture of a sample, as the site has it. Paths are below the gallery's folder."""

    key: str
    name: str
    path: str
    thumbnail: str
    width: int
    height: int


@dataclass(frozen=True)
class Shown:
    """What the site shows of a sample."""

    sides: tuple[Side, ...]
    bytes: int
    """On disk, all sides with their thumbnails."""


@dataclass(frozen=True)
class Album:
    """What the site shows of a gallery: by the sample's number, in the gallery's order."""

    samples: dict[int, Shown]
    quality: int | None
    """Of WebP; None: nothing is lost."""

    @property
    def bytes(self) -> int:
        """Of all pictures."""
        return sum(shown.bytes for shown in self.samples.values())


def make_albums(galleries: Sequence[Gallery], site: Path, room: int | None) -> list[Album]:
    """Write the pictures of all galleries into `site`.

    Args:
        galleries: Each gets a folder of its name.
        site: Where to.
        room: Bytes that the pictures may take; None: as many as they need.

    Raises:
        RestobenchError: A picture cannot be read.
    """
    quality = None if room is None else _fitting_quality(galleries, room)
    wanted = _in_turn(galleries)
    found: list[dict[int, Shown]] = [{} for _ in galleries]
    taken = misses = 0
    for (place, number), sides in _encoded(galleries, wanted, quality):
        size = sum(len(full) + len(small) for _, full, small in sides)
        if room is not None and taken + size + _PAGE > room:
            misses += 1
            if misses == _AT_ONCE:
                break
            continue
        if not sides:
            continue
        folder = site / galleries[place].folder
        for side, full, small in sides:
            for path, content in ((folder / side.path, full), (folder / side.thumbnail, small)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        found[place][number] = Shown(tuple(side for side, *_ in sides), size)
        taken += size + _PAGE
    return [Album(dict(sorted(samples.items())), quality) for samples in found]


def drop_last(galleries: Sequence[Gallery], albums: Sequence[Album], site: Path) -> None:
    """Take the samples of least interest out of `site` again, one in fifty of those that are there."""
    there = [(place, number) for place, number in _in_turn(galleries) if number in albums[place].samples]
    for place, number in there[-max(1, len(there) // 50) :]:
        for side in albums[place].samples.pop(number).sides:
            for path in (side.path, side.thumbnail):
                (site / galleries[place].folder / path).unlink()


def _in_turn(galleries: Sequence[Gallery]) -> list[tuple[int, int]]:
    """Gallery and number of every sample, those of interest first, whatever their gallery."""
    orders = [gallery.of_interest() for gallery in galleries]
    longest = max(map(len, orders), default=0)
    return [(place, order[turn]) for turn in range(longest) for place, order in enumerate(orders) if turn < len(order)]


_Encoded = list[tuple[Side, bytes, bytes]]


def _encoded(
    galleries: Sequence[Gallery], wanted: Sequence[tuple[int, int]], quality: int | None
) -> Iterator[tuple[tuple[int, int], _Encoded]]:
    """Every wanted sample's files, in order; a few are made ahead."""
    work: Callable[[tuple[int, int]], _Encoded] = lambda one: _sides(galleries[one[0]], one[1], quality)  # noqa: E731
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as workers:
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            yield from zip(some, workers.map(work, some), strict=True)


def _fitting_quality(galleries: Sequence[Gallery], room: int) -> int | None:
    """The best at which every sample fits, as far as a few tell; else the lowest."""
    everything = [(place, number) for place, gallery in enumerate(galleries) for number in range(len(gallery.ids))]
    tried = everything[:: max(1, len(everything) // _TRIED)]
    for quality in _QUALITIES:
        sizes = [sum(len(full) + len(small) for _, full, small in _sides(galleries[p], n, quality)) for p, n in tried]
        if (sum(sizes) / max(1, len(sizes)) + _PAGE) * len(everything) <= room:
            return quality
    return _QUALITIES[-1]


def _sides(gallery: Gallery, number: int, quality: int | None) -> _Encoded:
    sample_id = gallery.ids[number]
    name = file_name(sample_id)
    found = []
    for source in gallery.sides(sample_id):
        try:
            picture = _eight_bits(source.path)
        except RestobenchError as error:
            raise RestobenchError(f"The site cannot show sample '{sample_id}' of {gallery.title}: {error}") from None
        # The source's bytes are never copied: files may hold more than pixels, names and places among it.
        full = _webp(picture, quality) if quality else _png(picture)
        small = picture.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        ending = "webp" if quality else "png"
        paths = f"pictures/{source.folder}/{name}.{ending}", f"thumbnails/{source.folder}/{name}.webp"
        side = Side(source.key, source.name, *paths, picture.width, picture.height)
        found.append((side, full, _webp(small, 70)))
    return found


def _eight_bits(path: Path) -> Image.Image:
    stored = read_array(path, drop_alpha=True)
    if stored.dtype == np.uint16:
        stored = np.round(stored / 257).astype(np.uint8)
    return Image.fromarray(stored)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=4)
    return file.getvalue()


def _webp(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()

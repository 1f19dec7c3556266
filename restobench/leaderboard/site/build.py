"""The whole site, written beside its place and put there when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from restobench.errors import RestobenchError
from restobench.files import PART_PREFIX, writing
from restobench.leaderboard.board import Leaderboard
from restobench.leaderboard.choosing import pictures_of_record
from restobench.leaderboard.site.pages import ASSETS, pages
from restobench.leaderboard.site.pictures import Album, drop_last, make_albums
from restobench.leaderboard.site.samples import Gallery, galleries
from restobench.leaderboard.site.sweeps import Sweep, sweeps_in
from restobench.results import RunRecord

_MARK = "restobench-site.txt"
"""Tells a site that may be replaced from a folder of somebody's own."""
_MARKED = "Made by 'restobench leaderboard build --site', which replaces this whole folder. Open index.html.\n"


def build_site(board: Leaderboard, records: Sequence[RunRecord], site: Path, *, max_bytes: int | None = None) -> Path:
    """Write the site into the folder `site`, in the place of an older one.

    Args:
        board: The tables.
        records: The runs that stand in them.
        site: The folder.
        max_bytes: How large it may be: pictures are compressed, and then left out, until it
            fits. None: pictures as they were scored.

    Returns:
        Its first page.

    Raises:
        RestobenchError: The folder holds something else, a picture cannot be read, or the
            numbers alone are larger than `max_bytes`.
    """
    if site.exists() and not (site / _MARK).is_file() and (not site.is_dir() or any(site.iterdir())):
        raise RestobenchError(f"{site} holds something that is no site of restobench; choose another --output.")
    shown = galleries(board, records)
    sweeps = [sweeps_in([one for one in records if pictures_of_record(one) == gallery.pictures]) for gallery in shown]
    with writing(), _replaced(site) as beside:
        (beside / _MARK).write_text(_MARKED, encoding="utf-8", newline="\n")
        shutil.copytree(ASSETS, beside / "assets", copy_function=shutil.copyfile)
        bare = _size_of(beside)
        if max_bytes is None:
            albums = make_albums(shown, beside, None)
        else:
            least = bare + _size_of_pages(board, shown, [Album({}, None) for _ in shown], sweeps)
            if least > max_bytes:
                raise RestobenchError(f"Without any picture the site takes {least} bytes; --max-size must allow more.")
            albums = make_albums(shown, beside, max_bytes - least)
            # Pages are not exactly as large as was reckoned with.
            while bare + _size_of_pages(board, shown, albums, sweeps) + sum(one.bytes for one in albums) > max_bytes:
                drop_last(shown, albums, beside)
        for path, text in pages(board, shown, albums, sweeps):
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_text(text, encoding="utf-8", newline="\n")
    return site / "index.html"


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _size_of_pages(
    board: Leaderboard, shown: Sequence[Gallery], albums: Sequence[Album], sweeps: Sequence[Sequence[Sweep]]
) -> int:
    return sum(len(text.encode()) for _, text in pages(board, shown, albums, sweeps))


@contextmanager
def _replaced(site: Path) -> Iterator[Path]:
    """A new folder beside `site`, put in its place when the block ends well."""
    site.parent.mkdir(parents=True, exist_ok=True)
    beside, old = (site.parent / f"{PART_PREFIX}{os.getpid()}-{what}" for what in ("site", "old"))
    try:
        beside.mkdir()
        yield beside
        if site.exists():
            site.rename(old)
        beside.rename(site)
    finally:
        for left in (beside, old):
            shutil.rmtree(left, ignore_errors=True)

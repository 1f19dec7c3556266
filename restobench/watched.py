"""Files that somebody declared to make a run's pictures what they are, and their hash.

A program that is not ours can only be known by its files: checkpoint, configuration,
sources. Knows names and bytes, nothing of methods.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from restobench.errors import RestobenchError


def watched_files(declared: Sequence[str], *, besides: Path) -> dict[str, list[Path]]:
    """The files that each path or pattern names, sorted; folders are read whole.

    Inside a folder these are left out, for they change while the program does not: what is
    hidden (.git), `__pycache__`, and all that lies below `besides`.

    Args:
        declared: Files, folders, or patterns such as `models/*.py` and `src/**/*.yml`.
        besides: The folder of the runs.

    Raises:
        RestobenchError: One of them fits no file.
    """
    found = {text: sorted(set(_files(text, besides.resolve()))) for text in declared}
    if idle := next((text for text, files in found.items() if not files), None):
        raise RestobenchError(f"{idle!r} is to be watched and fits no file; mend the path, or leave it out.")
    return found


def _files(text: str, besides: Path) -> Iterator[Path]:
    path = Path(text).expanduser()
    # A path that is there is meant as it stands, whatever brackets its name holds.
    named = [path] if path.exists() else map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207
    for one in named:
        if one.is_file():
            yield one
        elif one.is_dir():
            yield from _inside(one, besides)


def _inside(folder: Path, besides: Path) -> Iterator[Path]:
    """The files below a folder, also behind links; a loop of links is walked once."""
    seen = set()
    meant = folder.resolve().is_relative_to(besides)
    for place, folders, files in os.walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in seen or (real.is_relative_to(besides) and not meant):
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        paths = (Path(place) / name for name in files if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def digest(files: Sequence[Path], sha256: Mapping[Path, str]) -> str:
    """One SHA-256 for the names and contents of files; that of the content where there is one file."""
    if len(files) == 1:
        return sha256[files[0]]
    listing = "".join(f"{path.as_posix()}\x00{sha256[path]}\n" for path in files)
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()

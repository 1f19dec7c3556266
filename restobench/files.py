"""Files that are there whole or not at all, and contents known by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PART_PREFIX = ".part-"
"""How unfinished files are called; one left behind by a kill is swept at the next start."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` when the block ends well.

    A kill at any moment leaves either the old file or the new one. Creates the folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f"{PART_PREFIX}{os.getpid()}-{threading.get_ident()}"
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all. NaN and infinity are refused: they are no JSON."""
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

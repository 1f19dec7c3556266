"""Files that are there whole or not at all, and contents known by their hash."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from restobench.errors import RestobenchError

PART_PREFIX = ".part-"
"""How unfinished files are called; one left behind by a kill is swept at the next start."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` when the block ends well.

    A kill at any moment leaves either the old file or the new one. Creates the folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Machines may share the folder.
    beside = path.parent / f"{PART_PREFIX}{platform.node()}-{os.getpid()}-{threading.get_ident()}"
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        if error.filename == str(beside):
            error.filename = str(path)  # nobody asked for the other one
        raise
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


def is_web_page(start: bytes) -> bool:
    """Whether a file that begins so is a page or an error report of a server, under whatever name it was saved."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<?xml"))


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR)


@contextmanager
def writing() -> Iterator[None]:
    """Turn a full disk, a folder that may not be written, or a file in its place, into the user's error.

    Raises:
        RestobenchError: Instead of the OSError that says so; any other passes.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise RestobenchError(
                f"The disk is full: {error.filename or 'a file'} could not be written. "
                "What was written is kept; free some space and run the same command again."
            ) from error
        if error.errno in _NOT_ALLOWED:
            raise RestobenchError(f"{error.filename or 'A file'} could not be written: {error.strerror}.") from error
        if error.errno in _IN_THE_WAY:
            raise RestobenchError(
                f"{error.filename} could not be made: what stands there, or above it, is no folder. Name another place."
            ) from error
        raise


@contextmanager
def sole_writer(folder: Path, *, ours: bool, command: str, doing: str) -> Iterator[None]:
    """Be the only writer of a folder that a command fills. Creates it, and sweeps away what a killed writer left.

    Args:
        folder: It.
        ours: Whether what lies there was begun by this command.
        command: For the message where it was not.
        doing: What another writer is doing: `making`.

    Raises:
        RestobenchError: Another process writes here, or the folder holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise RestobenchError(f"{folder} is a file; name a folder with --output.")
    if not ours and folder.is_dir() and any(path.name != ".lock" for path in folder.iterdir()):
        raise RestobenchError(
            f"{folder} is not empty, and no set that '{command}' began; "
            "remove it, or name another folder with --output."
        )
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RestobenchError(f"Another process is {doing} the set in {folder}; wait for it.") from None
    try:
        for left in folder.rglob(f"{PART_PREFIX}*"):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()

"""Zip and tar archives of strangers, read without unpacking them to the disk.

Nothing of an archive decides where a file is written. All the same one that holds what no
collection of pictures has (links, devices, paths that lead outside, bombs) is refused as a whole:
somebody altered it, or it is not what the user meant.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from restobench.download import size_in_words
from restobench.errors import RestobenchError
from restobench.preparing.source import ARCHIVES, Entry, is_wanted


@dataclass(frozen=True)
class Limits:
    """Beyond what no archive of pictures is, in files and in bytes."""

    files: int = 200_000
    bytes: int = 200 * 10**9
    """Of all files together, unpacked."""
    file_bytes: int = 500 * 10**6
    """Of one file."""
    ratio: int = 100
    """How many times larger the files may be than the archive: pictures are compressed already."""
    small: int = 10**9
    """Bytes up to which the ratio does not matter."""


class _Checked:
    """Looks at each member's name, kind and size as it comes."""

    def __init__(self, place: Path, limits: Limits) -> None:
        self.place, self.limits = place, limits
        self.files = self.bytes = 0
        size = place.stat().st_size
        self.most = min(limits.bytes, max(limits.small, limits.ratio * size))

    def refuse(self, what: str) -> RestobenchError:
        return RestobenchError(
            f"The archive {self.place} is refused: {what}. Download it again from where the data set is published."
        )

    def name(self, name: str) -> str:
        """The name with '/'."""
        path = name.replace("\\", "/")
        if path.startswith("/") or re.match(r"[A-Za-z]:", path):
            raise self.refuse(f"its file {name!r} has an absolute path")
        if ".." in path.split("/"):
            raise self.refuse(f"its file {name!r} leads outside by '..'")
        if re.search(r"[\x00-\x1f]", path):
            raise self.refuse(f"the name {name!r} holds control characters")
        return re.sub(r"^(\./)+", "", path)

    def size(self, name: str, size: int) -> None:
        self.files += 1
        self.bytes += size
        if self.files > self.limits.files:
            raise self.refuse(f"it holds more than {self.limits.files} files")
        if size > self.limits.file_bytes:
            raise self.refuse(f"its file {name!r} would have {size_in_words(size)} unpacked, as no picture has")
        self.total(self.bytes)

    def total(self, size: int) -> None:
        if size > self.most:
            raise self.refuse(f"unpacked it would have more than {size_in_words(self.most)}, as pictures never do")


@contextmanager
def _damage_told(place: Path) -> Iterator[None]:
    damage = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        raise RestobenchError(f"The archive {place} cannot be read: {error}; unpack it, and name the folder.") from None
    except damage as error:
        raise RestobenchError(f"The archive {place} is damaged or cut off ({error}); download it again.") from None


def _stem(place: Path) -> str:
    suffix = next((ending for ending in sorted(ARCHIVES, key=len)[::-1] if place.name.lower().endswith(ending)), "")
    return place.name[: len(place.name) - len(suffix)]


@dataclass(frozen=True)
class ZipSource:
    """A zip archive."""

    place: Path
    limits: Limits = Limits()

    def entries(self) -> list[Entry]:
        """As `Source`."""
        return [Entry(path, info.file_size) for path, info in self._members().items() if is_wanted(path)]

    def read(self, wanted: Sequence[Entry], first: int | None = None) -> Iterator[tuple[Entry, bytes]]:
        """As `Source`."""
        members = self._members()
        with _damage_told(self.place), zipfile.ZipFile(self.place) as archive:
            for entry in wanted:
                with archive.open(members[entry.path]) as file:
                    # Never more than the checked size: a header may lie.
                    content = file.read(entry.bytes if first is None else min(first, entry.bytes))
                yield entry, content

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        checked = _Checked(self.place, self.limits)
        members: dict[str, zipfile.ZipInfo] = {}
        with _damage_told(self.place):
            with zipfile.ZipFile(self.place) as archive:
                infos = archive.infolist()
            for info in infos:
                name = checked.name(info.filename)
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind == stat.S_IFLNK:
                    raise checked.refuse(f"its file {info.filename!r} is a link")
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise checked.refuse(f"its file {info.filename!r} is a device or a pipe")
                if info.flag_bits & 1:
                    raise RestobenchError(f"The archive {self.place} wants a password; unpack it, and name the folder.")
                checked.size(info.filename, info.file_size)
                path = f"{_stem(self.place)}/{name}"
                if not info.is_dir():
                    if path in members:
                        raise checked.refuse(f"it holds two files called {info.filename!r}")
                    members[path] = info
        return members


class _Bounded(io.RawIOBase):
    """A stream that ends the reading of what unpacks into more than it may."""

    def __init__(self, file: BinaryIO, checked: _Checked) -> None:
        self.file, self.checked, self.received = file, checked, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self.file.read(size)
        self.received += len(content)
        # Headers and padding: 512 bytes or so each.
        self.checked.total(self.received - 2048 * (self.checked.files + 16))
        return content


@dataclass(frozen=True)
class TarSource:
    """A tar archive, compressed by gzip, bzip2 or xz, or not at all. It can only be read from front to back."""

    place: Path
    limits: Limits = Limits()

    def entries(self) -> list[Entry]:
        """As `Source`."""
        found: dict[str, Entry] = {}
        checked = _Checked(self.place, self.limits)
        for path, info, _ in self._members(checked):
            if path in found:
                raise checked.refuse(f"it holds two files called {info.name!r}")
            if is_wanted(path):
                found[path] = Entry(path, info.size)
        return list(found.values())

    def read(self, wanted: Sequence[Entry], first: int | None = None) -> Iterator[tuple[Entry, bytes]]:
        """As `Source`."""
        missing = {entry.path: entry for entry in wanted}
        for path, info, archive in self._members(_Checked(self.place, self.limits)):
            if not missing:
                return
            if entry := missing.pop(path, None):
                with _damage_told(self.place):
                    file = archive.extractfile(info)
                    content = file.read(entry.bytes if first is None else first) if file else b""
                yield entry, content

    def _members(self, checked: _Checked) -> Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]:
        """Every file, looked at before its content is passed."""
        with _damage_told(self.place), self._stream() as plain:
            bounded = _Bounded(plain, checked)
            with tarfile.open(fileobj=bounded, mode="r|") as archive:
                for info in archive:
                    name = checked.name(info.name)
                    if info.issym() or info.islnk():
                        raise checked.refuse(f"its file {info.name!r} is a link")
                    if not (info.isfile() or info.isdir()):
                        raise checked.refuse(f"its file {info.name!r} is a device or a pipe")
                    checked.size(info.name, info.size)
                    if info.isfile():
                        yield f"{_stem(self.place)}/{name}", info, archive

    def _stream(self) -> BinaryIO:
        with self.place.open("rb") as file:
            start = file.read(6)
        if start.startswith(b"\x1f\x8b"):
            return gzip.open(self.place)  # type: ignore[return-value] # it reads as a file does
        if start.startswith(b"BZh"):
            return bz2.open(self.place)  # type: ignore[return-value] # so does this
        if start.startswith(b"\xfd7zXZ"):
            return lzma.open(self.place)  # type: ignore[return-value] # and this
        return self.place.open("rb")

"""An archive opened with distrust: its list of files, and each file as its manifest says."""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restobench.download import size_in_words
from restobench.errors import RestobenchError
from restobench.sharing.contents import MANIFEST, PICTURES, RECORDS, check_manifest, check_path, read_json, refused
from restobench.sharing.schema import Manifest


@dataclass(frozen=True)
class Limits:
    """Beyond what no run is, in files, bytes and pixels."""

    archive_bytes: int = 200 * 10**9
    files: int = 200_000
    record_bytes: int = 100 * 10**6
    """Of one JSON file."""
    picture_bytes: int = 500 * 10**6
    pixels: int = 80_000_000
    """Of one picture."""


class Archive:
    """An open archive whose list of files was checked."""

    def __init__(self, place: Path, limits: Limits | None = None) -> None:
        """Read the list of files and the manifest.

        Raises:
            RestobenchError: It is no archive of a run, or holds what no run has.
        """
        self.place, self.limits = place, limits or Limits()
        try:
            self._zip = zipfile.ZipFile(place)
        except FileNotFoundError:
            raise RestobenchError(f"The archive {place} does not exist.") from None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise RestobenchError(
                f"{place} is no archive of a run, or cut off ({error}); get it again, or name one that "
                "'restobench results export' made."
            ) from None
        self._members = self._checked_members()
        if MANIFEST not in self._members:
            raise refused(f"{place} is not one that 'restobench results export' made: it has no {MANIFEST}")
        content = self._content(MANIFEST)
        self.sha256 = hashlib.sha256(content).hexdigest()
        """Of the manifest, and so of all contents."""
        self.found: dict[str, Any] = read_json(content, MANIFEST)
        self.manifest: Manifest = check_manifest(self.found)
        self._compare_lists()

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        infos = self._zip.infolist()
        if len(infos) > self.limits.files:
            raise refused(f"it holds {len(infos)} files, and no run has more than {self.limits.files}")
        for info in infos:
            name = info.filename
            kind = stat.S_IFMT(info.external_attr >> 16)
            if name not in (*RECORDS, MANIFEST):
                check_path(name)
            if name != info.orig_filename:
                raise refused(f"its file {info.orig_filename[:300]!r} has two names")
            if kind not in (0, stat.S_IFREG):
                raise refused(f"its file {name!r} is a link, a folder or a device")
            if info.flag_bits & 1:
                raise refused(f"its file {name!r} is encrypted")
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise refused(f"its file {name!r} is compressed, as 'restobench results export' does with none")
            most = self.limits.picture_bytes if name.startswith(PICTURES) else self.limits.record_bytes
            if info.file_size > most:
                raise refused(f"its file {name!r} has {size_in_words(info.file_size)}, as none of a run has")
            if name in members:
                raise refused(f"it holds two files called {name!r}")
            members[name] = info
        total, size = sum(info.file_size for info in infos), self.place.stat().st_size
        if total > size:
            raise refused(f"its files claim {size_in_words(total)}, and it has {size_in_words(size)}: they overlap")
        return members

    def _compare_lists(self) -> None:
        there = self._members.keys() - {MANIFEST}
        if missing := sorted(self.manifest.files.keys() - there):
            raise refused(f"it lacks {missing[0]!r}, which its manifest lists ({len(missing)} files missing)")
        if extra := sorted(there - self.manifest.files.keys()):
            raise refused(f"it holds {extra[0]!r}, which its manifest does not list")

    def _content(self, name: str) -> bytes:
        try:
            # Never more than the checked size: a header may lie.
            with self._zip.open(self._members[name]) as file:
                return file.read(self._members[name].file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise refused(f"its file {name!r} is damaged ({error})") from None

    def read(self, name: str) -> bytes:
        """A file whose size and hash are those of the manifest.

        Raises:
            RestobenchError: They are not.
        """
        content, facts = self._content(name), self.manifest.files[name]
        if len(content) != facts.bytes or hashlib.sha256(content).hexdigest() != facts.sha256:
            raise refused(f"its file {name!r} is not what its manifest says: it was altered or damaged on the way")
        return content

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


@contextmanager
def opened(place: Path, limits: Limits | None = None) -> Iterator[Archive]:
    """The archive, closed afterwards; raises as `Archive`."""
    archive = Archive(place, limits)
    try:
        yield archive
    finally:
        archive.close()

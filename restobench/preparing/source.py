"""What a download holds: the names and sizes of its files, and their bytes, without trusting it.

Knows folders and archives, and nothing of data sets. Never writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from restobench.errors import RestobenchError
from restobench.image import is_picture

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""The archives that are read."""


class Entry(NamedTuple):
    """A file of a source."""

    path: str
    """With '/', from the source's own name on: `downloads/lfw/a.png`, `lfw/a.png` of lfw.zip."""
    bytes: int


class Source(Protocol):
    """A folder or an archive."""

    @property
    def place(self) -> Path:
        """Where it lies."""

    def entries(self) -> Sequence[Entry]:
        """Its pictures; hidden files, and what macOS and Windows add, are left out.

        Raises:
            RestobenchError: It cannot be read, or is made to do harm.
        """

    def read(self, wanted: Sequence[Entry], first: int | None = None) -> Iterator[tuple[Entry, bytes]]:
        """The wanted files, in whatever order is fastest; of each only the `first` bytes, where that is given.

        Raises:
            RestobenchError: It is damaged.
        """


def is_wanted(path: str) -> bool:
    """Whether a file is a picture that a person put there, by its name."""
    parts = PurePosixPath(path).parts
    return is_picture(Path(path)) and not any(part.startswith((".", "__MACOSX")) for part in parts)


@dataclass(frozen=True)
class FolderSource:
    """A folder, with all folders in it."""

    place: Path

    def entries(self) -> list[Entry]:
        """As `Source`."""

        def unreadable(error: OSError) -> None:
            raise RestobenchError(f"The folder {error.filename} cannot be read: {error.strerror}.")

        found = []
        for folder, folders, names in os.walk(self.place, onerror=unreadable):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                path = f"{self._name}/{file.relative_to(self.place).as_posix()}"
                if is_wanted(path.removeprefix(f"{self._name}/")):
                    found.append(Entry(path, self._size(file)))
        return found

    def read(self, wanted: Sequence[Entry], first: int | None = None) -> Iterator[tuple[Entry, bytes]]:
        """As `Source`."""
        for entry in wanted:
            try:
                with self.path_of(entry).open("rb") as file:
                    content = file.read() if first is None else file.read(first)
            except OSError as error:
                raise RestobenchError(f"{error.filename} cannot be read: {error.strerror}.") from None
            yield entry, content

    def path_of(self, entry: Entry) -> Path:
        """Where a file lies."""
        return self.place / entry.path.removeprefix(f"{self._name}/")

    @property
    def _name(self) -> str:
        return self.place.name

    @staticmethod
    def _size(file: Path) -> int:
        try:
            return file.stat().st_size
        except OSError as error:
            raise RestobenchError(f"{file} cannot be read: {error.strerror}.") from None

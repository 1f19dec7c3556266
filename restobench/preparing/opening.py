"""Which kind of download a path names: a folder, an archive, or what is neither."""

from __future__ import annotations

from pathlib import Path

from restobench.errors import RestobenchError
from restobench.files import is_web_page
from restobench.preparing.archives import TarSource, ZipSource
from restobench.preparing.source import ARCHIVES, FolderSource, Source

_PACKED_OTHERWISE = {b"Rar!": "RAR", b"7z\xbc\xaf": "7-Zip", b"\x28\xb5\x2f\xfd": "Zstandard"}


def open_source(given: str | Path) -> Source:
    """The folder or the archive that the user names.

    Raises:
        RestobenchError: It does not exist, or is neither.
    """
    place = Path(given).expanduser().resolve()
    if not place.exists():
        raise RestobenchError(f"The source {given} does not exist; name the folder or the archive that you downloaded.")
    if place.is_dir():
        return FolderSource(place)
    try:
        with place.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise RestobenchError(f"The source {given} cannot be read: {error.strerror}.") from None
    name = place.name.lower()
    if is_web_page(start):
        raise RestobenchError(
            f"{place} is a web page and not an archive: the download asked for something. "
            "Open its address in a browser, and save what it offers."
        )
    for magic, kind in _PACKED_OTHERWISE.items():
        if start.startswith(magic):
            raise RestobenchError(
                f"{place} is a {kind} archive, which is not read here; unpack it, and name the folder."
            )
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")) or name.endswith(".zip"):
        return ZipSource(place)
    if start[257:262] == b"ustar" or name.endswith(ARCHIVES):
        return TarSource(place)
    raise RestobenchError(f"{place} is neither a folder nor an archive ({', '.join(ARCHIVES)}).")

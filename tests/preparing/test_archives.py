import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.preparing.archives import Limits, TarSource, ZipSource
from restobench.preparing.opening import open_source
from restobench.preparing.source import FolderSource, Source
from tests.preparing.replicas import png, write

PICTURE = png(3, 40, 30)


def tar_with(path: Path, *infos: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in infos:
            info.size = len(PICTURE) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(PICTURE) if info.isfile() else None)
    return path


def tar_of(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> Callable[[Path], Path]:
    def pack(folder: Path) -> Path:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, to
        return tar_with(folder / "x.tar.gz", info)

    return pack


def zip_of(name: str, mode: int = 0, again: bool = False) -> Callable[[Path], Path]:
    def pack(folder: Path) -> Path:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        with zipfile.ZipFile(folder / "x.zip", "w") as archive:
            archive.writestr(info, PICTURE)
            if again:
                with pytest.warns(UserWarning, match="Duplicate name"):
                    archive.writestr(info, PICTURE)
        return folder / "x.zip"

    return pack


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        (zip_of("lq/../../a.png"), "leads outside"),
        (zip_of("..\\a.png"), "leads outside"),
        (zip_of("/etc/a.png"), "absolute path"),
        (zip_of("C:\\a.png"), "absolute path"),
        (zip_of("a.png", stat.S_IFLNK | 0o777), "is a link"),
        (zip_of("a.png", stat.S_IFIFO), "is a device or a pipe"),
        (zip_of("a.png", again=True), "two files called"),
        (zip_of("a\n.png"), "control characters"),
        (tar_of("../a.png"), "leads outside"),
        (tar_of("/a.png"), "absolute path"),
        (tar_of("a.png", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (tar_of("a.png", tarfile.LNKTYPE, "b.png"), "is a link"),
        (tar_of("a.png", tarfile.CHRTYPE), "is a device or a pipe"),
        (tar_of("a.png", tarfile.FIFOTYPE), "is a device or a pipe"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path: Path, pack: Callable[[Path], Path], words: str) -> None:
    """As a whole, in one sentence that names the file."""
    with pytest.raises(RestobenchError, match="is refused") as told:
        open_source(pack(tmp_path)).entries()

    assert words in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(files=2), "more than 2 files"),
        (Limits(file_bytes=2**19), "as no picture has"),
        (Limits(bytes=2**20), "as pictures never do"),
        (Limits(small=2**20), "as pictures never do"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, kind: str, limits: Limits, words: str) -> None:
    """Too many files, too large a one, too much together, or far more than the archive itself."""
    zeros = bytes(2**20)
    path = tmp_path / f"x.{kind}"
    source: Source
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in "abc":
                archive.writestr(f"{name}.png", zeros)
        source = ZipSource(path, limits)
    else:
        with tarfile.open(path, f"w:{kind.rpartition('.')[2]}") as tar:  # type: ignore[call-overload]
            for name in "abc":
                info = tarfile.TarInfo(f"{name}.png")
                info.size = len(zeros)
                tar.addfile(info, io.BytesIO(zeros))
        source = TarSource(path, limits)

    with pytest.raises(RestobenchError, match=words):
        source.entries()


def test_a_bomb_in_a_header_is_refused(tmp_path: Path) -> None:
    """A long name is read before anything can be asked about it."""
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("a" * 2**22))

    with pytest.raises(RestobenchError, match="as pictures never do"):
        TarSource(tmp_path / "x.tar.gz", Limits(small=2**20)).entries()


@pytest.mark.parametrize("kind", ["x.zip", "x.tar", "x.tgz", "folder"])
def test_what_is_in_it_is_read_as_it_is(tmp_path: Path, kind: str) -> None:
    """Names from the source's own on; hidden files and other kinds are left out."""
    folder = write(tmp_path / "folder", {"d/a.PNG": PICTURE, "d/.b.png": b"x", "c.txt": b"x", ".h/e.png": b"x"})
    path = tmp_path / kind
    if kind == "x.zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*"):
                archive.write(file, file.relative_to(folder))
    elif kind != "folder":
        with tarfile.open(path, "w:gz" if kind == "x.tgz" else "w") as tar:
            tar.add(folder, ".")
    source = open_source(path)

    (entry,) = source.entries()

    assert entry == (f"{'folder' if kind == 'folder' else 'x'}/d/a.PNG", len(PICTURE))
    assert list(source.read([entry])) == [(entry, PICTURE)]
    assert list(source.read([entry], 10)) == [(entry, PICTURE[:10])]
    assert isinstance(source, FolderSource | ZipSource | TarSource)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"<!DOCTYPE html><title>Google Drive", "is a web page"),
        ("a.zip", b"PK\x03\x04 and no more", "damaged or cut off"),
        ("a.tar.gz", b"\x1f\x8b\x08 and no more", "damaged or cut off"),
        ("a.tar", b"nothing of the kind", "damaged or cut off"),
        ("a.rar", b"Rar!\x1a\x07", "is a RAR archive"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive"),
        ("a.bin", b"something", "neither a folder nor an archive"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """What a browser saved when the drive asked for a confirmation, above all."""
    write(tmp_path, {name: content})

    with pytest.raises(RestobenchError, match=words):
        open_source(tmp_path / name).entries()


def test_half_an_archive_is_told(tmp_path: Path) -> None:
    """The end of a tar was not downloaded."""
    path = tar_with(tmp_path / "x.tar.gz", *(tarfile.TarInfo(f"{n}.png") for n in range(9)))
    path.write_bytes(path.read_bytes()[:-60])

    with pytest.raises(RestobenchError, match="damaged or cut off"):
        open_source(path).entries()

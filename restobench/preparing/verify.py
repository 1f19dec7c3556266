"""`datasets verify`: whether a data set's pictures are still those that were prepared or made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from restobench.dataset import CARD, local_folder, open_dataset
from restobench.errors import RestobenchError
from restobench.files import sha256_of
from restobench.journal import UNFINISHED
from restobench.manifest import MANIFEST, read_manifest
from restobench.preparing.record import RECORD, read_record
from restobench.reporter import Reporter, Silence


class _Recorded(NamedTuple):
    sha256: str
    bytes: int | None
    """None: not recorded."""


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what differs."""

    folder: Path
    pictures: int
    differences: tuple[str, ...]


def prepared_folder(reference: str) -> Path | None:
    """The folder with a card of its own that `NAME`, `NAME@REVISION` or a path stands for; None: there is none."""
    folder = local_folder(reference) or Path(reference).expanduser()
    return folder if any((folder / name).is_file() for name in (CARD, UNFINISHED)) else None


def verify_dataset(reference: str, *, full: bool = False, reporter: Reporter | None = None) -> Verified:
    """Compare a set with its record: names and sizes of all files, and with `full` their hashes.

    Raises:
        RestobenchError: There is no such set here, or nothing tells what it should be.
    """
    folder = prepared_folder(reference)
    if folder is None:
        # Says what is known of the name, and what to do.
        opened = open_dataset(reference)
        raise RestobenchError(
            f"Nothing records what the pictures of '{opened.name}' should be: "
            "only a set that 'restobench datasets prepare' or 'make' wrote can be verified."
        )
    if (folder / UNFINISHED).is_file():
        raise RestobenchError(f"The data set in {folder} is not finished; the same command that began it goes on.")
    recorded = _recorded(folder)
    there = {
        path.relative_to(folder).as_posix()
        for part in ("lq", "gt", "mask")
        for path in (folder / part).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    differences = [f"{path} is not of this set" for path in sorted(there - recorded.keys())]
    with (reporter or Silence()).stage(f"{folder.name}: verifying", len(recorded)) as advance:
        for path, picture in recorded.items():
            difference = _difference(folder / path, picture, full)
            differences += [f"{path} {difference}"] if difference else []
            advance(1, 0)
    return Verified(folder, len(recorded), tuple(differences))


def _recorded(folder: Path) -> dict[str, _Recorded]:
    if (folder / RECORD).is_file():
        pictures = read_record(folder / RECORD).pictures
        return {path: _Recorded(picture.sha256, picture.bytes) for path, picture in pictures.items()}
    if (folder / MANIFEST).is_file():
        samples = read_manifest(folder / MANIFEST).samples
        made = [(part, sample.id, getattr(sample, part).sha256) for sample in samples for part in ("lq", "gt")]
        return {f"{part}/{sample_id}.png": _Recorded(sha256, None) for part, sample_id, sha256 in made}
    raise RestobenchError(f"{folder} has neither {RECORD} nor {MANIFEST}, so that nothing can be compared with it.")


def _difference(path: Path, recorded: _Recorded, full: bool) -> str | None:
    if not path.is_file():
        return "is missing"
    try:
        size = path.stat().st_size
        if recorded.bytes not in (None, size):
            return f"has {size} bytes, and should have {recorded.bytes}"
        if full and sha256_of(path) != recorded.sha256:
            return "has another content"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None

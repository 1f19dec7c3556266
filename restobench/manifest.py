"""What a data set was made from: every clean picture, every drawn value, every hash.

`manifest.json` in the folder of a set that `restobench datasets make` made; from it and the clean
pictures the set can be made again. Knows files and numbers, no recipe and no picture.
Never imports torch.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeInt, StringConstraints

from restobench.card import Name
from restobench.files import write_json
from restobench.journal import Noted, read_document

SCHEMA = 1
"""Of manifest.json; a reader refuses a newer one."""

MANIFEST = "manifest.json"


def _stays_below(name: str) -> str:
    """A manifest of a stranger must not say where on the disk something is read or written."""
    steps = name.split("/")
    if PurePosixPath(name).is_absolute() or any(step in ("", ".", "..") for step in steps) or "\0" in name:
        raise ValueError(f"{name!r} is no path below a folder")
    return name


_Below = Annotated[str, AfterValidator(_stays_below)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class MadePicture(Noted):
    """A picture that was written."""

    sha256: _Sha256
    """Of the file: two versions of a compressor write one picture in two ways."""
    pixels: _Sha256
    """Of the size and the pixels."""


class MadeSample(Noted):
    """A sample, and all that it follows from."""

    id: _Below
    source: _Below
    """The clean picture, below the folder of clean pictures."""
    source_sha256: _Sha256
    gt: MadePicture
    lq: MadePicture
    tags: dict[str, str] = Field(default={})
    parameters: dict[str, Any]
    """As the recipe drew them."""


class MadeBy(Noted):
    """A recipe."""

    name: str
    revision: str


class Head(Noted):
    """What all samples of a set share."""

    schema_: NonNegativeInt = Field(default=SCHEMA, alias="schema")
    name: Name
    recipe: MadeBy
    seed: NonNegativeInt
    versions: dict[str, str]
    """Of Python, of restobench, and of the libraries that move a pixel or a byte."""


class Manifest(Head):
    """A set as it was made."""

    samples: tuple[MadeSample, ...]

    @property
    def head(self) -> Head:
        """All but the samples."""
        return Head(**{name: getattr(self, name) for name in Head.model_fields})

    def write(self, folder: Path) -> None:
        """Write manifest.json, whole or not at all."""
        write_json(folder / MANIFEST, self.model_dump(mode="json", by_alias=True))


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file `path`.

    Raises:
        RestobenchError: It cannot be read, is of a newer schema, or is no manifest.
    """
    return read_document(path, Manifest, schema=SCHEMA, kind="manifest of a made data set")


def tags_in(folder: Path) -> dict[str, dict[str, str]]:
    """By sample, the tags in the manifest of the set in `folder`; empty where there is none."""
    path = folder / MANIFEST
    return {sample.id: sample.tags for sample in read_manifest(path).samples} if path.is_file() else {}

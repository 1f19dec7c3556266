"""What a data set was made from: every clean picture, every drawn value, every hash.

`manifest.json` in the folder of a set that `restobench datasets make` made; from it and the clean
pictures the set can be made again. Knows files and numbers, no recipe and no picture.
Never imports torch.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError

from restobench.card import Name
from restobench.errors import RestobenchError
from restobench.files import write_json

SCHEMA = 1
"""Of manifest.json; a reader refuses a newer one."""

MANIFEST = "manifest.json"
UNFINISHED = "making.jsonl"
"""In the folder of a set that is not finished: its samples so far, a line each."""


def _stays_below(name: str) -> str:
    """A manifest of a stranger must not say where on the disk something is read or written."""
    steps = name.split("/")
    if PurePosixPath(name).is_absolute() or any(step in ("", ".", "..") for step in steps) or "\0" in name:
        raise ValueError(f"{name!r} is no path below a folder")
    return name


_Below = Annotated[str, AfterValidator(_stays_below)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class MadePicture(_Part):
    """A picture that was written."""

    sha256: _Sha256
    """Of the file: two versions of a compressor write one picture in two ways."""
    pixels: _Sha256
    """Of the size and the pixels."""


class MadeSample(_Part):
    """A sample, and all that it follows from."""

    id: _Below
    source: _Below
    """The clean picture, below the folder of clean pictures."""
    source_sha256: _Sha256
    gt: MadePicture
    lq: MadePicture
    tags: dict[str, str] = {}
    parameters: dict[str, Any]
    """As the recipe drew them."""


class MadeBy(_Part):
    """A recipe."""

    name: str
    revision: str


class Head(_Part):
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
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"The manifest {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise RestobenchError(f"The manifest {path} is damaged: {error}.") from None
    if isinstance(content, dict) and isinstance(found := content.get("schema"), int) and found > SCHEMA:
        raise RestobenchError(f"{path} was written by a newer restobench (schema {found}, known: {SCHEMA}); update.")
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise RestobenchError(f"{path} is no manifest of a made data set: {'; '.join(faults[:5])}{more}.") from None


def tags_in(folder: Path) -> dict[str, dict[str, str]]:
    """By sample, the tags in the manifest of the set in `folder`; empty where there is none."""
    path = folder / MANIFEST
    return {sample.id: sample.tags for sample in read_manifest(path).samples} if path.is_file() else {}

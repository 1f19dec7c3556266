"""Cards: what is true of a method, a data set or a metric, as data that nothing runs.

A card is a TOML file that stands beside the code it describes, so that it can be read
without importing that code. Released cards do not change; a correction is a new
`revision`. Here is what all kinds share; `method_card`, `dataset_card` and `metric_card` are the kinds.
Never imports torch.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from restobench.errors import RestobenchError

Task = Literal["super-resolution", "face", "restoration", "inpainting", "colorization"]
Value = bool | int | float | str
"""What a setting can hold."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A name a person types: lower case, digits, dot, dash and underscore."""


class Card(BaseModel):
    """Frozen, and strict about keys: a misspelt one is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _plain(path: str) -> bool:
    """Whether a path stays below whatever folder it is put into; cards come from strangers."""
    return all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", step) for step in path.split("/"))


class Hub(Card):
    """Files of a repository on the Hugging Face hub."""

    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
    revision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$")] = "main"
    """A branch, a tag or a commit."""
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their paths in the repository; `a|b` is the first that it has."""

    @field_validator("files")
    @classmethod
    def _stay_in_their_folder(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if strange := next((name for file in files for name in file.split("|") if not _plain(name)), None):
            raise ValueError(f"{strange!r} is no plain path in a repository")
        return files


class WeightFile(Card):
    """One file of trained weights, or a repository's files, and where they come from."""

    file: str | None = None
    """What it is called in the method's folder of weights, perhaps in a folder in there; None: always given by hand."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+/\S+$")] | None = None
    hub: Hub | None = None
    """Instead of a url: where a folder of files comes from."""
    size: PositiveInt | None = None
    """In bytes."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Where its authors publish one; else that of the first download is kept and compared."""
    bundled: bool = False
    """Whether it comes with the package, beside the card."""
    licence: str | None = None
    help: str = ""

    @field_validator("file")
    @classmethod
    def _stays_in_its_folder(cls, file: str | None) -> str | None:
        """A card of a stranger must not say where on the disk something is written."""
        if file is not None and not _plain(file):
            raise ValueError(
                f"{file!r} is no plain file name: letters, digits, '.', '_', '+' and '-', not beginning with a dot"
            )
        if file is not None and file.endswith((".part", ".part.json", ".lock", ".sha256")):
            raise ValueError(f"{file!r} ends as the files do that restobench keeps beside weights")
        return file

    @model_validator(mode="after")
    def _has_a_name(self) -> WeightFile:
        # Not the address's end: addresses change, and the file stays what it was.
        if (self.url or self.hub) and not self.file:
            raise ValueError("a url needs a file: what the file is called here")
        if self.bundled and (self.url or not self.file):
            raise ValueError("what is bundled has a file, beside the card, and no url")
        if self.hub and (self.url or self.size or self.sha256):
            raise ValueError("the hub says itself how large its files are and which hash they have; no url beside it")
        return self

    @property
    def can_be_fetched(self) -> bool:
        """Whether the card says where it comes from."""
        return self.url is not None or self.hub is not None


Kind = TypeVar("Kind", bound=Card)


def read_card(kind: type[Kind], path: Path) -> Kind:
    """The card in the TOML file `path`.

    Raises:
        RestobenchError: The file is missing, is not TOML or breaks the card's rules; names
            the file and every key that is wrong.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"The card {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"The card {path} is not valid TOML: {error}.") from None
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc']) or 'card'}: {fault['msg']}" for fault in error.errors()
        )
        raise RestobenchError(f"The card {path} is not valid: {wrong}.") from None

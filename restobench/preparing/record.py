"""The folder of a prepared data set, such that a kill at any moment costs the picture in hand alone.

    NAME/
        lq/<id>.png, gt/<id>.png    as they were published, whatever their kind
        making.jsonl                until it is whole: the head, then a line for each file of the source
        prepared.json               in its place once all are there, and card.toml with it

Never imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, StringConstraints

from restobench.card import Name
from restobench.dataset import CARD
from restobench.dataset_card import DatasetCard, write_card
from restobench.errors import RestobenchError
from restobench.files import sha256_of, sole_writer, write_json
from restobench.journal import UNFINISHED, Noted, read_document, read_journal

SCHEMA = 1
"""Of prepared.json; a reader refuses a newer one."""

RECORD = "prepared.json"

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Path = Annotated[str, StringConstraints(pattern=r"^(lq|gt)/[^/]+$")]


class PreparedPicture(Noted):
    """A picture of the set."""

    path: _Path
    sha256: _Sha256
    bytes: NonNegativeInt


class Step(Noted):
    """A file of the source, and what came of it: itself, or the faces in it."""

    source: str
    source_bytes: NonNegativeInt
    pictures: tuple[PreparedPicture, ...]


class Head(Noted):
    """What is prepared, and how."""

    schema_: NonNegativeInt = Field(default=SCHEMA, alias="schema")
    name: Name
    revision: str
    how: Literal["as published", "aligned"]


class Record(Head):
    """A set as it was prepared."""

    steps: tuple[Step, ...]

    @property
    def pictures(self) -> dict[str, PreparedPicture]:
        """Every picture by its path below the folder."""
        return {picture.path: picture for step in self.steps for picture in step.pictures}

    @property
    def head(self) -> Head:
        """All but the steps."""
        return Head(**{name: getattr(self, name) for name in Head.model_fields})


def read_record(path: Path) -> Record:
    """The record in the file `path`.

    Raises:
        RestobenchError: It cannot be read, is of a newer schema, or is no record.
    """
    return read_document(path, Record, schema=SCHEMA, kind="record of a prepared data set")


@dataclass(frozen=True)
class PreparedFolder:
    """A folder that holds a prepared set, a part of one, or nothing yet."""

    path: Path

    def locked(self) -> AbstractContextManager[None]:
        """Be its only writer; raises RestobenchError as `sole_writer` does."""
        ours = any((self.path / name).is_file() for name in (UNFINISHED, RECORD))
        return sole_writer(self.path, ours=ours, command="restobench datasets prepare", doing="preparing")

    def is_finished(self) -> bool:
        """Whether a whole set lies there."""
        return all((self.path / name).is_file() for name in (RECORD, CARD)) and not (self.path / UNFINISHED).exists()

    def read(self, wanted: Head) -> dict[str, Step]:
        """What is there of the wanted set, by file of the source.

        Raises:
            RestobenchError: The folder holds another set.
        """
        found, steps = self._read()
        if found is not None and found != wanted:
            raise RestobenchError(
                f"{self.path} holds another set, '{found.name}@{found.revision}' {found.how}; "
                "remove it, or name another folder with --output."
            )
        return steps

    def _read(self) -> tuple[Head | None, dict[str, Step]]:
        if not (self.path / UNFINISHED).is_file():
            if not (self.path / RECORD).is_file():
                return None, {}
            record = read_record(self.path / RECORD)
            return record.head, {step.source: step for step in record.steps}
        head, steps = read_journal(self.path, Head, Step)
        if head is None:
            raise RestobenchError(
                f"{self.path} was begun by another command than 'datasets prepare'; "
                "remove it, or name another folder with --output."
            )
        return head, {step.source: step for step in steps}

    def has(self, step: Step) -> bool:
        """Whether all pictures of a step lie there as they were written."""
        return all(
            (path := self.path / picture.path).is_file()
            and path.stat().st_size == picture.bytes
            and sha256_of(path) == picture.sha256
            for picture in step.pictures
        )

    def strange(self, steps: Iterable[Step]) -> list[str]:
        """Files in lq/ and gt/ that no step made."""
        known = {picture.path for step in steps for picture in step.pictures}
        there = {
            path.relative_to(self.path).as_posix()
            for part in ("lq", "gt")
            for path in (self.path / part).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        return sorted(there - known)

    def finish(self, head: Head, steps: Iterable[Step], card: DatasetCard) -> Record:
        """Write record and card: the set is whole."""
        ordered = tuple(sorted(steps, key=lambda step: step.source))
        record = Record(**{name: getattr(head, name) for name in Head.model_fields}, steps=ordered)
        write_json(self.path / RECORD, record.model_dump(mode="json", by_alias=True))
        write_card(self.path / CARD, card)
        (self.path / UNFINISHED).unlink(missing_ok=True)
        return record

"""The folder of a prepared data set, such that a kill at any moment costs the picture in hand alone.

    NAME/
        lq/<id>.png, gt/<id>.png    as they were published, whatever their kind
        making.jsonl                until it is whole: the head, then a line for each file of the source
        prepared.json               in its place once all are there, and card.toml with it

Never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError

from restobench.card import DatasetCard, Name, write_card
from restobench.dataset import CARD
from restobench.errors import RestobenchError
from restobench.files import sha256_of, sole_writer, write_json, written_whole
from restobench.manifest import UNFINISHED

SCHEMA = 1
"""Of prepared.json; a reader refuses a newer one."""

RECORD = "prepared.json"

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Path = Annotated[str, StringConstraints(pattern=r"^(lq|gt)/[^/]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PreparedPicture(_Part):
    """A picture of the set."""

    path: _Path
    sha256: _Sha256
    bytes: NonNegativeInt


class Step(_Part):
    """A file of the source, and what came of it: itself, or the faces in it."""

    source: str
    source_bytes: NonNegativeInt
    pictures: tuple[PreparedPicture, ...]


class Head(_Part):
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
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise RestobenchError(f"{path} is damaged ({error}); prepare the data set again.") from None
    if isinstance(content, dict) and isinstance(found := content.get("schema"), int) and found > SCHEMA:
        raise RestobenchError(f"{path} was written by a newer restobench (schema {found}, known: {SCHEMA}); update.")
    try:
        return Record.model_validate(content)
    except ValidationError:
        raise RestobenchError(f"{path} does not record a prepared data set; prepare it again.") from None


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
        # A kill, or a full disk, may have torn the last line; what it told of is done again.
        lines = (self.path / UNFINISHED).read_text(encoding="utf-8", errors="replace").splitlines()
        steps: dict[str, Step] = {}
        try:
            head = Head.model_validate_json(lines[0])
        except (IndexError, ValidationError):
            raise RestobenchError(
                f"{self.path} was begun by another command than 'datasets prepare'; "
                "remove it, or name another folder with --output."
            ) from None
        for line in lines[1:]:
            try:
                step = Step.model_validate_json(line)
            except ValidationError:
                break
            steps[step.source] = step
        return head, steps

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

    @contextmanager
    def journal(self, head: Head, steps: Iterable[Step]) -> Iterator[TextIO]:
        """The file that finished steps are added to; from now on, until `finish`, the set is unfinished."""
        with written_whole(self.path / UNFINISHED) as beside, beside.open("w", encoding="utf-8") as file:
            file.write(head.model_dump_json(by_alias=True) + "\n")
            for step in steps:
                add_line(file, step)
        with (self.path / UNFINISHED).open("a", encoding="utf-8") as file:
            yield file

    def finish(self, head: Head, steps: Iterable[Step], card: DatasetCard) -> Record:
        """Write record and card: the set is whole."""
        ordered = tuple(sorted(steps, key=lambda step: step.source))
        record = Record(**{name: getattr(head, name) for name in Head.model_fields}, steps=ordered)
        write_json(self.path / RECORD, record.model_dump(mode="json", by_alias=True))
        write_card(self.path / CARD, card)
        (self.path / UNFINISHED).unlink(missing_ok=True)
        return record


def add_line(journal: TextIO, step: Step) -> None:
    """Note that a step is finished."""
    journal.write(step.model_dump_json() + "\n")
    journal.flush()

"""How a folder notes what it is made of: lines for its finished parts while it is made, one document once it is whole.

A kill, or a full disk, may tear the last line; what that told of is made again. Knows models, no picture.
Never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from restobench.errors import RestobenchError
from restobench.files import written_whole

UNFINISHED = "making.jsonl"
"""In a folder that is not finished: the head, then its parts so far, a line each."""


class Noted(BaseModel):
    """A head, a part of a document, or the document."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Head = TypeVar("Head", bound=Noted)
Part = TypeVar("Part", bound=Noted)
Document = TypeVar("Document", bound=Noted)


@contextmanager
def open_journal(folder: Path, head: Noted, parts: Iterable[Noted]) -> Iterator[TextIO]:
    """The file that finished parts are added to, begun with those that are there; it makes the folder unfinished."""
    with written_whole(folder / UNFINISHED) as beside, beside.open("w", encoding="utf-8") as file:
        file.write(head.model_dump_json(by_alias=True) + "\n")
        for part in parts:
            add_line(file, part)
    with (folder / UNFINISHED).open("a", encoding="utf-8") as file:
        yield file


def add_line(journal: TextIO, part: Noted) -> None:
    """Note that a part is finished."""
    journal.write(part.model_dump_json() + "\n")
    journal.flush()


def read_journal(folder: Path, head: type[Head], part: type[Part]) -> tuple[Head | None, list[Part]]:
    """The head and the parts that are whole; None where the head is not one of this kind."""
    lines = (folder / UNFINISHED).read_text(encoding="utf-8", errors="replace").splitlines()
    parts: list[Part] = []
    try:
        found = head.model_validate_json(lines[0] if lines else "")
    except ValidationError:
        return None, parts
    for line in lines[1:]:
        try:
            parts.append(part.model_validate_json(line))
        except ValidationError:
            break
    return found, parts


def read_document(path: Path, document: type[Document], *, schema: int, kind: str) -> Document:
    """The document in a JSON file that says its `schema`.

    Args:
        path: The file.
        document: What it must hold.
        schema: The newest that is known.
        kind: What it is called in an error: `manifest of a made data set`.

    Raises:
        RestobenchError: It cannot be read, is of a newer schema, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise RestobenchError(f"{path} is damaged and no {kind} any more: {error}.") from None
    if isinstance(content, dict) and isinstance(found := content.get("schema"), int) and found > schema:
        raise RestobenchError(f"{path} was written by a newer restobench (schema {found}, known: {schema}); update.")
    try:
        return document.model_validate(content)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise RestobenchError(f"{path} is no {kind}: {'; '.join(faults[:5])}{more}.") from None

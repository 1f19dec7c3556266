"""Notes of a folder in the making, torn and strange ones too; documents of any kind."""

from pathlib import Path

import pytest
from pydantic import Field

from restobench.errors import RestobenchError
from restobench.journal import UNFINISHED, Noted, add_line, open_journal, read_document, read_journal


class Title(Noted):
    name: str


class Chapter(Noted):
    pages: int


class Book(Title):
    schema_: int = Field(default=2, alias="schema")
    chapters: tuple[Chapter, ...]


def test_what_was_noted_is_read_again(tmp_path: Path) -> None:
    """What was there before, and what was added."""
    with open_journal(tmp_path, Title(name="a"), [Chapter(pages=1)]) as journal:
        add_line(journal, Chapter(pages=2))

    assert read_journal(tmp_path, Title, Chapter) == (Title(name="a"), [Chapter(pages=1), Chapter(pages=2)])


@pytest.mark.parametrize("keep", range(0, 60, 7))
def test_a_torn_line_costs_itself(tmp_path: Path, keep: int) -> None:
    """A kill or a full disk may cut anywhere; never is half a line taken for a whole one."""
    with open_journal(tmp_path, Title(name="a"), [Chapter(pages=12), Chapter(pages=345), Chapter(pages=6)]):
        pass
    path = tmp_path / UNFINISHED
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])

    head, chapters = read_journal(tmp_path, Title, Chapter)

    assert chapters == [Chapter(pages=12), Chapter(pages=345), Chapter(pages=6)][: len(chapters)]
    lines = [line for line in whole.decode().splitlines(keepends=True) if line]
    whole_lines = sum(len("".join(lines[: n + 1]).rstrip()) <= keep for n in range(len(lines)))
    assert (head is not None) + len(chapters) == whole_lines


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", r"book\.json is damaged and no book any more: "),
        ('{"schema": 3}', r"book\.json was written by a newer restobench \(schema 3, known: 2\); update\."),
        ('{"name": "a", "chapters": [{"pages": "x"}]}', r"book\.json is no book: chapters\.0\.pages: Input should be"),
        ("[]", r"book\.json is no book: : Input should be"),
        (None, r"book\.json cannot be read: No such file or directory\."),
    ],
)
def test_a_document_that_is_none_is_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    """With the file, and the field where there is one."""
    path = tmp_path / "book.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(RestobenchError, match=sentence):
        read_document(path, Book, schema=2, kind="book")

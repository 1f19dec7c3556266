"""Files whole or not at all, and what is said where they cannot be written."""

import errno
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.files import write_json, writing, written_whole


def test_the_file_that_was_asked_for_is_named(tmp_path: Path) -> None:
    """The one that is written beside it has a name that nobody knows."""
    with (
        pytest.raises(RestobenchError, match=r"table\.csv could not be written: Permission denied\."),
        writing(),
        written_whole(tmp_path / "table.csv") as beside,
    ):
        raise PermissionError(errno.EACCES, "Permission denied", str(beside))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["file/table.json", "file/deeper/table.json"])
def test_a_file_where_a_folder_is_needed_is_a_sentence(tmp_path: Path, below: str) -> None:
    """As where somebody says `--output table.csv` to a command that fills a folder."""
    (tmp_path / "file").write_text("mine")

    with pytest.raises(RestobenchError, match="is no folder"), writing():
        write_json(tmp_path / below, {})

    assert (tmp_path / "file").read_text() == "mine"

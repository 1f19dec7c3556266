from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.leaderboard.spec import read_spec

COLUMNS = '[[columns]]\ndataset = "demo"\nmetric = "psnr"\n'


def test_a_table_is_read_from_toml(tmp_path: Path) -> None:
    """Columns are enough; everything else has a default."""
    (tmp_path / "table.toml").write_text(f'title = "Mine"\n{COLUMNS}')

    spec = read_spec(tmp_path / "table.toml")

    assert (spec.title, spec.rows, spec.mark) == ("Mine", (), "†")
    assert spec.columns[0].digits is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title = ", "is not valid TOML"),
        ('title = "-"', "columns: Field required"),
        (f'title = "-"\ncolour = 1\n{COLUMNS}', "colour: Extra inputs"),
        (f'title = "-"\n{COLUMNS}[[rows]]\nname = "Ours"', "rows.0: .*either a method or published"),
        (f'title = "-"\n{COLUMNS}[[rows]]\nmethod = "a"\npaper = "B"', "paper are of published rows"),
        (f'title = "-"\n{COLUMNS}digits = 99', "columns.0.digits: "),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """It is written by hand, before a deadline."""
    (tmp_path / "table.toml").write_text(text)

    with pytest.raises(RestobenchError, match=complaint):
        read_spec(tmp_path / "table.toml")


def test_a_table_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(RestobenchError, match=r"none.toml cannot be read: No such file"):
        read_spec(tmp_path / "none.toml")

"""Configurations: read, checked, compared."""

from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.train.configuration import differences, find_configuration, read_configuration
from tests.train.smoothing import SmoothingSettings

WHOLE = """
rate = 0.1
[training]
iterations = 10
batch = 2
[[data.pictures]]
source = "photos"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_and_what_it_leaves_out_is_the_default(tmp_path: Path) -> None:
    """So that a configuration holds what is special about it."""
    read = read_configuration(SmoothingSettings, written(tmp_path, WHOLE))

    assert (read.rate, read.training.iterations, read.training.seed) == (0.1, 10, 0)
    assert read.data.pictures[0].source == "photos"


def test_single_values_can_be_changed_and_folders_named(tmp_path: Path) -> None:
    """`--set` and `--data`, for the one thing that differs from user to user."""
    read = read_configuration(
        SmoothingSettings,
        written(tmp_path, WHOLE),
        changes={"training.batch": "8", "training.precision": "bf16", "rate": "1e-3"},
        data=["a", "b"],
        held_out=["c"],
    )

    assert (read.training.batch, read.training.precision, read.rate) == (8, "bf16", 1e-3)
    assert [picture.source for picture in read.data.pictures] == ["a", "b"]
    assert [picture.source for picture in read.data.held_out] == ["c"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rate = ", "is not TOML"),
        (WHOLE + "[extra]\na = 1", "extra: Extra inputs are not permitted"),
        (WHOLE.replace("batch = 2", "batch = 0"), "training.batch: Input should be greater than 0"),
        (WHOLE.replace('[[data.pictures]]\nsource = "photos"', "[data]"), "there are no clean pictures"),
        (WHOLE.replace("batch = 2\n", ""), "training.batch: Field required"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    """A typing error must not train for a week."""
    with pytest.raises(RestobenchError, match=says):
        read_configuration(SmoothingSettings, written(tmp_path, text))


def test_a_file_that_is_not_there_is_said_with_the_ready_ones(tmp_path: Path) -> None:
    """The names that one may have meant."""
    (tmp_path / "small.toml").write_text(WHOLE)

    assert find_configuration("small", tmp_path) == tmp_path / "small.toml"
    with pytest.raises(RestobenchError, match=r"none\.toml is no file, .* those are: small\."):
        find_configuration("none.toml", tmp_path)


def test_a_value_cannot_be_set_below_a_value(tmp_path: Path) -> None:
    """`rate` is a number, and has nothing in it."""
    with pytest.raises(RestobenchError, match="'rate' holds a value and no table"):
        read_configuration(SmoothingSettings, written(tmp_path, WHOLE), changes={"rate.highest": "1"})


def test_configurations_differ_in_what_changes_the_curve() -> None:
    """How many workers prepare examples does not."""
    before = {"training": {"seed": 0, "workers": 2}, "rate": 0.1}

    assert differences({"training": {"seed": 0, "workers": 4}, "rate": 0.1}, before) == []
    assert differences({"training": {"seed": 1, "workers": 2}}, before) == [
        "rate = null (was 0.1)", "training.seed = 1 (was 0)",
    ]  # fmt: skip

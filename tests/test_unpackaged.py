"""A method that nobody packaged: `--method ./my.py:Class`."""

import os
from pathlib import Path

import pytest
import torch

from restobench import load_method
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise

MINE = """
from network import brighten

class Mine:
    def __init__(self, setup):
        self.by = setup.settings.get("by", 0.25)

    def restore(self, lq, noise, mask=None):
        return brighten(lq, self.by)
"""
NETWORK = "def brighten(x, by):\n    return x + by\n"
CARD = """
title = "Mine"
summary = "Adds."
revision = "3"
licence = "MIT"
[settings.by]
default = 0.5
help = "How much."
[variants.default]
[variants.much]
settings = {by = 1.0}
"""


def write(folder: Path, **files: str) -> Path:
    """A folder with files; `my__py` is my.py. Returns my.py."""
    for name, text in files.items():
        path = folder / name.replace("__", ".").replace("_in_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "my.py"


def restored(name: str | Path) -> float:
    """What the method makes of black."""
    pictures = load_method(str(name)).restore(torch.zeros(1, 3, 5, 7), Noise.of_seed(0, ["a"]))
    return float(pictures.mean())


def test_a_class_in_a_file_is_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try of an idea needs neither a package nor a card."""
    write(tmp_path, my__py=MINE, network__py=NETWORK)
    monkeypatch.chdir(tmp_path)

    choice = choose_method("./my.py:Mine")

    assert (choice.name, choice.label, choice.variant) == ("mine", "mine", "default")
    assert (choice.card.title, choice.card.revision, choice.card.licence) == ("Mine", "unpackaged", "unknown")
    assert restored("my.py:Mine") == 0.25


@pytest.mark.parametrize("card", ["card__toml", "my__toml"])
def test_a_card_beside_the_file_brings_settings_and_variants(tmp_path: Path, card: str) -> None:
    """Packaging it later is then a matter of moving files."""
    file = write(tmp_path, my__py=MINE, network__py=NETWORK, **{card: CARD})

    assert choose_method(f"{file}:Mine").card.revision == "3"
    assert restored(f"{file}:Mine") == 0.5
    assert restored(f"{file}:Mine@much") == 1.0


def test_each_file_has_its_own_neighbours(tmp_path: Path) -> None:
    """Two copies of a repository both have a `network.py`; each must restore with its own."""
    one = write(tmp_path / "one", my__py=MINE, network__py=NETWORK)
    two = write(
        tmp_path / "two", my__py=MINE, network__py=NETWORK.replace("by", "2 * by").replace("x, 2 * by", "x, by")
    )

    assert [restored(f"{one}:Mine"), restored(f"{two}:Mine"), restored(f"{one}:Mine")] == [0.25, 0.5, 0.25]


def test_neighbours_are_imported_as_in_a_package_too(tmp_path: Path) -> None:
    """So is a method.py that already lies in a package."""
    file = write(tmp_path, my__py=MINE.replace("from network", "from .network"), network__py=NETWORK)

    assert restored(f"{file}:Mine") == 0.25


def test_a_changed_file_is_other_sources(tmp_path: Path) -> None:
    """Pictures are reused only while nothing that made them has changed."""
    deep = MINE.replace("from network", "from models.network")
    file = write(tmp_path, my__py=deep, models_in_network__py=NETWORK, other_in_unused__py="", helper__py="")
    name = f"{file}:Mine"
    first = choose_method(name).source_hash()

    (tmp_path / "other" / "unused.py").write_text("1")
    assert choose_method(name).source_hash() == first
    (tmp_path / "models" / "network.py").write_text(NETWORK + "\n")
    second = choose_method(name).source_hash()
    (tmp_path / "helper.py").write_text("1")
    third = choose_method(name).source_hash()
    os.utime(file)

    assert len({first, second, third}) == 3
    assert choose_method(name).source_hash() == third


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("{}/nothing.py:Mine", "The file .*nothing.py cannot be read: No such file or directory."),
        ("{}/my.py:Mien", r"No class in .*my.py is called 'Mien'. Did you mean 'Mine'\?\nKnown: Mine, Nearest."),
        ("{}/my.py", "my.py is a file; name the class in it too: .*my.py:CLASS."),
        ("{}/my.py:Mine@v2", "No variant of 'mine' is called 'v2'"),
        ("{}/my.py:Nearest", "would be called 'nearest' like a method that is installed; say --as NAME."),
        ("{}/broken.py:Mine", "The file .*broken.py is not valid Python: "),
    ],
)
def test_what_is_wrong_with_the_name_is_said_before_anything_runs(tmp_path: Path, name: str, sentence: str) -> None:
    """Choosing imports nothing, and still finds it."""
    write(tmp_path, my__py="import nothing_of_the_kind\nclass Mine: pass\nclass Nearest: pass\n", broken__py="def")

    with pytest.raises(RestobenchError, match=sentence):
        choose_method(name.format(tmp_path))


def test_an_import_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """Which file, and what it lacks."""
    file = write(tmp_path, my__py="import nothing_of_the_kind\nclass Mine: pass\n")

    with pytest.raises(
        RestobenchError, match=r"'mine' of the file .*my.py cannot be imported: No module named 'nothing_of_the_kind'."
    ):
        load_method(f"{file}:Mine")


def test_a_label_frees_a_taken_name(tmp_path: Path) -> None:
    """One's own bicubic beside ours."""
    file = write(tmp_path, my__py="class Bicubic: pass\n")

    assert choose_method(f"{file}:Bicubic", label="mine").label == "mine"

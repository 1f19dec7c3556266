from pathlib import Path

import pytest

from restobench.card import Value, read_card
from restobench.errors import RestobenchError
from restobench.method_card import MethodCard, Setting

CARD = """
title = "T"
summary = "S"
revision = "1"
licence = "Apache-2.0"
[settings.steps]
default = 15
help = "Steps."
minimum = 1
[variants.default]
[variants.quick]
settings = {steps = 4}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "card.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_variant_overrides_settings(tmp_path: Path) -> None:
    """A variant is what differs from the card, and nothing else."""
    card = read_card(MethodCard, write(tmp_path, CARD))

    assert card.variants["quick"].settings == {"steps": 4}
    assert card.settings["steps"].default == 15


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('licence = "Apache-2.0"', "", "licence: Field required"),
        ('title = "T"', 'titel = "T"', "titel: Extra inputs are not permitted"),
        ('title = "T"', 'title = "T', "is not valid TOML"),
        ("steps = 4", "stepz = 4", "variant 'quick' sets the unknown setting 'stepz'"),
        ("[variants.default]", "", "default_variant 'default' is not among the variants"),
    ],
)
def test_a_wrong_card_names_the_file_and_the_key(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """A card is read by people before it is read by programs."""
    path = write(tmp_path, CARD.replace(old, new))

    with pytest.raises(RestobenchError, match=sentence) as caught:
        read_card(MethodCard, path)

    assert str(path) in str(caught.value)


def test_a_missing_card_is_one_sentence(tmp_path: Path) -> None:
    """A package without its data files."""
    with pytest.raises(RestobenchError, match="cannot be read"):
        read_card(MethodCard, tmp_path / "card.toml")


@pytest.mark.parametrize(
    ("default", "given", "value"),
    [
        (1, "2", 2),
        (1, 2.0, 2),
        (1.5, "2", 2.0),
        (1.5, 2, 2.0),
        (True, "off", False),
        (False, "True", True),
        ("a", "b", "b"),
    ],
)
def test_a_setting_takes_the_type_of_its_default(default: Value, given: Value, value: Value) -> None:
    """The command line gives text, Python gives values."""
    found = Setting(default=default, help="").parse("x", given)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("default", "given"), [(1, "2.5"), (1, 2.5), (1, True), (1.5, "x"), (True, "maybe"), (True, 1), (1.5, "nan")]
)
def test_a_setting_of_another_type_is_refused(default: Value, given: Value) -> None:
    """Rounding in silence would run something else than was asked."""
    with pytest.raises(RestobenchError, match="Setting 'x'"):
        Setting(default=default, help="", minimum=0 if default == 1.5 else None).parse("x", given)


def test_choices_are_listed() -> None:
    """The error is the documentation."""
    with pytest.raises(RestobenchError, match=r"cannot be 'c'; choose from: a, b"):
        Setting(default="a", help="", choices=("a", "b")).parse("fix", "c")


@pytest.mark.parametrize(
    ("setup", "sentence"),
    [
        ("settings = {stepz = 1}", "test sets the unknown setting 'stepz'"),
        ('weights = "random"', "test.weights: Input should be 'seeded'"),
        ("size = [16]", r"test.size.1: Field required"),
    ],
)
def test_a_wrong_test_configuration_is_named(tmp_path: Path, setup: str, sentence: str) -> None:
    """It is read long before anything is built from it."""
    path = write(tmp_path, f"{CARD}\n[test]\n{setup}\n")

    with pytest.raises(RestobenchError, match=sentence):
        read_card(MethodCard, path)


COMMAND = """
[settings.line]
default = ""
help = "H"
command = {interface = "folder", needs = ["input"], takes = ["seed"]}
"""


def test_a_command_line_is_checked_like_any_value(tmp_path: Path) -> None:
    """With the setting's name, the word that is wrong, and what would be right."""
    card = read_card(MethodCard, write(tmp_path, CARD.replace("[variants.default]", f"{COMMAND}[variants.default]")))
    setting = card.settings["line"]

    assert list(card.commands) == ["line"]
    assert setting.parse("line", "") == ""
    assert setting.parse("line", "a {input} '{\"x\": 1}' --n={seed}") == "a {input} '{\"x\": 1}' --n={seed}"
    with pytest.raises(RestobenchError, match=r"Setting 'line' holds \{out\}, which .*; known: \{input\}, \{seed\}\."):
        setting.parse("line", "a {input} {out}")
    with pytest.raises(RestobenchError, match=r"Setting 'line' lacks \{input\}"):
        setting.parse("line", "a {seed}")
    with pytest.raises(RestobenchError, match=r"Setting 'line' is no command line \(No closing quotation\)"):
        setting.parse("line", "a '{input}")


def test_a_variant_says_what_it_is_for_itself() -> None:
    """One method may enlarge in one variant and fill holes in another; what a variant leaves out is the card's."""
    common = {"title": "T", "summary": "S", "revision": "1", "licence": "MIT", "default_variant": "large"}
    hole = {"tasks": ["inpainting"], "scales": [1], "needs_mask": True, "training_data": "holes"}
    card = MethodCard.model_validate(
        common | {"tasks": ["super-resolution"], "scales": [4], "variants": {"large": {}, "hole": hole}}
    )

    filled = card.of_variant("hole")

    assert card.of_variant("large") == card
    assert (filled.tasks, filled.scales, filled.needs_mask, filled.training_data) == (
        ("inpainting",),
        (1,),
        True,
        "holes",
    )
    assert filled.variants == card.variants

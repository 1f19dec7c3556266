from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from restobench.method import choose_method
from restobench.plugins import find_plugin
from restobench.train.configuration import find_configuration, read_configuration
from restobench_methods.ufrgan.configuration import GENERATORS, Discriminator, UFRGANTraining

OF_THE_PAPER = {"optimiser.rate", "optimiser.factor", "contrast.form"}
OF_THE_LOOP = {"training.iterations", "training.batch", "training.validate_every"}
"""What the loop is told, as far as it makes the training what it is."""


def told(**changes: Any) -> UFRGANTraining:
    """The defaults, but for what is said."""
    least = {"training": {"iterations": 100_000, "batch": 2}, "data": {"drawn": {"count": 4}}}
    return UFRGANTraining.model_validate(least | changes)


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found


def test_the_card_lists_every_constant_that_is_not_the_papers() -> None:
    """With the value that it has: nobody takes our choice for the authors'."""
    ready = find_configuration("base", find_plugin("restobench.recipes", "ufrgan").folder / "training")
    defaults = flat(read_configuration(UFRGANTraining, ready, data=["photos"]).model_dump())
    ours = {
        name: value
        for name, value in defaults.items()
        if name not in OF_THE_PAPER | {"low"} and (name in OF_THE_LOOP or not name.startswith(("training.", "data.")))
    }
    ours["discriminator.width"] = Discriminator().first_width

    assert choose_method("ufrgan").card.not_in_paper == ours
    assert (defaults["optimiser.rate"], defaults["optimiser.factor"]) == (2e-4, 0.5)


def test_a_generator_is_named_or_described() -> None:
    """The variants of the card are the names."""
    assert told(generator="lite").generator == GENERATORS["lite"]
    assert told(generator={"dim": 16}).generator.dim == 16
    assert set(choose_method("ufrgan").card.variants) == set(GENERATORS)


def test_the_perceptual_weights_are_a_file_or_a_word() -> None:
    """A file called `none` would need a folder before it."""
    assert told(perceptual="none").perceptual == "none"
    assert told(perceptual="vgg.pth").perceptual == Path("vgg.pth")


def test_a_configuration_survives_json() -> None:
    """As a checkpoint holds it."""
    chosen = told(generator="lite", perceptual="a/vgg.pth", crop=64)

    assert UFRGANTraining.model_validate_json(chosen.model_dump_json()) == chosen


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"generater": "base"}, "Extra inputs are not permitted"),
        ({"contrast": {"frequency": {"tau": 1}}}, "Extra inputs are not permitted"),
        ({"generator": "huge"}, "no generator is called 'huge'; known: base, lite"),
        ({"generator": {"dim": 9}}, "dim is 9; it must be even"),
        ({"generator": {"dim": 20, "heads": [1, 2, 3, 8]}}, "3 heads cannot share the 80 channels of level 3"),
        ({"crop": 40}, "multiple of 16"),
        ({"crop": 16}, "greater than or equal to 32"),
        ({"crop": 32, "discriminator": {"layout": "lineage"}}, "crop 32 is too small .* 'lineage', which needs 48"),
        ({"contrast": {"form": "lineage"}}, "works at crop 256 alone, not 128"),
        ({"contrast": {"frequency": {"cell": 3}}}, "cells of 3 do not divide blocks of 16 frequencies"),
        ({"contrast": {"frequency": {"rule": "quantile:1.5"}}}, "quantile:P with P from 0 to 1"),
        ({"contrast": {"frequency": {"rule": "quantile"}}}, "quantile:P with P from 0 to 1"),
        ({"contrast": {"frequency": {"thresholds": []}}}, "at least 1 item"),
        ({"optimiser": {"milestones": [1.2]}}, "less than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(content: dict[str, Any], complaint: str) -> None:
    """Before anything is built."""
    with pytest.raises(ValidationError, match=complaint):
        told(**content)


def test_a_configuration_stands_still() -> None:
    """What a checkpoint says of its training was true from the first iteration to the last."""
    with pytest.raises(ValidationError, match="frozen"):
        told().crop = 64

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import restobench
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise
from tests.conftest import CARD


def test_a_method_is_loaded_by_name_and_restores_tensors() -> None:
    """The Python interface in one line."""
    lq = torch.rand(2, 3, 37, 53)

    restored = restobench.load_method("bicubic", scale=2).restore(lq, Noise.of_seed(0, ["a", "b"]))

    assert restored.shape == (2, 3, 74, 106)
    assert restored.dtype == torch.float32


def test_an_unknown_method_offers_the_nearest() -> None:
    """What was asked, what there is, and what to do."""
    with pytest.raises(RestobenchError) as caught:
        choose_method("bicubik")

    text = str(caught.value)
    assert text.startswith("No method is called 'bicubik'. Did you mean 'bicubic'")
    assert "\nKnown: " in text
    assert text.endswith("run 'make install' to register its entry point.")


def test_an_unknown_variant_or_setting_lists_the_known_ones() -> None:
    """A misspelt setting must not be a default."""
    with pytest.raises(RestobenchError, match=r"No variant of 'bicubic' is called 'v9'.*\nKnown: default"):
        choose_method("bicubic@v9")
    with pytest.raises(RestobenchError, match=r"No setting of 'spandrel' is called 'tiel'. Did you mean 'tile'"):
        choose_method("spandrel", settings={"tiel": 1})


def test_settings_are_typed() -> None:
    """Text from the command line becomes the setting's type, and a wrong one is refused."""
    assert choose_method("spandrel", settings={"tile": "128"}).settings["tile"] == 128
    with pytest.raises(RestobenchError, match=r"Setting 'tile' wants a whole number, not 'big'"):
        choose_method("spandrel", settings={"tile": "big"})
    with pytest.raises(RestobenchError, match=r"Setting 'tile' is -1; it must be at least 0"):
        choose_method("spandrel", settings={"tile": -1})


def test_weights_are_checked_before_anything_is_built(tmp_path: Path) -> None:
    """No method is imported for a file that is not there."""
    with pytest.raises(RestobenchError, match=r"nothing\.pth do not exist"):
        choose_method("spandrel", weights={"": tmp_path / "nothing.pth"})
    with pytest.raises(RestobenchError, match="'bicubic' takes no weights"):
        choose_method("bicubic", weights={"": tmp_path})
    with pytest.raises(RestobenchError, match=r"No part of 'spandrel' is called 'modle'. Did you mean 'model'"):
        choose_method("spandrel", weights={"modle": tmp_path})
    with pytest.raises(RestobenchError, match="'spandrel' needs weights that were not given: model"):
        choose_method("spandrel").build()


def test_a_misfit_says_why() -> None:
    """A method at the wrong scale or task would make a meaningless row."""
    assert choose_method("input").misfit(task=None, scale=1, has_mask=False) is None
    reason = choose_method("input").misfit(task=None, scale=4, has_mask=False)
    assert reason == "it works at x1, and the data set is x4"
    reason = choose_method("bicubic").misfit(task="face", scale=1, has_mask=False)
    assert reason == "it is for super-resolution, and the data set is for face"


def test_the_sources_are_part_of_what_made_a_picture() -> None:
    """Two methods of one package share their files; two packages do not."""
    assert choose_method("bicubic").source_hash() == choose_method("lanczos").source_hash()
    assert choose_method("bicubic").source_hash() != choose_method("spandrel").source_hash()


def test_a_test_configuration_needs_no_weights(tmp_path: Path) -> None:
    """It lies over the variant, and below what is set by hand."""
    (tmp_path / "my.py").write_text("class Mine:\n    def __init__(self, setup):\n        self.setup = setup\n")
    (tmp_path / "card.toml").write_text(
        'title = "T"\nsummary = "S"\nrevision = "1"\nlicence = "MIT"\n'
        "[settings]\nwidth = {default = 64, help = ''}\ndepth = {default = 8, help = ''}\n"
        "steps = {default = 50, help = ''}\n[weights.model]\n"
        "[variants.default]\nsettings = {width = 32, steps = 15}\n[test]\nsettings = {width = 4, depth = 1}\n"
    )
    name = f"{tmp_path}/my.py:Mine"

    setup = choose_method(name, settings={"depth": 2}, test=True).build().setup

    assert (setup.test, dict(setup.settings)) == (True, {"width": 4, "depth": 2, "steps": 15})
    assert choose_method(name).missing_parts() == ["model"]
    with pytest.raises(RestobenchError, match="The card of 'bicubic' has no test configuration"):
        choose_method("bicubic", test=True)


FOLDERS = """
class Mine:
    def __init__(self, setup):
        pass

    def restore_folder(self, lq_dir, restored_dir, *, seed):
        pass
"""


def test_a_class_must_be_what_its_card_says(install: Callable[..., None]) -> None:
    """Whoever reads the card alone, a timer or a plan, must be able to rely on it."""
    install("folders", "folders", package="mine_f", source=FOLDERS, card=CARD + 'interface = "folder"\n')
    install("liar", "liar", package="mine_l", source=FOLDERS)

    assert choose_method("folders").interface == "folder"
    assert choose_method("folders").timing == "end-to-end"
    assert choose_method("folders").build().method.__class__.__name__ == "Mine"
    with pytest.raises(RestobenchError, match="'liar' restores folders, and its card does not say so: write interface"):
        choose_method("liar").build()

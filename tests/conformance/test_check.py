import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from restobench.conformance import Report, check_method, describe_record, known_record
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.method_card import MethodCard
from restobench.plugins import plugins

FAULTY = Path(__file__).with_name("faulty.py")


def check(name: str, **options: object) -> Report:
    return check_method(f"{FAULTY}:{name}", **options)  # type: ignore[arg-type]


def sentence(name: str, **options: object) -> tuple[str, str]:
    """The one fault of a method: where it was found, and what is said of it."""
    faults = check(name, **options).faults
    assert len(faults) == 1, faults
    return faults[0].check, faults[0].fault or ""


@pytest.mark.parametrize(
    ("name", "where", "words"),
    [
        ("Draws", "noise", "It draws noise of its own (other pictures, by up to "),
        ("DrawsWithNumpy", "noise", "It draws noise of its own"),
        ("DrawsForTheBatch", "batch", "A picture depends on the batch that it is in (up to "),
        ("Counts", "repeat", "The same call gives other pictures (by up to 2.55 grey levels): keep nothing from one"),
        ("Normalises", "batch", "take no mean, norm or draw over the batch, and put the network into eval()."),
        ("OneAtATime", "batch", "It fails at a batch of 2 where one picture went well: ValueError: too many values"),
        ("DividesByZero", "range", "It returns values that are not numbers for a picture of one colour: look for div"),
        ("MinusOneToOne", "range", ", which looks like [-1, 1]: convert to [0, 1] at the end."),
        ("Bytes", "range", ", which looks like [0, 255]: convert to [0, 1] at the end."),
        ("Half", "tensor", "It returns float16 on cpu; return float32 on cpu: `.float()` at the end."),
        (
            "Pads",
            "size",
            "At 53 x 37 pixels it returns the shape (1, 3, 40, 56) where (1, 3, 37, 53) is wanted (x1); c",
        ),
        ("NeedsMultiplesOfEight", "size", "It fails at 53 x 37 pixels: AssertionError: sides must divide by 8 (faulty"),
        ("GivesAList", "size", "it returns a list; return one tensor (B, 3, scale H, scale W)"),
        ("WritesIntoItsInput", "input", "It writes into the pictures that it is given; work on a copy: `lq.clone()`."),
        ("OpensASocket", "network", "It reaches for the network (192.0.2.1:443): a method never downloads, name its"),
        ("DownloadsIfItCan", "network", "It reaches for the network (weights.example:443): a method never downloads"),
        ("LooksForNews", "network", "It reaches for the network (news.example:80)"),
        ("StartsAtRandom", "build", "Built a second time it restores otherwise (by up to "),
        ("CannotBeBuilt", "build", "It cannot be built: KeyError: 'backbone' (faulty.py, line "),
        ("RestoresNothing", "build", "It has no restore(lq, noise, mask=None)."),
        ("ForgetsTheMask", "size", "restore() takes 3 positional arguments but 4 were given"),
    ],
)
def test_a_broken_promise_is_one_sentence_of_its_own(name: str, where: str, words: str) -> None:
    """Each says what was seen and what to do; none hides behind another."""
    check_found, text = sentence(name)

    assert check_found == where
    assert words in text


@pytest.mark.parametrize(("name", "call"), [("LoadsAnything", "torch.load"), ("Unpickles", "pickle.load")])
def test_unpickling_a_file_is_caught(tmp_path: Path, name: str, call: str) -> None:
    """A checkpoint is a pickle, and a pickle runs what it likes."""
    shutil.copy(FAULTY, tmp_path)
    torch.save({"a": torch.zeros(2)}, tmp_path / "state.pth", _use_new_zipfile_serialization=False)

    (fault,) = check_method(f"{tmp_path}/faulty.py:{name}").faults

    assert fault.check == "checkpoint"
    assert f"It opens a file in a way that may run code ({call}({tmp_path / 'state.pth'})" in (fault.fault or "")
    assert check_method(f"{tmp_path}/faulty.py:LoadsWeights").conforms


def test_what_keeps_its_promises_conforms() -> None:
    """Noise from the object is the picture's own: the same in any batch, another for another seed."""
    report = check("Keeps")

    assert report.conforms
    assert (report.batch, report.batches, report.stochastic) == ("exact", (2, 3, 8), True)
    assert (report.scale, report.size) == (1, (53, 37))
    assert str(report).endswith("\nconforms")


def test_rounding_that_depends_on_the_batch_is_tolerated_with_its_figures() -> None:
    """Libraries choose kernels by shape; whoever reads the table is told how much that moves."""
    report = check("RoundsWithTheBatch")

    assert report.conforms
    assert report.batch == "tolerant"
    assert report.difference is not None
    assert report.difference.grey_levels == pytest.approx(255 * 7 / 4096, rel=1e-3)
    assert 0.1 < report.difference.share < 0.7
    assert report.difference.far_share == 0
    record = known_record(report.choice, "cpu")
    assert record is not None
    assert describe_record(record).startswith("tolerant: at batch 1, 2, 3, 8 up to 0.436 grey levels apart, ")


@pytest.mark.parametrize("name", sorted(plugins("restobench.methods")))
def test_every_installed_method_conforms(name: str) -> None:
    """The one test that in-tree methods and third parties' pass alike."""
    if name == "command":
        pytest.skip("is somebody else's program")
    choice = choose_method(name)
    if choice.missing_parts() and not choice.card.test:
        pytest.skip("needs weights")

    report = check_method(name)

    assert report.conforms, str(report)
    assert report.stochastic is not True or choice.card.stochastic


@pytest.mark.parametrize("name", ["bicubic", "bilinear", "input", "lanczos", "nearest"])
def test_the_baselines_are_exact(name: str) -> None:
    """They compute picture by picture."""
    assert check_method(name).batch == "exact"


def test_a_checkpoint_of_spandrel_conforms(tmp_path: Path) -> None:
    """Measured on the user's own file: another architecture may round otherwise."""
    from spandrel.architectures.Compact import Compact  # type: ignore[import-untyped]  # ships no py.typed

    torch.manual_seed(0)
    torch.save(Compact(num_feat=8, num_conv=1, upscale=2).state_dict(), tmp_path / "tiny.pth")
    torch.save(Compact(num_feat=8, num_conv=2, upscale=2).state_dict(), tmp_path / "other.pth")

    report = check_method("spandrel", weights={"": tmp_path / "tiny.pth"})

    assert report.conforms, str(report)
    assert (report.scale, report.batch, report.choice.test) == (2, "exact", False)
    assert known_record(report.choice, "cpu") is not None
    assert known_record(choose_method("spandrel", weights={"": tmp_path / "other.pth"}), "cpu") is None


def test_without_weights_and_test_configuration_the_error_says_so() -> None:
    """There is nothing to measure."""
    with pytest.raises(
        RestobenchError,
        match=r"'spandrel' needs weights to be checked \(model\), and its card has no test .* --weights FILE",
    ):
        check_method("spandrel")


def test_a_method_that_refuses_all_sizes_is_asked_at_its_own() -> None:
    """A refusal in words is no fault, and no conformance either."""
    with pytest.raises(RestobenchError, match=r"refuses every size .* --size WIDTHxHEIGHT. It says: A face must be"):
        check("RefusesSmall")

    report = check("RefusesSmall", size=(131, 128))

    assert report.conforms
    assert report.size == (131, 128)


TINY = """
title = "Tiny"
summary = "S"
revision = "1"
licence = "MIT"
native_size = [512, 512]
needs_mask = true
scales = [4]
settings = {width = {default = 64, help = "W"}}
weights.model.help = "The checkpoint."
[test]
settings = {width = 2}
scale = 2
size = [24, 16]
"""
MASKED = """
import torch

class Tiny:
    def __init__(self, setup):
        assert (setup.test, dict(setup.settings), dict(setup.weights), setup.scale) == (True, {"width": 2}, {}, 2)

    def restore(self, lq, noise, mask=None):
        assert lq.shape[2:] == (16, 24) and mask.shape == (len(lq), 1, 16, 24) and 0 < mask.mean() < 1
        return torch.nn.functional.interpolate(lq * (1 - mask), scale_factor=2)
"""


def test_missing_weights_are_stood_in_for_by_the_test_configuration(tmp_path: Path) -> None:
    """A network can be checked before anything is downloaded; the record says which it was."""
    (tmp_path / "card.toml").write_text(TINY)
    (tmp_path / "my.py").write_text(MASKED)

    report = check_method(f"{tmp_path}/my.py:Tiny")

    assert report.conforms, str(report)
    assert report.choice.test
    record = known_record(choose_method(f"{tmp_path}/my.py:Tiny"), "cpu")
    assert record is not None
    assert (record["test"], record["scale"]) == (True, 2)
    assert "(methods check, test configuration, 24 x 16 pixels, " in describe_record(record)


def test_a_record_is_of_the_sources_that_were_checked(tmp_path: Path) -> None:
    """What was measured before an edit says nothing of the method after it."""
    file = tmp_path / "my.py"
    shutil.copy(FAULTY, file)
    name = f"{file}:Keeps"
    assert known_record(choose_method(name), "cpu") is None
    check_method(name)

    assert known_record(choose_method(name), "cpu:0") is not None
    assert known_record(choose_method(name), "cuda") is None
    assert known_record(choose_method(name), "cpu", "bfloat16") is None
    file.write_text(file.read_text() + "\n")
    assert known_record(choose_method(name), "cpu") is None


def test_a_card_that_denies_its_noise_is_a_fault(tmp_path: Path) -> None:
    """Several seeds would be one run."""
    shutil.copy(FAULTY, tmp_path)
    card = 'title = "T"\nsummary = "S"\nrevision = "1"\nlicence = "MIT"\nstochastic = false\n'
    (tmp_path / "faulty.toml").write_text(card)

    (fault,) = check_method(f"{tmp_path}/faulty.py:Keeps").faults

    assert (fault.fault or "").startswith("The card says stochastic = false, and another seed gives other pictures")


def test_the_callers_generators_go_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """The check may be called from a training loop."""
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    expected = (torch.rand(1).item(), np.random.rand(), random.random())
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)

    check_method("input")

    assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected


def test_the_cards_of_installed_methods_can_say_all_of_this() -> None:
    """`test` and `min_side` are read without importing anything."""
    cards = [plugin.card(MethodCard) for plugin in plugins("restobench.methods").values()]

    assert all(card.min_side >= 1 for card in cards)


def test_a_record_is_one_line() -> None:
    """It stands in run.json and above the table."""
    import doctest

    from restobench.conformance import record

    assert doctest.testmod(record).failed == 0
    assert doctest.testmod(record).attempted == 2


def test_a_method_that_restores_folders_has_no_batch_to_look_into(tmp_path: Path) -> None:
    """Nothing is measured, and nothing is claimed; a card that says nothing of it is wrong."""
    shutil.copy(FAULTY, tmp_path / "faulty.py")
    card = 'title = "T"\nsummary = "S"\nrevision = "1"\nlicence = "MIT"\ninterface = "folder"\n'
    (tmp_path / "card.toml").write_text(card)

    with pytest.raises(RestobenchError, match="'restoresafolder' restores a folder at a time"):
        check_method(f"{tmp_path}/faulty.py:RestoresAFolder")
    with pytest.raises(RestobenchError, match="'restoresafolder' restores folders, and its card does not say so"):
        check("RestoresAFolder")

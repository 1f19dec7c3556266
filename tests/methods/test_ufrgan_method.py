from pathlib import Path
from typing import Any

import pytest
import torch

from restobench.checkpoint import write_checkpoint
from restobench.errors import RestobenchError
from restobench.method import BuiltMethod, Setup, choose_method, load_method
from restobench.noise import Noise
from restobench_methods.ufrgan.configuration import GENERATORS, Generator
from restobench_methods.ufrgan.generator import build_generator
from restobench_methods.ufrgan.method import UFRGAN
from tests.filling import fill, image

pytestmark = pytest.mark.usefixtures("one_thread")

TRAINED = Generator(dim=12, num_blocks=(1, 2, 1, 1), num_refinement_blocks=1, bias=True, LayerNorm_type="BiasFree")


def checkpoint(folder: Path, sizes: Generator = TRAINED, made: Any = None) -> Path:
    """What a training writes."""
    path = folder / "best.safetensors"
    state = fill(build_generator(sizes), 4).state_dict()
    tensors = {f"generator.{name}": tensor for name, tensor in state.items()}
    made = {"recipe": "ufrgan", "network": sizes.model_dump(mode="json"), "iteration": 7} if made is None else made
    write_checkpoint(path, tensors, made)
    return path


def build(path: Path, variant: str = "base", **settings: Any) -> BuiltMethod:
    return choose_method(f"ufrgan@{variant}", settings=settings, weights={"": path}).build(scale=1)


@pytest.mark.parametrize("variant", ["base", "lite"])
def test_a_checkpoint_is_built_by_the_configuration_inside(tmp_path: Path, variant: str) -> None:
    """Whatever the variant; every number of it is loaded and makes the picture."""
    lq, noise = image("a", (2, 3, 24, 32)), Noise.of_seed(0, ["a", "b"])

    built = build(checkpoint(tmp_path), variant)

    assert isinstance(built.method, UFRGAN)
    assert built.setup.audit["generator"]["missing"] == built.setup.audit["generator"]["unexpected"] == []
    with torch.no_grad():
        expected = fill(build_generator(TRAINED), 4)(lq).clamp(0, 1)
    torch.testing.assert_close(built.method.restore(lq, noise), expected, rtol=0, atol=1e-5)


def test_a_file_without_a_configuration_is_the_variants(tmp_path: Path) -> None:
    """At full size; no number of it is stored more than once."""
    with torch.device("meta"):
        state = build_generator(GENERATORS["lite"]).state_dict()
    torch.save(
        {f"generator.{name}": torch.zeros(()).expand(tensor.shape) for name, tensor in state.items()},
        tmp_path / "net.pth",
    )

    built = build(tmp_path / "net.pth", "lite")

    assert built.setup.audit["generator"] == {"loaded": 252, "missing": [], "unexpected": []}
    with pytest.raises(
        RestobenchError, match=r"does not fit UFRGANCheckpoint, .*missing: generator\.encoder_level2\.3"
    ):
        build(tmp_path / "net.pth", "base")


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ({"recipe": "resshift", "network": {}}, "was made by a training of resshift, not of ufrgan"),
        ({"recipe": "ufrgan"}, "does not say how its generator is built"),
        ({"network": {"dims": 48}}, r"does not say how its generator is built \(Extra inputs are not permitted\)"),
    ],
)
def test_a_configuration_that_is_no_generators_is_one_sentence(tmp_path: Path, made: Any, complaint: str) -> None:
    """Instead of a list of keys that do not fit."""
    with pytest.raises(RestobenchError, match=complaint):
        build(checkpoint(tmp_path, made=made))


def test_tiles_are_those_of_restormer(tmp_path: Path) -> None:
    """The same code runs both."""
    path, lq, noise = checkpoint(tmp_path), image("a", (1, 3, 45, 70)), Noise.of_seed(0, ["a"])

    whole, tiled, one = (
        build(path, tile=tile, overlap=8).method.restore(lq, noise)  # type: ignore[union-attr]  # no folder method
        for tile in (0, 32, 72)
    )

    assert torch.equal(one, whole)
    assert tiled.shape == whole.shape
    assert not torch.equal(tiled, whole)
    with pytest.raises(RestobenchError, match="no multiple of 8"):
        build(path, tile=30, overlap=8)


def test_without_weights_one_sentence_says_how_to_train_them() -> None:
    """There are none to fetch."""
    with pytest.raises(RestobenchError) as caught:
        load_method("ufrgan")
    assert str(caught.value) == (
        "'ufrgan' needs weights that were not given: generator. Name the file: --weights FILE. "
        "No weights were ever published: train them with 'restobench train ufrgan --config FILE'."
    )
    settings = choose_method("ufrgan").settings
    with pytest.raises(RestobenchError, match="'ufrgan@lite' needs a checkpoint of 'restobench train ufrgan'"):
        UFRGAN(Setup(torch.device("cpu"), torch.float32, variant="lite", settings=settings))


def test_another_scale_is_refused() -> None:
    """The data set's scale decides the size of the result."""
    with pytest.raises(RestobenchError, match="'ufrgan@base' keeps a picture's size, and x4 is asked for"):
        choose_method("ufrgan", test=True).build(scale=4)


@pytest.mark.slow
def test_a_large_picture_goes_through_in_tiles(tmp_path: Path) -> None:
    """2048 x 2048, in tiles of 256."""
    method = build(checkpoint(tmp_path), tile=256, overlap=32).method
    lq = image("a", (1, 3, 2048, 2048))

    restored = method.restore(lq, Noise.of_seed(0, ["a"]))  # type: ignore[union-attr]  # no folder method

    assert restored.shape == lq.shape
    assert restored.isfinite().all()
    corner = build(
        checkpoint(tmp_path)
    ).method.restore(  # type: ignore[union-attr]
        lq[..., :256, :256].contiguous(), Noise.of_seed(0, ["a"])
    )
    torch.testing.assert_close(restored[..., :224, :224], corner[..., :224, :224], rtol=0, atol=1e-5)

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench_methods.restormer.network import Restormer
from restobench_methods.ufrgan import configuration as told
from restobench_methods.ufrgan.adversarial import discriminator_loss, generator_loss
from restobench_methods.ufrgan.contrast import ContrastiveTerm
from restobench_methods.ufrgan.discriminator import Discriminator
from restobench_methods.ufrgan.generator import build_generator
from restobench_methods.ufrgan.restoration_loss import RestorationLoss
from tests.filling import image, noise

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "ufrgan_keys.json").read_text(encoding="utf-8")
)
TINY = told.Generator(dim=8, num_blocks=(1, 1, 1, 1), num_refinement_blocks=1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def pictures(tag: str, count: int = 2, side: int = 64) -> Tensor:
    shape = (count, 3, side, side)
    return (image(tag, shape) + 0.04 * noise(f"{tag} noise", shape)).clamp(0, 1)


@pytest.mark.parametrize("layout", ["patchgan70", "lineage"])
def test_the_discriminators_have_the_known_names_and_shapes(layout: Any) -> None:
    """2,764,737 and 391,657 parameters."""
    state = Discriminator(told.Discriminator(layout=layout)).state_dict()

    assert {name: list(tensor.shape) for name, tensor in state.items()} == KEYS[layout]


def test_a_patch_of_the_default_discriminator_is_70_pixels_wide() -> None:
    """What its name says: no pixel further away moves a score."""
    network = Discriminator(told.Discriminator(width=8))
    convolutions = nn.Sequential(*(layer for layer in network.model if isinstance(layer, nn.Conv2d)))
    picture = pictures("a", 1, 256).requires_grad_()

    scores = convolutions(picture)
    scores[0, 0, 15, 15].backward()

    assert picture.grad is not None
    seen = picture.grad[0].abs().sum(dim=0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [70, 70]


@pytest.mark.parametrize(("layout", "side"), [("patchgan70", 32), ("lineage", 48)])
def test_a_picture_that_is_too_small_is_one_sentence(layout: Any, side: int) -> None:
    """A norm over a single patch would be zero, and then an error of PyTorch's."""
    network = Discriminator(told.Discriminator(layout=layout, width=4))

    assert network(torch.rand(1, 3, side, side)).isfinite().all()
    with pytest.raises(RestobenchError, match=f"'{layout}' needs sides of at least {side} pixels, and this picture is"):
        network(torch.rand(1, 3, side + 8, side - 1))


def test_a_new_generator_is_near_the_identity() -> None:
    """Its last convolution, and nothing else, is a tenth of what PyTorch makes."""
    generator = build_generator(TINY, told.Initial().output_scale)
    torch.manual_seed(0)
    plain = Restormer(**TINY.model_dump())
    x = pictures("a", 1)

    changed = [
        name for name, tensor in plain.state_dict().items() if not torch.equal(tensor, generator.get_parameter(name))
    ]

    assert changed == ["output.weight"]
    torch.testing.assert_close(generator.output.weight, 0.1 * plain.output.weight)
    assert (generator(x) - x).abs().mean() < 0.2 * (plain(x) - x).abs().mean()


def test_a_generator_with_biases_has_its_last_one_scaled_too() -> None:
    """A large one alone would shift every picture."""
    generator = build_generator(TINY.model_copy(update={"bias": True}), 0.0)
    x = pictures("a", 1)

    assert torch.equal(generator(x), x)


def test_the_discriminators_begin_as_dcgan_does() -> None:
    """Normal with a deviation of 0.02, the biases zero."""
    network = Discriminator(told.Discriminator())

    network.initialise(told.Initial().deviation)

    for layer in network.model:
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.06)
            assert abs(layer.weight.mean().item()) < 0.002
            assert layer.bias is not None
            assert not layer.bias.any()


def without_gradient(module: nn.Module) -> list[str]:
    return [name for name, one in module.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0]


def networks() -> tuple[Restormer, Restormer, Discriminator, Discriminator]:
    """Both generators (to H, to L) and both discriminators (of H, of L), small."""
    return (
        build_generator(TINY),
        build_generator(TINY),
        Discriminator(told.Discriminator(width=8)),
        Discriminator(told.Discriminator(layout="lineage", width=8)),
    )


@pytest.mark.parametrize("form", ["lsgan", "bce"])
def test_one_iteration_teaches_both_generators_and_then_both_discriminators(form: Any) -> None:
    """The losses of a whole iteration: every parameter of each gets a gradient, and of the other side none."""
    to_high, to_low, of_high, of_low = networks()
    low, high = pictures("low"), pictures("high")
    terms = ContrastiveTerm(told.Contrast()), ContrastiveTerm(told.Contrast())
    distance = RestorationLoss(told.Restoration(), None)
    for parameter in chain(of_high.parameters(), of_low.parameters()):
        parameter.requires_grad_(False)

    fake_high, fake_low = to_high(low), to_low(high)
    of_l, of_h = terms[0].features(low), terms[0].features(high)
    loss = (
        generator_loss(of_high(fake_high), form)
        + generator_loss(of_low(fake_low), form)
        + distance(to_low(fake_high), low)
        + distance(to_high(fake_low), high)
        + terms[0](terms[0].features(fake_high), of_h, of_l)
        + terms[1](terms[1].features(fake_low), of_l, of_h)
    )
    loss.backward()

    assert without_gradient(to_high) == without_gradient(to_low) == []
    assert all(parameter.grad is None for parameter in chain(of_high.parameters(), of_low.parameters()))
    for network, real, fake in ((of_high, high, fake_high), (of_low, low, fake_low)):
        network.requires_grad_(True)
        before = [parameter.grad.clone() for parameter in to_high.parameters() if parameter.grad is not None]
        discriminator_loss(network(real), network(fake.detach()), form).backward()
        # A bias right before a norm is subtracted again: of these alone the gradient is rounding.
        assert set(without_gradient(network)) <= {"model.2.bias", "model.5.bias", "model.8.bias"}
        assert all(
            torch.equal(one, parameter.grad)
            for one, parameter in zip(before, to_high.parameters(), strict=True)
            if parameter.grad is not None
        )


@pytest.mark.parametrize(
    ("contrast", "teaches"),
    [
        (told.Contrast(), True),
        (told.Contrast(frequency=told.Frequency(binarise="ste")), True),
        (told.Contrast(frequency=told.Frequency(rule="median", window="hann")), True),
        (told.Contrast(frequency=told.Frequency(binarise="hard")), False),
        (told.Contrast(form="lineage"), False),
    ],
    ids=["soft", "ste", "median", "hard", "lineage"],
)
def test_only_a_term_with_soft_bits_teaches_the_generator(contrast: told.Contrast, teaches: bool) -> None:
    """A comparison is flat on both sides of its threshold: hard bits, FCL-GAN's among them, have no gradient."""
    generator, term = build_generator(TINY), ContrastiveTerm(contrast)
    side = 256 if contrast.form == "lineage" else 64
    low, high = pictures("low", 1, side), pictures("high", 1, side)

    loss = term(term.features(generator(low)), term.features(high), term.features(low))

    assert loss.item() > 0
    assert loss.requires_grad == teaches
    if teaches:
        loss.backward()
        assert without_gradient(generator) == []

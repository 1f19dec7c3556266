"""InterLCM's training as a recipe: what moves, what stays, what comes of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torchvision.models import vgg16

from restobench.checkpoint import load_strictly
from restobench.degradations.generators import Generators
from restobench.errors import RestobenchError
from restobench.plugins import find_plugin
from restobench.train.configuration import find_configuration, names_of_configurations, read_configuration
from restobench.train.drawings import drawn_picture
from restobench_methods.interlcm.loading import _own
from restobench_methods.interlcm.pairs import face_pair, strokes
from restobench_methods.interlcm.recipe import InterLCMRecipe
from restobench_methods.interlcm.training_settings import InterLCMTraining
from restobench_methods.interlcm.visual_encoder import VisualEncoder
from tests.methods.stopped import assert_it_goes_on_as_if_it_had_not_stopped

pytestmark = pytest.mark.usefixtures("one_thread")

PRESETS = find_plugin("restobench.recipes", "interlcm").folder / "training"


def told(**changes: Any) -> InterLCMTraining:
    """A training of seconds."""
    content: dict[str, Any] = {
        "training": {
            "iterations": 3, "batch": 2, "workers": 0, "log_every": 1, "save_every": 2, "samples_every": 3,
            "validate_every": 3, "tensorboard": False,
        },
        "data": {"drawn": {"count": 3, "size": 64, "held_out": 1}},
        "networks": "tiny",
        "crop": 64,
        "steps": 2,
        "loss": {"perceptual": 0.0, "adversarial_from": 2},
        "rate": {"highest": 1e-3, "lowest": 1e-3},
        "discriminator": {"width": 4, "halvings": 2},
        "held_out_faces": 1,
    }  # fmt: skip
    return InterLCMTraining.model_validate(content | changes)


def recipe(settings: InterLCMTraining) -> InterLCMRecipe:
    torch.manual_seed(0)
    return InterLCMRecipe(settings, Accelerator(cpu=True))


def step(made: InterLCMRecipe, iteration: int = 1) -> dict[str, float]:
    torch.manual_seed(iteration)
    batch = torch.utils.data.default_collate([made.example(number) for number in range(2)])
    return dict(made.step(batch, iteration, Generators.of_seed(0)))


def test_a_step_moves_the_encoders_and_nothing_else() -> None:
    """The base model and CLIP stand still; the discriminator is not touched before it joins."""
    made = recipe(told())
    frozen = [made.pipeline.unet, made.pipeline.vae, made.pipeline.conditioner.tower, made.judge]
    before = [[weight.clone() for weight in network.parameters()] for network in frozen]
    encoders = [weight.detach().clone() for weight in made.encoders.parameters()]

    values = step(made)

    for weights, network in zip(before, frozen, strict=True):
        assert all(torch.equal(*pair) for pair in zip(weights, network.parameters(), strict=True))
    moved = [not torch.equal(*pair) for pair in zip(encoders, made.encoders.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)
    assert values["adversarial"] == values["judge"] == 0


def test_the_discriminator_joins_in_its_iteration() -> None:
    """10,002 in the released training; from then on it learns too."""
    made = recipe(told())
    before = [weight.detach().clone() for weight in made.judge.parameters()]

    values = step(made, iteration=2)

    assert values["judge"] > 0
    assert values["loss"] == pytest.approx(values["absolute"] + 0.1 * values["adversarial"], rel=1e-4)
    assert not all(torch.equal(*pair) for pair in zip(before, made.judge.parameters(), strict=True))
    assert all(weight.requires_grad for weight in made.judge.parameters())


def test_the_perceptual_term_is_lpips_of_the_given_vgg(tmp_path: Path) -> None:
    """Through the decoder and all the calls; without it the loss is the absolute difference alone."""
    torch.save(vgg16().state_dict(), tmp_path / "vgg16.pth")
    made = recipe(told(loss={"adversarial_from": 9}, files={"vgg16": tmp_path / "vgg16.pth"}))

    values = step(made)

    assert values["perceptual"] > 0
    assert values["loss"] == pytest.approx(values["absolute"] + values["perceptual"], rel=1e-4)


def test_the_plain_controlnet_learns_to_predict_noise() -> None:
    """Table 4's baseline: an error of noise, about 1 for a network that knows nothing, and no pictures."""
    made = recipe(told(objective="diffusion"))

    values = step(made, iteration=5)

    assert 0.5 < values["loss"] < 3
    assert values["judge"] == 0
    assert "absolute" not in values


def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    """Encoders, averages, discriminator, both optimisers."""
    files = ("validation.csv", "checkpoints/last.safetensors")
    assert_it_goes_on_as_if_it_had_not_stopped("interlcm", InterLCMRecipe, told(), tmp_path, files, after=2)

    # One checkpoint holds both encoders; each part of the method takes its own from it.
    encoder = VisualEncoder(5, width=16, residuals=1)
    audit = load_strictly(
        encoder, tmp_path / "whole/checkpoints/last.safetensors", translate=lambda state: _own("visual_encoder", state)
    )
    assert audit["missing"] == audit["unexpected"] == []


def test_samples_show_every_step(tmp_path: Path) -> None:
    """The input, the stages of the paper's figure, the clean face."""
    made = recipe(told(steps=4))

    assert made.samples().shape == (1, 6, 3, 64, 64)
    assert {"psnr", "psnr_input"} == set(made.validate())


@pytest.mark.parametrize("task", ["restoration", "colorization", "inpainting"])
def test_faces_are_prepared_for_every_task(task: Any) -> None:
    """In [-1, 1]; grey where colours are to be found, white where strokes are."""
    picture = drawn_picture(3, 128)

    pair, again = (face_pair(picture, task, Generators.of_sample(0, "a")) for _ in range(2))

    assert pair["lq"].shape == pair["gt"].shape == (3, 128, 128)
    assert torch.equal(pair["lq"], again["lq"])
    assert -1 <= pair["lq"].min() < pair["lq"].max() <= 1
    if task == "colorization":
        assert torch.equal(pair["lq"][0], pair["lq"][2])
    if task == "inpainting":
        holes = (pair["lq"] == 1).all(dim=0)
        assert 0 < holes.float().mean() < 1
        torch.testing.assert_close(pair["lq"][:, ~holes], pair["gt"][:, ~holes])


def test_strokes_cover_part_of_a_face_and_differ() -> None:
    """From a sliver to most of it."""
    shares = [strokes(512, 512, Generators.of_sample(0, str(number))).mean() for number in range(12)]

    assert all(0.01 < share < 0.95 for share in shares)
    assert len(set(shares)) == 12


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": {}}, r"needs torchvision's vgg16-397923af\.pth"),
        ({"start_step": 3}, "start_step is 3, and there are 2 steps"),
        ({"crop": 100}, "multiples of 64, and crop = 100"),
        ({"networks": "released"}, "needs lcm and clip: run 'restobench weights fetch interlcm lcm clip'"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    """In one sentence, before anything is built."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(RestobenchError, match=says):
        recipe(told(**changes))


@pytest.mark.parametrize("name", names_of_configurations(PRESETS))
def test_every_ready_configuration_is_one(name: str) -> None:
    """Only faces and files are the user's."""
    read = read_configuration(InterLCMTraining, find_configuration(name, PRESETS), data=["ffhq"])

    assert read.steps == (2 if name in ("1step", "colorization", "inpainting") else 4)

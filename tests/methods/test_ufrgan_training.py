"""UFR-GAN's training: two domains, four networks, and what comes of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from PIL import Image

from restobench.degradations.generators import Generators
from restobench.method import choose_method
from restobench.noise import Noise
from restobench.plugins import find_plugin
from restobench.train.configuration import find_configuration, names_of_configurations, read_configuration
from restobench.train.drawings import drawn_picture
from restobench.train.loop import train
from restobench_methods.ufrgan.configuration import Optimiser, UFRGANTraining
from restobench_methods.ufrgan.domains import Domains, held_out_pairs
from restobench_methods.ufrgan.recipe import UFRGANRecipe, learning_rate
from tests.methods.stopped import assert_it_goes_on_as_if_it_had_not_stopped

pytestmark = pytest.mark.usefixtures("one_thread")

PRESETS = find_plugin("restobench.recipes", "ufrgan").folder / "training"


def told(**changes: Any) -> UFRGANTraining:
    """A training of seconds."""
    content: dict[str, Any] = {
        "training": {
            "iterations": 4, "batch": 2, "workers": 0, "log_every": 1, "save_every": 2, "samples_every": 4,
            "validate_every": 2, "tensorboard": False,
        },
        "data": {"drawn": {"count": 6, "size": 48, "held_out": 2}},
        "generator": {"dim": 8, "num_blocks": (1, 1, 1, 1), "num_refinement_blocks": 1},
        "discriminator": {"width": 4},
        "perceptual": "none",
        "crop": 32,
        "held_out_crops": 4,
        "pool": 3,
        "average": 0.5,
    }  # fmt: skip
    return UFRGANTraining.model_validate(content | changes)


def recipe(settings: UFRGANTraining) -> UFRGANRecipe:
    torch.manual_seed(0)
    return UFRGANRecipe(settings, Accelerator(cpu=True))


def step(made: UFRGANRecipe, iteration: int = 1) -> dict[str, float]:
    batch = torch.utils.data.default_collate([made.example(2 * iteration + place) for place in range(2)])
    return dict(made.step(batch, iteration, Generators.of_seed(iteration)))


def test_no_degraded_pictures_original_is_in_the_clean_half() -> None:
    """Unpaired for real; a picture that an epoch takes often is in one half all the same."""
    domains = Domains(told(data={"drawn": {"count": 9, "size": 48}}))

    names = domains.clean.names
    low, high = {names[number] for number in domains.low}, {names[number] for number in domains.high}
    assert low.isdisjoint(high)
    assert (len(low), len(high)) == (5, 4)


def test_examples_are_squares_of_both_domains_and_always_the_same() -> None:
    """By their number alone; the two orders have nothing to do with each other."""
    domains, again = Domains(told()), Domains(told())

    for number in range(6):
        example = domains.example(number)
        assert example["low"].shape == example["high"].shape == (3, 32, 32)
        assert all(torch.equal(example[name], again.example(number)[name]) for name in example)
    assert not torch.equal(domains.example(0)["high"], domains.example(1)["high"])


def test_real_low_quality_pictures_take_the_place_of_degraded_ones(tmp_path: Path) -> None:
    """Then every clean picture may be shown clean."""
    Image.new("RGB", (40, 40), (10, 20, 30)).save(tmp_path / "real.png")
    domains = Domains(told(low=[{"source": str(tmp_path)}]))

    low = domains.example(3)["low"]

    assert len(domains.high) == len(domains.clean) == 6
    torch.testing.assert_close(low.flatten(1).mean(dim=1) * 255, torch.tensor([10.0, 20.0, 30.0]))


def test_a_step_moves_every_network_and_logs_every_term() -> None:
    """Generators, discriminators, the average; banks and pools take what they saw."""
    made = recipe(told())
    before = {name: [w.detach().clone() for w in network.parameters()] for name, network in made.networks.items()}

    values = step(made)

    for name, network in made.networks.items():
        moved = [not torch.equal(*pair) for pair in zip(before[name], network.parameters(), strict=True)]
        assert sum(moved) > 0.9 * len(moved), name
    assert set(values) == {
        "loss", "adversarial", "cycle", "identity", "contrast", "gradient_norm", "judges", "judged_right", "frozen",
        "rate",
    }  # fmt: skip
    assert values["loss"] == pytest.approx(
        values["adversarial"] + 10 * values["cycle"] + 5 * values["identity"] + values["contrast"], rel=1e-4
    )
    assert made.contrasts["high"].bank.entries is not None
    assert len(made.contrasts["high"].bank.entries) == len(made.pools["low"].pictures) == 2


def test_frozen_discriminators_are_watched_and_do_not_move() -> None:
    """Freeze and unfreeze: only their optimiser's step is left out."""
    made = recipe(told())
    made.balance.load_state_dict({"step": 9, "frozen": True, "since": 8, "accuracy": 0.95, "loss": 0.01})
    before = [weight.detach().clone() for weight in made.networks["judge_high"].parameters()]

    values = step(made)

    assert values["frozen"] == 1
    assert all(torch.equal(*pair) for pair in zip(before, made.networks["judge_high"].parameters(), strict=True))
    assert made.balance.step == 10


def test_hard_bits_teach_what_no_term_teaches() -> None:
    """Nothing: with them the generators' weights are those of a training without the term, to the last bit."""
    hard = {"frequency": {"binarise": "hard"}}
    without, made = recipe(told(contrast={"form": "none"})), recipe(told(contrast=hard))

    for iteration in (1, 2):
        step(without, iteration)
        step(made, iteration)

    for name in ("restorer", "degrader"):
        weights = zip(without.networks[name].parameters(), made.networks[name].parameters(), strict=True)
        assert all(torch.equal(*pair) for pair in weights)


def test_soft_bits_teach_something() -> None:
    """The counterpart of the test above."""
    without, made = recipe(told(contrast={"form": "none"})), recipe(told())
    step(without)
    step(made)

    weights = zip(without.networks["restorer"].parameters(), made.networks["restorer"].parameters(), strict=True)
    assert not all(torch.equal(*pair) for pair in weights)


def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    """Four networks, two optimisers, average, banks, pools, balance."""
    files = ("validation.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")
    assert_it_goes_on_as_if_it_had_not_stopped("ufrgan", UFRGANRecipe, told(), tmp_path, files)


def test_what_was_trained_restores_as_a_method(tmp_path: Path) -> None:
    """`run --method ufrgan --weights FILE`; the file says itself how its generator is built."""
    train("ufrgan", UFRGANRecipe, told(), tmp_path, device="cpu")

    built = choose_method("ufrgan", weights={"": tmp_path / "checkpoints" / "best.safetensors"}).build(scale=1)
    restored = built.method.restore(torch.rand(2, 3, 37, 53), Noise.of_seed(0, ["a", "b"]))

    assert restored.shape == (2, 3, 37, 53)


def test_validation_stands_beside_the_input_for_every_kind() -> None:
    """A number alone says nothing."""
    made = recipe(told(held_out_crops=6))
    pairs = held_out_pairs(made.told)

    values = made.validate()

    for kind in pairs.kinds:
        assert {f"psnr_{kind}", f"psnr_input_{kind}"} <= values.keys()
    assert {"psnr", "psnr_input", "ssim", "ssim_input"} <= values.keys()
    assert made.samples().shape == (6, 3, 3, 32, 32)


def test_a_missing_vgg_is_said_and_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the perceptual term a training is another one; who leaves it out on purpose hears nothing."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    assert recipe(told()).remarks == []
    (remark,) = recipe(told(perceptual="imagenet")).remarks
    assert remark.startswith("The perceptual term is left out: torchvision's vgg19-dcbb9e9d.pth is not where")


def test_the_rate_is_torchs_multi_step_schedule() -> None:
    """Stepped after every iteration."""
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=2e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [int(p * 41) for p in (0.5, 0.7, 0.85, 0.95)], 0.5)

    for iteration in range(1, 42):
        assert learning_rate(Optimiser(), iteration, 41) == pytest.approx(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("name", names_of_configurations(PRESETS))
def test_every_ready_configuration_is_one(name: str) -> None:
    """Only pictures are the user's."""
    read = read_configuration(UFRGANTraining, find_configuration(name, PRESETS), data=["photos"])

    assert read.training.batch == 2
    assert read.optimiser.rate == (5e-4 if name == "tiny" else 2e-4)  # the paper's


def test_crops_come_from_pictures_of_any_size() -> None:
    """Small ones are mirrored up."""
    domains = Domains(told(crop=64, data={"drawn": {"count": 4, "size": 40}}))

    assert domains.example(0)["low"].shape == (3, 64, 64)
    assert drawn_picture(0, 40).shape == (40, 40, 3)

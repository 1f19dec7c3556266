"""ResShift's training: the objective, its parts, what comes of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torchvision.models import vgg16

from restobench.checkpoint import write_checkpoint
from restobench.degradations.generators import Generators
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise
from restobench.plugins import find_plugin
from restobench.train.configuration import find_configuration, names_of_configurations, read_configuration
from restobench.train.drawings import drawn_picture
from restobench.train.loop import train
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.pairs import PairMaker
from restobench_methods.resshift.recipe import ResShiftRecipe
from restobench_methods.resshift.training_settings import Pairs, ResShiftTraining
from tests.methods.stopped import assert_it_goes_on_as_if_it_had_not_stopped

pytestmark = pytest.mark.usefixtures("one_thread")

PRESETS = find_plugin("restobench.recipes", "resshift").folder / "training"
SMALL_UNET = {
    "image_size": 16, "lq_size": 16, "model_channels": 32, "num_res_blocks": 1, "channel_mult": (1, 2),
    "attention_resolutions": (8,), "swin_embed_dim": 32, "window_size": 4, "mlp_ratio": 1.0,
}  # fmt: skip
SMALL_AUTOENCODER = {"ch": 32, "n_embed": 16, "num_res_blocks": 1}


def told(**changes: Any) -> ResShiftTraining:
    """A training of seconds, on pixels."""
    content: dict[str, Any] = {
        "training": {
            "iterations": 4, "batch": 4, "workers": 0, "log_every": 1, "save_every": 2, "samples_every": 4,
            "validate_every": 4, "tensorboard": False,
        },
        "data": {"drawn": {"count": 3, "size": 40, "held_out": 2}},
        "network": {"variant": "tiny", "unet": SMALL_UNET},
        "pairs": "demo-camera",
        "crop": 32,
        "held_out_crops": 2,
        "rate": {"highest": 1e-3, "warm_up": 0},
    }  # fmt: skip
    for name, value in changes.items():
        table = content
        *above, last = name.split("__")
        for key in above:
            table = table.setdefault(key, {})
        table[last] = value
    return ResShiftTraining.model_validate(content)


def latent(folder: Path, **changes: Any) -> ResShiftTraining:
    """The same in latents, with a small autoencoder from a file."""
    torch.manual_seed(1)
    torch.save(VQAutoencoder(**SMALL_AUTOENCODER).state_dict(), folder / "autoencoder.pth")
    network = {"variant": "v3", "unet": {**SMALL_UNET, "image_size": 8, "lq_size": 8}, "autoencoder": SMALL_AUTOENCODER}
    return told(network=network, files__autoencoder=folder / "autoencoder.pth", **changes)


def recipe(settings: ResShiftTraining) -> ResShiftRecipe:
    torch.manual_seed(0)
    return ResShiftRecipe(settings, Accelerator(cpu=True))


def batch_of(made: ResShiftRecipe) -> dict[str, torch.Tensor]:
    batch: dict[str, torch.Tensor] = torch.utils.data.default_collate([made.example(number) for number in range(4)])
    return batch


def test_the_loss_on_one_batch_falls() -> None:
    """The gradients point where they should."""
    made = recipe(told(rate__highest=3e-3))
    batch = batch_of(made)
    losses = []

    for iteration in range(1, 41):
        torch.manual_seed(0)
        losses.append(made.step(batch, iteration, Generators.of_seed(0))["loss"])

    assert losses[-1] < 0.5 * losses[0]


def test_micro_batches_sum_to_the_gradient_of_the_whole_batch() -> None:
    """An uneven last one counts by its size, and what is drawn does not depend on them."""
    found = []
    for shares in ([(0, 4)], [(0, 3), (3, 4)]):
        made = recipe(told(training__micro_batch=shares[0][1]))
        torch.manual_seed(3)
        drawn = made.drawn(made.pairs.on_device(batch_of(made), Generators.of_seed(0)))
        losses = [made.backward(drawn.part(*share), weight=(share[1] - share[0]) / 4)["loss"] for share in shares]
        found.append((sum(losses), torch.cat([w.grad.flatten() for w in made.unet.parameters() if w.grad is not None])))

    (whole, gradient), (parts, other) = found
    assert parts == pytest.approx(whole, rel=1e-5)
    assert (gradient - other).norm() < 1e-4 * gradient.norm()


def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    """U-Net, average, optimiser and log, to the last digit."""
    files = ("validation.csv", "checkpoints/last.safetensors")
    assert_it_goes_on_as_if_it_had_not_stopped("resshift", ResShiftRecipe, told(), tmp_path, files)


def test_what_was_trained_restores_as_a_method(tmp_path: Path) -> None:
    """`run --method resshift@tiny --weights unet=FILE`; the file says itself what it is."""
    train("resshift", ResShiftRecipe, told(), tmp_path, device="cpu")
    weights = {"unet": tmp_path / "checkpoints" / "last.safetensors"}

    built = choose_method("resshift@tiny", weights=weights).build(scale=4)
    restored = built.method.restore(torch.rand(2, 3, 13, 9), Noise.of_seed(0, ["a", "b"]))

    assert restored.shape == (2, 3, 52, 36)
    assert built.setup.audit["unet"]["missing"] == []


def test_settings_that_a_checkpoint_was_not_trained_with_are_refused(tmp_path: Path) -> None:
    """What the file says counts, not the variant's name."""
    train("resshift", ResShiftRecipe, told(network__kappa=1.5), tmp_path, device="cpu")
    weights = {"unet": tmp_path / "checkpoints" / "last.safetensors"}

    with pytest.raises(
        RestobenchError, match=r"trained with kappa = 1\.5 and cannot restore with 0\.5\. Set kappa=1\.5"
    ):
        choose_method("resshift@tiny", weights=weights).build(scale=4)
    choose_method("resshift@tiny", weights=weights, settings={"kappa": 1.5}).build(scale=4)


def test_another_methods_checkpoint_is_refused(tmp_path: Path) -> None:
    """By what it says of itself, before a list of keys that mean nothing to anybody."""
    write_checkpoint(tmp_path / "other.safetensors", {"weight": torch.zeros(1)}, {"recipe": "ufrgan", "network": {}})

    with pytest.raises(RestobenchError, match="was made by a training of ufrgan, not of resshift"):
        choose_method("resshift@tiny", weights={"unet": tmp_path / "other.safetensors"}).build(scale=4)


def test_in_latents_the_autoencoder_stands_still_and_is_not_saved(tmp_path: Path) -> None:
    """And the loss is of latents: a quarter of the side."""
    made = recipe(latent(tmp_path))
    before = [weight.clone() for weight in made.pipeline.autoencoder.parameters()]

    made.step(batch_of(made), 1, Generators.of_seed(0))

    assert all(torch.equal(*pair) for pair in zip(before, made.pipeline.autoencoder.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in made.pipeline.autoencoder.parameters())
    assert set(made.weights().tensors) == set(made.unet.state_dict())


def test_the_perceptual_term_reaches_the_network_through_decoder_and_quantiser(tmp_path: Path) -> None:
    """The journal's loss, alone: the head has gradients (what lies behind it begins at 0)."""
    torch.manual_seed(2)
    torch.save(vgg16().state_dict(), tmp_path / "vgg16.pth")
    terms = {"loss__squared_error": 0.0, "loss__perceptual": 1.0, "files__vgg16": tmp_path / "vgg16.pth"}
    made = recipe(latent(tmp_path, crop=64, **terms))
    drawn = made.drawn(made.pairs.on_device(batch_of(made), Generators.of_seed(0)))

    values = made.backward(drawn.part(0, 1), weight=1.0)

    assert values["loss"] == pytest.approx(values["perceptual"])
    assert made.unet.out[2].weight.grad.abs().sum() > 0


def test_the_weights_of_equation_8_can_be_asked_for() -> None:
    """Omitted by default, as in the released trainings."""
    errors = []
    for weighted in (False, True):
        made = recipe(told(loss__weighted=weighted))
        torch.manual_seed(4)
        drawn = made.drawn(made.pairs.on_device(batch_of(made), Generators.of_seed(0)))
        errors.append(made.losses(drawn).squared_error)

    torch.testing.assert_close(errors[1], errors[0] * made.pipeline.diffusion.loss_weights[drawn.steps].float())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss__perceptual": 1.0}, r"needs torchvision's vgg16-397923af\.pth: --set files\.vgg16=FILE"),
        ({"crop": 30}, "multiples of 8, and crop = 30"),
        ({"pairs": "faceir"}, "'tiny' works at x4, and pairs of 'faceir' are x1"),
        (
            {"network__variant": "v1", "network__unet": {}, "crop": 256},
            r"run 'restobench weights fetch resshift@v1 autoencoder'",
        ),
        ({"network__unet": {"chanel_mult": (1,)}}, r"cannot be built as \[network\.unet\] says: .*chanel_mult"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    """In one sentence with what to do."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))

    with pytest.raises(RestobenchError, match=says):
        recipe(told(**changes))


@pytest.mark.parametrize(
    ("pairs", "crop", "scale", "mask"),
    [
        ("realsr", 64, 4, False),
        ("bicsr", 64, 4, False),
        ("faceir", 512, 1, False),
        ("inpaint-imagenet", 64, 1, True),
        ("inpaint-face", 256, 1, True),
        ("demo-camera", 64, 4, False),
    ],
)
def test_every_kind_of_pairs_comes_in_the_sizes_that_its_network_takes(
    pairs: Pairs, crop: int, scale: int, mask: bool
) -> None:
    """From 8-bit pictures, in workers and on the device, the same every time."""
    picture = drawn_picture(0, max(crop, 90))
    made = []
    for _ in range(2):
        maker = PairMaker(pairs, crop)
        examples = [maker.example(picture, Generators.of_sample(0, str(number))) for number in range(2)]
        made.append(maker.on_device(torch.utils.data.default_collate(examples), Generators.of_seed(1)))

    pair, again = made
    assert (pair.lq.shape, pair.gt.shape) == ((2, 3, crop // scale, crop // scale), (2, 3, crop, crop))
    assert (pair.mask is not None) == mask
    assert 0 <= pair.gt.min() < pair.gt.max() <= 1 + 1e-6
    assert pair.lq.dtype == pair.gt.dtype == torch.float32
    assert torch.equal(pair.lq, again.lq)
    if pair.mask is not None:
        assert pair.mask.shape == (2, 1, crop, crop)
        assert (pair.lq * pair.mask).abs().max() == 0


def test_the_pool_of_earlier_pairs_goes_on_where_it_was() -> None:
    """Else a resumed training would mix other pictures."""
    examples = [
        PairMaker("realsr", 32).example(drawn_picture(0, 40), Generators.of_sample(0, str(n))) for n in range(12)
    ]

    def batch(number: int) -> dict[str, torch.Tensor]:
        collated: dict[str, torch.Tensor] = torch.utils.data.default_collate([examples[number]])
        return collated

    whole, stopped = PairMaker("realsr", 32), PairMaker("realsr", 32)
    for number in range(11):
        whole.on_device(batch(number), Generators.of_seed(number))
        stopped.on_device(batch(number), Generators.of_seed(number))
    resumed = PairMaker("realsr", 32)
    resumed.resume(stopped.state())

    one, other = (maker.on_device(batch(11), Generators.of_seed(11)) for maker in (whole, resumed))

    assert torch.equal(one.lq, other.lq)
    assert not torch.equal(one.gt, batch(11)["gt"])


@pytest.mark.parametrize("name", names_of_configurations(PRESETS))
def test_every_ready_configuration_is_one(name: str) -> None:
    """The released trainings' values; only pictures (and LPIPS' trunk) are the user's."""
    read = read_configuration(ResShiftTraining, find_configuration(name, PRESETS), data=["photos"])

    assert read.network.variant == name
    assert read.network.configuration().scale == (1 if name.startswith(("face", "inpaint")) else 4)


def test_the_released_values_are_the_defaults() -> None:
    """Section 5 of the paper and its released configurations."""
    read = {
        name: read_configuration(ResShiftTraining, find_configuration(name, PRESETS), data=["photos"])
        for name in ("v1", "v3", "faceir")
    }

    assert (read["v1"].training.iterations, read["v1"].training.batch, read["v1"].rate.cosine) == (300_000, 64, False)
    assert (read["v3"].loss.perceptual, read["faceir"].loss.perceptual) == (1, 10)
    assert (read["v3"].rate.highest, read["v3"].rate.lowest, read["v3"].rate.warm_up) == (5e-5, 2e-5, 5000)
    assert (read["v3"].average, read["v3"].weight_decay, read["v3"].loss.weighted) == (0.999, 0, False)
    assert (read["faceir"].training.batch, read["faceir"].training.micro_batch, read["faceir"].crop) == (56, 7, 512)

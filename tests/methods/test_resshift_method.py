import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from restobench.card import Value
from restobench.errors import RestobenchError
from restobench.method import Setup, choose_method
from restobench.noise import Noise
from restobench.tiling import pad_to_multiple
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.configurations import CONFIGURATIONS, shrunk
from restobench_methods.resshift.method import ResShift
from restobench_methods.resshift.network import UNet
from tests.filling import fill, image

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS = json.loads((Path(__file__).parents[1] / "golden" / "resshift_keys.json").read_text(encoding="utf-8"))


def tiny(variant: str = "v3", *, dtype: torch.dtype = torch.float32, **settings: Value) -> ResShift:
    """The variant in small, its weights filled by name."""
    chosen = choose_method(f"resshift@{variant}", settings=settings, test=True)
    method = ResShift(Setup(torch.device("cpu"), dtype, variant=variant, settings=chosen.settings, test=True))
    assert method.pipeline.autoencoder is not None
    fill(method.pipeline.unet)
    fill(method.pipeline.autoencoder)
    return method


def noise(count: int = 1) -> Noise:
    return Noise.of_seed(0, [str(number) for number in range(count)])


def mask_of(height: int, width: int) -> Tensor:
    """A hole in the middle."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    return mask


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ("v1", (16, 16)),
        ("v3", (1, 5)),
        ("v3", (37, 53)),
        ("bicsr", (17, 16)),
        ("faceir", (37, 53)),
        ("inpaint-imagenet", (37, 53)),
        ("inpaint-face", (64, 128)),
    ],
)
def test_the_result_has_the_size_that_was_asked_for(variant: str, size: tuple[int, int]) -> None:
    """What padding adds is cut away again, at every size and for every variant."""
    method, scale = tiny(variant), CONFIGURATIONS[variant].scale

    restored = method.restore(image("a", (1, 3, *size)), noise(), mask_of(*size))

    assert restored.shape == (1, 3, scale * size[0], scale * size[1])
    assert restored.dtype == torch.float32
    assert restored.min() >= 0
    assert restored.max() <= 1


@pytest.mark.parametrize("side", [1, 2, 5, 20, 33, 64, 70])
def test_padding_mirrors_as_often_as_it_takes(side: int) -> None:
    """PyTorch's own reflection refuses to add more than there is; numpy's goes on, and is the reference."""
    picture = image("a", (2, 3, side, side + 3))
    wanted = [(0, 0), (0, 0), (0, -side % 64), (0, -(side + 3) % 64)]

    padded = pad_to_multiple(picture, 64)

    assert np.array_equal(padded.numpy(), np.pad(picture.numpy(), wanted, mode="reflect"))


def test_a_picture_is_the_same_alone_and_in_a_batch() -> None:
    """Its noise is its own; what is left are the last bits of other kernels."""
    method = tiny()
    lq = image("a", (3, 3, 20, 27))

    together = method.restore(lq, noise(3))
    alone = method.restore(lq[2:], Noise.of_seed(0, ["2"]))

    torch.testing.assert_close(together[2:], alone, rtol=0, atol=1e-3)


def test_every_tile_draws_its_own_noise() -> None:
    """Two tiles with the same content would else repeat each other, texture and all."""
    method = tiny(tile=16, overlap=0)
    half = image("a", (1, 3, 16, 16))

    left, right = method.restore(torch.cat([half, half], dim=3), noise()).chunk(2, dim=3)
    again = method.restore(torch.cat([half, half], dim=3), noise()).chunk(2, dim=3)[0]

    assert (left - right).abs().mean() > 0.01
    assert torch.equal(left, again)


def test_tiles_that_go_through_together_make_the_same_picture() -> None:
    """Up to the last bits of other kernels, which the chain enlarges."""
    lq = image("a", (2, 3, 20, 40))

    apart = tiny(tile=16, overlap=4).restore(lq, noise(2))
    together = tiny(tile=16, overlap=4, tiles_at_once=4).restore(lq, noise(2))

    torch.testing.assert_close(together, apart, rtol=0, atol=1e-3)


RESTORE_ONE = """
import resource, sys, torch
from restobench.method import Setup, choose_method
from restobench.noise import Noise
from restobench_methods.resshift.method import ResShift

settings = choose_method("resshift@faceir", settings={"steps": 2, "tile": 256}, test=True).settings
method = ResShift(Setup(torch.device("cpu"), torch.float32, variant="faceir", settings=settings, test=True))
side = int(sys.argv[1])
restored = method.restore(torch.rand(1, 3, side, side), Noise.of_seed(0, ["a"]))
assert restored.shape == (1, 3, side, side)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
"""Restores one picture of a side and tells the most memory that the process held, in bytes (on Linux)."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_memory_grows_with_the_picture_alone() -> None:
    """4096 x 4096 in tiles needs a few copies of the picture more than 512 x 512, and no larger maps."""

    def peak(side: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", RESTORE_ONE, str(side)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    picture = 3 * 4 * 4096**2

    assert peak(4096) - peak(512) < 4.5 * picture


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling for the CPU needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_a_compiled_network_makes_the_same_picture() -> None:
    """`--set compile=true` changes the time, and the last bits."""
    lq = image("a", (1, 3, 16, 16))

    compiled = tiny(compile=True).restore(lq, noise())

    torch.testing.assert_close(compiled, tiny().restore(lq, noise()), rtol=0, atol=1e-3)


def test_known_pixels_are_kept_and_what_is_in_the_hole_is_not_seen() -> None:
    """A data set may leave the clean picture in the hole; a method that sees it fills nothing."""
    method = tiny("inpaint-imagenet")
    lq, mask = image("a", (1, 3, 50, 61)), mask_of(50, 61)

    restored = method.restore(lq, noise(), mask)
    of_another_hole = method.restore(lq * (1 - mask) + 0.7 * mask, noise(), mask)

    torch.testing.assert_close(restored * (1 - mask), lq * (1 - mask), rtol=0, atol=1e-6)
    assert (restored - lq)[mask.expand_as(lq) == 1].abs().mean() > 0.01
    assert torch.equal(restored, of_another_hole)


def test_masks_are_cut_into_tiles_with_the_picture() -> None:
    """The released program cannot; a large picture has its holes filled tile by tile here."""
    method = tiny("inpaint-face", tile=64, overlap=16)
    lq, mask = image("a", (1, 3, 90, 100)), mask_of(90, 100)

    restored = method.restore(lq, noise(), mask)

    torch.testing.assert_close(restored * (1 - mask), lq * (1 - mask), rtol=0, atol=1e-6)


def test_no_mask_is_one_sentence() -> None:
    """Where the method is called from Python, no data set has been asked for one before."""
    with pytest.raises(RestobenchError, match="fills holes, and these pictures have no masks"):
        tiny("inpaint-face").restore(torch.zeros(1, 3, 64, 64), noise())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_autocast_of_the_same_weights(dtype: torch.dtype) -> None:
    """Weights are rounded once instead of at every step, which changes nothing; the chain stays in float32."""
    lq = image("a", (1, 3, 16, 16))
    full, half = tiny(), tiny(dtype=dtype)

    restored = half.restore(lq, noise())

    assert half.pipeline.unet.get_parameter("out.2.weight").dtype == dtype
    assert half.pipeline.unet.get_parameter("out.0.weight").dtype == torch.float32
    assert restored.dtype == torch.float32
    assert torch.equal(restored, replace(full.pipeline, dtype=dtype).restore(lq, noise().part("tile0")))
    # Not closer: the weights are random, so that codes of the autoencoder flip.
    assert (restored - full.restore(lq, noise())).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"kappa": 1}, r"'resshift@v1' was trained with kappa = 2 and cannot restore with 1\. .*retrained=true"),
        ({"power": 1.0}, r"trained with power = 0\.3 and cannot restore with 1"),
        ({"min_noise_level": 0.2}, r"trained with min_noise_level = 0\.04 and cannot"),
        ({"steps": 16}, r"was trained on 15 steps and can take fewer of them, but not 16"),
        ({"tile": 32, "overlap": 32}, "must be smaller than the tile"),
    ],
)
def test_a_setting_that_the_weights_do_not_know_is_refused(settings: Mapping[str, Value], complaint: str) -> None:
    """A table of kappa 1, 2, 4 made with weights trained at 2 would say nothing about kappa."""
    with pytest.raises(RestobenchError, match=complaint):
        tiny("v1", **settings)


def test_weights_of_ones_own_take_the_settings_they_were_trained_with() -> None:
    """The sweep of the paper's table 1 is over networks trained for it."""
    method = tiny("v1", retrained=True, steps=30, kappa=8.0, power=1.0, min_noise_level=0.01)

    chain = method.pipeline.diffusion

    assert len(chain) == 30
    assert chain.kappa == 8
    assert chain.sqrt_etas[0].item() == pytest.approx(0.01 / 8)


def test_fewer_steps_are_a_choice_of_those_trained_on() -> None:
    """The network knows a step by its number."""
    assert tiny("v1").pipeline.diffusion.steps == list(range(15))
    assert tiny("v1", steps=5).pipeline.diffusion.steps == [0, 3, 6, 9, 12]
    assert tiny("v3").pipeline.diffusion.steps == [0, 1, 2, 3]


def test_the_end_of_the_schedule_is_the_released_one_or_the_papers() -> None:
    """0.9801 and 0.999; nothing between was ever trained."""
    assert tiny("v1").pipeline.diffusion.etas[-1].item() == pytest.approx(0.9801, abs=1e-12)
    assert tiny("v1", eta_end=0.999).pipeline.diffusion.etas[-1].item() == pytest.approx(0.999, abs=1e-12)
    with pytest.raises(RestobenchError, match=r"choose from: 0\.9801, 0\.999"):
        tiny("v1", eta_end=0.5)


@pytest.mark.parametrize("variant", CONFIGURATIONS)
def test_the_card_says_what_the_code_does(variant: str) -> None:
    """The card's settings are those that the weights were trained with, its scale the network's."""
    choice, configuration = choose_method(f"resshift@{variant}"), CONFIGURATIONS[variant]

    for key in ("steps", "kappa", "power", "min_noise_level"):
        assert choice.settings[key] == getattr(configuration, key)
    assert choice.card.scales == (configuration.scale,)
    assert choice.card.needs_mask == bool(configuration.unet.get("cond_mask"))
    assert choice.missing_parts() == ([] if variant == "tiny" else ["unet", "autoencoder"])
    for part in choice.card.variants[variant].weights.values():
        assert part.bundled == (variant == "tiny")
        assert part.bundled or (part.url and part.url.endswith(f"/{part.file}"))


def test_every_variant_of_the_card_is_one_of_the_code() -> None:
    """And v1 is what 'resshift' alone means."""
    card = choose_method("resshift").card

    assert set(card.variants) == set(CONFIGURATIONS)
    assert card.default_variant == "v1"


def test_without_weights_one_sentence_says_what_to_give() -> None:
    """Nothing is built or restored with a network that was never trained."""
    with pytest.raises(RestobenchError) as caught:
        choose_method("resshift").build()

    assert str(caught.value) == (
        "'resshift' needs weights that were not given: unet, autoencoder. "
        "Fetch resshift_realsrx4_s15_v1.pth, size unknown; autoencoder_vq_f4.pth, size unknown with 'restobench "
        "weights fetch resshift@v1', or name the files: --weights unet=FILE --weights autoencoder=FILE."
    )
    settings = choose_method("resshift").settings
    with pytest.raises(RestobenchError, match="'resshift@v1' needs the weights of its unet"):
        ResShift(Setup(torch.device("cpu"), torch.float32, variant="v1", settings=settings))


def test_another_scale_is_refused() -> None:
    """The data set's scale decides the size of the result."""
    settings = choose_method("resshift@faceir").settings
    with pytest.raises(RestobenchError, match="'resshift@faceir' works at x1, and x4 is asked for"):
        ResShift(Setup(torch.device("cpu"), torch.float32, variant="faceir", scale=4, settings=settings))


def written(folder: Path, unet: Any, autoencoder: Any) -> dict[str, Path]:
    """The two checkpoints of a method, as files."""
    files = {"unet": folder / "unet.pth", "autoencoder": folder / "autoencoder.pth"}
    torch.save(unet, files["unet"])
    torch.save(autoencoder, files["autoencoder"])
    return files


@pytest.mark.parametrize("container", ["flat", "state_dict", "distributed", "compiled"])
def test_checkpoints_load_in_every_form_that_training_writes(tmp_path: Path, container: str) -> None:
    """Averaged weights flat, training's own wrapped, both with the prefixes of several devices and of compilation."""
    configuration = shrunk(CONFIGURATIONS["v3"])
    state = fill(UNet(**configuration.unet), 5).state_dict()
    content: Any = {
        "flat": state,
        "state_dict": {"iters_start": 400_000, "log_step": {"train": 1}, "state_dict": state, "amp_scaler": {}},
        "distributed": {f"module.{name}": tensor for name, tensor in state.items()},
        "compiled": {"state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}},
    }[container]
    files = written(tmp_path, content, VQAutoencoder(**configuration.autoencoder).state_dict())

    built = choose_method("resshift@v3", weights=files, test=True).build(scale=4)

    assert isinstance(built.method, ResShift)
    loaded = built.method.pipeline.unet.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    assert built.setup.audit["unet"] == {"loaded": len(state), "missing": [], "unexpected": []}
    assert built.setup.audit["autoencoder"]["loaded"] == 157


def test_a_checkpoint_of_another_variant_is_refused(tmp_path: Path) -> None:
    """Every wrong key is named, and nothing runs half loaded."""
    wrong = UNet(**shrunk(CONFIGURATIONS["inpaint-face"]).unet)
    right = VQAutoencoder(**shrunk(CONFIGURATIONS["v3"]).autoencoder)
    files = written(tmp_path, wrong.state_dict(), right.state_dict())

    with pytest.raises(RestobenchError) as caught:
        choose_method("resshift@v3", weights=files, test=True).build()

    text = str(caught.value)
    assert "8 unexpected: feature_extractor.0.weight, feature_extractor.0.bias" in text
    assert "1 of another shape: input_blocks.0.0.weight (32 x 67 x 3 x 3 instead of 32 x 6 x 3 x 3)" in text


@pytest.mark.parametrize("variant", ["v1", "faceir", "inpaint-imagenet"])
def test_files_with_exactly_the_official_keys_load(tmp_path: Path, variant: str) -> None:
    """At full size; the other variants have the names and shapes of one of these."""
    unet = KEYS["unet"] | {
        "faceir": KEYS["unet_faceir_changes"], "inpaint-imagenet": KEYS["unet_inpaint_changes"],
    }.get(variant, {})  # fmt: skip
    autoencoder = KEYS["autoencoder_f8" if variant == "faceir" else "autoencoder_f4"]

    def file_content(keys: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """One stored number a tensor, seen as its whole shape: the file stays small."""
        whole = "relative_position_index"
        return {
            name: torch.zeros((), dtype=torch.int64 if name.endswith(whole) else torch.float32).expand(shape)
            for name, shape in keys.items()
        }

    files = written(tmp_path, file_content(unet), file_content(autoencoder))

    built = choose_method(f"resshift@{variant}", weights=files).build(scale=CONFIGURATIONS[variant].scale)

    assert built.setup.audit["unet"] == {"loaded": len(unet), "missing": [], "unexpected": []}
    assert built.setup.audit["autoencoder"] == {"loaded": len(autoencoder), "missing": [], "unexpected": []}

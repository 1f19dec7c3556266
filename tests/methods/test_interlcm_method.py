import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import SlicedAttnProcessor

from restobench.card import Value
from restobench.conformance import check_method
from restobench.errors import RestobenchError
from restobench.image import read_array, to_eight_bit
from restobench.method import Setup, choose_method
from restobench.noise import Noise
from restobench_methods.interlcm.method import TRAINED_STEPS, InterLCM, grey, painted_white
from restobench_methods.interlcm.pipeline import VisualModule
from tests.cli.conftest import here, is_a_sentence
from tests.filling import fill, image

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (64, 64)


def tiny(variant: str = "3step", *, dtype: torch.dtype = torch.float32, **settings: Value) -> InterLCM:
    """The variant in small, its weights filled by name."""
    chosen = choose_method(f"interlcm@{variant}", settings=settings, test=True)
    method = InterLCM(Setup(torch.device("cpu"), dtype, variant=variant, settings=chosen.settings, test=True))
    assert isinstance(method.pipeline.conditioner, VisualModule)
    for network in (method.pipeline.unet, method.pipeline.vae, method.pipeline.conditioner.encoder):
        fill(network)
    if method.pipeline.spatial_encoder is not None:
        fill(method.pipeline.spatial_encoder)
    return method


def noise(count: int = 1) -> Noise:
    return Noise.of_seed(0, [str(number) for number in range(count)])


def hole(height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 4 : height // 2, width // 3 : width // 2] = 1
    return mask


@pytest.mark.parametrize("variant", TRAINED_STEPS)
def test_a_face_comes_out_as_large_as_it_was(variant: str) -> None:
    """By every variant, in [0, 1]."""
    lq = image("a", (2, 3, *SIZE))

    restored = tiny(variant).restore(lq, noise(2), hole(*SIZE).expand(2, -1, -1, -1))

    assert restored.shape == lq.shape
    assert restored.dtype == torch.float32
    assert 0 <= restored.min() < restored.max() <= 1


def test_a_grey_face_comes_out_grey_and_its_neighbour_in_colour() -> None:
    """With its own mean and deviation, as the released program leaves it; colours are for `colorization` to find."""
    lq = image("a", (2, 3, *SIZE))
    lq[1:] = grey(lq[1:])

    restored = tiny().restore(lq, noise(2))
    coloured = tiny("colorization").restore(lq[1:], noise(1))

    torch.testing.assert_close(restored[1, 0], restored[1, 2], rtol=0, atol=1e-6)
    assert abs(restored[1].mean() - lq[1].mean()) < 0.02
    assert (restored[0, 0] - restored[0, 2]).abs().max() > 0.05
    assert (coloured[0, 0] - coloured[0, 2]).abs().max() > 0.01


def test_a_face_is_the_same_alone_and_in_a_batch() -> None:
    """Its noise is its own; what is left are the last bits of other kernels."""
    method, lq = tiny(), image("a", (3, 3, *SIZE))

    together = method.restore(lq, noise(3))
    alone = method.restore(lq[2:], Noise.of_seed(0, ["2"]))

    torch.testing.assert_close(together[2:], alone, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (64, 37)])
def test_a_picture_of_another_size_is_no_aligned_face(size: tuple[int, int]) -> None:
    """The networks would take it, and know nothing of where its eyes are."""
    with pytest.raises(RestobenchError, match=rf"faces of 64 x 64 pixels, and this picture has {size[1]} x {size[0]};"):
        tiny().restore(image("a", (1, 3, *size)), noise())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("start_step", 1),
        ("start_step", 4),
        ("guidance_scale", 2.0),
        ("spatial_encoder", False),
        ("colour_fix", "adain"),
    ],
)
def test_every_setting_changes_the_picture(setting: str, value: Value) -> None:
    """Ablations are worth what their switches do."""
    lq = image("a", (1, 3, *SIZE))

    usual, other = tiny().restore(lq, noise()), tiny(**{setting: value}).restore(lq, noise())

    assert (usual - other).abs().mean() > 1e-3


def test_the_picture_depends_on_what_clip_is_shown() -> None:
    """The visual encoder is in the way from the face to the result."""
    method, lq = tiny(), image("a", (1, 3, *SIZE))
    usual = method.restore(lq, noise())

    assert isinstance(method.pipeline.conditioner, VisualModule)
    fill(method.pipeline.conditioner.encoder, 3)

    assert (method.restore(lq, noise()) - usual).abs().mean() > 1e-3


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_steps_that_the_weights_were_not_trained_with_want_to_be_owned(steps: int) -> None:
    """The paper trains for each number of steps; its ablation is over weights of one's own."""
    with pytest.raises(
        RestobenchError, match=rf"'interlcm@3step' was trained with 4 steps and cannot restore with {steps}"
    ):
        tiny(steps=steps, start_step=1)

    assert len(tiny(steps=steps, start_step=1, retrained=True).pipeline.sampler.timesteps) == steps


@pytest.mark.parametrize(
    ("variant", "settings", "complaint"),
    [
        ("1step", {"start_step": 3}, r"Setting 'start_step' is 3, and there are 2 steps"),
        ("3step", {"start_step": 0}, r"Setting 'start_step' is 0; it must be at least 1"),
        ("3step", {"text": "a face"}, r"say visual_encoder=false with it"),
        ("3step", {"visual_encoder": False}, r"has no text encoder; leave the visual encoder on"),
        ("3step", {"colour_fix": "histogram"}, r"choose from: wavelet, adain, none"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(
    variant: str, settings: Mapping[str, Value], complaint: str
) -> None:
    """Before anything is loaded."""
    with pytest.raises(RestobenchError, match=complaint):
        tiny(variant, **settings)


def test_another_scale_is_refused() -> None:
    """The data set's scale decides the size of the result."""
    settings = choose_method("interlcm").settings

    with pytest.raises(RestobenchError, match="'interlcm@3step' works at x1, and x2 is asked for"):
        InterLCM(Setup(torch.device("cpu"), torch.float32, variant="3step", scale=2, settings=settings))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_of_u_net_and_spatial_encoder(dtype: torch.dtype) -> None:
    """What makes pixels stays in float32, and so do the steps between the calls."""
    lq, half = image("a", (1, 3, *SIZE)), tiny(dtype=dtype)
    pipeline = half.pipeline
    assert isinstance(pipeline.conditioner, VisualModule)

    restored = half.restore(lq, noise())

    assert pipeline.spatial_encoder is not None
    assert pipeline.unet.dtype == pipeline.spatial_encoder.dtype == dtype
    assert {tensor.dtype for tensor in pipeline.vae.parameters()} == {torch.float32}
    assert {tensor.dtype for tensor in pipeline.conditioner.parameters()} == {torch.float32}
    assert restored.dtype == torch.float32
    assert 0 < (restored - tiny().restore(lq, noise())).abs().mean() < 0.02


def test_what_a_data_set_has_in_a_hole_is_not_seen() -> None:
    """It may be the clean picture; a method that sees it fills nothing."""
    method, lq, mask = tiny("inpainting"), image("a", (1, 3, *SIZE)), hole(*SIZE)

    restored = method.restore(lq, noise(), mask)

    assert torch.equal(restored, method.restore(lq * (1 - mask) + 0.3 * mask, noise(), mask))
    assert (painted_white(lq, mask)[mask.expand_as(lq) == 1] == 1).all()
    with pytest.raises(RestobenchError, match="fills holes, and these pictures have no masks"):
        method.restore(lq, noise())


def test_of_a_coloured_face_the_one_that_colours_sees_the_grey() -> None:
    """A data set may give it either; the grey is what OpenCV would have saved."""
    lq = (255 * image("a", (1, 3, *SIZE))).round() / 255
    saved = cv2.cvtColor(to_eight_bit(lq[0]), cv2.COLOR_RGB2GRAY)

    made = to_eight_bit(grey(lq)[0])

    assert np.abs(made.astype(int) - saved[..., None]).max() <= 1
    method = tiny("colorization")
    assert torch.equal(method.restore(lq, noise()), method.restore(grey(lq), noise()))


def test_the_picture_of_every_step_can_be_kept(tmp_path: Path) -> None:
    """The paper's figure of intermediate states: the first is the face itself, through the autoencoder."""
    method, lq = tiny(save_steps=str(tmp_path / "steps"), colour_fix="none"), image("a", (2, 3, *SIZE))

    restored = method.restore(lq, Noise.of_seed(0, ["a", "b/c"]))

    kept = sorted(path.relative_to(tmp_path / "steps").as_posix() for path in tmp_path.rglob("*.png"))
    assert kept == [f"{sample_id}-step{number}.png" for sample_id in ("a", "b/c") for number in (1, 2, 3, 4)]
    first, last = (read_array(tmp_path / "steps" / f"b/c-step{number}.png") for number in (1, 4))
    with torch.inference_mode():
        itself = method.pipeline.decode(method.pipeline.encode(2 * lq - 1)) / 2 + 0.5
    assert np.array_equal(first, to_eight_bit(itself[1]))
    assert np.array_equal(last, to_eight_bit(restored[1]))


def test_steps_are_named_by_their_number_wherever_the_walk_begins(tmp_path: Path) -> None:
    """Of a walk that begins at the fourth step only the third, the face itself, and the fourth are there."""
    tiny(save_steps=str(tmp_path), start_step=4).restore(image("a", (1, 3, *SIZE)), Noise.of_seed(0, ["a"]))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-step3.png", "a-step4.png"]


def test_attention_in_slices_makes_the_same_picture() -> None:
    """Up to rounding."""
    lq, sliced = image("a", (1, 3, *SIZE)), tiny(attention_slicing=True)

    restored = sliced.restore(lq, noise())

    processors = sliced.pipeline.unet.attn_processors.values()
    assert all(isinstance(processor, SlicedAttnProcessor) for processor in processors)
    torch.testing.assert_close(restored, tiny().restore(lq, noise()), rtol=0, atol=1e-4)


def test_tiles_of_the_autoencoder_are_smaller_than_a_face() -> None:
    """The library's own are as large as one, and would save nothing."""
    vae, whole = tiny(vae_tiling=True).pipeline.vae, tiny().pipeline.vae
    picture = image("a", (1, 3, 264, 272))

    with torch.inference_mode():
        latent = vae.encode(picture).latent_dist.mean
        decoded = vae.decode(latent).sample
        apart = latent - whole.encode(picture).latent_dist.mean

    assert (vae.use_tiling, vae.use_slicing) == (True, True)
    assert latent.shape == (1, 4, 33, 34)
    assert decoded.shape == picture.shape
    assert apart.abs().max() > 1e-3


def test_networks_that_wait_elsewhere_make_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is moved to the device before it works and back afterwards; here both are the CPU."""
    method, lq = tiny(), image("a", (1, 3, *SIZE))
    moves: list[tuple[str, str]] = []
    for name in ("unet", "vae", "conditioner", "spatial_encoder"):
        network = getattr(method.pipeline, name)
        move = type(network).to

        def recorded(self: Any, device: Any, *, move: Any = move, name: str = name) -> Any:
            moves.append((name, str(device)))
            return move(self, device)

        monkeypatch.setattr(network, "to", recorded.__get__(network))
    waiting = replace(method.pipeline, offload_from=torch.device("cpu", 0))
    usual = method.pipeline.restore(2 * lq - 1, noise())

    restored = waiting.restore(2 * lq - 1, noise())

    assert torch.equal(restored, usual)
    order = ["vae", "conditioner", ("unet", "spatial_encoder"), "vae"]
    expected = []
    for entry in order:
        names = [entry] if isinstance(entry, str) else list(entry)
        expected += [(name, "cpu:0") for name in names] + [(name, "cpu") for name in names]
    assert moves == expected


@pytest.mark.parametrize("variant", TRAINED_STEPS)
def test_the_card_says_what_the_code_does(variant: str) -> None:
    """Steps, colours, masks, and where each file comes from."""
    choice = choose_method(f"interlcm@{variant}")

    plain = variant in ("colorization", "inpainting")
    assert choice.settings["steps"] == TRAINED_STEPS[variant]
    assert choice.settings["colour_fix"] == ("none" if plain else "wavelet")
    assert choice.card.needs_mask == (variant == "inpainting")
    assert choice.missing_parts() == ["lcm", "clip", "visual_encoder", "spatial_encoder"]
    ending = f"{variant}_1step" if plain else variant
    for part in ("visual_encoder", "spatial_encoder"):
        assert choice.parts[part].file == f"{part}_{ending}.pth"
        assert str(choice.parts[part].url).endswith(f"/v0.1.0/{part}_{ending}.pth")
    assert set(choice.card.variants) == set(TRAINED_STEPS)


def test_without_weights_one_sentence_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it, as the terminal shows it; nothing is asked of the network."""
    monkeypatch.setenv("COLUMNS", "2000")

    ran = here("run", "--method", "interlcm", "--dataset", "demo-face")

    assert is_a_sentence(
        ran,
        "'interlcm' needs weights that were not given: lcm, clip, visual_encoder, spatial_encoder. Fetch "
        "SimianLuo/LCM_Dreamshaper_v7 of the hub; openai/clip-vit-base-patch16 of the hub; "
        "visual_encoder_3step.pth, size unknown; spatial_encoder_3step.pth, size unknown with "
        "'restobench weights fetch interlcm@3step', or name the files: --weights lcm=FOLDER --weights clip=FOLDER "
        "--weights visual_encoder=FILE --weights spatial_encoder=FILE.",
    )


def test_without_weights_from_python_too() -> None:
    """Where the class is built by hand."""
    settings = choose_method("interlcm").settings

    with pytest.raises(RestobenchError, match="'interlcm@3step' needs the weights of its part visual_encoder"):
        InterLCM(Setup(torch.device("cpu"), torch.float32, variant="3step", settings=settings))


@pytest.mark.parametrize("variant", ["3step", pytest.param("inpainting", marks=pytest.mark.slow)])
def test_the_method_conforms(variant: str) -> None:
    """On the card's test configuration."""
    report = check_method(f"interlcm@{variant}")

    assert report.conforms, [finding.fault for finding in report.faults]
    assert report.stochastic


@pytest.mark.parametrize("visual", [True, False])
def test_from_files_to_a_picture(tmp_path: Path, interlcm_files: Mapping[str, Path], visual: bool) -> None:
    """Folders and files by hand, through the command line, with the visual encoder and with a text."""
    face = tmp_path / "faces" / "a.png"
    face.parent.mkdir()
    cv2.imwrite(str(face), (255 * image("a", (1, 3, 512, 512))[0].permute(1, 2, 0).numpy()).round())
    told = [f"--weights={part}={path}" for part, path in interlcm_files.items()]
    text = [] if visual else ["--set", "visual_encoder=false", "--set", "text=a face image"]

    ran = here("restore", face, "-m", "interlcm@1step", "-o", tmp_path / "out", "--device", "cpu", *told, *text)

    assert ran.code == 0, ran.err
    assert read_array(tmp_path / "out" / "a.png").shape == (512, 512, 3)
    assert re.search(r"restored 1 of 1", ran.err)

"""Latent diffusion super-resolution: the library's own results, from noise that is handed in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LDMSuperResolutionPipeline
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restobench.card import Value
from restobench.errors import RestobenchError
from restobench.method import Setup, choose_method
from restobench.noise import Noise
from restobench_methods.ldm_sr.method import LdmSr, networks, present_names
from tests.filling import fill, image

pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(variant: str = "100", *, dtype: torch.dtype = torch.float32, **settings: Value) -> LdmSr:
    """The networks in small, their weights filled by name."""
    chosen = choose_method(f"ldm-sr@{variant}", settings=settings, test=True)
    method = LdmSr(Setup(torch.device("cpu"), dtype, variant=variant, settings=chosen.settings, test=True))
    fill(method.pipeline.unet)
    fill(method.pipeline.vqvae)
    return method


def noise(count: int = 1) -> Noise:
    return Noise.of_seed(0, [str(number) for number in range(count)])


class Injected:
    """A source that serves the tensors of a stream for the whole batch, as PyTorch's generator would draw them."""

    def __init__(self, count: int, seed: int = 7) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._drawn: list[Tensor] = []
        self.noise = Noise([str(place) for place in range(count)], self)

    def __call__(self, sample_id: str, part: str, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        if number == len(self._drawn):
            self._drawn.append(torch.randn(len(self.noise.ids), *shape, generator=self._generator))
        return self._drawn[number][int(sample_id)].numpy()


def library(method: LdmSr) -> LDMSuperResolutionPipeline:
    """The library's pipeline around the very same networks and scheduler."""
    parts = method.pipeline
    pipeline = LDMSuperResolutionPipeline(vqvae=parts.vqvae, unet=parts.unet, scheduler=parts.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_with_the_same_noise_it_is_the_library_s_pipeline_to_the_last_bit(eta: float, count: int) -> None:
    """The library can only be seeded: it draws the first latent, then the noise of every step, for all pictures."""
    method = tiny(steps=4, eta=eta)
    lq = image("a", (count, 3, 32, 64))
    torch.manual_seed(7)

    expected = library(method)(image=2 * lq - 1, num_inference_steps=4, eta=eta, output_type="pt").images
    restored = method.restore(lq, Injected(count).noise)

    assert torch.equal(restored, expected)


def test_from_a_picture_file_it_is_the_library_s_result_too() -> None:
    """Which takes 8-bit pictures in multiples of 32, and gives back 8 bits."""
    method = tiny(steps=3)
    lq = (image("a", (1, 3, 32, 32)) * 255).round() / 255
    pixels = Image.fromarray((lq[0] * 255).round().permute(1, 2, 0).byte().numpy())
    torch.manual_seed(7)

    expected = np.asarray(library(method)(image=pixels, num_inference_steps=3, eta=1.0).images[0])
    restored = method.restore(lq, Injected(1).noise)

    assert np.array_equal((restored[0] * 255).round().permute(1, 2, 0).byte().numpy(), expected)


@pytest.mark.parametrize("size", [(16, 16), (1, 5), (37, 53), (64, 48)])
def test_the_result_is_four_times_as_large_at_any_size(size: tuple[int, int]) -> None:
    """The library would resample a picture of 37 x 53 to 32 x 32 first."""
    restored = tiny().restore(image("a", (2, 3, *size)), noise(2))

    assert restored.shape == (2, 3, 4 * size[0], 4 * size[1])
    assert restored.dtype == torch.float32
    assert restored.min() >= 0
    assert restored.max() <= 1


def test_padding_is_the_mirrored_picture_and_is_cut_away() -> None:
    """A picture that is padded by hand beforehand gives the same pixels, and more of them."""
    method = tiny()
    lq = image("a", (1, 3, 21, 30))
    mirrored = torch.from_numpy(np.pad(lq.numpy(), [(0, 0), (0, 0), (0, 3), (0, 2)], mode="reflect"))

    assert torch.equal(method.restore(lq, noise()), method.restore(mirrored, noise())[..., : 4 * 21, : 4 * 30])


def test_a_picture_is_the_same_alone_and_in_a_batch() -> None:
    """Its noise is its own; what is left are the last bits of other kernels."""
    method = tiny()
    lq = image("a", (3, 3, 20, 27))

    together = method.restore(lq, noise(3))
    alone = method.restore(lq[2:], Noise.of_seed(0, ["2"]))

    torch.testing.assert_close(together[2:], alone, rtol=0, atol=2e-3)


@pytest.mark.parametrize(("eta", "draws"), [(0.0, 1), (1.0, 4)])
def test_what_is_drawn_is_the_first_latent_and_each_step_s_noise(eta: float, draws: int) -> None:
    """Without eta the steps add none. The noise has the padded picture's size, which is the latent's."""
    asked = []

    def source(sample_id: str, part: str, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        asked.append((number, shape))
        return np.zeros(shape, np.float32)

    tiny(steps=3, eta=eta).restore(image("a", (1, 3, 21, 30)), Noise(["a"], source))

    assert asked == [(number, (3, 24, 32)) for number in range(draws)]


def test_every_tile_draws_its_own_noise_however_many_go_through_together() -> None:
    """Two tiles with the same content would else repeat each other."""
    half = image("a", (1, 3, 16, 16))
    lq = torch.cat([half, half], dim=3)

    restored = tiny(tile=16, overlap=0).restore(lq, noise())
    together = tiny(tile=16, overlap=0, tiles_at_once=2).restore(lq, noise())

    left, right = restored.chunk(2, dim=3)
    assert (left - right).abs().mean() > 0.01
    torch.testing.assert_close(together, restored, rtol=0, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_and_comes_back_as_float32(dtype: torch.dtype) -> None:
    """A code that is swapped for its neighbour moves a pixel far: what is compared is the mean, with another seed's."""
    lq = image("a", (1, 3, 16, 24))
    exact = tiny().restore(lq, noise())

    restored = tiny(dtype=dtype).restore(lq, noise())
    another = tiny().restore(lq, Noise.of_seed(1, ["0"]))

    assert restored.dtype == torch.float32
    assert 0 < (restored - exact).abs().mean() < 0.3 * (another - exact).abs().mean()


@pytest.mark.parametrize(("variant", "steps", "first"), [("100", 100, 991), ("30", 30, 958), ("15", 15, 925)])
def test_a_variant_is_a_number_of_steps(variant: str, steps: int, first: int) -> None:
    """As the library spaces them; the card says where they begin."""
    choice = choose_method(f"ldm-sr@{variant}")
    timesteps = tiny(variant, steps=steps).pipeline.scheduler.timesteps

    assert choice.settings["steps"] == steps
    assert choice.settings["eta"] == 1.0
    assert (len(timesteps), int(timesteps[0]), int(timesteps[-1])) == (steps, first, 1)
    assert choice.missing_parts() == ["unet", "vqvae"]


def test_as_many_steps_as_the_card_allows_stay_within_those_that_were_trained() -> None:
    """The library counts from 1, and would ask for step 1000 of 0 to 999 if it were to take a thousand."""
    timesteps = tiny(steps=999).pipeline.scheduler.timesteps

    assert int(timesteps.max()) == 999
    with pytest.raises(RestobenchError, match="Setting 'steps' is 1000; it must be at least 2 and at most 999"):
        choose_method("ldm-sr", settings={"steps": 1000})


def test_without_weights_one_sentence_says_what_to_fetch() -> None:
    """Nothing is restored with a network that was never trained."""
    with pytest.raises(RestobenchError) as caught:
        choose_method("ldm-sr@15").build()

    assert str(caught.value) == (
        "'ldm-sr' needs weights that were not given: unet, vqvae. "
        "Fetch unet/diffusion_pytorch_model.bin, size unknown; vqvae/diffusion_pytorch_model.bin, size unknown with "
        "'restobench weights fetch ldm-sr@15', or name the files: --weights unet=FILE --weights vqvae=FILE."
    )
    settings = choose_method("ldm-sr").settings
    with pytest.raises(RestobenchError, match="'ldm-sr' needs the weights of its unet: --weights unet=FILE"):
        LdmSr(Setup(torch.device("cpu"), torch.float32, variant="100", settings=settings))


def test_another_scale_is_refused() -> None:
    """The decoder enlarges four times, whatever the data set asks for."""
    with pytest.raises(RestobenchError, match="'ldm-sr' works at x4, and x2 is asked for"):
        choose_method("ldm-sr", test=True).build(scale=2)


def old_name(name: str) -> str:
    """What the library called a tensor in November 2022, when the files were written."""
    for present, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        name = name.replace(f".{present}.", f".{old}.")
    return name


def written(folder: Path, states: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """State dicts as files, by part."""
    files = {part: folder / f"{part}.bin" for part in states}
    for part, state in states.items():
        torch.save(dict(state), files[part])
    return files


def test_files_of_the_released_size_load_under_their_old_names(tmp_path: Path) -> None:
    """455 and 221 MB of float32, as the hub says; the attention layers were called otherwise then."""
    with torch.device("meta"):
        full = dict(zip(("unet", "vqvae"), networks(), strict=True))
    shapes = {part: {name: tensor.shape for name, tensor in each.state_dict().items()} for part, each in full.items()}
    megabytes = {part: sum(4 * shape.numel() for shape in each.values()) / 1e6 for part, each in shapes.items()}
    # One stored number a tensor, seen as its whole shape: the file stays small.
    states = {
        part: {old_name(name): torch.zeros(()).expand(shape) for name, shape in each.items()}
        for part, each in shapes.items()
    }

    built = choose_method("ldm-sr", weights=written(tmp_path, states)).build(scale=4)

    assert megabytes["unet"] == pytest.approx(454.5, abs=0.1)
    assert megabytes["vqvae"] == pytest.approx(221.3, abs=0.1)
    assert "mid_block.attentions.0.proj_attn.weight" in states["unet"]
    assert built.setup.audit == {
        "unet": {"loaded": 330, "missing": [], "unexpected": []},
        "vqvae": {"loaded": 205, "missing": [], "unexpected": []},
    }


def test_weights_end_up_where_they_belong_under_either_name(tmp_path: Path) -> None:
    """Query, key and value have one shape, so that a strict loader would not notice them swapped."""
    method = tiny()
    states = {"unet": method.pipeline.unet.state_dict(), "vqvae": method.pipeline.vqvae.state_dict()}
    old = {part: {old_name(name): tensor for name, tensor in state.items()} for part, state in states.items()}
    lq = image("a", (1, 3, 16, 16))

    for content in (states, old):
        loaded = choose_method("ldm-sr", weights=written(tmp_path, content), test=True).build().method
        assert torch.equal(loaded.restore(lq, noise()), method.restore(lq, noise()))
    names = ("decoder.mid_block.attentions.0.proj_attn.bias", "down_blocks.0.resnets.0.conv1.weight")
    assert list(present_names(dict.fromkeys(names, torch.zeros(1)))) == [
        "decoder.mid_block.attentions.0.to_out.0.bias",
        "down_blocks.0.resnets.0.conv1.weight",
    ]


def test_another_network_s_file_is_refused(tmp_path: Path) -> None:
    """The two files have one name on the hub, and are easily mistaken for each other."""
    method = tiny()
    swapped = {"unet": method.pipeline.vqvae.state_dict(), "vqvae": method.pipeline.unet.state_dict()}

    with pytest.raises(RestobenchError, match=r"unet\.bin does not fit UNet2DModel"):
        choose_method("ldm-sr", weights=written(tmp_path, swapped), test=True).build()

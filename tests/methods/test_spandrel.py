import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import spandrel  # type: ignore[import-untyped]  # ships no py.typed
import torch
from safetensors.torch import save_file
from spandrel.architectures import (  # type: ignore[import-untyped]  # ships no py.typed
    DITN,
    ESRGAN,
    GFPGAN,
    SPAN,
    AuraSR,
    Compact,
    DRUNet,
    LaMa,
    RestoreFormer,
    SwinIR,
)
from torch import Tensor

from restobench import load_method
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.noise import Noise
from restobench_methods.spandrel.method import DrawnFrom

# The tests build SwinIR's and CodeFormer's classes themselves, which use what newer PyTorch deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.(jit|meshgrid):Warning")

FACE = (512, 512)


def compact(scale: int, **options: int) -> dict[str, Tensor]:
    """Real-ESRGAN's small network; its residual is added to the enlarged picture."""
    return dict(Compact.Compact(num_feat=8, num_conv=1, upscale=scale, **options).state_dict())


def esrgan() -> dict[str, Tensor]:
    """As ESRGAN was published: layers by number."""
    return dict(ESRGAN.ESRGAN(num_filters=16, num_blocks=2, scale=4).state_dict())


def real_esrgan_x2() -> dict[str, Any]:
    """As Real-ESRGAN was published: layers by name, the averaged weights, pixels unshuffled for x2."""
    old = ESRGAN.ESRGAN(in_nc=12, num_filters=16, num_blocks=1, scale=4, shuffle_factor=2).state_dict()
    renamed = {
        r"model\.0\.": "conv_first.",
        r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.": r"body.\1.rdb\2.conv\3.",
        r"model\.1\.sub\.1\.": "conv_body.",
        r"model\.3\.": "conv_up1.",
        r"model\.6\.": "conv_up2.",
        r"model\.8\.": "conv_hr.",
        r"model\.10\.": "conv_last.",
    }

    def rename(name: str) -> str:
        return next(re.sub(pattern, new, name) for pattern, new in renamed.items() if re.match(pattern, name))

    return {"params_ema": {rename(name): value for name, value in old.items()}}


def swinir_x2() -> dict[str, Any]:
    """The light-weight kind, as SwinIR's authors wrap it."""
    network = SwinIR.SwinIR(
        img_size=16, embed_dim=12, depths=[2, 2], num_heads=[2, 2], window_size=8, mlp_ratio=2.0, upscale=2,
        upsampler="pixelshuffledirect",
    )  # fmt: skip
    return {"params": network.state_dict()}


def span_x2() -> dict[str, Tensor]:
    return dict(SPAN.SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2).state_dict())


def aura_sr() -> dict[str, Tensor]:
    """Draws a style and noise for every picture."""
    network = AuraSR.AuraSR(
        dim=8, image_size=None, input_image_size=None, init_dim=8, self_attn_dim_head=8,
        style_network={"dim_in": 16, "dim_out": 64, "depth": 2}, up_dim_mults=(1,) * 5, down_dim_mults=(1,) * 3,
        full_attn=(False,) * 5, attn_depths=(1,) * 5, mid_attn_depth=1, num_conv_kernels=2, skip_connect_scale=0.4,
    )  # fmt: skip
    torch.nn.init.constant_(network.final_to_rgb.bias, 0.5)  # untrained it gives black, and noise does not show
    return dict(network.state_dict())


def drunet() -> dict[str, Tensor]:
    """A denoiser; spandrel gives it a map of noise that is one picture large."""
    return dict(DRUNet.DRUNet(in_nc=4, out_nc=3, nc=[4, 4, 8, 8], nb=2).state_dict())


def restoreformer() -> dict[str, Tensor]:
    network = RestoreFormer.RestoreFormer(
        n_embed=16, embed_dim=32, ch=32, ch_mult=(1, 1, 1, 1), num_res_blocks=1, attn_resolutions=(16,), z_channels=32,
        head_size=8,
    )  # fmt: skip
    return dict(network.state_dict())


CHECKPOINTS: dict[str, tuple[Callable[[], dict[str, Any]], str, str, int]] = {
    "esrgan.pth": (esrgan, "ESRGAN", "SR", 4),
    "real-esrgan-x2.pth": (real_esrgan_x2, "ESRGAN", "SR", 2),
    "compact-x4.pth": (lambda: {"params": compact(4)}, "RealESRGAN Compact", "SR", 4),
    "compact-x1.pth": (lambda: compact(1), "RealESRGAN Compact", "Restoration", 1),
    "swinir-x2.pth": (swinir_x2, "SwinIR", "SR", 2),
    "span-x2.safetensors": (span_x2, "SPAN", "SR", 2),
    "drunet.pth": (drunet, "DRUNet", "Restoration", 1),
}
"""A file's name, what makes it, and what spandrel must find it to be: architecture, purpose, scale."""


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """The same weights each time, and the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def saved(folder: Path, name: str, content: dict[str, Any]) -> Path:
    path = folder / name
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in content.items()}, path)
    else:
        torch.save(content, path)
    return path


def picture(*size: int) -> Tensor:
    return torch.rand(*size, generator=torch.Generator().manual_seed(1))


def noise_for(*ids: str) -> Noise:
    return Noise.of_seed(0, ids)


@pytest.mark.parametrize("size", [(37, 53), (16, 16), (3, 5)])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_gives_what_spandrel_gives(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    """Nothing is to stand between a file and its published pictures, whatever the picture's size."""
    make, _, _, scale = CHECKPOINTS[name]
    path = saved(tmp_path, name, make())
    lq = picture(2, 3, *size)
    direct = spandrel.ModelLoader().load_from_file(path)

    restored = load_method("spandrel", weights={"": path}, scale=scale).restore(lq, noise_for("a", "b"))

    expected = torch.cat([direct(one[None]) for one in lq])
    assert restored.shape == (2, 3, scale * size[0], scale * size[1])
    assert restored.dtype == torch.float32
    assert restored.std() > 0
    assert torch.equal(restored, expected)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_audit_says_what_was_loaded(tmp_path: Path, name: str) -> None:
    """A run's record must name the network, since the method's name does not."""
    make, architecture, purpose, scale = CHECKPOINTS[name]

    built = choose_method("spandrel", weights={"": saved(tmp_path, name, make())}).build()

    audit = built.setup.audit["model"]
    assert (audit["architecture"], audit["purpose"], audit["scale"]) == (architecture, purpose, scale)
    assert audit["loaded"] == audit["in_file"] > 0
    assert audit["missing"] == audit["unexpected"] == []
    assert audit["parameters"] > 0


def test_tensors_that_an_architecture_drops_show_in_the_audit(tmp_path: Path) -> None:
    """spandrel renames ESRGAN's keys and leaves out what it does not know, without a word."""
    path = saved(tmp_path, "net.pth", {**real_esrgan_x2()["params_ema"], "extra.weight": torch.zeros(3)})

    audit = choose_method("spandrel", weights={"": path}).build().setup.audit["model"]

    assert audit["in_file"] == audit["loaded"] + 1


def test_pictures_do_not_depend_on_their_batch(tmp_path: Path) -> None:
    """They go through one by one, to the last bit."""
    method = load_method("spandrel", weights={"": saved(tmp_path, "net.pth", esrgan())})
    lq = picture(3, 3, 21, 13)

    together = method.restore(lq, noise_for("a", "b", "c"))
    alone = torch.cat([method.restore(lq[n : n + 1], noise_for("abc"[n])) for n in range(3)])

    assert torch.equal(together, alone)


def test_what_a_network_draws_comes_from_the_samples_noise(tmp_path: Path) -> None:
    """AuraSR and GFPGAN draw noise for themselves; a picture must not depend on batch, order or call."""
    method = load_method("spandrel", weights={"": saved(tmp_path, "aura.pth", aura_sr())})
    lq = picture(1, 3, 20, 13).repeat(2, 1, 1, 1)

    together = method.restore(lq, noise_for("a", "b"))
    turned = method.restore(lq, noise_for("b", "a"))
    alone = method.restore(lq[:1], noise_for("b"))
    another = method.restore(lq[:1], Noise.of_seed(1, ["b"]))

    assert not torch.equal(together[0], together[1])
    assert torch.equal(together, turned.flip(0))
    assert torch.equal(together[1:], alone)
    assert not torch.equal(alone, another)


def test_every_tile_of_a_random_network_has_noise_of_its_own(tmp_path: Path) -> None:
    """With the same noise in each tile, the same mark would show all over the picture."""
    path = saved(tmp_path, "aura.pth", aura_sr())
    method = load_method("spandrel", weights={"": path}, settings={"tile": 16, "overlap": 0})

    restored = method.restore(torch.full((1, 3, 16, 32), 0.5), noise_for("a"))

    assert not torch.equal(restored[..., :64], restored[..., 64:])


def test_restoring_leaves_pytorchs_own_generator_alone(tmp_path: Path) -> None:
    """Whatever else draws in the same process gets the numbers that it would have got."""
    method = load_method("spandrel", weights={"": saved(tmp_path, "aura.pth", aura_sr())})
    before = torch.random.get_rng_state()

    method.restore(picture(1, 3, 9, 9), noise_for("a"))

    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_networks_draws_are_ours_in_order_with_its_own_mean_and_spread() -> None:
    """PyTorch has three ways to draw normal noise, and a network may use all of them."""
    noise = noise_for("a", "b")

    with DrawnFrom(noise, 1):
        drawn = [
            torch.randn(2, 3),
            torch.randn((1, 4), dtype=torch.float16),
            torch.randn_like(torch.zeros(5)),
            torch.zeros(7).normal_(),
            torch.zeros(7).normal_(3.0, std=0.5),
        ]

    ours = noise_for("a", "b")
    expected = [ours.draw(tensor.shape, dtype=tensor.dtype)[1] for tensor in drawn]
    expected[4] = expected[4] * 0.5 + 3
    assert all(torch.equal(one, other) for one, other in zip(drawn, expected, strict=True))


def test_tiles_change_nothing_but_their_seams(tmp_path: Path) -> None:
    """Three 3 x 3 convolutions see three pixels far: further than that from a tile's edge nothing may differ."""
    path = saved(tmp_path, "net.pth", compact(2))
    lq = picture(1, 3, 37, 53)
    whole = load_method("spandrel", weights={"": path}).restore(lq, noise_for("a"))

    tiled = load_method("spandrel", weights={"": path}, settings={"tile": 24, "overlap": 8}).restore(lq, noise_for("a"))

    differs = ((whole - tiled).abs() > 1e-5).any(dim=1)[0]
    edges_y, edges_x = (13, 24), (16, 24, 29, 40)  # tiles begin at 0, 13 and at 0, 16, 29
    near_y = torch.tensor([any(-3 <= y // 2 - edge < 3 for edge in edges_y) for y in range(74)])
    near_x = torch.tensor([any(-3 <= x // 2 - edge < 3 for edge in edges_x) for x in range(106)])
    assert tiled.shape == whole.shape
    assert differs.any()
    assert not (differs & ~(near_y[:, None] | near_x[None, :])).any()


def test_tiles_of_a_network_without_neighbourhood_do_not_show(tmp_path: Path) -> None:
    """With the kernels' middles alone every pixel is restored for itself."""
    state = compact(2)
    for name in ("body.0.weight", "body.2.weight", "body.4.weight"):
        middle = torch.zeros(3, 3)
        middle[1, 1] = 1
        state[name] = state[name] * middle
    path = saved(tmp_path, "net.pth", state)
    lq = picture(2, 3, 37, 53)

    whole, tiled = (
        load_method("spandrel", weights={"": path}, settings={"tile": tile, "overlap": 5}).restore(lq, noise_for(*"ab"))
        for tile in (0, 16)
    )

    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_kept_inside(tmp_path: Path, dtype: str) -> None:
    """float32 comes and float32 goes; between them the network computes in what was asked for."""
    path = saved(tmp_path, "net.pth", compact(2))
    lq = picture(1, 3, 37, 53)
    full = load_method("spandrel", weights={"": path}).restore(lq, noise_for("a"))

    restored = load_method("spandrel", weights={"": path}, dtype=dtype).restore(lq, noise_for("a"))

    assert restored.dtype == torch.float32
    assert 0 < (restored - full).abs().max() < 0.02


def test_a_network_that_cannot_compute_in_half_precision_says_so(tmp_path: Path) -> None:
    """SwinIR overflows in float16 and then gives black pictures."""
    path = saved(tmp_path, "net.pth", swinir_x2())

    with pytest.raises(RestobenchError, match="SwinIR does not work in float16; use float32 or bfloat16"):
        load_method("spandrel", weights={"": path}, dtype="float16")


def test_another_scale_than_the_data_sets_is_refused(tmp_path: Path) -> None:
    """Resizing in silence would be a method of our own."""
    path = saved(tmp_path, "net.pth", compact(2))

    with pytest.raises(
        RestobenchError,
        match=r"is a RealESRGAN Compact that enlarges 2x, and the data set asks for 4x; use a checkpoint for 4x\.",
    ):
        load_method("spandrel", weights={"": path}, scale=4)


@pytest.mark.parametrize(("given", "returned"), [(1, 1), (4, 4)])
def test_other_channels_than_rgb_are_refused(tmp_path: Path, given: int, returned: int) -> None:
    """A network for luma would need a conversion that its papers do not agree on."""
    path = saved(tmp_path, "net.pth", compact(2, num_in_ch=given, num_out_ch=returned))

    with pytest.raises(RestobenchError, match=f"takes {given} and gives {returned} channels; only networks from RGB"):
        load_method("spandrel", weights={"": path})


def test_an_overlap_as_large_as_the_tile_is_refused_before_the_first_picture(tmp_path: Path) -> None:
    """The default overlap of 32 is too much for small tiles."""
    path = saved(tmp_path, "net.pth", compact(2))

    with pytest.raises(RestobenchError, match="Tiles of 16 pixels cannot overlap by 32"):
        load_method("spandrel", weights={"": path}, settings={"tile": 16})


def test_a_checkpoint_of_no_known_architecture_names_its_keys(tmp_path: Path) -> None:
    """The first keys tell somebody who knows the network what the file is."""
    path = saved(tmp_path, "net.pth", {"enc.weight": torch.zeros(3), "dec.weight": torch.zeros(3)})

    with pytest.raises(
        RestobenchError, match=r"recognises no architecture in .*net\.pth; .* enc\.weight, dec\.weight\."
    ) as e:
        load_method("spandrel", weights={"": path})

    assert ("restobench[spandrel-extra]" in str(e.value)) == (find_spec("spandrel_extra_arches") is None)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, {"optimizer": {0: 1.0}}])
def test_a_file_without_a_network_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    """Trainers save their own state beside the network's."""
    path = saved(tmp_path, "net.pth", content)

    with pytest.raises(RestobenchError, match=r"recognises no architecture|holds no state dict"):
        load_method("spandrel", weights={"": path})


def test_keys_that_do_not_match_are_listed(tmp_path: Path) -> None:
    """A network with a part untrained would restore, and badly."""
    state = compact(2)
    state["body.2.odd"] = state.pop("body.2.weight")
    path = saved(tmp_path, "net.pth", state)

    with pytest.raises(
        RestobenchError,
        match=r'looks like RealESRGAN Compact but does not load as one: Missing .* "body\.2\.weight".*"body\.2\.odd"',
    ):
        load_method("spandrel", weights={"": path})


def test_a_long_list_of_faults_is_cut(tmp_path: Path) -> None:
    """A network of 500 layers would fill the screen."""
    state = compact(2)
    path = saved(tmp_path, "net.pth", state | {f"body.0.odd{n}": torch.zeros(1) for n in range(500)})

    with pytest.raises(RestobenchError) as raised:
        load_method("spandrel", weights={"": path})

    assert len(str(raised.value)) < 500 + len(str(path))


def test_a_damaged_shape_inside_the_library_is_the_users_error(tmp_path: Path) -> None:
    """Sizes are deduced from shapes, and a wrong one fails before the strict load."""
    state = dict(DITN.DITN(dim=8, ITL_blocks=1, SAL_blocks=1, UFONE_blocks=1, upscale=2, patch_size=8).state_dict())
    name = next(name for name in state if name.endswith("weight"))
    path = saved(tmp_path, "net.pth", state | {name: torch.zeros(())})

    with pytest.raises(RestobenchError, match="looks like DITN but does not load as one"):
        load_method("spandrel", weights={"": path})


def test_a_face_restorer_takes_aligned_faces_only(tmp_path: Path) -> None:
    """spandrel would mirror a small picture up to 512 pixels, and the network would see no face."""
    method = load_method("spandrel", weights={"": saved(tmp_path, "face.pth", restoreformer())}, scale=1)

    with pytest.raises(
        RestobenchError, match="RestoreFormer restores aligned faces of 512 x 512 pixels, and this picture has 53 x 37"
    ):
        method.restore(picture(1, 3, 37, 53), noise_for("a"))

    assert method.restore(picture(1, 3, *FACE), noise_for("a")).shape == (1, 3, *FACE)


def test_a_face_is_not_cut_into_tiles(tmp_path: Path) -> None:
    """A tile holds no face."""
    path = saved(tmp_path, "face.pth", restoreformer())

    with pytest.raises(
        RestobenchError, match="RestoreFormer must see the whole picture; leave the setting 'tile' at 0"
    ):
        load_method("spandrel", weights={"": path}, settings={"tile": 256})


def test_the_extra_architectures_join_without_touching_spandrels_own_list(tmp_path: Path) -> None:
    """Whether they are there depends on what is installed, not on what ran before."""
    extra = pytest.importorskip("spandrel_extra_arches.architectures", exc_type=ImportError)
    network = extra.Restormer.Restormer(dim=8, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 1, 1, 1])
    path = saved(tmp_path, "restormer.pth", {"params": network.state_dict()})
    lq = picture(1, 3, 37, 53)

    restored = load_method("spandrel", weights={"": path}, scale=1).restore(lq, noise_for("a"))

    padded = torch.nn.functional.pad(lq, (0, 3, 0, 3), mode="reflect")
    with torch.inference_mode():
        expected = network.eval()(padded)[..., :37, :53].clamp(0, 1)
    assert torch.equal(restored, expected)
    assert "Restormer" not in spandrel.MAIN_REGISTRY


@pytest.mark.slow
def test_inpainting_takes_the_mask(tmp_path: Path) -> None:
    """What is no hole stays as it was; tiles cut the mask along. 51 million parameters, hence slow."""
    path = saved(tmp_path, "lama.pth", LaMa.LaMa(in_nc=4, out_nc=3).state_dict())
    lq = picture(2, 3, 37, 53)
    mask = torch.zeros(2, 1, 37, 53)
    mask[0, :, 5:20, 7:30] = 1
    mask[1, :, 30:, 40:] = 1
    whole = load_method("spandrel", weights={"": path}, scale=1)
    tiled = load_method("spandrel", weights={"": path}, settings={"tile": 24, "overlap": 8})

    with pytest.raises(RestobenchError, match="LaMa fills holes, and the data set has no masks"):
        whole.restore(lq, noise_for("a", "b"))

    for method in (whole, tiled):
        restored = method.restore(lq, noise_for("a", "b"), mask)
        kept = (mask == 0).expand_as(lq)
        torch.testing.assert_close(restored[kept], lq[kept], rtol=0, atol=1e-6)
        assert not torch.equal(restored, lq)


@pytest.mark.slow
def test_gfpgan_runs_on_a_face_and_repeats_itself(tmp_path: Path) -> None:
    """Its decoder adds noise at every scale; the official one takes it from PyTorch's generator."""
    network = GFPGAN.GFPGAN(
        out_size=512, num_style_feat=512, channel_multiplier=2, decoder_load_path=None, fix_decoder=False, num_mlp=8,
        input_is_latent=True, different_w=True, narrow=1, sft_half=True,
    )  # fmt: skip
    state = network.state_dict()
    for name in state:
        if re.fullmatch(r"stylegan_decoder\.style_convs?\d?\.(\d+\.)?weight", name):
            state[name].fill_(0.1)  # how much noise a layer takes; untrained it is none
    method = load_method("spandrel", weights={"": saved(tmp_path, "gfpgan.pth", {"params_ema": state})}, scale=1)
    lq = picture(1, 3, *FACE)

    first, again = (method.restore(lq, noise_for("a")) for _ in range(2))
    other = method.restore(lq, noise_for("b"))

    assert first.shape == (1, 3, *FACE)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from restobench_methods.restormer.configurations import CONFIGURATIONS, shrunk
from restobench_methods.restormer.network import BiasFreeNorm, ChannelAttention, Norm, Restormer
from restobench_methods.ufrgan.configuration import GENERATORS
from tests.filling import fill, noise

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "ufrgan_keys.json").read_text(encoding="utf-8")
)


def official_keys(variant: str) -> dict[str, list[int]]:
    """Names and shapes of a variant's released checkpoint."""
    keys: dict[str, list[int]] = dict(KEYS["restormer"])
    if variant == "real_denoising" or variant.startswith("gaussian"):
        keys = {name: shape for name, shape in keys.items() if name not in KEYS["restormer_bias_free_lacks"]}
    if variant.startswith("gaussian_gray"):
        keys |= KEYS["restormer_grey_changes"]
    if variant.startswith("dual_pixel"):
        keys |= KEYS["restormer_dual_pixel_changes"]
    return keys


def on_no_device(**arguments: Any) -> Restormer:
    """The network without its numbers."""
    with torch.device("meta"):
        return Restormer(**arguments)


def names_and_shapes(network: torch.nn.Module) -> dict[str, list[int]]:
    assert all(tensor.dtype == torch.float32 for tensor in network.state_dict().values())
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("variant", CONFIGURATIONS)
def test_names_and_shapes_are_the_official_ones(variant: str) -> None:
    """So the released checkpoints load, every key of them."""
    assert names_and_shapes(on_no_device(**CONFIGURATIONS[variant])) == official_keys(variant)


@pytest.mark.parametrize("variant", ["base", "lite"])
def test_the_generators_of_ufrgan_are_such_networks(variant: str) -> None:
    """Of a configuration that no released checkpoint has."""
    assert names_and_shapes(on_no_device(**GENERATORS[variant].model_dump())) == KEYS[f"ufrgan_{variant}"]


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        (CONFIGURATIONS["deraining"], 26_126_644),
        (CONFIGURATIONS["dual_pixel_defocus_deblurring"], 26_132_548),
        (CONFIGURATIONS["real_denoising"], 26_111_668),
        (CONFIGURATIONS["gaussian_gray_denoising_blind"], 26_109_076),
        (GENERATORS["base"].model_dump(), 19_938_836),
        (GENERATORS["lite"].model_dump(), 6_714_262),
        (GENERATORS["tiny"].model_dump(), 1_114_883),
    ],
)
def test_the_size_is_the_known_one(arguments: dict[str, Any], parameters: int) -> None:
    """26.1 million in the paper."""
    assert sum(parameter.numel() for parameter in on_no_device(**arguments).parameters()) == parameters


def spelled_out(attention: ChannelAttention, x: Tensor) -> Tensor:
    """softmax(Q K^T temperature) V with every map in memory."""
    batch, dim, height, width = x.shape
    query, key, value = (
        part.reshape(batch, attention.num_heads, -1, height * width)
        for part in attention.qkv_dwconv(attention.qkv(x)).chunk(3, dim=1)
    )
    similarity = torch.nn.functional.normalize(query, dim=-1) @ torch.nn.functional.normalize(key, dim=-1).mT
    mixed = (similarity * attention.temperature).softmax(dim=-1) @ value
    out: Tensor = attention.project_out(mixed.reshape(batch, dim, height, width))
    return out


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_attention_equals_the_sum_written_out(layout: torch.memory_format) -> None:
    """Also with a temperature below 0, and at a number of positions that no kernel likes."""
    attention = fill(ChannelAttention(24, 3, bias=True)).eval()
    attention.temperature.data = torch.tensor([-2.0, 0.5, 9.0])[:, None, None]
    x = noise("x", (2, 24, 7, 9)).contiguous(memory_format=layout)

    torch.testing.assert_close(attention(x), spelled_out(attention, x), rtol=1e-5, atol=1e-6)


def test_a_map_of_zeros_has_an_attention() -> None:
    """A black picture has no length to divide by."""
    attention = fill(ChannelAttention(16, 2, bias=False))
    x = torch.zeros(1, 16, 5, 6, requires_grad=True)

    attention(x).square().sum().backward()

    assert torch.equal(attention(x), torch.zeros_like(x))
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_only_one_of_the_norms_takes_the_mean_away() -> None:
    """A constant added to all channels passes through the norm without bias."""
    x = noise("x", (2, 24, 5, 7))

    assert torch.allclose(Norm(24)(x + 3), Norm(24)(x), atol=1e-5)
    torch.testing.assert_close(
        BiasFreeNorm(24)(x + 3) - BiasFreeNorm(24)(x),
        3 / x.std(dim=1, correction=0)[:, None].expand_as(x),
        rtol=1e-3,
        atol=1e-3,
    )


@pytest.mark.parametrize("variant", ["deraining", "dual_pixel_defocus_deblurring", "gaussian_gray_denoising_blind"])
def test_gradients_reach_every_parameter(variant: str) -> None:
    """Training uses the same network."""
    network = fill(Restormer(**shrunk(CONFIGURATIONS[variant])))

    network(noise("x", (1, network.patch_embed.proj.in_channels, 16, 24))).square().mean().backward()

    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.any()] == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("norm", ["WithBias", "BiasFree"])
def test_autocast_changes_the_result_by_rounding_alone(dtype: torch.dtype, norm: Any) -> None:
    """Lengths over all positions are summed in float32, for their squares overflow half precision."""
    network = Restormer(dim=8, num_blocks=(1, 1, 1, 1), num_refinement_blocks=1, LayerNorm_type=norm).eval()
    x = 40 * noise("x", (1, 3, 64, 64))

    with torch.no_grad():
        full = network(x)
        with torch.autocast("cpu", dtype=dtype):
            half = network(x)

    assert half.dtype == torch.float32
    assert (half - full).abs().max() < 0.02 * full.abs().max()

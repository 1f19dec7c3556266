import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from restobench_methods.resshift.autoencoder import Attention, Quantiser, VQAutoencoder
from restobench_methods.resshift.configurations import CONFIGURATIONS, shrunk
from restobench_methods.resshift.layers import ResidualBlock
from restobench_methods.resshift.network import UNet
from restobench_methods.resshift.swin import SwinBlock, bottom_row_mask, relative_position_index, shifted_window_mask
from tests.filling import fill, noise

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS: dict[str, dict[str, list[int]]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "resshift_keys.json").read_text(encoding="utf-8")
)
UNETS = {
    "faceir": KEYS["unet"] | KEYS["unet_faceir_changes"],
    "inpaint-imagenet": KEYS["unet"] | KEYS["unet_inpaint_changes"],
    "inpaint-face": KEYS["unet"] | KEYS["unet_inpaint_changes"],
}


def official_keys(variant: str) -> dict[str, dict[str, list[int]]]:
    """Names and shapes of the released checkpoints of a variant, by part."""
    f8 = variant == "faceir"
    return {"unet": UNETS.get(variant, KEYS["unet"]), "autoencoder": KEYS["autoencoder_f8" if f8 else "autoencoder_f4"]}


def on_no_device(kind: type[nn.Module], arguments: Any) -> nn.Module:
    """The module without its numbers."""
    with torch.device("meta"):
        return kind(**arguments)


@pytest.mark.parametrize("variant", [name for name, told in CONFIGURATIONS.items() if told.autoencoder])
def test_names_shapes_and_types_are_the_official_ones(variant: str) -> None:
    """So the released checkpoints load, every key of them."""
    configuration, official = CONFIGURATIONS[variant], official_keys(variant)

    unet = on_no_device(UNet, configuration.unet).state_dict()
    autoencoder = on_no_device(VQAutoencoder, configuration.autoencoder).state_dict()

    for ours, keys in ((unet, official["unet"]), (autoencoder, official["autoencoder"])):
        assert {name: list(tensor.shape) for name, tensor in ours.items()} == keys
        whole = {name for name, tensor in ours.items() if tensor.dtype == torch.int64}
        assert whole == {name for name in keys if name.endswith("relative_position_index")}


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({}, 118_593_583),
        ({"lq_size": 128}, 118_640_431),
        (CONFIGURATIONS["faceir"].unet, 118_931_604),
        (CONFIGURATIONS["inpaint-face"].unet, 118_714_399),
    ],
)
def test_the_size_is_the_papers(arguments: dict[str, Any], parameters: int) -> None:
    """118.59 million for super-resolution (table 2 of the paper), the autoencoder not counted."""
    network = on_no_device(UNet, arguments)

    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_mask_divides_the_bottom_row_of_windows_by_columns() -> None:
    """The released weights were trained with this, and not with Swin's mask."""
    mask = shifted_window_mask(16, 24, 8, 4)

    assert mask.shape == (6, 64, 64)
    assert not mask[:3].any()
    for window in mask[3:]:
        assert torch.equal(window, bottom_row_mask(8, 4))
    columns = torch.arange(64) % 8
    assert torch.equal(mask[5] == 0, (columns[:, None] < 4) == (columns[None, :] < 4))


def test_the_stored_mask_is_not_looked_at() -> None:
    """Averaged checkpoints hold one that has drifted."""
    block = fill(SwinBlock(32, (16, 16), 2, shift=4)).eval()
    x = noise("x", (1, 32, 16, 24))
    before = block(x)

    block.get_buffer("attn_mask").fill_(17)

    assert torch.equal(block(x), before)


def test_attention_equals_the_sum_written_out() -> None:
    """softmax(Q K^T / sqrt(d) + bias + mask) V, window after window, on a map of 2 x 3 windows and a batch of 2."""
    block = fill(SwinBlock(32, (16, 16), 2, shift=4)).eval()
    x = noise("x", (2, 32, 16, 24))
    attention, masks = block.attn, shifted_window_mask(16, 24, 8, 4)

    rolled = block.norm1(x).roll((-4, -4), dims=(2, 3))
    mixed = torch.empty_like(rolled)
    for sample in range(2):
        for number, mask in enumerate(masks):
            row, column = 8 * (number // 3), 8 * (number % 3)
            tokens = rolled[sample, :, row : row + 8, column : column + 8].reshape(32, 64).T
            query, key, value = attention.qkv(tokens).view(64, 3, 2, 16).permute(1, 2, 0, 3)
            bias = attention.relative_position_bias_table[relative_position_index(8)].permute(2, 0, 1)
            shares = (query @ key.mT / 4 + bias + mask).softmax(dim=-1)
            out = attention.proj((shares @ value).transpose(0, 1).reshape(64, 32))
            mixed[sample, :, row : row + 8, column : column + 8] = out.T.view(32, 8, 8)
    x1 = x + mixed.roll((4, 4), dims=(2, 3))
    expected = x1 + block.mlp(block.norm2(x1))

    torch.testing.assert_close(block(x), expected, rtol=1e-5, atol=1e-5)


def test_a_map_that_no_window_fits_is_refused() -> None:
    """The U-Net pads nothing by itself."""
    block = SwinBlock(32, (16, 16), 2)

    with pytest.raises(ValueError, match="A map of 16 x 20 cannot be cut into windows of 8 x 8"):
        block(torch.zeros(1, 32, 16, 20))


def test_a_new_residual_block_changes_nothing() -> None:
    """Its last convolution starts at zero, as training needs it."""
    block = ResidualBlock(32, 32, 64, scale_shift=True, dropout=0.0)
    x = noise("x", (1, 32, 5, 7))

    assert torch.equal(block(x, noise("e", (1, 64))), x)


def test_every_option_of_the_network_builds_one_that_runs() -> None:
    """Added steps, normalised projections, one number of blocks for all levels, heads counted."""
    network = UNet(
        image_size=16, model_channels=32, num_res_blocks=1, attention_resolutions=[8], channel_mult=[1, 1],
        num_heads=4, num_head_channels=-1, use_scale_shift_norm=False, swin_depth=3, swin_embed_dim=64,
        window_size=4, mlp_ratio=1.5, patch_norm=True, dropout=0.1, lq_size=16,
    ).eval()  # fmt: skip

    out = network(noise("x", (2, 3, 16, 24)), torch.tensor([0, 3]), noise("lq", (2, 3, 16, 24)))

    assert out.shape == (2, 3, 16, 24)


def test_gradients_reach_every_parameter() -> None:
    """Training uses the same network; the encoder gets its gradients through the quantiser."""
    configuration = shrunk(CONFIGURATIONS["inpaint-face"])
    network, autoencoder = fill(UNet(**configuration.unet)), fill(VQAutoencoder(**configuration.autoencoder))
    lq, mask = noise("lq", (1, 3, 64, 64)), noise("m", (1, 1, 64, 64))

    latent = network(autoencoder.encode(lq), torch.tensor([2]), lq, mask)
    autoencoder.decode(latent).square().mean().backward()  # type: ignore[no-untyped-call]  # torch's

    still = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    still += [name for name, parameter in autoencoder.named_parameters() if parameter.grad is None]
    assert still == ["quantize.embedding.weight"]


def test_of_two_codes_as_near_the_lower_is_taken() -> None:
    """As the released program does."""
    quantiser = Quantiser(4, 2)
    quantiser.embedding.weight.data = torch.tensor([[5.0, 5.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])

    codes = quantiser.codes(torch.tensor([[0.0, 0.0], [0.9, 0.1], [-2.0, 0.0]]).T.view(1, 2, 1, 3))

    assert codes.tolist() == [1, 1, 2]


def test_codes_do_not_depend_on_how_many_are_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distances of a large latent do not fit in memory, so they are made in parts."""
    quantiser = fill(Quantiser(64, 3))
    z = noise("z", (2, 3, 13, 7))
    whole = quantiser.codes(z)

    monkeypatch.setattr("restobench_methods.resshift.autoencoder._DISTANCES", 64 * 5)

    assert torch.equal(quantiser.codes(z), whole)


def test_the_autoencoders_attention_equals_the_sum_written_out() -> None:
    """A single head over all positions, scores divided by the root of the channels."""
    attention = fill(Attention(64)).eval()
    x = noise("x", (2, 64, 5, 7))

    normed = attention.norm(x)
    query, key, value = (part(normed).flatten(2) for part in (attention.q, attention.k, attention.v))
    shares = (query.mT @ key / 8).softmax(dim=-1)
    expected = x + attention.proj_out((value @ shares.mT).view(x.shape))

    torch.testing.assert_close(attention(x), expected, rtol=1e-5, atol=1e-5)


def test_attention_never_holds_all_scores_at_once() -> None:
    """PyTorch falls back to doing so, silently, where it dislikes how a tensor lies in memory."""
    attention, block = Attention(64), SwinBlock(32, (16, 16), 2, shift=4)

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), torch.no_grad():  # or an error
        for layout in (torch.contiguous_format, torch.channels_last):
            attention(noise("x", (2, 64, 6, 8)).contiguous(memory_format=layout))
            block(noise("x", (2, 32, 16, 24)).contiguous(memory_format=layout))


def test_an_odd_side_is_rounded_down() -> None:
    """63 pixels become 15, and 60 again."""
    autoencoder = VQAutoencoder(**shrunk(CONFIGURATIONS["v1"]).autoencoder).eval()

    latent = autoencoder.encode(noise("x", (1, 3, 63, 37)))

    assert latent.shape == (1, 3, 15, 9)
    assert autoencoder.decode(latent).shape == (1, 3, 60, 36)

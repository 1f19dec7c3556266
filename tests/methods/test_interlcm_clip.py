import pytest
import torch
import torchvision.transforms.v2.functional as torchvision_functional
from torchvision.transforms import InterpolationMode
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from restobench_methods.interlcm import clip
from tests.filling import fill, image, noise

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = CLIPVisionConfig(
    hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
)


@pytest.mark.parametrize("size", [(512, 512), (300, 517), (517, 300), (37, 53), (224, 225)])
def test_pictures_are_made_smaller_as_torchvision_did_before_it_filtered(size: tuple[int, int]) -> None:
    """The weights were trained with torchvision 0.14, which did not filter when it resized tensors."""
    lq = 2 * image("lq", (2, 3, *size)) - 1

    resized = torchvision_functional.resize((lq + 1) / 2, [224], InterpolationMode.BICUBIC, antialias=False)
    cropped = torchvision_functional.center_crop(resized, [224, 224])
    expected = torchvision_functional.normalize(cropped, list(clip.MEAN), list(clip.STD))

    torch.testing.assert_close(clip.preprocess(lq), expected, rtol=0, atol=1e-6)


def test_filtering_would_show_the_network_another_picture() -> None:
    """So that nobody hands the work to today's default; of noise it leaves less than half."""
    lq = noise("lq", (1, 3, 512, 512))

    filtered = torchvision_functional.resize((lq + 1) / 2, [224], InterpolationMode.BICUBIC, antialias=True)

    assert filtered.std() < 0.6 * clip.resize((lq + 1) / 2, 224).std()


@torch.no_grad()
def test_every_token_goes_through_the_last_norm() -> None:
    """transformers sends the class token alone through it, and calls that the pooled output."""
    tower, pixels = fill(clip.image_tower(TINY)), noise("pixels", (2, 3, 32, 32))

    tokens = clip.tokens(tower, pixels)

    assert tokens.shape == (2, 17, 64)
    torch.testing.assert_close(tokens[:, 0], tower(pixels).pooler_output)
    plain = torch.nn.functional.layer_norm(tower(pixels).last_hidden_state, (64,))
    norm = tower.post_layernorm
    torch.testing.assert_close(tokens, plain * norm.weight + norm.bias)


def test_a_checkpoint_of_the_whole_of_clip_has_the_tower_in_it() -> None:
    """As on the hub: both towers, the projections, and in older files a table of positions."""
    text = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=50,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    config = CLIPConfig(text_config=text.to_dict(), vision_config=TINY.to_dict())
    model = fill(CLIPModel(config), skip=("logit_scale",))
    whole = model.state_dict() | {"vision_model.embeddings.position_ids": torch.arange(17)[None]}

    weights = clip.tower_weights(whole)

    tower = clip.image_tower(TINY)
    tower.load_state_dict(weights)
    assert all(torch.equal(tensor, whole[f"vision_model.{name}"]) for name, tensor in tower.state_dict().items())


@pytest.mark.parametrize("prefix", ["visual.", ""])
def test_a_checkpoint_in_openai_s_names_is_the_same_tower(prefix: str) -> None:
    """Query, key and value are one matrix there. Its tokens are held against OpenAI's by the golden cases."""
    tower = fill(clip.image_tower(TINY))
    ours = tower.state_dict()
    theirs = {
        f"{prefix}class_embedding": ours["embeddings.class_embedding"],
        f"{prefix}positional_embedding": ours["embeddings.position_embedding.weight"],
        f"{prefix}conv1.weight": ours["embeddings.patch_embedding.weight"],
        f"{prefix}proj": torch.zeros(64, 32),
    }
    norms = {"ln_pre": "pre_layrnorm", "ln_post": "post_layernorm"}
    for number in range(2):
        there, here = f"transformer.resblocks.{number}", f"encoder.layers.{number}"
        norms |= {f"{there}.ln_1": f"{here}.layer_norm1", f"{there}.ln_2": f"{here}.layer_norm2"}
        norms |= {f"{there}.mlp.c_fc": f"{here}.mlp.fc1", f"{there}.mlp.c_proj": f"{here}.mlp.fc2"}
        norms |= {f"{there}.attn.out_proj": f"{here}.self_attn.out_proj"}
        for kind in ("weight", "bias"):
            parts = [ours[f"{here}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            theirs[f"{prefix}{there}.attn.in_proj_{kind}"] = torch.cat(parts)
    theirs |= {f"{prefix}{a}.{kind}": ours[f"{b}.{kind}"] for a, b in norms.items() for kind in ("weight", "bias")}

    weights = clip.tower_weights(theirs)

    assert weights.keys() == ours.keys()
    assert all(torch.equal(weights[name], ours[name]) for name in ours)

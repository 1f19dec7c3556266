"""CLIP's image tower: what InterLCM shows it, what it takes from it, and where its weights come from.

All tokens of the ViT-B/16, the class token first, each through the final layer norm and none
through the projection. Equal to the last bit to OpenAI's own program with the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def preprocess(picture: Tensor, size: int = 224) -> Tensor:
    """A picture as CLIP wants it, but for the antialiasing: (B, 3, H, W) in [-1, 1] -> (B, 3, size, size).

    Bicubic (a = -0.75) to a short side of `size`, then the middle; neither clamped nor rounded.
    The released weights were trained with a torchvision that did not filter when it made
    tensors smaller; today's does unless told otherwise, and changes a smooth picture by up to
    0.11 of these deviations.
    """
    return normalise(centre_crop(resize((picture + 1) / 2, size), size))


def resize(picture: Tensor, size: int) -> Tensor:
    """Bicubic without antialiasing, the short side to `size` and the long one in proportion, rounded down."""
    height, width = picture.shape[-2:]
    short = min(height, width)
    sides = (size * height // short, size * width // short)
    return F.interpolate(picture, size=sides, mode="bicubic", align_corners=False)


def centre_crop(picture: Tensor, size: int) -> Tensor:
    """The middle, size x size."""
    top, left = (round((side - size) / 2) for side in picture.shape[-2:])
    return picture[..., top : top + size, left : left + size]


def normalise(picture: Tensor) -> Tensor:
    """A picture in [0, 1] in the deviations of what CLIP was trained on."""
    mean, std = (torch.tensor(values, device=picture.device).view(3, 1, 1) for values in (MEAN, STD))
    return (picture - mean) / std


def image_tower(config: CLIPVisionConfig) -> nn.Module:
    """The tower of transformers' class, untrained; its state dict's names have no prefix."""
    model = CLIPVisionModel(config)
    # Before transformers 5 it stood inside the model.
    tower: nn.Module = getattr(model, "vision_model", model)
    return tower.eval()


def tokens(tower: nn.Module, pixels: Tensor) -> Tensor:
    """Pixels of `preprocess` -> (B, 1 + patches, width). The tower's own output lacks the last norm."""
    normed: Tensor = tower.post_layernorm(tower(pixels).last_hidden_state)  # type: ignore[operator]
    return normed


def tower_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The image tower's weights out of a checkpoint of CLIP, under the names of `image_tower`.

    Takes transformers' form (`vision_model.`, as on the hub) and OpenAI's (`visual.`), each also
    with nothing before the names and with the text tower beside it.
    """
    for prefix in ("vision_model.", "visual."):
        if any(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if "class_embedding" in state:
        state = _from_openai(state)
    # A table of 0, 1, 2, ... in older files, which the class makes for itself.
    return {name: tensor for name, tensor in state.items() if name != "embeddings.position_ids"}


def _from_openai(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name == "proj":
            continue  # of the class token alone, into the space that texts share
        for theirs, ours in _OPENAI_NAMES:
            name = name.replace(theirs, ours)
        if ".in_proj_" in name:
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                renamed[name.replace(".in_proj_", f".{part}_proj.")] = piece
        else:
            renamed[name] = tensor
    return renamed


_OPENAI_NAMES = (
    ("class_embedding", "embeddings.class_embedding"),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("conv1.", "embeddings.patch_embedding."),
    ("ln_pre.", "pre_layrnorm."),
    ("ln_post.", "post_layernorm."),
    ("transformer.resblocks.", "encoder.layers."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".attn.", ".self_attn."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
)

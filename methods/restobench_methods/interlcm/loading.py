"""The networks of InterLCM out of files: configurations and weights of the hub, and the two that were trained.

What the base model's configuration says decides its networks and the spatial encoder's, a
copy of the encoder half of its U-Net that knows nothing of guidance. Nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig

from restobench.checkpoint import load_strictly
from restobench.errors import RestobenchError
from restobench_methods.interlcm import clip
from restobench_methods.interlcm.pipeline import TextModule, VisualModule
from restobench_methods.interlcm.visual_encoder import FEATURES, VisualEncoder

Audit = dict[str, Any]
"""What `load_strictly` says, by network."""

TRAINED = ("params_ema", "params")
"""Where a file of InterLCM's training has its weights: averaged over the iterations, else the last ones."""

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class Networks(NamedTuple):
    """All that have weights."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    conditioner: VisualModule | TextModule
    spatial_encoder: ControlNetModel | None


def load_networks(
    weights: Mapping[str, Path], audit: Audit, *, visual_encoder: bool, spatial_encoder: bool, text: str
) -> Networks:
    """Every network that is wanted, on the CPU, in the precision of its file.

    Args:
        weights: By part: `lcm` and `clip` are folders, `visual_encoder` and `spatial_encoder` files.
        audit: Filled with what was loaded.
        visual_encoder: Whether faces are shown to CLIP; otherwise `text` stands in their place.
        spatial_encoder: Whether faces are shown at every step.
        text: For the pipeline's own text encoder.

    Raises:
        RestobenchError: A file does not fit.
    """
    unet = load_unet(weights["lcm"], audit)
    return Networks(
        unet=unet,
        vae=load_vae(weights["lcm"], audit),
        conditioner=load_visual_module(weights["clip"], weights["visual_encoder"], audit)
        if visual_encoder
        else load_text_module(weights["lcm"], text, audit),
        spatial_encoder=load_spatial_encoder(weights["spatial_encoder"], unet.config, audit)
        if spatial_encoder
        else None,
    )


def load_unet(lcm: Path, audit: Audit) -> UNet2DConditionModel:
    """The consistency model's U-Net, from the folder of its pipeline."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(_configuration(lcm / "unet"))
    audit["unet"] = load_strictly(unet, _weights(lcm / "unet", "diffusion_pytorch_model"))
    if not unet.config.time_cond_proj_dim:
        raise RestobenchError(
            f"{lcm / 'unet'} is no consistency model that was distilled with guidance: its config.json has no "
            "time_cond_proj_dim. Give the folder of SimianLuo/LCM_Dreamshaper_v7."
        )
    return unet


def load_vae(lcm: Path, audit: Audit) -> AutoencoderKL:
    """The autoencoder, from the folder of its pipeline."""
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(_configuration(lcm / "vae"))
    weights = _weights(lcm / "vae", "diffusion_pytorch_model")
    audit["vae"] = load_strictly(vae, weights, translate=_today_s_attention)
    return vae


def build_spatial_encoder(unet_config: Mapping[str, Any]) -> ControlNetModel:
    """The spatial encoder that goes with a U-Net of this configuration, on the `meta` device."""
    with torch.device("meta"):
        # Of Stable Diffusion's U-Net, from which the consistency model differs in this alone.
        unet = UNet2DConditionModel.from_config({**unet_config, "time_cond_proj_dim": None})
        return ControlNetModel.from_unet(unet, load_weights_from_unet=False)


def load_spatial_encoder(path: Path, unet_config: Mapping[str, Any], audit: Audit) -> ControlNetModel:
    """The trained spatial encoder of a U-Net."""
    encoder = build_spatial_encoder(unet_config)
    audit["spatial_encoder"] = load_strictly(
        encoder, path, wrappers=TRAINED, translate=lambda state: _own("spatial_encoder", state)
    )
    return encoder


def new_networks(weights: Mapping[str, Path], *, visual_encoder: Path | None, spatial_encoder: Path | None) -> Networks:
    """What a training begins with: the base model and CLIP, and encoders from files, or anew.

    A new spatial encoder is a copy of the U-Net's encoder half whose outputs are 0, as ControlNets
    begin (arXiv:2302.05543). The paper copies Stable Diffusion 1.5's; the consistency model's,
    which was made from it, is what is at hand.

    Raises:
        RestobenchError: A file does not fit.
    """
    audit: Audit = {}
    unet = load_unet(weights["lcm"], audit)
    if spatial_encoder:
        spatial = load_spatial_encoder(spatial_encoder, unet.config, audit)
    else:
        plain = UNet2DConditionModel.from_config({**unet.config, "time_cond_proj_dim": None})
        plain.load_state_dict({name: tensor for name, tensor in unet.state_dict().items() if "cond_proj" not in name})
        spatial = ControlNetModel.from_unet(plain)
    visual = load_visual_module(weights["clip"], visual_encoder, audit)
    return Networks(unet, load_vae(weights["lcm"], audit), visual, spatial)


def load_visual_module(folder: Path, path: Path | None, audit: Audit) -> VisualModule:
    """CLIP's image tower from its folder, and the trained visual encoder; a new one where there is no file.

    Raises:
        RestobenchError: The tower is of another width than the encoder can be.
    """
    whole = _configuration(folder)
    config = CLIPVisionConfig.from_dict(whole.get("vision_config", whole))
    if config.hidden_size != FEATURES:
        raise RestobenchError(
            f"The CLIP in {folder} has {config.hidden_size} features and the visual encoder takes {FEATURES}; "
            "give the folder of openai/clip-vit-base-patch16."
        )
    tower = clip.image_tower(config)
    audit["clip"] = load_strictly(tower, _weights(folder, "model", "pytorch_model"), translate=clip.tower_weights)
    encoder = VisualEncoder(1 + (config.image_size // config.patch_size) ** 2)
    if path:
        audit["visual_encoder"] = load_strictly(
            encoder, path, wrappers=TRAINED, translate=lambda state: _own("visual_encoder", state)
        )
    return VisualModule(tower, encoder, config.image_size)


def load_text_module(lcm: Path, text: str, audit: Audit) -> TextModule:
    """What the pipeline's own text encoder makes of a text, padded as it was trained.

    Raises:
        RestobenchError: The text is too long.
    """
    model = CLIPTextModel(CLIPTextConfig.from_dict(_configuration(lcm / "text_encoder")))
    encoder: nn.Module = getattr(model, "text_model", model)  # where it stood before transformers 5
    weights = _weights(lcm / "text_encoder", "model", "pytorch_model")
    audit["text_encoder"] = load_strictly(encoder, weights, translate=_text_weights)
    tokenizer = CLIPTokenizer.from_pretrained(lcm / "tokenizer")
    length = model.config.max_position_embeddings
    numbers = tokenizer(text, padding="max_length", max_length=length, return_tensors="pt").input_ids
    if numbers.shape[1] > length:
        raise RestobenchError(f"The text makes {numbers.shape[1]} tokens, and there is room for {length}; shorten it.")
    with torch.no_grad():
        return TextModule(encoder.eval()(numbers).last_hidden_state)


def _own(part: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """One encoder's tensors of a checkpoint of ours, which holds both; all of any other."""
    own = {name.removeprefix(f"{part}."): tensor for name, tensor in state.items() if name.startswith(f"{part}.")}
    return own or state


def _configuration(folder: Path) -> dict[str, Any]:
    """What a network of the hub is built from."""
    path = folder / "config.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RestobenchError(f"{path} cannot be read ({error}); get the folder again.") from None
    return content


def _weights(folder: Path, *stems: str) -> Path:
    """The file of weights in a folder, safetensors before pickles."""
    names = [f"{stem}{suffix}" for suffix in (".safetensors", ".bin") for stem in stems]
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _today_s_attention(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Autoencoders of 2022 call the parts of their attention otherwise, and have them as 1 x 1 convolutions."""
    renamed = {}
    for name, tensor in state.items():
        before, _, last = name.rpartition(".")
        path, _, part = before.rpartition(".")
        if ".attentions." in name and part in _OLD_ATTENTION:
            name = f"{path}.{_OLD_ATTENTION[part]}.{last}"
            tensor = tensor.flatten(1) if last == "weight" else tensor
        renamed[name] = tensor
    return renamed


def _text_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix of transformers' class, and the table that it makes for itself."""
    bare = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in bare.items() if name != "embeddings.position_ids"}

"""Files as InterLCM wants them, in small: a pipeline's folder, CLIP's, and the two trained encoders."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPVisionConfig

from restobench_methods.interlcm.loading import build_spatial_encoder
from restobench_methods.interlcm.tiny import tiny_networks
from restobench_methods.interlcm.visual_encoder import FEATURES, VisualEncoder
from tests.filling import fill

LETTERS = "abcdefgimno"
START, END = 2 * len(LETTERS), 2 * len(LETTERS) + 1
TEXT = CLIPTextConfig(
    hidden_size=FEATURES,
    intermediate_size=64,
    num_hidden_layers=1,
    num_attention_heads=12,
    vocab_size=END + 1,
    bos_token_id=START,
    eos_token_id=END,
    pad_token_id=END,
)
VISION = CLIPVisionConfig(
    hidden_size=FEATURES,
    intermediate_size=64,
    num_hidden_layers=1,
    num_attention_heads=12,
    image_size=32,
    patch_size=16,
)


def write_files(folder: Path) -> dict[str, Path]:
    """Write them, filled by name, and return the path of each part."""
    networks = tiny_networks()
    unet, vae = fill(networks.unet), fill(networks.vae)
    spatial_encoder = fill(build_spatial_encoder(unet.config).to_empty(device="cpu"))
    parts = {part: folder / part for part in ("lcm", "clip")}
    unet.save_pretrained(parts["lcm"] / "unet")
    vae.save_pretrained(parts["lcm"] / "vae")
    fill(CLIPTextModel(TEXT)).save_pretrained(parts["lcm"] / "text_encoder")
    write_tokenizer(parts["lcm"] / "tokenizer")
    config = CLIPConfig(text_config=TEXT.to_dict(), vision_config=VISION.to_dict())
    config.save_pretrained(parts["clip"])
    whole = fill(CLIPModel(config), skip=("logit_scale",))
    torch.save(whole.state_dict(), parts["clip"] / "pytorch_model.bin")
    for part, network in (("visual_encoder", fill(VisualEncoder(5))), ("spatial_encoder", spatial_encoder)):
        parts[part] = folder / f"{part}.pth"
        averaged = network.state_dict()
        torch.save({"params": {}, "params_ema": averaged}, parts[part])
    return parts


def write_tokenizer(folder: Path) -> None:
    """One that knows a few letters, in the form of 2022."""
    folder.mkdir(parents=True)
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = dict.fromkeys(("eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_full_size_configurations(folder: Path) -> None:
    """The configurations of LCM_Dreamshaper_v7's U-Net and autoencoder: Stable Diffusion's, and the guidance."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=FEATURES, time_cond_proj_dim=256)
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=512,
        )
    unet.save_config(folder / "unet")
    vae.save_config(folder / "vae")

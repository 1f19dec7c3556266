"""The networks in small, with seeded weights: what the card's test configuration runs.

Every part is there and every size is a multiple of what it must be; no released file fits.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPVisionConfig

from restobench_methods.interlcm import clip
from restobench_methods.interlcm.loading import Networks, build_spatial_encoder
from restobench_methods.interlcm.pipeline import VisualModule
from restobench_methods.interlcm.visual_encoder import FEATURES, VisualEncoder

SIDE = 64
"""Of the pictures that they are made for, in pixels."""


def tiny_networks(*, spatial_encoder: bool = True) -> Networks:
    """Built from the same seed every time, whatever was drawn before.

    Args:
        spatial_encoder: Whether there is one.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=SIDE // 8,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=FEATURES,
            time_cond_proj_dim=32,
        )
        vae = AutoencoderKL(
            block_out_channels=(32, 32, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=SIDE,
        )
        vision = CLIPVisionConfig(
            hidden_size=FEATURES,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=12,
            image_size=32,
            patch_size=16,
        )
        tower = clip.image_tower(vision)
        encoder = VisualEncoder(5, width=16, residuals=1)
        spatial = build_spatial_encoder(unet.config).to_empty(device="cpu")
        for parameter in spatial.parameters():
            # Its own beginning is zero, and nothing would be seen of it.
            torch.nn.init.normal_(parameter, std=0.05)
    return Networks(unet, vae, VisualModule(tower, encoder, 32), spatial if spatial_encoder else None)

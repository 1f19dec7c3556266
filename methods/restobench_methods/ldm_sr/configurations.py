"""What the released networks are: the configuration files of CompVis/ldm-super-resolution-4x-openimages.

As published on the Hugging Face hub (`unet/config.json`, `vqvae/config.json`,
`scheduler/scheduler_config.json`); what is not said here is the library's default, as it was
there. Kept in code, so that a checkpoint is two files and no folder of a given layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNET: Mapping[str, Any] = {
    "sample_size": 64,
    "in_channels": 6,  # the latent, and behind it the low-quality picture itself, which has its size
    "out_channels": 3,
    "block_out_channels": (160, 320, 320, 640),
    "layers_per_block": 2,
    "attention_head_dim": 32,
    "down_block_types": ("DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
}
"""Arguments of `UNet2DModel`."""

VQVAE: Mapping[str, Any] = {
    "sample_size": 256,
    "latent_channels": 3,
    "block_out_channels": (128, 256, 512),
    "layers_per_block": 2,
    "num_vq_embeddings": 8192,
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
}
"""Arguments of `VQModel`."""

SCHEDULER: Mapping[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0015,
    "beta_end": 0.0155,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 1,
}
"""Arguments of `DDIMScheduler`."""

MULTIPLE = 8
"""Sides that the U-Net takes are multiples of it: three of its four levels halve them."""

SCALE = 4
"""How many times larger than its latent, and so than the low-quality picture, the decoder's picture is."""


def shrunk(network: Mapping[str, Any]) -> dict[str, Any]:
    """The same network in small, with as many levels; no released checkpoint fits it."""
    few = {"layers_per_block": 1, "block_out_channels": (32,) * (len(network["block_out_channels"]) - 1) + (64,)}
    return {**network, **few} | ({"num_vq_embeddings": 64} if "num_vq_embeddings" in network else {})

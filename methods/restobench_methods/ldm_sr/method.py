"""Latent diffusion super-resolution as a method: weights in, pictures through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor, nn

from restobench.checkpoint import load_strictly
from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise
from restobench.tiling import check_tiles, restore_in_tiles
from restobench_methods.ldm_sr.configurations import SCALE, SCHEDULER, UNET, VQVAE, shrunk
from restobench_methods.ldm_sr.pipeline import Pipeline

AnyModule = TypeVar("AnyModule", bound=nn.Module)

_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class LdmSr:
    """LDM-BSR, x4 (Rombach et al., CVPR 2022; arXiv:2112.10752, section 4.4 and appendix D.6.1)."""

    def __init__(self, setup: Setup) -> None:
        """Load the U-Net and the autoencoder.

        Raises:
            RestobenchError: A checkpoint does not fit, the tiles make no sense, or the scale is not 4.
        """
        if setup.scale not in (None, SCALE):
            raise RestobenchError(f"'ldm-sr' works at x{SCALE}, and x{setup.scale} is asked for.")
        self.tile, self.overlap = int(setup.settings["tile"]), int(setup.settings["overlap"])
        self.at_once = int(setup.settings["tiles_at_once"])
        check_tiles(self.tile, self.overlap)
        if not setup.test and (missing := [part for part in ("unet", "vqvae") if part not in setup.weights]):
            raise RestobenchError(f"'ldm-sr' needs the weights of its {missing[0]}: --weights {missing[0]}=FILE.")

        # Seeded, so that a network of which no file is there, in a test, is always the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            unet, vqvae = networks(small=setup.test)
        for part, module in {"unet": unet, "vqvae": vqvae}.items():
            if part in setup.weights:
                setup.audit[part] = load_strictly(module, setup.weights[part], translate=present_names)
        scheduler = DDIMScheduler(**SCHEDULER)
        scheduler.set_timesteps(int(setup.settings["steps"]))
        self.pipeline = Pipeline(
            unet=_ready(unet, setup),
            vqvae=_ready(vqvae, setup),
            scheduler=scheduler,
            eta=float(setup.settings["eta"]),
            dtype=setup.dtype,
        )

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, 4 H, 4 W), in [0, 1], tile by tile where the picture is larger than one."""
        restored = restore_in_tiles(
            self.pipeline.sample,
            2 * lq - 1,
            noise,
            tile=self.tile,
            overlap=self.overlap,
            scale=SCALE,
            at_once=self.at_once,
        )
        return restored.div_(2).add_(0.5)


def networks(*, small: bool = False) -> tuple[UNet2DModel, VQModel]:
    """The U-Net and the autoencoder with random weights: as released, or as a test takes them."""
    return UNet2DModel(**(shrunk(UNET) if small else UNET)), VQModel(**(shrunk(VQVAE) if small else VQVAE))


def present_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names of today's library: the released files are older than its attention layer."""
    old = re.compile(r"(\.attentions\.\d+)\.(query|key|value|proj_attn)\.")
    return {old.sub(lambda found: f"{found[1]}.{_ATTENTION[found[2]]}.", name): state[name] for name in state}


def _ready(module: AnyModule, setup: Setup) -> AnyModule:
    """The module for inference. Autocast would round these weights at every step, to the same numbers."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.to(setup.dtype)
    return module.eval().requires_grad_(False).to(setup.device)

"""From a low-quality picture to a restored one: noise, the DDIM chain beside the picture, the decoder.

The loop of the library's `LDMSuperResolutionPipeline` over the library's own networks and
scheduler, written out because that one cannot be handed its noise: it draws from one stream for
the whole batch, and the noise of its steps from PyTorch's global generator even where it was
given another. With equal noise both give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from restobench.noise import Noise
from restobench.tiling import pad_to_multiple
from restobench_methods.ldm_sr.configurations import MULTIPLE, SCALE


@dataclass(frozen=True)
class Pipeline:
    """A U-Net, the autoencoder whose decoder it works for, and its chain."""

    unet: UNet2DModel
    vqvae: VQModel
    scheduler: DDIMScheduler
    """With its time steps set."""
    eta: float
    """0: DDIM, where the first noise decides all; 1: DDPM's variance at every step."""
    dtype: torch.dtype = torch.float32
    """Other than float32: the networks run under autocast to it; the chain itself stays in float32."""

    def sample(self, lq: Tensor, noise: Noise) -> Tensor:
        """Restore whole pictures: (B, 3, H, W) in [-1, 1] -> (B, 3, 4 H, 4 W), float32, in [-1, 1].

        Any size: what the U-Net needs to halve its sides is mirrored at the right and at the
        bottom, and cut away from the result. The library resamples a picture of any other
        size to multiples of 32 instead, which changes its scale and its pixels.

        Draws: the first latent, then the noise of each step, the last included, whose share is 0.
        """
        height, width = lq.shape[-2:]
        lq = pad_to_multiple(lq, MULTIPLE)
        latent = noise.draw(lq.shape[1:], device=lq.device)
        for timestep in self.scheduler.timesteps:
            with self._autocast(lq):
                predicted = self.unet(torch.cat([latent, lq], dim=1), timestep).sample.float()
            fresh = noise.draw(lq.shape[1:], device=lq.device) if self.eta > 0 else None
            chained = self.scheduler.step(
                predicted, timestep, latent, eta=self.eta, variance_noise=fresh, return_dict=False
            )
            latent = chained[0]
        with self._autocast(lq):
            restored: Tensor = self.vqvae.decode(latent).sample.float()
        return restored[..., : SCALE * height, : SCALE * width].clamp(-1, 1)

    def _autocast(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

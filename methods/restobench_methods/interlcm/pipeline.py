"""From a low-quality face to a restored one: what it shows, its latent, the steps, the picture.

Section 3 of the paper. Pictures here are in [-1, 1], RGB, and one size; what harness and files
want is made of them at the door. Inference and training walk the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from restobench.noise import Noise
from restobench_methods.interlcm import clip
from restobench_methods.interlcm.colour_fix import COLOUR_FIXES
from restobench_methods.interlcm.sampler import Draw, Predict, Sampler, Step, guidance_embedding
from restobench_methods.interlcm.visual_encoder import VisualEncoder

Watch = Callable[[int, Tensor], None]
"""Told the number of a step, from 0, and the picture (B, 3, H, W) of what it found."""


class VisualModule(nn.Module):
    """What a face shows, in the place of a text (section 3.2): CLIP's tokens through the visual encoder."""

    def __init__(self, tower: nn.Module, encoder: VisualEncoder, side: int = 224) -> None:
        """Of CLIP's image tower, which takes pictures of `side` x `side` and is not trained, and the encoder."""
        super().__init__()
        self.tower = tower
        self.encoder = encoder
        self.side = side

    def forward(self, lq: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 77, 768), float32."""
        with torch.no_grad():
            pixels = clip.preprocess(lq, self.side)
            tokens = clip.tokens(self.tower, pixels.to(next(self.tower.parameters()).dtype))
        embedding: Tensor = self.encoder(tokens.float())
        return embedding


class TextModule(nn.Module):
    """The same text for every face: what is left of the method without its visual encoder (table 2)."""

    embedding: Tensor

    def __init__(self, embedding: Tensor) -> None:
        """Of a text's embedding, (1, 77, 768)."""
        super().__init__()
        self.register_buffer("embedding", embedding)

    def forward(self, lq: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 77, 768)."""
        return self.embedding.expand(len(lq), -1, -1)


@dataclass(frozen=True)
class Pipeline:
    """The networks and the steps, ready for pictures."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    conditioner: VisualModule | TextModule
    spatial_encoder: ControlNetModel | None
    """None: the picture enters through its latent and the embedding alone."""
    sampler: Sampler
    guidance_scale: float = 8.0
    colour_fix: str = "wavelet"
    offload_from: torch.device | None = None
    """Where set, networks wait on the CPU and are on this device only while they work."""

    def restore(self, lq: Tensor, noise: Noise, watch: Watch | None = None) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> the same, float32, not clamped.

        Args:
            lq: The faces; sides are multiples of 64.
            noise: One stream a picture.
            watch: Where given, what every step finds is decoded for it.
        """
        latent = lq_latent = self.encode(lq)

        def draw() -> Tensor:
            return noise.draw(lq_latent.shape[1:], device=lq_latent.device)

        for step in self.steps(lq, self.embed(lq), lq_latent, draw):
            latent = step.denoised
            if watch:
                watch(step.number, self.decode(latent))
        return COLOUR_FIXES[self.colour_fix](self.decode(latent), lq)

    def embed(self, lq: Tensor) -> Tensor:
        """What U-Net and spatial encoder are told in the place of a text, (B, 77, 768), float32."""
        with self._at_work(self.conditioner):
            embedding: Tensor = self.conditioner(lq)
        return embedding

    def encode(self, picture: Tensor) -> Tensor:
        """A picture's latent, (B, 4, H/8, W/8), float32: the posterior's mean, and no sample of it."""
        with torch.no_grad(), self._at_work(self.vae):
            posterior = self.vae.encode(picture.to(self.vae.dtype)).latent_dist
        latent: Tensor = self.vae.config.scaling_factor * posterior.mean.float()
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """A latent's picture, float32, not clamped."""
        with self._at_work(self.vae):
            scaled = (latent / self.vae.config.scaling_factor).to(self.vae.dtype)
            decoded: Tensor = self.vae.decode(scaled, return_dict=False)[0].float()
        return decoded

    def steps(self, lq: Tensor, embedding: Tensor, lq_latent: Tensor, draw: Draw) -> Iterator[Step]:
        """The steps of the sampler, in float32 whatever the networks compute in."""
        with self._at_work(self.unet, self.spatial_encoder):
            yield from self.sampler.walk(self.predictor(lq, embedding), lq_latent, draw)

    def predictor(self, lq: Tensor, embedding: Tensor) -> Predict:
        """The noise in a latent, as U-Net and spatial encoder see it next to the picture `lq`.

        The U-Net alone is told the guidance; the spatial encoder, a copy of Stable Diffusion's
        encoder half, has no input for it.
        """
        dtype, device = self.unet.dtype, lq.device
        picture, embedding = lq.to(dtype), embedding.to(dtype)
        dimension = self.unet.config.time_cond_proj_dim
        guidance = guidance_embedding(self.guidance_scale, dimension).to(device, dtype)

        def predict(latent: Tensor, timestep: int) -> Tensor:
            seen = latent.to(dtype)
            residuals, middle = None, None
            if self.spatial_encoder is not None:
                residuals, middle = self.spatial_encoder(
                    seen, timestep, encoder_hidden_states=embedding, controlnet_cond=picture, return_dict=False
                )
            predicted: Tensor = self.unet(
                seen,
                timestep,
                encoder_hidden_states=embedding,
                timestep_cond=guidance,
                down_block_additional_residuals=residuals,
                mid_block_additional_residual=middle,
                return_dict=False,
            )[0]
            return predicted.float()

        return predict

    @contextmanager
    def _at_work(self, *modules: nn.Module | None) -> Iterator[None]:
        """Have modules on their device, and off it afterwards where they are to wait on the CPU."""
        if self.offload_from is None:
            yield
            return
        there = [module for module in modules if module is not None]
        for module in there:
            module.to(self.offload_from)
        try:
            yield
        finally:
            for module in there:
                module.to("cpu")

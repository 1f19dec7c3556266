"""From a low-quality picture to a restored one: pad, encode, walk the chain, decode, crop, paste.

What the released program does around its networks, batch by batch; pictures here are in
[-1, 1] inside and in [0, 1] at the door.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench.noise import Noise
from restobench.tiling import pad_to_multiple, restore_in_tiles
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.diffusion import Diffusion
from restobench_methods.resshift.network import UNet

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def ready(module: AnyModule, device: torch.device, dtype: torch.dtype) -> AnyModule:
    """The module for inference on a device, under autocast where `dtype` is not float32.

    Autocast would round the weights of convolutions and linear layers at every step; they
    are rounded once here, to the same numbers. Norms, codes and biases of attention stay
    float32. On the CPU channels lie last, which saves the autoencoder a tenth of its time;
    on CUDA devices PyTorch's group norm would put them first again every time.
    """
    if device.type == "cpu":
        module.to(memory_format=torch.channels_last)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.to(dtype)
    return module.eval().requires_grad_(False).to(device)


def enlarge(picture: Tensor, scale: int) -> Tensor:
    """Bicubic (a = -0.75, no antialiasing), as what the chain starts from; may leave the input's range.

    (B, C, H, W) -> (B, C, scale H, scale W).
    """
    return picture if scale == 1 else F.interpolate(picture, scale_factor=scale, mode="bicubic")


@dataclass(frozen=True)
class Pipeline:
    """A U-Net, its autoencoder and its chain, ready for pictures."""

    unet: UNet
    autoencoder: VQAutoencoder | None
    """None: the chain runs on pixels."""
    diffusion: Diffusion
    scale: int
    multiple: int
    """Sides that the networks take are multiples of it, in pixels of the low-quality picture."""
    latent_factor: float = 1.0
    """What latents are multiplied by on the way into the chain; 1 for all released networks."""
    dtype: torch.dtype = torch.float32
    """Other than float32: the networks run under autocast to it; the chain itself stays in float32."""

    def restore(self, lq: Tensor, noise: Noise, *, tile: int = 0, overlap: int = 0, at_once: int = 1) -> Tensor:
        """Restore a batch, tile by tile.

        Args:
            lq: (B, 3, H, W) in [0, 1]; (B, 4, H, W) with the mask, 1 = hole, behind the colours.
            noise: One stream a picture.
            tile: As `restore_in_tiles` wants it.
            overlap: As `restore_in_tiles` wants it.
            at_once: As `restore_in_tiles` wants it.

        Returns:
            (B, 3, scale H, scale W), float32, in [0, 1]; with a mask, the input itself outside the holes.
        """
        inside = restore_in_tiles(
            self.sample, 2 * lq - 1, noise, tile=tile, overlap=overlap, scale=self.scale, at_once=at_once
        )
        restored = inside.div_(2).add_(0.5)  # in place: at 16,384 x 16,384 pixels every copy is 3 GB
        if lq.shape[1] > 3:
            picture, mask = lq[:, :3], lq[:, 3:]
            restored.mul_(mask).add_(picture * (1 - mask))
        return restored.clamp_(0, 1)

    def sample(self, lq: Tensor, noise: Noise) -> Tensor:
        """Restore whole pictures: (B, 3 or 4, H, W) in [-1, 1] -> (B, 3, scale H, scale W), float32, in [-1, 1].

        The mask is padded together with the picture. The released program pads the picture
        alone, and so takes no masks but at sizes that need no padding. Under autocast it draws
        the first noise in half precision; here all noise is float32, so that a sample's does
        not depend on the precision.
        """
        height, width = lq.shape[-2:]
        # As separate tensors: a mask is a condition, and is neither enlarged nor encoded.
        picture, mask = pad_to_multiple(lq, self.multiple).split([3, lq.shape[1] - 3], dim=1)
        y = self.encode(picture)
        features = self.condition(picture, mask if mask.shape[1] else None)

        def predict(x: Tensor, steps: Tensor) -> Tensor:
            with self._autocast(x):
                return self.unet.predict(x, steps, features)

        x = y
        for step in self.diffusion.sample(
            predict, y, lambda: noise.draw(y.shape[1:], device=y.device), clip=self.autoencoder is None
        ):
            x = step.x
        return self.decode(x)[..., : self.scale * height, : self.scale * width].clamp(-1, 1)

    def condition(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        """What the U-Net is told at every step; on pixels it is told the enlarged picture, which has their size."""
        if self.autoencoder is None:
            picture = enlarge(picture, self.scale)
        with self._autocast(picture):
            return self.unet.condition(picture, mask)

    def encode(self, picture: Tensor) -> Tensor:
        """What the chain starts from: the enlarged picture's latent, or the enlarged picture itself."""
        return self.to_latent(enlarge(picture, self.scale))

    def to_latent(self, picture: Tensor) -> Tensor:
        """A picture of full size as the chain sees it, float32; not quantised."""
        if self.autoencoder is None:
            return picture
        with self._autocast(picture):
            return self.latent_factor * self.autoencoder.encode(picture).float()

    def decode(self, latent: Tensor) -> Tensor:
        """A latent's picture, float32; quantised on the way."""
        if self.autoencoder is None:
            return latent
        with self._autocast(latent):
            return self.autoencoder.decode(latent / self.latent_factor).float()

    def _autocast(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

"""InterLCM as a method: weights in, faces through."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench.faces.grey import is_grey, matched, turned_grey
from restobench.image import to_eight_bit, write_picture
from restobench.method import Setup
from restobench.noise import Noise
from restobench_methods.interlcm import tiny
from restobench_methods.interlcm.loading import Networks, load_networks
from restobench_methods.interlcm.pipeline import Pipeline
from restobench_methods.interlcm.sampler import Sampler

AnyModule = TypeVar("AnyModule", bound=nn.Module)

SIDE = 512
"""Of an aligned face, in pixels."""

TRAINED_STEPS = {"3step": 4, "1step": 2, "colorization": 2, "inpainting": 2}
"""N of each variant's weights. Their names count the calls of the networks, one fewer."""

VAE_TILE = 256
"""Side of the autoencoder's tiles, in pixels; by itself the library makes them as large as a face."""


class InterLCM:
    """InterLCM (Li et al., ICLR 2025; arXiv:2502.02215)."""

    def __init__(self, setup: Setup) -> None:
        """Load the variant's networks.

        Raises:
            RestobenchError: A checkpoint does not fit, or a setting makes no sense.
        """
        _refuse(setup)
        settings = setup.settings
        self.variant = setup.variant
        self.side = tiny.SIDE if setup.test else SIDE
        self.save_steps = Path(str(settings["save_steps"])).expanduser() if settings["save_steps"] else None
        networks = _networks(setup)
        offload = bool(settings["cpu_offload"]) and setup.device.type != "cpu"
        waiting = torch.device("cpu") if offload else setup.device
        # The autoencoder makes pixels, for which half precision is too coarse (bfloat16 has 8 bits)
        # or too narrow (its decoder passes what float16 holds), and the visual encoder is small.
        self.pipeline = Pipeline(
            unet=_ready(networks.unet, waiting, setup.dtype),
            vae=_ready(networks.vae, waiting, torch.float32),
            conditioner=_ready(networks.conditioner, waiting, torch.float32),
            spatial_encoder=networks.spatial_encoder and _ready(networks.spatial_encoder, waiting, setup.dtype),
            sampler=Sampler(int(settings["steps"]), int(settings["start_step"])),
            guidance_scale=float(settings["guidance_scale"]),
            colour_fix=str(settings["colour_fix"]),
            offload_from=setup.device if offload else None,
        )
        if settings["attention_slicing"]:
            self.pipeline.unet.set_attention_slice("auto")
            if self.pipeline.spatial_encoder is not None:
                self.pipeline.spatial_encoder.set_attention_slice("auto")
        if settings["vae_tiling"]:
            self.pipeline.vae.enable_slicing()
            self.pipeline.vae.enable_tiling()
            self.pipeline.vae.tile_sample_min_size = VAE_TILE
            self.pipeline.vae.tile_latent_min_size = VAE_TILE // 8

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, 512, 512) -> the same, in [0, 1].

        Raises:
            RestobenchError: Pictures of another size, or no mask for the variant that fills holes.
        """
        height, width = lq.shape[-2:]
        if (height, width) != (self.side, self.side):
            raise RestobenchError(
                f"InterLCM restores aligned faces of {self.side} x {self.side} pixels, and this picture has "
                f"{width} x {height}; align its face, or resize it where it is one."
            )
        if self.variant == "inpainting":
            lq = painted_white(lq, mask)
        if self.variant == "colorization":
            lq = grey(lq)

        def keep(number: int, stages: Tensor) -> None:
            assert self.save_steps is not None
            for sample_id, stage in zip(noise.ids, stages / 2 + 0.5, strict=True):
                write_picture(self.save_steps / f"{sample_id}-step{number + 1}.png", to_eight_bit(stage))

        restored = self.pipeline.restore(2 * lq - 1, noise, keep if self.save_steps else None)
        restored = (restored / 2 + 0.5).clamp(0, 1)
        # Who asks for colours wants them in a grey face most of all.
        return restored if self.variant == "colorization" else kept_grey(restored, lq)


def painted_white(lq: Tensor, mask: Tensor | None) -> Tensor:
    """The picture with its holes white, as in training; whatever a data set has there is not seen.

    Raises:
        RestobenchError: There is no mask.
    """
    if mask is None:
        raise RestobenchError("This variant of InterLCM fills holes, and these pictures have no masks.")
    return lq * (1 - mask) + mask


def kept_grey(restored: Tensor, lq: Tensor) -> Tensor:
    """The restored faces, those of grey inputs turned grey again with their input's mean and deviation, in [0, 1].

    As the released program does with aligned faces, in 8 bits; there a few values may leave the
    range, here they are cut.
    """
    pictures = [to_eight_bit(face) for face in lq]
    if not any(is_grey(picture) for picture in pictures):
        return restored
    faces = [
        torch.from_numpy(matched(turned_grey(to_eight_bit(face)), picture)).permute(2, 0, 1).to(face) / 255
        if is_grey(picture)
        else face
        for face, picture in zip(restored, pictures, strict=True)
    ]
    return torch.stack(faces).clamp(0, 1)


def grey(lq: Tensor) -> Tensor:
    """The picture in grey, three channels of it, rounded to 8 bits as a grey file is."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=lq.device).view(3, 1, 1)
    luma = (255 * (lq * weights).sum(dim=1, keepdim=True)).round() / 255
    return luma.expand(-1, 3, -1, -1)


def _refuse(setup: Setup) -> None:
    """Raises RestobenchError where a setting makes no sense, or not with these weights."""
    name, settings = f"interlcm@{setup.variant}", setup.settings
    steps, start_step = int(settings["steps"]), int(settings["start_step"])
    trained = TRAINED_STEPS[setup.variant]
    if setup.scale not in (None, 1):
        raise RestobenchError(f"'{name}' works at x1, and x{setup.scale} is asked for.")
    if steps != trained and not settings["retrained"]:
        raise RestobenchError(
            f"'{name}' was trained with {trained} steps and cannot restore with {steps}. Leave it, or say "
            "retrained=true with checkpoints of your own that were trained so."
        )
    if start_step > steps:
        raise RestobenchError(f"Setting 'start_step' is {start_step}, and there are {steps} steps.")
    if settings["text"] and settings["visual_encoder"]:
        raise RestobenchError(
            "Setting 'text' stands in the place of what the visual encoder sees; say visual_encoder=false with it."
        )
    if setup.test and not settings["visual_encoder"]:
        raise RestobenchError(f"The test configuration of '{name}' has no text encoder; leave the visual encoder on.")
    parts = ("visual_encoder", "spatial_encoder", "lcm", "clip")
    if not setup.test and (missing := [part for part in parts if part not in setup.weights]):
        raise RestobenchError(f"'{name}' needs the weights of its part {missing[0]}: --weights {missing[0]}=PATH.")


def _networks(setup: Setup) -> Networks:
    settings = setup.settings
    visual, spatial = bool(settings["visual_encoder"]), bool(settings["spatial_encoder"])
    if setup.test:
        return tiny.tiny_networks(spatial_encoder=spatial)
    return load_networks(
        setup.weights, setup.audit, visual_encoder=visual, spatial_encoder=spatial, text=str(settings["text"])
    )


def _ready(module: AnyModule, device: torch.device, dtype: torch.dtype) -> AnyModule:
    # By PyTorch's own `to`: diffusers' warns at every cast of modules to keep in float32, and names none.
    return nn.Module.to(module.eval().requires_grad_(False), device, dtype)

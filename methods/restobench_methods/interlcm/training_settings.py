"""What a training of InterLCM is told; the defaults are the released training's. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from restobench.errors import RestobenchError
from restobench.train.configuration import Data, Settings, Training

Task = Literal["restoration", "colorization", "inpainting"]


class Loss(Settings):
    """Weights of the terms, `[loss]`; table 3 of the paper leaves out one at a time."""

    absolute: NonNegativeFloat = 1.0
    perceptual: NonNegativeFloat = 1.0
    """LPIPS (VGG)."""
    normalised_twice: bool = False
    """LPIPS as in the released training, whose pictures are normalised before the package does so again."""
    adversarial: NonNegativeFloat = 0.1
    adversarial_from: PositiveInt = 10_002
    """The iteration in which the discriminator joins."""


class Rate(Settings):
    """Of both optimisers, `[rate]`: a cosine from the highest to the lowest, of which training sees the beginning."""

    highest: PositiveFloat = 5e-5
    lowest: PositiveFloat = 2e-5
    period: PositiveInt = 150_000
    """Iterations in which it would reach the lowest."""


class Discriminator(Settings):
    """Its size, `[discriminator]`."""

    width: PositiveInt = 64
    halvings: PositiveInt = 4


class Files(Settings):
    """Weights that a training begins with, `[files]`."""

    lcm: Path | None = None
    """The folder of the consistency model; None: where `restobench weights fetch interlcm` puts it."""
    clip: Path | None = None
    """Likewise."""
    visual_encoder: Path | None = None
    """None: it begins anew."""
    spatial_encoder: Path | None = None
    """None: it begins as a copy of the U-Net's encoder half, its outputs at 0, as ControlNets do."""
    vgg16: Path | None = None
    """torchvision's `vgg16-397923af.pth`, for the perceptual term."""


class InterLCMTraining(Settings):
    """A training of InterLCM: its visual and spatial encoder."""

    training: Training
    data: Data
    task: Task = "restoration"
    networks: Literal["released", "tiny"] = "released"
    """`tiny`: small ones of random weights, with which nothing is restored, to try a training without any file."""
    crop: PositiveInt = 512
    """Side of the faces, in pixels."""
    steps: PositiveInt = 4
    """N of the consistency model, that of the low-quality face included."""
    start_step: PositiveInt = 2
    guidance_scale: PositiveFloat = 8.0
    objective: Literal["picture", "diffusion"] = "picture"
    """`diffusion`: the plain ControlNet of table 4, which predicts noise at any time step."""
    loss: Loss = Loss()
    rate: Rate = Rate()
    average: float = 0.997
    """Rate of the moving average of the weights."""
    discriminator: Discriminator = Discriminator()
    checkpointing: bool = True
    """Compute activations again on the way back: about a third more time, a fraction of the memory."""
    files: Files = Files()
    held_out_faces: PositiveInt = 8


def check(told: InterLCMTraining) -> None:
    """Refuse what no single field shows.

    Raises:
        RestobenchError: The perceptual term has no VGG, or there is no such step.
    """
    if told.objective == "picture" and told.loss.perceptual and told.files.vgg16 is None:
        raise RestobenchError(
            "The perceptual term needs torchvision's vgg16-397923af.pth: --set files.vgg16=FILE, "
            "or leave the term out: --set loss.perceptual=0."
        )
    if told.start_step > told.steps:
        raise RestobenchError(f"start_step is {told.start_step}, and there are {told.steps} steps.")
    if told.crop % 64:
        raise RestobenchError(f"The networks take faces whose sides are multiples of 64, and crop = {told.crop}.")

"""What a training of ResShift is told; the defaults are the released trainings'. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator

from restobench.errors import RestobenchError
from restobench.train.configuration import Data, Settings, Training
from restobench_methods.resshift.configurations import CONFIGURATIONS, Configuration
from restobench_methods.resshift.schedule import Rate

Pairs = Literal["realsr", "bicsr", "faceir", "inpaint-imagenet", "inpaint-face", "demo-camera"]
"""How clean pictures become pairs: as each released network was trained, or as the set `demo` was made."""


class Network(Settings):
    """The network and its chain, `[network]`: those of a variant, with what is said beside it."""

    variant: str
    unet: dict[str, Any] = Field(default_factory=dict)
    """Arguments of `UNet` over the variant's."""
    autoencoder: dict[str, Any] = Field(default_factory=dict)
    """Arguments of `VQAutoencoder` over the variant's, for one of your own."""
    steps: PositiveInt | None = None
    kappa: float | None = None
    power: float | None = None
    min_noise_level: float | None = None
    prediction: Literal["xstart", "residual", "epsilon", "epsilon_scale"] | None = None

    @field_validator("variant")
    @classmethod
    def _is_known(cls, variant: str) -> str:
        if variant not in CONFIGURATIONS:
            raise ValueError(f"no variant is called {variant!r}; known: {', '.join(CONFIGURATIONS)}")
        return variant

    def configuration(self) -> Configuration:
        """The network that this describes."""
        return CONFIGURATIONS[self.variant].changed(self.model_dump(exclude={"variant"}, exclude_none=True))


class Loss(Settings):
    """The objective, `[loss]`: squared_error times the mean squared error of Eq. 8, plus perceptual times LPIPS."""

    squared_error: NonNegativeFloat = 1.0
    weighted: bool = False
    """Whether each step has its weight of Eq. 8; the paper omits it, as the released trainings do."""
    perceptual: NonNegativeFloat = 0.0
    """LPIPS (VGG) between the decoded prediction of x_0 and the clean picture; the journal version's."""


class Files(Settings):
    """Weights that a training needs and does not train, `[files]`."""

    autoencoder: Path | None = None
    """None: where `restobench weights fetch resshift@VARIANT` puts it."""
    vgg16: Path | None = None
    """torchvision's `vgg16-397923af.pth`, for the perceptual term."""


class ResShiftTraining(Settings):
    """A training of ResShift."""

    training: Training
    data: Data
    network: Network
    pairs: Pairs
    crop: PositiveInt = 256
    """Side of the clean picture that is trained on, in pixels."""
    loss: Loss = Loss()
    rate: Rate = Rate()
    files: Files = Files()
    weight_decay: NonNegativeFloat = 0.0
    average: float = 0.999
    """Rate of the exponential moving average of the weights."""
    held_out_crops: PositiveInt = 16
    """How many squares of held-out pictures the validation looks at."""


def check(settings: ResShiftTraining) -> None:
    """Refuse what no single field shows.

    Raises:
        RestobenchError: The perceptual term has no VGG, or the pairs are of another scale than the network.
    """
    if settings.loss.perceptual and settings.files.vgg16 is None:
        raise RestobenchError(
            "The perceptual term needs torchvision's vgg16-397923af.pth: --set files.vgg16=FILE, "
            "or leave the term out: --set loss.perceptual=0."
        )
    network = settings.network.configuration()
    scale, side = network.scale, network.multiple * network.scale
    if settings.crop % side:
        raise RestobenchError(
            f"The network takes clean pictures whose sides are multiples of {side}, and crop = {settings.crop}."
        )
    wanted = 4 if settings.pairs in ("realsr", "bicsr", "demo-camera") else 1
    if scale != wanted:
        raise RestobenchError(
            f"'{settings.network.variant}' works at x{scale}, and pairs of '{settings.pairs}' are x{wanted}."
        )

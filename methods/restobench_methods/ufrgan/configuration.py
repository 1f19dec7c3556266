"""What UFR-GAN is made of and trained with: every constant, with its default. Never imports torch.

The paper names the parts and few numbers, and no program was published. A field whose
docstring ends in "(paper)" has the paper's value; every other default is ours, and the card
lists it as such.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from restobench.train.configuration import Data, Pictures, Settings, Training

Share = Annotated[float, Field(ge=0, le=1)]


class Generator(Settings):
    """Both generators, each a Restormer (paper): its arguments, under the names of Restormer's configurations."""

    dim: PositiveInt = 48
    num_blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (2, 4, 4, 6)
    num_refinement_blocks: PositiveInt = 4
    heads: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (1, 2, 4, 8)
    ffn_expansion_factor: PositiveFloat = 2.66
    bias: bool = False
    LayerNorm_type: Literal["WithBias", "BiasFree"] = "WithBias"

    @model_validator(mode="after")
    def _heads_share_the_channels(self) -> Generator:
        if self.dim % 2:
            raise ValueError(f"dim is {self.dim}; it must be even, for half of it goes on to the level below")
        for level, heads in enumerate(self.heads):
            if (width := 2**level * self.dim) % heads:
                raise ValueError(f"{heads} heads cannot share the {width} channels of level {level + 1}")
        return self


GENERATORS = {
    "base": Generator(),
    "lite": Generator(dim=32, num_blocks=(2, 3, 3, 4), num_refinement_blocks=2),
    "tiny": Generator(dim=16, num_blocks=(1, 1, 2, 2), num_refinement_blocks=1),
}
"""By variant: 19,938,836, 6,714,262 and 1,114,883 parameters. The paper says "lightweight", and no size."""


def _of_name(given: Any) -> Any:
    if isinstance(given, str):
        if given not in GENERATORS:
            raise ValueError(f"no generator is called {given!r}; known: {', '.join(GENERATORS)}, or a table of sizes")
        return GENERATORS[given]
    return given


class Discriminator(Settings):
    """Both discriminators: PatchGAN with instance norm and LeakyReLU (paper)."""

    layout: Literal["patchgan70", "lineage"] = "patchgan70"
    """`lineage`: that of FCL-GAN, from which UFR-GAN descends."""
    width: PositiveInt | None = None
    """Channels of the first convolution; None: 64, of the lineage's 24."""

    @property
    def first_width(self) -> int:
        """Channels of the first convolution."""
        return self.width or (64 if self.layout == "patchgan70" else 24)

    @property
    def min_side(self) -> int:
        """The shortest side that it takes, in pixels."""
        return 32 if self.layout == "patchgan70" else 48


class Initial(Settings):
    """How the networks begin."""

    output_scale: PositiveFloat = 0.1
    """What the last convolution of each generator is multiplied by: training starts near the identity."""
    deviation: PositiveFloat = 0.02
    """Of the normal distribution that the discriminators' weights are drawn from."""


class Frequency(Settings):
    """How binary frequency features are made: grey, FFT, binarised, centre, blocks, unit vectors (paper)."""

    window: Literal["none", "hann"] = "none"
    level: PositiveFloat = 256.0
    """What magnitudes are multiplied by before they are compared with thresholds."""
    eps: PositiveFloat = 0.01
    """Added to squared magnitudes, so that the logarithm has a gradient at 0."""
    shift: bool = False
    """Whether the low frequencies are brought to the centre; without it the centre is the high ones."""
    crop_divisor: PositiveInt = 2
    """The central 1 / crop_divisor of each side is kept."""
    rule: str = "fixed"
    """`fixed`: `thresholds`; `mean`, `median`, `quantile:P`: one for each picture, of its own."""
    thresholds: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0, 4.0, 16.0)
    binarise: Literal["soft", "hard", "ste"] = "soft"
    """`hard` has no gradient: the term then teaches the generators nothing. `ste`: hard, with the soft gradient."""
    kappa: PositiveFloat = 0.25
    """How soft: the width of the sigmoid."""
    block_divisor: PositiveInt = 4
    """A block's side is the centre's divided by it."""
    stride_divisor: PositiveInt = 8
    """The blocks' distance is the centre's side divided by it."""
    cell: PositiveInt = 1
    """Side of the cells that are averaged within a block."""

    @field_validator("rule")
    @classmethod
    def _is_a_rule(cls, rule: str) -> str:
        name, _, share = rule.partition(":")
        try:
            known = rule in ("fixed", "mean", "median") or (name == "quantile" and 0 <= float(share) <= 1)
        except ValueError:
            known = False
        if not known:
            raise ValueError("it must be fixed, mean, median, or quantile:P with P from 0 to 1")
        return rule

    @property
    def quantile(self) -> float | None:
        """Of the centre, where the rule is one."""
        return 0.5 if self.rule == "median" else float(self.rule[9:]) if self.rule.startswith("quantile:") else None


class Contrast(Settings):
    """The frequency-contrastive term: NT-Xent on frequency features, cosine similarity (paper)."""

    form: Literal["frequency", "lineage", "none"] = "frequency"
    """`lineage`: FCL-GAN's, which has no gradient; `none`: left out (paper)."""
    temperature: PositiveFloat = 0.07
    """Of the paper's range, 0.07 to 0.2, the end that FCL-GAN takes."""
    bank: Annotated[int, Field(ge=0)] = 8
    """How many earlier pictures of the domain that is left are negatives."""
    source_negative: bool = True
    """Whether the very picture that was restored is a negative too."""
    frequency: Frequency = Frequency()
    lineage_window: PositiveInt = 64
    """Side of the lineage form's cells, in frequencies."""


class Restoration(Settings):
    """Weights of the five terms of L_theta, the difference of two pictures; the terms are the paper's."""

    l1: NonNegativeFloat = 1.0
    mse: NonNegativeFloat = 0.5
    perceptual: NonNegativeFloat = 0.1
    edge: NonNegativeFloat = 1.0
    ssim: NonNegativeFloat = 0.2


class Weights(Settings):
    """Weights of the terms of the generators' loss."""

    adversarial: NonNegativeFloat = 1.0
    cycle: NonNegativeFloat = 10.0
    contrast: NonNegativeFloat = 1.0
    identity: NonNegativeFloat = 5.0


class Balance(Settings):
    """When the discriminators rest; that they are frozen and unfrozen is the paper's, the rule is ours."""

    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old in the moving averages of accuracy and loss."""
    accuracy_high: Share = 0.9
    """They are frozen where they are right more often than this, and"""
    loss_low: NonNegativeFloat = 0.08
    """their loss is below this."""
    accuracy_low: Share = 0.8
    """They are unfrozen where they are right less often than this, or"""
    max_frozen: PositiveInt = 50
    """were frozen for so many steps."""
    warm_up: Annotated[int, Field(ge=0)] = 5
    """Steps before which nothing is frozen."""


class Optimiser(Settings):
    """Adam for both generators, Adam for both discriminators, each with a schedule."""

    rate: PositiveFloat = 2e-4
    """(paper)"""
    betas: tuple[Share, Share] = (0.5, 0.999)
    factor: PositiveFloat = 0.5
    """What the rate is multiplied by at each milestone (paper)."""
    milestones: tuple[Share, ...] = (0.5, 0.7, 0.85, 0.95)
    """Shares of the iterations, rounded down to one."""
    clip_norm: NonNegativeFloat = 20.0
    """Of the gradients of both generators together; 0: not clipped."""


class UFRGANTraining(Settings):
    """A training of UFR-GAN. How long and on how much at once stands in the ready configurations: ours too."""

    training: Training
    data: Data
    low: tuple[Pictures, ...] = ()
    """Real low-quality pictures. Without them half of the clean pictures are degraded for it, and never seen clean."""
    held_out_crops: PositiveInt = 24
    """How many squares of held-out pictures, degraded, the validation looks at."""
    generator: Annotated[Generator, BeforeValidator(_of_name)] = GENERATORS["base"]
    """`base`, `lite`, or sizes."""
    discriminator: Discriminator = Discriminator()
    initial: Initial = Initial()
    adversarial: Literal["lsgan", "bce"] = "lsgan"
    """Either is allowed by the paper."""
    pool: Annotated[int, Field(ge=0)] = 50
    """Earlier fakes of each domain that the discriminators are shown; 0: the new ones alone."""
    contrast: Contrast = Contrast()
    restoration: Restoration = Restoration()
    perceptual: Path | Literal["imagenet", "none"] = "imagenet"
    """Weights of the perceptual term's VGG19: a file, torchvision's where it put them, or no such term."""
    weights: Weights = Weights()
    balance: Balance = Balance()
    optimiser: Optimiser = Optimiser()
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Rate of the moving average of the generator that restores."""
    crop: Annotated[int, Field(ge=32, multiple_of=16)] = 128
    """Side of the squares that are trained on, in pixels."""
    flip: bool = True
    """Mirror every other one."""
    turn: bool = True
    """By a quarter, a half, three quarters of a turn, or not."""

    @model_validator(mode="after")
    def _the_crop_suits_the_networks(self) -> UFRGANTraining:
        if self.crop < self.discriminator.min_side:
            raise ValueError(
                f"crop {self.crop} is too small for the discriminator '{self.discriminator.layout}', which needs "
                f"{self.discriminator.min_side}"
            )
        if self.contrast.form == "lineage" and self.crop != 256:
            raise ValueError(f"the lineage form of the contrastive term works at crop 256 alone, not {self.crop}")
        frequency = self.contrast.frequency
        block = self.crop // frequency.crop_divisor // frequency.block_divisor
        if self.contrast.form == "frequency" and (block < 1 or block % frequency.cell):
            raise ValueError(
                f"cells of {frequency.cell} do not divide blocks of {block} frequencies (crop {self.crop})"
            )
        return self

"""The U-Net of ResShift: convolutions with a Swin layer at every resolution, told the low-quality picture.

Written from the paper (Yue, Wang, Loy, "ResShift: Efficient Diffusion Model for Image
Super-resolution by Residual Shifting", NeurIPS 2023, arXiv:2307.12348, section 2.2 and
appendix) and from a description of the released program. State-dict names and shapes are
those of the released checkpoints. Where that program departs from Swin or from what one
would expect, its weights were trained so; each such place says it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from restobench_methods.resshift.layers import Downsample, GroupNorm, ResidualBlock, Upsample, step_embedding
from restobench_methods.resshift.swin import SwinLayer


class Stage(nn.ModuleList):
    """Layers one after the other, of which the residual blocks are told the step."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, C, H, W) and (B, E) -> (B, C', H', W')."""
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResidualBlock) else layer(x)
        return x


class UNet(nn.Module):
    """Predicts from a noisy latent, the step and the low-quality picture (section 2.2: f_theta(x_t, y_0, t)).

    The defaults are those of the released network for super-resolution.
    """

    def __init__(
        self,
        *,
        image_size: int = 64,
        in_channels: int = 3,
        out_channels: int = 3,
        model_channels: int = 160,
        num_res_blocks: int | Sequence[int] = 2,
        attention_resolutions: Sequence[int] = (64, 32, 16, 8),
        channel_mult: Sequence[int] = (1, 2, 2, 4),
        dropout: float = 0.0,
        num_heads: int = 1,
        num_head_channels: int = 32,
        use_scale_shift_norm: bool = True,
        swin_depth: int = 2,
        swin_embed_dim: int = 192,
        window_size: int = 8,
        mlp_ratio: float = 4.0,
        patch_norm: bool = False,
        cond_mask: bool = False,
        lq_size: int = 64,
    ) -> None:
        """Build the network; the names are those of the released configurations.

        Args:
            image_size: Nominal side of the latent, halved from level to level. It decides where
                Swin layers stand, not what sizes can be run.
            in_channels: Of the latent, without the condition.
            out_channels: Of the prediction.
            model_channels: At the highest level, before `channel_mult`.
            num_res_blocks: Per level, or one number for all.
            attention_resolutions: Nominal sides at which the first block of a level gets a Swin layer.
            channel_mult: Factor of the channels, per level.
            dropout: Inside residual blocks.
            num_heads: Of the attention, where `num_head_channels` is -1.
            num_head_channels: Channels of one head.
            use_scale_shift_norm: Whether the step scales and shifts, or is added.
            swin_depth: Blocks in a Swin layer.
            swin_embed_dim: Channels inside Swin layers.
            window_size: Side of an attention window.
            mlp_ratio: How many times wider a Swin block's MLP is inside.
            patch_norm: Whether Swin layers normalise after their projections.
            cond_mask: Whether a mask comes with the low-quality picture.
            lq_size: Nominal side of the low-quality picture; where larger than `image_size`, a
                feature extractor brings it down.
        """
        super().__init__()
        self.model_channels = model_channels
        heads = num_heads if num_head_channels == -1 else swin_embed_dim // num_head_channels
        blocks = [num_res_blocks] * len(channel_mult) if isinstance(num_res_blocks, int) else list(num_res_blocks)
        embedding = 4 * model_channels
        widths = [multiple * model_channels for multiple in channel_mult]
        nominals = [image_size >> level for level in range(len(widths))]

        def residual(channels_in: int, channels_out: int) -> ResidualBlock:
            return ResidualBlock(
                channels_in, channels_out, embedding, scale_shift=use_scale_shift_norm, dropout=dropout
            )

        def swin(channels: int, nominal: int) -> SwinLayer:
            return SwinLayer(
                channels,
                swin_embed_dim,
                nominal,
                heads,
                depth=swin_depth,
                window=window_size,
                mlp_ratio=mlp_ratio,
                patch_norm=patch_norm,
            )

        self.time_embed = nn.Sequential(
            nn.Linear(model_channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.feature_extractor, condition = _feature_extractor(3 + cond_mask, lq_size, image_size)

        channels = widths[0]
        self.input_blocks = nn.ModuleList([Stage([nn.Conv2d(in_channels + condition, channels, 3, padding=1)])])
        skips = [channels]
        for level, (width, nominal) in enumerate(zip(widths, nominals, strict=True)):
            for number in range(blocks[level]):
                layers: list[nn.Module] = [residual(channels, width)]
                if number == 0 and nominal in attention_resolutions:
                    layers.append(swin(width, nominal))
                self.input_blocks.append(Stage(layers))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                self.input_blocks.append(Stage([Downsample(channels, channels)]))
                skips.append(channels)

        self.middle_block = Stage(
            [residual(channels, channels), swin(channels, nominals[-1]), residual(channels, channels)]
        )

        self.output_blocks = nn.ModuleList()
        for level in reversed(range(len(widths))):
            width, nominal = widths[level], nominals[level]
            for number in range(blocks[level] + 1):
                layers = [residual(channels + skips.pop(), width)]
                if number == 0 and nominal in attention_resolutions:
                    layers.append(swin(width, nominal))
                if level > 0 and number == blocks[level]:
                    layers.append(Upsample(width))
                self.output_blocks.append(Stage(layers))
                channels = width

        self.out = nn.Sequential(GroupNorm(channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))

    def forward(self, x: Tensor, steps: Tensor, lq: Tensor, mask: Tensor | None = None) -> Tensor:
        """Predict.

        Args:
            x: (B, C, H, W), the noisy latent, already normalised. Each level with a Swin layer
                must have sides that are multiples of its window: 64 for the released networks.
            steps: (B,), integers 0 ... T - 1 as they are, not rescaled to 0 ... 1000.
            lq: (B, 3, H', W') in [-1, 1], with H' / H as `lq_size` / `image_size`.
            mask: (B, 1, H', W') in [-1, 1], 1 = hole; wanted exactly where `cond_mask` is set.

        Returns:
            (B, C, H, W).

        Raises:
            ValueError: A map cannot be cut into windows.
        """
        return self.predict(x, steps, self.condition(lq, mask))

    def condition(self, lq: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the network is told of the low-quality picture, (B, F, H, W): the same at every step."""
        features: Tensor = self.feature_extractor(lq if mask is None else torch.cat([lq, mask], dim=1))
        return features

    def predict(self, x: Tensor, steps: Tensor, features: Tensor) -> Tensor:
        """As `forward`, of a condition that is already there."""
        embedding = self.time_embed(step_embedding(steps, self.model_channels))
        hidden = torch.cat([x, features.to(x.dtype)], dim=1)
        skips = []
        for stage in self.input_blocks:
            hidden = stage(hidden, embedding)
            skips.append(hidden)
        hidden = self.middle_block(hidden, embedding)
        for stage in self.output_blocks:
            hidden = stage(torch.cat([hidden, skips.pop()], dim=1), embedding)
        predicted: Tensor = self.out(hidden)
        return predicted


def _feature_extractor(in_channels: int, lq_size: int, image_size: int) -> tuple[nn.Module, int]:
    """What brings the condition down to the latent's size, and the channels it leaves."""
    if lq_size == image_size:
        return nn.Identity(), in_channels
    layers: list[nn.Module] = []
    channels = 16
    for _ in range(int(math.log(lq_size / image_size) / math.log(2))):
        layers += [nn.Conv2d(in_channels, channels, 3, padding=1), nn.SiLU(), Downsample(channels, 2 * channels)]
        in_channels = channels = 2 * channels
    return nn.Sequential(*layers), channels

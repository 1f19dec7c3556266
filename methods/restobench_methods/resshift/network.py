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
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKED = -100.0
"""Added to the logit of a pair that must not attend: exp(-100) is 0 beside any logit in float32."""


def step_embedding(steps: Tensor, dim: int) -> Tensor:
    """Sines and cosines of a step number, (B,) -> (B, dim), float32: cosines first, 0 at the end of an odd `dim`."""
    half = dim // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=steps.device) / half)
    angles = steps.float()[:, None] * frequencies
    embedding = torch.cat([angles.cos(), angles.sin()], dim=1)
    return F.pad(embedding, (0, dim % 2))


class GroupNorm(nn.GroupNorm):
    """32 groups, computed in float32 whatever the input is. (B, C, H, W) -> the same, in the input's dtype."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        """Normalise `channels`, a multiple of 32."""
        super().__init__(32, channels, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return super().forward(x.float()).to(x.dtype)


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is carried; the step's embedding scales and shifts between them.

    (B, C, H, W) and (B, E) -> (B, C', H, W).
    """

    def __init__(
        self, in_channels: int, out_channels: int, embedding_channels: int, *, scale_shift: bool, dropout: float
    ) -> None:
        """Without `scale_shift` the embedding is added instead."""
        super().__init__()
        self.scale_shift = scale_shift
        self.in_layers = nn.Sequential(
            GroupNorm(in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(embedding_channels, 2 * out_channels if scale_shift else out_channels)
        )
        last = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.out_layers = nn.Sequential(GroupNorm(out_channels), nn.SiLU(), nn.Dropout(dropout), last)
        self.skip_connection = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Add to `x` (or its projection) what the two convolutions make of it."""
        hidden = self.in_layers(x)
        told = self.emb_layers(embedding).to(hidden.dtype)[..., None, None]
        if self.scale_shift:
            scale, shift = told.chunk(2, dim=1)
            hidden = self.out_layers[1:](self.out_layers[0](hidden) * (1 + scale) + shift)
        else:
            hidden = self.out_layers(hidden + told)
        added: Tensor = self.skip_connection(x) + hidden
        return added


class Downsample(nn.Module):
    """Half the size by a strided convolution. (B, C, H, W) -> (B, C', H/2, W/2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Pads by one on every side, so that an odd side is rounded up."""
        super().__init__()
        self.op = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve."""
        halved: Tensor = self.op(x)
        return halved


class Upsample(nn.Module):
    """Twice the size by repeating pixels, then a convolution. (B, C, H, W) -> (B, C, 2 H, 2 W)."""

    def __init__(self, channels: int) -> None:
        """Keeps the channels."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Double."""
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return doubled


def window_and_shift(nominal: Sequence[int], window: int, shift: int) -> tuple[int, int]:
    """The window and shift that a block really has, by its nominal resolution (height, width).

    A block made for maps no larger than a window takes the whole map as its window and
    never shifts; the released program decides so once, by the nominal size, and keeps to
    it on larger maps. Hence the lowest level of the released networks never shifts.
    """
    return (min(nominal), 0) if min(nominal) <= window else (window, shift)


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for every query and key of a window, (N, N), int64; N = window², row-major.

    (row difference + window - 1) (2 window - 1) + (column difference + window - 1), query minus key.
    """
    place = torch.arange(window)
    difference = place[:, None] - place[None, :] + window - 1
    rows = difference[:, None, :, None] * (2 * window - 1)
    return (rows + difference[None, :, None, :]).reshape(window**2, window**2)


def bottom_row_mask(window: int, shift: int) -> Tensor:
    """What is added to the logits in a window of the bottom row, (N, N): 0, or BLOCKED between two sides.

    The sides are the window's left `window - shift` columns and its right `shift` columns.
    """
    right = (torch.arange(window) >= window - shift).repeat(window)
    return torch.where(right[:, None] != right[None, :], BLOCKED, 0.0)


def shifted_window_mask(height: int, width: int, window: int, shift: int) -> Tensor:
    """The mask of every window of a map, (windows, N, N), windows row-major.

    Not Swin's, which keeps apart whatever was not adjacent before the map was rolled. The
    released program divides the bottom row of windows alone, and by columns; the wrapped
    pixels at the right are not kept apart at all. The weights were trained with this.
    """
    rows, columns = _window_grid(height, width, window)
    mask = torch.zeros(rows, columns, window**2, window**2)
    if shift:
        mask[-1] = bottom_row_mask(window, shift)
    return mask.flatten(0, 1)


def _window_grid(height: int, width: int, window: int) -> tuple[int, int]:
    if height % window or width % window:
        raise ValueError(f"A map of {height} x {width} cannot be cut into windows of {window} x {window}.")
    return height // window, width // window


class WindowAttention(nn.Module):
    """Self-attention among the tokens of a window, with a learned bias for their relative positions.

    softmax(Q K^T / sqrt(d) + B) V, as in Swin (Liu et al., ICCV 2021, eq. 4).
    """

    relative_position_index: Tensor

    def __init__(self, dim: int, window: int, heads: int, *, qkv_bias: bool = True) -> None:
        """For `dim` channels in `heads` heads, and windows of `window` x `window` tokens."""
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", relative_position_index(window))
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, bottom: int = 0, bottom_mask: Tensor | None = None) -> Tensor:
        """(windows, N, D) -> the same.

        `bottom_mask` (N, N) is added to the logits of the last `bottom` windows. They get a
        call of their own, so that no mask as large as the map has to be made or read.
        """
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (windows, heads, N, d)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1).to(query.dtype)
        attend = F.scaled_dot_product_attention
        if bottom_mask is None:
            mixed = attend(query, key, value, attn_mask=bias[None])
        else:
            masked = bias + bottom_mask.to(bias.dtype)
            top = len(tokens) - bottom
            mixed = attend(query[top:], key[top:], value[top:], attn_mask=masked[None])
            if top:
                above = attend(query[:top], key[:top], value[:top], attn_mask=bias[None])
                mixed = torch.cat([above, mixed])
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class Mlp(nn.Module):
    """Two 1 x 1 convolutions with a GELU between them. (B, D, H, W) -> the same."""

    def __init__(self, dim: int, hidden: int) -> None:
        """Through `hidden` channels."""
        super().__init__()
        self.fc1 = nn.Conv2d(dim, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mix channels."""
        mixed: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return mixed


class SwinBlock(nn.Module):
    """Window attention, then an MLP, each added to its input. (B, D, H, W) -> the same.

    Both norms are group norms over the whole map, where Swin has a layer norm per token:
    every output depends on the whole tile.
    """

    bottom_mask: Tensor | None

    def __init__(
        self,
        dim: int,
        nominal: Sequence[int],
        heads: int,
        *,
        window: int = 8,
        shift: int = 0,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
    ) -> None:
        """For maps whose sides are multiples of the window, whatever the `nominal` (height, width) says."""
        super().__init__()
        self.window, self.shift = window_and_shift(nominal, window, shift)
        self.norm1 = GroupNorm(dim)
        self.attn = WindowAttention(dim, self.window, heads, qkv_bias=qkv_bias)
        self.norm2 = GroupNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        if self.shift:
            # The released files hold the mask of the nominal size, and an averaged one may have
            # drifted from it. It is loaded and never looked at.
            height, width = nominal
            self.register_buffer("attn_mask", shifted_window_mask(height, width, self.window, self.shift))
        mask = bottom_row_mask(self.window, self.shift) if self.shift else None
        self.register_buffer("bottom_mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within (shifted) windows, then mix channels."""
        x = x + self._attend(self.norm1(x))
        added: Tensor = x + self.mlp(self.norm2(x))
        return added

    def _attend(self, x: Tensor) -> Tensor:
        batch, dim, height, width = x.shape
        rows, columns = _window_grid(height, width, self.window)
        if self.shift:
            x = x.roll((-self.shift, -self.shift), dims=(2, 3))
        # Rows of windows outermost, the batch inside: the masked bottom row is then one slice at the end.
        grid = x.reshape(batch, dim, rows, self.window, columns, self.window).permute(2, 0, 4, 3, 5, 1)
        mixed = self.attn(grid.reshape(-1, self.window**2, dim), batch * columns, self.bottom_mask)
        grid = mixed.view(rows, batch, columns, self.window, self.window, dim).permute(1, 5, 0, 3, 2, 4)
        x = grid.reshape(batch, dim, height, width)
        return x.roll((self.shift, self.shift), dims=(2, 3)) if self.shift else x


class Projection(nn.Module):
    """A 1 x 1 convolution in front of a Swin layer's blocks, or behind them. (B, C, H, W) -> (B, C', H, W)."""

    def __init__(self, in_channels: int, out_channels: int, *, norm: bool) -> None:
        """With `norm`, followed by a group norm."""
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, 1)
        if norm:
            self.norm = GroupNorm(out_channels)
        self.normed = norm

    def forward(self, x: Tensor) -> Tensor:
        """Project."""
        projected: Tensor = self.proj(x)
        return self.norm(projected) if self.normed else projected


class SwinLayer(nn.Module):
    """Swin blocks of `dim` channels, every second one shifted. (B, C, H, W) -> the same.

    Nothing is carried around the layer: its output takes the input's place.
    """

    def __init__(
        self,
        channels: int,
        dim: int,
        nominal: int,
        heads: int,
        *,
        depth: int = 2,
        window: int = 8,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        patch_norm: bool = False,
    ) -> None:
        """For maps of nominally `nominal` x `nominal` pixels."""
        super().__init__()
        self.patch_embed = Projection(channels, dim, norm=patch_norm)
        self.patch_unembed = Projection(dim, channels, norm=patch_norm)
        self.blocks = nn.Sequential(
            *(
                SwinBlock(
                    dim,
                    (nominal, nominal),
                    heads,
                    window=window,
                    shift=window // 2 if number % 2 else 0,
                    mlp_ratio=mlp_ratio,
                    qkv_bias=qkv_bias,
                )
                for number in range(depth)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Project, attend, project back."""
        replaced: Tensor = self.patch_unembed(self.blocks(self.patch_embed(x)))
        return replaced


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

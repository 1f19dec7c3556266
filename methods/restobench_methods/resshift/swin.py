"""The Swin layers of ResShift's U-Net: attention within windows of a feature map, shifted in every second block.

Written from Liu et al., "Swin Transformer" (ICCV 2021, arXiv:2103.14030, section 3.2) and
from a description of the released program. Where that program departs from Swin, its weights
were trained so; each such place says it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench_methods.resshift.layers import GroupNorm

BLOCKED = -100.0
"""Added to the logit of a pair that must not attend: exp(-100) is 0 beside any logit in float32."""


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

"""The VQ autoencoders whose latents ResShift diffuses: VQGAN's, frozen.

Written from the papers (Esser, Rombach, Ommer, CVPR 2021; Rombach et al., CVPR 2022) and
from a description of the released program. State-dict names and shapes are those of the
released checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench_methods.resshift.layers import GroupNorm, Upsample

_DISTANCES = 2**25
"""Distances between positions and codes held at a time: 128 MB. A latent of 512 x 512 has 2^31."""


def _norm(channels: int) -> GroupNorm:
    # The U-Net's is 1e-5.
    return GroupNorm(channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is carried. (B, C, H, W) -> (B, C', H, W)."""

    def __init__(self, in_channels: int, out_channels: int, dropout: float = 0.0) -> None:
        """Where the channels change, the input is carried through a 1 x 1 convolution."""
        super().__init__()
        self.norm1 = _norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = _norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.changes = in_channels != out_channels
        if self.changes:
            self.nin_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(self.dropout(F.silu(self.norm2(hidden))))
        added: Tensor = (self.nin_shortcut(x) if self.changes else x) + hidden
        return added


class Attention(nn.Module):
    """Every position attends to every other, in a single head. (B, C, H, W) -> the same.

    Quadratic in time; in memory only as PyTorch's kernel for the device is (linear on the
    CPU, and on CUDA devices where the memory-efficient kernel runs).
    """

    def __init__(self, channels: int) -> None:
        """Keeps the channels."""
        super().__init__()
        self.norm = _norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the positions gather from each other."""
        normed = self.norm(x)
        # Contiguous: of channels that lie apart PyTorch would hold all (H W)² scores at once.
        query, key, value = (part(normed).flatten(2).mT.contiguous()[:, None] for part in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(query, key, value)  # (B, 1, H W, C)
        added: Tensor = x + self.proj_out(mixed.squeeze(1).mT.reshape(x.shape))
        return added


class HalvedAtTheEnd(nn.Module):
    """Half the size; the zeros that the strided convolution needs stand below and at the right alone.

    (B, C, H, W) -> (B, C, floor(H/2), floor(W/2)).
    """

    def __init__(self, channels: int) -> None:
        """Keeps the channels."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Halve."""
        halved: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return halved


class Middle(nn.Module):
    """Two residual blocks with attention between them. (B, C, H, W) -> the same."""

    def __init__(self, channels: int, dropout: float) -> None:
        """Keeps the channels."""
        super().__init__()
        self.block_1 = ResidualBlock(channels, channels, dropout)
        self.attn_1 = Attention(channels)
        self.block_2 = ResidualBlock(channels, channels, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Mix."""
        mixed: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return mixed


class Level(nn.Module):
    """The residual blocks of one resolution, and the step to the next where there is one."""

    def __init__(self, blocks: Sequence[ResidualBlock]) -> None:
        """The step, `downsample` or `upsample`, is set by who builds the level."""
        super().__init__()
        self.block = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            if name in self._modules:
                x = getattr(self, name)(x)
        return x


def _blocks(count: int, in_channels: int, out_channels: int, dropout: float) -> list[ResidualBlock]:
    """`count` blocks in a row, of which the first changes the channels."""
    return [ResidualBlock(out_channels if number else in_channels, out_channels, dropout) for number in range(count)]


class Encoder(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> (B, Z, H/f, W/f), f = 2^(levels - 1)."""

    def __init__(self, in_channels: int, widths: Sequence[int], blocks: Sequence[int], z: int, dropout: float) -> None:
        """`widths` and `blocks` per level, the finest first."""
        super().__init__()
        self.conv_in = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        channels = widths[0]
        for level, width in enumerate(widths):
            stage = Level(_blocks(blocks[level], channels, width, dropout))
            if level < len(widths) - 1:
                stage.downsample = HalvedAtTheEnd(width)
            self.down.append(stage)
            channels = width
        self.mid = Middle(channels, dropout)
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, z, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Encode."""
        hidden = self.conv_in(x)
        for stage in self.down:
            hidden = stage(hidden)
        encoded: Tensor = self.conv_out(F.silu(self.norm_out(self.mid(hidden))))
        return encoded


class Decoder(nn.Module):
    """(B, Z, h, w) -> (B, 3, f h, f w); nothing bounds what comes out."""

    def __init__(self, out_channels: int, widths: Sequence[int], blocks: Sequence[int], z: int, dropout: float) -> None:
        """`widths` and `blocks` are the encoder's; each level has one block more than there."""
        super().__init__()
        channels = widths[-1]
        self.conv_in = nn.Conv2d(z, channels, 3, padding=1)
        self.mid = Middle(channels, dropout)
        stages: list[Level] = []
        for level in reversed(range(len(widths))):
            stage = Level(_blocks(blocks[level] + 1, channels, widths[level], dropout))
            channels = widths[level]
            if level > 0:
                stage.upsample = Upsample(channels)
            stages.append(stage)
        self.up = nn.ModuleList(reversed(stages))
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, out_channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Decode."""
        hidden = self.mid(self.conv_in(z))
        for stage in reversed(self.up):
            hidden = stage(hidden)
        decoded: Tensor = self.conv_out(F.silu(self.norm_out(hidden)))
        return decoded


class Quantiser(nn.Module):
    """The nearest row of the codebook for every position."""

    def __init__(self, codes: int, dim: int) -> None:
        """A codebook of `codes` rows."""
        super().__init__()
        self.embedding = nn.Embedding(codes, dim)
        nn.init.uniform_(self.embedding.weight, -1 / codes, 1 / codes)

    def codes(self, z: Tensor) -> Tensor:
        """(B, D, h, w) -> (B h w,), int64: the code at the least squared distance, the lower of two as near.

        |z|² + |e|² - 2 z·e, in float32 whatever is autocast: in half precision near-ties flip.
        """
        book = self.embedding.weight.float()
        positions = z.detach().float().permute(0, 2, 3, 1).reshape(-1, book.shape[1])
        book_norms = book.square().sum(dim=1)
        found = []
        with torch.autocast(z.device.type, enabled=False), torch.no_grad():
            for some in positions.split(max(1, _DISTANCES // len(book))):
                distances = some.square().sum(dim=1, keepdim=True) + book_norms
                distances.addmm_(some, book.T, alpha=-2)
                found.append(distances.argmin(dim=1))
        return torch.cat(found)

    def forward(self, z: Tensor) -> Tensor:
        """(B, D, h, w) -> the same, each position a row of the codebook.

        As z + (e - z), which lets gradients through to z and differs from e in the last bit.
        """
        batch, dim, height, width = z.shape
        nearest = self.embedding(self.codes(z)).view(batch, height, width, dim).permute(0, 3, 1, 2).to(z.dtype)
        quantised: Tensor = z + (nearest - z).detach()
        return quantised


class VQAutoencoder(nn.Module):
    """Pictures to latents and back. The defaults are those of the released f4 autoencoder for natural pictures."""

    def __init__(
        self,
        *,
        embed_dim: int = 3,
        n_embed: int = 8192,
        z_channels: int = 3,
        in_channels: int = 3,
        out_ch: int = 3,
        ch: int = 128,
        ch_mult: Sequence[int] = (1, 2, 4),
        num_res_blocks: int | Sequence[int] = 2,
        dropout: float = 0.0,
    ) -> None:
        """Build the autoencoder; the names are those of the released configurations.

        Args:
            embed_dim: Channels of a latent, and of a code.
            n_embed: Codes in the book.
            z_channels: Channels that leave the encoder.
            in_channels: Of a picture.
            out_ch: Of a restored picture.
            ch: Channels at the finest level, before `ch_mult`.
            ch_mult: Factor of the channels, per level.
            num_res_blocks: Per level, or one number for all.
            dropout: Inside residual blocks.
        """
        super().__init__()
        widths = [multiple * ch for multiple in ch_mult]
        blocks = [num_res_blocks] * len(widths) if isinstance(num_res_blocks, int) else list(num_res_blocks)
        self.encoder = Encoder(in_channels, widths, blocks, z_channels, dropout)
        self.decoder = Decoder(out_ch, widths, blocks, z_channels, dropout)
        self.quantize = Quantiser(n_embed, embed_dim)
        self.quant_conv = nn.Conv2d(z_channels, embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, z_channels, 1)

    def encode(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, D, floor(H/f), floor(W/f)): continuous, not quantised."""
        latent: Tensor = self.quant_conv(self.encoder(picture))
        return latent

    def decode(self, latent: Tensor, *, quantise: bool = True) -> Tensor:
        """(B, D, h, w) -> (B, 3, f h, f w), which may leave [-1, 1]."""
        if quantise:
            latent = self.quantize(latent)
        picture: Tensor = self.decoder(self.post_quant_conv(latent))
        return picture

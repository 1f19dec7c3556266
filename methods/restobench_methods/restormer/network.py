"""The network of Restormer (Zamir et al., CVPR 2022; arXiv:2111.09881), with the names of the released checkpoints.

A U-Net of four levels whose blocks attend across channels. All maps are (B, C, H, W); sides
are multiples of 8, for the size is halved three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LayerNormType = Literal["WithBias", "BiasFree"]


class Norm(nn.Module):
    """The layer norm over the channels of each position: (x - mean) / sqrt(variance + 1e-5) * weight + bias."""

    def __init__(self, dim: int) -> None:
        """Begin as x / sqrt(variance), centred."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        positions = x.permute(0, 2, 3, 1)
        return F.layer_norm(positions, self.weight.shape, self.weight, self.bias).permute(0, 3, 1, 2)


class BiasFreeNorm(nn.Module):
    """x / sqrt(variance + 1e-5) * weight.

    The variance is that of x - mean, but x itself is divided: without any added constant a
    denoiser works at noise levels that it was not trained on.
    """

    def __init__(self, dim: int) -> None:
        """Begin as x / sqrt(variance)."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same; in float32 under autocast, as the other norm is."""
        x = x.float()
        variance = x.var(dim=1, keepdim=True, correction=0)
        return x * (variance + 1e-5).rsqrt() * self.weight[:, None, None]


class LayerNorm(nn.Module):
    """One of the two norms, under the name that checkpoints have for it."""

    def __init__(self, dim: int, kind: LayerNormType) -> None:
        """Of `dim` channels."""
        super().__init__()
        self.body = BiasFreeNorm(dim) if kind == "BiasFree" else Norm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        normed: Tensor = self.body(x)
        return normed


class ChannelAttention(nn.Module):
    """Multi-Dconv head transposed attention (MDTA; section 3.1, eq. 1).

    V softmax(K Q temperature): every channel is a mixture of its head's channels, so that the
    cost is linear in the positions. Q and K have unit length along the positions. The paper's
    formula divides by alpha; the released weights hold 1 / alpha and multiply.
    """

    def __init__(self, dim: int, num_heads: int, bias: bool) -> None:
        """`num_heads` groups of `dim / num_heads` channels."""
        super().__init__()
        self.num_heads = num_heads
        self.temperature = nn.Parameter(torch.ones(num_heads, 1, 1))
        self.qkv = nn.Conv2d(dim, 3 * dim, 1, bias=bias)
        self.qkv_dwconv = nn.Conv2d(3 * dim, 3 * dim, 3, padding=1, groups=3 * dim, bias=bias)
        self.project_out = nn.Conv2d(dim, dim, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, through maps of (B, heads, C / heads, C / heads)."""
        qkv = self.qkv_dwconv(self.qkv(x)).flatten(2)
        q, k, v = qkv.unflatten(1, (3, self.num_heads, -1)).unbind(1)  # (B, heads, C / heads, H W)
        q = q * (self.temperature / _length(q)).to(q.dtype)
        k = k * (1 / _length(k)).to(k.dtype)
        # To this function channels are the sequence, and positions what each element of it holds.
        mixed = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        out: Tensor = self.project_out(mixed.flatten(1, 2).unflatten(-1, x.shape[-2:]))
        return out


def _length(x: Tensor) -> Tensor:
    """Along the last dimension, (..., n) -> (..., 1); float32, for the sum of squares overflows half precision."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    return length.clamp_min(1e-12)


class FeedForward(nn.Module):
    """Gated-Dconv feed-forward network (GDFN; section 3.2, eq. 2): gelu(a) b, where a and b are halves of one map."""

    def __init__(self, dim: int, ffn_expansion_factor: float, bias: bool) -> None:
        """Through `dim` times the factor channels, rounded down."""
        super().__init__()
        hidden = int(dim * ffn_expansion_factor)
        self.project_in = nn.Conv2d(dim, 2 * hidden, 1, bias=bias)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=bias)
        self.project_out = nn.Conv2d(hidden, dim, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        a, b = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        out: Tensor = self.project_out(F.gelu(a) * b)
        return out


class TransformerBlock(nn.Module):
    """x + MDTA(norm(x)), and of that y + GDFN(norm(y))."""

    def __init__(self, dim: int, num_heads: int, ffn_expansion_factor: float, bias: bool, norm: LayerNormType) -> None:
        """On `dim` channels."""
        super().__init__()
        self.norm1 = LayerNorm(dim, norm)
        self.attn = ChannelAttention(dim, num_heads, bias)
        self.norm2 = LayerNorm(dim, norm)
        self.ffn = FeedForward(dim, ffn_expansion_factor, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        x = x + self.attn(self.norm1(x))
        y: Tensor = x + self.ffn(self.norm2(x))
        return y


class PatchEmbed(nn.Module):
    """The first convolution, from a picture to its features; it never has a bias."""

    def __init__(self, channels: int, dim: int) -> None:
        """From a picture's channels to `dim`."""
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, dim, H, W)."""
        features: Tensor = self.proj(x)
        return features


class Downsample(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, dim: int) -> None:
        """From `dim` channels."""
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(dim, dim // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2 C, H / 2, W / 2)."""
        halved: Tensor = self.body(x)
        return halved


class Upsample(nn.Module):
    """Twice the size, half the channels."""

    def __init__(self, dim: int) -> None:
        """From `dim` channels."""
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(dim, 2 * dim, 3, padding=1, bias=False), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C / 2, 2 H, 2 W)."""
        doubled: Tensor = self.body(x)
        return doubled


class Restormer(nn.Module):
    """The whole network (section 3, fig. 2): an encoder, a decoder with skips, a refinement, and the input added."""

    def __init__(
        self,
        inp_channels: int = 3,
        out_channels: int = 3,
        dim: int = 48,
        num_blocks: Sequence[int] = (4, 6, 6, 8),
        num_refinement_blocks: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        ffn_expansion_factor: float = 2.66,
        bias: bool = False,
        LayerNorm_type: LayerNormType = "WithBias",  # noqa: N803  # the released configurations' name for it
        dual_pixel_task: bool = False,
    ) -> None:
        """The arguments are those of the released configurations.

        Args:
            inp_channels: Of the input; 6 for the two views of a dual-pixel camera.
            out_channels: Of the result.
            dim: Channels of the first level; each level below has twice as many.
            num_blocks: Of the four levels, the decoder's three as the encoder's.
            num_refinement_blocks: After the decoder, on twice `dim` channels.
            heads: Of the four levels.
            ffn_expansion_factor: How many times wider a block's feed-forward part is than its level.
            bias: Of all convolutions but the first and those that change the size.
            LayerNorm_type: Which of the two norms.
            dual_pixel_task: Add the first features before the last convolution, instead of the input after it.
        """
        super().__init__()
        dims = [dim * 2**level for level in range(4)]

        def stage(level: int, blocks: int, width: int) -> nn.Sequential:
            return nn.Sequential(
                *(
                    TransformerBlock(width, heads[level], ffn_expansion_factor, bias, LayerNorm_type)
                    for _ in range(blocks)
                )
            )

        self.patch_embed = PatchEmbed(inp_channels, dim)
        self.encoder_level1 = stage(0, num_blocks[0], dims[0])
        self.down1_2 = Downsample(dims[0])
        self.encoder_level2 = stage(1, num_blocks[1], dims[1])
        self.down2_3 = Downsample(dims[1])
        self.encoder_level3 = stage(2, num_blocks[2], dims[2])
        self.down3_4 = Downsample(dims[2])
        self.latent = stage(3, num_blocks[3], dims[3])

        self.up4_3 = Upsample(dims[3])
        self.reduce_chan_level3 = nn.Conv2d(dims[3], dims[2], 1, bias=bias)
        self.decoder_level3 = stage(2, num_blocks[2], dims[2])
        self.up3_2 = Upsample(dims[2])
        self.reduce_chan_level2 = nn.Conv2d(dims[2], dims[1], 1, bias=bias)
        self.decoder_level2 = stage(1, num_blocks[1], dims[1])
        self.up2_1 = Upsample(dims[1])
        # Here nothing is reduced, so that the last blocks have twice the first level's channels.
        self.decoder_level1 = stage(0, num_blocks[0], dims[1])
        self.refinement = stage(0, num_refinement_blocks, dims[1])
        self.skip_conv = nn.Conv2d(dims[0], dims[1], 1, bias=bias) if dual_pixel_task else None
        self.output = nn.Conv2d(dims[1], out_channels, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inp_channels, H, W) -> (B, out_channels, H, W), not clamped; H and W multiples of 8."""
        features = self.patch_embed(x)
        level1 = self.encoder_level1(features)
        level2 = self.encoder_level2(self.down1_2(level1))
        level3 = self.encoder_level3(self.down2_3(level2))
        latent = self.latent(self.down3_4(level3))

        up3 = self.reduce_chan_level3(torch.cat([self.up4_3(latent), level3], dim=1))
        up2 = self.reduce_chan_level2(torch.cat([self.up3_2(self.decoder_level3(up3)), level2], dim=1))
        up1 = torch.cat([self.up2_1(self.decoder_level2(up2)), level1], dim=1)
        refined = self.refinement(self.decoder_level1(up1))
        if self.skip_conv is not None:
            of_two_views: Tensor = self.output(refined + self.skip_conv(features))
            return of_two_views
        restored: Tensor = self.output(refined) + x
        return restored

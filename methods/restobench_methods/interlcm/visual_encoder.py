"""The visual encoder of InterLCM: CLIP's image tokens to what stands in the place of a text embedding.

The paper (arXiv:2502.02215, section 3.2) says what it is for and not of what layers; those
are the released checkpoint's, whose names they bear. One-dimensional convolutions, in which
the tokens are the channels and the 768 features the length.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 768
"""The width of CLIP's tokens and of the U-Net's text embedding; all lengths below belong to it."""

FIRST_LENGTH = 256
LEVELS = ((8, 512), (4, 768), (2, None))
"""Of each level the channels, in widths, and the length that it hands on (None: its own)."""

ATTENTION_CHANNELS = 512
"""In a level an attention follows a residual block of exactly so many channels."""


class Resample(nn.Module):
    """Nearest neighbours along the length, then a convolution."""

    def __init__(self, channels: int, length: int) -> None:
        """To `length`, whatever the length was."""
        super().__init__()
        self.length = length
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, length)."""
        resampled: Tensor = self.conv(F.interpolate(x, size=self.length, mode="nearest"))
        return resampled


class Residual(nn.Module):
    """x + conv(swish(norm(conv(swish(norm(x)))))), x through a 1 x 1 convolution where the channels change."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """From so many channels to so many."""
        super().__init__()
        self.norm1 = _norm(in_channels)
        self.conv1 = nn.Conv1d(in_channels, out_channels, 3, padding=1)
        self.norm2 = _norm(out_channels)
        self.conv2 = nn.Conv1d(out_channels, out_channels, 3, padding=1)
        self.conv_out = nn.Identity() if in_channels == out_channels else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C', L)."""
        added: Tensor = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        kept: Tensor = self.conv_out(x)
        return kept + added


class Attention(nn.Module):
    """x + proj(softmax(Q K^T / sqrt(C)) V): every position of the length looks at every other, in one head."""

    def __init__(self, channels: int) -> None:
        """Of so many channels."""
        super().__init__()
        self.norm = _norm(channels)
        self.q = nn.Conv1d(channels, channels, 1)
        self.k = nn.Conv1d(channels, channels, 1)
        self.v = nn.Conv1d(channels, channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        normed = self.norm(x)
        query, key, value = (part(normed).mT for part in (self.q, self.k, self.v))  # (B, L, C)
        mixed: Tensor = self.proj_out(F.scaled_dot_product_attention(query, key, value).mT)
        return x + mixed


class VisualEncoder(nn.Module):
    """CLIP's tokens, (B, tokens, 768) -> the visual embedding, (B, 77, 768)."""

    def __init__(self, tokens: int = 197, *, width: int = 64, residuals: int = 2, embeddings: int = 77) -> None:
        """Build the network; the defaults are the released one's, 12,960,845 parameters.

        Args:
            tokens: How many CLIP gives: one for each patch, and the class token.
            width: Of which the channels of the levels are multiples; a multiple of 16.
            residuals: Blocks in each level.
            embeddings: How many a text would have.
        """
        super().__init__()
        channels = LEVELS[0][0] * width
        blocks: list[nn.Module] = [
            nn.Conv1d(tokens, channels, 3, padding=1),
            Resample(channels, FIRST_LENGTH),
            Residual(channels, channels),
            Attention(channels),
            Residual(channels, channels),
        ]
        for widths, length in LEVELS:
            for _ in range(residuals):
                blocks.append(Residual(channels, widths * width))
                channels = widths * width
                if channels == ATTENTION_CHANNELS:
                    blocks.append(Attention(channels))
            if length:
                blocks.append(Resample(channels, length))
        blocks += [_norm(channels), nn.Conv1d(channels, embeddings, 3, padding=1)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, tokens, 768) -> (B, embeddings, 768).

        Raises:
            ValueError: The tokens have another number of features.
        """
        if tokens.shape[-1] != FEATURES:
            raise ValueError(f"The visual encoder takes tokens of {FEATURES} features, not of {tokens.shape[-1]}.")
        x = tokens
        for block in self.blocks:
            x = block(x)
        return x


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)

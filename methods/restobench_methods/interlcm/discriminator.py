"""The discriminator that InterLCM is trained against: one verdict for each patch of a picture.

As in pix2pix (arXiv:1611.07004) and VQGAN; layers and names of the released program.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> (B, 1, h, w), larger where a patch looks real.

    Keep it in training mode: the batch norms then take the statistics of the batch in hand,
    and the running ones, which every pass moves, are never used.
    """

    def __init__(self, channels: int = 3, *, width: int = 64, halvings: int = 4) -> None:
        """Build it.

        Args:
            channels: Of the picture.
            width: Of the first layer; doubled by each of the next, up to eight times.
            halvings: Layers that halve the size.
        """
        super().__init__()
        widths = [width * 2 ** min(number, 3) for number in range(halvings)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers += _normed(before, after, stride=2)
        layers += _normed(widths[-1], widths[-1], stride=1)
        layers.append(nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1))
        self.main = nn.Sequential(*layers)

    def forward(self, picture: Tensor) -> Tensor:
        """The verdicts, without a sigmoid."""
        verdicts: Tensor = self.main(picture)
        return verdicts


def _normed(before: int, after: int, *, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]

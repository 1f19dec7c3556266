"""The discriminators: PatchGANs, which score every patch of a picture (Isola et al., CVPR 2017)."""

from __future__ import annotations

from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench_methods.ufrgan.configuration import Discriminator as Configuration


class Discriminator(nn.Module):
    """Convolutions of 4 x 4 with instance norm and LeakyReLU; one score for each patch.

    `patchgan70` sees patches of 70 x 70 and keeps the size in the fourth layer; `lineage`, that of
    FCL-GAN, halves there too and pads left and above alone before the last.
    """

    def __init__(self, configuration: Configuration) -> None:
        """With weights as PyTorch makes them; training begins with `initialise`."""
        super().__init__()
        self.layout, self.min_side = configuration.layout, configuration.min_side
        width, lineage = configuration.first_width, configuration.layout == "lineage"
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level in range(3):
            stride = 2 if lineage or level < 2 else 1
            layers += [
                nn.Conv2d(2**level * width, 2 ** (level + 1) * width, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(2 ** (level + 1) * width),
                nn.LeakyReLU(0.2),
            ]
        if lineage:
            layers.append(nn.ZeroPad2d((1, 0, 1, 0)))
        layers.append(nn.Conv2d(8 * width, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def initialise(self, deviation: float) -> None:
        """Weights normal with this deviation around 0, biases 0."""
        for layer in self.model:
            if isinstance(layer, nn.Conv2d):
                assert layer.bias is not None
                nn.init.normal_(layer.weight, 0.0, deviation)
                nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores, (B, 3, H, W) in [0, 1] -> (B, 1, h, w): about 1 for real (LSGAN), or logits (BCE).

        Raises:
            RestobenchError: A side is shorter than 32 pixels, or 48 for `lineage`.
        """
        height, width = pictures.shape[-2:]
        if min(height, width) < self.min_side:
            raise RestobenchError(
                f"The discriminator '{self.layout}' needs sides of at least {self.min_side} pixels, and this picture "
                f"is {width} x {height}; train on larger crops."
            )
        scores: Tensor = self.model(pictures)
        return scores

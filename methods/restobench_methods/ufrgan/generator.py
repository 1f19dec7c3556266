"""The generators: two Restormers of one configuration, from low quality to high and back."""

from __future__ import annotations

import torch
from torch import nn

from restobench_methods.restormer.network import Restormer
from restobench_methods.ufrgan.configuration import Generator


def build_generator(configuration: Generator, output_scale: float = 1.0) -> Restormer:
    """A generator whose layers begin as PyTorch makes them.

    Args:
        configuration: Its sizes.
        output_scale: What its last convolution is multiplied by. The input is added to that
            convolution's result, so that a small one begins near the identity.
    """
    generator = Restormer(**configuration.model_dump())
    with torch.no_grad():
        for parameter in generator.output.parameters():
            parameter.mul_(output_scale)
    return generator


class UFRGANCheckpoint(nn.Module):
    """What a finished checkpoint holds: the generator that restores, its names beginning with `generator.`."""

    def __init__(self, generator: Restormer) -> None:
        """Around a generator."""
        super().__init__()
        self.generator = generator

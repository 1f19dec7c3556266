"""The exponential moving average of a network's weights, which is what a training ends in."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Average(Generic[AnyModule]):
    """e <- rate e + (1 - rate) w after every step, begun as a copy of the network."""

    def __init__(self, network: AnyModule, rate: float) -> None:
        """Copy the network; `rate` in [0, 1), the share that stays."""
        self.rate = rate
        self.network: AnyModule = deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move every weight towards the network's; what is no weight (masks, indices, counts) becomes the network's."""
        weights = dict(network.named_parameters())
        averages = dict(self.network.named_parameters())
        torch._foreach_lerp_(list(averages.values()), [weights[name] for name in averages], 1 - self.rate)
        for name, buffer in self.network.named_buffers():
            buffer.copy_(network.get_buffer(name))

"""Earlier fakes, which the discriminators are shown among the new ones (Shrivastava et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Keeps up to `size` pictures, by CycleGAN's rule: first it fills, then every other newcomer takes a place."""

    def __init__(self, size: int) -> None:
        """Empty; of size 0 it lets everything through."""
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, newcomers: Tensor, generator: torch.Generator) -> Tensor:
        """Put fakes in, and take as many out.

        Args:
            newcomers: (B, C, H, W); kept and returned without their gradients.
            generator: Where chance comes from; on the CPU.

        Returns:
            (B, C, H, W): while the pool fills the newcomers themselves; then each of them with
            probability 1/2, and else a picture of the pool whose place the newcomer takes.
        """
        if self.size == 0:
            return newcomers.detach()
        return torch.stack([self._exchange_one(picture, generator) for picture in newcomers.detach()])

    def _exchange_one(self, newcomer: Tensor, generator: torch.Generator) -> Tensor:
        if len(self.pictures) < self.size:
            self.pictures.append(newcomer.clone())
            return newcomer
        if torch.rand((), generator=generator) < 0.5:
            return newcomer
        place = int(torch.randint(self.size, (), generator=generator))
        earlier, self.pictures[place] = self.pictures[place], newcomer.clone()
        return earlier.to(newcomer.device)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs."""
        return {"pictures": [picture.cpu() for picture in self.pictures]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from it; pictures move to the device when they are needed there."""
        self.pictures = [picture.clone() for picture in state["pictures"]]

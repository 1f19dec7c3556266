"""Mixing the degradations of several training batches.

The pictures of a batch share their scales and kinds of noise (`real_esrgan.Choices`). A pool of
earlier pairs, from which each step takes some at random, gives a step pictures of many kinds
(Real-ESRGAN, section 3.5, "training pair pool").
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from restobench.errors import RestobenchError


class PairPool:
    """The pairs of the last batches."""

    def __init__(self, batches: int = 10) -> None:
        """An empty pool for so many batches, at least 1."""
        if batches < 1:
            raise RestobenchError(f"A pool holds at least one batch, not {batches}.")
        self._batches = batches
        self._lq: list[Tensor] = []
        self._gt: list[Tensor] = []

    def exchange(self, lq: Tensor, gt: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Give a batch of pairs and get as many back.

        While the pool fills, these are the given ones. Then the pool is shuffled (one
        `torch.randperm`) and its first pairs change places with the given ones.

        Args:
            lq: (B, C, h, w).
            gt: (B, C, H, W), paired with it.
            generator: On any device.

        Raises:
            RestobenchError: The shapes differ from the first batch's.
        """
        if self._lq and (lq.shape[1:] != self._lq[0].shape or gt.shape[1:] != self._gt[0].shape):
            raise RestobenchError("A pool mixes pictures of one size; crop them to the size of the first batch.")
        if len(lq) != len(gt):
            raise RestobenchError(f"{len(lq)} degraded pictures are not paired with {len(gt)} clean ones.")
        if not self._lq:
            self._capacity = self._batches * len(lq)
        if len(self._lq) < self._capacity:
            self._lq += lq.clone().unbind()
            self._gt += gt.clone().unbind()
            return lq, gt
        order = torch.randperm(len(self._lq), generator=generator, device=generator.device).tolist()
        self._lq = [self._lq[place] for place in order]
        self._gt = [self._gt[place] for place in order]
        taken = torch.stack(self._lq[: len(lq)]), torch.stack(self._gt[: len(gt)])
        self._lq[: len(lq)] = lq.clone().unbind()
        self._gt[: len(gt)] = gt.clone().unbind()
        return taken

    def state(self) -> dict[str, Any]:
        """The pairs and how many there may be, for `resume`; nothing before the first batch."""
        if not self._lq:
            return {}
        return {"lq": torch.stack(self._lq), "gt": torch.stack(self._gt), "capacity": self._capacity}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Hold what `state` gave, on the device where it is: a training goes on as it would have."""
        # A copy each: views would keep all of them in memory as long as one is held.
        self._lq, self._gt = ([one.clone() for one in state[name]] if state else [] for name in ("lq", "gt"))
        if state:
            self._capacity = int(state["capacity"])

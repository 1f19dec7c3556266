"""The contrastive term: a generated picture shall resemble real ones of its domain, and not what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from restobench_methods.ufrgan.configuration import Contrast as Configuration
from restobench_methods.ufrgan.frequency import frequency_features
from restobench_methods.ufrgan.lineage import lineage_contrast, lineage_maps


def nt_xent(anchor: Tensor, positives: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Normalised, temperature-scaled cross-entropy, block by block with the block of the same number; a scalar.

    For each positive -log(e^p / (e^p + sum over negatives e^n)), p and n cosine similarities
    over the temperature; the mean over pictures, positives and blocks. Without a negative: 0.

    Args:
        anchor: (B, K, d).
        positives: (B, P, K, d).
        negatives: (B, N, K, d).
        temperature: Tau of the paper, 0.07 to 0.2.
    """
    alike = F.cosine_similarity(anchor[:, None], positives, dim=-1) / temperature
    unlike = F.cosine_similarity(anchor[:, None], negatives, dim=-1) / temperature
    return F.softplus(unlike.logsumexp(dim=1, keepdim=True) - alike).mean()


class FeatureBank:
    """The features of the last `size` pictures of one domain, the oldest first."""

    def __init__(self, size: int) -> None:
        """Empty."""
        self.size = size
        self.entries: Tensor | None = None
        """(n, K, d), n at most `size`; None where there are none."""

    def push(self, features: Tensor) -> None:
        """Put a batch's features (B, K, d) in, and the oldest out; of another size than before they begin anew."""
        known = self.entries
        if known is not None and known.shape[1:] == features.shape[1:]:
            features = torch.cat([known.to(features.device), features])
        kept = features.detach()[max(0, len(features) - self.size) :].clone()
        self.entries = kept if len(kept) else None

    def negatives(self, like: Tensor) -> Tensor:
        """The entries for every picture of a batch whose features are `like` (B, K, d): (B, n, K, d)."""
        if self.entries is None or self.entries.shape[1:] != like.shape[1:]:
            return like.new_zeros((len(like), 0, *like.shape[1:]))
        return self.entries.to(like.device).expand(len(like), *self.entries.shape)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs."""
        return {"entries": None if self.entries is None else self.entries.cpu()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from it; entries move to the device when they are needed there."""
        self.entries = None if state["entries"] is None else state["entries"].clone()


class ContrastiveTerm:
    """The term of one generator, with the bank of the domain that it leaves.

    For the generator from L to H: the anchor is what it made, the positive the H picture of the
    same number in the batch, the negatives the L picture that it was made from and earlier L
    pictures. For the other the mirror image.
    """

    def __init__(self, configuration: Configuration) -> None:
        """With an empty bank."""
        self.configuration = configuration
        self.bank = FeatureBank(configuration.bank)

    def features(self, pictures: Tensor) -> Tensor:
        """What is compared of pictures (B, 3, H, W): (B, K, d), of the lineage form (B, h, w)."""
        told = self.configuration
        if told.form == "lineage":
            return lineage_maps(pictures, told.lineage_window)
        return frequency_features(pictures, told.frequency)

    def __call__(self, anchor: Tensor, positive: Tensor, source: Tensor) -> Tensor:
        """The loss, a scalar; gradients flow into the anchor alone.

        Args:
            anchor: Features of the generated pictures.
            positive: Of real ones of the domain that they are to belong to.
            source: Of those that they were made from.
        """
        told = self.configuration
        negatives = self.bank.negatives(source)
        if told.source_negative:
            negatives = torch.cat([source[:, None], negatives], dim=1)
        positive, negatives = positive.detach(), negatives.detach()
        if told.form == "lineage":
            return lineage_contrast(anchor, positive, negatives, told.temperature)
        return nt_xent(anchor, positive[:, None], negatives, told.temperature)

    def push(self, source: Tensor) -> None:
        """Remember the pictures that the generator was given, after the loss."""
        self.bank.push(source)

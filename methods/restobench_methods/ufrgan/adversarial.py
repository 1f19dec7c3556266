"""What the discriminators and the generators are told of the scores: LSGAN, or binary cross-entropy on logits."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Form = Literal["lsgan", "bce"]


def discriminator_loss(real: Tensor, fake: Tensor, form: Form) -> Tensor:
    """Half the sum of the scores' distances to 1 (real) and 0 (fake); a scalar, float32."""
    return (_distance(real, 1.0, form) + _distance(fake, 0.0, form)) / 2


def generator_loss(fake: Tensor, form: Form) -> Tensor:
    """The distance of the fakes' scores to 1; a scalar, float32."""
    return _distance(fake, 1.0, form)


def accuracy(real: Tensor, fake: Tensor, form: Form) -> Tensor:
    """The share of patches that are judged right, of real and fake alike; a scalar."""
    border = 0.5 if form == "lsgan" else 0.0
    right = torch.cat([(real > border).flatten(), (fake < border).flatten()])
    return right.float().mean()


def _distance(scores: Tensor, target: float, form: Form) -> Tensor:
    scores, wanted = scores.float(), torch.full_like(scores, target, dtype=torch.float32)
    distance = F.mse_loss if form == "lsgan" else F.binary_cross_entropy_with_logits
    return distance(scores, wanted)

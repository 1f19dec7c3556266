"""What InterLCM is trained with (section 3.3): pictures alone, no noise is predicted.

Pictures are (B, 3, H, W) in about [-1, 1], decoded, without colour fix and not clamped.
Weights: 1 for the absolute difference, 1 for the perceptual one, 0.1 for the adversarial one,
which joins late and has no adaptive weight.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def absolute_difference(output: Tensor, gt: Tensor) -> Tensor:
    """mean |output - gt|."""
    return F.l1_loss(output, gt)


def normalised_again(picture: Tensor) -> Tensor:
    """ImageNet's deviations of a picture in [-1, 1], (B, 3, H, W).

    The paper speaks of squared differences of VGG-19 features; the released program computes LPIPS
    with VGG-16, and hands it pictures normalised so, which LPIPS does again. A training that is to
    be held against the paper's needs it; otherwise it is a slip.
    """
    mean, std = (picture.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return ((picture + 1) / 2 - mean) / std


def adversarial_loss(fake: Tensor) -> Tensor:
    """Of the generator, whose pictures the discriminator judged so: -mean."""
    return -fake.mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The hinge: mean max(0, 1 - real) + mean max(0, 1 + fake), not halved.

    The two are verdicts of two passes, and the restored pictures of the second are detached.
    """
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

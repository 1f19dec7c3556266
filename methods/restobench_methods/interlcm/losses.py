"""What InterLCM is trained with (section 3.3): pictures alone, no noise is predicted.

Pictures are (B, 3, H, W) in about [-1, 1], decoded, without colour fix and not clamped.
Weights: 1 for the absolute difference, 1 for the perceptual one, 0.1 for the adversarial one,
which joins late and has no adaptive weight.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import lpips
import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

VGG16_SLICES = (4, 9, 16, 23, 30)
"""Where the five parts of the trunk end, in layers of torchvision's VGG-16."""


def absolute_difference(output: Tensor, gt: Tensor) -> Tensor:
    """mean |output - gt|."""
    return F.l1_loss(output, gt)


class PerceptualDifference(nn.Module):
    """LPIPS (arXiv:1801.03924; VGG-16, linear layers of version 0.1), the mean of the batch.

    The paper speaks of squared differences of VGG-19 features; this is what the released
    program computes. Its trunk is untrained until `load_trunk` or a state dict: nothing is
    downloaded. Gradients go to the pictures alone.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, normalised_twice: bool = False) -> None:
        """Build it.

        Args:
            normalised_twice: As in the released training, where pictures are brought to ImageNet's
                deviations before they are handed to the package, which does the same again. A
                training that is to be held against the paper's needs it; otherwise it is a slip.
        """
        super().__init__()
        self.normalised_twice = normalised_twice
        with warnings.catch_warnings():
            # Of torchvision, about an argument that the package hands over.
            warnings.filterwarnings("ignore", message="The parameter 'pretrained'|Arguments other than a weight enum")
            self.lpips = lpips.LPIPS(net="vgg", version="0.1", pnet_rand=True, verbose=False)
        self.lpips.requires_grad_(False)
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def load_trunk(self, vgg16: Mapping[str, Tensor]) -> None:
        """Take the trunk's weights from the state dict of torchvision's VGG-16 (IMAGENET1K_V1)."""
        trunk: dict[str, Tensor] = {}
        for name, tensor in vgg16.items():
            part, _, rest = name.partition(".")
            if part == "features":
                layer = int(rest.partition(".")[0])
                number = sum(end <= layer for end in VGG16_SLICES)
                trunk[f"slice{number + 1}.{rest}"] = tensor
        self.lpips.net.load_state_dict(trunk)

    def forward(self, output: Tensor, gt: Tensor) -> Tensor:
        """A number; 0 where the pictures are equal."""
        if self.normalised_twice:
            output, gt = (((picture + 1) / 2 - self.mean) / self.std for picture in (output, gt))
        distance: Tensor = self.lpips(output, gt).mean()
        return distance


def adversarial_loss(fake: Tensor) -> Tensor:
    """Of the generator, whose pictures the discriminator judged so: -mean."""
    return -fake.mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The hinge: mean max(0, 1 - real) + mean max(0, 1 + fake), not halved.

    The two are verdicts of two passes, and the restored pictures of the second are detached.
    """
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

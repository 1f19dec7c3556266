"""LPIPS, computed with the networks of the lpips package (Zhang et al., CVPR 2018)."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Literal

import lpips
import torch
from torch import Tensor

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError
from restobench.metrics.colour import check_pair
from restobench.metrics.registry import MetricSetup

Trunk = Literal["alex", "vgg"]
MIN_SIDES: dict[Trunk, int] = {"alex": 31, "vgg": 16}
"""Below it nothing is left of the picture at the trunk's last layer."""
_VALUES_A_BAND = 2**24


class Lpips:
    """LPIPS v0.1; lower is better, 0 for equal pictures.

    A trunk trained to classify ImageNet (AlexNet or VGG16) sees both pictures in [-1, 1]. At five
    of its layers the features are scaled to length 1 at each position, subtracted and squared,
    weighted by channel (linear layers that were fitted to people's judgements, and lie in the
    lpips package), summed over channels, averaged over positions, and added up.

    Papers differ in the trunk and seldom name it: faces are mostly measured with VGG, and pyiqa's
    `lpips` is AlexNet's. The two are no multiples of each other.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Raises RestobenchError where the file is not the trunk's."""
        trunk: Trunk = "vgg" if setup.options["trunk"] == "vgg" else "alex"
        self._min_side = MIN_SIDES[trunk]
        self._network = with_weights(empty_network(trunk), trunk, setup.weights["trunk"]).to(setup.device)

    def __call__(self, restored: Tensor, gt: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,), float64.

        Raises:
            RestobenchError: A side is too short, or as `check_pair` does.
        """
        check_pair(restored, gt, self._min_side)
        return distance(self._network, restored, gt)


def empty_network(trunk: Trunk) -> Any:
    """The package's network of v0.1, in eval mode, its trunk and linear layers without values yet."""
    with warnings.catch_warnings(), torch.device("meta"):
        # The package names torchvision's options by their old names.
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(
            pretrained=False,
            net=trunk,
            version="0.1",
            lpips=True,
            spatial=False,
            pnet_rand=True,
            pnet_tune=False,
            use_dropout=True,
            model_path=None,
            eval_mode=True,
            verbose=False,
        )
    network.to_empty(device="cpu")
    network.scaling_layer = lpips.ScalingLayer()
    return network.requires_grad_(False)


def with_weights(network: Any, trunk: Trunk, path: Path) -> Any:
    """The network with torchvision's classifier from `path` as its trunk, and the package's linear layers.

    Raises:
        RestobenchError: The file lacks a layer, or has one of another shape.
    """
    given = read_checkpoint(path)
    heads = read_checkpoint(Path(lpips.__file__).parent / "weights" / "v0.1" / f"{trunk}.pth")
    state = {f"scaling_layer.{name}": tensor for name, tensor in network.scaling_layer.state_dict().items()}
    for name, tensor in network.state_dict().items():
        if name in state:
            continue
        # The trunk's layers keep their numbers in slices: net.slice2.3 is features.3. Each
        # linear layer has two names, `lin0` and `lins.0`; the package's file has the first.
        theirs = re.sub(r"^net\.slice\d\.", "features.", name)
        value = given.get(theirs) if theirs != name else heads.get(re.sub(r"^lins\.", "lin", name))
        if not isinstance(value, Tensor) or value.shape != tensor.shape:
            fault = "lacks" if value is None else "has another shape of"
            raise RestobenchError(
                f"{path} {fault} {theirs}; give torchvision's {'VGG16' if trunk == 'vgg' else 'AlexNet'}."
            )
        state[name] = value
    network.load_state_dict(state)
    return network


def distance(network: Any, restored: Tensor, gt: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1] -> (B,), float64.

    What the package's `forward` computes, a slice at a time and compared in bands of rows: so the
    features of one slice alone are in memory, and none of them twice (VGG: 0.8 GB a megapixel).
    """
    x, y = (network.scaling_layer(2 * pictures - 1) for pictures in (restored, gt))
    total = torch.zeros(len(restored), dtype=torch.float64, device=restored.device)
    for number, linear in enumerate(network.lins, start=1):
        piece = getattr(network.net, f"slice{number}")
        x, y = piece(x), piece(y)
        batch, channels, height, width = x.shape
        rows = max(1, _VALUES_A_BAND // (batch * channels * width))
        for one, other in zip(x.split(rows, dim=2), y.split(rows, dim=2), strict=True):
            difference = lpips.normalize_tensor(one).sub_(lpips.normalize_tensor(other)).square_()
            total += linear.model(difference).double().sum(dim=(1, 2, 3)) / (height * width)
    return total

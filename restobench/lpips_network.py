"""LPIPS's network (Zhang et al., CVPR 2018) from files: the lpips package's linear layers, and a trunk that is named.

A metric and a loss are made of it. Nothing is downloaded.
"""

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

Trunk = Literal["alex", "vgg"]


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

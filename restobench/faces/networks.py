"""facexlib's two networks, built here and loaded strictly from files that are there.

The library's own loaders download what they miss and unpickle what they find.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from restobench.checkpoint import load_strictly
from restobench.errors import RestobenchError


def detection_network(path: Path, device: str = "cpu") -> nn.Module:
    """RetinaFace with a ResNet-50, its weights from `path`.

    Raises:
        RestobenchError: facexlib is not installed, or the file does not fit.
    """
    return _loaded(build_detection(device), path, device)


def parsing_network(path: Path, device: str = "cpu") -> nn.Module:
    """ParseNet for aligned faces of 512 x 512, its weights from `path`.

    Raises:
        RestobenchError: facexlib is not installed, or the file does not fit.
    """
    return _loaded(build_parsing(), path, device)


def build_detection(device: str = "cpu") -> nn.Module:
    """RetinaFace without weights. It keeps the device besides: it makes tensors of its own there."""
    module = _facexlib("detection.retinaface")
    with warnings.catch_warnings():
        # It names torchvision's argument `pretrained` by its old name, and asks for no weights by it.
        warnings.filterwarnings("ignore", message="The parameter 'pretrained'|Arguments other than a weight enum")
        network: nn.Module = module.RetinaFace(network_name="resnet50", half=False, device=torch.device(device))
    return network


def build_parsing() -> nn.Module:
    """ParseNet without weights."""
    network: nn.Module = _facexlib("parsing.parsenet").ParseNet(in_size=512, out_size=512, parsing_ch=19)
    return network


def _facexlib(module: str) -> Any:
    try:
        return import_module(f"facexlib.{module}")
    except ModuleNotFoundError as error:
        raise RestobenchError(
            f"Photographs with faces need facexlib ({error}): pip install 'restobench[face]'."
        ) from error


def _loaded(network: nn.Module, path: Path, device: str) -> nn.Module:
    load_strictly(network, path)
    return network.to(device).eval().requires_grad_(False)

"""Files of weights whose values follow from names, for metrics that have networks: no download, and no luck."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from restobench.metrics.registry import choose_metrics
from tests.filling import fill, noise


def trunk(name: str) -> dict[str, Tensor]:
    """torchvision's classifier; of the layers that no metric uses every value is one 0, which takes no room."""
    from restobench.lpips_network import empty_network

    network = fill(empty_network("alex" if name == "alex" else "vgg"))
    used = {
        re.sub(r"^net\.slice\d\.", "features.", key): value
        for key, value in network.state_dict().items()
        if key.startswith("net.")
    }
    layers = {"1": (4096, 9216), "4": (4096, 4096)} if name == "alex" else {"0": (4096, 25088), "3": (4096, 4096)}
    for layer, shape in (layers | {"6": (1000, 4096)}).items():
        used[f"classifier.{layer}.weight"] = torch.zeros(1).expand(shape)
        used[f"classifier.{layer}.bias"] = torch.zeros(1).expand(shape[0])
    return used


def arcface() -> dict[str, Tensor]:
    """As released, with what distributed training puts before each name."""
    from restobench.metrics.arcface import ArcFace

    return {f"module.{name}": value for name, value in fill(ArcFace()).state_dict().items()}


def inception() -> dict[str, Tensor]:
    """As released: without the counters of batch normalisation."""
    from restobench.metrics.inception import FidInception

    state = fill(FidInception().classifier).state_dict()
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def statistics() -> dict[str, Any]:
    """Of features that lie about 0.3 apart, with numpy's arrays as in BasicSR's file."""
    features = 0.1 * noise("reference", (400, 2048)).numpy().astype(np.float64)
    return {"mean": features.mean(axis=0), "cov": np.cov(features, rowvar=False).astype(np.float32)}


def clip(*, full: bool = False) -> nn.Module:
    """CLIP's ResNet with one block a stage, and a text transformer of one layer; or the RN50 itself."""
    from piq.feature_extractors.clip import CLIP

    network = CLIP(
        embed_dim=1024 if full else 16,
        image_resolution=224 if full else 64,
        vision_layers=(3, 4, 6, 3) if full else (1, 1, 1, 1),
        vision_width=64 if full else 8,
        vision_patch_size=None,  # type: ignore[arg-type]  # as piq itself builds a ResNet
        context_length=77,
        vocab_size=49408,
        transformer_width=512 if full else 64,
        transformer_heads=8 if full else 1,
        transformer_layers=12 if full else 1,
    )
    return fill(network, skip=["logit_scale"])


def landmarks() -> dict[str, Any]:
    """facexlib's network of four hourglasses."""
    from facexlib.alignment.awing_arch import FAN

    return {"state_dict": fill(FAN(num_modules=4, num_landmarks=98, device="cpu")).state_dict()}


def musiq() -> dict[str, Tensor]:
    """pyiqa's network."""
    from pyiqa.archs.musiq_arch import MUSIQ

    network: nn.Module = MUSIQ(pretrained=False, num_class=1)
    return fill(network).state_dict()


def topiq() -> dict[str, dict[str, Tensor]]:
    """pyiqa's network, the backbone included; what its buffers say of pictures stays."""
    from pyiqa.archs.topiq_arch import CFANet

    network: nn.Module = CFANet(use_ref=False, backbone_pretrain=False, pretrained=False)
    return {"params": fill(network, skip=["default_mean", "default_std"]).state_dict()}


def dists() -> dict[str, Tensor]:
    """The weights of structure and texture, which are all that its file holds; of one sign, as the real ones are."""
    return {name: noise(name, (1, 1475, 1, 1)).abs() for name in ("alpha", "beta")}


MAKERS: dict[str, Callable[[], Any]] = {
    "alexnet-owt-7be5be79.pth": lambda: trunk("alex"),
    "vgg16-397923af.pth": lambda: trunk("vgg"),
    "arcface_resnet18.pth": arcface,
    "pt_inception-2015-12-05-6726825d.pth": inception,
    "inception_FFHQ_512-f7b384ab.pth": statistics,
    "RN50.pt": lambda: clip().state_dict(),
    "alignment_WFLW_4HG.pth": landmarks,
    "musiq_koniq_ckpt-e95806b9.pth": musiq,
    "cfanet_nr_koniq_res50-9a73138b.pth": topiq,
    "DISTS_weights-f5e65c96.pth": dists,
}


def put_weights(home: Path, *names: str) -> None:
    """Put the files of these metrics where they belong in `home`, those that are not there."""
    for metric in choose_metrics(names):
        for part in metric.parts:
            assert part.facts.file
            path = home / "weights" / part.owner / part.facts.file
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                torch.save(MAKERS[part.facts.file](), path)

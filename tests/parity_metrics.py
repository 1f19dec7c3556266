"""How the golden cases of the metrics are replayed; what each kind is stands in the cases' recipes.

The kind `pair` is registered in `parity.py`: it needs nothing but metrics by name.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from restobench.lpips_network import Trunk, empty_network
from restobench.metrics.arcface import ArcFace
from restobench.metrics.frechet import frechet_distance
from restobench.metrics.identity import degrees
from restobench.metrics.lpips_metric import distance
from restobench.metrics.registry import choose_metrics
from tests import filling
from tests.parity import Case, eight_bit, kind


def pair(case: Case, *, factor: float = 1.0, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    """Restored and clean, 8-bit values in [0, 1]."""
    shape, seed = (1, 3, *case["size"]), case["seed"]
    gt = eight_bit(filling.image("gt", shape, seed))
    return eight_bit(factor * gt + offset + 0.05 * filling.noise("n", shape, seed)), gt


@kind("metrics", "fid")
def fid(case: Case) -> float:
    """Two sets of features with more pictures than dimensions; the mixing is done in float64."""
    n, dim, seed = case["n"], case["dim"], case["seed"]
    x = filling.noise("x", (n, dim), seed).double()
    mix = (filling.noise("mix", (dim, dim), seed) / dim**0.5).double()
    y = (1.3 * filling.noise("y", (n, dim), seed) + 0.2).double() @ mix
    return frechet_distance(x, y)


@kind("metrics", "fid_singular")
def fid_singular(case: Case) -> float:
    """Fewer pictures than dimensions, so that neither covariance has an inverse."""
    shape, seed = (case["n"], case["dim"]), case["seed"]
    return frechet_distance(filling.noise("x", shape, seed), filling.noise("y", shape, seed) + 0.5)


@kind("metrics", "ids")
def ids(case: Case) -> float:
    """The angle between two vectors."""
    a = filling.noise("a", (512,), case["seed"])
    b = a + 0.7 * filling.noise("b", (512,), case["seed"])
    return degrees(a[None], b[None]).item()


@kind("metrics", "lpips-alex")
def lpips_alex(case: Case) -> Tensor:
    """The lpips package's AlexNet, filled."""
    return _lpips(case, "alex")


@kind("metrics", "lpips-vgg")
def lpips_vgg(case: Case) -> Tensor:
    """The lpips package's VGG16, filled."""
    return _lpips(case, "vgg")


@torch.inference_mode()
def _lpips(case: Case, trunk: Trunk) -> Tensor:
    network = filling.fill(empty_network(trunk), case["seed"], skip=["scaling_layer"])
    return distance(network, *pair(case)).view(1, 1, 1, 1)


@kind("metrics", "arcface_resnet18")
@torch.inference_mode()
def arcface(case: Case) -> Tensor:
    """Embeddings of smooth grey pictures."""
    network = filling.fill(ArcFace(), case["seed"]).eval()
    embeddings: Tensor = network(filling.image("face", (case["b"], 1, 128, 128), case["seed"]) * 2 - 1)
    return embeddings


@kind("metrics", "matched")
def matched(case: Case) -> Mapping[str, float]:
    """A pair whose colours drift, through every metric that the case names."""
    restored, gt = pair(case, factor=0.9, offset=0.08)
    return {metric.name: metric.load()(restored, gt).item() for metric in choose_metrics(case["output"])}

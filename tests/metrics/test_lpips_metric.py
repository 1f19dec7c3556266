"""LPIPS against the lpips package's own `forward`, with weights that are filled by name."""

import re
from collections.abc import Callable
from pathlib import Path

import lpips
import pytest
import torch
from torch import Tensor

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError
from restobench.lpips_network import Trunk, empty_network, with_weights
from restobench.metrics.lpips_metric import MIN_SIDES
from tests.metrics.filled import trunk
from tests.metrics.pairs import a_pair

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Trunk], Path]:
    def write(name: Trunk) -> Path:
        path = tmp_path / f"{name}.pth"
        torch.save(trunk(name), path)
        return path

    return write


@pytest.mark.parametrize("name", ["lpips-alex", "lpips-vgg"])
def test_it_is_what_the_package_computes(name: str, load: Callable[[str], Callable[[Tensor, Tensor], Tensor]]) -> None:
    """A slice at a time gives what all at once gives; inputs go to [-1, 1]."""
    metric = load(name)
    restored, gt = a_pair(2, 37, 53)

    with torch.inference_mode():
        ours = metric(restored, gt)
        theirs = metric._network(restored, gt, normalize=True).flatten()  # type: ignore[attr-defined]  # the package's

    assert ours.dtype == torch.float64
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-5)
    assert ours.abs().min() > 1e-4


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_the_linear_layers_are_the_package_s(name: Trunk, file: Callable[[Trunk], Path]) -> None:
    """They were fitted to people's judgements, and no file of weights brings them."""
    packaged = read_checkpoint(Path(lpips.__file__).parent / "weights" / "v0.1" / f"{name}.pth")

    state = with_weights(empty_network(name), name, file(name)).state_dict()

    for key, value in packaged.items():
        assert torch.equal(state[key], value)
        assert torch.equal(state[re.sub("^lin", "lins.", key)], value)
    assert torch.equal(state["scaling_layer.shift"].flatten(), torch.tensor([-0.030, -0.088, -0.188]))


def test_a_file_that_is_not_the_trunk_s_is_refused(file: Callable[[Trunk], Path], tmp_path: Path) -> None:
    """With random layers it would give a number that looks like one."""
    alex = torch.load(file("alex"))
    alex.pop("features.8.bias")
    torch.save(alex, tmp_path / "short.pth")

    with pytest.raises(RestobenchError, match=r"short\.pth lacks features\.8\.bias; give torchvision's AlexNet"):
        with_weights(empty_network("alex"), "alex", tmp_path / "short.pth")
    with pytest.raises(RestobenchError, match=r"has another shape of features\.0\.weight; give torchvision's VGG16"):
        with_weights(empty_network("vgg"), "vgg", file("alex"))


def test_equal_pictures_are_at_no_distance_and_no_order_matters(
    load: Callable[[str], Callable[[Tensor, Tensor], Tensor]],
) -> None:
    """What an LPIPS of swapped arguments would not show."""
    metric = load("lpips-alex")
    restored, gt = a_pair(1, 37, 53)

    with torch.inference_mode():
        assert metric(gt, gt).item() == 0
        assert metric(restored, gt).item() == pytest.approx(metric(gt, restored).item(), rel=1e-6)


@pytest.mark.parametrize(("name", "trunk_name"), [("lpips-alex", "alex"), ("lpips-vgg", "vgg")])
def test_the_smallest_side_is_said(
    name: str, trunk_name: Trunk, load: Callable[[str], Callable[[Tensor, Tensor], Tensor]]
) -> None:
    """Below it torch complains of an output of no size."""
    metric, side = load(name), MIN_SIDES[trunk_name]
    restored, gt = a_pair(1, side, side)

    with torch.inference_mode():
        assert metric(restored, gt).isfinite().all()
        with pytest.raises(RestobenchError, match=f"needs sides of at least {side} pixels"):
            metric(restored[..., 1:], gt[..., 1:])

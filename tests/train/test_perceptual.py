"""LPIPS as a loss, from a file."""

from pathlib import Path

import lpips
import pytest
import torch
from torchvision.models import vgg16

from restobench.errors import RestobenchError
from restobench.train.perceptual import PerceptualLoss


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained':UserWarning")  # of lpips, called by the test itself
@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
def test_the_loss_is_that_of_the_lpips_package_with_the_trunk_of_the_file(tmp_path: Path) -> None:
    """Slice by slice the layers of torchvision's VGG16 under their own names."""
    torch.manual_seed(0)
    network = vgg16()
    torch.save(network.state_dict(), tmp_path / "vgg16.pth")
    oracle = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False).eval()
    layers = dict(network.features.named_children())
    for part in (oracle.net.slice1, oracle.net.slice2, oracle.net.slice3, oracle.net.slice4, oracle.net.slice5):
        for name, layer in part.named_children():
            layer.load_state_dict(layers[name].state_dict())
    restored, gt = torch.rand(2, 2, 3, 40, 37) * 2 - 1

    loss = PerceptualLoss(tmp_path / "vgg16.pth")(restored.requires_grad_(), gt)

    torch.testing.assert_close(loss, oracle(restored, gt).flatten())
    loss.sum().backward()
    assert restored.grad is not None
    assert restored.grad.abs().sum() > 0


def test_a_file_that_is_no_vgg_is_refused(tmp_path: Path) -> None:
    """A perceptual loss of random features would go unnoticed."""
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")

    with pytest.raises(RestobenchError, match=r"other\.pth lacks features\.0\.weight; give torchvision's VGG16"):
        PerceptualLoss(tmp_path / "other.pth")

"""Unsharp masking."""

import pytest
import torch

from restobench.degradations.sharpen import unsharp_mask
from restobench.errors import RestobenchError


def test_a_smooth_picture_stays_and_an_edge_gets_steeper() -> None:
    """Only where the blur takes more than ten grey levels is there anything to sharpen."""
    smooth = torch.linspace(0.3, 0.5, 61).expand(1, 3, 47, 61)
    edge = torch.where(torch.arange(61) < 30, 0.3, 0.6).expand(1, 3, 47, 61)

    torch.testing.assert_close(unsharp_mask(smooth), smooth)
    steeper = unsharp_mask(edge)
    assert steeper[..., 29].max() < 0.27
    assert steeper[..., 30].min() > 0.63
    assert steeper.shape == edge.shape


def test_what_it_adds_is_clipped() -> None:
    """Black and white stay black and white."""
    edge = torch.where(torch.arange(61) < 30, 0.0, 1.0).expand(1, 3, 47, 61)

    torch.testing.assert_close(unsharp_mask(edge), edge)


def test_a_picture_smaller_than_half_the_kernel_is_refused() -> None:
    """It cannot be mirrored over 25 pixels."""
    with pytest.raises(RestobenchError, match="too small for a kernel of 51 x 51"):
        unsharp_mask(torch.rand(1, 3, 25, 60))

"""What every full-reference metric refuses, and the planes that it is given."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr, rgb2yiq

from restobench.errors import RestobenchError
from restobench.metrics.colour import check_pair, luma_matlab, luma_yiq, rgb


def a_picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 37, 53, generator=torch.Generator().manual_seed(seed))


def test_planes_are_float64_and_come_in_the_order_red_green_blue() -> None:
    """float32 sums over a picture lose digits that a paper prints."""
    picture = a_picture()[0]

    planes = list(rgb(picture))

    assert [plane.dtype for plane in planes] == [torch.float64] * 3
    assert torch.equal(torch.stack(planes), picture.double())


def test_the_lumas_are_those_of_scikit_image() -> None:
    """Its conversions are MATLAB's and NTSC's, written by others."""
    picture = a_picture()[0].double()
    array = picture.permute(1, 2, 0).numpy()

    (matlab,), (yiq,) = luma_matlab(picture), luma_yiq(picture)

    np.testing.assert_allclose(matlab.numpy() * 255, rgb2ycbcr(array)[..., 0], rtol=1e-12)
    np.testing.assert_allclose(yiq.numpy(), rgb2yiq(array)[..., 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), -0.01, 1.01])
@pytest.mark.parametrize("which", ["restored", "clean"])
def test_values_that_no_picture_has_are_refused(bad: float, which: str) -> None:
    """A NaN that went through would be a NaN in somebody's table."""
    pair = {"restored": a_picture(), "clean": a_picture(1)}
    pair[which][0, 1, 20, 30] = bad

    with pytest.raises(RestobenchError, match=rf"^The {which} picture has values from .* finite ones in \[0, 1\]\.$"):
        check_pair(pair["restored"], pair["clean"])


def test_pictures_of_two_sizes_are_refused() -> None:
    """Resizing one of them would be a choice that nobody printed."""
    with pytest.raises(RestobenchError, match=r"restored picture is 53 x 37 and the clean one 52 x 37; they must"):
        check_pair(a_picture(), a_picture()[..., :52])


def test_a_picture_that_is_too_small_is_refused() -> None:
    """The metric says how small; the error says what was found."""
    with pytest.raises(RestobenchError, match=r"is 53 x 10; this metric needs sides of at least 11 pixels"):
        check_pair(a_picture()[..., :10, :], a_picture()[..., :10, :], min_side=11)


@pytest.mark.parametrize(
    "batch",
    [
        torch.zeros(3, 16, 16),
        torch.zeros(1, 1, 16, 16),
        torch.zeros(0, 3, 16, 16),
        torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
    ],
    ids=["no batch", "grey", "empty", "8 bits"],
)
def test_what_is_no_batch_of_pictures_is_refused(batch: torch.Tensor) -> None:
    """8-bit values would be taken for a picture 255 times too bright."""
    with pytest.raises(RestobenchError, match=r"^A metric wants a floating-point batch \(B, 3, H, W\); the restored"):
        check_pair(batch, batch)

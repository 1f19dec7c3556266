"""Resizing."""

import numpy as np
import pytest
import torch
from PIL import Image

from restobench.degradations.resize import RESIZE_MODES, ResizeMode, resized, resized_antialiased
from restobench.errors import RestobenchError


def a_picture(height: int = 37, width: int = 53) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_sides_are_rounded_down(mode: ResizeMode) -> None:
    """floor(37 * 0.61) and floor(53 * 0.61); a size is taken as it is."""
    assert resized(a_picture(), mode, scale=0.61).shape == (1, 3, 22, 32)
    assert resized(a_picture(), mode, size=(11, 70)).shape == (1, 3, 11, 70)


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_a_scale_of_1_changes_nothing(mode: ResizeMode) -> None:
    """Keeping the size is one of the draws."""
    torch.testing.assert_close(resized(a_picture(), mode, scale=1.0), a_picture(), atol=1e-6, rtol=0)


def test_a_picture_that_would_vanish_is_refused() -> None:
    """Torch would say the same of tensors."""
    with pytest.raises(RestobenchError, match="A picture of 53 x 37 cannot be resized to 1 x 0"):
        resized(a_picture(), "area", scale=0.02)


@pytest.mark.parametrize(("scale", "size"), [(0.25, (16, 24)), (0.5, (32, 48)), (2.0, (128, 192))])
def test_inside_the_antialiased_bicubic_is_pillow_s(scale: float, size: tuple[int, int]) -> None:
    """Pillow's has the same kernel but other borders: it leaves out what is beyond them."""
    picture = a_picture(64, 96)

    ours = resized_antialiased(picture, scale)

    planes = [Image.fromarray(plane.numpy()) for plane in picture[0]]
    theirs = np.stack([np.asarray(plane.resize(size[::-1], Image.Resampling.BICUBIC)) for plane in planes])
    assert ours.shape[-2:] == size
    inside = (slice(None), slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(ours[0].numpy()[inside], theirs[inside], atol=2e-6)


def test_beyond_the_border_the_picture_is_mirrored_with_its_edge() -> None:
    """A mirrored picture beside itself is resized to the same, border included."""
    picture = a_picture(20, 32)
    doubled = torch.cat([picture.flip(-1), picture, picture.flip(-1)], dim=-1)

    torch.testing.assert_close(resized_antialiased(doubled, 0.25)[..., 8:16], resized_antialiased(picture, 0.25))


def test_sides_are_rounded_up_and_a_flat_picture_stays_flat() -> None:
    """The scale itself sets the positions, as in MATLAB; weights have sum 1."""
    flat = torch.full((2, 3, 37, 5), 0.4)

    small = resized_antialiased(flat, 1 / 3)

    assert small.shape == (2, 3, 13, 2)
    torch.testing.assert_close(small, torch.full_like(small, 0.4))


def test_a_scale_that_is_none_is_refused() -> None:
    """It would ask for a picture without pixels."""
    with pytest.raises(RestobenchError, match="by a scale above 0, not by 0"):
        resized_antialiased(a_picture(), 0)

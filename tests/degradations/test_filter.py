"""Filtering with kernels."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from restobench.degradations.filter import filter2d
from restobench.degradations.kernels import gaussian
from restobench.errors import RestobenchError


def test_it_is_scipy_s_correlation_with_a_kernel_a_picture() -> None:
    """An implementation by others, one plane at a time; the kernels are lopsided, so a flip would show."""
    pictures = torch.rand(2, 3, 37, 53, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernels = np.random.default_rng(0).random((2, 7, 7))

    filtered = filter2d(pictures, torch.from_numpy(kernels))

    for number in range(2):
        for channel in range(3):
            theirs = correlate(pictures[number, channel].numpy(), kernels[number], mode="mirror")
            np.testing.assert_allclose(filtered[number, channel].numpy(), theirs, rtol=1e-12)


def test_one_kernel_for_all_is_the_same_kernel_for_each() -> None:
    """The two go different ways through the convolution."""
    pictures = torch.rand(3, 3, 21, 18, generator=torch.Generator().manual_seed(1))
    kernel = torch.from_numpy(gaussian(9, 1.2, 2.5, 0.3))[None]

    together, each = filter2d(pictures, kernel), filter2d(pictures, kernel.expand(3, -1, -1))

    assert together.dtype == torch.float32
    torch.testing.assert_close(together, each)


def test_zeros_around_a_kernel_change_nothing_and_cost_nothing() -> None:
    """The kernels of a batch are padded to one size; a picture need only be large enough for what is in them."""
    pictures = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(2))
    kernels = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(3))

    wide = filter2d(pictures, torch.nn.functional.pad(kernels, (9, 9, 9, 9)))

    torch.testing.assert_close(wide, filter2d(pictures, kernels))
    assert filter2d(pictures, torch.zeros(1, 5, 5)).abs().max() == 0


def test_kernels_and_pictures_that_do_not_fit_are_refused() -> None:
    """Torch would speak of padding sizes and groups."""
    pictures = torch.rand(2, 3, 10, 40)

    with pytest.raises(RestobenchError, match=r"\(1, k, k\) or \(2, k, k\) with odd k, not \(3, 5, 5\)"):
        filter2d(pictures, torch.ones(3, 5, 5))
    with pytest.raises(RestobenchError, match=r"not \(5, 5\)"):
        filter2d(pictures, torch.ones(5, 5))
    with pytest.raises(RestobenchError, match="A picture of 40 x 10 is too small for a kernel of 21 x 21"):
        filter2d(pictures, torch.ones(1, 21, 21))

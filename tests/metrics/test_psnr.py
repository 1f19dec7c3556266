"""PSNR against scikit-image's, and what is known of it without computing."""

import doctest
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics import psnr as module
from restobench.metrics.psnr import psnr, psnr_y, psnr_yiq
from tests.metrics.pairs import a_pair

ALL = (psnr, psnr_y, psnr_yiq)


def rgb_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return array


def luma_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rgb2ycbcr(array)[..., 0] / 255)


def yiq_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(array @ [0.299, 0.587, 0.114])


@pytest.mark.parametrize(("metric", "colour"), [(psnr, rgb_of), (psnr_y, luma_of), (psnr_yiq, yiq_of)])
def test_it_is_scikit_image_s(
    metric: Callable[[Tensor, Tensor], Tensor], colour: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    """An implementation by others, one picture at a time."""
    restored, gt = a_pair()

    values = metric(restored, gt)

    for value, one, other in zip(values, restored, gt, strict=True):
        arrays = [colour(picture.double().permute(1, 2, 0).numpy()) for picture in (other, one)]
        theirs = peak_signal_noise_ratio(*arrays, data_range=1)  # type: ignore[no-untyped-call]  # not ours
        assert value.item() == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_two_lumas_differ_by_one_constant_on_any_picture(seed: int) -> None:
    """So a published number that is 1.322 dB off is explained without running anything."""
    restored, gt = a_pair(seed=seed)

    difference = psnr_y(restored, gt) - psnr_yiq(restored, gt)

    assert difference.tolist() == pytest.approx([20 * math.log10(255 / 219)] * 2, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_equal_pictures_are_infinite(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    """An epsilon would print some number of its own choosing instead."""
    _, gt = a_pair()

    assert metric(gt, gt).tolist() == [math.inf, math.inf]


def test_small_errors_are_not_lost_in_float32() -> None:
    """One grey level in one pixel of 37 x 53 x 3: 10 log10(255^2 37 53 3)."""
    gt = torch.full((1, 3, 37, 53), 200 / 255)
    restored = gt.clone()
    restored[0, 2, 36, 52] = 199 / 255

    assert psnr(restored, gt).item() == pytest.approx(10 * math.log10(255**2 * 37 * 53 * 3), abs=1e-4)


@pytest.mark.parametrize("metric", ALL)
def test_pictures_of_two_sizes_are_refused(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Broadcasting would compare one row with all of them."""
    restored, gt = a_pair()

    with pytest.raises(RestobenchError, match="must be of one size"):
        metric(restored[..., :1, :], gt)


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

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
from restobench.metrics.psnr import mse, psnr, psnr_matched, psnr_y, psnr_yiq
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


def test_matching_undoes_any_change_of_brightness_and_contrast() -> None:
    """Channel by channel: so colours that drift cost nothing in such a table."""
    _, gt = a_pair(1)
    gain, offset = torch.tensor([0.5, 0.7, 0.9]).view(3, 1, 1), torch.tensor([0.1, 0.2, 0.05]).view(3, 1, 1)

    assert psnr(gain * gt + offset, gt).item() < 20
    assert psnr_matched(gain * gt + offset, gt).item() > 100


def test_matching_is_the_formula_with_population_statistics() -> None:
    """Written again with numpy, in which nothing is clipped or rounded either."""
    restored, gt = a_pair(1)
    x, y = (picture[0].double().numpy().reshape(3, -1) for picture in (restored, gt))
    moved = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) * y.std(1, keepdims=True) + y.mean(
        1, keepdims=True
    )

    assert psnr_matched(restored, gt).item() == pytest.approx(-10 * np.log10(((moved - y) ** 2).mean()), rel=1e-10)


def test_a_flat_channel_cannot_be_matched() -> None:
    """No factor gives it a deviation; a NaN would be no reason."""
    _, gt = a_pair(1)
    flat = gt.clone()
    flat[:, 1] = 0.5

    with pytest.raises(RestobenchError, match=r"A channel of the restored picture is flat"):
        psnr_matched(flat, gt)


def test_mse_is_what_psnr_is_the_logarithm_of() -> None:
    """On [0, 1]; equal pictures have none."""
    restored, gt = a_pair()

    assert (-10 * mse(restored, gt).log10()).tolist() == pytest.approx(psnr(restored, gt).tolist(), rel=1e-12)
    assert mse(gt, gt).tolist() == [0, 0]


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

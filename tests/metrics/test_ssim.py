"""SSIM against scikit-image's with the paper's window."""

import doctest
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics import ssim as module
from restobench.metrics.ssim import ssim, ssim_matched, ssim_y, ssim_yiq
from tests.metrics.pairs import a_pair

ALL = (ssim, ssim_y, ssim_yiq)


def scikit_image_s(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Its mean leaves out the border where the window would hang over: the valid positions."""
    value = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image's, not ours
        x,
        y,
        data_range=1,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        K1=0.01,
        K2=0.03,
    )
    return float(value)


def rgb_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return array


def luma_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rgb2ycbcr(array)[..., :1] / 255)


def yiq_of(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(array @ [[0.299], [0.587], [0.114]])


@pytest.mark.parametrize("size", [(37, 53), (11, 11), (150, 12)])
@pytest.mark.parametrize(("metric", "colour"), [(ssim, rgb_of), (ssim_y, luma_of), (ssim_yiq, yiq_of)])
def test_it_is_scikit_image_s(
    metric: Callable[[Tensor, Tensor], Tensor],
    colour: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    size: tuple[int, int],
) -> None:
    """An implementation by others, down to the smallest size that has a valid position."""
    restored, gt = a_pair(2, *size)

    values = metric(restored, gt)

    for value, one, other in zip(values, restored, gt, strict=True):
        arrays = [colour(picture.double().permute(1, 2, 0).numpy()) for picture in (one, other)]
        assert value.item() == pytest.approx(scikit_image_s(*arrays), abs=1e-12)


@pytest.mark.parametrize(("pixels", "rows"), [(1, 1), (1, 7), (2**14, 32)])
def test_working_in_bands_does_not_move_the_value(monkeypatch: pytest.MonkeyPatch, pixels: int, rows: int) -> None:
    """Bands bound the memory; neighbours share the ten rows that both windows need."""
    restored, gt = a_pair(1, 61, 37)
    monkeypatch.setattr(module, "_BAND_PIXELS", 10**9)
    whole = ssim(restored, gt).item()
    monkeypatch.setattr(module, "_BAND_PIXELS", pixels)
    monkeypatch.setattr(module, "_BAND_ROWS", rows)

    assert ssim(restored, gt).item() == pytest.approx(whole, abs=1e-14)


def test_negative_similarity_is_not_clamped() -> None:
    """pyiqa clamps, and is up to 1e-3 higher on real pictures for it."""
    gt = torch.linspace(0, 1, 53).expand(1, 3, 37, 53)

    assert ssim(1 - gt, gt).item() < -0.1


@pytest.mark.parametrize("metric", ALL)
def test_equal_pictures_are_one(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Flat ones too, where both variances are zero."""
    _, gt = a_pair(1, 37, 53)
    flat = torch.full_like(gt, 0.3)

    assert metric(torch.cat([gt, flat]), torch.cat([gt, flat])).tolist() == pytest.approx([1, 1], abs=1e-12)


def test_matching_undoes_any_change_of_brightness_and_contrast() -> None:
    """Which SSIM itself punishes."""
    _, gt = a_pair(1)

    assert ssim(0.5 * gt + 0.1, gt).item() < 0.9
    assert ssim_matched(0.5 * gt + 0.1, gt).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("metric", [*ALL, ssim_matched])
def test_sides_under_eleven_are_refused(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    """The window fits nowhere; padding would make up pixels."""
    restored, gt = a_pair(1, 37, 10)

    with pytest.raises(RestobenchError, match=r"is 10 x 37; this metric needs sides of at least 11 pixels"):
        metric(restored, gt)


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

"""What we ask of piq: every option said, and the same answer for any batch."""

import doctest
import inspect
from collections.abc import Callable

import numpy as np
import piq
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve, convolve1d
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics import piq_metrics as module
from restobench.metrics.piq_metrics import MS_SSIM_MIN_SIDE, VIF_MIN_SIDE, fsim, gmsd, ms_ssim, vif
from tests.metrics.pairs import a_pair

BOTH = (fsim, gmsd)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(fsim, piq.fsim), (gmsd, piq.gmsd), (ms_ssim, piq.multi_scale_ssim), (vif, piq.vif_p)]
)
def test_no_option_of_the_library_is_left_to_its_default(
    ours: Callable[[Tensor, Tensor], Tensor], theirs: Callable[..., Tensor]
) -> None:
    """A default that changes in an update would change the number under the same name."""
    options = list(inspect.signature(theirs).parameters)[2:]

    source = inspect.getsource(ours)

    assert [option for option in options if f"{option}=" not in source] == []


def test_gmsd_is_its_paper_s_formula() -> None:
    """Written again with scipy, for sides that are even."""
    restored, gt = a_pair(1, 38, 54)

    def gradient(picture: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        luma = np.tensordot([0.299, 0.587, 0.114], picture.double().numpy(), axes=1)
        small = (luma[::2, ::2] + luma[1::2, ::2] + luma[::2, 1::2] + luma[1::2, 1::2]) / 4
        kernel = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3
        across, down = (convolve(small, turned, mode="constant") for turned in (kernel, kernel.T))
        return np.asarray(np.hypot(across, down))

    one, other, constant = gradient(restored[0]), gradient(gt[0]), 170 / 255**2
    similarity = (2 * one * other + constant) / (one**2 + other**2 + constant)

    # piq's Y of YIQ has its weights to four digits.
    assert gmsd(restored, gt).item() == pytest.approx(similarity.std(), abs=1e-5)


@pytest.mark.parametrize(("metric", "best"), [(fsim, 1.0), (gmsd, 0.0)])
def test_equal_pictures_are_best_and_noisy_ones_worse(metric: Callable[[Tensor, Tensor], Tensor], best: float) -> None:
    """Flat pictures too, which have no gradient and no phase."""
    restored, gt = a_pair(1, 37, 53)
    flat = torch.full_like(gt, 0.3)

    assert metric(gt, gt).item() == pytest.approx(best, abs=1e-12)
    assert metric(flat, flat).item() == pytest.approx(best, abs=1e-12)
    assert abs(metric(restored, gt).item() - best) > 0.01


def test_ms_ssim_is_ssim_at_one_scale_and_its_contrasts_at_the_others() -> None:
    """Written again with scipy: luminance counts at the smallest scale alone."""
    restored, gt = a_pair(1, 161, 176, noise=0.3)
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blurred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        along = convolve1d(convolve1d(plane, window, axis=0), window, axis=1)
        return np.asarray(along[5:-5, 5:-5])

    values = []
    for channel in range(3):
        x, y = (picture[0, channel].double().numpy() for picture in (restored, gt))
        product = 1.0
        for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            mx, my = blurred(x), blurred(y)
            contrast = (2 * (blurred(x * y) - mx * my) + 0.03**2) / (
                blurred(x * x) - mx**2 + blurred(y * y) - my**2 + 0.03**2
            )
            luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
            product *= max((contrast * luminance if scale == 4 else contrast).mean(), 0) ** weight
            # piq pads an odd side by a row of zeros on both ends before it halves.
            x, y = (np.pad(plane, [(side % 2, side % 2) for side in plane.shape]) for plane in (x, y))
            x, y = ((p[:-1:2, :-1:2] + p[1::2, :-1:2] + p[:-1:2, 1::2] + p[1::2, 1::2]) / 4 for p in (x, y))
        values.append(product)

    assert ms_ssim(restored, gt).item() == pytest.approx(np.mean(values), abs=2e-3)


def test_vif_of_more_contrast_is_above_one_and_of_noise_far_below() -> None:
    """It is information, not similarity; and not the same with its arguments swapped."""
    restored, gt = a_pair(1, 64, 80, noise=0.2)
    softer = 0.5 + 0.5 * (gt - 0.5)

    assert vif(gt, softer).item() > 1.2
    assert vif(softer, gt).item() < 1
    assert vif(restored, gt).item() < 0.7


def test_filters_in_fewer_bytes_give_piq_s_values() -> None:
    """Which itself needs 16 GB and more for 4096 x 4096 on a CPU."""
    restored, gt = a_pair(1, 177, 190)
    weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], dtype=torch.float64)

    theirs = piq.multi_scale_ssim(restored.double(), gt.double(), data_range=1.0, scale_weights=weights)

    assert ms_ssim(restored, gt).item() == pytest.approx(theirs.item(), rel=1e-12)
    assert vif(restored, gt).item() == pytest.approx(piq.vif_p(restored.double(), gt.double()).item(), rel=1e-12)


@pytest.mark.parametrize(("metric", "side"), [(ms_ssim, MS_SSIM_MIN_SIDE), (vif, VIF_MIN_SIDE)])
def test_a_picture_must_be_as_large_as_the_smallest_scale_needs(
    metric: Callable[[Tensor, Tensor], Tensor], side: int
) -> None:
    """piq says so with errors of three kinds."""
    restored, gt = a_pair(1, side, side)

    assert metric(restored, gt).isfinite().all()
    assert metric(gt, gt).item() == pytest.approx(1, abs=1e-6)
    with pytest.raises(RestobenchError, match=f"needs sides of at least {side} pixels"):
        metric(restored[..., 1:], gt[..., 1:])


@pytest.mark.parametrize("metric", BOTH)
def test_what_cannot_be_compared_is_refused_by_us(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    """piq answers with an assertion that names neither picture."""
    restored, gt = a_pair(1, 37, 53)

    with pytest.raises(RestobenchError, match="must be of one size"):
        metric(restored[..., :50], gt)
    with pytest.raises(RestobenchError, match="finite ones"):
        metric(torch.full_like(gt, float("nan")), gt)


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

"""What we ask of piq: every option said, and the same answer for any batch."""

import doctest
import inspect
from collections.abc import Callable

import numpy as np
import piq
import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics import piq_metrics as module
from restobench.metrics.piq_metrics import fsim, gmsd
from tests.metrics.pairs import a_pair

BOTH = (fsim, gmsd)


@pytest.mark.parametrize(("ours", "theirs"), [(fsim, piq.fsim), (gmsd, piq.gmsd)])
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

"""Consistency: what a restored picture is, made small again."""

import doctest

import pytest
import torch

from restobench.degradations.resize import resized_antialiased
from restobench.errors import RestobenchError
from restobench.metrics import consistency as module
from restobench.metrics.consistency import consistency
from tests.metrics.pairs import a_pair


def test_a_picture_that_holds_its_input_is_consistent_whatever_it_adds() -> None:
    """Detail above the input's resolution is what a method may invent."""
    _, gt = a_pair(1, 36, 52)
    lq = resized_antialiased(gt, 1 / 4).clamp(0, 1)
    pattern = torch.tensor([[0.02, -0.02], [-0.02, 0.02]]).repeat(18, 26)
    detailed, brighter = (gt + pattern).clamp(0, 1), (gt + 0.1).clamp(0, 1)

    same, finer, other = (consistency(picture, lq).item() for picture in (gt, detailed, brighter))

    assert same > 50
    assert finer > 40
    assert other < 25


def test_it_is_psnr_of_the_small_pictures() -> None:
    """Neither clamped nor rounded in between; a picture at a time."""
    restored, _ = a_pair(2, 36, 54)
    lq, _ = a_pair(2, 12, 18, seed=5)

    mse = (resized_antialiased(restored.double(), 1 / 3) - lq.double()).square().mean(dim=(1, 2, 3))

    assert consistency(restored, lq).tolist() == pytest.approx((-10 * mse.log10()).tolist(), rel=1e-12)


@pytest.mark.parametrize("size", [(36, 52), (37, 52), (9, 13), (27, 52)])
def test_sizes_that_do_not_belong_together_are_refused(size: tuple[int, int]) -> None:
    """Equal ones too: that is no down-sampling."""
    lq, _ = a_pair(1, *((36, 52) if size == (36, 52) else (9, 13)))

    with pytest.raises(RestobenchError, match=r"it must be 2, 3, 4, \.\.\. times as large"):
        consistency(a_pair(1, *size)[0], lq)


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

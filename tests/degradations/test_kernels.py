"""Blur kernels: what follows from their formulas, and how often which is drawn."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from restobench.degradations.generators import Generators
from restobench.degradations.kernels import (
    BlurKernel,
    Family,
    draw_final_sinc,
    gaussian,
    generalised,
    padded,
    plateau,
    pulse,
    sinc,
)
from restobench.degradations.recipes import IMAGENET_TEST, REAL_ESRGAN_TRAINING
from restobench.errors import RestobenchError

EVERY_FAMILY = (
    gaussian(13, 1.3, 2.4, 0.4),
    generalised(11, 1.5, 0.8, -2.0, 0.6),
    plateau(21, 3.0, 1.0, 1.0, 1.7),
    sinc(9, 1.4),
    pulse(7),
)


def second_moments(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance of (x, y), x to the right and y downwards."""
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - kernel.shape[0] // 2
    return np.array([[(kernel * a * b).sum() for a in (x, y)] for b in (x, y)])


@pytest.mark.parametrize("kernel", EVERY_FAMILY)
def test_a_kernel_has_sum_1_and_is_symmetric_about_its_centre(kernel: NDArray[np.float64]) -> None:
    """Brightness stays, and nothing moves."""
    assert kernel.dtype == np.float64
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("kernel", [gaussian(13, 2, 2, 0.7), generalised(9, 1, 1, 0, 0.5), sinc(11, 2.0)])
def test_an_isotropic_kernel_looks_the_same_from_all_sides(kernel: NDArray[np.float64]) -> None:
    """Its angle means nothing."""
    for turned in (kernel.T, kernel[::-1], kernel[:, ::-1]):
        np.testing.assert_allclose(turned, kernel, rtol=1e-9, atol=1e-18)


def test_a_gaussian_has_the_sigmas_along_the_turned_axes() -> None:
    """The angle goes from x (right) towards y (down); its covariance is R diag(sx^2, sy^2) R'."""
    angle = 0.6
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    moments = second_moments(gaussian(61, 4.0, 2.0, angle))

    np.testing.assert_allclose(moments, turn @ np.diag([16.0, 4.0]) @ turn.T, rtol=1e-6)


def test_generalised_at_beta_1_is_the_gaussian_and_otherwise_flatter_or_more_peaked() -> None:
    """Beta is the exponent of q: above 1 it pushes what is within sigma up."""
    normal = generalised(21, 2, 3, 0.3, 1.0)

    np.testing.assert_allclose(normal, gaussian(21, 2, 3, 0.3), rtol=1e-12)
    relative = [kernel[10, 11] / kernel[10, 10] for kernel in (generalised(21, 2, 3, 0.3, b) for b in (0.5, 1.0, 2.0))]
    assert relative == sorted(relative)


def test_sinc_passes_what_is_below_its_cut_off_and_stops_the_rest() -> None:
    """Its spectrum is a disc: about 1 inside, about 0 outside, but for the ringing of a finite size."""
    cutoff = math.pi / 2
    size = 101

    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(sinc(size, cutoff))))

    y, x = np.mgrid[:size, :size] - size // 2
    frequency = 2 * math.pi * np.hypot(x, y) / size
    assert spectrum[frequency < 0.8 * cutoff].min() > 0.9
    assert spectrum[(frequency > 1.2 * cutoff) & (frequency < math.pi)].max() < 0.1


def test_padding_keeps_the_centre_and_the_values() -> None:
    """Kernels of a batch have one size."""
    kernel = gaussian(3, 1, 1)

    wide = padded(kernel, 7)

    assert wide.shape == (7, 7)
    np.testing.assert_array_equal(wide[2:5, 2:5], kernel)
    assert wide.sum() == pytest.approx(1)


def test_what_is_no_kernel_is_refused() -> None:
    """The sentence says what is wrong with which number."""
    with pytest.raises(RestobenchError, match="an odd size, so that it has a centre; 8 is none"):
        gaussian(8, 1, 1)
    with pytest.raises(RestobenchError, match="sigmas must be above 0, not 0 and 1"):
        gaussian(7, 0, 1)
    with pytest.raises(RestobenchError, match=r"at most pi, not 3\.2\."):
        sinc(7, 3.2)
    with pytest.raises(RestobenchError, match="A kernel of 9 pixels does not fit into 7"):
        padded(pulse(9), 7)


def many_first_kernels(count: int = 4000) -> list[BlurKernel]:
    generators = Generators.of_seed(1)
    draw = REAL_ESRGAN_TRAINING.kernel1.draw
    return [draw(generators.python, generators.numpy) for _ in range(count)]


def test_the_draws_of_the_mixed_list_follow_the_recipe() -> None:
    """Shares within four standard errors, values by Kolmogorov and Smirnov's test."""
    drawn = many_first_kernels()
    count = len(drawn)

    sizes = Counter(kernel.size for kernel in drawn)
    assert set(sizes) == set(range(3, 21, 2))
    assert all(abs(number - count / 9) < 4 * math.sqrt(count / 9) for number in sizes.values())
    families = Counter(kernel.family for kernel in drawn)
    shares: dict[Family, float] = {"sinc": 0.1, "gaussian": 0.63, "generalised": 0.135, "plateau": 0.135}
    for family, share in shares.items():
        assert abs(families[family] / count - share) < 4 * math.sqrt(share * (1 - share) / count), family
    bells = [kernel for kernel in drawn if kernel.family != "sinc"]
    isotropic = [kernel for kernel in bells if kernel.sigma_px[0] == kernel.sigma_px[1]]
    assert abs(len(isotropic) / len(bells) - 0.69) < 0.03
    assert kstest([kernel.sigma_px[0] for kernel in bells], "uniform", (0.2, 2.8)).pvalue > 1e-3
    turned = [kernel.angle_rad for kernel in bells if kernel not in isotropic]
    assert kstest(turned, "uniform", (-math.pi, 2 * math.pi)).pvalue > 1e-3
    assert all(kernel.angle_rad == 0 for kernel in isotropic)


def test_half_of_the_betas_are_below_1() -> None:
    """Drawn on either side of 1, not over the whole range: else few would be below."""
    betas = [kernel.beta for kernel in many_first_kernels() if kernel.family == "generalised"]

    below = [beta for beta in betas if beta < 1]
    assert abs(len(below) / len(betas) - 0.5) < 0.1
    assert kstest(below, "uniform", (0.5, 0.5)).pvalue > 1e-3
    assert kstest([beta for beta in betas if beta > 1], "uniform", (1, 3)).pvalue > 1e-3


def test_the_cut_off_of_small_sinc_filters_starts_higher() -> None:
    """pi/3 below 13 pixels, pi/5 from there on."""
    sincs = [kernel for kernel in many_first_kernels() if kernel.family == "sinc"]

    small = [kernel.cutoff_rad for kernel in sincs if kernel.size < 13]
    large = [kernel.cutoff_rad for kernel in sincs if kernel.size >= 13]
    assert kstest(small, "uniform", (math.pi / 3, math.pi * 2 / 3)).pvalue > 1e-3
    assert kstest(large, "uniform", (math.pi / 5, math.pi * 4 / 5)).pvalue > 1e-3


def test_the_final_filter_is_a_sinc_or_changes_nothing() -> None:
    """Its sizes are the second kernel's, and so is its padding."""
    python, numpy = random.Random(0), np.random.default_rng(0)

    drawn = [draw_final_sinc(0.2, IMAGENET_TEST.kernel2, python, numpy) for _ in range(2000)]

    sincs = [kernel for kernel in drawn if kernel.family == "sinc"]
    assert abs(len(sincs) / len(drawn) - 0.2) < 0.04
    assert {kernel.size for kernel in sincs} == {3, 5}
    others = next(kernel for kernel in drawn if kernel.family != "sinc")
    np.testing.assert_array_equal(others.values(), pulse(7))


def test_a_drawn_kernel_is_padded_to_the_recipe_s_size() -> None:
    """Whatever was drawn, a batch of them can be stacked."""
    for kernel in many_first_kernels(50):
        values = kernel.values()

        assert values.shape == (21, 21)
        assert values.sum() == pytest.approx(1)

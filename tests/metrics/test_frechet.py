"""The distances against scipy's matrix square root and piq's KID, and what is known of them without computing."""

import doctest

import numpy as np
import piq
import pytest
import scipy.linalg
import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics import frechet as module
from restobench.metrics.frechet import Gaussian, frechet_distance, kernel_distance


def features(count: int, dimensions: int, seed: int, *, shift: float = 0.0) -> Tensor:
    """Correlated, with variances over two orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.logspace(0, -2, dimensions)
    mixing = torch.randn(dimensions, dimensions, generator=torch.Generator().manual_seed(99)) / dimensions**0.5
    return (torch.randn(count, dimensions, generator=generator) * scales) @ mixing + shift


def by_matrix_root(x: Tensor, y: Tensor) -> float:
    """The formula as it is printed, with scipy's `sqrtm`."""
    x_array, y_array = x.double().numpy(), y.double().numpy()
    s1, s2 = np.cov(x_array, rowvar=False), np.cov(y_array, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    difference = x_array.mean(axis=0) - y_array.mean(axis=0)
    return float(difference @ difference + np.trace(s1 + s2 - 2 * np.real(root)))


@pytest.mark.parametrize(("n", "m"), [(60, 90), (90, 60), (41, 41), (200, 300)])
def test_it_is_the_formula_with_a_matrix_root(n: int, m: int) -> None:
    """Where the covariances have an inverse, so that scipy's root is exact."""
    x, y = features(n, 40, 0), features(m, 40, 1, shift=0.1)

    assert frechet_distance(x, y) == pytest.approx(by_matrix_root(x, y), rel=1e-6)
    assert frechet_distance(x, Gaussian.of(y)) == pytest.approx(by_matrix_root(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (30, 200), (200, 30), (2, 2), (39, 300)])
def test_the_quick_ways_are_the_exact_one(n: int, m: int) -> None:
    """Fewer pictures than dimensions: covariances without an inverse, where `sqrtm` loses its way."""
    x, y = features(n, 40, 0), features(m, 40, 1, shift=0.1)
    one, other = Gaussian.of(x), Gaussian.of(y)
    product = other.root @ one.covariance @ other.root
    common = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    expected = (one.mean - other.mean).square().sum() + one.covariance.trace() + other.covariance.trace() - 2 * common

    assert frechet_distance(x, y) == pytest.approx(expected.item(), rel=1e-6)
    assert frechet_distance(x, other) == pytest.approx(expected.item(), rel=1e-6)


def test_a_set_is_at_no_distance_from_itself_and_never_below() -> None:
    """An epsilon on the diagonal would show here."""
    for count in (5, 39, 60):
        x = features(count, 40, 0)

        assert 0 <= frechet_distance(x, x.flip(0)) < 1e-6
        assert 0 <= frechet_distance(x, Gaussian.of(x)) < 1e-6


def test_a_shift_alone_is_its_square() -> None:
    """Means part, covariances do not."""
    x = features(60, 40, 0)

    assert frechet_distance(x, x + 0.5) == pytest.approx(40 * 0.25, rel=1e-6)


def test_pictures_that_are_all_alike_are_allowed() -> None:
    """A method that prints one picture has a covariance of zeros."""
    x, y = torch.ones(5, 8), features(20, 8, 0)

    expected = (1 - y.double().mean(dim=0)).square().sum() + Gaussian.of(y).covariance.trace()
    assert frechet_distance(x, y) == pytest.approx(expected.item(), rel=1e-6)


def test_too_few_or_other_features_are_refused() -> None:
    """The error is the reason that stands in the table."""
    x = features(5, 8, 0)

    with pytest.raises(RestobenchError, match=r"needs two pictures on each side, and there is 1\."):
        frechet_distance(x[:1], x)
    with pytest.raises(RestobenchError, match="8 dimensions and the reference 6; they are of two networks"):
        frechet_distance(x, x[:, :6])
    with pytest.raises(RestobenchError, match="needs two pictures on each side, and there are 5 and 1"):
        kernel_distance(x, x[:1])
    with pytest.raises(RestobenchError, match="8 and 6 dimensions"):
        kernel_distance(x, x[:, :6])


def test_kid_is_piq_s_over_all_pictures() -> None:
    """Its subsets, as large as the set, are the set in another order."""
    x, y = features(50, 40, 0), features(50, 40, 1, shift=0.3)
    theirs = piq.KID(degree=3, gamma=None, coef0=1, n_subsets=1, subset_size=50)

    assert kernel_distance(x, y).value == pytest.approx(theirs.compute_metric(x, y).item(), rel=1e-4)


def test_kid_does_not_depend_on_the_number_of_pictures_and_fid_does() -> None:
    """Two sets of one kind: the kernel distance scatters around 0, the other one is above it."""
    for count in (20, 200):
        draws = [(features(count, 40, seed), features(count, 40, 100 + seed)) for seed in range(40)]
        kernel = torch.tensor([kernel_distance(x, y).value for x, y in draws])
        frechet = torch.tensor([frechet_distance(x, y) for x, y in draws])

        assert kernel.mean().abs() < 3 * kernel.std() / 40**0.5
        assert frechet.mean() > 10 * kernel.mean().abs()


def test_the_standard_error_of_kid_is_its_scatter() -> None:
    """Where the sets differ, so that the first-order terms rule."""
    draws = [kernel_distance(features(60, 10, seed), features(60, 10, 500 + seed, shift=0.4)) for seed in range(60)]

    scatter = torch.tensor([draw.value for draw in draws]).std().item()
    told = np.mean([draw.standard_error for draw in draws])

    assert told == pytest.approx(scatter, rel=0.25)


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

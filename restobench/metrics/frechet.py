"""Distances between sets of features: Frechet's, without a matrix square root, and the kernel distance.

FID is |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2) of means and covariances (Heusel et al.,
NeurIPS 2017). The last trace is the sum of the singular values of S1^(1/2) S2^(1/2), which are the
roots of the eigenvalues of S1^(1/2) S2 S1^(1/2): a symmetric matrix, so that nothing can become
imaginary or negative, and no epsilon is needed where covariances are singular. With centred
features X (n x d), S = X^T X / (n - 1), the same values are those of smaller matrices:

- of two sets of features: the singular values of X Y^T / sqrt((n - 1)(m - 1)), n x m;
- of features and a stored covariance S: the roots of the eigenvalues of X S X^T / (n - 1), n x n.

float64 throughout. Knows arrays, neither pictures nor networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics.registry import SetValue

_FEWEST = 2
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Gaussian:
    """What is known of a set of features: its mean (d,) and its covariance (d, d), float64."""

    mean: Tensor
    covariance: Tensor

    @cached_property
    def root(self) -> Tensor:
        """The covariance's symmetric square root, (d, d): worked out once."""
        values, vectors = torch.linalg.eigh(self.covariance)
        root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        return root

    @classmethod
    def of(cls, features: Tensor) -> Gaussian:
        """(n, d) -> its mean and (with n - 1) covariance."""
        mean, centred = _centred(features)
        return cls(mean, centred.T @ centred / (len(centred) - 1))


def frechet_distance(features: Tensor, reference: Tensor | Gaussian) -> float:
    """FID of features (n, d) and others (m, d), or a stored Gaussian; at least 0, which equal sets have.

    >>> import torch
    >>> features = torch.tensor([[0.0, 1.0], [2.0, 3.0], [1.0, 0.0]])
    >>> round(frechet_distance(features, features + 3), 6)
    18.0

    Raises:
        RestobenchError: Fewer than two on a side, or another number of dimensions.
    """
    mean, x = _centred(features)
    theirs = reference.mean if isinstance(reference, Gaussian) else _centred(reference)[0]
    if theirs.shape != mean.shape:
        raise RestobenchError(
            f"The features have {len(mean)} dimensions and the reference {len(theirs)}; they are of two networks."
        )
    if isinstance(reference, Gaussian):
        trace, common = reference.covariance.trace(), _with_gaussian(x, reference)
    else:
        y = _centred(reference)[1]
        trace, common = y.square().sum() / (len(y) - 1), _with_features(x, y)
    total = (mean - theirs.to(mean)).square().sum() + x.square().sum() / (len(x) - 1) + trace - 2 * common
    return max(total.item(), 0.0)


def _centred(features: Tensor) -> tuple[Tensor, Tensor]:
    if len(features) < _FEWEST:
        raise RestobenchError(f"A distance between sets needs two pictures on each side, and there is {len(features)}.")
    features = features.double()
    mean = features.mean(dim=0)
    return mean, features - mean


def _with_features(x: Tensor, y: Tensor) -> Tensor:
    """tr (S1 S2)^(1/2) of centred features (n, d) and (m, d)."""
    if min(len(x), len(y)) < x.shape[1]:
        singular: Tensor = torch.linalg.svdvals(x @ y.T)
        return singular.sum() / sqrt((len(x) - 1) * (len(y) - 1))
    return _with_gaussian(x, Gaussian(y.mean(dim=0), y.T @ y / (len(y) - 1)))


def _with_gaussian(x: Tensor, reference: Gaussian) -> Tensor:
    """tr (S1 S2)^(1/2) of centred features (n, d) and a covariance (d, d)."""
    if len(x) < x.shape[1]:
        product = x @ reference.covariance.to(x) @ x.T / (len(x) - 1)
    else:
        root = reference.root.to(x)
        product = root @ (x.T @ x / (len(x) - 1)) @ root
    values: Tensor = torch.linalg.eigvalsh(product)
    return values.clamp(min=0).sqrt().sum()


def kernel_distance(x: Tensor, y: Tensor) -> SetValue:
    """KID: the squared maximum mean discrepancy of features (n, d) and (m, d), with its standard error.

    The kernel is (x . y / d + 1)^3; the estimate is the unbiased one, a U-statistic over all pairs,
    not a mean over subsets (Binkowski et al., ICLR 2018). It may fall below 0. The standard
    error is of its first-order terms: sqrt(4 v_x / n + 4 v_y / m), v the variances of each picture's
    own mean kernel to its set less that to the other.

    >>> import torch
    >>> x = torch.tensor([[0.0, 1.0], [2.0, 3.0], [1.0, 0.0]])
    >>> round(kernel_distance(x, x.flip(0)).value, 6)
    -89.777778

    Raises:
        RestobenchError: Fewer than two on a side, or another number of dimensions.
    """
    if min(len(x), len(y)) < _FEWEST:
        raise RestobenchError(f"KID needs two pictures on each side, and there are {len(x)} and {len(y)}.")
    if x.shape[1] != y.shape[1]:
        raise RestobenchError(f"The features have {x.shape[1]} and {y.shape[1]} dimensions; they are of two networks.")
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    within_x, within_y = _kernel_sums(x, x, diagonal=False), _kernel_sums(y, y, diagonal=False)
    between_x, between_y = _kernel_sums(x, y), _kernel_sums(y, x)
    value = within_x.sum() / (n * (n - 1)) + within_y.sum() / (m * (m - 1)) - 2 * between_x.sum() / (n * m)
    own_x = within_x / (n - 1) - between_x / m
    own_y = within_y / (m - 1) - between_y / n
    error = (4 * own_x.var() / n + 4 * own_y.var() / m).sqrt()
    return SetValue(value.item(), error.item())


def _kernel_sums(x: Tensor, y: Tensor, *, diagonal: bool = True) -> Tensor:
    """(n, d) and (m, d) -> (n,): of each row the kernel's sum over the others' rows, a band of rows at a time."""

    def kernel(products: Tensor) -> Tensor:
        return (products / x.shape[1] + 1) ** 3

    sums = torch.cat([kernel(rows @ y.T).sum(dim=1) for rows in x.split(_ROWS_AT_ONCE)])
    return sums if diagonal else sums - kernel(x.square().sum(dim=1))

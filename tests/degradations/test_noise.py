"""Noise: its strength, and whether it is grey."""

import math

import pytest
import torch
from scipy.stats import kstest

from restobench.degradations.noise import NoiseLevels, add_gaussian, add_poisson, draw_noise_levels

SIDE = 160


def flat(value: float, batch: int = 2) -> torch.Tensor:
    return torch.full((batch, 3, SIDE, SIDE), value)


def levels(level: float, grey: list[bool]) -> NoiseLevels:
    return NoiseLevels(torch.full((len(grey),), level), torch.tensor(grey))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_levels_are_uniform_and_grey_comes_as_often_as_asked() -> None:
    """Of four thousand pictures."""
    drawn = draw_noise_levels((1, 30), 0.4, 4000, generator())

    assert kstest(drawn.level.numpy(), "uniform", (1, 29)).pvalue > 1e-3
    assert abs(drawn.grey.float().mean().item() - 0.4) < 4 * math.sqrt(0.24 / 4000)


def test_gaussian_noise_has_its_sigma_in_grey_levels() -> None:
    """On middle grey nothing is clamped."""
    noise = add_gaussian(flat(0.5), levels(12, [False, False]), generator()) - 0.5

    assert noise.std().item() * 255 == pytest.approx(12, rel=0.02)
    assert abs(noise.mean().item()) * 255 < 0.2


def test_shot_noise_has_the_variance_of_counting() -> None:
    """A picture of one value r, n = 1: Poisson(r) - r has the variance r. Small levels keep it unclamped."""
    value, level = 153 / 255, 0.1
    noise = add_poisson(flat(value), levels(level, [False, False]), generator()) - value

    assert noise.std().item() == pytest.approx(level * math.sqrt(value), rel=0.02)
    assert abs(noise.mean().item()) < 0.001


def test_shot_noise_falls_with_the_number_of_values() -> None:
    """With 200 values n is 256, and the variance r / 256."""
    rows = torch.arange(28, 228) / 255
    picture = rows.view(1, 1, 200, 1).expand(1, 3, 200, 400)

    noise = add_poisson(picture, levels(0.5, [False]), generator()) - picture

    expected = 0.5 * (rows.mean() / 256).sqrt().item()
    assert noise.std().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("add", [add_gaussian, add_poisson])
def test_grey_noise_is_the_same_in_all_channels_and_only_where_it_was_drawn(add: object) -> None:
    """The flag is the picture's, not the batch's."""
    assert add in (add_gaussian, add_poisson)
    level = 12.0 if add is add_gaussian else 0.1
    noisy = (add_gaussian if add is add_gaussian else add_poisson)(flat(0.5), levels(level, [True, False]), generator())

    grey, colour = noisy - 0.5
    assert (grey.std(dim=0) < 1e-6).all()
    assert torch.corrcoef(colour.flatten(1))[0, 1].abs() < 0.05


def test_grey_gaussian_noise_is_one_field_for_the_batch() -> None:
    """As in the official program: pictures with grey noise differ in its strength alone."""
    noisy = add_gaussian(flat(0.5), levels(12, [True, True]), generator())

    torch.testing.assert_close(noisy[0], noisy[1])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_noise_stays_in_the_range_of_pictures(value: float) -> None:
    """Black and white are where it would leave it."""
    for noisy in (
        add_gaussian(flat(value), levels(30, [True, False]), generator()),
        add_poisson(flat(value), levels(3.0, [True, False]), generator()),
    ):
        assert 0 <= noisy.min() <= noisy.max() <= 1

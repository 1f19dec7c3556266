"""Rain, haze, noise, motion blur, low light, JPEG: what each does, beside its golden values."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import convolve, gaussian_filter

from restobench.degradations import weather
from restobench.degradations.weather import convolved, gauss_kernel, line_kernel, stream
from restobench.errors import RestobenchError
from tests.filling import image


def clean(height: int = 37, width: int = 53) -> NDArray[np.float64]:
    return image("clean", (1, 3, height, width), 0)[0].double().numpy()


def grey(value: float, height: int = 37, width: int = 53) -> NDArray[np.float64]:
    return np.full((3, height, width), value)


@pytest.mark.parametrize("length", [1, 2.5, 7, 24.7])
@pytest.mark.parametrize("angle", [0, 30, 90, 137.5])
def test_a_line_has_its_length_its_angle_and_a_sum_of_one(length: float, angle: float) -> None:
    """By its moments: a line of length l has the variance l^2/12 along itself, and next to none across."""
    kernel = line_kernel(length, angle)

    radius = math.ceil((length - 1) / 2)
    assert kernel.shape == (2 * radius + 1, 2 * radius + 1)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along = math.cos(math.radians(angle)) * x - math.sin(math.radians(angle)) * y
    across = math.sin(math.radians(angle)) * x + math.cos(math.radians(angle)) * y
    # Points a sixteenth apart and bilinear shares widen it: by less than a quarter of a pixel squared.
    assert (kernel * along**2).sum() == pytest.approx((length - 1) ** 2 / 12, rel=0.15, abs=0.25)
    assert (kernel * across**2).sum() < 0.26


def test_an_upward_angle_points_upwards() -> None:
    """y grows downwards in an array, and the angle turns against it."""
    kernel = line_kernel(9, 45)

    assert kernel[2, 6] > 0 < kernel[6, 2]
    assert kernel[2, 2] == kernel[6, 6] == 0


def test_convolution_is_the_textbook_s_with_mirrored_borders() -> None:
    """Against SciPy, with a kernel whose flip would be seen."""
    kernel = np.random.default_rng(0).random((15, 15))

    found = convolved(clean(), kernel)

    for plane, wanted in zip(found, clean(), strict=True):
        np.testing.assert_allclose(plane, convolve(wanted, kernel, mode="mirror"), atol=1e-12)


@pytest.mark.parametrize("sigma", [0.2, 0.7, 1.9])
def test_the_gaussian_is_scipy_s(sigma: float) -> None:
    """Three sigmas wide, at least one pixel."""
    found = convolved(clean(), gauss_kernel(sigma))

    wanted = gaussian_filter(
        clean(), (0, sigma, sigma), mode="mirror", radius=(0, *(max(1, math.ceil(3 * sigma)),) * 2)
    )
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_lone_streak_adds_its_gain_along_its_middle() -> None:
    """What the blur takes away from it is given back."""
    x = grey(0.1, 64, 80)
    tag = next(tag for tag in map(str, range(500)) if (stream(tag, 0).random((64, 80))[20:44, 20:60] < 2e-4).sum() == 1)

    wet = weather.rain(x, stream(tag, 0), density=2e-4, length=15, angle=90, width=0.8, gain=0.6)

    assert wet.max() == pytest.approx(0.7, abs=0.01)
    assert (wet >= x - 1e-12).all()
    np.testing.assert_array_equal(wet[0], wet[2])


def test_no_drops_no_rain() -> None:
    """The same picture, to the last bit that a clip leaves."""
    wet = weather.rain(clean(), stream("a", 0), density=0.0, length=15, angle=80, width=0.8, gain=0.6)

    np.testing.assert_allclose(wet, clean(), atol=1e-12)


def test_haze_is_denser_above_and_tends_to_its_airlight() -> None:
    """The depth of a landscape grows towards the top of the picture."""
    thin = weather.haze(grey(0.2), stream("a", 0), beta=1.0, airlight=0.9)
    dense = weather.haze(grey(0.2), stream("a", 0), beta=50.0, airlight=0.9)

    assert thin[0, :5].mean() > thin[0, -5:].mean() + 0.1
    np.testing.assert_allclose(dense[0, :20], 0.9, atol=1e-3)
    np.testing.assert_array_equal(weather.haze(clean(), stream("a", 0), beta=0.0, airlight=0.9), clean())


def test_noise_has_its_sigma_and_no_two_channels_share_it() -> None:
    """In grey levels of 255."""
    noisy = weather.noise(grey(0.5, 200, 200), stream("a", 0), sigma=20)

    assert (noisy - 0.5).std() * 255 == pytest.approx(20, rel=0.01)
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.02


def test_low_light_is_its_formula_and_its_noise() -> None:
    """beta (alpha x)^gamma, then normal noise."""
    dark = weather.low(clean(), stream("a", 0), alpha=0.9, beta=0.7, gamma=2.2, sigma=0.0)
    noisy = weather.low(grey(0.9, 200, 200), stream("a", 0), alpha=1.0, beta=0.8, gamma=2.0, sigma=0.02)

    np.testing.assert_allclose(dark, 0.7 * (0.9 * clean()) ** 2.2, atol=1e-12)
    assert noisy.mean() == pytest.approx(0.8 * 0.81, abs=1e-3)
    assert noisy.std() == pytest.approx(0.02, rel=0.02)


def test_a_blur_of_one_pixel_changes_nothing_and_a_longer_one_smears_its_way() -> None:
    """A vertical edge survives a vertical motion alone."""
    edge = grey(0.2)
    edge[:, :, 25:] = 0.8

    np.testing.assert_allclose(weather.blur(clean(), stream("a", 0), length=1, angle=33), clean(), atol=1e-12)
    np.testing.assert_allclose(weather.blur(edge, stream("a", 0), length=11, angle=90), edge, atol=1e-12)
    assert abs(np.diff(weather.blur(edge, stream("a", 0), length=11, angle=0)[0, 5])).max() < 0.1


def test_jpeg_loses_more_at_a_lower_quality_and_gives_eight_bits() -> None:
    """It draws nothing, though it is handed a stream as all are."""
    x = weather.noise(clean(), stream("a", 0), sigma=10)

    good, bad = (weather.jpeg(x, stream("a", 0), quality=quality) for quality in (90, 10))

    assert np.square(bad - x).mean() > 2 * np.square(good - x).mean()
    np.testing.assert_allclose(bad * 255, (bad * 255).round(), atol=1e-9)


@pytest.mark.parametrize("kind", ["rain", "haze", "noise", "low"])
def test_a_step_depends_on_its_stream_alone(kind: str) -> None:
    """Not on the global generator; and another tag or seed is another field."""
    values = {
        "rain": {"density": 0.01, "length": 12, "angle": 80, "width": 0.5, "gain": 0.5},
        "haze": {"beta": 1.0, "airlight": 0.9},
        "noise": {"sigma": 10},
        "low": {"alpha": 1.0, "beta": 0.7, "gamma": 2.0, "sigma": 0.02},
    }[kind]
    step = getattr(weather, kind)

    first = step(clean(), stream("a/x", 3), **values)

    assert 0 <= first.min() <= first.max() <= 1
    np.testing.assert_array_equal(step(clean(), stream("a/x", 3), **values), first)
    assert (step(clean(), stream("b/x", 3), **values) != first).any()
    assert (step(clean(), stream("a/x", 4), **values) != first).any()


def test_eight_bits_go_there_and_back() -> None:
    """And halves are rounded to even, as NumPy and the papers round."""
    stored = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)

    np.testing.assert_array_equal(weather.to_eight_bit(weather.from_eight_bit(stored)), stored)
    assert weather.to_eight_bit(np.full((3, 1, 1), 0.5)).max() == 128


def test_what_cannot_be_is_refused() -> None:
    """With the numbers that do not fit."""
    with pytest.raises(RestobenchError, match=r"A picture of 53 x 8 is too small for a kernel of 17 x 17.*above 8"):
        convolved(clean(8), line_kernel(17, 20))
    with pytest.raises(RestobenchError, match=r"at least 1 pixel long, not 0\.5"):
        line_kernel(0.5, 0)
    with pytest.raises(RestobenchError, match="sigma must be above 0, not 0"):
        gauss_kernel(0)

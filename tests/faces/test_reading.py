"""How a photograph is read: bits, size, grey."""

import numpy as np
import pytest

from restobench.errors import RestobenchError
from restobench.faces.reading import as_photograph
from tests.faces.drawn import smooth


@pytest.mark.parametrize(
    ("height", "width", "read"), [(40, 40, (512, 512)), (37, 53, (512, 733)), (511, 700, (512, 701))]
)
def test_a_small_photograph_is_enlarged_to_a_short_side_of_512(height: int, width: int, read: tuple[int, int]) -> None:
    """Both sides rounded; what was stored is kept for the background."""
    photograph = as_photograph(smooth(height, width))

    assert photograph.picture.shape == (*read, 3)
    assert photograph.picture.dtype == np.uint8
    assert photograph.original.shape == (height, width, 3)


def test_a_large_photograph_stays_as_it_is() -> None:
    """Only small ones are touched."""
    stored = smooth(530, 777)

    photograph = as_photograph(stored)

    assert np.array_equal(photograph.picture, stored)


def test_sixteen_bits_keep_their_fractions() -> None:
    """Times 255 / 65535: a value between two of 8 bits stays between them."""
    stored = smooth(512, 600).astype(np.uint16) * 257 + 128

    picture = as_photograph(stored).picture

    assert picture.dtype == np.float32
    assert np.allclose(picture, stored / 257, atol=1e-4)


def test_eight_bits_in_a_wider_file_are_not_scaled() -> None:
    """Some programs save so; a true 16-bit photograph without a value above 256 would be black."""
    stored = smooth(512, 512)

    picture = as_photograph(stored.astype(np.uint16)).picture

    assert np.array_equal(picture, stored)


def test_grey_is_what_varies_alike_in_all_channels() -> None:
    """A constant tint is no colour, a photograph in colour is one, noise of two levels is none."""
    stored = smooth(520, 520)
    grey = np.repeat(stored[..., :1] // 2, 3, axis=2)
    noisy = grey + np.random.default_rng(0).integers(0, 3, grey.shape, np.uint8)

    assert as_photograph(grey).is_grey
    assert as_photograph(grey + np.array([20, 5, 0], np.uint8)).is_grey
    assert as_photograph(noisy).is_grey
    assert not as_photograph(stored).is_grey


def test_a_strip_is_refused() -> None:
    """Enlarged to 512 pixels it would be longer than OpenCV can warp."""
    with pytest.raises(RestobenchError, match=r"has 900 x 10 pixels; .* it would have 46080 x 512"):
        as_photograph(smooth(10, 900))

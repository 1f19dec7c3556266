"""Pictures drawn by code."""

import numpy as np

from restobench.train.drawings import drawn_picture


def test_a_number_always_gives_the_same_picture_and_another_another() -> None:
    """A training is reproducible from its configuration."""
    np.testing.assert_array_equal(drawn_picture(3, 48), drawn_picture(3, 48))
    assert not np.array_equal(drawn_picture(3, 48), drawn_picture(4, 48))


def test_pictures_have_flat_parts_and_edges_as_photographs_have() -> None:
    """Neither noise nor one colour: most neighbours are alike, and some are far apart."""
    pictures = np.stack([drawn_picture(number, 96) for number in range(6)]).astype(int)

    steps = abs(np.diff(pictures.mean(axis=-1), axis=2))
    assert pictures.shape == (6, 96, 96, 3)
    assert np.median(steps) < 8
    assert np.quantile(steps, 0.98) > 40

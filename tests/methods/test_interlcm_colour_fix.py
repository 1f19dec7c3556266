import pytest
import torch

from restobench_methods.interlcm.colour_fix import COLOUR_FIXES, adain, split_frequencies, wavelet
from tests.filling import image

SIZE = (2, 3, 37, 53)


def test_the_two_parts_are_the_picture() -> None:
    """What is fine and what is coarse add up, also beyond the range that can be saved."""
    picture = 3 * image("a", SIZE) - 1

    fine, coarse = split_frequencies(picture)

    torch.testing.assert_close(fine + coarse, picture)
    assert coarse.std() < picture.std()


def test_a_cast_of_colour_goes_and_detail_stays() -> None:
    """A shift is the coarsest part there is."""
    lq = 2 * image("a", SIZE) - 1
    cast = torch.tensor([0.3, -0.2, 0.1]).view(3, 1, 1)

    torch.testing.assert_close(wavelet(lq + cast, lq), lq, rtol=0, atol=1e-5)


def test_a_picture_corrected_to_itself_is_itself() -> None:
    """By every fix."""
    lq = 2 * image("a", SIZE) - 1

    for fix in COLOUR_FIXES.values():
        torch.testing.assert_close(fix(lq, lq), lq, rtol=0, atol=1e-5)


def test_adain_gives_every_channel_the_other_s_mean_and_deviation() -> None:
    """Of each picture on its own."""
    restored, lq = 2 * image("a", SIZE) - 1, image("b", SIZE)

    fixed = adain(restored, lq)

    torch.testing.assert_close(fixed.mean(dim=(2, 3)), lq.mean(dim=(2, 3)))
    torch.testing.assert_close(fixed.std(dim=(2, 3)), lq.std(dim=(2, 3)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", COLOUR_FIXES)
def test_a_picture_of_one_colour_gives_numbers(name: str) -> None:
    """Its deviation is zero."""
    plain = torch.full(SIZE, 0.25)

    assert COLOUR_FIXES[name](plain, plain - 1).isfinite().all()

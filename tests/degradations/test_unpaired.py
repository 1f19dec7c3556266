"""Training without pairs: what is shown degraded is never shown clean."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restobench.degradations.multi import degraded
from restobench.degradations.unpaired import split_halves
from restobench.errors import RestobenchError
from tests.conftest import picture


@given(st.sets(st.text(min_size=1), min_size=2, max_size=40))
def test_each_name_is_in_one_half_and_the_halves_are_of_one_size(names: set[str]) -> None:
    """Whatever the names are."""
    halves = split_halves(names)

    assert set(halves.clean) | set(halves.degraded) == names
    assert not set(halves.clean) & set(halves.degraded)
    assert 0 <= len(halves.degraded) - len(halves.clean) <= 1


def test_order_has_no_part_in_it_and_neighbours_part() -> None:
    """Frames of one film have names that follow each other: a cut of the sorted list would be by film."""
    names = [f"{number:03d}" for number in range(200)]

    halves = split_halves(names)

    assert split_halves(names[::-1]) == halves
    assert 35 < sum(name < "100" for name in halves.clean) < 65


def test_no_degraded_picture_s_original_is_among_the_clean_ones() -> None:
    """By the pixels themselves, not by the names."""
    pictures = {f"folder/{number}": picture(number, 40, 40) for number in range(31)}
    halves = split_halves(pictures)

    h = {hashlib.sha256(pictures[name].tobytes()).hexdigest() for name in halves.clean}
    originals = {hashlib.sha256(pictures[name].tobytes()).hexdigest() for name in halves.degraded}

    assert len(h) == 15
    assert len(originals) == 16
    assert not h & originals
    assert all((degraded(pictures[name], name, 0) != pictures[name]).any() for name in halves.degraded)


@pytest.mark.parametrize(
    ("names", "words"), [([], "there are none"), (["a"], "there is one"), (["a", "b", "a"], "'a'")]
)
def test_too_few_or_doubled_names_are_refused(names: list[str], words: str) -> None:
    """An empty half would end a training in a strange place."""
    with pytest.raises(RestobenchError, match=words):
        split_halves(names)

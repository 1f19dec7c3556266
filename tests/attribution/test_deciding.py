"""When a cause is named, on numbers alone."""

import pytest

from restobench.attribution.deciding import Trial, attribute
from restobench.attribution.variants import Variant

LUMA, BORDER, ROUNDED = Variant("psnr-y"), Variant("psnr", 4), Variant("psnr-y", 0, "rounded")


def trial(cell: str, luma: float, *, rounding: float = 0.02) -> Trial:
    """A cell that is printed as 25.00, and measured as 23."""
    return Trial(cell, 25.0, 0.005, 23.0, {LUMA: luma, BORDER: 30.0, ROUNDED: luma - rounding})


def test_three_cells_make_a_cause() -> None:
    """Two are chance."""
    cells = [trial("a", 25.0), trial("b", 25.0), trial("c", 25.005), trial("d", 26.0)]

    assert attribute(cells, "a").causes == (LUMA,)
    assert attribute(cells[:2], "a").causes == ()


def test_a_cause_explains_the_cell_that_is_asked_about() -> None:
    """What explains three others says nothing of the fourth."""
    cells = [trial("a", 25.0), trial("b", 25.0), trial("c", 25.0), trial("d", 26.0)]

    found = attribute(cells, "d")

    assert found.causes == ()
    assert (found.explained, found.tried) == (3, 4)
    assert found.nearest == (ROUNDED, LUMA, BORDER)


def test_a_cause_explains_more_than_half_of_what_differs() -> None:
    """Among thirty cells some variant meets three by chance."""
    cells = [trial(name, 25.0 if number < 3 else 26.0) for number, name in enumerate("abcdef")]

    assert attribute(cells, "a").causes == ()
    assert attribute(cells[:5], "a").causes == (LUMA,)


def test_what_cannot_be_told_apart_is_named_together() -> None:
    """Rounding moves the number by less than the paper prints; the nearest comes first."""
    cells = [trial(name, 25.002, rounding=0.004) for name in "abc"]

    assert attribute(cells, "a").causes == (LUMA, ROUNDED)


def test_the_boundary_is_half_of_the_last_digit() -> None:
    """In binary 25.005 - 25 is a little more than 0.005."""
    cells = [trial(name, 25.005) for name in "abc"]
    others = [trial(name, 25.0051) for name in "abc"]

    assert LUMA in attribute(cells, "a").causes
    assert LUMA not in attribute(others, "a").causes


def test_without_any_variant_there_is_no_nearest() -> None:
    """A metric that has no relatives here."""
    found = attribute([Trial("a", 1.0, 0.5, 2.0, {})], "a")

    assert (found.causes, found.nearest, found.explained) == ((), (), 0)
    with pytest.raises(ValueError, match="not enough values"):
        attribute([], "a")

"""Text that fits its place."""

from restobench.figures.lettering import Lettering


def test_long_headings_are_broken_and_made_smaller() -> None:
    """They never run into each other; a word is broken only where it cannot be made smaller."""
    letters = Lettering("DejaVu Sans", 8)
    names = ["a-method-with-a-very-long-name", "Unbreakablyextraordinarilylong", "two\nlines", "x"]

    broken, size = letters.headings(names, 0.98)

    assert max(letters.wide(line, size=size) for one in broken for line in one) <= 0.98
    assert size == 5
    assert len(broken[1]) == 2
    assert "".join(broken[1]) == names[1]
    assert broken[2:] == [["two", "lines"], ["x"]]
    assert letters.headings(["a-method-with-a-long-name"], 0.98) == ([["a-method-with-a-", "long-name"]], 8)


def test_a_line_is_made_smaller_until_it_fits() -> None:
    """And never larger than asked for."""
    letters = Lettering("DejaVu Sans", 8)

    assert letters.fitting("short", 2) == 8
    assert letters.wide("$" * 40, size=letters.fitting("$" * 40, 1)) <= 1.001
    assert letters.wide(" ") == 0

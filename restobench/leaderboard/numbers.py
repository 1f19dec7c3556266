"""How numbers are written, in whatever format."""

from __future__ import annotations

from restobench.leaderboard.board import Row


def number(value: float | None, digits: int) -> str:
    """With so many digits behind the point; `-` for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def places(ranks: tuple[int, int]) -> str:
    """`2`, or `2-4` where the samples do not say more."""
    first, last = ranks
    return str(first) if first == last else f"{first}-{last}"


def counts(row: Row) -> str:
    """How many samples the row's numbers are over; `-` for what is only printed."""
    found = sorted({cell.count + cell.infinite + cell.identical for cell in row.cells} - {0})
    return "-".join(map(str, found)) if found else "-"


def seconds(row: Row) -> str:
    """Of a picture, to three digits."""
    return "-" if row.seconds is None else f"{row.seconds:.3g}"

"""Work done ahead: its order, its errors, its bounds."""

from restobench.ahead import read_ahead
from restobench.errors import RestobenchError


def test_reading_ahead_keeps_the_order_and_hands_errors_over() -> None:
    """One bad picture stops nothing; later ones do not overtake it."""

    def read(number: int) -> int:
        if number == 3:
            raise RestobenchError("bad")
        return number * number

    found = list(read_ahead(range(20), read, workers=4, ahead=5))

    assert [item for item, _ in found] == list(range(20))
    assert [str(result) for _, result in found][3] == "bad"
    assert [result for _, result in found if not isinstance(result, RestobenchError)][-1] == 361


def test_reading_ahead_is_bounded() -> None:
    """Memory must not grow with the data set."""
    started = []
    source = read_ahead(range(1000), lambda number: started.append(number), workers=2, ahead=6)

    for _ in range(3):
        next(source)
    source.close()  # type: ignore[attr-defined]

    assert len(started) <= 6 + 3

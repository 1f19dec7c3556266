from pathlib import Path

from restobench.leaderboard.board import Timing
from restobench.timing.for_leaderboards import timings_in
from restobench.timing.record import keep
from tests.timing.test_table import record


def test_the_newest_of_each_is_shown_with_its_peak(tmp_path: Path) -> None:
    """On a graphics card what was allocated there, else the process."""
    keep(record("b", memory={"allocated": None, "process": 7}), tmp_path)
    keep(record("a", memory={"allocated": 5, "process": 9}), tmp_path)
    keep(record("a", seconds=0.2, measured="2025-01-01T00:00:00+00:00", sources="older"), tmp_path)

    found = timings_in(tmp_path)

    assert found == [
        Timing("a", "latency", (512, 512), 1, "float32", "H200", found[0].seconds, 5),
        Timing("b", "latency", (512, 512), 1, "float32", "H200", found[1].seconds, 7),
    ]
    assert round(found[0].seconds, 2) == 0.4

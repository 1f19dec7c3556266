"""Records, and the table that puts them beside what papers print."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from restobench.errors import RestobenchError
from restobench.leaderboard.published import all_published
from restobench.timing.figures import figures
from restobench.timing.record import TimingRecord, keep, kept_records, newest, read_record
from restobench.timing.table import TimingTable, printed_times, timing_tables


def record(label: str = "interlcm", seconds: float = 0.4, **changed: Any) -> TimingRecord:
    summary = figures([[seconds] * 5, [1.01 * seconds] * 5, [seconds] * 5])
    assert summary
    made: dict[str, Any] = {
        "label": label,
        "variant": "default",
        "scenario": "latency",
        "size": (512, 512),
        "restored_size": (512, 512),
        "batch": 1,
        "batch_asked": 1,
        "dtype": "float32",
        "device": "H200",
        "determinants": {"method": label, "scale": 1, "tf32": False},
        "sources": "abc",
        "dataset": {"name": "demo-face", "fingerprint": "f00"},
        "figures": asdict(summary),
        "marks": [],
        "measured": "2026-01-01T00:00:00+00:00",
    }
    return TimingRecord(**made | changed)


def column(table: TimingTable, head: str) -> dict[str, str]:
    """A column's cells that are not empty, by row."""
    place = table.heads.index(head)
    return {row[0]: row[place] for row in table.rows if row[place]}


def test_a_record_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """Sizes and figures included; the same again takes the older one's place."""
    one = record(memory={"process": 5}, ladder={"1": 2.5})

    path = keep(one, tmp_path)
    keep(replace(one, marks=["shared"]), tmp_path)

    assert path.relative_to(tmp_path).as_posix().startswith("timing-v1/interlcm@default/latency-512x512-")
    (found,) = kept_records(tmp_path)
    assert found.marks == ["shared"]
    assert replace(found, marks=[], figures={}) == replace(one, figures={})
    assert found.seconds == pytest.approx(0.4)


def test_whatever_moves_a_time_makes_another_record(tmp_path: Path) -> None:
    """Device by name, batch, dtype, sources, data set."""
    ways: list[dict[str, Any]] = [
        {},
        {"device": "V100"},
        {"batch_asked": None},
        {"dtype": "float16"},
        {"sources": "def"},
        {"scenario": "throughput"},
        {"size": (256, 256)},
        {"dataset": {"fingerprint": "bad"}},
    ]

    assert len({keep(record(**way), tmp_path) for way in ways}) == len(ways)


def test_a_damaged_record_hides_no_other(tmp_path: Path) -> None:
    """And says what to do when it is asked for itself."""
    keep(record(), tmp_path)
    broken = keep(record("other"), tmp_path)
    broken.write_text("{")

    assert len(kept_records(tmp_path)) == 1
    with pytest.raises(RestobenchError, match="is no record of a timing"):
        read_record(broken)


def test_of_one_measurement_made_twice_the_newer_is_shown() -> None:
    """Other source files of the method make another record, and the same row."""
    old, new = record(sources="a"), record(sources="b", measured="2026-02-01T00:00:00+00:00")

    assert newest([new, old]) == [new]
    assert len(newest([old, record(device="V100")])) == 2


def test_the_papers_times_stand_in_columns_of_their_own() -> None:
    """Throughput at a batch of about 64 is one thing, and a scenario that nobody says another."""
    small = {"size": (64, 64), "determinants": {"scale": 4, "tf32": False}}

    tables = timing_tables([record(), record("resshift", 0.02, scenario="throughput", **small)], all_published())

    to256, of512 = tables
    assert to256.title == "64 x 64 to 256 x 256"
    assert column(to256, "printed: throughput, s")["ResShift v1 [ResShift, table 2]"] == "0.105"
    assert column(to256, "batch")["ResShift v1 [ResShift, table 2]"] == "about 64"
    assert column(to256, "device")["resshift"] == "H200"
    assert "printed: scenario not said, s" not in to256.heads
    assert column(of512, "printed: scenario not said, s")["InterLCM 3step [InterLCM, table 1]"] == "0.421"
    assert column(of512, "batch")["InterLCM 3step [InterLCM, table 1]"] == "not said"
    assert column(of512, "device")["InterLCM 3step [InterLCM, table 1]"].startswith("RTX 3090")
    assert column(of512, "latency, ms")["interlcm"].startswith("400 (")
    assert set(column(of512, "latency, ms")) == {"interlcm"}


def test_ratios_are_to_a_baseline_of_the_same_table_and_device() -> None:
    """Ours to ours, a paper's to its own; where no baseline was timed there is none."""
    ours = [
        record(),
        record("gfpgan", 0.05),
        record("gfpgan", 0.01, device="V100"),
        record("fast", 0.02, scenario="throughput"),
        record("half", 0.02, dtype="float16"),
    ]

    (table,) = timing_tables(ours, all_published())

    ratios = column(table, "x GFPGAN")
    assert ratios["interlcm"] == "8"
    assert ratios["InterLCM 3step [InterLCM, table 1]"] == "7.14"
    assert "fast" not in ratios
    assert "half" not in ratios
    assert any("different devices say nothing" in remark for remark in table.remarks)


def test_marks_are_explained_below() -> None:
    """Only those that are there."""
    (table,) = timing_tables([record(marks=["shared", "drifting"])], all_published())

    assert [remark.partition(":")[0] for remark in table.remarks[2:]] == ["shared", "drifting"]


def test_every_printed_time_names_a_device() -> None:
    """A time without one is worth nothing."""
    printed = printed_times(all_published())

    assert len(printed) == 20
    assert all(cell.device for cell in printed)

"""What was timed by protocol, as leaderboards show it. Never imports torch."""

from __future__ import annotations

from pathlib import Path

from restobench.leaderboard.board import Timing
from restobench.timing.record import TimingRecord, kept_records, newest


def timings_in(runs: Path) -> list[Timing]:
    """The newest of each method, scenario, size, batch, dtype and device below `runs`, in the order of these."""
    found = (
        Timing(
            method=record.method,
            scenario=record.scenario,
            size=record.size,
            batch=record.batch,
            dtype=record.dtype,
            device=record.device,
            seconds=record.seconds,
            memory_bytes=_peak(record),
        )
        for record in newest(kept_records(runs))
    )
    return sorted(found, key=lambda one: (one.method, one.scenario, one.size, one.device, one.dtype, one.batch))


def _peak(record: TimingRecord) -> int | None:
    """What the method allocated on its device; where there is no telling, the whole process."""
    allocated = record.memory.get("allocated")
    return record.memory.get("process") if allocated is None else allocated

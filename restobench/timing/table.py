"""Our times beside those that papers print, each with its scenario and its hardware.

Two scenarios never share a column, and nothing is said of times on different devices, but for
their ratio to a baseline that was timed in the same table. Never imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from restobench.leaderboard.published import Published, PublishedCell
from restobench.timing.figures import MARKS
from restobench.timing.record import TimingRecord

BASELINES = ("GFPGAN", "CodeFormer", "RealESRGAN", "SwinIR")
"""Of faces and of super-resolution: what papers time beside themselves. A row is one by its name."""

_SIZES = re.compile(r"timing-(\d+)(?:to(\d+))?")
_PRINTED = {"throughput-seconds": "printed: throughput, s"}
_NOT_SAID = "printed: scenario not said, s"
_OURS = {
    "latency": "latency, ms",
    "throughput": "throughput, s",
    "end-to-end": "end-to-end, s",
    "self-reported": "self-reported, s",
}
_COLUMNS = ("method", *_OURS.values(), *_PRINTED.values(), _NOT_SAID, "pictures/s", "batch", "dtype")


@dataclass(frozen=True)
class TimingTable:
    """All that is of one size."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


@dataclass
class _Line:
    """A row before it is put into columns."""

    name: str
    seconds: float
    class_: tuple[object, ...]
    """Ratios are taken within one."""
    shown: dict[str, str] = field(default_factory=dict)
    device: str = ""
    marks: tuple[str, ...] = ()


def timing_tables(records: Sequence[TimingRecord], published: Published) -> list[TimingTable]:
    """A table for each size of the input that was timed, papers' rows of that size below ours."""
    sizes = sorted({(record.size, int(record.determinants["scale"])) for record in records})
    return [_table(size, scale, records, printed_times(published)) for size, scale in sizes]


def printed_times(published: Published) -> list[PublishedCell]:
    """Every number of a paper that is a time."""
    return [
        cell
        for cell in published.cells
        if cell.direction and _SIZES.fullmatch(cell.dataset) and any("seconds" in name for name in cell.means)
    ]


def printed_size(cell: PublishedCell) -> tuple[int, int]:
    """Side of the square input, in pixels, and how many times larger the result is.

    >>> _SIZES.fullmatch("timing-64to256").groups()
    ('64', '256')
    """
    found = _SIZES.fullmatch(cell.dataset)
    assert found, "only times are asked"
    side = int(found[1])
    return side, int(found[2] or side) // side


def _table(
    size: tuple[int, int], scale: int, records: Sequence[TimingRecord], printed: Sequence[PublishedCell]
) -> TimingTable:
    ours = [_of_record(record) for record in records if (record.size, record.determinants["scale"]) == (size, scale)]
    papers = [
        _of_paper(cell) for cell in printed if (printed_size(cell)[0],) * 2 == size and printed_size(cell)[1] == scale
    ]
    lines = [*ours, *papers]
    for baseline in BASELINES:
        _add_ratios(lines, baseline)
    ratios = tuple(f"x {baseline}" for baseline in BASELINES)
    inside = ("peak, MB", "parameters, M", "GFLOP")
    order = (*_COLUMNS, *ratios, *inside, "device", "marks")
    heads = tuple(head for head in order if head == "method" or any(line.shown.get(head) for line in lines))
    width, height = size
    return TimingTable(
        title=f"{width} x {height}" + (f" to {scale * width} x {scale * height}" if scale > 1 else ""),
        heads=heads,
        rows=tuple(tuple(line.shown.get(head, "") for head in heads) for line in lines),
        remarks=tuple(_remarks(lines, papers)),
    )


def _of_record(record: TimingRecord) -> _Line:
    figures = record.figures
    unit = 1000 if record.scenario == "latency" else 1
    text = f"{unit * record.seconds:.4g}"
    if figures["interval"]:
        low, high = (unit * bound for bound in figures["interval"])
        text += f" ({low:.4g} to {high:.4g})"
    shown = {
        "method": record.method,
        _OURS[record.scenario]: text,
        "batch": str(record.batch),
        "dtype": record.dtype + (", TF32" if record.determinants.get("tf32") else ""),
        "device": record.device,
        "marks": ", ".join(record.marks),
        "peak, MB": _scaled(record.memory.get("allocated") or record.memory.get("process"), 1e6),
        "parameters, M": _scaled(record.parameters, 1e6),
        "GFLOP": _scaled(record.flops, 1e9),
    }
    if record.scenario == "throughput":
        shown["pictures/s"] = f"{1 / record.seconds:.4g}" if record.seconds else ""
    if record.end_to_end:
        shown[_OURS["end-to-end"]] = f"{record.end_to_end['seconds']:.4g}"
    return _Line(record.label, record.seconds, record.compared_with, shown, record.device, tuple(record.marks))


def _of_paper(cell: PublishedCell) -> _Line:
    name = cell.method if cell.config == "default" else f"{cell.method} {cell.config}"
    column = next((_PRINTED[means] for means in cell.means if means in _PRINTED), _NOT_SAID)
    shown = {
        "method": f"{name} [{cell.paper}, table {cell.table}]",
        column: cell.value,
        "batch": cell.batch or "not said",
        "device": cell.device or "not said",
    }
    return _Line(cell.method, cell.number, (cell.paper, cell.table, cell.dataset), shown, cell.device)


def _add_ratios(lines: Sequence[_Line], baseline: str) -> None:
    """How many times as long as the baseline of the same table, scenario, dtype and device."""
    theirs = {line.class_: line.seconds for line in lines if _is(line.name, baseline) and line.seconds}
    for line in lines:
        if line.class_ in theirs:
            line.shown[f"x {baseline}"] = f"{line.seconds / theirs[line.class_]:.3g}"


def _is(name: str, baseline: str) -> bool:
    plain: Callable[[str], str] = lambda text: re.sub(r"[^a-z0-9]", "", text.lower())  # noqa: E731
    return plain(name) == plain(baseline)


def _scaled(value: int | None, unit: float) -> str:
    return "" if value is None else f"{value / unit:.4g}"


def _remarks(lines: Sequence[_Line], papers: Sequence[_Line]) -> Iterable[str]:
    if len(lines) > len(papers):
        yield (
            "Seconds are of one picture, from float32 on the device to float32 on the device; the median, and the 95 % "
            "interval of the rounds' medians. end-to-end: reading and writing included. peak: what torch's allocator "
            "held on a graphics card, elsewhere the whole process."
        )
    if len({line.device for line in lines}) > 1:
        yield (
            "Times on different devices say nothing of the methods, and printed times are of scenarios of their own; "
            "compare the ratios to a baseline, and only with the same baseline."
        )
    for mark, meaning in MARKS.items():
        if any(mark in line.marks for line in lines):
            yield f"{mark}: {meaning}."

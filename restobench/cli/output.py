"""What commands print: progress and remarks to standard error, tables and JSON to standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from restobench.results import Curve, RunRecord, TableRow, curves, table_rows
from restobench.selection import sort_rows
from restobench.terminal import behind, visible

if TYPE_CHECKING:
    from rich.console import Console

    from restobench.benchmark import RunResult
    from restobench.forecast import Forecast
    from restobench.ranks import Ranks


def print_json(content: Any) -> None:
    """Print JSON; not-a-number and infinity must have become null before."""
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def standard_output() -> Console:
    """The console for tables: as wide as it takes where nobody's terminal would fold them."""
    return _console(sys.stdout, width=None if sys.stdout.isatty() else 200)


def _console(stream: TextIO, **options: Any) -> Console:
    """A console that shows text as it is: no markup, no emoji, and no orders to the terminal but its own."""
    from rich.console import Console
    from rich.text import Text

    class Plain(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    return Plain(file=behind(stream), markup=False, emoji=False, **options)


class TerminalReporter:
    """A progress bar in a terminal, plain lines elsewhere; always on standard error."""

    def __init__(self) -> None:
        """Look whether standard error is a terminal."""
        self.console = _console(sys.stderr, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, markup=False)

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show a stage's progress, with pictures a second and the time left."""
        if self.console.is_terminal:
            with self._bar(title, total) as advance:
                yield advance
        else:
            with self._lines(title, total) as advance:
                yield advance

    @contextmanager
    def _bar(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self.console,
        )
        started = time.perf_counter()
        counts = [0, 0]
        with progress:
            task = progress.add_task(visible(title), total=total, rate="")

            def advance(done: int, failed: int) -> None:
                counts[0] += done
                counts[1] += failed
                rate = _rate(counts[0], started) + (f", {counts[1]} failed" if counts[1] else "")
                progress.update(task, completed=sum(counts), rate=rate)

            yield advance

    @contextmanager
    def _lines(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        started = said = time.perf_counter()
        counts = [0, 0]

        def advance(done: int, failed: int) -> None:
            nonlocal said
            counts[0] += done
            counts[1] += failed
            if time.perf_counter() - said > 5 and sum(counts) < total:
                said = time.perf_counter()
                left = (said - started) / sum(counts) * (total - sum(counts)) if sum(counts) else 0
                self.say(f"{title}: {sum(counts)} of {total}, {_rate(counts[0], started)}, {left:.0f} s left")

        yield advance
        failed = f", {counts[1]} failed" if counts[1] else ""
        self.say(f"{title}: {counts[0]} of {total}, {_rate(counts[0], started)}{failed}")


def _rate(done: int, started: float) -> str:
    elapsed = time.perf_counter() - started
    return f"{done / elapsed:.1f} pictures/s" if elapsed > 0 else ""


def print_runs(
    records: Sequence[RunRecord],
    metrics: Sequence[str] | None = None,
    *,
    ranks: Ranks | None = None,
    sort: str | None = None,
    reverse: bool = False,
) -> None:
    """A table for each set of pictures: a row a method, a column a metric; below it checkpoints' curves, and ranks."""
    console = standard_output()
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in records:
        dataset = record.run["dataset"]
        groups.setdefault((dataset["name"], dataset["revision"], dataset["fingerprint"]), []).append(record)
    for (name, revision, fingerprint), members in groups.items():
        rows = table_rows(members)
        if sort is not None:
            rows = sort_rows(rows, sort, reverse=reverse)
        shown = _shown(rows, metrics)
        table = _table(rows, shown)
        # Papers have a row a method; where that does not fit the terminal, a column a method may.
        unbounded = console.options.update(max_width=10_000)
        if console.measure(table, options=unbounded).maximum > console.width:
            table = _table(rows, shown, turned=True)
        console.print(f"{name}@{revision} ({fingerprint[:12]})", style="bold", markup=False, highlight=False)
        console.print(table)
        lines = [_curve(curve) for curve in curves(members) if curve.metric in shown]
        lines += _remarks(rows, shown)
        if ranks is not None:
            lines += _ranked(rows, shown, ranks)
        elif len(rows) > 1:
            lines.append("Which differences are more than chance: 'restobench results --ranks', 'restobench compare'.")
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _ranked(rows: Sequence[TableRow], shown: Sequence[str], ranks: Ranks) -> list[str]:
    """`psnr ↑: lanczos 1, bicubic 2-3, bilinear 2-3`, a line for each metric that has ranks."""
    facts = metric_facts(shown)
    lines = []
    for name in shown:
        found = {row.method: ranks.get((row.records[0].folder.path, name)) for row in rows}
        ranked = sorted(((place, method) for method, place in found.items() if place), key=lambda pair: pair[0])
        if ranked:
            places = ", ".join(
                f"{method} {first}" if first == last else f"{method} {first}-{last}" for (first, last), method in ranked
            )
            lines.append(f"{name} {facts[name][0]}: {places}")
    if not lines:
        return ["No ranks: that takes two methods with every sample scored, by a metric that has a value for each."]
    return [
        "Ranks, sample by sample, 5 % level for a whole column; methods that cannot be told apart share theirs.",
        *lines,
    ]


def print_by_tag(rows: Sequence[dict[str, Any]]) -> None:
    """A table for each data set: a row for each value of a tag and method, a column a metric."""
    from rich.table import Table

    console = standard_output()
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        lines: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        for row in sorted((row for row in rows if row["dataset"] == dataset), key=lambda row: str(row["value"])):
            seed = f", seed {row['seed']}" if row["seed"] else ""
            lines.setdefault((row["value"], row["method"] + seed), {})[row["metric"]] = row | {"seed_std": None}
        shown = list(dict.fromkeys(name for cells in lines.values() for name in cells))
        facts = metric_facts(shown)
        table = Table(pad_edge=False)
        for number, head in enumerate((rows[0]["tag"], "method", "pictures", *(f"{n} {facts[n][0]}" for n in shown))):
            table.add_column(head, justify="right" if number > 1 else "left", no_wrap=True)
        for (value, method), cells in lines.items():
            first = next(iter(cells.values()))
            pictures = first["count"] + first["missing"] + first["infinite"]
            table.add_row(value, method, str(pictures), *(_cell(cells.get(n), facts[n][1]) for n in shown))
        console.print(dataset, style="bold", markup=False, highlight=False)
        console.print(table)


def _shown(rows: Sequence[TableRow], metrics: Sequence[str] | None) -> list[str]:
    """The metrics that have a value in some row, in the order asked for."""
    found = {name: None for row in rows for name, cell in row.cells.items() if cell["count"] or _left_out(cell)}
    return [name for name in (metrics or found) if name in found]


def _table(rows: Sequence[TableRow], shown: Sequence[str], *, turned: bool = False) -> Any:
    from rich.table import Table

    facts = metric_facts(shown)
    heads = ["method", *(f"{name} {facts[name][0]}" for name in shown), "pictures", "s / picture"]
    lines = [[_called(row), *(_cell(row.cells.get(n), facts[n][1]) for n in shown), *_counts(row)] for row in rows]
    if turned:
        heads, *lines = (list(column) for column in zip(heads, *lines, strict=True))
    table = Table(pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def _called(row: TableRow) -> str:
    part = "" if row.records[0].complete else " (part)"
    seeds = f"\n{len(row.records)} seeds" if len(row.records) > 1 else ""
    return f"{row.method}{part}{seeds}"


def _counts(row: TableRow) -> tuple[str, str]:
    restored = sorted({record.run["samples"]["restored"] for record in row.records})
    seconds = [value for record in row.records for value in record.folder.read_timing().values()]
    return "-".join(map(str, restored)), f"{sum(seconds) / len(seconds):.3g}" if seconds else "-"


_SECONDS = {
    "end-to-end": "the seconds are the whole program's, divided by its pictures",
    "self-reported": "the seconds are what the program says",
}


def _remarks(rows: Sequence[TableRow], shown: Sequence[str]) -> list[str]:
    cells = [row.cells[name] for row in rows for name in shown if name in row.cells]
    remarks = []
    if any(cell["low"] is not None for cell in cells):
        remarks.append("Mean over pictures, and its 95 % interval.")
    if any(cell["seed_std"] is not None for cell in cells):
        remarks.append("±: standard deviation over seeds.")
    if any(cell["missing"] or cell["infinite"] for cell in cells):
        remarks.append("*: without samples that have no value, or an infinite one.")
    if identical := {(cell["metric"], cell["identical"]) for cell in cells if cell.get("identical")}:
        counted = ", ".join(f"{name} {count}" for name, count in sorted(identical))
        remarks.append(f"*: without pairs that the metric takes for one picture ({counted}); 0 where all are.")
    for row in rows:
        for record in row.records:
            samples = record.run["samples"]
            if samples["failed"]:
                remarks.append(f"{record.method}: {len(samples['failed'])} of {samples['total']} samples failed")
            if record.run["determinants"].get("lossy"):
                remarks.append(f"{record.method}: the pictures were saved with loss")
            if record.provenance:
                remarks.append(f"{record.method}: {record.provenance}")
            if remark := _SECONDS.get(record.folder.timing_kind()):
                remarks.append(f"{record.method}: {remark}")
    return remarks


def _curve(curve: Curve) -> str:
    """`sr, psnr: ▁▄█ 24.1 (iter_1) to 26.3 (iter_3)`."""
    low, high = min(curve.means), max(curve.means)
    bars = "▁▂▃▄▅▆▇█"
    levels = [round((mean - low) / (high - low) * 7) if high > low else 0 for mean in curve.means]
    arrow, digits = metric_facts([curve.metric])[curve.metric]
    line = "".join(bars[level] for level in levels)
    first, last = curve.checkpoints[0], curve.checkpoints[-1]
    return (
        f"{curve.family}, {curve.metric} {arrow}  {line}  "
        f"{curve.means[0]:.{digits}f} ({first}) to {curve.means[-1]:.{digits}f} ({last})"
    )


def metric_facts(shown: Sequence[str]) -> dict[str, tuple[str, int]]:
    """By metric: which way is better, and the digits to show."""
    from restobench.metrics.registry import all_metrics

    cards = {metric.name: metric.card for metric in all_metrics()}
    facts = {}
    for name in shown:
        card = cards.get(name)
        arrow = "" if card is None else "↑" if card.better == "higher" else "↓"
        facts[name] = (arrow, card.decimals if card else 3)
    return facts


def _left_out(row: dict[str, Any]) -> int:
    """How many samples have a value that is in no mean."""
    return int(row["infinite"] + row.get("identical", 0))


def _cell(row: dict[str, Any] | None, digits: int) -> str:
    if row is None or (row["mean"] is None and not row["infinite"]):
        return "-"
    if row["mean"] is None:
        return f"∞ ({row['infinite']})"
    text = f"{row['mean']:.{digits}f}"
    if row["seed_std"] is not None:
        text += f" ± {row['seed_std']:.{digits + 1}f}"
    if row["missing"] or _left_out(row):
        text += "*"
    if row["low"] is not None:
        text += f"\n{row['low']:.{digits}f} to {row['high']:.{digits}f}"
    return text


def print_forecast(forecasts: Sequence[Forecast]) -> None:
    """What would be done, a row a run."""
    from rich.table import Table

    console = standard_output()
    table = Table(pad_edge=False)
    for head in ("run", "there", "to restore", "values known", "to compute", "expected"):
        table.add_column(head, justify="left" if head == "run" else "right", overflow="fold")
    for one in forecasts:
        time_needed = "unknown" if one.seconds is None else f"{one.seconds / 60:.1f} min"
        numbers = (one.already, one.restore, one.known, one.compute)
        table.add_row(one.planned.title, *map(str, numbers), time_needed)
    console.print(table)
    lacking: dict[str, list[str]] = {}
    for one in forecasts:
        for lack in one.missing:
            lacking.setdefault(lack, []).append(one.planned.title)
    for lack, titles in lacking.items():
        who = titles[0] if len(titles) == 1 else f"{len(titles)} of these runs"
        console.print(f"{who}: missing: {lack}", markup=False, highlight=False, soft_wrap=True)


def print_outcome(results: Sequence[RunResult], reporter: TerminalReporter) -> None:
    """What failed, sample by sample where there are few, and where the runs lie."""
    from restobench.summary import by_sample

    for result in results:
        problems = list((result.failures | by_sample(result.errors)).items())
        for sample_id, text in problems[:5]:
            reporter.say(f"  {result.record.name}: '{sample_id}' failed: {text}")
        if len(problems) > 5:
            reporter.say(f"  {result.record.name}: and {len(problems) - 5} more; see samples.parquet")
    for result in results:
        reporter.say(f"{result.record.name}: {result.record.folder.path}")

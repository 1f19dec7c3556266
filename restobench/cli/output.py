"""What commands print: progress and remarks to standard error, tables and JSON to standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from restobench.benchmark import RunResult
    from restobench.results import RunRecord


def print_json(content: Any) -> None:
    """Print JSON; not-a-number and infinity must have become null before."""
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def standard_output() -> Console:
    """The console for tables: as wide as it takes where nobody's terminal would fold them."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=200)


class TerminalReporter:
    """A progress bar in a terminal, plain lines elsewhere; always on standard error."""

    def __init__(self) -> None:
        """Look whether standard error is a terminal."""
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, markup=False)

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show a stage's progress, with pictures a second and the time left."""
        if self._console.is_terminal:
            with self._bar(title, total) as advance:
                yield advance
        else:
            with self._lines(title, total) as advance:
                yield advance

    @contextmanager
    def _bar(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        started = time.perf_counter()
        counts = [0, 0]
        with progress:
            task = progress.add_task(Text(title).plain, total=total, rate="")

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


def print_runs(records: Sequence[RunRecord], metrics: Sequence[str] | None = None) -> None:
    """A table for each set of pictures: a row a run, a column a metric."""
    console = standard_output()
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in records:
        dataset = record.run["dataset"]
        groups.setdefault((dataset["name"], dataset["revision"], dataset["fingerprint"]), []).append(record)
    for (name, revision, fingerprint), members in groups.items():
        console.print(_table(f"{name}@{revision} ({fingerprint[:12]})", members, metrics))


def _table(title: str, records: Sequence[RunRecord], metrics: Sequence[str] | None) -> Any:
    from rich.table import Table

    found = dict.fromkeys(row["metric"] for record in records for row in record.rows())
    shown = [name for name in (metrics or found) if name in found]
    table = Table(title=title, title_justify="left", caption_justify="left", pad_edge=False)
    table.add_column("method")
    arrows = _facts(shown)
    for name in shown:
        table.add_column(f"{name} {arrows[name][0]}", justify="right")
    table.add_column("n", justify="right")
    table.add_column("s / picture", justify="right")
    marks = set()
    for record in records:
        by_metric = {row["metric"]: row for row in record.rows()}
        cells = [_cell(by_metric.get(name), arrows[name][1]) for name in shown]
        samples = record.run["samples"]
        seconds = record.folder.read_timing().values()
        mark = "" if record.complete else " (part)"
        if samples["failed"]:
            marks.add(f"{record.method}: {len(samples['failed'])} of {samples['total']} samples failed")
        if record.run["determinants"].get("lossy"):
            marks.add(f"{record.method}: the pictures were saved with loss")
        mean_seconds = f"{sum(seconds) / len(seconds):.3g}" if seconds else "-"
        table.add_row(f"{record.method}{mark}", *cells, str(samples["restored"]), mean_seconds)
    caption = ["Mean over pictures, and its 95 % interval."] if shown else []
    table.caption = "\n".join([*caption, *sorted(marks)])
    return table


def _facts(shown: Sequence[str]) -> dict[str, tuple[str, int]]:
    """By metric: which way is better, and the digits to show."""
    from restobench.metrics.registry import all_metrics

    cards = {metric.name: metric.card for metric in all_metrics()}
    facts = {}
    for name in shown:
        card = cards.get(name)
        arrow = "" if card is None else "↑" if card.better == "higher" else "↓"
        facts[name] = (arrow, card.decimals if card else 3)
    return facts


def _cell(row: dict[str, Any] | None, digits: int) -> str:
    if row is None or (row["mean"] is None and not row["infinite"]):
        return "-"
    if row["mean"] is None:
        return f"∞ ({row['infinite']})"
    text = f"{row['mean']:.{digits}f}"
    if row["missing"] or row["infinite"]:
        text += "*"
    if row["low"] is not None:
        text += f"\n{row['low']:.{digits}f} to {row['high']:.{digits}f}"
    return text


def print_outcome(results: Sequence[RunResult], reporter: TerminalReporter) -> None:
    """What failed, sample by sample where there are few, and where the runs lie."""
    for result in results:
        problems = [(sample_id, text) for sample_id, text in result.failures.items()]
        if result.evaluation:
            problems += [
                (sample_id, f"{metric}: {text}")
                for metric, errors in result.evaluation.errors.items()
                for sample_id, text in errors.items()
            ]
        for sample_id, text in problems[:5]:
            reporter.say(f"  {result.record.name}: '{sample_id}' failed: {text}")
        if len(problems) > 5:
            reporter.say(f"  {result.record.name}: and {len(problems) - 5} more; see samples.parquet")
    for result in results:
        reporter.say(f"{result.record.name}: {result.record.folder.path}")

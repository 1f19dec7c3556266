"""`weights`: which files of trained weights the methods and metrics want, and how they get here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json, standard_output
from restobench.download import Listener
from restobench.errors import RestobenchError, unknown_name
from restobench.fetching import Verdict, add, fetch, verify
from restobench.metrics.registry import all_weight_parts, find_metric
from restobench.plugins import plugins
from restobench.weights import TOOLS, Part, all_parts, choose_parts, parts_of

if TYPE_CHECKING:
    from rich.progress import Progress

weights = typer.Typer(
    help="The files of trained weights that methods and metrics need. Only 'fetch' uses the network.",
    no_args_is_help=True,
)
_WHOSE = "METHOD, METHOD@VARIANT or METRIC."
Name = Annotated[str, typer.Argument(help=_WHOSE, autocompletion=given.complete_weights)]
NameOrAll = Annotated[str | None, typer.Argument(metavar="[NAME]", help=_WHOSE, autocompletion=given.complete_weights)]


@weights.command("list")
def list_weights(as_json: given.Json = False) -> None:
    """List every part of every method and metric: its file, its size, whether it is there, its licence.

    Of pyiqa's own metrics (pyiqa:NAME) those alone whose files are here.
    """
    rows = [_row(part) for part in [*all_parts(), *all_weight_parts()]]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("name", "part", "file", "size", "there", "licence"):
        table.add_column(head, overflow="fold")
    for row in rows:
        there = "-" if row["file"] is None else "yes" if row["there"] else "no"
        size = _size(row["size"]) if row["size"] else ""
        table.add_row(row["name"], row["part"], row["file"] or "given by hand", size, there, row["licence"])
    standard_output().print(table, highlight=False)


@weights.command("show")
def show_weights(name: Name, as_json: given.Json = False) -> None:
    """Print all that is known of a method's or metric's weights: addresses, hashes, licences, places."""
    parts = _parts_of(name, every_variant=True)
    rows = [_row(part) | _facts(part) for part in parts]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"'{name}' needs no weights.")
    for row in rows:
        typer.echo(f"{row.pop('part')} of {row.pop('name')}:")
        for key, value in row.items():
            if value not in (None, ""):
                words = _size(value) if key == "size" else {True: "yes", False: "no"}.get(value, value)
                typer.echo(f"  {key + ':':<15} {words}")


@weights.command("fetch")
def fetch_weights(
    name: Name,
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]...", help="Default: all of them.")] = None,
) -> None:
    """Download the weights of a metric or of a method's variant; go on where an earlier download was cut off.

    What is there already is checked, and the network asked for the rest alone.
    """
    chosen = _needed(name, parts or ())
    reporter = TerminalReporter()
    for licence in dict.fromkeys(part.licence for part in chosen):
        reporter.say(f"Licence of {', '.join(part.name for part in chosen if part.licence == licence)}: {licence}")
    problems = []
    for part in {part.path or part.name: part for part in chosen}.values():
        try:
            # The hub's library draws bars of its own.
            with (
                nullcontext(_Quiet(reporter))
                if part.facts.hub
                else download_shown(f"{part.reference}: {part.name}", reporter) as listener
            ):
                path = fetch(part, listener)
        except RestobenchError as error:
            problems.append(str(error))  # one that is not to be had must not keep the others away
        else:
            typer.echo(path)
    if problems:
        raise RestobenchError("\n".join(problems))


@weights.command("add")
def add_weights(
    name: Name,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="[PART=]FILE...", help="PART may be left out of the only one. Of a repository: the folder."
        ),
    ],
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link instead of copying: no room needed, but both are one file.")
    ] = False,
) -> None:
    """Put files that are on this disk in their place, checked as if they were downloaded."""
    parts = _needed(name, ())
    reporter = TerminalReporter()
    wanted = [_assigned(name, parts, text) for text in files]
    for part, source in wanted:
        typer.echo(add(part, source, _Quiet(reporter), link=link))


@weights.command("verify")
def verify_weights(name: NameOrAll = None, as_json: given.Json = False) -> None:
    """Read the files that are there again and compare their hashes; exit code 1 where one differs."""
    parts = _parts_of(name, every_variant=True) if name else [*all_parts(), *all_weight_parts()]
    rows: list[dict[str, Any]] = []
    for part in {part.path: part for part in parts if part.there}.values():
        verdict, reason = verify(part)
        rows.append({"file": str(part.path), "name": part.reference, "verdict": verdict, "reason": reason})
    if as_json:
        print_json(rows)
    else:
        marks: dict[Verdict, str] = {"official": "ok  ", "recorded": "ok  ", "altered": "BAD ", "unknown": "note"}
        for row in rows:
            typer.echo(f"{marks[row['verdict']]}  {row['file']}: {row['reason']}")
        if not rows:
            typer.echo(f"No weights of {name} are here." if name else "No weights are here.")
    raise typer.Exit(1 if any(row["verdict"] == "altered" for row in rows) else 0)


def _parts_of(name: str, *, every_variant: bool = False) -> list[Part]:
    """Of the method or tool called `name`; of the metric, where neither is."""
    methods = [*plugins("restobench.methods"), *TOOLS]
    base = name.partition("@")[0]
    if base in methods or ".py" in name:
        return parts_of(name, every_variant=every_variant)
    if metric := find_metric(name):
        return metric.parts
    raise unknown_name("method or metric", base, [*methods, *plugins("restobench.metrics")])


def _needed(name: str, names: Sequence[str]) -> list[Part]:
    parts = _parts_of(name)
    if not parts:
        raise RestobenchError(f"'{name}' needs no weights.")
    return choose_parts(parts, names)


def _assigned(name: str, parts: Sequence[Part], text: str) -> tuple[Part, Path]:
    """The part and the file that `PART=FILE` or `FILE` means."""
    part, equals, file = text.partition("=")
    if equals and not Path(text).exists():
        return choose_parts(parts, [part])[0], Path(file).expanduser()
    if len(parts) > 1:
        raise RestobenchError(
            f"'{name}' has several parts; say which one {text} is: PART={text} "
            f"with PART one of {', '.join(part.name for part in parts)}."
        )
    return parts[0], Path(text).expanduser()


def _row(part: Part) -> dict[str, Any]:
    return {
        "name": part.reference,
        "part": part.name,
        "file": part.facts.file,
        "size": sum(path.stat().st_size for path in part.files.values()) or part.facts.size,
        "there": part.there,
        "licence": part.licence,
    }


def _facts(part: Part) -> dict[str, Any]:
    return {
        "place": str(part.path) if part.path else None,
        "url": part.facts.url,
        "hub": part.facts.hub.repository if part.facts.hub else None,
        "files": ", ".join(part.facts.hub.files).replace("|", " or ") if part.facts.hub else None,
        "sha256": part.facts.sha256,
        "recorded": None if part.facts.sha256 else part.expected,
        "help": part.facts.help,
    }


def _size(size: int) -> str:
    from restobench.download import size_in_words

    return size_in_words(size)


class _Quiet:
    """Remarks, and no progress."""

    def __init__(self, reporter: TerminalReporter) -> None:
        self._reporter = reporter

    def progress(self, received: int, total: int | None) -> None:
        """Shown elsewhere, or not at all."""

    def say(self, line: str) -> None:
        """On standard error."""
        self._reporter.say(line)


class _Lines(_Quiet):
    """A line every five seconds, where there is no terminal to draw a bar in."""

    def __init__(self, reporter: TerminalReporter, title: str) -> None:
        super().__init__(reporter)
        self._title = title
        self._begun: tuple[float, int] | None = None
        self._said = time.monotonic()

    def progress(self, received: int, total: int | None) -> None:
        """Bytes, bytes a second, time left."""
        now = time.monotonic()
        self._begun = self._begun or (now, received)
        if now - self._said < 5:
            return
        self._said = now
        rate = (received - self._begun[1]) / max(now - self._begun[0], 1e-3)
        left = f", {(total - received) / rate:.0f} s left" if total and rate > 0 else ""
        of = f" of {_size(total)}" if total else ""
        self.say(f"{self._title}: {_size(received)}{of}, {_size(int(rate))}/s{left}")


class _Bar(_Quiet):
    """A progress bar with bytes a second and the time left."""

    def __init__(self, reporter: TerminalReporter, progress: Progress, title: str) -> None:
        super().__init__(reporter)
        self._progress, self._received = progress, 0
        self._task = progress.add_task(title, total=None)

    def progress(self, received: int, total: int | None) -> None:
        """What an earlier attempt brought is no part of the speed."""
        if self._received == 0 or received < self._received:
            self._progress.reset(self._task, completed=received, total=total)
        self._received = received
        self._progress.update(self._task, completed=received, total=total)


@contextmanager
def download_shown(title: str, reporter: TerminalReporter) -> Iterator[Listener]:
    """A listener that shows the progress: a bar in a terminal, lines elsewhere."""
    if not reporter.console.is_terminal:
        yield _Lines(reporter, title)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}", markup=False), *columns, console=reporter.console) as progress:
        yield _Bar(reporter, progress, title)

"""`time`: how long methods take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json, standard_output
from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from restobench.timing.record import TimingRecord
    from restobench.timing.rows import Scenario


def time(
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            "-m",
            help="NAME, NAME@VARIANT or PATH.py:CLASS; may repeat. Without any: the records that are kept.",
            autocompletion=given.complete_methods,
        ),
    ] = None,
    dataset: given.Dataset = None,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT of the input; default: that of the data set's first picture.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="latency (batch 1), throughput (the best batch), or both.")] = "both",
    batch: Annotated[
        str, typer.Option(help="Of throughput: a number, or 'auto' for the smallest within 2 % of the best of 1 to 64.")
    ] = "auto",
    setting: given.Settings = None,
    weights: given.Weights = None,
    label: given.Label = None,
    scale: given.Scale = None,
    device: given.Device = None,
    dtype: given.Dtype = "float32",
    tf32: given.Tf32 = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few calls in one process, to see whether it works; keeps no record.")
    ] = False,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Time methods by the protocol timing-v1, and show it beside the times that papers print.

    Each method runs in fresh processes, three times, in turn with the others, on the same
    pictures. What is kept lies in the runs folder, under timing-v1.
    """
    from restobench.environment import runs_folder
    from restobench.planning import Options
    from restobench.timing.measure import QUICK, TIMING_V1
    from restobench.timing.record import kept_records, newest
    from restobench.timing.run import time_methods

    folder = given.folder(runs, "--runs") or runs_folder()
    if not method:
        records = newest(kept_records(folder))
        if not records:
            raise RestobenchError(f"There are no records of timings in {folder}; name a --method and a --dataset.")
        _show(records, as_json)
        return
    if dataset is None:
        raise RestobenchError("Name the pictures that methods are timed with: --dataset NAME, or a folder.")
    reporter = TerminalReporter()
    timed = time_methods(
        method,
        dataset,
        Options(device=given.check_device(device), dtype=dtype, tf32=tf32, runs=folder),
        size=given.picture_size(size),
        scenarios=_scenarios(scenario),
        batch=_batch(batch),
        settings=given.pairs(setting),
        weights=given.weight_sets(weights),
        label=label,
        scale=scale,
        rules=QUICK if quick else TIMING_V1,
        reporter=reporter,
    )
    if timed.records or as_json:
        _show(timed.records, as_json)
    for row, problem in timed.problems.items():
        reporter.say(f"{row}: {problem}")
    for path in timed.kept:
        reporter.say(f"kept: {path}")
    raise typer.Exit(1 if timed.problems else 0)


def _scenarios(text: str) -> tuple[Scenario, ...]:
    from restobench.timing.rows import SCENARIOS

    if text != "both" and text not in SCENARIOS:
        raise RestobenchError(f"--scenario must be latency, throughput or both, not {text!r}.")
    return SCENARIOS if text == "both" else tuple(one for one in SCENARIOS if one == text)


def _batch(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit():
        raise RestobenchError(f"--batch wants 'auto' or a number of pictures, not {text!r}.")
    return int(text)


def _show(records: list[TimingRecord], as_json: bool) -> None:
    from dataclasses import asdict

    from restobench.leaderboard.published import all_published
    from restobench.timing.table import printed_times, timing_tables

    published = all_published()
    if as_json:
        printed: list[dict[str, Any]] = [cell.model_dump(mode="json") for cell in printed_times(published)]
        print_json({"timings": [asdict(record) for record in records], "published": printed})
        return
    from rich.table import Table

    console = standard_output()
    for table in timing_tables(records, published):
        shown = Table(pad_edge=False)
        for head in table.heads:
            left = head in ("method", "device", "marks")
            shown.add_column(head, justify="left" if left else "right", overflow="fold")
        for row in table.rows:
            shown.add_row(*(cell.replace("[", "\\[") for cell in row))
        console.print(table.title, style="bold", markup=False, highlight=False)
        console.print(shown)
        for remark in table.remarks:
            console.print(remark, markup=False, highlight=False, soft_wrap=True)

"""`compare`: two runs on the same pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import metric_facts, print_json, standard_output

if TYPE_CHECKING:
    from restobench.compare import ComparedMetric, Comparison
    from restobench.results import RunRecord

Run = Annotated[str, typer.Argument(help="METHOD[@VARIANT][:DATASET] (all its seeds) or a run's folder.")]


def compare(
    first: Run,
    second: Run,
    metrics: given.Metrics = None,
    moved: Annotated[int, typer.Option(min=0, help="How many of the samples that moved most to show.")] = 3,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Compare two runs on the same pictures, sample by sample: second less first. Computes no metric.

    Seeds are averaged sample by sample first. The interval is a bootstrap's, p of random sign flips.
    """
    from restobench.compare import compare as compare_runs
    from restobench.compare import comparison_rows
    from restobench.environment import runs_folder

    folder = given.folder(runs, "--runs") or runs_folder()
    comparison = compare_runs(folder, first, second, metrics=given.names(metrics), most_moved=moved)
    if as_json:
        print_json(
            {
                "first": [str(record.folder.path) for record in comparison.first],
                "second": [str(record.folder.path) for record in comparison.second],
                "metrics": comparison_rows(comparison),
                "left_out": comparison.left_out,
            }
        )
    else:
        _print(comparison)


def _print(comparison: Comparison) -> None:
    from rich.table import Table

    console = standard_output()
    table = Table(pad_edge=False)
    for head in ("metric", "first", "second", "difference", "95 % interval", "p", "samples", "would show"):
        table.add_column(head, justify="left" if head == "metric" else "right", no_wrap=True)
    facts = metric_facts([row.metric for row in comparison.metrics])
    for row in comparison.metrics:
        table.add_row(*_cells(row, *facts[row.metric]))
    for name, records in (("first", comparison.first), ("second", comparison.second)):
        console.print(f"{name}: {_called(records)}", markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    remarks = ["would show: the smallest mean difference that these samples would show with 80 % probability."]
    for row in comparison.metrics:
        digits = facts[row.metric][1] + 1
        remarks += [
            f"{row.metric}: '{moved.id}' moved from {moved.first:.{digits}f} to {moved.second:.{digits}f} "
            f"({moved.difference:+.{digits}f})"
            for moved in row.moved
        ]
    remarks += [f"{name}: {reason}." for name, reason in comparison.left_out.items()]
    for remark in remarks:
        console.print(remark, markup=False, highlight=False, soft_wrap=True)


def _called(records: tuple[RunRecord, ...]) -> str:
    seeds = f", mean of {len(records)} seeds" if len(records) > 1 else f" ({records[0].folder.path})"
    part = "" if all(record.complete for record in records) else ", a part of the data set"
    return f"{records[0].name}{seeds}{part}"


def _cells(row: ComparedMetric, arrow: str, decimals: int) -> tuple[str, ...]:
    digits = decimals + 1  # a difference of runs is known better than the mean of either

    def number(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}.{digits}f}"

    found = row.difference
    interval = "-" if found.low is None else f"{number(found.low, '+')} to {number(found.high, '+')}"
    p = "-" if found.p is None else f"{found.p:.4f}"
    return (
        f"{row.metric} {arrow}",
        number(row.first),
        number(row.second),
        number(found.mean, "+"),
        interval,
        p,
        str(found.count),
        number(found.smallest_visible),
    )

"""`compare`: two runs on the same pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import metric_facts, print_json, standard_output

if TYPE_CHECKING:
    from restobench.compare import ComparedMetric, Comparison
    from restobench.results import RunRecord

Run = Annotated[str, typer.Argument(help="METHOD\\[@VARIANT][:DATASET] (all its seeds) or a run's folder.")]


def compare(
    first: Run,
    second: Run,
    metrics: Annotated[str | None, typer.Option(help="Names with commas; default: all that both have.")] = None,
    moved: Annotated[int, typer.Option(min=0, help="How many of the samples that moved most to show.")] = 3,
    swaps: Annotated[
        int,
        typer.Option(min=0, help="Also compare numbers of whole sets, as FID, by swapping names so often at random."),
    ] = 0,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Compare two runs on the same pictures, sample by sample: second less first. Restores and scores nothing.

    Seeds are averaged sample by sample first. The interval is a bootstrap's, p of random sign flips. A number of
    the whole set has no samples to pair; --swaps 199 holds it against random swaps of the two runs' pictures.
    """
    from restobench.compare import compare as compare_runs
    from restobench.compare import comparison_rows
    from restobench.environment import runs_folder

    folder = given.folder(runs, "--runs") or runs_folder()
    comparison = compare_runs(folder, first, second, metrics=given.names(metrics), most_moved=moved)
    if swaps and comparison.of_sets:
        from restobench.cache import Cache
        from restobench.swapping import compare_sets

        comparison = compare_sets(comparison, comparison.of_sets, Cache(), swaps=swaps)
    comparison.refuse_nothing()
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
    for head in ("metric", "first", "second", "second - first", "p", "samples", "visible"):
        table.add_column(head, justify="left" if head == "metric" else "right", no_wrap=True)
    facts = metric_facts([row.metric for row in comparison.metrics])
    for row in comparison.metrics:
        table.add_row(*_cells(row, *facts[row.metric]))
    for name, records in (("first", comparison.first), ("second", comparison.second)):
        console.print(f"{name}: {_called(records)}", markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    remarks = [
        "second - first: the mean difference of the same pictures, and its 95 % interval.",
        "visible: the smallest mean difference that these samples would show with 80 % probability.",
    ]
    for row in comparison.metrics:
        arrow, decimals = facts[row.metric]
        remarks.append(f"{row.metric}: {_verdict(row, arrow)}{' Moved most:' if row.moved else ''}")
        remarks += [
            f"    {moved.id}: {moved.first:.{decimals + 1}f} to {moved.second:.{decimals + 1}f} "
            f"({moved.difference:+.{decimals + 1}f})"
            for moved in row.moved
        ]
    remarks += [f"{name}: {reason}." for name, reason in comparison.left_out.items()]
    for remark in remarks:
        console.print(remark, markup=False, highlight=False, soft_wrap=True)


def _verdict(row: ComparedMetric, arrow: str) -> str:
    found = row.difference
    if found.p is None or found.mean is None:
        return "too few samples for a test."
    if found.p > 0.05:
        return "the two cannot be told apart."
    if not arrow:
        return "the two differ."
    return f"the {'second' if (found.mean > 0) == (arrow == '↑') else 'first'} is better."


def _called(records: tuple[RunRecord, ...]) -> str:
    seeds = f", mean of {len(records)} seeds" if len(records) > 1 else f" ({records[0].folder.path})"
    part = "" if all(record.complete for record in records) else ", a part of the data set"
    return f"{records[0].name}{seeds}{part}"


def _cells(row: ComparedMetric, arrow: str, decimals: int) -> tuple[str, ...]:
    digits = decimals + 1  # a difference of runs is known better than the mean of either

    def number(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}.{digits}f}"

    found = row.difference
    difference = number(found.mean, "+")
    if found.low is not None:
        difference += f"\n{number(found.low, '+')} to {number(found.high, '+')}"
    # Samples of one group are not independent, and the test counts groups.
    samples = f"{found.count}" if found.groups == found.count else f"{found.count}\n{found.groups} groups"
    return (
        f"{row.metric} {arrow}",
        number(row.first),
        number(row.second),
        difference,
        "-" if found.p is None else f"{found.p:.4f}",
        samples,
        number(found.smallest_visible),
    )

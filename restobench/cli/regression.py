"""`check`: the guard against numbers that move."""

from __future__ import annotations

from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter
from restobench.errors import RestobenchError


def check(
    baseline: Annotated[str, typer.Option(metavar="NAME|FILE.csv", help="What the numbers were.")],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="To run besides the baseline's.", autocompletion=given.complete_methods),
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", "-d", help="On which.", autocompletion=given.complete_datasets)
    ] = None,
    metrics: given.Metrics = None,
    seed: given.Seed = 0,
    device: Annotated[str, typer.Option(help="As the baseline's numbers were made.")] = "cpu",
    update: Annotated[bool, typer.Option("--update", help="Write the new numbers into the baseline.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for the summary of a CI job.")] = False,
) -> None:
    """Run a baseline's methods anew and compare each mean with what it was. Reuses nothing.

    Exit code 1: a number moved, is new or is gone. 3: nothing moved, but something could not be run.
    """
    from restobench.baseline import check_writable, find_baseline, read_baseline, write_baseline
    from restobench.regression import (
        Task,
        compare_numbers,
        lines_of,
        markdown_of,
        run_tasks,
        tasks_of,
    )

    if bool(method) != bool(dataset):
        raise RestobenchError("--method and --dataset go together: what to run, and on which.")
    path = find_baseline(baseline)
    if update:
        check_writable(path)
    old = {} if update and method and not path.exists() else read_baseline(path)
    tasks = tasks_of(old)
    if method and dataset:
        names = given.names(metrics)
        asked = None if names is None else tuple(names)
        tasks += [Task(one, place, seed, asked) for place in dataset for one in method]
    if not tasks:
        raise RestobenchError(f"{path} holds no number, so that there is nothing to run; add --method and --dataset.")
    checked = given.check_device(device)
    assert checked
    new, could_not_run = run_tasks(tasks, device=checked, reporter=TerminalReporter())
    report = compare_numbers(old, new, could_not_run)
    print(markdown_of(report) if markdown else "\n".join(lines_of(report)))
    if not update:
        raise typer.Exit(report.exit_code)
    if report.could_not_run:
        raise RestobenchError(f"{path} was left as it is: a baseline is not updated by half.")
    write_baseline(path, new)
    print(f"{len(new)} numbers written to {path}.")

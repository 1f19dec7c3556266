"""`leaderboard`: tables to publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given

leaderboard = typer.Typer(help="Tables of runs, to publish.", no_args_is_help=True)


@leaderboard.callback()
def _group() -> None:
    pass


@leaderboard.command()
def build(
    runs: given.Runs = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the tables.", show_default="the runs folder"),
    ] = None,
) -> None:
    """Write leaderboard.md and leaderboard.csv from the complete runs."""
    from restobench.environment import runs_folder
    from restobench.leaderboard.table import build as build_tables
    from restobench.metrics.registry import all_metrics
    from restobench.results import all_runs

    folder = runs or runs_folder()
    decimals = {metric.name: metric.card.decimals for metric in all_metrics()}
    markdown, table, board = build_tables(all_runs(folder), output or folder, decimals)
    for line in board.left_out:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{len(board.records)} runs in {markdown} and {table}")

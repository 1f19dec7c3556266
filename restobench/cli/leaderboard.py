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
    spec: Annotated[
        Path | None, typer.Option(metavar="TABLE.toml", help="Which rows and columns, under which names.")
    ] = None,
    demonstrations: Annotated[
        bool, typer.Option("--demonstrations", help="Let methods enter that only demonstrate.")
    ] = False,
) -> None:
    """Write leaderboard.md, .csv and .tex from the complete runs, with published numbers beside them."""
    from restobench.environment import runs_folder
    from restobench.leaderboard.spec import read_spec
    from restobench.leaderboard.table import build as build_tables
    from restobench.results import all_runs

    folder = given.folder(runs, "--runs") or runs_folder()
    wanted = read_spec(spec) if spec else None
    target = given.folder(output, "--output") or folder
    built = build_tables(all_runs(folder), target, spec=wanted, demonstrations=demonstrations)
    for line in built.board.left_out:
        typer.echo(f"left out: {line}", err=True)
    rows = sum(not row.paper for table in built.board.tables for row in table.rows)
    typer.echo(f"{rows} rows in {', '.join(map(str, built.paths))}")

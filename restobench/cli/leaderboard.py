"""`leaderboard`: tables to publish."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_json
from restobench.errors import RestobenchError

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
    site: Annotated[
        bool, typer.Option("--site", help="Write a folder of web pages too, with the pictures: site/index.html.")
    ] = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave out host, user, paths, remotes and addresses, for reviewers.")
    ] = False,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Of the site, as in 100MB: pictures are compressed, then sampled, to fit."),
    ] = None,
) -> None:
    """Write leaderboard.md, .csv and .tex from the complete runs, with published numbers beside them."""
    from restobench.environment import runs_folder
    from restobench.leaderboard.spec import read_spec
    from restobench.leaderboard.table import build as build_tables
    from restobench.results import all_runs
    from restobench.timing.for_leaderboards import timings_in

    folder = given.folder(runs, "--runs") or runs_folder()
    wanted = read_spec(spec) if spec else None
    target = given.folder(output, "--output") or folder
    built = build_tables(
        all_runs(folder),
        target,
        spec=wanted,
        demonstrations=demonstrations,
        timings=timings_in(folder),
        anonymous=anonymous,
        site=site,
        max_bytes=_size(max_size, site),
    )
    for line in built.board.left_out:
        typer.echo(f"left out: {line}", err=True)
    rows = sum(not row.paper for table in built.board.tables for row in table.rows)
    typer.echo(f"{rows} rows in {', '.join(map(str, built.paths))}")


def _size(text: str | None, site: bool) -> int | None:
    """`100MB` in bytes; raises RestobenchError for what is none, and for a size of nothing."""
    if text is None:
        return None
    if not site:
        raise RestobenchError("--max-size is the site's; say --site too.")
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?B?)", text.strip().upper())
    if found is None or found[2] not in units:
        raise RestobenchError(f"--max-size {text} is no size; say it as in 100MB, 2.5GB or 500KB.")
    return int(float(found[1]) * units[found[2]])


@leaderboard.command()
def explain(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="METHOD@VARIANT/DATASET/METRIC, as in the tables.")],
    paper: Annotated[str, typer.Option(help="Whose number, where several papers print one.")] = "",
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Say what makes a published number differ from ours: the stored pictures are scored in other ways.

    A cause is named only when one way of scoring explains three cells of the paper; else the nearest are shown.
    """
    from restobench.attribution.explain import explain_cell
    from restobench.cache import Cache
    from restobench.environment import runs_folder
    from restobench.leaderboard.published import all_published
    from restobench.results import all_runs

    folder = given.folder(runs, "--runs") or runs_folder()
    found = explain_cell(
        cell,
        all_runs(folder),
        all_published(),
        Cache(),
        paper=paper,
        advance=lambda one: typer.echo(f"scoring {one} in other ways", err=True),
    )
    if as_json:
        print_json(found.as_row())
    else:
        for line in found.lines():
            print(line)

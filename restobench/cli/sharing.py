"""`results export` and `results import`: runs as archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.results import find_run


def export_run(
    name: Annotated[str, typer.Argument(metavar="RUN", help="METHOD\\[@VARIANT][:DATASET] or a run's folder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.zip", show_default="the run's name, here"),
    ] = None,
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--scores-only",
            help="Whether the restored pictures are in it; default: where the data set's card allows it.",
            show_default=False,
        ),
    ] = None,
    permission: Annotated[
        str | None,
        typer.Option(
            metavar="WHY", help="Why pictures may be passed on where the card forbids it; stands in the file."
        ),
    ] = None,
    runs: given.Runs = None,
) -> None:
    """Pack a run into one archive to share: scores, samples, timing, what made it, and its pictures.

    \b
    restobench results export bicubic:demo
    restobench results export resshift@v3:realsr --pictures --output resshift.zip

    Pictures that the data set's licence does not let be passed on stay at home.
    So do those of sets of which nobody said, unless you say --pictures. The same run gives the same bytes.
    """
    from restobench.cli.output import TerminalReporter
    from restobench.environment import runs_folder
    from restobench.sharing import pack

    record = find_run(given.folder(runs, "--runs") or runs_folder(), name)
    restored = len(record.folder.restored_ids())
    with TerminalReporter().stage(f"{record.name}: packing", restored) as advance:
        packed = pack.export_run(
            record, output, pictures=pictures, permission=permission, advance=lambda done: advance(done, 0)
        )
    if packed.why:
        typer.echo(packed.why, err=True)
    typer.echo(packed.path)


def import_run(
    source: Annotated[str, typer.Argument(metavar="FILE-or-URL", help="What 'results export' made.")],
    again: Annotated[int, typer.Option(min=0, help="How many samples to score again.")] = 5,
    dataset: given.Dataset = None,
    runs: given.Runs = None,
) -> None:
    """Take in a run that somebody exported. It is verified, and a few of its pictures are scored again.

    \b
    restobench results import bicubic@default-demo-1911bcf5e0e6-a976e2.zip
    restobench results import https://example.org/resshift.zip --again 20

    An imported run stands in tables like any other and says where it came from.
    'restobench run' never takes its pictures for its own.
    """
    from restobench.cli.output import TerminalReporter
    from restobench.cli.weights import download_shown
    from restobench.environment import runs_folder
    from restobench.sharing import take

    reporter = TerminalReporter()
    taken = take.import_run(
        source,
        given.folder(runs, "--runs") or runs_folder(),
        again=again,
        dataset=dataset,
        listening=lambda: download_shown("archive", reporter),
        reporter=reporter,
    )
    record = taken.record
    if not taken.new:
        typer.echo(f"{record.name} is already here, with the same contents: {record.folder.path}")
        return
    typer.echo(f"{record.name}: {record.provenance}")
    if taken.again.metrics:
        typer.echo(f"as the archive says: {', '.join(taken.again.metrics)} of {', '.join(taken.again.samples)}")
    for metric, why in (taken.again.left_out or {}).items():
        typer.echo(f"not computed again: {metric}: {why}", err=True)
    if taken.beside:
        typer.echo(f"The run of this key that was made here differs in {taken.beside}; both are kept.", err=True)
    typer.echo(record.folder.path)

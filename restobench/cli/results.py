"""`results`: what is in the runs folder, as tables, as files and as archives to share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from restobench.cli import arguments as given
from restobench.cli import sharing
from restobench.cli.output import print_by_tag, print_json, print_runs, standard_output
from restobench.errors import RestobenchError
from restobench.results import RunRecord, all_runs, newest, rows_by_tag, runs_called, worth
from restobench.selection import RUN_FILTERS, Where, choose_records, read_where, sort_records, sort_tagged

if TYPE_CHECKING:
    from restobench.ranks import Ranks


class _ShowByDefault(TyperGroup):
    """`results` and `results RUN` show tables; only the name of another command stands before it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before what names no command."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["show", *args]
        return super().parse_args(ctx, args)


results = typer.Typer(
    cls=_ShowByDefault,
    help="""The tables of the runs, or one run with what made it; as files, and as archives to share.

    'restobench results [RUN]' is short for 'results show [RUN]', whose options 'results show --help' lists.
    """,
)


@results.command("show")
def show(
    name: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="METHOD\\[@VARIANT][:DATASET] or a run's folder; default: all."),
    ] = None,
    metrics: given.Metrics = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="A row for each value of a tag, as of 'kind' in multi-degradation."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only the runs with this method, variant, dataset, revision, seed, status, origin, key or "
            "setting:NAME (patterns, several with commas), or the samples with this value of a tag; may repeat, for "
            "other names.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A metric, its best first, or method, dataset, seed, finished, pictures, seconds.",
            autocompletion=given.complete_metrics,
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Say which methods can be told apart, sample by sample.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="For --output and --json: not only the newest of each method, set and seed.")
    ] = False,
    samples: Annotated[bool, typer.Option("--samples", help="For --output and --json: a row for each sample.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the rows to a file: .csv, .parquet or .json.", show_default=False),
    ] = None,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Show the tables of the runs, or one run with what made it. Computes nothing.

    \b
    restobench results --where method='resshift*' --where seed=0 --sort psnr-y
    restobench results --where setting:steps=4,15 --all --output steps.csv
    restobench results --samples --where kind=rain --output rain.parquet
    restobench results export resshift@tiny:demo
    """
    from restobench.environment import runs_folder
    from restobench.metrics.registry import choose_metrics

    wanted, only = given.names(metrics), read_where(given.pairs(where, "--where"))
    choose_metrics(wanted or [])
    tagged = by is not None or (bool(only.tags) and not samples)
    _refuse(output, as_json=as_json, every=every, samples=samples, by=by is not None, named=name is not None)
    if reverse and sort is None:
        raise RestobenchError("--reverse turns --sort round; say what to sort by.")
    if ranks and (tagged or samples or output):
        raise RestobenchError(
            "--ranks are those of whole data sets, in tables and --json; leave out the other options."
        )
    folder = given.folder(runs, "--runs") or runs_folder()
    if name:
        records = [max(choose_records(runs_called(folder, name), only.runs), key=worth)]
    else:
        records = choose_records(all_runs(folder), only.runs)
        records = records if every else newest(records)
        if not records and (output or not as_json):
            raise RestobenchError(f"There are no runs in {folder}; make one with 'restobench run', or name --runs.")
    if sort is not None and not tagged:
        records = sort_records(records, sort, reverse=reverse)
    if tagged:
        rows = rows_by_tag(records, by or next(iter(only.tags)), wanted, only.tags, beside_tags=RUN_FILTERS)
        _print_tagged(rows if sort is None else sort_tagged(rows, sort, reverse=reverse), output, as_json=as_json)
    elif samples or output:
        _write_rows(records, only, wanted, output, samples=samples)
    elif as_json:
        found = _ranks(records, wanted) if ranks else None
        print_json(
            [
                row if found is None else row | {"rank": found.get((record.folder.path, row["metric"]))}
                for record in records
                for row in record.rows(wanted)
            ]
        )
    else:
        found = _ranks(records, wanted) if ranks else None
        print_runs(records, wanted, ranks=found, sort=sort, reverse=reverse)
        if name:
            _print_details(records[0])


results.command("export")(sharing.export_run)
results.command("import")(sharing.import_run)


def _refuse(output: Path | None, *, as_json: bool, every: bool, samples: bool, by: bool, named: bool) -> None:
    """What does not go together, before anything is read."""
    if output is not None:
        from restobench.frames import check_suffix

        check_suffix(output)
    for option, asked in (("--all", every), ("--samples", samples)):
        if asked and output is None and not as_json:
            raise RestobenchError(f"{option} is for files and programs; say --output FILE.csv or --json with it.")
    if every and named:
        raise RestobenchError("--all is of all runs; leave it out, or name no run and say --where method=NAME.")
    if samples and by:
        raise RestobenchError("--samples has a row for each sample, and --by one for each value of a tag; say one.")


def _write_rows(
    records: list[RunRecord], only: Where, metrics: list[str] | None, output: Path | None, *, samples: bool
) -> None:
    """The rows of runs or samples, to a file or as JSON."""
    from restobench.frames import frame_of, rows_of, write_frame

    frame = frame_of(records, only, metrics=metrics, samples=samples)
    if output:
        write_frame(frame, output)
        typer.echo(f"{len(frame)} rows in {output}", err=True)
    else:
        print_json(rows_of(frame))


def _print_tagged(rows: list[dict[str, Any]], output: Path | None, *, as_json: bool) -> None:
    if output:
        import pandas as pd

        from restobench.frames import write_frame

        write_frame(pd.DataFrame(rows), output)
        typer.echo(f"{len(rows)} rows in {output}", err=True)
    elif as_json:
        print_json(rows)
    else:
        print_by_tag(rows)


def _ranks(records: list[RunRecord], metrics: list[str] | None) -> Ranks:
    from restobench.ranks import ranks_of

    return ranks_of(records, metrics)


def _print_details(record: RunRecord) -> None:
    console = standard_output()
    run = record.run
    samples = run["samples"]
    facts: dict[str, object] = {
        "folder": record.folder.path,
        "complete": "yes" if record.complete else "no",
        "samples": f"{samples['restored']} restored, {len(samples['failed'])} failed, of {samples['total']}",
        "finished": run["finished"],
        **({"came here": record.provenance} if record.provenance else {}),
        **{key: value for key, value in run["determinants"].items() if key != "settings"},
        **{f"setting {key}": value for key, value in run["determinants"].get("settings", {}).items()},
    }
    for session in run["sessions"][-1:]:
        facts |= {f"on {key}": value for key, value in session["hardware"].items()}
        facts |= {f"with {key}": value for key, value in session["versions"].items()}
        facts["commit"] = session["commit"]
        if session.get("pictures_per_second"):
            facts["restored pictures / s"] = f"{session['pictures_per_second']:.2f}, reading and writing included"
    if pace := run.get("evaluation"):
        facts["scored pictures / s"] = f"{pace['pictures_per_second']:.2f}, {pace['values_computed']} values worked out"
    for key, value in facts.items():
        console.print(f"{key + ':':<28} {value}", markup=False, highlight=False, soft_wrap=True)
    for row in record.rows():
        console.print(row["signature"], markup=False, highlight=False, soft_wrap=True)
    for sample_id, text in samples["failed"].items():
        console.print(f"'{sample_id}' failed: {text}", markup=False, highlight=False, soft_wrap=True)

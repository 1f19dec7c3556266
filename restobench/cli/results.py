"""`results`: what is in the runs folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_by_tag, print_json, print_runs, standard_output
from restobench.errors import RestobenchError
from restobench.results import RunRecord, all_runs, find_run, newest, rows_by_tag

if TYPE_CHECKING:
    from restobench.ranks import Ranks


def results(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="METHOD[@VARIANT][:DATASET] or a run's folder; default: all."),
    ] = None,
    metrics: given.Metrics = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="A row for each value of a tag, as of 'kind' in multi-degradation."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG=VALUE", help="Only the samples with this value of a tag; may repeat, for other tags."
        ),
    ] = None,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Say which methods can be told apart, sample by sample.")
    ] = False,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Show the tables of the runs, or one run with what made it. Computes nothing."""
    from restobench.environment import runs_folder
    from restobench.metrics.registry import choose_metrics

    wanted = given.names(metrics)
    choose_metrics(wanted or [])
    folder = given.folder(runs, "--runs") or runs_folder()
    if name:
        records = [find_run(folder, name)]
    else:
        records = newest(all_runs(folder))
        if not records and not as_json:
            raise RestobenchError(f"There are no runs in {folder}; make one with 'restobench run', or name --runs.")
    only = given.pairs(where, "--where")
    if by is not None or only:
        if ranks:
            raise RestobenchError("--ranks are those of whole data sets; leave out --by and --where.")
        rows = rows_by_tag(records, by or next(iter(only)), wanted, only)
        print_json(rows) if as_json else print_by_tag(rows)
        return
    found = _ranks(records, wanted) if ranks else None
    if as_json:
        print_json(
            [
                row if found is None else row | {"rank": found.get((record.folder.path, row["metric"]))}
                for record in records
                for row in record.rows(wanted)
            ]
        )
        return
    print_runs(records, wanted, ranks=found)
    if name:
        _print_details(records[0])


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

"""The commands, put together."""

from typing import Annotated

import typer

from restobench.cli import (
    catalogue,
    check,
    compare,
    datasets,
    doctor,
    explain,
    figure,
    leaderboard,
    lint,
    prepare,
    regression,
    restore,
    results,
    run,
    time,
    train,
    weights,
)

app = typer.Typer(
    name="restobench",
    help="Benchmark image restoration: every number carries what made it and how sure it is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("restobench"))
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


app.command()(run.run)
app.command()(run.evaluate)
app.command()(restore.restore)
app.command()(time.time)
app.command()(compare.compare)
app.command()(explain.explain)
app.command()(figure.figure)
app.command()(lint.lint)
app.command()(regression.check)
app.command()(train.train)
app.command()(doctor.doctor)
catalogue.methods.command("check")(check.check_method)
catalogue.methods.command("new")(check.new_method)
catalogue.datasets.command("prepare")(prepare.prepare_dataset)
catalogue.datasets.command("verify")(prepare.verify_dataset)
catalogue.datasets.command("fetch")(prepare.fetch_dataset)
catalogue.datasets.command("make")(datasets.make_dataset)
catalogue.datasets.command("rebuild")(datasets.rebuild_dataset)
catalogue.datasets.command("recipes")(datasets.list_recipes)
app.add_typer(catalogue.methods, name="methods")
app.add_typer(catalogue.datasets, name="datasets")
app.add_typer(catalogue.metrics, name="metrics")
app.add_typer(weights.weights, name="weights")
app.add_typer(results.results, name="results")
app.add_typer(leaderboard.leaderboard, name="leaderboard")

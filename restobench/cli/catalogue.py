"""`methods`, `datasets` and `metrics`: what there is, read from cards alone."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import BaseModel

from restobench.cli import arguments as given
from restobench.cli.output import print_json, standard_output
from restobench.dataset import dataset_cards, local_cards
from restobench.dataset_card import DatasetCard
from restobench.errors import RestobenchError, unknown_name
from restobench.method_card import MethodCard
from restobench.metrics.registry import Metric, all_metrics, choose_metrics, family_metrics
from restobench.plugins import find_plugin, plugins

methods = typer.Typer(help="The methods that are installed.", no_args_is_help=True)
datasets = typer.Typer(help="The data sets that are known.", no_args_is_help=True)
metrics = typer.Typer(help="The metrics that are installed.", no_args_is_help=True)


@methods.command("list")
def list_methods(as_json: given.Json = False) -> None:
    """List the methods and their variants."""
    rows = []
    for plugin in plugins("restobench.methods").values():
        try:
            card = plugin.card(MethodCard)
        except RestobenchError as error:
            # One broken package must not hide the others.
            rows.append({"name": plugin.name, "variants": [], "summary": str(error), "package": plugin.distribution})
            continue
        rows.append(
            {
                "name": plugin.name,
                "variants": list(card.variants),
                "tasks": list(card.tasks),
                "summary": card.summary,
                "package": plugin.distribution,
            }
        )
    _print_list(rows, as_json, ("name", "variants", "tasks", "summary"))


@methods.command("show")
def show_method(
    name: Annotated[str, typer.Argument(help="A method, or NAME@VARIANT.", autocompletion=given.complete_methods)],
    as_json: given.Json = False,
) -> None:
    """Print a method's card, or what is true of one variant: settings, weights, licence, training data."""
    base, _, variant = name.partition("@")
    plugin = find_plugin("restobench.methods", base)
    card = plugin.card(MethodCard)
    if variant:
        if variant not in card.variants:
            raise unknown_name(f"variant of '{base}'", variant, card.variants)
        its_own = {"variants": {variant: card.variants[variant]}, "weights": card.weights_of(variant)}
        card = card.of_variant(variant).model_copy(update=its_own)
    _print_card({"name": name, "package": plugin.distribution}, card, as_json)


@datasets.command("list")
def list_datasets(as_json: given.Json = False) -> None:
    """List the data sets."""
    # A set that was made here may bear a known name, and then stands in its place.
    cards = dataset_cards() | local_cards()
    rows = [
        {
            "name": name,
            "revision": card.revision,
            "other revisions": list(card.revisions),
            "aliases": list(card.aliases),
            "task": card.task,
            "scale": card.scale,
            "count": card.count,
            "summary": card.summary,
        }
        for name, (card, _) in cards.items()
    ]
    _print_list(rows, as_json, ("name", "revision", "task", "scale", "count", "summary"))


@datasets.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="A data set.", autocompletion=given.complete_datasets)],
    as_json: given.Json = False,
) -> None:
    """Print a data set's card: size, licence, where to get it, what is checked, and whether it is here."""
    from restobench.preparing.showing import what_is_known

    head, card = what_is_known(name)
    head |= _what_it_shows(card)
    _print_card(head, card, as_json)


def _what_it_shows(card: DatasetCard) -> dict[str, Any]:
    """The smallest differences of means that its samples show, where methods were run on it."""
    from restobench.compare import visible_differences
    from restobench.environment import runs_folder

    if not runs_folder().is_dir():
        return {}
    found = visible_differences(runs_folder(), card.name, card.revision)
    lines = {
        metric: f"{one.smallest:.2g}" + (f" to {one.largest:.2g}" if one.pairs > 1 else "")
        for metric, one in found.items()
    }
    return {"smallest visible difference": lines} if lines else {}


@metrics.command("list")
def list_metrics(
    every: Annotated[bool, typer.Option("--all", help="Also those that pyiqa alone has: pyiqa:NAME.")] = False,
    as_json: given.Json = False,
) -> None:
    """List the metrics, and what is missing for those that cannot be computed here."""
    family = family_metrics()
    shown = all_metrics() + (family if every else [])
    rows = [
        {
            "name": metric.name,
            "kind": metric.card.kind,
            "better": metric.card.better,
            "unit": metric.card.unit,
            "summary": metric.card.summary,
            "missing": metric.missing() if as_json else _lack(metric),
        }
        for metric in shown
    ]
    _print_list(rows, as_json, ("name", "kind", "better", "unit", "summary", "missing"))
    if not as_json and any(metric.absent_parts for metric in shown):
        typer.echo("Weights: restobench weights fetch NAME")
    if not as_json and not every:
        typer.echo(f"And {len(family)} more of pyiqa, as pyiqa:NAME: restobench metrics list --all")


def _lack(metric: Metric) -> str:
    """What it needs and is not here, in two words."""
    return f"package {metric.card.library}" if metric.lacks_library else "weights" if metric.absent_parts else ""


@metrics.command("show")
def show_metric(
    name: Annotated[str, typer.Argument(help="A metric.", autocompletion=given.complete_metrics)],
    as_json: given.Json = False,
) -> None:
    """Print a metric's card: definition, options, weights, licence, whose tables it matches, known traps."""
    (metric,) = choose_metrics([name])
    _print_card({"name": name, "package": metric.plugin.distribution}, metric.card, as_json)
    if not as_json and (problem := metric.missing()):
        standard_output().print(f"{'missing:':<18} {problem}", markup=False, highlight=False, soft_wrap=True)


def _print_list(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    shown = [column for column in columns if any(row.get(column) for row in rows)]
    for column in shown:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_words(row.get(column)) for column in shown))
    standard_output().print(table, highlight=False)


def _print_card(head: dict[str, Any], card: BaseModel, as_json: bool) -> None:
    if as_json:
        print_json(head | card.model_dump(mode="json"))
        return
    console = standard_output()
    # What is as everywhere need not be read here.
    for key, value in (head | card.model_dump(mode="json", exclude_defaults=True)).items():
        if value in (None, "", [], {}):
            continue
        if key == "crops":
            # Boxes and hashes of every picture: in --json.
            value = f"{len(value)} photographs"
        if key == "layouts":
            value = [layout["title"] for layout in value]
        if isinstance(value, dict):
            console.print(f"{key}:", markup=False, highlight=False)
            for inner, facts in value.items():
                line = f"  {inner}: {_entry(facts)}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            console.print(f"{key + ':':<18} {_words(value)}", markup=False, highlight=False, soft_wrap=True)


def _entry(facts: Any) -> str:
    """One setting, variant or option: its default, what it is for, and the rest in brackets."""
    if not isinstance(facts, dict):
        return _words(facts)
    rest = {key: value for key, value in facts.items() if key not in ("default", "help")}
    default = f"{facts['default']!r}  " if "default" in facts else ""
    return f"{default}{facts.get('help', '')}{f' ({_words(rest)})' if _words(rest) else ''}".strip()


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items() if inner not in (None, "", [], {}))
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return "" if value is None else str(value)

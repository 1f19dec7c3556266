"""`datasets make`, `rebuild` and `recipes`: data sets from clean pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json, standard_output
from restobench.synthesis.registry import RECIPES

if TYPE_CHECKING:
    from restobench.manifest import Manifest

Source = Annotated[Path, typer.Option(help="The folder of clean pictures, perhaps in folders.")]
Output = Annotated[
    Path | None, typer.Option(help="The set's folder.", show_default="the set's name, in RESTOBENCH_DATASETS")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes; they change no byte.", show_default="one a processor core, where it pays"),
]


def list_recipes(as_json: given.Json = False) -> None:
    """List the recipes that 'datasets make' knows."""
    if as_json:
        print_json([vars(recipe) for recipe in RECIPES.values()])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("recipe", "task", "scale", "takes", "summary"):
        table.add_column(head, overflow="fold")
    for recipe in RECIPES.values():
        takes = "x".join(map(str, recipe.size)) if recipe.size else f"sides from {recipe.min_side}"
        table.add_row(recipe.name, recipe.task, str(recipe.scale), takes, recipe.summary)
    standard_output().print(table, highlight=False)


def make_dataset(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="RECIPE, or NAME@RECIPE for a name of your own.", autocompletion=given.complete_recipes
        ),
    ],
    source: Source,
    output: Output = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all that is drawn.", show_default="the recipe's own")
    ] = None,
    workers: Workers = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many samples.")] = None,
) -> None:
    """Make a paired data set from clean pictures by a recipe ('datasets recipes' lists them).

    What is drawn for a picture depends on the seed and the picture's name alone. A set that was
    interrupted is gone on with by the same command; manifest.json records every drawn value.
    """
    from restobench.synthesis import make
    from restobench.synthesis.folder import published_card

    made = make.make_dataset(
        name,
        source,
        output=given.folder(output, "--output"),
        seed=seed,
        workers=workers,
        limit=limit,
        reporter=TerminalReporter(),
    )
    typer.echo(f"{made.folder}: {_counts(made.manifest)}, {made.made} of them made now")
    published = published_card(made.manifest.name, made.manifest.recipe.name)
    if published and published.count != len(made.manifest.samples):
        typer.echo(f"The published '{published.name}@{published.revision}' has {published.count:,} samples.")
    typer.echo(f"Use it with --dataset {made.folder if output else name}")


def rebuild_dataset(
    manifest: Annotated[Path, typer.Argument(help="The manifest.json of a set.")],
    source: Source,
    output: Output = None,
    workers: Workers = None,
) -> None:
    """Make a set again from its manifest and the clean pictures, and compare.

    Exit code 1 where a file differs from the one that the manifest records.
    """
    from restobench.synthesis import rebuild

    rebuilt = rebuild.rebuild_dataset(
        manifest,
        source,
        output=given.folder(output, "--output"),
        workers=workers,
        reporter=TerminalReporter(),
    )
    made = rebuilt.made
    typer.echo(f"{made.folder}: {_counts(made.manifest)}")
    if rebuilt.equal:
        typer.echo("Every file is the recorded one, byte for byte.")
        return
    total = len(made.manifest.samples)
    for ids, what in (
        (rebuilt.other_pixels, "have other pixels than the manifest records"),
        (rebuilt.other_bytes, "have the recorded pixels, but are written in other bytes"),
    ):
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            typer.echo(f"{len(ids)} of {total} samples {what}: {', '.join(ids[:5])}{more}")
    because = f"The manifest was made with {rebuilt.versions}." if rebuilt.versions else "All versions are the same."
    typer.echo(because)
    raise typer.Exit(1)


def _counts(manifest: Manifest) -> str:
    """`8 samples (rain 2, mixture 6)`."""
    kinds = Counter(sample.tags["kind"] for sample in manifest.samples if "kind" in sample.tags)
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return f"{len(manifest.samples)} samples" + (f" ({told})" if told else "")

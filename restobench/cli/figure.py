"""`figure`: pictures of runs beside each other, for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.errors import RestobenchError


def figure(
    dataset: given.Dataset = None,
    samples: Annotated[
        list[str] | None, typer.Option(metavar="IDS", help="Samples with commas, a row each; may repeat.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="METHOD, METHOD@VARIANT or a run's folder, with commas, a column each; may repeat."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="FILE.pdf, .svg or .png.")] = None,
    crop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="A part that is framed and shown enlarged, in pixels of the restored picture; SAMPLE:X,Y,W,H for one "
            "sample; may repeat.",
        ),
    ] = None,
    zoom: Annotated[
        int | None, typer.Option(min=1, help="How many times larger crops are shown; default: as fits the column.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Write this number under each picture, the best bold; may repeat.",
            autocompletion=given.complete_metrics,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", help="What a method, 'input', 'clean' or a sample is called; may repeat."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Which runs, where a method has several: seed=0, setting:steps=4."),
    ] = None,
    width: Annotated[str, typer.Option(help="Inches, or 'column' (3.25) or 'page' (6.875).")] = "page",
    font: Annotated[str, typer.Option(help="sans or serif.")] = "sans",
    font_size: Annotated[float, typer.Option(help="In points.")] = 8.0,
    no_input: Annotated[bool, typer.Option("--no-input", help="Leave out the column of what was restored.")] = False,
    no_clean: Annotated[bool, typer.Option("--no-clean", help="Leave out the column of clean pictures.")] = False,
    runs: given.Runs = None,
) -> None:
    """Draw pictures of stored runs beside each other: input, methods, clean picture; crops framed and enlarged.

    \b
    restobench figure --dataset demo --samples astronaut-1,coffee-1 --methods bicubic,resshift@tiny \\
        --crop 96,64,64,64 --metric psnr-y --label resshift@tiny=Ours --output figure.pdf

    Restores nothing. Pictures are never resampled: a pixel stays a square of one colour.
    """
    from restobench.environment import runs_folder
    from restobench.figures.crops import labels_of, read_crops
    from restobench.figures.draw import Style, check_suffix, draw
    from restobench.figures.panels import CLEAN, INPUT, collect
    from restobench.selection import read_where

    rows, columns = _listed(samples, "--samples"), _listed(methods, "--methods")
    if dataset is None or output is None:
        raise RestobenchError(f"Say {'--dataset NAME' if dataset is None else '--output figure.pdf'} too.")
    chosen = read_where(given.pairs(where, "--where"))
    if chosen.tags:
        name = next(iter(chosen.tags))
        raise RestobenchError(f"--where {name}=... chooses no run: say method, variant, seed, key or setting:{name}.")
    style = Style(_inches(width), zoom, font, font_size)
    style.check()
    check_suffix(output)
    found = collect(
        dataset,
        rows,
        columns,
        given.folder(runs, "--runs") or runs_folder(),
        crops=read_crops(crop or [], rows),
        metrics=list(dict.fromkeys(name.strip() for text in metric or [] for name in text.split(",") if name.strip())),
        labels=labels_of(given.pairs(label, "--label"), [*columns, INPUT, CLEAN, *rows]),
        where=chosen.runs,
        with_input=not no_input,
        with_clean=not no_clean,
    )
    zooms = draw(found, output, style)
    said = ", ".join(f"{sample_id} x{times}" for sample_id, times in zooms.items())
    typer.echo(f"{output}{f' (crops enlarged: {said})' if said else ''}")


def _listed(texts: list[str] | None, option: str) -> list[str]:
    found = list(dict.fromkeys(name.strip() for text in texts or [] for name in text.split(",") if name.strip()))
    if not found:
        raise RestobenchError(f"Say {option} NAME,NAME: what to show.")
    return found


def _inches(text: str) -> float:
    from restobench.figures.draw import WIDTHS

    if text in WIDTHS:
        return WIDTHS[text]
    try:
        return float(text)
    except ValueError:
        raise RestobenchError(f"--width wants inches, 'column' or 'page', not {text!r}.") from None

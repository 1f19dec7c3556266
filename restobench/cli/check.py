"""`methods check` and `methods new`: for those who bring a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_json
from restobench.errors import RestobenchError


def check_method(
    name: Annotated[
        str,
        typer.Argument(help="NAME, NAME@VARIANT or PATH.py:CLASS.", autocompletion=given.complete_methods),
    ],
    setting: given.Settings = None,
    weights: given.Weights = None,
    scale: given.Scale = None,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT of the pictures, instead of several small ones.")
    ] = None,
    device: given.Device = None,
    dtype: given.Dtype = "float32",
    as_json: given.Json = False,
) -> None:
    """Measure whether a method keeps to the interface, and say what to fix.

    Size, range, repeatability, noise, what the batch changes, network, checkpoints. Where
    weights are missing, the card's test configuration is built. Exit code 1: something is
    to be fixed. What was measured is kept, and later runs on this kind of device say it.
    """
    from restobench.conformance import check_method
    from restobench.provenance import best_device

    files = given.weight_sets(weights)
    if len(files) > 1:
        raise RestobenchError("--weights names several checkpoints; check them one by one.")
    report = check_method(
        name,
        device=given.check_device(device) or best_device(),
        dtype=given.check_dtype(dtype),
        scale=scale,
        size=given.picture_size(size),
        settings=given.pairs(setting),
        weights=files[0] if files else None,
    )
    if as_json:
        findings: list[dict[str, Any]] = [
            {"check": finding.check, "measured": finding.measured, "fault": finding.fault}
            for finding in report.findings
        ]
        print_json(report.figures() | {"findings": findings})
    else:
        print(report)
    raise typer.Exit(0 if report.conforms else 1)


def new_method(
    name: Annotated[str, typer.Argument(help="What the method is to be called: lower case, digits, dashes.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; default: ./NAME.")] = None,
) -> None:
    """Write a package with a new method: card, network, method, test, entry point.

    It holds a small network, passes 'restobench methods check', and is yours to change.
    """
    from restobench.scaffold import new_method

    written = new_method(name, folder)
    for path in written:
        print(path)
    print(f"Next: pip install -e {written[0].parent}, then: restobench methods check {name}")

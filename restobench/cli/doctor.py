"""`doctor`: what is right and wrong with this installation."""

from __future__ import annotations

from dataclasses import asdict

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_json, standard_output


def doctor(as_json: given.Json = False) -> None:
    """Look at versions, devices, folders and plugins; exit code 1 where something is wrong."""
    from restobench.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        console = standard_output()
        marks = {"good": "ok  ", "note": "note", "bad": "BAD "}
        for finding in findings:
            line = f"{marks[finding.verdict]}  {finding.subject}: {finding.text}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if any(finding.verdict == "bad" for finding in findings) else 0)

"""`lint`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_json
from restobench.errors import RestobenchError


def lint(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Tables: .csv, .md or .tex.")] = None,
    explain: Annotated[str | None, typer.Option(metavar="ID", help="Say what a rule is about, and stop.")] = None,
    as_json: given.Json = False,
) -> None:
    """Look tables over for columns that nobody can compare: a bare FID, LPIPS without its net.

    Anybody's tables: a draft's, a README's, a leaderboard's. Exit code 1: something was found.
    """
    from restobench.lint.check import lint
    from restobench.lint.rules import find_rule

    if explain is not None:
        rule = find_rule(explain)
        print(f"{rule.id} ({rule.where})\n    {rule.reason}\n    {rule.example}")
        return
    if not files:
        raise RestobenchError("Name a file with a table (.csv, .md, .tex), or a rule with --explain.")
    found = [(path, finding) for path in files for finding in lint(path)]
    if as_json:
        print_json(
            [{"file": str(path), "rule": one.rule.id, "line": one.line, "what": one.what} for path, one in found]
        )
    else:
        for path, one in found:
            print(f"{path}: {one}")
        if found:
            named = ", ".join(dict.fromkeys(one.rule.id for _, one in found))
            print(f"{len(found)} findings; 'restobench lint --explain ID' says how to mend them: {named}.")
        else:
            print("Nothing found.")
    raise typer.Exit(1 if found else 0)

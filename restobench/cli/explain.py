"""`explain`: what a signature says, and what two of them differ in."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restobench.cli import arguments as given
from restobench.cli.output import print_json, standard_output

if TYPE_CHECKING:
    from restobench.explain import FieldDifference
    from restobench.signature import Signature


def explain(
    first: Annotated[str, typer.Argument(metavar="SIGNATURE|RUN", help="The line under a number; or a run.")],
    second: Annotated[str | None, typer.Argument(metavar="[SIGNATURE]", help="Another line.")] = None,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Say what made a number, or in what two numbers were made differently and how far that moves them.

    Two signatures are enough: no run, no picture. Quote them, for the shell has a use for '|' too.
    """
    from restobench.signature import Signature

    if second is not None:
        _explain_two(Signature.parse(first), Signature.parse(second), as_json)
    elif first.lstrip().startswith("restobench|"):
        _explain_own([Signature.parse(first)], as_json)
    else:
        from restobench.environment import runs_folder
        from restobench.errors import RestobenchError
        from restobench.results import find_run

        record = find_run(given.folder(runs, "--runs") or runs_folder(), first)
        if not record.summary:
            raise RestobenchError(f"{record.name} was not scored yet; do it with 'restobench evaluate {first}'.")
        _explain_own([Signature.parse(row["signature"]) for row in record.summary], as_json)


def _explain_two(first: Signature, second: Signature, as_json: bool) -> None:
    from restobench.explain import differences
    from restobench.sensitivity import sensitivity_table

    found = differences(first, second)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        _say("The two lines are equal: the two numbers were made alike.")
    other_metric = any((one.field, one.key) == ("metric", "name") for one in found)
    for one in found:
        if other_metric and one.field == "metric" and one.key != "name":
            continue
        _say(f"{one.field}, {one.key}: {_value(one.first)} in the first, {_value(one.second)} in the second")
        _say(f"    {one.meaning}{_moved(one)}")
    if other_metric:
        _say("These are numbers of two metrics: nothing makes the one comparable with the other.")
    if any(one.move is not None for one in found):
        table = sensitivity_table()
        _say(f"Measured on {table.data}, n = {table.n}, {table.method}; on other pictures it is another number.")


def _value(value: str | None) -> str:
    return "nothing" if value is None else _plain(value)


def _moved(one: FieldDifference) -> str:
    if one.move is None:
        return ""
    return f"; for that alone the second is about {abs(one.move):.4f} {'higher' if one.move > 0 else 'lower'}"


def _explain_own(signatures: list[Signature], as_json: bool) -> None:
    from restobench.explain import alternatives, parts_of
    from restobench.sensitivity import sensitivity_table

    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "signature": str(signature),
                "parts": [asdict(part) | {"meaning": part.meaning} for part in parts_of(signature)],
                "alternatives": [asdict(one) for one in alternatives(signature)],
            }
            for signature in signatures
        ]
        print_json(rows)
        return
    for part in parts_of(signatures[0]):
        # The number of samples may differ from metric to metric.
        if part.field != "metric" and (part.field, part.key) != ("data", "samples"):
            _say(f"{part.field + ', ' + part.key + ':':<19} {_plain(part.value)}  ({part.meaning})")
    for signature in signatures:
        _say("")
        _say(str(signature))
        for part in parts_of(signature):
            if part.field == "metric" or part.key == "samples":
                _say(f"    {part.key + ':':<10} {_plain(part.value)}  ({part.meaning})")
        if others := alternatives(signature):
            _say("    Another choice would move it, with its 95 % interval, by")
        for one in others:
            interval = "" if one.low is None else f" ({one.low:+.4f} to {one.high:+.4f})"
            _say(f"    {one.move:+.4f}{interval}: {one.text}")
    table = sensitivity_table()
    _say("")
    _say(
        f"Other choices were measured on {table.data}, n = {table.n}, {table.method}; elsewhere they move it otherwise."
    )


def _plain(value: str) -> str:
    """A signature may come from anywhere, and hold what moves a terminal's cursor."""
    return value if value.isprintable() else ascii(value)


def _say(line: str) -> None:
    standard_output().print(line, markup=False, highlight=False, soft_wrap=True)

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
    for one in found:
        _say(f"{one.field}: {one.meaning}")
        _say(f"    {_value(one, one.first)} and {_value(one, one.second)}{_moved(one)}")
    if any(one.move is not None for one in found):
        table = sensitivity_table()
        _say(f"Measured on {table.data}, n = {table.n}, {table.method}; on other pictures it is another number.")


def _value(one: FieldDifference, value: str | None) -> str:
    return "nothing" if value is None else f"{one.key} {_plain(value)}"


def _moved(one: FieldDifference) -> str:
    if one.move is None:
        return ""
    return f": the second is about {abs(one.move):.4f} {'higher' if one.move > 0 else 'lower'} for that alone"


def _explain_own(signatures: list[Signature], as_json: bool) -> None:
    from restobench.explain import alternatives, parts_of
    from restobench.sensitivity import sensitivity_table

    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "signature": str(signature),
                "parts": [asdict(part) | {"meaning": part.meaning} for part in parts_of(signature)],
                "alternatives": [asdict(one) for one in alternatives(signature.metric[0])],
            }
            for signature in signatures
        ]
        print_json(rows)
        return
    shared = [part for part in parts_of(signatures[0]) if part.field != "metric"]
    for part in shared:
        # The number of samples may differ from metric to metric.
        if (part.field, part.key) != ("data", "samples"):
            _say(f"{part.field:<8}{part.key} {_plain(part.value)}  ({part.meaning})")
    for signature in signatures:
        own = [part for part in parts_of(signature) if part.field == "metric" or part.key == "samples"]
        _say("")
        _say(str(signature))
        for part in own:
            _say(f"    {part.key} {_plain(part.value)}  ({part.meaning})")
        for one in alternatives(signature.metric[0]):
            interval = "" if one.low is None else f" ({one.low:+.4f} to {one.high:+.4f})"
            _say(f"    {one.move:+.4f}{interval} with {one.text}")
    table = sensitivity_table()
    _say("")
    _say(f"What other choices do was measured on {table.data}, n = {table.n}, {table.method}.")


def _plain(value: str) -> str:
    """A signature may come from anywhere, and hold what moves a terminal's cursor."""
    return value if value.isprintable() else ascii(value)


def _say(line: str) -> None:
    standard_output().print(line, markup=False, highlight=False, soft_wrap=True)

"""The one run that a method's name stands for in a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from restobench.dataset import Dataset
from restobench.errors import RestobenchError, unknown_name
from restobench.results import RunRecord, all_runs, worth
from restobench.selection import choose_records
from restobench.store import RunFolder


def choose_run(runs: Path, dataset: Dataset, fingerprint: str, name: str, where: Mapping[str, str]) -> RunRecord:
    """The one run that a method's name stands for.

    Args:
        runs: The folder of the runs.
        dataset: What was restored.
        fingerprint: Its pictures'.
        name: `METHOD`, `METHOD@VARIANT`, or a run's folder.
        where: Filters as of `results --where`, for a name that fits several.

    Raises:
        RestobenchError: There is none, or there are several; each is named with how to choose it.
    """
    if (Path(name) / "run.json").is_file():
        record = RunRecord.read(RunFolder(Path(name)))
        if record.run["dataset"]["fingerprint"] != fingerprint:
            raise RestobenchError(f"{name} is a run on other pictures than those of '{dataset.name}'.")
        return record
    there = [one for one in all_runs(runs) if one.run["dataset"]["fingerprint"] == fingerprint]
    fitting = [
        one for one in there if name in (one.method, one.run["label"], f"{one.run['label']}@{one.run['variant']}")
    ]
    if not fitting:
        raise unknown_name(
            f"run on '{dataset.name}' in {runs}", name, {one.method for one in there}, "'restobench run' makes one."
        )
    kinds = _kinds(fitting)
    if len(kinds) > 1 and where:
        kinds = _kinds(choose_records(fitting, where))
    if len(kinds) > 1:
        newest = [max(records, key=worth) for records in kinds.values()]
        listing = "".join(f"\n  {_differs(one, newest)}: {one.folder.path}" for one in newest)
        raise RestobenchError(
            f"'{name}' fits {len(kinds)} runs on '{dataset.name}'; name METHOD@VARIANT or a run's folder in --methods, "
            f"or say --where seed=0, --where setting:NAME=VALUE:{listing}"
        )
    return max(next(iter(kinds.values())), key=worth)


def _kinds(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Runs that are alike, together."""
    kinds: dict[str, list[RunRecord]] = {}
    for record in records:
        kinds.setdefault(_kind(record), []).append(record)
    return kinds


def _kind(record: RunRecord) -> str:
    """What makes runs two different things to show: not who made them, or when."""
    made = {key: value for key, value in record.run["determinants"].items() if key not in ("device", "attention")}
    return json.dumps([record.run["label"], record.run["variant"], made], sort_keys=True)


def _differs(record: RunRecord, others: Sequence[RunRecord]) -> str:
    """`resshift@v3, seed 1, steps=4`: in what a run differs from the others."""

    def facts(one: RunRecord) -> dict[str, Any]:
        made: dict[str, Any] = one.run["determinants"]
        rest = {key: value for key, value in made.items() if key not in ("settings", "seed")}
        return {"seed": made.get("seed"), **made.get("settings", {}), **rest}

    own = facts(record)
    apart = [key for key in own if any(facts(one).get(key) != own[key] for one in others)]
    said = [f"seed {own[key]}" if key == "seed" else f"{key}={str(own[key])[:40]}" for key in apart]
    return ", ".join([f"{record.run['label']}@{record.run['variant']}", *said])

"""Sweeps of one knob: runs of one method that differ in a single setting, or in the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restobench.results import RunRecord, natural_order


@dataclass(frozen=True)
class Sweep:
    """A knob, and the methods (as rows are called) that stand for its positions, in order."""

    method: str
    """What has the knob, with all that does not move."""
    knob: str
    positions: tuple[str, ...]
    """As JSON writes them."""
    rows: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The positions, where all are numbers."""
        values = [json.loads(position) for position in self.positions]
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            return None
        return tuple(map(float, values))


def sweeps_in(records: Sequence[RunRecord]) -> list[Sweep]:
    """Every sweep among runs on one set of pictures; seeds do not count as a knob.

    Weights are the same all along, or at each position others, trained for it.
    """
    found: dict[tuple[str, str, str], dict[str, dict[str, str]]] = {}
    for record in records:
        knobs = _knobs(record)
        for knob, position in knobs.items():
            rest = json.dumps({name: value for name, value in knobs.items() if name != knob} | _rest(record))
            weights = "" if knob == "checkpoint" else json.dumps(record.run["determinants"].get("weights"))
            rows = found.setdefault((_who(record, knob), knob, rest), {}).setdefault(weights, {})
            rows.setdefault(json.dumps(position), record.method)
    sweeps = []
    for (method, knob, _), by_weights in found.items():
        singles = [(position, row) for rows in by_weights.values() if len(rows) == 1 for position, row in rows.items()]
        if len(by_weights) > 1 and len(dict(singles)) == len(by_weights):
            sweeps.append(_sweep(method, knob, dict(singles), ", each trained for it"))
        else:
            sweeps += [_sweep(method, knob, rows) for rows in by_weights.values() if len(rows) > 1]
    return sorted(sweeps, key=lambda sweep: (natural_order(sweep.method), sweep.knob, sweep.rows))


def _sweep(method: str, knob: str, rows: Mapping[str, str], trained: str = "") -> Sweep:
    """In order; with the variant that all rows have, for those of another make another line."""
    positions = sorted(rows, key=lambda text: _order(json.loads(text)))
    variants = {row.partition("@")[2] for row in rows.values()}
    variant = next(iter(variants)) if len(variants) == 1 else ""
    name = f"{method}@{variant}" if variant else method
    return Sweep(name + trained, knob, tuple(positions), tuple(rows[position] for position in positions))


def _knobs(record: RunRecord) -> dict[str, Any]:
    """What can be turned: every setting, and the checkpoint of a family."""
    settings: dict[str, Any] = dict(record.run["determinants"].get("settings") or {})
    if record.run.get("checkpoint"):
        settings["checkpoint"] = record.run["checkpoint"]
    return settings


def _rest(record: RunRecord) -> dict[str, Any]:
    """What must not differ. A checkpoint is its weights and, of a run, its sources."""
    made = record.run["determinants"]
    moves = ("settings", "seed", "variant", "weights")
    return {"family": record.run.get("family", ""), **{key: made[key] for key in sorted(made) if key not in moves}}


def _who(record: RunRecord, knob: str) -> str:
    """The method; of checkpoints their family."""
    name = record.run["determinants"].get("method") or record.run["label"]
    return str(record.run.get("family") or name) if knob == "checkpoint" else str(name)


def _order(position: Any) -> tuple[int, float, Any]:
    if isinstance(position, int | float) and not isinstance(position, bool):
        return 0, float(position), []
    return 1, 0.0, natural_order(json.dumps(position))

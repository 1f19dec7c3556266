"""Which runs may stand in a table, and why the others may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from restobench.results import RunRecord, natural_order, newest


@dataclass(frozen=True)
class Chosen:
    """The runs that may be shown, and why the others may not."""

    records: list[RunRecord]
    left_out: list[str]


def choose_runs(records: Sequence[RunRecord], *, demonstrations: bool = False) -> Chosen:
    """The newest complete, evaluated run of each method, data set and seed."""
    fit, left_out = [], []
    for record in records:
        if reason := _unfit(record, demonstrations):
            left_out.append(f"{record.name} ({record.folder.path.name}): {reason}")
        else:
            fit.append(record)
    return Chosen(sorted(newest(fit), key=_order), sorted(left_out))


def _order(record: RunRecord) -> tuple[Any, ...]:
    dataset = record.run["dataset"]
    seed = record.run["determinants"].get("seed") or 0
    return dataset["name"], dataset["revision"], dataset["fingerprint"], natural_order(record.method), seed


def _unfit(record: RunRecord, demonstrations: bool) -> str | None:
    if not record.complete:
        return "not every sample was restored"
    if record.run["demonstration"] and not demonstrations:
        return "a demonstration; --demonstrations shows it"
    if not record.summary:
        return "not evaluated"
    if not any(row["count"] or row["infinite"] or row.get("identical") for row in record.summary):
        return "no metric has a value"
    return None


def pictures_of_record(record: RunRecord) -> tuple[str, str, str]:
    """What the run restored, as columns have it: data set, revision, the first 12 digits of its fingerprint."""
    dataset = record.run["dataset"]
    return dataset["name"], dataset["revision"], dataset["fingerprint"][:12]

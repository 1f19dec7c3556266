"""What `methods check` found, kept in RESTOBENCH_HOME so that runs can say it.

One small file for each method, variant, sources, settings, weights, device type, dtype
and version of torch: what was measured with others says nothing of this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from restobench.cache import Cache
from restobench.conformance.report import Report
from restobench.environment import home
from restobench.files import write_json
from restobench.method import MethodChoice

SCHEMA = 1


def keep_record(report: Report, checked: str) -> None:
    """Keep what was found; where RESTOBENCH_HOME cannot be written it is only printed.

    Args:
        report: What was found.
        checked: When, in ISO 8601.
    """
    record = {"schema": SCHEMA, "checked": checked, "torch": version("torch"), **report.figures()}
    record["faults"] = [finding.check for finding in report.faults]
    with suppress(OSError):
        write_json(_path(report.choice, report.device, report.dtype, report.choice.test, Cache()), record)


def known_record(
    choice: MethodChoice, device: str, dtype: str = "float32", cache: Cache | None = None
) -> dict[str, Any] | None:
    """What is known of a method on a type of device; None where it was not checked as it is now.

    A check of the very weights goes before one of the card's test configuration; `test`
    says which it is.
    """
    cache = cache or Cache()
    for test in (False, True):
        path = _path(choice, device, dtype, test, cache)
        with suppress(OSError, ValueError):
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if record.get("schema") == SCHEMA:
                return record
    return None


def describe_record(record: Mapping[str, Any]) -> str:
    """A record in one line.

    >>> record = {"batch": "exact", "batches": [2, 3, 8], "size": [53, 37], "hardware": "H200"}
    >>> describe_record(record | {"conforms": True, "test": False})
    'exact: the same bytes at batch 1, 2, 3, 8 (methods check, 53 x 37 pixels, H200)'
    """
    test = ", test configuration" if record["test"] else ""
    size = f", {record['size'][0]} x {record['size'][1]} pixels" if record["size"] else ""
    where = f"methods check{test}{size}, {record['hardware']}"
    if not record["conforms"]:
        return f"does not conform: {', '.join(record['faults'])} ({where})"
    batches = ", ".join(str(batch) for batch in (1, *record["batches"]))
    if record["batch"] == "exact":
        return f"exact: the same bytes at batch {batches} ({where})"
    apart = record["difference"]
    return (
        f"tolerant: at batch {batches} up to {apart['grey_levels']:.3g} grey levels apart, "
        f"{apart['share']:.2%} of the saved pixels ({where})"
    )


def _path(choice: MethodChoice, device: str, dtype: str, test: bool, cache: Cache) -> Path:
    known = {} if test else cache.hashes(path for files in choice.weight_files.values() for path in files.values())
    made_with = {
        "revision": choice.card.revision,
        "sources": choice.source_hash(),
        "settings": "test" if test else dict(choice.settings),
        "weights": choice.weight_hashes(known) if known else {},
        "dtype": dtype,
        "torch": version("torch"),
    }
    key = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()[:12]
    device_type = device.partition(":")[0]
    return home() / "conformance" / f"{choice.name}@{choice.variant}" / f"{device_type}-{key}.json"

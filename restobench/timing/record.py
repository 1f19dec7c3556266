"""What is kept of a row: everything that its figures depend on, beside the figures.

    runs/timing-v1/<method>@<variant>/<scenario>-<width>x<height>-<key>.json

`<key>` hashes what was measured: method, settings, weights, sources, size, scenario, batch that
was asked for, dtype, data set, device by name. The same again takes the place of the older one.
Never imports torch: records are read on machines that could not run the method.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from restobench.errors import RestobenchError
from restobench.files import write_json

SCHEMA = 1
FOLDER = "timing-v1"


@dataclass(frozen=True)
class TimingRecord:
    """A row, as it is kept. Seconds are of one picture unless they say otherwise."""

    label: str
    variant: str
    scenario: str
    size: tuple[int, int]
    """Width and height of the input, in pixels."""
    restored_size: tuple[int, int] | None
    batch: int
    batch_asked: int | None
    """None: the ladder decided."""
    dtype: str
    device: str
    """The card's or processor's name."""
    determinants: dict[str, Any]
    """As in run.json: method, revision, settings, weights, precision."""
    sources: str
    dataset: dict[str, Any]
    figures: dict[str, Any]
    marks: list[str]
    protocol: str = "timing-v1"
    measured: str = ""
    ladder: dict[str, float] = field(default_factory=dict)
    """Pictures per second by batch."""
    ladder_ended: str = ""
    first_call_seconds: list[float] = field(default_factory=list)
    """Of a whole call, one a round; compilation is in it."""
    warm_up: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
    """Calls while the device was throttled."""
    different_inputs: int = 0
    late_draws: int = 0
    """Draws of noise inside the clock: of parts that were asked for only later."""
    memory: dict[str, int | None] = field(default_factory=dict)
    """Bytes at the peak: allocated, reserved, the whole process, the weights alone."""
    parameters: int | None = None
    flops: int | None = None
    """Of one picture at this size."""
    state: dict[str, Any] = field(default_factory=dict)
    """Hardware, precision, memory layout, compilation, versions, and what NVML told, a round."""
    end_to_end: dict[str, Any] | None = None
    """Of the ordinary run on the same pictures: reading and writing included."""

    @property
    def method(self) -> str:
        """`label@variant`, or the label alone for the default variant."""
        return self.label if self.variant == "default" else f"{self.label}@{self.variant}"

    @property
    def seconds(self) -> float:
        """The median, of one picture."""
        return float(self.figures["median"])

    @property
    def compared_with(self) -> tuple[Any, ...]:
        """What must be equal before two times may stand beside each other."""
        made = self.determinants
        return self.size, made["scale"], self.scenario, (self.dtype, made["tf32"]), self.device

    def path(self, runs: Path) -> Path:
        """Where it lies."""
        made_of = {
            **self.determinants,
            "sources": self.sources,
            "dataset": self.dataset["fingerprint"],
            "batch": self.batch_asked,
            "dtype": self.dtype,
            "device_name": self.device,
        }
        canonical = json.dumps(made_of, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(canonical.encode()).hexdigest()[:12]
        width, height = self.size
        name = f"{self.scenario}-{width}x{height}-{key}.json"
        return runs / FOLDER / f"{self.label}@{self.variant}" / name


def keep(record: TimingRecord, runs: Path) -> Path:
    """Write a record, whole or not at all; an older one of the same is replaced."""
    path = record.path(runs)
    write_json(path, {"schema": SCHEMA, **asdict(record)})
    return path


def kept_records(runs: Path) -> list[TimingRecord]:
    """Every record below `runs`, by path; one that cannot be read hides no other."""
    found = []
    for path in sorted((runs / FOLDER).glob("*@*/*.json")):
        with suppress(RestobenchError):
            found.append(read_record(path))
    return found


def read_record(path: Path) -> TimingRecord:
    """One record.

    Raises:
        RestobenchError: It is damaged, or of a newer restobench.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.pop("schema")
        if schema > SCHEMA:
            raise RestobenchError(f"{path} was written by a newer restobench (schema {schema}); update.")
        restored = content.pop("restored_size")
        return TimingRecord(**content | {"size": tuple(content["size"]), "restored_size": restored and tuple(restored)})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RestobenchError(f"{path} is no record of a timing ({error}); remove it and time again.") from None


def newest(records: Sequence[TimingRecord]) -> list[TimingRecord]:
    """One for each method, scenario, size, batch, dtype, data set and device: the one measured last."""
    best: dict[tuple[Any, ...], TimingRecord] = {}
    for record in sorted(records, key=lambda record: record.measured):
        best[record.method, record.batch_asked, record.dataset["fingerprint"], record.compared_with] = record
    return list(best.values())

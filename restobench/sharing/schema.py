"""The files of an archive as types: what each must hold before anything reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = Number | Literal["inf", "-inf"] | None
"""Of a metric for a sample; None: it has none."""
Scalar = bool | int | Number | str


class Record(BaseModel):
    """Strict about types, as JSON has them. Keys that nobody reads may be there: newer versions write more."""

    model_config = ConfigDict(frozen=True, strict=True)


class File(Record):
    """One file of an archive."""

    sha256: Hash
    bytes: NonNegativeInt


class Manifest(Record):
    """What is in an archive."""

    dataset: str
    label: str
    variant: str
    key: str
    pictures: bool
    permission: str | None
    """Why pictures are in it although the data set's card forbids to pass them on, in the words of who packed it."""
    came_here: str | None = None
    """Of a run that whoever packed it had imported: from where."""
    files: dict[str, File]


class DatasetFacts(Record):
    """Which pictures were restored."""

    name: Annotated[str, StringConstraints(pattern=r"^[\w][\w. +-]*$", max_length=120)]
    revision: Annotated[str, StringConstraints(pattern=r"^[\w. +-]+$", max_length=120)]
    reference: str
    fingerprint: Hash
    task: str | None
    scale: Annotated[int, Field(ge=1, le=16)]
    protocol: str


class MethodFacts(Record):
    """What restored."""

    name: str
    title: str
    licence: str
    training_data: str


class Determinants(Record):
    """What determines the pictures, as far as anything reads it."""

    dataset: Hash
    method: str | None = None
    seed: int | None = None
    settings: dict[str, Scalar] = {}
    weights: dict[str, str] = {}
    files: dict[str, str] = {}


class Samples(Record):
    """How many there are, and what failed."""

    total: NonNegativeInt
    limit: int | None
    restored: NonNegativeInt
    failed: dict[str, str]


class Hardware(Record):
    """A machine."""

    cpu: str
    gpu: str = ""


class Session(Record):
    """One go at restoring."""

    batch_size: NonNegativeInt
    hardware: Hardware
    versions: dict[str, str]
    commit: str | None
    restored: NonNegativeInt = 0
    finished: str = ""
    wall_seconds: Number = 0.0
    seconds_per_picture: Number | None = None
    pictures_per_second: Number | None = None


class Pace(Record):
    """How fast it was scored."""

    pictures_per_second: Number
    values_computed: NonNegativeInt


class Run(Record):
    """run.json, as far as anything reads it."""

    label: str
    variant: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)]
    family: str = ""
    checkpoint: str | None = None
    method: MethodFacts | None
    demonstration: bool
    dataset: DatasetFacts
    determinants: Determinants
    sources: Hash
    samples: Samples
    finished: str | None
    sessions: list[Session]
    evaluation: Pace | None = None


class Row(Record):
    """A row of summary.json."""

    metric: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9:._+-]*$", max_length=120)]
    mean: Number | None
    low: Number | None
    high: Number | None
    count: NonNegativeInt
    missing: NonNegativeInt
    infinite: NonNegativeInt
    identical: NonNegativeInt = 0
    signature: str


class Summary(Record):
    """summary.json."""

    rows: list[Row]


class SampleRow(Record):
    """A row of samples.json."""

    id: str
    group: str
    tags: dict[str, str]
    values: dict[str, Value]
    seconds: Number | None
    error: str | None
    pixels: Hash | None
    """SHA-256 of the decoded picture; None: there is none."""


class Table(Record):
    """samples.json."""

    tags: list[str]
    metrics: list[str]
    """Those with a value for each sample, in their order."""
    rows: list[SampleRow]


class Timing(Record):
    """timing.json."""

    kind: Literal["method", "end-to-end", "self-reported"]
    seconds: dict[str, Number]


class Inputs(Record):
    """inputs.json."""

    sha256: dict[str, str]

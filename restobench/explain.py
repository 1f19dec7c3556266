"""What two signatures differ in, and how far each difference moves a number; or what one says.

Needs the lines and the table of sensitivities: no run, no picture, no metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from restobench.sensitivity import Table, sensitivity_table
from restobench.signature import Parts, Signature

Field = Literal["data", "metric", "img", "method", "seed"]
_FIELDS: tuple[Field, ...] = ("data", "metric", "img", "method", "seed")

# The parts without a key, by their place in the field.
_UNNAMED: dict[Field, tuple[str, ...]] = {
    "data": ("set", "samples", "fingerprint"),
    "metric": ("name",),
    "img": ("format", "scale"),
    "method": ("name",),
    "seed": ("seed",),
}
_MEANINGS: dict[tuple[Field, str], str] = {
    ("data", "set"): "data set and revision: other pictures",
    ("data", "samples"): "number of samples in the mean",
    ("data", "fingerprint"): "hash of the set's ids and pictures: other pictures",
    ("metric", "name"): "what was computed",
    ("metric", "rev"): "revision of the metric's definition; CHANGELOG.md says what changed",
    ("metric", "lib"): "library that computes it; 'restobench doctor' says whether its version moves the values",
    ("metric", "border"): "pixels of border that are left out",
    ("metric", "colour"): "colour space in which it is computed",
    ("metric", "rounded"): "whether the luma is rounded to whole levels",
    ("metric", "window"): "weights of the window over which local statistics are taken",
    ("metric", "w"): "weights of the metric's network",
    ("img", "format"): "how the pictures were saved",
    ("img", "scale"): "how many times larger the restored pictures are than the inputs",
    ("method", "name"): "method and variant",
    ("method", "w"): "weights of the method",
    ("method", "revision"): "revision of the method",
    ("method", "pictures"): "hash of the pictures that were brought",
    ("method", "device"): "kind of device that restored",
    ("method", "dtype"): "precision of the method's arithmetic",
    ("method", "tf32"): "whether TF32 stood in for float32",
    ("seed", "seed"): "seed of the noise: another draw of the same method",
}


@dataclass(frozen=True)
class Part:
    """One part of a signature."""

    field: Field
    key: str
    value: str

    @property
    def meaning(self) -> str:
        """What it is, in words."""
        other = "option of the metric" if self.field == "metric" else "setting of the method"
        return _MEANINGS.get((self.field, self.key), other)


@dataclass(frozen=True)
class FieldDifference:
    """One part that two signatures do not share."""

    field: Field
    key: str
    first: str | None
    """None where the first signature has no such part."""
    second: str | None
    meaning: str
    move: float | None
    """How far the second's number lies above the first's for this alone; None where nobody measured it."""


def parts_of(signature: Signature) -> list[Part]:
    """Every part with its key; of several weights each has its own, `w` and the name of the part."""
    return [part for field in _FIELDS for part in _parts(field, getattr(signature, field))]


def _parts(field: Field, parts: Parts) -> Iterator[Part]:
    names = _UNNAMED[field]
    for place, text in enumerate(parts):
        key, equals, value = text.partition("=")
        if place < len(names):
            yield Part(field, names[place], text)
        elif equals:
            yield Part(field, key, value)
        else:
            yield Part(field, f"part {place + 1}", text)


def differences(first: Signature, second: Signature, table: Table | None = None) -> list[FieldDifference]:
    """Every part that differs, in the order of the line.

    That one metric's name is another's does not stand by itself where the two are one metric
    in two colours, as `psnr` and `psnr-y`: the colour says it.

    Args:
        first: One signature.
        second: The other.
        table: What moves how far; None: the table that ships with restobench.
    """
    table = table or sensitivity_table()
    one, other = _by_key(first), _by_key(second)
    metrics = first.metric[0], second.metric[0]
    related = _family(metrics[0]) == _family(metrics[1])
    found = []
    for field, key, place in dict.fromkeys([*one, *other]):
        here, there = (side.get((field, key, place)) for side in (one, other))
        if here == there or (related and (field, key) == ("metric", "name")):
            continue
        found.append(
            FieldDifference(
                field,
                key,
                here,
                there,
                meaning=Part(field, key, "").meaning,
                move=_move(table, metrics, key, here, there) if related and field in ("metric", "img") else None,
            )
        )
    return sorted(found, key=lambda difference: _FIELDS.index(difference.field))


def _by_key(signature: Signature) -> dict[tuple[Field, str, int], str]:
    """Parts by field, key, and a number where a key stands several times, as `w` does."""
    found: dict[tuple[Field, str, int], str] = {}
    for part in parts_of(signature):
        number = sum(known[:2] == (part.field, part.key) for known in found)
        found[part.field, part.key, number] = part.value
    return found


def _family(metric: str) -> str:
    return metric.partition("-")[0]


def _move(table: Table, metrics: tuple[str, str], key: str, first: str | None, second: str | None) -> float | None:
    if key == "colour":
        metrics = _family(metrics[0]), _family(metrics[1])
    return None if first is None or second is None else table.move(metrics, key, first, second)


@dataclass(frozen=True)
class Alternative:
    """What else a program may do for one metric, and how far that moves its number."""

    text: str
    move: float
    low: float | None
    high: float | None


def alternatives(signature: Signature, table: Table | None = None) -> list[Alternative]:
    """The measured choices that apply to a number, the one that moves it most first.

    Each was measured as one change from the usual value; where the number itself was made with
    another value, it does not apply.

    Args:
        signature: The number's.
        table: What moves how far; None: the table that ships with restobench.
    """
    table = table or sensitivity_table()
    metric = signature.metric[0]
    own = {(part.field, part.key): part.value for part in parts_of(signature)}
    found = [
        Alternative(choice.text, *choice.moves[metric])
        for choice in table.choices
        if metric in choice.moves and own.get((choice.field, choice.key), choice.against) == choice.against
    ]
    return sorted(found, key=lambda one: -abs(one.move))

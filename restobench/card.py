"""Cards: what is true of a method, a data set or a metric, as data that nothing runs.

A card is a TOML file that stands beside the code it describes, so that it can be read
without importing that code. Released cards do not change; a correction is a new
`revision`. Never imports torch.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from restobench.errors import RestobenchError

Task = Literal["super-resolution", "face", "restoration", "inpainting", "colorization"]
Value = bool | int | float | str
"""What a setting can hold."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A name a person types: lower case, digits, dot, dash and underscore."""


class _Card(BaseModel):
    """Frozen, and strict about keys: a misspelt one is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(_Card):
    """One setting of a method: its type is the type of its default."""

    default: Value
    help: str
    choices: tuple[Value, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    def parse(self, name: str, given: Value) -> Value:
        """The value of `--set NAME=GIVEN` (or of a Python value), checked.

        Raises:
            RestobenchError: It has another type, is out of range or is no choice.
        """
        value = self._convert(name, given)
        if self.choices and value not in self.choices:
            listing = ", ".join(str(choice) for choice in self.choices)
            raise RestobenchError(f"Setting '{name}' cannot be {given!r}; choose from: {listing}.")
        if isinstance(value, int | float) and not isinstance(value, bool):
            low = "" if self.minimum is None else f" at least {self.minimum:g}"
            high = "" if self.maximum is None else f" at most {self.maximum:g}"
            too_low = self.minimum is not None and value < self.minimum
            too_high = self.maximum is not None and value > self.maximum
            if too_low or too_high or value != value:
                wanted = " and".join(bound for bound in (low, high) if bound)
                raise RestobenchError(f"Setting '{name}' is {value:g}; it must be{wanted}.")
        return value

    def _convert(self, name: str, given: Value) -> Value:
        kind = type(self.default)
        try:
            if kind is bool:
                if isinstance(given, str):
                    given = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}[
                        given.lower()
                    ]
                if not isinstance(given, bool):
                    raise ValueError
                return given
            if kind is not str and isinstance(given, bool):
                raise ValueError
            if kind is int:
                if isinstance(given, float) and not given.is_integer():
                    raise ValueError
                return int(given)
            return kind(given)
        except (ValueError, KeyError):
            wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
            raise RestobenchError(f"Setting '{name}' wants {wanted}, not {given!r}.") from None


class WeightFile(_Card):
    """One file of trained weights, and where it comes from. Sizes in bytes."""

    file: str | None = None
    url: str | None = None
    size: int | None = None
    sha256: str | None = None
    licence: str | None = None
    help: str = ""


class Variant(_Card):
    """What makes `name@variant` differ from the method's card. What is None is as the card says."""

    help: str = ""
    tasks: tuple[Task, ...] | None = None
    scales: tuple[int, ...] | None = None
    needs_mask: bool | None = None
    training_data: str | None = None
    settings: dict[str, Value] = {}
    weights: dict[str, WeightFile] = {}


class MethodCard(_Card):
    """What is true of a method. `scales` empty: whatever the data set asks for."""

    title: str
    summary: str
    revision: str
    """Changes when the method's pictures do; part of every run's key."""
    tasks: tuple[Task, ...] = ()
    """Empty: any task."""
    scales: tuple[int, ...] = ()
    """Empty: any scale, or one that the weights decide."""
    needs_mask: bool = False
    native_size: tuple[int, int] | None = None
    """Width and height of the only input the method takes, where there is only one."""
    licence: str
    paper: str | None = None
    url: str | None = None
    training_data: str = "none"
    stochastic: bool = True
    """Whether its pictures depend on the seed."""
    demonstration: bool = False
    """Shown in the demo; enters no leaderboard unless asked for."""
    settings: dict[str, Setting] = {}
    weights: dict[str, WeightFile] = {}
    default_variant: Name = "default"
    variants: dict[Name, Variant] = Field(default_factory=lambda: {"default": Variant()})

    @model_validator(mode="after")
    def _variants_fit(self) -> MethodCard:
        if self.default_variant not in self.variants:
            raise ValueError(f"default_variant {self.default_variant!r} is not among the variants")
        for variant_name, variant in self.variants.items():
            for setting_name, value in variant.settings.items():
                if setting_name not in self.settings:
                    raise ValueError(f"variant {variant_name!r} sets the unknown setting {setting_name!r}")
                self.settings[setting_name].parse(setting_name, value)
        return self

    def of_variant(self, name: str) -> MethodCard:
        """The card with what a variant says in place of what the method says."""
        variant = self.variants[name]
        own = {field: getattr(variant, field) for field in ("tasks", "scales", "needs_mask", "training_data")}
        return self.model_copy(update={field: value for field, value in own.items() if value is not None})


class Crop(_Card):
    """A clean picture cut from a photograph that an installed package carries."""

    ids: Annotated[tuple[str, ...], Field(min_length=1)]
    """The samples whose clean picture it is: several, where it is degraded in several ways."""
    source: Annotated[str, StringConstraints(pattern=r"^\w+:[^/].*$")]
    """`package:path/inside/the/package.png`."""
    box: tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt] | None = None
    """Left, top, width, height in pixels of the source."""
    landmarks: tuple[tuple[float, float], ...] = ()
    """Instead of a box: eyes, nose and mouth corners (x, y), for the 512 x 512 face template."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the picture as a BMP file."""

    @model_validator(mode="after")
    def _box_or_landmarks(self) -> Crop:
        if len(self.landmarks) != (0 if self.box else 5):
            raise ValueError("give either a box or five landmarks")
        return self


class DatasetCard(_Card):
    """What is true of a data set: where its pictures lie, what they are, whose they are."""

    name: Name
    aliases: tuple[Name, ...] = ()
    title: str
    summary: str
    revision: str
    task: Task
    scale: Annotated[int, Field(ge=1, le=16)]
    count: int
    size: str
    """Of the clean (or wanted) pictures, in words: "512 x 512", "varying"."""
    licence: str
    source: str
    """Where a user gets it."""
    citation: str | None = None
    protocol: Name
    lq: str
    """Glob below the data set's folder; sorted by name."""
    gt: str | None = None
    mask: str | None = None
    group: str | None = None
    """Regular expression whose first group, matched on the id, names the sample's group."""
    fingerprint: str | None = None
    """SHA-256 over ids and contents, where one is known."""
    crops: tuple[Crop, ...] = ()
    """Embedded data sets: the clean pictures, made at first use."""


class MetricCard(_Card):
    """What is true of a metric, and every option that moves its value."""

    title: str
    summary: str
    kind: Literal["full-reference", "no-reference", "set"]
    better: Literal["higher", "lower"]
    unit: str = ""
    decimals: int = 3
    revision: str
    options: dict[str, Value] = {}
    library: str | None = None
    """The distribution that computes it, where that is not restobench; its version is in the signature."""
    install: str | None = None
    """The command that brings the library."""
    definition: str
    matches: str = ""
    """Which papers' tables it stands beside."""
    traps: str = ""
    min_side: int = 1
    """Pictures with a shorter side are an error for that sample."""


class Protocol(_Card):
    """A named list of metrics. What each computes stands on its own card."""

    title: str
    revision: str
    metrics: tuple[Name, ...]


Card = TypeVar("Card", bound=_Card)


def read_card(kind: type[Card], path: Path) -> Card:
    """The card in the TOML file `path`.

    Raises:
        RestobenchError: The file is missing, is not TOML or breaks the card's rules; names
            the file and every key that is wrong.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"The card {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"The card {path} is not valid TOML: {error}.") from None
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc']) or 'card'}: {fault['msg']}" for fault in error.errors()
        )
        raise RestobenchError(f"The card {path} is not valid: {wrong}.") from None

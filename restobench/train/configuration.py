"""The settings of a training: a TOML file, checked before anything is built.

What every recipe has stands here; the rest is the recipe's own model. A package keeps its ready
configurations as `training/NAME.toml` beside the recipe. Never imports torch.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from restobench.errors import RestobenchError

Precision = Literal["no", "bf16", "fp16"]
"""Mixed precision, in accelerate's words."""

FREE_TO_CHANGE = ("workers", "log_every", "save_every", "samples_every", "tensorboard", "store_as")
"""Settings of `training` that a resumed training may have anew: they change no number of its curve."""


class Settings(BaseModel):
    """A table of a configuration: an unknown name in it is an error, and nothing in it changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(Settings):
    """What the loop is told, `[training]`."""

    iterations: PositiveInt
    """How many in all; a resumed training may not change it."""
    batch: PositiveInt
    """Examples an iteration, over all devices together."""
    micro_batch: PositiveInt | None = None
    """Of them at once through a device's networks, the gradients summed; None: all."""
    seed: NonNegativeInt = 0
    precision: Precision = "no"
    workers: NonNegativeInt = 2
    """Processes that prepare examples, per device; 0: the training's own."""
    log_every: PositiveInt = 100
    save_every: PositiveInt = 1000
    samples_every: NonNegativeInt = 1000
    """0: no sample pictures."""
    validate_every: NonNegativeInt = 1000
    """0: no validation, and no best checkpoint."""
    tensorboard: bool = True
    store_as: Literal["float32", "float16"] = "float32"
    """What the weights of checkpoints are stored as; training and its state are float32."""


class Pictures(Settings):
    """Where clean pictures come from, `[[data.pictures]]`."""

    source: str
    """A folder (with the folders in it), a picture, or `package:path/inside` an installed package."""
    box: tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt] | None = None
    """Left, top, width, height of the part that is used; None: the whole picture."""
    repeat: PositiveInt = 1
    """How often an epoch takes each: for a few large photographs beside many small pictures."""


class Drawn(Settings):
    """Pictures drawn by code, `[data.drawn]`."""

    count: PositiveInt
    size: Annotated[int, Field(ge=32)] = 256
    """Width and height, in pixels."""
    held_out: NonNegativeInt = 0
    """Further ones, for validation alone."""


class Data(Settings):
    """The clean pictures, `[data]`."""

    pictures: tuple[Pictures, ...] = ()
    held_out: tuple[Pictures, ...] = ()
    """For validation alone; never trained on."""
    drawn: Drawn | None = None

    @model_validator(mode="after")
    def _is_something(self) -> Data:
        if not self.pictures and self.drawn is None:
            raise ValueError("there are no clean pictures: name a folder (--data DIR), or [data.drawn]")
        return self


AnySettings = TypeVar("AnySettings", bound=Settings)


def find_configuration(given: str, presets: Path) -> Path:
    """The file of a configuration: a path, or the name of one that comes with the recipe.

    Raises:
        RestobenchError: It is neither.
    """
    if (ready := presets / f"{given}.toml").is_file():
        return ready
    if (path := Path(given).expanduser()).is_file():
        return path
    known = ", ".join(names_of_configurations(presets)) or "none"
    raise RestobenchError(f"{given} is no file, and no ready configuration of this recipe; those are: {known}.")


def names_of_configurations(presets: Path) -> list[str]:
    """The ready configurations of a recipe."""
    return sorted(path.stem for path in presets.glob("*.toml"))


def read_configuration(
    model: type[AnySettings],
    path: Path,
    *,
    changes: Mapping[str, str] | None = None,
    data: Sequence[str] = (),
    held_out: Sequence[str] = (),
) -> AnySettings:
    """Read and check a configuration.

    Args:
        model: The recipe's.
        path: A TOML file.
        changes: Values over the file's, by dotted name: `{"training.batch": "8"}`; text is read as TOML
            where it is TOML, and taken as it stands where it is not.
        data: Folders that take the place of the file's `data.pictures`.
        held_out: Folders that take the place of its `data.held_out`.

    Raises:
        RestobenchError: The file cannot be read, or says something that the recipe does not take.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RestobenchError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"The configuration {path} is not TOML: {error}.") from None
    for name, text in (changes or {}).items():
        _set(content, name, text)
    content.setdefault("data", {})
    for key, folders in (("pictures", data), ("held_out", held_out)):
        if folders:
            content["data"][key] = [{"source": folder} for folder in folders]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first, *more = error.errors()
        where = ".".join(map(str, first["loc"])) or "the whole"
        rest = f" ({len(more)} more like it)" if more else ""
        raise RestobenchError(f"The configuration {path}: {where}: {first['msg']}{rest}.") from None


def differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """The dotted names whose values differ and that change a training's curve, each with both values."""
    flat_now, flat_before = _flat(now), _flat(before)
    free = {f"training.{name}" for name in FREE_TO_CHANGE}
    return [
        f"{name} = {json.dumps(flat_now.get(name))} (was {json.dumps(flat_before.get(name))})"
        for name in sorted(flat_now.keys() | flat_before.keys())
        if name not in free and flat_now.get(name) != flat_before.get(name)
    ]


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _set(content: dict[str, Any], name: str, text: str) -> None:
    *tables, last = name.split(".")
    for table in tables:
        content = content.setdefault(table, {})
        if not isinstance(content, dict):
            raise RestobenchError(f"--set {name}={text}: '{table}' holds a value and no table.")
    try:
        content[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        content[last] = text

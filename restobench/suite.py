"""Suites: files of arguments to `restobench run`, whose lists span a grid.

    dataset = ["demo"]

    [[run]]                        # as many as are wanted
    method = "resshift@tiny"
    as = "resshift-T{steps}"       # {SETTING} is its value
    set = { steps = [2, 3, 4] }    # each one a run, as if it had been typed

What a file may say is what the command line may. Packages bring suites by name,
`suites/NAME.toml` beside their published tables. Imports no method.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from restobench.card import Value
from restobench.errors import RestobenchError, unknown_name
from restobench.plugins import find_method, plugins

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _listed(given: Any) -> Any:
    """One value as a list of one."""
    return [given] if isinstance(given, str | int | float) else given


def _by_part(given: Any) -> Any:
    """Files of which no part is named, as those of the only part there is."""
    return {"": given} if isinstance(given, str | list) else given


def _value(given: Any) -> Value:
    if not isinstance(given, bool | int | float | str):
        raise ValueError("a setting is a text, a number, true or false, or a list of them")
    return given


_Names = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed), Field(min_length=1)]
_Values = Annotated[tuple[Annotated[Value, PlainValidator(_value)], ...], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuiteRun(_Part):
    """A `[[run]]`: the options of one command line, each a value or a list of them."""

    method: _Names
    label: StrictStr = Field("", alias="as")
    """What the rows are called; `{SETTING}` is its value. Empty: the method and the settings that have several."""
    settings: dict[str, _Values] = Field(default_factory=dict, alias="set")
    weights: Annotated[dict[str, _Names], BeforeValidator(_by_part)] = Field(default_factory=dict)
    """A file, or files by part; `{SETTING}` is its value. Several: checkpoints of one family."""


class Suite(_Part):
    """The whole file."""

    note: StrictStr = ""
    """What whoever starts it must know."""
    dataset: _Names
    metrics: _Names = ()
    """Empty: each data set's protocol."""
    run: Annotated[tuple[SuiteRun, ...], Field(min_length=1)]


class Asked(NamedTuple):
    """A method with all that `restobench run` can be told of it."""

    method: str
    settings: Mapping[str, Value]
    weights: Sequence[Mapping[str, str | Path]]
    """Files by part; several are checkpoints, each a run of its own."""
    label: str | None


def typed(
    methods: Sequence[str],
    settings: Mapping[str, Value] | None = None,
    weights: Mapping[str, str | Path] | Sequence[Mapping[str, str | Path]] = (),
    label: str | None = None,
) -> list[Asked]:
    """What one command line asks for.

    Raises:
        RestobenchError: It says of several methods what can be said of one.
    """
    if (settings or weights or label) and len(methods) != 1:
        raise RestobenchError(
            "--set, --weights and --as say something of one method; name exactly one --method with them."
        )
    sets = [weights] if isinstance(weights, Mapping) else list(weights)
    return [Asked(name, settings or {}, sets, label) for name in dict.fromkeys(methods)]


def suite_names() -> dict[str, Path]:
    """The suites that installed packages bring, by name."""
    return {
        path.stem: path
        for plugin in plugins("restobench.leaderboards").values()
        for path in sorted((plugin.folder / "suites").glob("*.toml"))
    }


def read_suite(given: str) -> Suite:
    """A suite by the name that a package gave it, or a file's, which ends with .toml.

    Raises:
        RestobenchError: There is none, it cannot be read, or it says what a suite does not take.
    """
    if given.endswith(".toml"):
        path = Path(given).expanduser()
    elif given in (known := suite_names()):
        path = known[given]
    else:
        raise unknown_name("suite", given, known, "A file's name ends with .toml.")
    try:
        return Suite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RestobenchError(f"The suite {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"The suite {path} is not TOML: {error}.") from None
    except ValidationError as error:
        raise RestobenchError(f"The suite {path}: {'; '.join(map(_told, error.errors()))}.") from None


def grid(suite: Suite) -> list[Asked]:
    """Every method of a suite with each combination of its settings, in the file's order.

    Raises:
        RestobenchError: No such method, or a name in braces that is no setting of its [[run]].
    """
    return [
        asked
        for run in suite.run
        for method in run.method
        for settings in _combinations(run.settings)
        for asked in [Asked(method, settings, _weights(run, settings), _label(run, method, settings))]
    ]


def _combinations(lists: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """One of each list, in every way; the last one moves first."""
    for values in itertools.product(*lists.values()):
        yield dict(zip(lists, values, strict=True))


def _weights(run: SuiteRun, settings: Mapping[str, Value]) -> list[Mapping[str, str | Path]]:
    sets = {part: [_filled(file, settings) for file in files] for part, files in run.weights.items()}
    return [files for files in _combinations(sets) if files]


def _label(run: SuiteRun, method: str, settings: Mapping[str, Value]) -> str | None:
    if run.label:
        return _filled(run.label, settings)
    moving = [f"-{name}{_text(settings[name])}" for name, values in run.settings.items() if len(values) > 1]
    return find_method(method)[0].name + "".join(moving) if moving else None


def _filled(text: str, settings: Mapping[str, Value]) -> str:
    """The text with the settings' values in the place of their names in braces."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise unknown_name(f"setting in the suite's [[run]], for {text!r},", found[1], settings)
        return _text(settings[found[1]])

    return _PLACEHOLDER.sub(value, text)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _told(fault: ErrorDetails) -> str:
    """What is wrong, and where: in which [[run]], counted as in the file."""
    model: type[_Part] = Suite
    place, names = "", fault["loc"]
    if len(names) > 2 and isinstance(names[1], int):
        model, place, names = SuiteRun, f" in [[run]] {names[1] + 1}", names[2:]
    if fault["type"] != "extra_forbidden":
        return f"{'.'.join(map(str, names))}{place}: {fault['msg'].removeprefix('Value error, ')}"
    known = [field.alias or name for name, field in model.model_fields.items()]
    return str(unknown_name(f"key{place or ' at the top'}", str(names[-1]), known)).removesuffix(".").replace("\n", " ")

"""The card of a method: what it is for, what it can be set to, which weights it wants. Never imports torch."""

from __future__ import annotations

import re
import shlex
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from restobench.card import Card, Name, Task, Value, WeightFile
from restobench.errors import RestobenchError

Interface = Literal["tensor", "folder"]
"""What a method restores: batches in memory, or a folder of pictures in one go."""
Input = Literal["picture", "aligned-face"]
"""What a picture that a method is given must show: anything, or one face at its place in 512 x 512 pixels."""


class Command(Card):
    """That a setting is the command line of a program: how it is spoken to, and what is put into it."""

    interface: Interface
    needs: tuple[str, ...] = ()
    """Placeholders that must stand in it, without their braces."""
    takes: tuple[str, ...] = ()
    """Placeholders that may."""

    def check(self, name: str, line: str) -> None:
        """Raises RestobenchError where the line of setting `name` cannot be split or filled."""
        known = [*self.needs, *self.takes]
        listing = ", ".join(f"{{{word}}}" for word in known)
        found = re.findall(r"\{(\w+)\}", line)
        if unknown := next((word for word in found if word not in known), None):
            raise RestobenchError(f"Setting '{name}' holds {{{unknown}}}, which stands for nothing; known: {listing}.")
        if missing := next((word for word in self.needs if word not in found), None):
            raise RestobenchError(f"Setting '{name}' lacks {{{missing}}}: write it where the program reads that path.")
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise RestobenchError(f"Setting '{name}' is no command line ({error}): {line}") from None
        if not words:
            raise RestobenchError(f"Setting '{name}' is blank; give it a command line.")


class Setting(Card):
    """One setting of a method: its type is the type of its default."""

    default: Value
    help: str
    choices: tuple[Value, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    command: Command | None = None
    """It is the command line of a program that is not ours, and what it does cannot be seen from here."""
    files: bool = False
    """It names files, by paths and patterns with commas; their contents are part of a run's key."""
    in_key: bool = True
    """Whether another value makes other pictures, and hence another run."""

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
        if self.command and value:
            self.command.check(name, str(value))
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


class Variant(Card):
    """What makes `name@variant` differ from the method's card. What is None is as the card says."""

    help: str = ""
    tasks: tuple[Task, ...] | None = None
    scales: tuple[int, ...] | None = None
    input: Input | None = None
    needs_mask: bool | None = None
    licence: str | None = None
    training_data: str | None = None
    demonstration: bool | None = None
    settings: dict[str, Value] = Field(default={})
    weights: dict[str, WeightFile] = Field(default={})


class TinySetup(Card):
    """A small network with seeded weights, on which a method can be checked before there are any."""

    settings: dict[str, Value] = Field(default={})
    """Over the card's defaults and the variant's: width, depth, steps."""
    scale: PositiveInt | None = None
    """How many times larger the result is; None: what the card says."""
    size: tuple[PositiveInt, PositiveInt] | None = None
    """Width and height in pixels that the small network takes; with a `native_size` it stands in for that."""
    weights: Literal["seeded"] = "seeded"


class MethodCard(Card):
    """What is true of a method. `scales` empty: whatever the data set asks for."""

    title: str
    summary: str
    revision: str
    """Changes when the method's pictures do; part of every run's key."""
    tasks: tuple[Task, ...] = ()
    """Empty: any task."""
    scales: tuple[int, ...] = ()
    """Empty: any scale, or one that the weights decide."""
    input: Input = "picture"
    """Of a method for aligned faces, `restore` takes a photograph apart and puts it together again."""
    needs_mask: bool = False
    native_size: tuple[int, int] | None = None
    """Width and height of the only input the method takes, where there is only one."""
    min_side: PositiveInt = 1
    """The shortest side that the method takes, in pixels."""
    licence: str
    paper: str | None = None
    url: str | None = None
    training_data: str = "none"
    interface: Interface = "tensor"
    """Of the method's class. A setting that is a command says its own."""
    stochastic: bool = True
    """Whether its pictures depend on the seed."""
    demonstration: bool = False
    """Shown in the demo; enters no leaderboard unless asked for."""
    not_in_paper: dict[str, Value | tuple[Value, ...]] = Field(default={})
    """Constants that neither the paper nor its authors give, and what was chosen for them."""
    settings: dict[str, Setting] = Field(default={})
    weights: dict[str, WeightFile] = Field(default={})
    default_variant: Name = "default"
    variants: dict[Name, Variant] = Field(default_factory=lambda: {"default": Variant()})
    test: TinySetup | None = None
    """What `methods check` builds where weights are missing; never run on a data set."""

    @property
    def commands(self) -> dict[str, Command]:
        """The settings that are command lines. A card that has any is run with exactly one of them given."""
        return {name: setting.command for name, setting in self.settings.items() if setting.command}

    def weights_of(self, variant: str) -> dict[str, WeightFile]:
        """By part, the weights that a variant needs: the card's, and its own."""
        return self.weights | self.variants[variant].weights

    @model_validator(mode="after")
    def _variants_fit(self) -> MethodCard:
        if self.default_variant not in self.variants:
            raise ValueError(f"default_variant {self.default_variant!r} is not among the variants")
        overrides = {f"variant {name!r}": variant.settings for name, variant in self.variants.items()}
        if self.test:
            overrides["test"] = self.test.settings
        for who, settings in overrides.items():
            for name, value in settings.items():
                if name not in self.settings:
                    raise ValueError(f"{who} sets the unknown setting {name!r}")
                self.settings[name].parse(name, value)
        return self

    @model_validator(mode="after")
    def _one_file_is_one_file(self) -> MethodCard:
        known: dict[str, WeightFile] = {}
        for variant in self.variants:
            for facts in self.weights_of(variant).values():
                other = known.setdefault(facts.file or "", facts)
                same = ("url", "hub", "size", "sha256")
                if facts.file and any(getattr(other, fact) != getattr(facts, fact) for fact in same):
                    raise ValueError(
                        f"the file {facts.file!r} has two addresses, sizes or hashes; name one differently"
                    )
        return self

    def of_variant(self, name: str) -> MethodCard:
        """The card with what a variant says in place of what the method says."""
        variant = self.variants[name]
        fields = ("tasks", "scales", "input", "needs_mask", "licence", "training_data", "demonstration")
        own = {field: getattr(variant, field) for field in fields}
        return self.model_copy(update={field: value for field, value in own.items() if value is not None})


class ToolCard(Card):
    """What is true of a part of the harness itself that needs trained weights."""

    title: str
    summary: str
    licence: str
    url: str | None = None
    weights: dict[str, WeightFile]

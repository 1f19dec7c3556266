"""Cards: what is true of a method, a data set or a metric, as data that nothing runs.

A card is a TOML file that stands beside the code it describes, so that it can be read
without importing that code. Released cards do not change; a correction is a new
`revision`. Never imports torch.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from restobench.errors import RestobenchError, unknown_name
from restobench.files import written_whole

Task = Literal["super-resolution", "face", "restoration", "inpainting", "colorization"]
Value = bool | int | float | str
"""What a setting can hold."""
Interface = Literal["tensor", "folder"]
"""What a method restores: batches in memory, or a folder of pictures in one go."""
Input = Literal["picture", "aligned-face"]
"""What a picture that a method is given must show: anything, or one face at its place in 512 x 512 pixels."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A name a person types: lower case, digits, dot, dash and underscore."""


class _Card(BaseModel):
    """Frozen, and strict about keys: a misspelt one is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Command(_Card):
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


class Setting(_Card):
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


def _plain(path: str) -> bool:
    """Whether a path stays below whatever folder it is put into; cards come from strangers."""
    return all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", step) for step in path.split("/"))


class Hub(_Card):
    """Files of a repository on the Hugging Face hub."""

    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
    revision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$")] = "main"
    """A branch, a tag or a commit."""
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their paths in the repository; `a|b` is the first that it has."""

    @field_validator("files")
    @classmethod
    def _stay_in_their_folder(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if strange := next((name for file in files for name in file.split("|") if not _plain(name)), None):
            raise ValueError(f"{strange!r} is no plain path in a repository")
        return files


class WeightFile(_Card):
    """One file of trained weights, or a repository's files, and where they come from."""

    file: str | None = None
    """What it is called in the method's folder of weights, perhaps in a folder in there; None: always given by hand."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+/\S+$")] | None = None
    hub: Hub | None = None
    """Instead of a url: where a folder of files comes from."""
    size: PositiveInt | None = None
    """In bytes."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Where its authors publish one; else that of the first download is kept and compared."""
    bundled: bool = False
    """Whether it comes with the package, beside the card."""
    licence: str | None = None
    help: str = ""

    @field_validator("file")
    @classmethod
    def _stays_in_its_folder(cls, file: str | None) -> str | None:
        """A card of a stranger must not say where on the disk something is written."""
        if file is not None and not _plain(file):
            raise ValueError(
                f"{file!r} is no plain file name: letters, digits, '.', '_', '+' and '-', not beginning with a dot"
            )
        if file is not None and file.endswith((".part", ".part.json", ".lock", ".sha256")):
            raise ValueError(f"{file!r} ends as the files do that restobench keeps beside weights")
        return file

    @model_validator(mode="after")
    def _has_a_name(self) -> WeightFile:
        # Not the address's end: addresses change, and the file stays what it was.
        if (self.url or self.hub) and not self.file:
            raise ValueError("a url needs a file: what the file is called here")
        if self.bundled and (self.url or not self.file):
            raise ValueError("what is bundled has a file, beside the card, and no url")
        if self.hub and (self.url or self.size or self.sha256):
            raise ValueError("the hub says itself how large its files are and which hash they have; no url beside it")
        return self

    @property
    def can_be_fetched(self) -> bool:
        """Whether the card says where it comes from."""
        return self.url is not None or self.hub is not None


class Variant(_Card):
    """What makes `name@variant` differ from the method's card. What is None is as the card says."""

    help: str = ""
    tasks: tuple[Task, ...] | None = None
    scales: tuple[int, ...] | None = None
    input: Input | None = None
    needs_mask: bool | None = None
    licence: str | None = None
    training_data: str | None = None
    demonstration: bool | None = None
    settings: dict[str, Value] = {}
    weights: dict[str, WeightFile] = {}


class TinySetup(_Card):
    """A small network with seeded weights, on which a method can be checked before there are any."""

    settings: dict[str, Value] = {}
    """Over the card's defaults and the variant's: width, depth, steps."""
    scale: PositiveInt | None = None
    """How many times larger the result is; None: what the card says."""
    size: tuple[PositiveInt, PositiveInt] | None = None
    """Width and height in pixels that the small network takes; with a `native_size` it stands in for that."""
    weights: Literal["seeded"] = "seeded"


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
    not_in_paper: dict[str, Value | tuple[Value, ...]] = {}
    """Constants that neither the paper nor its authors give, and what was chosen for them."""
    settings: dict[str, Setting] = {}
    weights: dict[str, WeightFile] = {}
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


class ToolCard(_Card):
    """What is true of a part of the harness itself that needs trained weights."""

    title: str
    summary: str
    licence: str
    url: str | None = None
    weights: dict[str, WeightFile]


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


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


Expression = Annotated[str, AfterValidator(_expression)]
"""A regular expression."""


class Layout(_Card):
    """Where the pictures of a data set lie in what people download of it.

    The expressions are matched on the end of a picture's path, from the beginning of a folder or of
    the name on, without suffix and whatever the case of its letters. Their group `id` names the sample.
    """

    title: str
    """In words, for who is told that nothing fits."""
    lq: Expression | None = None
    gt: Expression | None = None

    @model_validator(mode="after")
    def _name_the_sample(self) -> Layout:
        if not (self.lq or self.gt):
            raise ValueError("give lq, gt or both")
        if any("(?P<id>" not in expression for expression in (self.lq, self.gt) if expression):
            raise ValueError("an expression has no group (?P<id>...)")
        return self


Size = tuple[PositiveInt, PositiveInt]
"""Width and height in pixels."""


class Revision(_Card):
    """What makes `name@revision` differ from the data set's card. What is None is as the card says."""

    title: str | None = None
    summary: str | None = None
    task: Task | None = None
    scale: Annotated[int, Field(ge=1, le=16)] | None = None
    count: PositiveInt | None = None
    size: str | None = None
    lq_size: Size | None = None
    gt_size: Size | None = None
    source: str | None = None
    citation: str | None = None
    note: str | None = None
    recipe: Name | None = None
    layouts: tuple[Layout, ...] | None = None


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
    lq: str | None = None
    """Glob below the data set's folder; sorted by name. None: clean pictures alone, to train on or to degrade."""
    gt: str | None = None
    mask: str | None = None
    group: str | None = None
    """Regular expression whose first group, matched on the id, names the sample's group."""
    tags: dict[Name, Expression] = {}
    """By tag, an expression whose first group, searched in the id, is the sample's value."""
    fingerprint: str | None = None
    """SHA-256 over ids and contents, where one is known."""
    crops: tuple[Crop, ...] = ()
    """Embedded data sets: the clean pictures, made at first use."""
    other_counts: tuple[PositiveInt, ...] = ()
    """Counts of other copies that go by the same name."""
    lq_size: Size | None = None
    """Of every lq picture; None: they vary."""
    gt_size: Size | None = None
    ids: Expression | None = None
    """What every sample's id matches as a whole, where the names are known."""
    layouts: tuple[Layout, ...] = ()
    """What `datasets prepare` recognises; the first that fits is taken."""
    align: Literal["all", "center"] | None = None
    """Faces: which of a photograph's faces `--align` cuts out; None: the set is not of aligned faces."""
    url: str | None = None
    """An archive that may be fetched by a program."""
    fid_reference: str | None = None
    """What FID compares with, where that is not the clean pictures."""
    overlap: str | None = None
    """What is known to be in whose training data."""
    note: str | None = None
    """What to know before comparing numbers."""
    recipe: Name | None = None
    """By which `datasets make NAME@RECIPE` makes it from clean pictures; called as the revision is."""
    revisions: dict[Name, Revision] = {}
    """Others than `revision`, which is the one that a bare name means."""

    @model_validator(mode="after")
    def _has_pictures(self) -> DatasetCard:
        if not (self.lq or self.gt):
            raise ValueError("give lq, gt or both: where the pictures lie")
        recipes = {self.revision: self.recipe} | {name: one.recipe for name, one in self.revisions.items()}
        if wrong := next((name for name, recipe in recipes.items() if recipe not in (None, name)), None):
            raise ValueError(f"revision {wrong!r} is called otherwise than its recipe, and could not be found by it")
        return self

    def of_revision(self, name: str) -> DatasetCard:
        """The card of one revision, by itself.

        Raises:
            RestobenchError: There is none of that name.
        """
        if name in ("", self.revision):
            return self.model_copy(update={"revisions": {}})
        if name not in self.revisions:
            raise unknown_name(f"revision of '{self.name}'", name, [self.revision, *self.revisions])
        own = {field: getattr(self.revisions[name], field) for field in Revision.model_fields}
        # The sizes and the counts of one revision say nothing of another one's.
        blank: dict[str, Any] = {
            "revision": name,
            "revisions": {},
            "other_counts": (),
            "lq_size": None,
            "gt_size": None,
        }
        blank |= {"fingerprint": None, "url": None, "recipe": None}
        return self.model_copy(update=blank | {field: value for field, value in own.items() if value is not None})

    def folder_of(self, revision: str) -> str:
        """What the folder of a prepared revision is called."""
        return self.name if revision in ("", self.revision) else f"{self.name}@{revision}"


Option = Value | tuple[Value, ...]
"""What moves a metric's value: one value, or a list of them."""


class Features(_Card):
    """That a metric compares features of pictures, which are worked out once for each picture and kept."""

    name: Name
    """What they are. Metrics whose features have one name and one file of weights share them."""
    revision: str
    """Changes when the features do."""
    weights: str | None = None
    """The part of the metric's weights that makes them; None: none does."""


class MetricCard(_Card):
    """What is true of a metric, and every option that moves its value."""

    title: str
    summary: str
    kind: Literal["full-reference", "no-reference", "set"]
    against: Literal["clean", "input"] | None = None
    """What the restored picture is compared with. A full-reference metric's is the clean picture, unless said."""
    better: Literal["higher", "lower"]
    unit: str = ""
    decimals: int = 3
    revision: str
    options: dict[str, Option] = {}
    library: str | None = None
    """The distribution that computes it, where that is not restobench; its version is in the signature."""
    install: str | None = None
    """The command that brings the library."""
    weights: dict[str, WeightFile] = {}
    """By part, the files without which it cannot be computed. A metric that has any is a class."""
    features: Features | None = None
    """A metric that has them, and every one of a set, is a class that compares features."""
    licence: str = "Apache-2.0"
    """Of the program that computes it; a file of weights may have another one."""
    source: str = ""
    """The paper, and the program that the numbers are held against."""
    definition: str
    matches: str = ""
    """Which papers' tables it stands beside."""
    traps: str = ""
    min_side: int = 1
    """Pictures with a shorter side are an error for that sample."""
    min_scale: PositiveInt = 1
    """It says something of data sets that are enlarged this many times, or more."""
    one_by_one: bool = False
    """Pictures are given to it singly, because neighbours in a batch would move its value, or need too much memory."""
    identical_below: float | None = None
    """A value below it says that the two pictures are one: counted, and left out of the mean."""
    first: PositiveInt | None = None
    """A set-level metric is over the first so many pictures of the data set; None: over all."""
    biased_below: PositiveInt | None = None
    """A set-level metric of fewer pictures is biased, and compared only among sets of that size."""

    @property
    def reference(self) -> Literal["clean", "input"] | None:
        """Which picture the restored one is compared with, None where with none."""
        return self.against or ("clean" if self.kind == "full-reference" else None)

    @property
    def moving(self) -> dict[str, Option]:
        """All that moves its value: the options, and how many pictures it is over."""
        return self.options | ({"first": self.first} if self.first else {})

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> MetricCard:
        if self.kind == "no-reference" and self.against:
            raise ValueError(f"a no-reference metric is not compared with {self.against!r}")
        if self.kind == "set" and not self.features:
            raise ValueError("a metric of a set compares features: name them under [features]")
        if self.first and self.kind != "set":
            raise ValueError("only a metric of a set is over the 'first' so many pictures")
        if self.features and self.features.weights not in (None, *self.weights):
            raise ValueError(f"the features' weights {self.features.weights!r} are none of its parts")
        return self


class Protocol(_Card):
    """A named list of metrics, with every option that moves a value."""

    title: str
    revision: str
    metrics: tuple[Name, ...]
    options: dict[Name, dict[str, Option]]
    """By metric, all that moves its value. A card that says otherwise one day is another protocol's."""

    @model_validator(mode="after")
    def _says_all_of_each(self) -> Protocol:
        if set(self.options) != set(self.metrics):
            raise ValueError("'options' must have a table for every metric, and for no other")
        return self


def write_card(path: Path, card: DatasetCard) -> None:
    """Write the card of a data set without crops, layouts and revisions as TOML, whole or not at all.

    What is as by default is left out.
    """
    content = card.model_dump(mode="json", exclude_defaults=True)
    # A JSON text, number or list of them is TOML as it stands; tables come last.
    tables = {key: content.pop(key) for key, value in list(content.items()) if isinstance(value, dict)}
    lines = [_line(key, value) for key, value in content.items()]
    for table, entries in tables.items():
        lines += [f"\n[{table}]\n", *(_line(json.dumps(key), value) for key, value in entries.items())]
    with written_whole(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")


def _line(key: str, value: Any) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}\n"


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

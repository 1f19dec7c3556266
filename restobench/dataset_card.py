"""The card of a data set: whose pictures they are, and where they lie. Never imports torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from restobench.card import Card, Name, Task
from restobench.errors import unknown_name
from restobench.files import written_whole


class Crop(Card):
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


class Layout(Card):
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


Sharing = Literal["allowed", "forbidden", "unknown"]
"""Whether pictures that were made from a data set's may be passed on."""

Size = tuple[PositiveInt, PositiveInt]
"""Width and height in pixels."""


class Revision(Card):
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


class DatasetCard(Card):
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
    sharing: Sharing = "unknown"
    """As the licence says. What it does not say is unknown and treated with care: research use allows nothing yet."""
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
    tags: dict[Name, Expression] = Field(default={})
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
    revisions: dict[Name, Revision] = Field(default={})
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

"""The card of a metric, with every option that moves its value; and protocols. Never imports torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from restobench.card import Card, Name, Value, WeightFile

Option = Value | tuple[Value, ...]
"""What moves a metric's value: one value, or a list of them."""


class Features(Card):
    """That a metric compares features of pictures, which are worked out once for each picture and kept."""

    name: Name
    """What they are. Metrics whose features have one name and one file of weights share them."""
    revision: str
    """Changes when the features do."""
    weights: str | None = None
    """The part of the metric's weights that makes them; None: none does."""


class MetricCard(Card):
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
    options: dict[str, Option] = Field(default={})
    library: str | None = None
    """The distribution that computes it, where that is not restobench; its version is in the signature."""
    install: str | None = None
    """The command that brings the library."""
    weights: dict[str, WeightFile] = Field(default={})
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


class Protocol(Card):
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

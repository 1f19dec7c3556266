"""Which metrics there are, and what each needs.

A metric is one of three things, as its card's `kind` says: a number for a restored picture
beside another one, a number for a restored picture alone, or a number for a whole set. It is
a function, or a class where it has weights; metrics of a set, and others that say so, compare
features that are worked out once for each picture. Listing them imports neither their
modules nor torch.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from restobench.errors import RestobenchError, unknown_name
from restobench.metric_card import MetricCard, Option
from restobench.plugins import Plugin, find_plugin, plugins
from restobench.weights import Part

if TYPE_CHECKING:
    from torch import Tensor

    from restobench.cache import Cache

    FullReference = Callable[[Tensor, Tensor], Tensor]
    """`f(restored, other)`: (B, 3, H, W) twice, sRGB in [0, 1] -> (B,), float64. `other` is what the card says."""

    NoReference = Callable[[Tensor], Tensor]
    """`f(restored)`: (B, 3, H, W), sRGB in [0, 1] -> (B,), float64."""

_GROUP: typing.Literal["restobench.metrics"] = "restobench.metrics"
_HERE = Path(__file__).parent
_FAMILY = "pyiqa:"
"""What the names of pyiqa's metrics begin with, but for those that have a card of their own."""


@dataclass(frozen=True)
class MetricSetup:
    """What a metric that is a class is built with, once for an evaluation."""

    options: Mapping[str, Option]
    """Its card's."""
    weights: Mapping[str, Path]
    """By part, a file of this disk. A metric never downloads."""
    device: str
    """Where its networks compute; pictures come there."""


class SetValue(NamedTuple):
    """A set's number, with its standard error where there is one."""

    value: float
    standard_error: float | None = None


class FeatureMetric(typing.Protocol):
    """A metric that compares features of pictures. They are worked out once for each picture, and kept."""

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W), sRGB in [0, 1] -> (B, D), float32. A picture's neighbours in the batch change nothing."""

    def compare(self, restored: Tensor, other: Tensor | None) -> Tensor | SetValue:
        """(N, D) twice, or once where the card names no other picture -> (N,), float64; of a set one number.

        Raises:
            RestobenchError: The set has too few pictures.
        """


@dataclass(frozen=True)
class Metric:
    """A registered metric, known by its card and not loaded yet."""

    name: str
    card: MetricCard = field(compare=False)
    plugin: Plugin
    hashes: Mapping[str, str] = field(default_factory=dict, compare=False)
    """By part, the SHA-256 of its weights; see `identified`."""

    def signature_parts(self) -> tuple[str, ...]:
        """What moves the number: the name, then `key=value` for revision, options, weights and library.

        >>> choose_metrics(["psnr"])[0].signature_parts()
        ('psnr', 'rev=1', 'border=0', 'colour=rgb')
        """
        options = (f"{key}={_plain(value)}" for key, value in sorted(self.card.moving.items()))
        weights = (f"w={part}-{self.hashes.get(part, 'missing')[:12]}" for part in sorted(self.card.weights))
        library = (f"lib={self.card.library}-{self._library_version() or 'missing'}",) if self.card.library else ()
        return (self.name, f"rev={self.card.revision}", *options, *weights, *library)

    @property
    def fingerprint(self) -> str:
        """One string that differs wherever the number might: the key of cached values."""
        return ":".join(self.signature_parts())

    @property
    def features_kind(self) -> str:
        """The key of kept features: metrics that share it share them."""
        facts = self.card.features
        assert facts is not None
        weights = f":w={self.hashes[facts.weights]}" if facts.weights else ""
        library = f":lib={self.card.library}-{self._library_version()}" if self.card.library else ""
        return f"{facts.name}:rev={facts.revision}{weights}{library}"

    @property
    def parts(self) -> list[Part]:
        """Its files of weights."""
        return [
            Part(f"metrics/{self.plugin.distribution}", self.name, part, facts, facts.licence or self.card.licence)
            for part, facts in self.card.weights.items()
        ]

    def missing(self) -> str | None:
        """Why the metric cannot be computed here, with the command that helps; None where it can."""
        if self.lacks_library:
            remedy = f" Get it: {self.card.install}" if self.card.install else ""
            return f"needs the package '{self.card.library}', which is not installed.{remedy}"
        if absent := self.absent_parts:
            files = ", ".join(part.facts.file or part.name for part in absent)
            return f"needs weights that are not here: {files}. {_how_to_get(absent)}"
        return None

    @property
    def lacks_library(self) -> bool:
        """Whether what computes it is not installed."""
        return bool(self.card.library) and not self._library_version()

    @property
    def absent_parts(self) -> list[Part]:
        """Its files of weights that are not in their place."""
        return [part for part in self.parts if not part.there]

    def identified(self, cache: Cache) -> Metric:
        """The metric with the hashes of those of its files that are here.

        Raises:
            RestobenchError: One is not what it was, or not what the card says.
        """
        there = {part.name: part for part in self.parts if part.there}
        paths = {name: path for name, part in there.items() if (path := part.path)}
        found = cache.hashes(paths.values())
        for name, part in there.items():
            if part.expected not in (None, found[paths[name]]):
                raise RestobenchError(
                    f"The weights {paths[name]} are not what they should be: their SHA-256 is {found[paths[name]]}, "
                    f"and should be {part.expected}. Delete the file and get it again."
                )
        return replace(self, hashes={name: found[path] for name, path in paths.items()})

    def load(self, device: str = "cpu") -> Any:
        """Import the metric, and build it where it is a class.

        Returns:
            FullReference or NoReference; where the card names features a FeatureMetric.

        Raises:
            RestobenchError: A library or weights are missing, the import fails, the weights do not
                fit, or the object is not what the card says.
        """
        if problem := self.missing():
            raise RestobenchError(f"The metric '{self.name}' {problem}")
        found = self.plugin.load()
        if isinstance(found, type):
            weights = {part.name: path for part in self.parts if (path := part.path)}
            return found(MetricSetup(self.card.options, weights, device))
        if self.card.weights or self.card.features:
            raise RestobenchError(
                f"The metric '{self.name}' has weights or features, and must be a class that is built with them; "
                f"'{self.plugin.attribute}' of '{self.plugin.module}' is none."
            )
        return found

    def _library_version(self) -> str | None:
        try:
            return metadata.version(self.card.library or "")
        except (metadata.PackageNotFoundError, ValueError):
            return None


def _plain(value: Option) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_plain, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _how_to_get(absent: list[Part]) -> str:
    """Fetch what has an address; put in place what has none."""
    name = absent[0].reference
    by_hand = [part for part in absent if not part.facts.url]
    ways = [f"restobench weights fetch {name}"] if len(by_hand) < len(absent) else []
    ways += [f"restobench weights add {name} {part.name}=FILE" for part in by_hand]
    hints = "".join(f" ({part.facts.help})" for part in by_hand if part.facts.help)
    return f"Get it: {'; '.join(ways)}{hints}"


def all_metrics() -> list[Metric]:
    """Every registered metric, by name, whether it can be computed here or not.

    Raises:
        RestobenchError: A card is not valid.
    """
    return [_metric(plugin) for plugin in plugins(_GROUP).values()]


def family_metrics() -> list[Metric]:
    """The metrics of pyiqa that have no card of their own: `pyiqa:NAME`."""
    return [_of_family(name) for name in _family()]


def choose_metrics(names: Iterable[str]) -> list[Metric]:
    """The metrics called `names`, in that order, each once.

    Raises:
        RestobenchError: A name is unknown, or stands for several metrics.
    """
    return [_find(name) for name in dict.fromkeys(names)]


def _metric(plugin: Plugin) -> Metric:
    return Metric(plugin.name, plugin.card(MetricCard), plugin)


def _find(name: str) -> Metric:
    ambiguous = tomllib.loads((_HERE / "ambiguous.toml").read_text(encoding="utf-8"))
    if name in ambiguous:
        raise RestobenchError(
            f"'{name}' does not say which: {' or '.join(ambiguous[name]['choices'])} ({ambiguous[name]['reason']})."
        )
    if name.startswith(_FAMILY):
        return _of_family(name.removeprefix(_FAMILY))
    if name not in plugins(_GROUP) and name in _family():
        raise RestobenchError(f"No metric is called {name!r}; pyiqa's is '{_FAMILY}{name}' here.")
    return _metric(find_plugin(_GROUP, name))


@cache
def _family() -> dict[str, Any]:
    content = tomllib.loads((_HERE / "pyiqa_metrics.toml").read_text(encoding="utf-8"))
    shared: dict[str, Any] = content.pop("shared")
    return {name: shared | facts for name, facts in content["metrics"].items()}


def _of_family(name: str) -> Metric:
    """The metric that pyiqa calls `name`."""
    if name in plugins(_GROUP):
        raise RestobenchError(f"'{_FAMILY}{name}' has a card of its own: it is called '{name}' here.")
    if name not in _family():
        raise unknown_name("metric of pyiqa", name, _family(), "A name without 'pyiqa:' is a metric of restobench.")
    plugin = Plugin(f"{_FAMILY}{name}", "restobench.metrics.pyiqa_metrics", "PyiqaMetric", "restobench")
    words = {
        "title": name,
        "summary": f"pyiqa's '{name}'.",
        "definition": f"what pyiqa calls '{name}', with these options",
    }
    try:
        return Metric(plugin.name, MetricCard.model_validate(_family()[name] | words), plugin)
    except ValidationError as error:
        raise RestobenchError(f"What is known of '{plugin.name}' is not valid: {error}.") from None


def find_metric(name: str) -> Metric | None:
    """The metric called `name`; None where there is none.

    Raises:
        RestobenchError: Its card is not valid.
    """
    if name in plugins(_GROUP):
        return _metric(plugins(_GROUP)[name])
    return _of_family(name.removeprefix(_FAMILY)) if name.startswith(_FAMILY) else None


def all_weight_parts() -> list[Part]:
    """Every file of weights of every metric; a broken card hides no other. Of pyiqa's own, those that are here."""
    found = []
    for plugin in plugins(_GROUP).values():
        try:
            found += _metric(plugin).parts
        except RestobenchError:
            continue  # `metrics list` and `doctor` say what is wrong with it
    return found + [part for metric in family_metrics() for part in metric.parts if part.there]

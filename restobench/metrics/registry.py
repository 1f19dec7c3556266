"""Which metrics there are, what each needs, and which belong together in a protocol.

A metric is one of three things, as its card's `kind` says: a function of restored and
clean pictures, a function of restored pictures alone, or a class that is shown a whole
set. Listing them imports neither their modules nor torch.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restobench.card import MetricCard, Protocol, Value, read_card
from restobench.errors import RestobenchError, unknown_name
from restobench.plugins import Plugin, find_plugin, plugins

if TYPE_CHECKING:
    from torch import Tensor

    FullReference = Callable[[Tensor, Tensor], Tensor]
    """`f(restored, gt)`: (B, 3, H, W) twice, sRGB in [0, 1] -> (B,), float64."""

    NoReference = Callable[[Tensor], Tensor]
    """`f(restored)`: (B, 3, H, W), sRGB in [0, 1] -> (B,), float64."""

_GROUP: typing.Literal["restobench.metrics"] = "restobench.metrics"
_HERE = Path(__file__).parent


class SetMetric(typing.Protocol):
    """A metric of a whole set of pictures, which are shown batch by batch."""

    def update(self, restored: Tensor, gt: Tensor | None) -> None:
        """Take in a batch: (B, 3, H, W), sRGB in [0, 1]; `gt` where the data set has it."""

    def compute(self) -> float:
        """The set's number.

        Raises:
            RestobenchError: Too few pictures were shown.
        """


@dataclass(frozen=True)
class Metric:
    """A registered metric, known by its card and not loaded yet."""

    name: str
    card: MetricCard = field(compare=False)
    plugin: Plugin

    def signature_parts(self) -> tuple[str, ...]:
        """What moves the number: the name, then `key=value` for revision, options and library.

        >>> choose_metrics(["psnr"])[0].signature_parts()
        ('psnr', 'rev=1', 'border=0', 'colour=rgb')
        """
        options = (f"{key}={_plain(value)}" for key, value in sorted(self.card.options.items()))
        library = (f"lib={self.card.library}-{self._library_version() or 'missing'}",) if self.card.library else ()
        return (self.name, f"rev={self.card.revision}", *options, *library)

    @property
    def fingerprint(self) -> str:
        """One string that differs wherever the number might: the key of cached values."""
        return ":".join(self.signature_parts())

    def missing(self) -> str | None:
        """Why the metric cannot be computed here, with the command that helps; None where it can."""
        if self.card.library is None or self._library_version():
            return None
        remedy = f" Get it: {self.card.install}" if self.card.install else ""
        return f"needs the package '{self.card.library}', which is not installed.{remedy}"

    def load(self) -> Any:
        """Import the function (FullReference, NoReference) or the class (SetMetric).

        Raises:
            RestobenchError: A library is missing, or the import fails.
        """
        if problem := self.missing():
            raise RestobenchError(f"The metric '{self.name}' {problem}")
        return self.plugin.load()

    def _library_version(self) -> str | None:
        try:
            return metadata.version(self.card.library or "")
        except (metadata.PackageNotFoundError, ValueError):
            return None


def _plain(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def all_metrics() -> list[Metric]:
    """Every registered metric, by name, whether it can be computed here or not.

    Raises:
        RestobenchError: A card is not valid.
    """
    return [_metric(plugin) for plugin in plugins(_GROUP).values()]


def choose_metrics(names: Iterable[str]) -> list[Metric]:
    """The metrics called `names`, in that order, each once.

    Raises:
        RestobenchError: A name is unknown, or stands for several metrics.
    """
    return [_metric(_find(name)) for name in dict.fromkeys(names)]


def _metric(plugin: Plugin) -> Metric:
    return Metric(plugin.name, plugin.card(MetricCard), plugin)


def _find(name: str) -> Plugin:
    ambiguous = tomllib.loads((_HERE / "ambiguous.toml").read_text(encoding="utf-8"))
    if name not in ambiguous:
        return find_plugin(_GROUP, name)
    choices: list[str] = ambiguous[name]["choices"]
    installed = plugins(_GROUP)
    absent = [choice for choice in choices if choice not in installed]
    note = f"\nNot registered here: {', '.join(absent)}." if absent else ""
    raise RestobenchError(f"'{name}' does not say which: {' or '.join(choices)} ({ambiguous[name]['reason']}).{note}")


def protocol_names() -> list[str]:
    """Every protocol, by name."""
    return sorted(path.stem for path in (_HERE / "protocols").glob("*.toml"))


def read_protocol(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        RestobenchError: There is none; the nearest names are offered.
    """
    if name not in protocol_names():
        raise unknown_name("protocol", name, protocol_names())
    return read_card(Protocol, _HERE / "protocols" / f"{name}.toml")

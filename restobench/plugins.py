"""How methods, metrics and data sets are found: entry points, and nothing else.

In-tree plugins come through the same door as third parties'. Finding one and reading
its card imports neither its module nor torch.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from restobench.card import Card, read_card
from restobench.errors import RestobenchError, unknown_name

Group = Literal["restobench.methods", "restobench.metrics", "restobench.datasets"]
_KINDS: dict[Group, str] = {
    "restobench.methods": "method",
    "restobench.metrics": "metric",
    "restobench.datasets": "package of data sets",
}


@dataclass(frozen=True)
class Plugin:
    """One entry point: a name, where its object is, and who installed it."""

    name: str
    module: str
    attribute: str
    distribution: str

    @property
    def folder(self) -> Path:
        """The folder of the package that the plugin's module is in.

        Raises:
            RestobenchError: The package cannot be found.
        """
        # A package of data-set cards is named whole; anything else is a module in a package.
        package = (self.module.rpartition(".")[0] if self.attribute else "") or self.module
        try:
            spec = importlib.util.find_spec(package)
        except ImportError:
            spec = None
        if spec is None or spec.origin is None:
            raise RestobenchError(
                f"'{self.name}' of the package '{self.distribution}' names the module '{self.module}', "
                f"which is not there; reinstall '{self.distribution}' or remove it."
            )
        return Path(spec.origin).parent

    def card(self, kind: type[Card]) -> Card:
        """The plugin's card: `card.toml`, or `NAME.toml` where a package has several plugins."""
        own = self.folder / f"{self.name}.toml"
        return read_card(kind, own if own.exists() else self.folder / "card.toml")

    def load(self) -> Any:
        """Import the module and return the object.

        Raises:
            RestobenchError: The import fails, or the module lacks the attribute.
        """
        try:
            return getattr(importlib.import_module(self.module), self.attribute)
        except ImportError as error:
            raise RestobenchError(
                f"'{self.name}' of the package '{self.distribution}' cannot be imported: {error}."
            ) from error
        except AttributeError:
            raise RestobenchError(
                f"'{self.name}' of the package '{self.distribution}' names '{self.attribute}', "
                f"which the module '{self.module}' does not have."
            ) from None


def _plugin(entry: EntryPoint) -> Plugin:
    module, _, attribute = entry.value.partition(":")
    return Plugin(entry.name, module.strip(), attribute.strip(), entry.dist.name if entry.dist else "?")


@cache
def plugins(group: Group) -> dict[str, Plugin]:
    """Every plugin of a group by name, sorted.

    Raises:
        RestobenchError: Two distributions claim one name; both are named.
    """
    found: dict[str, Plugin] = {}
    for plugin in sorted(
        map(_plugin, entry_points(group=group)), key=lambda plugin: (plugin.name, plugin.distribution)
    ):
        other = found.get(plugin.name)
        if other and other != plugin:
            raise RestobenchError(
                f"Two packages bring a {_KINDS[group]} called '{plugin.name}': '{other.distribution}' and "
                f"'{plugin.distribution}'; uninstall one of them."
            )
        found[plugin.name] = plugin
    return found


def find_plugin(group: Group, name: str) -> Plugin:
    """The plugin called `name`.

    Raises:
        RestobenchError: There is none; the nearest names are offered.
    """
    known = plugins(group)
    if name not in known:
        hint = "If you have just added it, run 'make install' to register its entry point."
        raise unknown_name(_KINDS[group], name, known, hint)
    return known[name]

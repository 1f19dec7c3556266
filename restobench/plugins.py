"""How methods, metrics and data sets are found: entry points, and nothing else.

In-tree plugins come through the same door as third parties'; the one other door is a
Python file that somebody names. Finding a plugin and reading its card imports neither
its module nor torch.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from restobench.card import Kind, read_card
from restobench.errors import RestobenchError, unknown_name
from restobench.importing import import_file
from restobench.method_card import MethodCard

Group = Literal[
    "restobench.methods", "restobench.metrics", "restobench.datasets", "restobench.recipes", "restobench.leaderboards"
]
_KINDS: dict[Group, str] = {
    "restobench.methods": "method",
    "restobench.metrics": "metric",
    "restobench.datasets": "package of data sets",
    "restobench.recipes": "training recipe",
    "restobench.leaderboards": "package of published tables",
}


@dataclass(frozen=True)
class Plugin:
    """One entry point: a name, where its object is, and who installed it.

    Or a class in a `file` that nobody installed; its distribution is then the file's path.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    file: Path | None = None

    @property
    def reference(self) -> str:
        """What names it on the command line."""
        return f"{self.file}:{self.attribute}" if self.file else self.name

    @property
    def folder(self) -> Path:
        """The folder of the package that the plugin's module is in.

        Raises:
            RestobenchError: The package cannot be found.
        """
        if self.file:
            return self.file.parent
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

    @property
    def card_path(self) -> Path:
        """Where the card is, or would be: `NAME.toml` (of a file: the file's own name), else `card.toml`."""
        own = self.file.with_suffix(".toml") if self.file else self.folder / f"{self.name}.toml"
        return own if own.exists() else self.folder / "card.toml"

    def card(self, kind: type[Kind]) -> Kind:
        """The plugin's card: `card.toml`, or `NAME.toml` where a package has several plugins."""
        return read_card(kind, self.card_path)

    def sources(self) -> list[Path]:
        """The Python files that the plugin is made of, as far as that can be told without running them.

        Of a package all, and of the packages beside it, within the same one, that it imports
        from; of a file that nobody installed those beside it, and the folders beside it that
        these import from.
        """
        if self.file:
            found = dict.fromkeys(sorted(self.folder.glob("*.py")))
            folders = {path.name: path for path in sorted(self.folder.iterdir()) if path.is_dir()}
            name_of_a_folder = r"\b(\w+)"
        else:
            found = dict.fromkeys(sorted(self.folder.rglob("*.py")))
            around = self.module.split(".")[:-2]
            beside = self.folder.parent.iterdir() if around else ()
            folders = {path.name: path for path in beside if path.is_dir() and path != self.folder}
            name_of_a_folder = r"\b" + re.escape(".".join(around)) + r"\.(\w+)"
        unread = list(found)
        while unread and folders:
            imports = " ".join(_IMPORT.findall(unread.pop().read_text(encoding="utf-8", errors="replace")))
            for name in set(re.findall(name_of_a_folder, imports)) & folders.keys():
                inside = sorted(folders.pop(name).rglob("*.py"))
                found |= dict.fromkeys(inside)
                unread += inside
        return sorted(found)

    def load(self) -> Any:
        """Import the module and return the object.

        Raises:
            RestobenchError: The import fails, or the module lacks the attribute.
        """
        whose = f"the file {self.file}" if self.file else f"the package '{self.distribution}'"
        try:
            module = import_file(self.file) if self.file else importlib.import_module(self.module)
            return getattr(module, self.attribute)
        except ImportError as error:
            raise RestobenchError(f"'{self.name}' of {whose} cannot be imported: {error}.") from error
        except AttributeError:
            raise RestobenchError(
                f"'{self.name}' of {whose} names '{self.attribute}', which the module '{self.module}' does not have."
            ) from None


_IMPORT = re.compile(r"^\s*(?:from|import)\s.*", re.MULTILINE)


def plugin_of_file(given: str) -> Plugin:
    """The class that `PATH.py:CLASS` names; its name is the class's, in lower case. Imports nothing.

    Raises:
        RestobenchError: There is no such file, it is not valid Python, or it has no such class.
    """
    path, _, attribute = given.rpartition(":")
    file = Path(path).expanduser().absolute()
    try:
        tree = ast.parse(file.read_bytes())
    except OSError as error:
        raise RestobenchError(f"The file {path} cannot be read: {error.strerror}.") from None
    except (SyntaxError, ValueError) as error:
        raise RestobenchError(f"The file {path} is not valid Python: {error}.") from None
    known = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bound |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if attribute not in known | bound and "*" not in bound:
        raise unknown_name(f"class in {path}", attribute, known)
    return Plugin(attribute.lower(), file.stem, attribute, str(file), file)


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


def find_method(name: str) -> tuple[Plugin, str]:
    """The plugin that `NAME`, `NAME@VARIANT` or `PATH.py:CLASS` means, and the variant, "" where none is named.

    Raises:
        RestobenchError: There is no such method.
    """
    if ".py:" in name:
        path, _, rest = name.rpartition(".py:")
        attribute, _, variant = rest.partition("@")
        return plugin_of_file(f"{path}.py:{attribute}"), variant
    if name.endswith(".py"):
        raise RestobenchError(f"{name} is a file; name the class in it too: {name}:CLASS.")
    base, _, variant = name.partition("@")
    return find_plugin("restobench.methods", base), variant


def method_card(plugin: Plugin) -> MethodCard:
    """A method's card. A file that has none beside it does with the least that can be said.

    Raises:
        RestobenchError: The card is missing or not valid.
    """
    if plugin.file and not plugin.card_path.exists():
        return MethodCard(
            title=plugin.attribute, summary=f"Not packaged: {plugin.file}", revision="unpackaged", licence="unknown"
        )
    return plugin.card(MethodCard)

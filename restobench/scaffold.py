"""A new method as a package of its own: card, network, method, test, entry point.

The files are written from `templates/method/`, which are meant to be read.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path
from string import Template

from restobench.errors import RestobenchError
from restobench.plugins import plugins

_TEMPLATES = Path(__file__).parent / "templates" / "method"


def new_method(name: str, folder: Path | None = None) -> list[Path]:
    """Write a package with a method called `name` that passes `methods check`.

    Args:
        name: Lower case, digits, dashes and underscores, beginning with a letter.
        folder: Where to; None: a folder called `name`, here.

    Returns:
        The files that were written.

    Raises:
        RestobenchError: The name cannot be a method's, is taken, or the folder is there.
    """
    package = _package(name)
    folder = (folder or Path(name)).expanduser()
    if folder.exists():
        raise RestobenchError(f"{folder} is already there; name another place with --folder, or remove it.")
    words = re.split(r"[-_]", name)
    facts = {
        "name": name,
        "package": package,
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words),
    }
    written = []
    for template, target in (
        ("pyproject.toml", Path("pyproject.toml")),
        ("__init__.py", Path(package, "__init__.py")),
        ("card.toml", Path(package, "card.toml")),
        ("network.py", Path(package, "network.py")),
        ("method.py", Path(package, "method.py")),
        ("test.py", Path("tests", f"test_{package}.py")),
    ):
        text = Template((_TEMPLATES / f"{template}.template").read_text(encoding="utf-8")).substitute(facts)
        path = folder / target
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RestobenchError(f"{path} cannot be written: {error.strerror}.") from None
        written.append(path)
    return written


def _package(name: str) -> str:
    """The import package of a method, where the name is free."""
    package = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or keyword.iskeyword(package):
        raise RestobenchError(
            f"{name!r} cannot be a method's name: it is a word of lower-case letters and digits that begins with a "
            "letter, or several with a dash between them, and no keyword of Python."
        )
    if owner := plugins("restobench.methods").get(name):
        raise RestobenchError(
            f"The package '{owner.distribution}' has installed a method called '{name}' already; choose another name."
        )
    if importlib.util.find_spec(package):
        raise RestobenchError(f"Python knows a module called '{package}' already; choose another name.")
    return package

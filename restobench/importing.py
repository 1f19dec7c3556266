"""Importing a Python file that nobody installed, so that two of them never share a module by accident."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


def import_file(file: Path) -> ModuleType:
    """Run a Python file as a module of its own, each time anew.

    What lies beside it can be imported plainly (`import network`) or as from a package
    (`from .network import Net`), at the top of the file.
    """
    name = f"restobench_unpackaged_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for the module that they are defined in
    with _beside(file.parent):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Within it, `import network` finds `folder`/network.py; afterwards the name is free again.

    Two methods in two folders each have their own `network`: were the first one's kept,
    the second would restore with it.
    """
    before = set(sys.modules)
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        own = {name for name in set(sys.modules) - before if "." not in name and folder in _places(sys.modules[name])}
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in own:
                del sys.modules[name]


def _places(module: ModuleType) -> set[Path]:
    """The folders in which a top-level module or package was found."""
    if paths := getattr(module, "__path__", None):
        return {Path(path).parent for path in paths}
    file = getattr(module, "__file__", None)
    return {Path(file).parent} if file else set()

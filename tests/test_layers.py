"""The order of the modules: each imports only from what stands before it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ORDER = (
    "errors",
    "terminal",
    "environment",
    "files",
    "ahead",
    "download",
    "watched",
    "reporter",
    "card",
    "method_card",
    "dataset_card",
    "metric_card",
    "hub",
    "importing",
    "plugins",
    "weights",
    "fetching",
    "scaffold",
    "noise",
    "checkpoint",
    "lpips_network",
    "torchscript",
    "tiling",
    "method",
    "image",
    "faces",
    "degradations",
    "cache",
    "embedded",
    "demo_degradation",
    "journal",
    "manifest",
    "remote",
    "dataset",
    "store",
    "foreign",
    "provenance",
    "train",
    "synthesis",
    "preparing",
    "exchange",
    "behind",
    "batching",
    "patience",
    "attempt",
    "restore",
    "executors",
    "pictures",
    "photographs",
    "conformance",
    "metrics",
    "statistics",
    "stepdown",
    "paired",
    "signature",
    "alterations",
    "scoring",
    "plausibility",
    "reading",
    "canaries",
    "summary",
    "onepass",
    "evaluate",
    "results",
    "selection",
    "compare",
    "ranks",
    "swapping",
    "sensitivity",
    "explain",
    "leaderboard",
    "frames",
    "figures",
    "attribution",
    "lint",
    "suite",
    "planning",
    "forecast",
    "session",
    "benchmark",
    "beneath",
    "baseline",
    "regression",
    "sharing",
    "timing",
    "doctor",
    "cli",
    "__main__",
)
"""The modules and packages of restobench, lowest first. A new one takes its place here first."""

OPEN_TO_METHODS = (
    "errors", "noise", "checkpoint", "tiling", "method", "image", "faces", "degradations",
    "demo_degradation", "train",
)  # fmt: skip
"""What a method may import of restobench: the interface and the helpers made for methods."""

KEPT_APART = (
    ("restore", ("metrics", "evaluate")),
    ("attempt", ("metrics", "evaluate")),
    ("executors", ("metrics", "evaluate", "store")),
    ("foreign", ("method", "metrics")),
    ("evaluate", ("method", "restore")),
    ("onepass", ("method", "restore")),
    ("reading", ("method", "restore", "metrics")),
    ("metrics", ("method", "restore")),
    ("conformance", ("metrics", "dataset")),
    ("timing", ("metrics", "evaluate")),
)
"""Restoring knows no metric, evaluating no method; pictures brought from elsewhere know neither."""

WITHOUT_TORCH = ("store", "results", "selection", "leaderboard", "frames")
"""What is read on machines that could not run the method."""

HEAVY = ("torch", "torchvision", "diffusers", "transformers", "pyiqa", "pandas", "requests")
"""What no listing and no help text may import."""

TORCH_AND_ITS_USERS = (
    "torch", "torchvision", "diffusers", "transformers", "lpips", "piq", "spandrel", "pyiqa", "facexlib",
)  # fmt: skip

CHECKOUT = Path(__file__).resolve().parents[1]
HARNESS = CHECKOUT / "restobench"
METHODS = CHECKOUT / "methods" / "restobench_methods"


class Import(NamedTuple):
    """One imported name, dotted; `for_types` where only a type checker ever imports it."""

    name: str
    where: str
    for_types: bool


def imports_in(source: str, module: str, where: str) -> Iterator[Import]:
    """Every import of a module's source, also inside functions; `module` is its dotted name."""
    tree = ast.parse(source)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            names = [".".join(filter(None, [*above, node.module, alias.name])) for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(name, f"{where}:{node.lineno}", id(node) in for_types)


def imports_of(file: Path, root: Path) -> list[Import]:
    """Every import of a file under a source root."""
    module = ".".join(file.relative_to(root).with_suffix("").parts)
    return list(imports_in(file.read_text(encoding="utf-8"), module, str(file.relative_to(CHECKOUT))))


def place_of(name: str) -> str | None:
    """The place in ORDER of an imported name, None where it is none of restobench's."""
    package, _, rest = name.partition(".")
    place = rest.partition(".")[0]
    return place if package == "restobench" and place in ORDER else None


def files_of(place: str) -> list[Path]:
    """The Python files of one place: a module's own, or all of a package's."""
    module = HARNESS / f"{place}.py"
    return [module] if module.exists() else sorted((HARNESS / place).rglob("*.py"))


def places_in_the_tree() -> set[str]:
    """The first component of every Python file under restobench/."""
    parts = {file.relative_to(HARNESS).parts[0].removesuffix(".py") for file in HARNESS.rglob("*.py")}
    return parts - {"__init__"}


def imported_by(*command: str) -> set[str]:
    """The top-level names that a Python process imported, by Python's own account."""
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    told = "\n".join(line for line in done.stderr.splitlines() if line not in lines)
    assert done.returncode == 0, f"exit {done.returncode}:\n{done.stdout}{told}"
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_every_module_has_its_place_and_every_place_a_module() -> None:
    """A module outside of the order would be free to import anything."""
    homeless = sorted(places_in_the_tree() - set(ORDER))
    vacant = sorted(set(ORDER) - places_in_the_tree())

    assert not homeless, f"Put {', '.join(homeless)} in its place in ORDER, above all that it imports from."
    assert not vacant, f"ORDER names {', '.join(vacant)}, which restobench/ does not have; take it out."
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("place", ORDER)
def test_a_module_imports_only_from_what_stands_before_it(place: str) -> None:
    """Data goes one way: whoever reads a module need not know what comes after it."""
    allowed = set(ORDER[: ORDER.index(place) + 1])

    backwards = [
        f"{found.where} imports {found.name}"
        for file in files_of(place)
        for found in imports_of(file, CHECKOUT)
        if (target := place_of(found.name)) and target not in allowed
    ]

    assert not backwards, f"'{place}' stands before what it imports from: {'; '.join(backwards)}."


def test_the_harness_meets_plugins_through_entry_points_only() -> None:
    """In-tree methods, data sets and tables use the same door as third parties'."""
    found = [
        f"{found.where} imports {found.name}"
        for file in sorted(HARNESS.rglob("*.py"))
        for found in imports_of(file, CHECKOUT)
        if found.name.startswith(("restobench_methods", "restobench_datasets", "restobench_leaderboards"))
    ]

    assert not found, f"Only an entry point may lead there: {'; '.join(found)}."


def test_a_method_imports_the_interface_and_its_helpers_only() -> None:
    """What a method may know is small enough to be kept stable for third parties."""
    found = [
        f"{found.where} imports {found.name}"
        for file in sorted(METHODS.rglob("*.py"))
        for found in imports_of(file, METHODS.parent)
        if found.name.partition(".")[0] == "restobench" and place_of(found.name) not in OPEN_TO_METHODS
    ]

    assert not found, f"Open to methods are {', '.join(OPEN_TO_METHODS)}: {'; '.join(found)}."


def test_a_network_has_not_heard_of_us() -> None:
    """`network.py` is the paper in PyTorch, of use to readers who never run the harness."""
    found = [
        f"{found.where} imports {found.name}"
        for file in sorted(METHODS.rglob("network.py"))
        for found in imports_of(file, METHODS.parent)
        if found.name.partition(".")[0] == "restobench"
    ]

    assert not found, f"Convert in method.py instead: {'; '.join(found)}."


def test_naming_a_method_runs_no_code_of_it() -> None:
    """Finding a card asks for the method's package, which must not bring torch along."""
    for file in sorted(METHODS.rglob("__init__.py")):
        statements = ast.parse(file.read_text(encoding="utf-8")).body

        assert len(statements) == 1, f"{file.relative_to(CHECKOUT)} must be a docstring and nothing else."
        assert isinstance(statements[0], ast.Expr)


def test_nothing_imports_the_command_line() -> None:
    """Whatever is worth importing lives below it."""
    others = [file for file in sorted(HARNESS.rglob("*.py")) if file.parent.name != "cli" and file.stem != "__main__"]

    found = [
        f"{found.where} imports {found.name}"
        for file in [*others, *sorted(METHODS.rglob("*.py"))]
        for found in imports_of(file, CHECKOUT)
        if place_of(found.name) in ("cli", "__main__")
    ]

    assert not found, f"Move what is needed out of cli: {'; '.join(found)}."


@pytest.mark.parametrize(("place", "unknown"), KEPT_APART)
def test_the_two_stages_do_not_know_each_other(place: str, unknown: tuple[str, ...]) -> None:
    """Each can be run alone, in an environment that lacks what the other needs."""
    found = [
        f"{found.where} imports {found.name}"
        for file in files_of(place)
        for found in imports_of(file, CHECKOUT)
        if place_of(found.name) in unknown
    ]

    assert not found, f"'{place}' must not know {' or '.join(unknown)}: {'; '.join(found)}."


@pytest.mark.parametrize("place", WITHOUT_TORCH)
def test_tables_are_made_without_torch_even_late(place: str) -> None:
    """An import inside a function would only fail later, on the machine without torch."""
    found = [
        f"{found.where} imports {found.name}"
        for file in files_of(place)
        for found in imports_of(file, CHECKOUT)
        if not found.for_types and found.name.partition(".")[0] in TORCH_AND_ITS_USERS
    ]

    assert not found, f"'{place}' works without torch: {'; '.join(found)}."


def test_what_the_tables_import_brings_no_torch_either() -> None:
    """The same, of all that these modules import in their turn."""
    modules = ", ".join(f"restobench.{place}" for place in WITHOUT_TORCH)

    imported = imported_by("-c", f"import {modules}")

    assert not imported.intersection(TORCH_AND_ITS_USERS)


@pytest.mark.parametrize(
    "command",
    [
        ("-c", "import restobench"),
        ("-m", "restobench", "--help"),
        ("-m", "restobench", "methods", "list"),
        ("-m", "restobench", "datasets", "list"),
        ("-m", "restobench", "datasets", "recipes"),
        ("-m", "restobench", "datasets", "make", "--help"),
        ("-m", "restobench", "metrics", "list"),
        ("-m", "restobench", "weights", "list"),
        ("-m", "restobench", "results", "--help"),
    ],
    ids=" ".join,
)
def test_help_and_listings_import_nothing_heavy(command: tuple[str, ...]) -> None:
    """Importing torch takes seconds; whoever asks for a name must not wait for it."""
    imported = imported_by(*command)

    assert "restobench" in imported
    assert not imported.intersection(HEAVY)


def test_late_relative_and_type_only_imports_are_all_seen() -> None:
    """The tests above are worth what this reading of imports is worth."""
    source = """
from typing import TYPE_CHECKING
from . import image
from .metrics.psnr import psnr
if TYPE_CHECKING:
    import torch
def late():
    import torch.nn
"""

    found = list(imports_in(source, "restobench.dataset", "here"))

    assert found == [
        Import("typing.TYPE_CHECKING", "here:2", False),
        Import("restobench.image", "here:3", False),
        Import("restobench.metrics.psnr.psnr", "here:4", False),
        Import("torch", "here:6", True),
        Import("torch.nn", "here:8", False),
    ]

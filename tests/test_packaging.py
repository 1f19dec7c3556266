"""What is installed and shipped; `tests/install_check.py` then installs it for real."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pathspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
ROOTS = {
    "methods": "restobench_methods",
    "datasets": "restobench_datasets",
    "leaderboards": "restobench_leaderboards",
}
PACKAGES = [CHECKOUT / path for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
GROUPS = PROJECT["project"]["entry-points"] | {"console_scripts": PROJECT["project"]["scripts"]}
ENTRY_POINTS = [(f"{group}: {name}", value) for group, entries in GROUPS.items() for name, value in entries.items()]
INSTALLED_EXTRAS = ("face", "iqa", "dev")
"""The extras that the Makefile installs."""


def pins() -> dict[str, Version]:
    """The versions in constraints.txt, by canonical name."""
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def requirements() -> list[Requirement]:
    """All that the core and the extras of the Makefile ask for."""
    project = PROJECT["project"]
    extras = [line for extra in INSTALLED_EXTRAS for line in project["optional-dependencies"][extra]]
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def module_file(module: str) -> Path | None:
    """The file of a module or package of ours; None if there is none."""
    for root in (CHECKOUT, *(CHECKOUT / folder for folder in ROOTS)):
        path = root.joinpath(*module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return file
    return None


def names_defined_in(file: Path) -> set[str]:
    """The names that a module binds at its top level, read without importing it."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


@pytest.mark.parametrize(("root", "package"), ROOTS.items())
def test_a_source_root_holds_one_package_and_no_loose_module(root: str, package: str) -> None:
    """An `__init__.py` here would make `datasets` ours and hide Hugging Face's."""
    inside = {path.name for path in (CHECKOUT / root).iterdir() if path.is_dir() or path.suffix == ".py"}

    assert inside - {"__pycache__"} == {package}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_folder_of_code_is_a_package(package: Path) -> None:
    """Without `__init__.py` a folder is a namespace, into which any other install can add modules."""
    folders = {file.parent for file in package.rglob("*.py")}

    lacking = sorted(str(folder.relative_to(CHECKOUT)) for folder in folders if not (folder / "__init__.py").exists())

    assert not lacking, f"Add an __init__.py with a docstring to {', '.join(lacking)}."


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_nothing_of_a_package_is_left_out_of_the_wheel(package: Path) -> None:
    """hatchling leaves out what .gitignore matches, and says nothing: users would miss a card."""
    lines = (CHECKOUT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = pathspec.GitIgnoreSpec.from_lines(lines)
    files = [file for file in package.rglob("*") if file.is_file() and file.parent.name != "__pycache__"]

    left_out = [str(file.relative_to(CHECKOUT)) for file in files if ignored.match_file(file.relative_to(CHECKOUT))]

    assert files
    assert not left_out, f".gitignore matches {', '.join(left_out)}; make it narrower."


@pytest.mark.parametrize(("entry", "value"), ENTRY_POINTS, ids=[entry for entry, _ in ENTRY_POINTS])
def test_every_entry_point_leads_somewhere(entry: str, value: str) -> None:
    """A name in a listing that cannot be loaded is found by a user, hours into a run."""
    module, _, attribute = value.partition(":")
    file = module_file(module)

    assert file, f"{entry} names the module '{module}', which is not there."
    assert not attribute or attribute in names_defined_in(file), f"{entry}: '{module}' has no '{attribute}'."


def test_every_dependency_is_pinned_at_a_version_that_it_accepts() -> None:
    """What was tested is what `make install` brings, today and in a year."""
    pinned = pins()

    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"constraints.txt does not pin {name}."
        assert pinned[name] in requirement.specifier, f"constraints.txt pins {name} {pinned[name]}, not {requirement}."


def test_torch_2_13_0_is_refused() -> None:
    """It exists as a build that no torchvision matches: `import torchvision` fails with it."""
    (torch,) = (requirement for requirement in requirements() if requirement.name == "torch")

    assert Version("2.13.0") not in torch.specifier
    assert pins()["torch"] != Version("2.13.0")


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    """The wheel ships the text of what it declares."""
    text = (CHECKOUT / "LICENSE").read_text(encoding="utf-8")

    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "LICENSE" in PROJECT["project"]["license-files"]
    assert re.search(r"Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_python_that_is_promised_is_checked() -> None:
    """The classifiers are what users read, the workflow is what is tried."""
    workflow = (CHECKOUT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    prefix = "Programming Language :: Python :: 3."

    promised = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if line.startswith(prefix)]

    (tried,) = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r"[\d.]+", tried) == promised
    assert PROJECT["project"]["requires-python"] == f">={promised[0]}"


@pytest.mark.parametrize("file", [".github/workflows/check.yml", ".ci/run"])
def test_continuous_integration_runs_what_is_run_at_home(file: str) -> None:
    """`make check` is the whole truth: a check that only CI knows cannot be repeated."""
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")

    assert "make check" in text
    assert re.search(r"^check: lint test install-check\b", makefile, re.MULTILINE)

"""What the documentation shows is written to files and run, word for word."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from restobench.degradations.multi import RANGES
from restobench.image import write_picture
from restobench.synthesis.registry import RECIPES
from tests.conftest import picture
from tests.light_environment import LightEnvironment, make_environment

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


class Example(NamedTuple):
    """The files that a page shows and the commands that it gives, in their order."""

    files: dict[str, str]
    commands: list[str]


def example(page: str) -> Example:
    """All blocks of a page: one after a line that ends with a file's name and a colon, or commands."""
    found = Example({}, [])
    for block in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        if block["language"] == "sh":
            found.commands.extend(block["text"].splitlines())
        else:
            named = re.search(r"`([^`]+)`:$", block["before"])
            assert named, f"{page} does not say which file this is:\n{block['text']}"
            found.files[named[1]] = block["text"]
    return found


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def follow(page: str, here: LightEnvironment) -> dict[str, str]:
    """Write the page's files and run its commands; what each of them printed."""
    shown = example(page)
    write(shown.files, here.folder)
    printed = {}
    for command in shown.commands:
        program, *arguments = shlex.split(command)
        if program == "pip":
            assert arguments[:2] == ["install", "-e"]
            here.install(arguments[2])
            continue
        assert program in ("restobench", "python")
        done = here.restobench(*arguments) if program == "restobench" else here.run(here.python, *arguments)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed[command] = done.stdout
    return printed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LightEnvironment:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setenv("RESTOBENCH_RUNS", str(folder / "runs"))
    monkeypatch.setenv("COLUMNS", "200")
    return make_environment(tmp_path / "environment", folder)


def runs(here: LightEnvironment) -> set[str]:
    return {path.parents[1].name for path in here.folder.glob("runs/*/*/*/run.json")}


def test_every_page_is_followed_by_a_test() -> None:
    """A page that is added here is run, or it rots."""
    followed = {"adding-a-method.md", "adding-a-data-set.md", "adding-a-metric.md"}

    with_examples = {page.name for page in DOCS.glob("adding-*.md")}

    assert with_examples == followed


def test_a_method_is_added_as_the_page_says(here: LightEnvironment, make_pairs: Callable[..., Path]) -> None:
    """From a file to a row of the table, to a package."""
    make_pairs(scale=1, name="my-pairs").rename(here.folder / "my-pairs")

    printed = follow("adding-a-method.md", here)

    assert "batch       exact" in printed["restobench methods check ./unsharp.py:Unsharp"]
    assert "conforms" in printed["restobench methods check my-denoiser"]
    assert runs(here) == {"input@default", "unsharp@default", "unsharp@strong"}


def test_the_example_does_without_its_card_too(here: LightEnvironment, make_pairs: Callable[..., Path]) -> None:
    """On the page the card comes second."""
    make_pairs(scale=1, name="my-pairs").rename(here.folder / "my-pairs")
    write({"unsharp.py": example("adding-a-method.md").files["unsharp.py"]}, here.folder)

    done = here.restobench("run", "--method", "./unsharp.py:Unsharp", "--dataset", "my-pairs", "--metrics", "psnr")

    assert done.returncode == 0, done.stderr
    assert runs(here) == {"input@default", "unsharp@default"}


def test_a_data_set_is_added_as_the_page_says(here: LightEnvironment, tmp_path: Path) -> None:
    """A third party's card, and pictures where it says."""
    for number, name in enumerate(("shelf-1", "shelf-2", "sink-1")):
        for part in ("blur", "sharp"):
            path = tmp_path / "datasets" / "kitchen-night" / "test" / part / f"{name}.png"
            write_picture(path, picture(number, 37, 53))

    for number, name in enumerate(("north_1", "south_2")):
        write_picture(here.folder / "downloads" / "Night_small" / f"{name}.png", picture(number, 8, 12))
        write_picture(here.folder / "downloads" / "Night" / f"{name}.png", picture(number, 32, 48))

    printed = follow("adding-a-data-set.md", here)

    assert "2 samples from folders" in printed["restobench datasets prepare street-night --source downloads"]
    assert "as recorded" in printed["restobench datasets verify street-night --full"]
    assert "kitchen-night@2" in printed["restobench run --method input --dataset kitchen"]


def test_a_metric_is_added_as_the_page_says(here: LightEnvironment, make_pairs: Callable[..., Path]) -> None:
    """A function, a card and one line."""
    make_pairs(name="my-pairs").rename(here.folder / "my-pairs")

    printed = follow("adding-a-metric.md", here)

    assert "mae ↓" in printed["restobench run --method bicubic --dataset ./my-pairs --metrics mae,psnr"]


def test_a_data_set_is_synthesised_as_the_page_says(here: LightEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made, used, told apart by kind, rebuilt; and the two halves of training without pairs."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(here.folder / "datasets"))
    for number in range(9):
        write_picture(here.folder / "photographs" / "trip" / f"{number}.png", picture(number, 53, 67))

    printed = follow("synthesising-a-data-set.md", here)

    assert all(name in printed["restobench datasets recipes"] for name in RECIPES)
    assert runs(here) == {"input@default"}
    assert "mixture" in printed["restobench results --by kind"]
    (rebuilt,) = [text for command, text in printed.items() if " rebuild " in command]
    assert "Every file is the recorded one, byte for byte." in rebuilt
    assert printed["python unpaired.py"] == "4 pictures in H, 5 in L, (53, 67, 3)\n"


def test_the_page_on_synthesis_names_every_recipe_and_range() -> None:
    """A table that nobody compares with the code is soon another one."""
    page = (DOCS / "synthesising-a-data-set.md").read_text(encoding="utf-8")

    for name in RECIPES:
        assert f"`{name}`" in page
    for kind, ranges in RANGES.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {kind} |")]
        for name, (low, high) in ranges.items():
            assert f"{name} {low:g} to {high:g}" in line

"""Files of arguments to `run`: what they say, what they refuse, and that nothing else comes of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.method import choose_method
from restobench.planning import Options, plan, plan_grid
from restobench.plugins import find_method
from restobench.results import all_runs
from restobench.suite import Asked, grid, read_suite, suite_names
from tests.test_planning import SOURCE, WITH_WEIGHTS

MakePairs = Callable[..., Path]
Install = Callable[..., None]


def suite_of(folder: Path, text: str, head: str = 'dataset = "demo"') -> list[Asked]:
    path = folder / "suite.toml"
    path.write_text(f"{head}\n{text}", encoding="utf-8")
    return grid(read_suite(str(path)))


def refused(folder: Path, text: str, head: str = 'dataset = "demo"') -> str:
    with pytest.raises(RestobenchError) as caught:
        suite_of(folder, text, head)
    return str(caught.value)


def test_lists_span_a_grid_and_name_its_cells(tmp_path: Path) -> None:
    """Every combination, the last list first; what has one value is in no name."""
    asked = suite_of(
        tmp_path, '[[run]]\nmethod = "resshift@v1"\nset = { steps = [2, 15], kappa = [2.0, 4.0], power = 0.3 }'
    )

    names = ["steps2-kappa2.0", "steps2-kappa4.0", "steps15-kappa2.0", "steps15-kappa4.0"]
    assert [one.label for one in asked] == [f"resshift-{name}" for name in names]
    assert asked[1] == Asked("resshift@v1", {"steps": 2, "kappa": 4.0, "power": 0.3}, [], "resshift-steps2-kappa4.0")


def test_several_methods_and_runs_follow_one_another(tmp_path: Path) -> None:
    """Without a list of settings they are called what they are called."""
    asked = suite_of(
        tmp_path, '[[run]]\nmethod = ["bicubic", "lanczos"]\n[[run]]\nmethod = "resshift@tiny"\nas = "mine"'
    )

    assert [(one.method, one.label) for one in asked] == [
        ("bicubic", None), ("lanczos", None), ("resshift@tiny", "mine"),
    ]  # fmt: skip


def test_settings_in_braces_stand_in_names_and_in_files(tmp_path: Path) -> None:
    """A chain of other length has weights of its own. A list of files is a list of checkpoints."""
    asked = suite_of(
        tmp_path,
        '[[run]]\nmethod = "resshift@v1"\nas = "T{steps}-{retrained}"\nset = { steps = [10, 15], retrained = true }\n'
        'weights = { unet = "T{steps}.pth", autoencoder = ["a.pth", "b.pth"] }\n'
        '[[run]]\nmethod = "spandrel"\nweights = ["x.pth", "y.pth"]',
    )

    assert [one.label for one in asked] == ["T10-true", "T15-true", None]
    assert asked[0].weights == [{"unet": "T10.pth", "autoencoder": name} for name in ("a.pth", "b.pth")]
    assert asked[2].weights == [{"": "x.pth"}, {"": "y.pth"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[run]]\nmetod = "bicubic"', "No key in [[run]] 1 is called 'metod'. Did you mean 'method'"),
        ('[[run]]\nmethod = "bicubic"\nset = { a = { b = 1 } }', "set.a in [[run]] 1: Input should be a valid"),
        ('[[run]]\nmethod = "bicubic"\nset = { a = [[1]] }', "a setting is a text, a number, true or false"),
        ('[[run]]\nmethod = "bicubic"\nset = { a = 2026-01-01 }', "set.a in [[run]] 1"),
        ('[[run]]\nmethod = "bicubic"\nset = { a = [] }', "at least 1 item"),
        ('[[run]]\nmethod = []', "at least 1 item"),
        ("[[run]]\nmethod = 3", "method.0 in [[run]] 1: Input should be a valid string"),
        ('[[run]]\nmethod = "bicubic"\nas = "T{stpes}"\nset = { steps = 3 }', "called 'stpes'. Did you mean 'steps'"),
        ('[[run]]\nmethod = "bicubik"\nset = { a = [1, 2] }', "No method is called 'bicubik'"),
        ('[[run]]\nmethod = "bicubic"\n[[run]]\nas = "x"', "method in [[run]] 2: Field required"),
        ("", "run: Field required"),
        ("run = 3", "run: Input should be a valid tuple"),
        ("[[run", "is not TOML"),
    ],
)  # fmt: skip
def test_what_a_suite_does_not_take_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """With the place, and the nearest name."""
    assert words in refused(tmp_path, text)


def test_the_head_of_a_suite_is_checked_too(tmp_path: Path) -> None:
    """There alone stands what is restored."""
    run = '[[run]]\nmethod = "bicubic"'

    assert "dataset: Field required" in refused(tmp_path, run, "")
    assert "No key at the top is called 'datasets'. Did you mean 'dataset'" in refused(
        tmp_path, run, 'datasets = "demo"'
    )
    with pytest.raises(RestobenchError, match="cannot be read: No such file"):
        read_suite(str(tmp_path / "nowhere.toml"))
    with pytest.raises(RestobenchError, match=r"Did you mean 'resshift-chain'.*\n.*\nA file's name ends with .toml"):
        read_suite("reshift-chain")


def test_a_cell_of_a_suite_is_the_run_that_would_have_been_typed(
    make_pairs: MakePairs, install: Install, tmp_path: Path
) -> None:
    """The same folder and name, with checkpoints too: whichever comes second restores nothing."""
    install(
        "mine",
        "mine",
        package="mine_suite",
        source=SOURCE,
        card=WITH_WEIGHTS + "[settings.gain]\ndefault = 1.0\nhelp='h'\n",
    )
    for name in ("a", "b"):
        torch.save({"gain": torch.tensor(1.0)}, tmp_path / f"{name}.pth")
    options, folder, files = (
        Options(runs=tmp_path / "runs", device="cpu"),
        make_pairs(),
        [tmp_path / "a.pth", tmp_path / "b.pth"],
    )
    text = '[[run]]\nmethod = "mine"\nset.gain = [1, 0.5]\n[[run]]\nmethod = "mine"\nas = "net"\n'
    text += f"weights = {[str(file) for file in files]}"

    planned = plan_grid(suite_of(tmp_path, text), [folder], options, Cache())

    typed = [
        *plan(["mine"], [folder], options, Cache(), settings={"gain": "1.0"}, label="mine-gain1"),
        *plan(["mine"], [folder], options, Cache(), settings={"gain": "0.5"}, label="mine-gain0.5", baseline=False),
        *plan(
            ["mine"], [folder], options, Cache(), weights=[{"": file} for file in files], label="net", baseline=False
        ),
    ]
    assert [one.folder(options).path for one in planned] == [one.folder(options).path for one in typed]
    assert [one.choice.label for one in planned] == ["bicubic", "mine-gain1", "mine-gain0.5", "net-a", "net-b"]
    assert [one.choice.family for one in planned] == [one.choice.family for one in typed]
    assert all_runs(options.runs) == []


def test_two_cells_of_one_name_are_refused(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A table would show one of them. The same cell twice is one cell."""
    options, folder = Options(runs=tmp_path / "runs", device="cpu"), make_pairs(scale=4)
    same = '[[run]]\nmethod = "resshift@tiny"\nas = "x"\nset.steps = {}\n'

    with pytest.raises(RestobenchError, match=r"Several runs would be called x@tiny on pairs.*as = 'NAME-\{SETTING\}'"):
        plan_grid(suite_of(tmp_path, same.format("[2, 3]")), [folder], options, Cache())
    assert len(plan_grid(suite_of(tmp_path, same.format(2) * 2), [folder], options, Cache(), baseline=False)) == 1


def test_all_weights_that_are_missing_are_named_at_once(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Each may be a training of days."""
    text = '[[run]]\nmethod = "resshift@v1"\nas = "T{steps}"\nset.steps = [10, 30]\nweights.unet = "no/T{steps}.pth"'

    with pytest.raises(RestobenchError, match=r"2 of 2 files of weights do not exist:\nno/T10\.pth\nno/T30\.pth"):
        plan_grid(suite_of(tmp_path, text), [make_pairs(scale=4)], Options(runs=tmp_path), Cache())


@pytest.mark.parametrize("name", sorted(suite_names()))
def test_the_suites_that_ship_ask_for_what_there_is(name: str) -> None:
    """Their settings pass the cards; no two cells share a name unless they are the same."""
    asked = grid(read_suite(name))
    settled = {}

    for one in asked:
        choice = choose_method(one.method, settings=one.settings, label=one.label)
        assert all(part in choice.parts for files in one.weights for part in files)
        assert settled.setdefault(choice.label, (choice.settings, one.weights)) == (choice.settings, one.weights)
    assert len(settled) > 2
    assert {find_method(one.method)[0].name for one in asked} == {name.partition("-")[0]}


def test_the_chains_of_table_1_are_all_there() -> None:
    """T, p and kappa as printed, the default chain once."""
    chains = {
        (one.settings["steps"], one.settings["power"], one.settings["kappa"])
        for one in grid(read_suite("resshift-chain"))
    }

    assert chains == {(steps, 0.3, 2.0) for steps in (10, 15, 30, 40, 50)} | {
        (15, power, 2.0) for power in (0.5, 1.0, 2.0, 3.0)
    } | {(15, 0.3, kappa) for kappa in (0.5, 1.0, 8.0, 16.0)}  # fmt: skip


def test_the_page_s_example_is_a_suite(tmp_path: Path) -> None:
    """What is copied from the page works."""
    page = Path(__file__).parents[1] / "docs" / "suites.md"
    text = page.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]

    labels = [one.label for one in suite_of(tmp_path, text, "")]

    assert labels == ["resshift-T2", "resshift-T3", "resshift-T4", None, None]

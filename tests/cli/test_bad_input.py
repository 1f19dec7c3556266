"""What a user can get wrong: each is one clear message, exit code 2 and no traceback, before anything ran."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Restobench, is_a_sentence, save

MakePairs = Callable[..., Path]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-m bicubik -d pairs", ["No method is called 'bicubik'", "'bicubic'", "lanczos"]),
        ("-m bicubic@fast -d pairs", ["No variant of 'bicubic' is called 'fast'"]),
        ("-m bicubic -d dmeo", ["No data set is called 'dmeo'", "'demo'", "A folder of pictures"]),
        ("-m bicubic -d demo@7", ["No revision of 'demo' is called '7'"]),
        ("-m bicubic -d ./nowhere", ["./nowhere does not exist"]),
        ("-m bicubic -d pairs/lq/a.png", ["is not a folder"]),
        ("-m bicubic -d pairs --metrics pnsr", ["No metric is called 'pnsr'", "'psnr'"]),
        ("-m bicubic -d pairs --metrics lpips", ["lpips-alex", "lpips-vgg"]),
        ("-m bicubic -d pairs --metrics fid", ["does not say which"]),
        ("-m bicubic -d pairs --metrics ,", ["--metrics names no metric"]),
        ("-m bicubic -d pairs --set steps=4", ["'bicubic'", "'steps'"]),
        ("-m bicubic -d pairs --set steps", ["--set wants NAME=VALUE"]),
        ("-m bicubic -d pairs --set a=1 --set a=2", ["names 'a' twice"]),
        ("-m bicubic -d pairs --weights x.pth", ["'bicubic' takes no weights"]),
        ("-m bicubic -m lanczos -d pairs --set a=1", ["exactly one --method"]),
        ("-m bicubic -m lanczos -d pairs --as x", ["exactly one --method"]),
        ("-m bicubic -m lanczos -d pairs --weights x", ["exactly one --method"]),
        ("-m bicubic", ["--dataset NAME"]),
        ("-d pairs", ["--method NAME, or --suite FILE"]),
        ("-m bicubic -d pairs --device nonsense", ["No device is called 'nonsense'"]),
        ("-m bicubic -d pairs --device cuda:999", ["not on this machine"]),
        ("-m bicubic -d pairs --dtype int8", ["--dtype must be one of float32"]),
        ("-m bicubic -d pairs --limit 0", ["--limit"]),
        ("-m bicubic -d pairs --batch-size 0", ["--batch-size wants a number", "'auto'"]),
        ("-m bicubic -d pairs --executor slurm", ["--executor must be one of local, ray"]),
        ("-m bicubic -d pairs --workers 2", ["say --executor ray with them"]),
        ("-m bicubic -d pairs --seed -1", ["--seed"]),
        ("-m bicubic -d pairs --scale 0", ["--scale"]),
        ("-m bicubic -d pairs --max-failures nonsense", ["--max-failures wants a number"]),
        ("-m bicubic -d pairs --existing maybe", ["--existing must be one of resume, replace, only"]),
        ("-m bicubic -d pairs --existing only", ["There are no pictures of bicubic@default on pairs"]),
        ("-m bicubic -d pairs --scale 4", ["are x2", "--scale 4"]),
        ("-m bicubic -d demo --scale 2", ["'demo' is a x4 data set"]),
        ("-m input -d pairs", ["'input' cannot run on 'pairs'", "x1", "x2"]),
    ],
)
def test_what_run_cannot_do_is_said_before_anything_runs(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, arguments: str, words: list[str]
) -> None:
    """Names come with the nearest ones, choices with what there is."""
    make_pairs()

    ran = restobench("run", *arguments.split())

    assert is_a_sentence(ran, *words)
    assert not (tmp_path / "runs").exists()


def test_a_method_without_settings_says_so(restobench: Restobench, make_pairs: MakePairs) -> None:
    """An unknown setting lists the known ones; where there is none, an empty list is no answer."""
    make_pairs()

    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "pairs", "--set", "steps=4"), "no settings")


def test_an_unknown_setting_lists_the_known_ones(restobench: Restobench, make_pairs: MakePairs, slowpack: Path) -> None:
    """And a wrong value says what is wanted."""
    make_pairs()

    unknown = restobench("run", "-m", "slow", "-d", "pairs", "--set", "second=1")
    wrong = restobench("run", "-m", "slow", "-d", "pairs", "--set", "seconds=soon")
    low = restobench("run", "-m", "slow", "-d", "pairs", "--set", "seconds=-1")

    assert is_a_sentence(unknown, "Did you mean 'seconds'?", "Known: amount, seconds.")
    assert is_a_sentence(wrong, "Setting 'seconds' wants a number, not 'soon'")
    assert is_a_sentence(low, "at least 0")


def test_all_misfits_of_a_grid_are_listed(restobench: Restobench, make_pairs: MakePairs, slowpack: Path) -> None:
    """One after the other would cost a start each."""
    make_pairs()

    ran = restobench("run", "-m", "input", "-m", "bicubic", "-m", "bright", "-d", "pairs", "-d", "demo-face")

    assert is_a_sentence(
        ran,
        "'input' cannot run on 'pairs': it works at x1,",
        "'bright' cannot run on 'pairs': it is for restoration, and the data set is for super-resolution.",
        "'bicubic' cannot run on 'demo-face': it is for super-resolution, and the data set is for face.",
    )


@pytest.mark.parametrize(
    "label", ["", " ", "..", ".hidden", "../x", "/x", "a/b", "a\\b", "a@b", "a:b", "a\nb", "x" * 200]
)
def test_a_label_cannot_leave_its_folder(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, label: str
) -> None:
    """`--as` names a folder; an empty one is not the same as none."""
    make_pairs()

    assert is_a_sentence(restobench("run", "-m", "lanczos", "-d", "pairs", "--as", label), "--as")
    assert is_a_sentence(restobench("evaluate", "--restored", "pairs/gt", "--dataset", "pairs", "--as", label), "--as")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "-m", "bicubic", "-d", ""],
        ["run", "-m", "bicubic", "-d", "pairs", "--runs", ""],
        ["run", "-m", "bicubic", "-d", "pairs", "--max-failures", ""],
        ["restore", "", "-m", "bicubic"],
        ["restore", "pairs/lq", "-m", "bicubic", "-o", ""],
        ["evaluate", "--restored", "", "-d", "pairs", "--as", "x"],
    ],
)
def test_an_empty_name_is_not_the_folder_in_hand(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, arguments: list[str]
) -> None:
    """It comes from a shell variable that was never set, and everything below would be read or written."""
    make_pairs(gt=False)
    before = sorted(tmp_path.rglob("*.png"))

    assert is_a_sentence(restobench(*arguments))
    assert sorted(tmp_path.rglob("*.png")) == before


def test_an_empty_folder_is_refused(restobench: Restobench, tmp_path: Path) -> None:
    """Also one with empty parts."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "lq").mkdir(parents=True)

    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "./empty"), "empty holds no pictures")
    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "hollow"), "hollow/lq holds no pictures")
    assert is_a_sentence(restobench("restore", "empty", "-m", "bicubic"), "empty holds no pictures")


def test_pictures_without_a_partner_are_named(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Half a data set must not pass for a whole one."""
    folder = make_pairs()
    (folder / "gt" / "b.png").unlink()
    save(folder / "gt" / "d.png", 26, 34)

    ran = restobench("run", "-m", "bicubic", "-d", "pairs")

    assert is_a_sentence(ran, "do not pair by name", "Without gt: b.", "Without lq: d.")


@pytest.mark.parametrize("runs", ["occupied", "occupied/below", "/proc/restobench"])
def test_a_runs_folder_that_cannot_be_written_is_refused(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, runs: str
) -> None:
    """A file in its place stops root too."""
    make_pairs()
    (tmp_path / "occupied").write_text("a file")

    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "pairs", "--runs", runs), "cannot be written")
    assert is_a_sentence(
        restobench("evaluate", "--restored", "pairs/gt", "-d", "pairs", "--as", "x", "--runs", runs),
        "cannot be written",
    )


def test_a_home_that_cannot_be_written_stops_only_what_needs_it(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache can be done without, the embedded pictures cannot."""
    make_pairs()
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "occupied" / "home"))

    assert restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr").code == 0
    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "demo"), "RESTOBENCH_HOME")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["Name either a run"]),
        (["x", "--restored", "pairs/gt"], ["Name either a run"]),
        (["--restored", "pairs/gt"], ["--dataset", "--as"]),
        (["--restored", "pairs/gt", "-d", "pairs"], ["--as"]),
        (["--restored", "nowhere", "-d", "pairs", "--as", "x"], ["nowhere does not exist"]),
        (["--restored", "pairs/gt/a.png", "-d", "pairs", "--as", "x"], ["a.png is not a folder"]),
        (["--restored", "pairs/gt", "-d", "nowhere", "--as", "x"], ["No data set is called 'nowhere'"]),
        (["bicubic"], ["There are no runs"]),
        (["--restored", "pairs/gt", "-d", "pairs", "--as", "x", "--metrics", "nique"], ["No metric is called"]),
    ],
)
def test_what_evaluate_cannot_do_is_said(
    restobench: Restobench, make_pairs: MakePairs, arguments: list[str], words: list[str]
) -> None:
    """The same care for the second stage."""
    make_pairs()

    assert is_a_sentence(restobench("evaluate", *arguments), *words)


@pytest.mark.parametrize("option", [["--as", "y"], ["--scale", "3"], ["--allow-lossy"]])
def test_evaluate_refuses_options_that_it_would_not_heed(
    restobench: Restobench, make_pairs: MakePairs, option: list[str]
) -> None:
    """They go with --restored; ignoring them would leave the user with another row than asked for."""
    make_pairs()
    restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")

    assert is_a_sentence(restobench("evaluate", "bicubic", *option), option[0], "--restored")


def test_results_refuses_an_unknown_metric(restobench: Restobench, make_pairs: MakePairs) -> None:
    """An empty table would say that there are no numbers."""
    make_pairs()
    restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")

    assert is_a_sentence(restobench("results", "--metrics", "pnsr"), "No metric is called 'pnsr'")
    assert is_a_sentence(restobench("results", "--metrics", "pnsr", "--json"), "No metric is called 'pnsr'")


@pytest.mark.parametrize("content", ["{", "{}", "[]", "", '{"schema": 99}', "\x00\x01"])
def test_a_damaged_run_is_named(restobench: Restobench, make_pairs: MakePairs, tmp_path: Path, content: str) -> None:
    """Somebody edited it, or the disk lost it; the message says which file."""
    make_pairs()
    restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")
    (damaged,) = tmp_path.glob("runs/pairs/*/*/run.json")
    damaged.write_text(content)

    assert is_a_sentence(restobench("results"), str(damaged.parent.relative_to(tmp_path)))
    assert is_a_sentence(restobench("run", "-m", "bicubic", "-d", "pairs"), str(damaged.parent.relative_to(tmp_path)))
    assert restobench("run", "-m", "bicubic", "-d", "pairs", "--existing", "replace").code == 0


def test_an_unknown_command_or_option_is_named(restobench: Restobench) -> None:
    """Typer's own messages."""
    assert is_a_sentence(restobench("rum"), "No such command 'rum'")
    assert is_a_sentence(restobench("run", "--methods", "bicubic"), "No such option: --methods")


def test_no_command_shows_the_help(restobench: Restobench) -> None:
    """What else could be meant."""
    ran = restobench()

    assert isinstance(ran, Ran)
    assert "evaluate" in ran.out + ran.err

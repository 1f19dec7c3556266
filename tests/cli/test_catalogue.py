"""What there is: lists, cards, results, doctor, help, completion."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.cli.arguments import complete_datasets, complete_methods, complete_metrics
from tests.cli.conftest import Restobench, is_a_sentence

MakePairs = Callable[..., Path]
COMMANDS = [
    [],
    ["run"],
    ["evaluate"],
    ["restore"],
    ["results"],
    ["results", "show"],
    ["results", "export"],
    ["results", "import"],
    ["compare"],
    ["explain"],
    ["figure"],
    ["doctor"],
    ["methods"],
    ["methods", "list"],
    ["methods", "show"],
    ["datasets", "list"],
    ["datasets", "show"],
    ["datasets", "make"],
    ["datasets", "rebuild"],
    ["datasets", "recipes"],
    ["metrics", "list"],
    ["metrics", "show"],
    ["weights"],
    ["weights", "list"],
    ["weights", "show"],
    ["weights", "fetch"],
    ["weights", "add"],
    ["weights", "verify"],
    ["leaderboard", "build"],
    ["leaderboard", "explain"],
    ["lint"],
    ["check"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(restobench: Restobench, command: list[str], flag: str) -> None:
    """And ends well."""
    ran = restobench(*command, flag)

    assert ran.code == 0
    assert "Usage: restobench" in ran.out
    assert ran.err == ""


@pytest.mark.parametrize(
    ("group", "name", "known"),
    [
        ("methods", "bicubic", {"bicubic", "bilinear", "input", "lanczos", "nearest"}),
        ("datasets", "demo", {"demo", "demo-face", "demo-restoration"}),
        ("metrics", "psnr", {"psnr", "psnr-y", "psnr-yiq", "ssim", "ssim-y", "ssim-yiq"}),
    ],
)
def test_lists_and_cards_are_printed_and_are_json(
    restobench: Restobench, group: str, name: str, known: set[str]
) -> None:
    """For people and for scripts."""
    listed, as_json = restobench(group, "list"), restobench(group, "list", "--json")
    shown, card = restobench(group, "show", name), restobench(group, "show", name, "--json")

    assert [ran.code for ran in (listed, as_json, shown, card)] == [0] * 4
    assert known <= {row["name"] for row in json.loads(as_json.out)}
    assert all(each in listed.out for each in known)
    assert json.loads(card.out)["name"] == name
    assert name in shown.out


@pytest.mark.parametrize(
    ("group", "wrong", "right"),
    [("methods", "bicubik", "'bicubic'"), ("datasets", "dmeo", "'demo'"), ("metrics", "pnsr", "'psnr'")],
)
def test_an_unknown_card_offers_the_nearest(restobench: Restobench, group: str, wrong: str, right: str) -> None:
    """As everywhere."""
    assert is_a_sentence(restobench(group, "show", wrong), f"called '{wrong}'", right)


def test_a_variant_has_a_card_of_its_own(restobench: Restobench) -> None:
    """Its weights and training data, and nothing of its relatives."""
    shown = json.loads(restobench("methods", "show", "resshift@tiny", "--json").out)

    assert list(shown["variants"]) == ["tiny"]
    assert list(shown["weights"]) == ["unet"]
    assert shown["weights"]["unet"]["bundled"]
    assert shown["demonstration"]
    assert is_a_sentence(restobench("methods", "show", "resshift@tinny"))


def test_the_card_of_an_embedded_data_set_fits_a_screen(restobench: Restobench) -> None:
    """Twenty-four crops with their hashes on one line say nothing to anybody."""
    printed = restobench("datasets", "show", "demo").out

    assert max(map(len, printed.splitlines())) < 1000


def test_results_shows_all_runs_or_one_with_what_made_it(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The folder, the commit, the versions, the signature."""
    make_pairs()
    restobench("run", "-m", "lanczos", "-d", "pairs", "--metrics", "psnr")

    every, one = restobench("results"), restobench("results", "lanczos")

    assert "bicubic" in every.out
    assert "lanczos" in every.out
    assert "bicubic" not in one.out
    for word in ("folder:", "seed:", "dtype:", "with torch:", "restobench|v1|", "3 restored, 0 failed, of 3"):
        assert word in one.out


def test_results_without_runs(restobench: Restobench) -> None:
    """A script gets an empty list, a person is told what to do."""
    assert is_a_sentence(restobench("results"), "There are no runs in", "restobench run")
    assert json.loads(restobench("results", "--json").out) == []


def test_a_caption_is_not_folded_at_the_width_of_a_narrow_table(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Read by a person who has 80 columns."""
    make_pairs()

    printed = restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr").out

    assert "Mean over pictures, and its 95 % interval." in printed


@pytest.mark.usefixtures("quick_canaries")
def test_doctor_looks_at_everything(restobench: Restobench) -> None:
    """Also as JSON alone."""
    people, scripts = restobench("doctor"), restobench("doctor", "--json")

    findings = json.loads(scripts.out)
    assert {"torch", "RESTOBENCH_HOME", "RESTOBENCH_RUNS", "opencv"} <= {finding["subject"] for finding in findings}
    assert all(finding["verdict"] in ("good", "note", "bad") for finding in findings)
    assert people.code == scripts.code == any(finding["verdict"] == "bad" for finding in findings)
    assert "torch: " in people.out


@pytest.mark.usefixtures("quick_canaries")
def test_doctor_sees_a_folder_that_cannot_be(
    restobench: Restobench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in place of the runs folder: the next run would fail."""
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("RESTOBENCH_RUNS", str(tmp_path / "occupied" / "runs"))

    ran = restobench("doctor", "--json")

    (finding,) = [finding for finding in json.loads(ran.out) if finding["subject"] == "RESTOBENCH_RUNS"]
    assert finding["verdict"] == "bad"
    assert ran.code == 1


def test_completion_knows_the_names(slowpack: Path) -> None:
    """Methods, data sets, metrics; after a comma the next metric."""
    assert complete_methods("bi") == ["bicubic", "bilinear"]
    assert "slow" in complete_methods("")
    assert "demo" in complete_datasets("de")
    assert complete_metrics("psnr-") == ["psnr-matched", "psnr-y", "psnr-yiq"]
    assert "psnr,ssim-y" in complete_metrics("psnr,ss")


def test_the_shell_is_answered_without_torch() -> None:
    """Pressing TAB is a process of its own; nobody waits seconds for it."""
    ask = {"_RESTOBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "restobench run --method bi", "COMP_CWORD": "3"}
    script = (
        "import sys\nfrom restobench.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint('torch' in sys.modules, file=sys.stderr)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | ask, check=True, timeout=60
    )

    assert answer.stdout.split() == ["bicubic", "bilinear"]
    assert answer.stderr.split() == ["False"]


def test_the_version_is_printed(restobench: Restobench) -> None:
    """Asked for in every bug report."""
    ran = restobench("--version")

    assert ran.code == 0
    assert ran.out.strip()[0].isdigit()

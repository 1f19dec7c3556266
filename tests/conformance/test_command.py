"""`restobench methods check` and `methods new` at the terminal."""

import json
import sys
from pathlib import Path

import pytest

from restobench.__main__ import main

FAULTY = Path(__file__).with_name("faulty.py")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def methods(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `restobench methods ...`."""
    monkeypatch.setattr(sys, "argv", ["restobench", "methods", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_method_that_conforms_ends_with_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI calls it like this."""
    assert methods(monkeypatch, "check", "lanczos", "--device", "cpu", "--scale", "3", "--size", "24x16") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lanczos@default, float32 on cpu (")
    assert "  size        x3 at 24 x 16" in lines
    assert "  batch       exact: the same bytes at batch 1, 2, 3, 8" in lines
    assert lines[-1] == "conforms"


def test_a_fault_ends_with_one_and_says_what_to_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines are what to do."""
    assert methods(monkeypatch, "check", f"{FAULTY}:Half", "--device", "cpu") == 1

    *_, fault, verdict = capsys.readouterr().out.splitlines()
    assert fault == "To fix (tensor): It returns float16 on cpu; return float32 on cpu: `.float()` at the end."
    assert verdict == "does not conform"


def test_figures_are_there_for_scripts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as what is kept, with every finding."""
    assert methods(monkeypatch, "check", f"{FAULTY}:RoundsWithTheBatch", "--device", "cpu", "--json") == 0

    figures = json.loads(capsys.readouterr().out)
    assert (figures["batch"], figures["batches"], figures["conforms"]) == ("tolerant", [2, 3, 8], True)
    assert set(figures["difference"]) == {"exact", "grey_levels", "share", "far_share"}
    assert {finding["fault"] for finding in figures["findings"]} == {None}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "bicubic", "--size", "12"), "--size wants WIDTHxHEIGHT in pixels, as in 512x512, not '12'."),
        (("check", "bicubic", "--size", "0x12"), "--size wants WIDTHxHEIGHT in pixels"),
        (("check", "bicubic", "--dtype", "int8"), "--dtype must be one of float32, float16, bfloat16, not 'int8'."),
        (("check", "bicubik"), "No method is called 'bicubik'. Did you mean 'bicubic'"),
        (("check", "bicubic", "--weights", "a=b"), "'bicubic' takes no weights; leave --weights out."),
        (("check", "input", "--scale", "2"), "'input' works at x1, not x2."),
        (("new", "Mine"), "'Mine' cannot be a method's name"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit code 2, and nothing on standard output."""
    assert methods(monkeypatch, *arguments) == 2

    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""

"""`time`, from the outside."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Restobench, is_a_sentence

MakePairs = Callable[..., Path]


@pytest.fixture
def nine(make_pairs: MakePairs) -> Path:
    return make_pairs([f"s{number}" for number in range(9)], name="nine")


def test_a_quick_look_times_in_another_process_and_keeps_no_record(restobench: Restobench, nine: Path) -> None:
    """To see whether it works, before an hour is spent on it."""
    ran = restobench("time", "-m", "bicubic", "-d", "nine", "--scenario", "latency", "--quick", "--json")

    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    (timing,) = found["timings"]
    assert (timing["label"], timing["scenario"], timing["batch"]) == ("bicubic", "latency", 1)
    assert (timing["protocol"], timing["size"]) == ("quick", [17, 13])
    assert "quick" in timing["marks"]
    assert timing["figures"]["median"] > 0
    assert len(found["published"]) == 20
    assert not Path("runs/timing-v1").exists()


def test_a_program_over_a_folder_has_its_whole_time_alone(restobench: Restobench, nine: Path) -> None:
    """End-to-end, by the number of pictures: loading its network is in it, so it is no latency.

    The program bears the name of a module of Python, which must not reach the process that measures.
    """
    Path("copy.py").write_text(
        "import sys, pathlib, shutil\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n    shutil.copy(path, sys.argv[2])\n"
    )
    program = f"run={sys.executable} -S copy.py {{input}} {{output}}"
    told = ("-m", "command", "--set", program, "--as", "copied", "-d", "nine/lq", "--quick")

    ran = restobench("time", *told)

    assert ran.code == 0, ran.err
    assert "end-to-end, s" in ran.out
    assert "latency, ms" not in ran.out
    assert "copied" in ran.out


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ((), "no records of timings"),
        (("-m", "bicubic"), "--dataset"),
        (("-m", "bicubic", "-d", "nine", "--scenario", "speed"), "latency, throughput or both"),
        (("-m", "bicubic", "-d", "nine", "--batch", "few"), "'auto' or a number"),
        (("-m", "bicubic", "-d", "nine", "--batch", "65"), "1 to 64"),
        (("-m", "bicubic", "-d", "nine", "--size", "64"), "WIDTHxHEIGHT"),
        (("-m", "bycubic", "-d", "nine"), "Did you mean 'bicubic'"),
    ],
)
def test_what_cannot_be_timed_is_a_sentence(
    restobench: Restobench, nine: Path, told: tuple[str, ...], words: str
) -> None:
    """Before any process is started."""
    ran = restobench("time", *told)

    assert is_a_sentence(ran, words)

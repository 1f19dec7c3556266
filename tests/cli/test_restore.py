"""`restore`: pictures in, pictures out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from restobench.image import read_array, write_picture
from tests.cli.conftest import Restobench, is_a_sentence, save

MakePairs = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures, one of them deeper."""
    for number, name in enumerate(("a.png", "b c.png", "deep/ü.png")):
        save(tmp_path / "photos" / name, 12, 15, seed=number)
    return tmp_path / "photos"


def made(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_a_file_a_folder_and_a_pattern_are_restored(restobench: Restobench, photos: Path) -> None:
    """Folders keep their sub-folders; patterns give names alone; the scale is obeyed."""
    file = restobench("restore", "photos/a.png", "-m", "bicubic", "--scale", 3, "-o", "one")
    folder = restobench("restore", "photos", "-m", "bicubic", "-o", "all")
    pattern = restobench("restore", "photos/**/*.png", "-m", "bicubic", "-o", "found")
    absolute = restobench("restore", f"{photos}/*.png", "-m", "bicubic", "-o", "absolute")

    assert [ran.code for ran in (file, folder, pattern, absolute)] == [0] * 4
    assert read_array(Path("one/a.png")).shape == (36, 45, 3)
    assert made("all") == ["a.png", "b c.png", "deep/ü.png"]
    assert made("found") == ["a.png", "b c.png", "ü.png"]
    assert made("absolute") == ["a.png", "b c.png"]
    assert "3 of 3" in folder.err


def test_the_default_folder_is_called_restored(restobench: Restobench, photos: Path) -> None:
    """One picture is spoken of as one."""
    ran = restobench("restore", "photos/a.png", "-m", "bicubic")

    assert made("restored") == ["a.png"]
    assert "1 of 1 pictures are" not in ran.err


def test_what_is_named_twice_is_restored_once(restobench: Restobench, photos: Path) -> None:
    """A folder and a picture in it overlap."""
    ran = restobench("restore", "photos", "photos/a.png", "./photos/a.png", "-m", "bicubic", "-o", "out")

    assert ran.code == 0
    assert made("out") == ["a.png", "b c.png", "deep/ü.png"]


def test_names_that_clash_are_refused(restobench: Restobench, photos: Path) -> None:
    """One would overwrite the other."""
    save(photos / "deep" / "a.png", 9, 9)
    save(photos / "a.bmp", 9, 9)

    assert is_a_sentence(
        restobench("restore", "photos/a.png", "photos/deep/a.png", "-m", "bicubic"), "would both become 'a.png'"
    )
    assert is_a_sentence(restobench("restore", "photos", "-m", "bicubic"), "would both become 'a.png'")
    assert not Path("restored").exists()


def test_results_that_are_there_are_kept(restobench: Restobench, photos: Path) -> None:
    """Nobody's pictures are overwritten unasked."""
    save(Path("restored/a.png"), 5, 5)

    assert is_a_sentence(restobench("restore", "photos", "-m", "bicubic"), "is already there (1 of 3)", "--overwrite")
    assert read_array(Path("restored/a.png")).shape == (5, 5, 3)
    assert restobench("restore", "photos", "-m", "bicubic", "--overwrite").code == 0
    assert read_array(Path("restored/a.png")).shape == (12, 15, 3)


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_the_input_is_never_overwritten(restobench: Restobench, photos: Path, more: list[str]) -> None:
    """Whatever was said."""
    before = (photos / "a.png").read_bytes()

    assert is_a_sentence(
        restobench("restore", "photos", "-m", "bicubic", "--scale", 2, "-o", "photos", *more),
        "is itself to be restored",
    )
    assert (photos / "a.png").read_bytes() == before


def test_one_bad_picture_among_good_ones_is_a_failure(restobench: Restobench, photos: Path) -> None:
    """Exit code 1, the others are there."""
    (photos / "bad.png").write_text("no picture")

    ran = restobench("restore", "photos", "-m", "bicubic", "-o", "out")

    assert ran.code == 1
    assert "'bad' failed: photos/bad.png is not a picture" in ran.err
    assert made("out") == ["a.png", "b c.png", "deep/ü.png"]


def test_it_stops_when_too_many_fail_and_says_so(restobench: Restobench, photos: Path) -> None:
    """As a run does."""
    for name in ("a.png", "b c.png"):
        (photos / name).write_text("no picture")

    ran = restobench("restore", "photos", "-m", "bicubic", "-o", "out", "--max-failures", 0)

    assert ran.code == 1
    assert "stopped" in ran.err
    assert "--max-failures" in ran.err


def test_json_tells_what_became_of_each_picture(restobench: Restobench, photos: Path) -> None:
    """Alone on standard output."""
    (photos / "bad.png").write_text("no picture")

    ran = restobench("restore", "photos", "-m", "bicubic", "-o", "out", "--json")

    found = {Path(row["picture"]).name: row for row in json.loads(ran.out)}
    assert found["bad.png"]["restored"] is found["bad.png"]["seconds"] is None
    assert "is not a picture" in found["bad.png"]["error"]
    assert found["a.png"]["restored"] == "out/a.png"
    assert found["a.png"]["seconds"] > 0
    assert found["a.png"]["error"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos"], ["Missing option '--method'"]),
        (["-m", "bicubic"], ["Missing argument"]),
        (["nowhere", "-m", "bicubic"], ["nowhere is no picture"]),
        (["photos/*.jpg", "-m", "bicubic"], ["photos/*.jpg", "no pattern that fits one"]),
        (["photos", "-m", "bicubik"], ["No method is called 'bicubik'", "'bicubic'"]),
        (["photos", "-m", "bicubic", "--dtype", "int8"], ["--dtype must be one of float32"]),
        (["photos", "-m", "bicubic", "--dtype", "nonsense"], ["--dtype must be one of float32"]),
        (["photos", "-m", "bicubic", "--device", "nonsense"], ["No device is called"]),
        (["photos", "-m", "bicubic", "--set", "a=1"], ["'bicubic'", "'a'"]),
        (["photos", "-m", "bicubic", "--weights", "x"], ["takes no weights"]),
        (["photos", "-m", "bicubic", "--scale", "0"], ["--scale"]),
        (["photos", "-m", "bicubic", "--batch-size", "0"], ["--batch-size"]),
        (["photos", "-m", "bicubic", "--max-failures", "x"], ["--max-failures"]),
        (["photos", "-m", "bicubic", "-o", "photos/a.png"], ["photos/a.png", "written"]),
        (["photos", "-m", "bicubic", "-o", "/proc/out"], ["/proc/out", "written"]),
        (["photos", "-m", "input", "--scale", "2"], ["'input' cannot run", "x1"]),
    ],
)
def test_what_cannot_be_restored_is_said(
    restobench: Restobench, photos: Path, arguments: list[str], words: list[str]
) -> None:
    """Before anything is written."""
    ran = restobench("restore", *arguments)

    assert is_a_sentence(ran, *words)
    assert not Path("restored").exists()


PATIENT = '''
import time


class Patient:
    """Fails on every picture once, and hangs on a dark one."""

    def __init__(self, setup):
        self.seen = set()

    def restore(self, lq, noise, mask=None):
        if not lq.any():
            time.sleep(60)
        if new := set(noise.ids) - self.seen:
            self.seen |= new
            raise RuntimeError("a hiccup")
        return lq
'''


def test_pictures_are_tried_again_and_given_up_as_in_a_run(restobench: Restobench, photos: Path) -> None:
    """What hangs fails alone; the size of batches may be found out."""
    Path("patient.py").write_text(PATIENT)
    write_picture(photos / "dark.png", np.zeros((12, 15, 3), np.uint8))

    ran = restobench(
        *("restore", "photos", "-m", "patient.py:Patient", "--scale", 1, "-o", "out"),
        *("--retries", 1, "--timeout", 0.3, "--batch-size", "auto"),
    )

    assert ran.code == 1
    assert made("out") == ["a.png", "b c.png", "deep/ü.png"]
    assert "'dark' failed: Took longer than 0.3 s (--timeout)." in ran.err
    assert "3 pictures came out only when they were tried again" in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--timeout", "0"], ["--timeout wants seconds, more than 0"]),
        (["--batch-size", "0"], ["--batch-size wants a number, at least 1, or 'auto', not '0'"]),
        (["--batch-size", "all"], ["--batch-size wants a number, at least 1, or 'auto', not 'all'"]),
    ],
)
def test_limits_that_cannot_be_are_refused(
    restobench: Restobench, photos: Path, arguments: list[str], words: list[str]
) -> None:
    """Before anything is written."""
    assert is_a_sentence(restobench("restore", "photos", "-m", "bicubic", *arguments), *words)
    assert not Path("restored").exists()


def test_a_program_cannot_be_given_a_time_limit_from_outside(restobench: Restobench, photos: Path) -> None:
    """It would go on; it has a setting of its own."""
    ran = restobench("restore", "photos", "-m", "command", "--set", "run=cp -r {input}/. {output}", "--timeout", 1)

    assert is_a_sentence(ran, "--timeout cannot end what 'command' starts; say --set timeout=SECONDS instead")

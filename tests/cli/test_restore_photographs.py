"""`restore` of photographs with faces: what is restored, counted, kept and refused."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restobench.image import read_array, write_picture
from tests.cli.conftest import Restobench, is_a_sentence, save
from tests.faces.drawn import portrait

METHOD = """
class Bright:
    def __init__(self, setup):
        pass

    def restore(self, lq, noise, mask=None):
        return (lq + 0.1).clamp(0, 1)


class Broken(Bright):
    def restore(self, lq, noise, mask=None):
        raise RuntimeError("out of luck")
"""
CARD = """
title = "Mine"
summary = "S"
revision = "1"
licence = "MIT"
tasks = ["face"]
scales = [1]
input = "aligned-face"
"""


@pytest.fixture(autouse=True)
def _method() -> None:
    """Two methods for aligned faces that nobody packaged."""
    Path("mine.py").write_text(METHOD)
    Path("mine.toml").write_text(CARD)


@pytest.fixture
def hopper() -> str:
    """A photograph in which the tests' detector finds two faces."""
    write_picture(Path("photos/hopper.png"), portrait("grace-hopper")[0])
    return "photos/hopper.png"


def options(face_files: Mapping[str, Path]) -> list[str]:
    return [f"--face-weights={part}={file}" for part, file in face_files.items()]


@pytest.mark.usefixtures("one_thread")
def test_photographs_are_restored_and_their_faces_counted(
    restobench: Restobench, face_files: Mapping[str, Path], hopper: str
) -> None:
    """One with faces; a small transparent one without; one that is none."""
    Image.fromarray(np.full((40, 40, 4), 128, np.uint8)).save("photos/plain.png")
    Path("photos/bad.png").write_text("no picture")

    ran = restobench(
        *("restore", "photos", "-m", "mine.py:Bright", "--device", "cpu", "-o", "out", "--background", "bicubic"),
        *("--only-center-face", "--save-faces", "faces", *options(face_files)),
    )

    assert ran.code == 1
    assert "'bad' failed: photos/bad.png is not a picture" in ran.err
    assert "'plain': no face found; it is enlarged and nothing more" in ran.err
    assert ran.err.endswith("restored 2 of 3 photographs, in out; 2 faces found: 1 restored, 1 not the central one\n")
    assert read_array(Path("out/hopper.png")).shape == (1200, 1024, 3)
    assert (read_array(Path("out/plain.png")) == 128).all()
    assert read_array(Path("out/plain.png")).shape == (1024, 1024, 3)
    (lq,) = Path("faces/lq").iterdir()
    (restored,) = Path("faces/restored").iterdir()
    assert lq.name == restored.name
    brighter = (read_array(lq) + 25.5).clip(0, 255)
    assert np.abs(read_array(restored) - brighter).max() <= 0.5


def test_a_face_that_fails_is_said_and_the_photograph_kept(
    restobench: Restobench, face_files: Mapping[str, Path], hopper: str
) -> None:
    """Exit code 1; the released program would end as if all were well."""
    ran = restobench(
        "restore", hopper, "-m", "mine.py:Broken", "-o", "out", "--upscale", 1, "--json", *options(face_files)
    )

    assert ran.code == 1
    assert "'hopper': face 0 failed and is left as it was: RuntimeError: out of luck" in ran.err
    (row,) = json.loads(ran.out)
    assert (row["error"], row["found"], row["dropped"]) == (None, 2, 0)
    assert [(face["number"], face["restored"]) for face in row["faces"]] == [(0, False), (1, False)]
    assert row["faces"][1]["error"] == "RuntimeError: out of luck"
    assert len(row["faces"][0]["landmarks"]) == 5
    assert np.array_equal(read_array(Path("out/hopper.png")), portrait("grace-hopper")[0])


def test_aligned_faces_of_any_size_are_brought_to_512(restobench: Restobench) -> None:
    """As the released program does; without the word a picture of 512 x 512 is taken for one, which is said."""
    save(Path("faces/small.png"), 90, 80)
    save(Path("faces/large.png"), 512, 512)

    both = restobench("restore", "faces", "-m", "mine.py:Bright", "-o", "out", "--aligned")
    one = restobench("restore", "faces/large.png", "-m", "mine.py:Bright", "-o", "one")

    assert (both.code, one.code) == (0, 0)
    assert read_array(Path("out/small.png")).shape == (512, 512, 3)
    assert np.array_equal(read_array(Path("out/large.png")), read_array(Path("one/large.png")))
    assert "taken as aligned faces, being 512 x 512; say --whole if they are not" in one.err
    assert "taken as aligned faces" not in both.err


def test_faces_that_are_there_are_kept(restobench: Restobench, face_files: Mapping[str, Path], hopper: str) -> None:
    """Nobody's pictures are overwritten unasked."""
    save(Path("faces/mine.png"), 9, 9)

    ran = restobench("restore", hopper, "-m", "mine.py:Bright", "--save-faces", "faces", *options(face_files))

    assert is_a_sentence(ran, "faces is not empty", "--overwrite")
    assert not Path("restored").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["'faces' needs weights that were not given: detection, parsing", "restobench weights fetch faces"]),
        (["--face-weights", "detection=x.pth"], ["The weights x.pth do not exist"]),
        (["--face-weights", "detector=x.pth"], ["No part of 'faces' is called 'detector'", "'detection'"]),
        (["--face-weights", "x.pth"], ["--face-weights wants NAME=VALUE"]),
        (["--scale", "2"], ["--scale is for pictures", "--upscale"]),
        (["--aligned", "--upscale", "4"], ["--upscale and --face-weights: only for photographs with faces (--whole)"]),
        (["--eye-distance", "wrong"], ["The eye distance is one of released, true, not 'wrong'"]),
        (
            ["--whole", "--batch-size", "auto", "--retries", "2"],
            ["--batch-size auto and --retries: not for photographs"],
        ),
        (["--enlarge-faces"], ["Name the method that enlarges with --background"]),
        (["--background-set", "tile=400"], ["Name the method that enlarges with --background"]),
        (["--background", "bicubik"], ["No method is called 'bicubik'", "'bicubic'"]),
        (["--upscale", "0"], ["--upscale"]),
        (["--save-faces", ""], ["--save-faces names no folder"]),
    ],
)
def test_what_cannot_be_done_is_said(
    restobench: Restobench, hopper: str, arguments: list[str], words: list[str]
) -> None:
    """Before anything is written or downloaded."""
    if "--face-weights" not in arguments and arguments:
        for part in ("detection", "parsing"):
            Path(f"{part}.pth").write_text("not read")
            arguments = [*arguments, "--face-weights", f"{part}={part}.pth"]

    ran = restobench("restore", hopper, "-m", "mine.py:Bright", *arguments)

    assert is_a_sentence(ran, *words)
    assert not Path("restored").exists()


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("bicubic", ["--upscale", "2"], ["--upscale: only for photographs with faces (--whole)"]),
        ("resshift@v1", ["--whole"], ["'resshift@v1' does not restore aligned faces"]),
    ],
)
def test_other_methods_take_no_photographs_apart(
    restobench: Restobench, hopper: str, method: str, arguments: list[str], words: list[str]
) -> None:
    """Unless their card leaves open what they are for."""
    assert is_a_sentence(restobench("restore", hopper, "-m", method, *arguments), *words)


def test_the_weights_are_listed_like_a_method_s(restobench: Restobench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, verified and put in place by the same commands; a file of another size is refused."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(Path.cwd() / "home"))
    Path("detection.pth").write_bytes(b"too short")

    rows = json.loads(restobench("weights", "list", "--json").out)
    shown = restobench("weights", "show", "faces")
    added = restobench("weights", "add", "faces", "detection=detection.pth")

    found = {row["part"]: row["file"] for row in rows if row["name"] == "faces"}
    assert found == {"detection": "detection_Resnet50_Final.pth", "parsing": "parsing_parsenet.pth"}
    assert "https://github.com/xinntao/facexlib/releases/download/v0.2.2/parsing_parsenet.pth" in shown.out
    assert is_a_sentence(added, "detection.pth is not detection of faces: it has 9 bytes")

"""facexlib's networks: loaded strictly, from files alone."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from restobench.errors import RestobenchError
from restobench.faces.detection import Detector
from restobench.faces.networks import detection_network, parsing_network
from tests.faces.drawn import portrait

Build = Callable[[Path], torch.nn.Module]

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_detector_answers_in_pixels_of_the_photograph(face_files: Mapping[str, Path]) -> None:
    """facexlib's network and its post-processing, with weights that see two faces in one photograph."""
    detector = Detector(detection_network(face_files["detection"]))
    picture, _ = portrait("grace-hopper")

    faces = detector(picture)

    assert [face.number for face in faces] == [0, 1]
    assert faces[0].score >= faces[1].score > 0.8
    for face in faces:
        left, top, right, bottom = face.box
        # Squares of 256 pixels in a picture that was enlarged by 640 / 512.
        assert (right - left, bottom - top) == pytest.approx((204.8, 204.8), abs=0.01)
        eye_x, eye_y = face.landmarks[0]
        assert eye_x == pytest.approx(left + 192.98 / 512 * 204.8, abs=0.01)
        assert eye_y == pytest.approx(top + 239.95 / 512 * 204.8, abs=0.01)
    assert detector(np.full((512, 512, 3), 128.0, np.float32)) == []


@pytest.mark.parametrize(
    ("build", "part", "sentence"),
    [
        (detection_network, "detection", "does not fit RetinaFace, which has 456 keys. 374 missing"),
        (parsing_network, "parsing", "does not fit ParseNet, which has 238 keys. 193 missing"),
    ],
)
def test_a_file_that_lacks_tensors_is_refused(
    build: Build, part: str, sentence: str, face_files: Mapping[str, Path], tmp_path: Path
) -> None:
    """Strictly: a network with random layers finds faces too, somewhere."""
    state = torch.load(face_files[part], weights_only=True)
    torch.save(dict(list(state.items())[:10]), tmp_path / "cut.pth")

    with pytest.raises(RestobenchError, match=sentence):
        build(tmp_path / "cut.pth")


def test_another_file_is_refused_and_none_is_run(face_files: Mapping[str, Path], tmp_path: Path) -> None:
    """The wrong network's, and one that would run code when it is opened."""
    torch.save(torch.nn.ReLU(), tmp_path / "program.pth")

    with pytest.raises(RestobenchError, match="does not fit ParseNet"):
        parsing_network(face_files["detection"])
    with pytest.raises(RestobenchError, match="would run code when it is opened"):
        parsing_network(tmp_path / "program.pth")
    with pytest.raises(RestobenchError, match="does not exist"):
        detection_network(tmp_path / "absent.pth")


@pytest.mark.parametrize("build", [detection_network, parsing_network])
def test_without_facexlib_one_sentence_says_what_to_install(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "facexlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "facexlib", None)

    with pytest.raises(RestobenchError, match=r"need facexlib .*: pip install 'restobench\[face\]'\."):
        build(Path("weights.pth"))

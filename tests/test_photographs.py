"""Photographs as files: what they are taken for, and a real method on real networks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.faces.photograph import Selection, Wishes
from restobench.image import read_array, write_picture
from restobench.method import choose_method
from restobench.photographs import kind_of, restore_photographs
from restobench.pictures import find_pictures
from tests.faces.drawn import portrait, smooth


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Sample]:
    """One of an aligned face's size, one of another, one that cannot be read."""
    write_picture(tmp_path / "face.png", smooth(512, 512))
    write_picture(tmp_path / "group.png", smooth(512, 513))
    (tmp_path / "bad.png").write_text("no picture")
    return {sample.id: sample for sample in find_pictures([str(tmp_path)])}


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["face"], "aligned face"),
        (["group"], "photograph"),
        (["face", "bad"], "aligned face"),
        (["group", "bad"], "photograph"),
        (["bad"], "aligned face"),
    ],
)
def test_the_size_tells_aligned_faces_from_photographs(
    pictures: dict[str, Sample], names: list[str], kind: str
) -> None:
    """512 x 512, all of them; what cannot be read says nothing and fails later."""
    samples = [pictures[name] for name in names]

    assert kind_of(samples, choose_method("resshift@faceir"), None) == kind
    assert kind_of(samples, choose_method("resshift@faceir"), True) == "photograph"
    assert kind_of(samples, choose_method("resshift@faceir"), False) == "aligned face"
    assert kind_of(samples, choose_method("bicubic"), None) == "picture"


def test_faces_among_photographs_are_asked_about(pictures: dict[str, Sample]) -> None:
    """Either guess would be wrong for some."""
    with pytest.raises(RestobenchError, match="1 of 2 pictures are 512 x 512, as aligned faces are, and the others"):
        kind_of([pictures["face"], pictures["group"]], choose_method("resshift@faceir"), None)


def test_a_method_for_other_things_restores_no_faces(pictures: dict[str, Sample]) -> None:
    """Where the card says what it is for; a checkpoint of spandrel's may be anything."""
    for whole in (True, False):
        with pytest.raises(
            RestobenchError, match="'resshift@v1' does not restore aligned faces, it is for super-resolution"
        ):
            kind_of([pictures["group"]], choose_method("resshift@v1"), whole)
    assert kind_of([pictures["group"]], choose_method("spandrel"), True) == "photograph"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_real_method_restores_a_photograph(face_files: Mapping[str, Path], tmp_path: Path) -> None:
    """ResShift's test configuration on two faces together, and on one alone: by the same noise the same face."""
    write_picture(tmp_path / "hopper.png", portrait("grace-hopper")[0])
    samples = find_pictures([str(tmp_path / "hopper.png")])
    faces = {}
    for name, wishes in {
        "together": Wishes(batch_size=2),
        "central": Wishes(selection=Selection(only_center_face=True)),
    }.items():
        done = restore_photographs(
            samples,
            choose_method("resshift@faceir", test=True),
            tmp_path / name,
            wishes,
            face_weights=face_files,
            background=choose_method("bicubic"),
            save_faces=tmp_path / f"{name}-faces",
            seed=3,
        )
        assert done.all_well
        assert read_array(tmp_path / name / "hopper.png").shape == (1200, 1024, 3)
        restored = (tmp_path / f"{name}-faces" / "restored").iterdir()
        faces[name] = {path.name: read_array(path).astype(int) for path in restored}

    assert len(faces["together"]) == 2
    (central,) = faces["central"]
    assert np.abs(faces["central"][central] - faces["together"][central]).max() <= 1

"""`datasets prepare`, `verify`, `fetch` and `show` at the command line, and runs on what is not there yet."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from restobench.image import write_picture
from tests.cli.conftest import Restobench, is_a_sentence
from tests.faces.drawn import portrait
from tests.preparing.replicas import png


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sets are prepared."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "datasets"


@pytest.fixture
def downloaded(tmp_path: Path) -> Path:
    """RealSet65 as GitHub packs its repository, with tiny pictures."""
    with zipfile.ZipFile(tmp_path / "ResShift-master.zip", "w") as archive:
        archive.writestr("ResShift-master/README.md", "not a picture")
        for number in range(65):
            name = ("Canon", "ADE", "web")[number % 3]
            archive.writestr(f"ResShift-master/testdata/RealSet65/{name}_{number:02}.png", png(number, 13, 9))
    return tmp_path / "ResShift-master.zip"


def test_a_download_becomes_a_set_that_is_run_by_its_name(restobench: Restobench, downloaded: Path) -> None:
    """One command from an archive to a data set; what there is to know about it is told before and after."""
    before = restobench("datasets", "show", "realset65").out
    prepared = restobench("datasets", "prepare", "realset65", "--source", downloaded)
    ran = restobench("run", "-m", "input", "-m", "bicubic", "-d", "realset65", "--limit", 3, "--metrics", "psnr")
    verified = restobench("datasets", "verify", "realset65", "--full", "--json")
    shown = json.loads(restobench("datasets", "show", "realset65", "--json").out)

    for words in ("prepared:          no", "65 pictures", "prepare realset65 --source", "NTU S-Lab", "ResShift's repo"):
        assert words in before
    assert prepared.code == 0
    assert "65 samples from a folder RealSet65, 65 files taken over now" in prepared.out
    assert "Use it with --dataset realset65" in prepared.out
    assert is_a_sentence(ran, "'input' cannot run on 'realset65'")
    only = restobench("run", "-m", "bicubic", "-d", "realset65", "--limit", 3, "--metrics", "psnr")
    assert "needs clean pictures, and 'realset65' has none" in only.err
    assert "bicubic:realset65" in only.out + only.err
    assert json.loads(verified.out)["differences"] == []
    assert shown["prepared"].endswith("datasets/realset65")


def test_what_differs_from_the_record_is_exit_1(restobench: Restobench, downloaded: Path, datasets: Path) -> None:
    """Each file on a line of its own."""
    restobench("datasets", "prepare", "realset65", "--source", downloaded)
    (datasets / "realset65/lq/ADE_01.png").unlink()

    verified = restobench("datasets", "verify", "realset65")

    assert verified.code == 1
    assert "lq/ADE_01.png is missing" in verified.out
    assert is_a_sentence(restobench("datasets", "verify", "realset80"), "datasets prepare realset80 --source")


def test_a_run_names_what_its_data_and_its_method_lack(restobench: Restobench) -> None:
    """Both in one message, each with its command: two errands are better known at once."""
    ran = restobench("run", "--method", "interlcm", "--dataset", "wider")

    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    data, prepare, weights = ran.err.strip().splitlines()
    assert "The data set 'wider-test' is not on this machine" in data
    assert prepare == "Then: restobench datasets prepare wider-test --source FOLDER_OR_ARCHIVE"
    assert "'interlcm' needs weights" in weights
    assert "'restobench weights fetch interlcm@" in weights


@pytest.mark.usefixtures("one_thread")
def test_faces_are_cut_out_of_photographs_by_facexlib(
    restobench: Restobench, face_files: Mapping[str, Path], tmp_path: Path
) -> None:
    """All faces of a photograph where the set is of all; the set is run by its name, and is none that was published."""
    write_picture(tmp_path / "raw" / "party" / "hopper.png", portrait("grace-hopper")[0])
    write_picture(tmp_path / "raw" / "plain.png", np.full((64, 64, 3), 128, np.uint8))
    weights = f"--face-weights=detection={face_files['detection']}"

    made = restobench("datasets", "prepare", "wider", "--source", tmp_path / "raw", "--align", weights, "--device=cpu")
    ran = restobench("run", "-m", "input", "-d", "wider@aligned", "--metrics", "psnr", "--json")

    assert "1 photographs show no face that is large enough: raw/plain.png" in made.out
    assert "Use it with --dataset wider-test@aligned" in made.out
    assert sorted(path.name for path in (tmp_path / "datasets/wider-test@aligned/lq").iterdir()) == [
        "hopper_00.png",
        "hopper_01.png",
    ]
    (row,) = json.loads(ran.out)
    assert (row["revision"], row["dataset"]) == ("aligned", "wider-test")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("prepare wider --source . --align", ["weights", "restobench weights fetch faces"]),
        ("prepare realsr --source . --align", ["is no set of aligned faces"]),
        ("prepare widder --source .", ["No data set is called 'widder'. Did you mean 'wider'"]),
        ("prepare realsr@v9 --source .", ["No revision of 'realsr' is called 'v9'", "stablesr-crop512"]),
        ("prepare wider --source nowhere", ["The source nowhere does not exist"]),
        ("prepare wider", ["Missing option '--source'"]),
        ("verify nothing", ["No data set is called 'nothing'"]),
        ("fetch wider", ["has no address that a program may fetch it from", "CodeFormer's release"]),
        ("fetch demo", ["comes with restobench"]),
        ("show celeba-test@codeformer300", ["Did you mean 'codeformer3000'"]),
    ],
)
def test_what_cannot_be_done_is_said(restobench: Restobench, arguments: str, words: list[str]) -> None:
    """In one sentence, with what to do."""
    assert is_a_sentence(restobench("datasets", *arguments.split()), *words)

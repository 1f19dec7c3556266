"""The clean pictures of the embedded data sets: what they are, and what goes wrong clearly."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import restobench_datasets
from restobench.card import read_card
from restobench.dataset_card import Crop, DatasetCard
from restobench.embedded import (
    aligned_face,
    clean_picture,
    make_clean_pictures,
    similarity_to_template,
    source_path,
)
from restobench.errors import RestobenchError
from restobench.faces.template import FACE_TEMPLATE
from restobench.files import sha256_of

FOLDER = Path(restobench_datasets.__file__).parent
CARDS = {name: read_card(DatasetCard, FOLDER / f"{name}.toml") for name in ("demo", "demo-face")}
SIDES = {"demo": (256, 64), "demo-face": (512, 512)}
NO_HASH = "0" * 64

both = pytest.mark.parametrize("name", ["demo", "demo-face"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the clean pictures of both sets."""
    folders = {name: tmp_path_factory.mktemp(name) for name in CARDS}
    for name, folder in folders.items():
        make_clean_pictures(CARDS[name], folder)
    return folders


@pytest.mark.parametrize(("name", "count"), [("demo", 24), ("demo-face", 8)])
def test_every_sample_has_a_clean_and_a_degraded_picture_of_its_size(
    made: dict[str, Path], name: str, count: int
) -> None:
    """A set whose parts do not pair cannot be opened."""
    ids = sorted(sample_id for crop in CARDS[name].crops for sample_id in crop.ids)
    gt, lq = sorted(made[name].iterdir()), sorted((FOLDER / name / "lq").iterdir())

    assert len(ids) == len(set(ids)) == CARDS[name].count == count
    assert [path.name for path in gt] == [f"{sample_id}.bmp" for sample_id in ids]
    assert [path.name for path in lq] == [f"{sample_id}.png" for sample_id in ids]
    for paths, side in zip((gt, lq), SIDES[name], strict=True):
        for path in paths:
            with Image.open(path) as picture:
                assert (picture.size, picture.mode) == ((side, side), "RGB")


@both
def test_the_recorded_fingerprint_is_that_of_the_pictures(made: dict[str, Path], name: str) -> None:
    """Recomputed here from its definition, so that card, lq and gt cannot drift apart."""
    lines = [
        f"{gt.stem}\0{sha256_of(FOLDER / name / 'lq' / f'{gt.stem}.png')}\0{sha256_of(gt)}\0\n"
        for gt in sorted(made[name].iterdir(), key=lambda path: path.stem)
    ]

    assert hashlib.sha256("".join(lines).encode()).hexdigest() == CARDS[name].fingerprint


def test_crops_of_one_photograph_do_not_overlap() -> None:
    """A pixel counts once in a mean over the set; that boxes lie inside is checked when they are cut."""
    for one, other in combinations(CARDS["demo"].crops, 2):
        if one.source == other.source:
            assert one.box
            assert other.box
            distance = max(abs(one.box[axis] - other.box[axis]) for axis in (0, 1))
            assert distance >= 256, f"{one.ids} and {other.ids}"


def test_no_scene_is_there_twice_under_two_names() -> None:
    """The motorcycle is a stereo pair: two views would count as two independent photographs."""
    sources = {crop.source for crop in CARDS["demo"].crops}

    assert "skimage:data/motorcycle_left.png" in sources
    assert "skimage:data/motorcycle_right.png" not in sources


@both
def test_a_group_is_a_photograph(name: str) -> None:
    """Statistics resample groups, and what shares a photograph is not independent."""
    card = CARDS[name]
    assert card.group
    groups: dict[str, set[str]] = {}
    for crop in card.crops:
        for sample_id in crop.ids:
            match = re.match(card.group, sample_id)
            assert match
            groups.setdefault(match[1], set()).add(crop.source)

    assert len(groups) == {"demo": 9, "demo-face": 2}[name]
    assert all(len(sources) == 1 for sources in groups.values())


def test_making_again_leaves_pictures_alone(tmp_path: Path) -> None:
    """Opening a data set makes its pictures, and must cost nothing the second time."""
    card = CARDS["demo"].model_copy(update={"crops": CARDS["demo"].crops[:3]})
    make_clean_pictures(card, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    lost = min(before)
    lost.unlink()

    make_clean_pictures(card, tmp_path)

    after = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {lost}


def test_another_picture_than_the_card_records_is_an_error(tmp_path: Path) -> None:
    """Another version of a package may bring another photograph under the same name."""
    crop = CARDS["demo"].crops[0].model_copy(update={"sha256": NO_HASH})
    card = CARDS["demo"].model_copy(update={"crops": (crop,)})

    with pytest.raises(RestobenchError) as caught:
        make_clean_pictures(card, tmp_path)

    assert "The clean picture 'astronaut-1' of 'demo' comes out different" in str(caught.value)
    assert re.search(r"skimage:data/astronaut\.png of scikit-image \d+\.\d+", str(caught.value))
    assert "the card records 000000000000. Install versions that the card names:" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_photograph_names_package_and_file() -> None:
    """A packager may have left the sample pictures out."""
    with pytest.raises(RestobenchError, match=r"'skimage' has no file data/lena\.png .*install 'scikit-image'"):
        source_path("skimage:data/lena.png")


def test_a_missing_package_is_named() -> None:
    """The user has to know what to install."""
    with pytest.raises(RestobenchError, match="The package 'no_such_package' is not installed"):
        source_path("no_such_package:data/cat.png")


def test_a_damaged_photograph_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut-off file of a package is the user's to mend."""
    (tmp_path / "cut_off").mkdir()
    (tmp_path / "cut_off/__init__.py").touch()
    whole = source_path("skimage:data/coffee.png").read_bytes()
    (tmp_path / "cut_off/coffee.png").write_bytes(whole[:5000])
    monkeypatch.syspath_prepend(tmp_path)
    crop = Crop(ids=("coffee-1",), source="cut_off:coffee.png", box=(0, 0, 37, 53), sha256=NO_HASH)

    with pytest.raises(RestobenchError, match=r"coffee\.png cannot be read .*; install 'cut_off' again"):
        clean_picture(crop)


def test_a_box_outside_the_photograph_is_an_error() -> None:
    """Pillow would fill with black and say nothing."""
    crop = Crop(ids=("coffee-9",), source="skimage:data/coffee.png", box=(400, 0, 256, 256), sha256=NO_HASH)

    with pytest.raises(RestobenchError, match=r"of 'coffee-9' leaves .* which is 600 x 400"):
        clean_picture(crop)


@pytest.mark.parametrize(
    "place",
    [{}, {"box": (0, 0, 8, 8), "landmarks": FACE_TEMPLATE}, {"landmarks": FACE_TEMPLATE[:4]}],
    ids=["neither", "both", "four"],
)
def test_a_crop_has_either_a_box_or_five_landmarks(place: dict[str, object]) -> None:
    """Anything else has no one meaning."""
    with pytest.raises(ValidationError, match="give either a box or five landmarks"):
        Crop.model_validate({"ids": ["a"], "source": "skimage:a.png", "sha256": NO_HASH, **place})


@pytest.mark.parametrize("zoom", [0.31 + 0.07j, 1.3 - 0.4j, 1.9 + 0.2j])
def test_alignment_puts_landmarks_on_the_template(zoom: complex) -> None:
    """Spots drawn at the landmarks of a turned and zoomed face are found where the template says."""
    landmarks = [complex(*point) * zoom + (260 + 20j) for point in FACE_TEMPLATE]
    y, x = np.mgrid[:1000, :1000]
    spread = 4 * abs(zoom)
    spots = sum(np.exp(-((x - at.real) ** 2 + (y - at.imag) ** 2) / (2 * spread**2)) for at in landmarks)
    photograph = Image.fromarray((255 * np.asarray(spots)).round().astype(np.uint8)).convert("RGB")

    face = np.asarray(aligned_face(photograph, tuple((at.real, at.imag) for at in landmarks)), np.float64)[..., 0]

    y, x = np.mgrid[:512, :512]
    for wanted_x, wanted_y in FACE_TEMPLATE:
        near = face * (np.hypot(x - wanted_x, y - wanted_y) < 18)
        found = (near * x).sum() / near.sum(), (near * y).sum() / near.sum()
        assert np.hypot(found[0] - wanted_x, found[1] - wanted_y) < 0.1


def test_alignment_never_mirrors() -> None:
    """A mirrored face fits the template well, and would be another person."""
    mirrored = tuple((511 - x, y) for x, y in FACE_TEMPLATE)

    zoom, shift = similarity_to_template(mirrored)

    assert max(abs(zoom * complex(*p) + shift - complex(*q)) for p, q in zip(mirrored, FACE_TEMPLATE, strict=True)) > 50


def test_enlarging_agrees_with_pillow() -> None:
    """Pillow's resize has the same kernel (a = -0.5); in float, so that it rounds nothing on the way."""
    photograph = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    landmarks = tuple(((x + 0.5) / 8 - 0.5, (y + 0.5) / 8 - 0.5) for x, y in FACE_TEMPLATE)

    face = np.asarray(aligned_face(Image.fromarray(photograph).convert("RGB"), landmarks), int)

    as_float = Image.fromarray(photograph.astype(np.float32))
    wanted = np.asarray(as_float.resize((512, 512), Image.Resampling.BICUBIC)).clip(0, 255)
    # At the border Pillow leaves pixels out where the photograph ends; here its edge goes on.
    assert abs(face - wanted[..., None])[16:-16, 16:-16].max() < 0.501


def test_reducing_does_not_alias() -> None:
    """A face three times too large is averaged, so that a fine pattern turns grey."""
    y, x = np.mgrid[:1536, :1536]
    photograph = Image.fromarray((255 * ((x + y) % 2)).astype(np.uint8)).convert("RGB")
    landmarks = tuple((3 * x + 1, 3 * y + 1) for x, y in FACE_TEMPLATE)

    face = np.asarray(aligned_face(photograph, landmarks), int)

    assert abs(face - 127.5).max() < 20


@pytest.mark.parametrize(("number", "zoom", "farthest_px"), [(0, 3.07, 13), (1, 1.46, 5)])
def test_the_portraits_fit_the_template(number: int, zoom: float, farthest_px: float) -> None:
    """A slip in one hand-measured number would show; what is left is how faces differ."""
    landmarks = CARDS["demo-face"].crops[number].landmarks

    found, shift = similarity_to_template(landmarks)

    distances = [abs(found * complex(*p) + shift - complex(*q)) for p, q in zip(landmarks, FACE_TEMPLATE, strict=True)]
    assert abs(found) == pytest.approx(zoom, abs=0.01)
    assert max(distances) < farthest_px


def test_nothing_heavy_is_imported() -> None:
    """Photographs are read as files: importing the packages takes seconds, and torch many."""
    code = (
        "import sys, restobench.embedded as e; e.source_path('skimage:data/coffee.png'); "
        "import restobench.demo_degradation; "
        "print({'torch', 'skimage', 'matplotlib', 'cv2'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"

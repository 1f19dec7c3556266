"""`demo-restoration`: that the shipped pictures are what the recipe makes of the demo's clean ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import restobench_datasets
from restobench.cache import Cache
from restobench.card import read_card
from restobench.dataset import open_dataset
from restobench.dataset_card import DatasetCard
from restobench.embedded import make_clean_pictures
from restobench.files import sha256_of
from restobench.image import read_array
from restobench.manifest import MANIFEST, read_manifest
from restobench.synthesis.folder import other_versions
from restobench.synthesis.make import make_dataset

CARDS = Path(restobench_datasets.__file__).parent
SHIPPED = CARDS / "demo-restoration"
CARD = read_card(DatasetCard, CARDS / "demo-restoration.toml")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command in the card's head makes here and now."""
    folder = tmp_path_factory.mktemp("demo-restoration")
    make_clean_pictures(CARD, folder / "gt")
    return make_dataset("demo-restoration@multi-degradation", folder / "gt", seed=250, output=folder / "out").folder


def test_the_command_makes_the_shipped_pictures(made: Path) -> None:
    """The same bytes with the versions they were made with; with others at most single pixels apart.

    Rounding to 8 bits may fall to the other side, and Pillow's JPEG may be another one: other noise
    of the same sigma moves every picture by more than one grey level on average.
    """
    shipped, here = read_manifest(SHIPPED / MANIFEST), read_manifest(made / MANIFEST)
    same_versions = not other_versions(shipped.head, here.head)

    for sample in shipped.samples:
        name = f"lq/{sample.id}.png"
        difference = abs(read_array(SHIPPED / name).astype(int) - read_array(made / name))
        assert difference.mean() < 0.1, sample.id
        assert not same_versions or sha256_of(SHIPPED / name) == sha256_of(made / name) == sample.lq.sha256


def test_the_manifest_records_the_drawn_values_and_the_clean_pictures(made: Path) -> None:
    """Values come from NumPy's stable stream, and the clean pictures' hashes stand on the card too."""
    shipped, here = read_manifest(SHIPPED / MANIFEST), read_manifest(made / MANIFEST)

    assert [one.parameters for one in shipped.samples] == [one.parameters for one in here.samples]
    assert {one.id: one.source_sha256 for one in shipped.samples} == {one.ids[0]: one.sha256 for one in CARD.crops}


def test_it_opens_with_a_kind_for_each_picture_and_its_fingerprint() -> None:
    """Every kind once, and two mixtures, each of a photograph of its own."""
    dataset = open_dataset("demo-restoration")

    kinds = [sample.tags["kind"] for sample in dataset.samples]
    assert sorted(kinds) == ["blur", "haze", "jpeg", "low", "mixture", "mixture", "noise", "rain"]
    assert (dataset.task, dataset.scale, len({sample.group for sample in dataset.samples})) == ("restoration", 1, 8)
    assert dataset.fingerprint(Cache()) == CARD.fingerprint


def test_its_clean_pictures_are_those_of_demo() -> None:
    """Named alike, so that nobody trains on what the other one tests."""
    demo = {ids: crop for crop in read_card(DatasetCard, CARDS / "demo.toml").crops for ids in crop.ids}

    for crop in CARD.crops:
        assert crop == demo[crop.ids[0]]


def test_what_ships_is_small_and_nothing_else_ships() -> None:
    """It is in every wheel."""
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 1_500_000
    assert {path.relative_to(SHIPPED).as_posix() for path in files} == {
        MANIFEST, *(f"lq/{crop.ids[0]}.png" for crop in CARD.crops)
    }  # fmt: skip
    for path in files:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert (picture.size, picture.mode) == ((256, 256), "RGB")

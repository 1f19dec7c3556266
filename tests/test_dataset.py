import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restobench.cache import Cache
from restobench.dataset import CARD, dataset_cards, find_card, local_cards, open_dataset, size_ratio
from restobench.dataset_card import DatasetCard, write_card
from restobench.errors import RestobenchError
from restobench.image import write_picture
from tests.conftest import picture

MakePairs = Callable[..., Path]


def test_a_folder_with_lq_and_gt_is_a_data_set(make_pairs: MakePairs) -> None:
    """No card, no registration; the scale is measured."""
    dataset = open_dataset(make_pairs(["b", "a 1", "ü/c"], scale=3))

    assert [sample.id for sample in dataset.samples] == ["a 1", "b", "ü/c"]
    assert dataset.scale == 3
    assert dataset.task == "super-resolution"
    assert dataset.has_gt
    assert dataset.name == "pairs"


def test_a_folder_of_pictures_is_a_data_set_without_clean_ones(make_pairs: MakePairs) -> None:
    """Real photographs have no truth."""
    dataset = open_dataset(make_pairs() / "lq", scale=4)

    assert not dataset.has_gt
    assert dataset.scale == 4
    assert len(dataset.samples) == 3


def test_a_folder_of_clean_pictures_alone_can_be_scored_against(make_pairs: MakePairs) -> None:
    """What is to be restored may be elsewhere, or gone."""
    folder = make_pairs()
    shutil.rmtree(folder / "lq")

    dataset = open_dataset(folder)

    assert [sample.lq for sample in dataset.samples] == [None] * 3
    assert dataset.has_gt


def test_masks_make_an_inpainting_set(make_pairs: MakePairs) -> None:
    """White is a hole."""
    folder = make_pairs(scale=1)
    for path in (folder / "lq").iterdir():
        write_picture(folder / "mask" / path.name, np.zeros((13, 17, 3), np.uint8))

    dataset = open_dataset(folder)

    assert dataset.task == "inpainting"
    assert dataset.has_mask


def test_hidden_and_other_files_are_no_pictures(make_pairs: MakePairs) -> None:
    """macOS leaves ._a.png and .DS_Store behind."""
    folder = make_pairs()
    (folder / "lq" / "._a.png").write_bytes(b"x")
    (folder / "lq" / "notes.txt").write_text("x")

    assert len(open_dataset(folder).samples) == 3


def test_the_fingerprint_is_of_ids_and_contents_not_of_order_or_place(make_pairs: MakePairs) -> None:
    """The same pictures elsewhere, in another order, are the same data set."""
    cache = Cache()
    dataset = open_dataset(make_pairs())
    copied = open_dataset(shutil.copytree(make_pairs(), make_pairs().parent / "copy"))
    turned = dataclasses.replace(dataset, samples=dataset.samples[::-1])
    before = dataset.fingerprint(cache)

    assert copied.fingerprint(cache) == before
    assert turned.fingerprint(cache) == before

    gt = dataset.samples[0].gt
    assert gt is not None
    write_picture(gt, picture(99, 26, 34))
    assert dataset.fingerprint(cache) != before


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "gt" / "a.png").unlink(), "do not pair by name. Without gt: a."),
        (lambda f: (f / "lq" / "a.png").unlink(), "do not pair by name. Without lq: a."),
        (lambda f: [p.unlink() for p in (f / "lq").iterdir()], "lq holds no pictures"),
        (lambda f: shutil.copy(f / "lq/a.png", f / "lq/a.bmp"), "Two pictures have the name 'a'"),
        (lambda f: shutil.rmtree(f), "does not exist"),
    ],
)
def test_a_broken_folder_is_one_sentence(make_pairs: MakePairs, spoil: Callable[[Path], object], sentence: str) -> None:
    """What is wrong, and with which picture."""
    folder = make_pairs()
    spoil(folder)

    with pytest.raises(RestobenchError, match=sentence):
        open_dataset(folder)


def test_an_empty_folder_holds_no_pictures(tmp_path: Path) -> None:
    """Most often a wrong path."""
    with pytest.raises(RestobenchError, match="holds no pictures"):
        open_dataset(tmp_path)


def test_pairs_that_fit_nowhere_are_an_error(make_pairs: MakePairs) -> None:
    """Not one clean picture is a multiple of its input: the folders were mixed up."""
    folder = make_pairs()
    for path in (folder / "gt").iterdir():
        write_picture(path, picture(0, 27, 34))

    with pytest.raises(RestobenchError, match="no clean picture is a whole number of times"):
        open_dataset(folder)


def test_a_scale_that_contradicts_the_pictures_is_refused(make_pairs: MakePairs) -> None:
    """--scale is for folders that do not tell."""
    with pytest.raises(RestobenchError, match=r"are x2; leave --scale 4 out"):
        open_dataset(make_pairs(), scale=4)


def test_an_unknown_name_offers_the_nearest() -> None:
    """A typing error is the most common of all."""
    with pytest.raises(RestobenchError, match=r"No data set is called 'dmo'\. Did you mean 'demo'"):
        open_dataset("dmo")


def test_an_unknown_revision_is_refused() -> None:
    """Two revisions are two data sets."""
    with pytest.raises(RestobenchError, match=r"No revision of 'demo' is called '99'"):
        open_dataset("demo@99")


@pytest.mark.parametrize(
    ("lq", "gt", "ratio"),
    [
        ((17, 13), (34, 26), 2),
        ((17, 13), (17, 13), 1),
        ((17, 13), (35, 26), None),
        ((34, 26), (17, 13), None),
    ],
)
def test_size_ratio_is_whole_or_none(lq: tuple[int, int], gt: tuple[int, int], ratio: int | None) -> None:
    """A pair one pixel off is no pair."""
    assert size_ratio(lq, gt) == ratio


def test_a_picture_rotated_by_exif_pairs_with_its_upright_truth(make_pairs: MakePairs) -> None:
    """The stored size is not the size that is read."""
    folder = make_pairs(["a"], scale=2)
    turned = Image.open(folder / "lq" / "a.png").transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "lq" / "a.png", exif=exif)

    assert open_dataset(folder).scale == 2


def describe(folder: Path, name: str = "mine", revision: str = "3", **changes: object) -> DatasetCard:
    """Give a folder of pairs a card of its own."""
    facts: dict[str, object] = {
        "name": name,
        "title": 'Mine: "with" quotes, \\ and ü',
        "summary": "Two lines\nand a tab\t.",
        "revision": revision,
        "task": "super-resolution",
        "scale": 2,
        "count": 3,
        "size": "varying",
        "licence": "CC0",
        "source": "here",
        "protocol": "offline-v1",
        "lq": "lq/*.png",
        "gt": "gt/*.png",
    }
    card = DatasetCard.model_validate(facts | changes)
    write_card(folder / CARD, card)
    return card


@pytest.fixture
def described(make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a card among the data sets of this machine."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    (tmp_path / "datasets").mkdir()
    folder = make_pairs().rename(tmp_path / "datasets" / "mine")
    describe(folder)
    return folder


@pytest.mark.parametrize("reference", ["mine", "mine@3"])
def test_a_folder_with_a_card_is_known_by_its_name(described: Path, reference: str) -> None:
    """No package and no entry point: the folder says itself what it holds."""
    dataset = open_dataset(reference)

    assert (dataset.name, dataset.revision, dataset.reference) == ("mine", "3", reference)
    assert (dataset.task, dataset.scale, len(dataset.samples)) == ("super-resolution", 2, 3)
    assert open_dataset(dataset.reference) == dataset
    assert set(local_cards()) == {"mine"}
    assert find_card("mine")[1] == described
    assert "mine" not in dataset_cards()


def test_a_written_card_reads_as_it_was(described: Path) -> None:
    """Quotes, backslashes, line ends and letters of all alphabets."""
    assert find_card("mine")[0] == describe(described)


def test_a_folder_with_a_card_elsewhere_is_opened_by_its_path(make_pairs: MakePairs) -> None:
    """Its card counts there too: the name of the folder does not."""
    folder = make_pairs(name="elsewhere")
    describe(folder)

    dataset = open_dataset(folder)

    assert (dataset.name, dataset.revision, dataset.reference) == ("mine", "3", str(folder))


def test_a_folder_s_name_may_hold_its_revision(described: Path) -> None:
    """Two revisions of one set lie beside each other, and each is opened as it is called."""
    other = shutil.copytree(described, described.parent / "mine@other")
    describe(other, revision="other")

    assert open_dataset("mine@other").revision == "other"
    assert open_dataset("mine").revision == "3"


def test_a_broken_card_hides_no_other(described: Path, make_pairs: MakePairs) -> None:
    """It is complained of where it is asked for."""
    broken = make_pairs(name="pairs").rename(described.parent / "broken")
    (broken / CARD).write_text("name = 3")

    assert set(local_cards()) == {"mine"}
    with pytest.raises(RestobenchError, match=r"broken/card\.toml is not valid"):
        open_dataset("broken")


def test_a_set_of_this_machine_is_offered_when_a_name_is_wrong(described: Path) -> None:
    """As those of packages are."""
    with pytest.raises(RestobenchError, match=r"Did you mean 'mine'"):
        open_dataset("min")
    with pytest.raises(RestobenchError, match=r"'mine' is a x2 data set; leave --scale 4 out"):
        open_dataset("mine", scale=4)
    with pytest.raises(RestobenchError, match=r"No revision of 'mine' is called '7'\.\nKnown: 3\."):
        open_dataset("mine@7")

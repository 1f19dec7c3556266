"""The clean pictures of a training."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restobench.errors import RestobenchError
from restobench.train.clean import CleanPictures, held_out_crops, random_crop, shuffled
from restobench.train.configuration import Data, Drawn, Pictures


def photo(path: Path, width: int = 53, height: int = 37) -> np.ndarray:
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def test_pictures_come_from_folders_files_packages_and_code(tmp_path: Path) -> None:
    """In this order, folders searched through."""
    inner, single = photo(tmp_path / "set" / "deep" / "b.png"), photo(tmp_path / "single.png")
    sources = (
        Pictures(source=str(tmp_path / "set")),
        Pictures(source=str(tmp_path / "single.png"), box=(3, 5, 20, 10), repeat=2),
        Pictures(source="skimage:data/astronaut.png"),
    )

    clean = CleanPictures(Data(pictures=sources, drawn=Drawn(count=2, size=32)), "training")

    assert len(clean) == 6
    np.testing.assert_array_equal(clean[0], inner)
    np.testing.assert_array_equal(clean[1], single[5:15, 3:23])
    np.testing.assert_array_equal(clean[2], clean[1])
    assert clean[3].shape == (512, 512, 3)
    assert clean[4].shape == clean[5].shape == (32, 32, 3)


def test_what_is_held_out_is_never_trained_on() -> None:
    """Drawn pictures too."""
    data = Data(drawn=Drawn(count=6, size=32, held_out=6))
    trained, held_out = CleanPictures(data, "training"), CleanPictures(data, "held-out")

    assert not any(np.array_equal(one, other) for one in trained for other in held_out)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Pictures(source="nowhere"), "nowhere are not there"),
        (Pictures(source="empty"), "holds no pictures"),
        (Pictures(source="no_such_package:a.png"), "is not installed"),
    ],
)
def test_a_source_without_pictures_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Pictures, says: str
) -> None:
    """Before anything is built."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    with pytest.raises(RestobenchError, match=says):
        CleanPictures(Data(pictures=(source,)), "training")


def test_a_box_that_leaves_its_picture_is_said(tmp_path: Path) -> None:
    """With the picture's size."""
    photo(tmp_path / "a.png")
    clean = CleanPictures(Data(pictures=(Pictures(source=str(tmp_path), box=(40, 0, 20, 20)),)), "training")

    with pytest.raises(RestobenchError, match=r"leaves .* which is 53 x 37"):
        clean[0]


def test_every_picture_is_taken_once_an_epoch_in_a_new_order() -> None:
    """Whatever number a resumed training goes on with."""
    epochs = [[shuffled(7 * epoch + place, 7, seed=3) for place in range(7)] for epoch in range(3)]

    assert [sorted(epoch) for epoch in epochs] == [list(range(7))] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != [shuffled(place, 7, seed=4) for place in range(7)]


def test_a_crop_is_anywhere_and_of_a_small_picture_mirrored() -> None:
    """Every place is as likely; the edge is not repeated."""
    small = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)
    draw = np.random.default_rng(0)

    places = {int(random_crop(small, 4, draw)[0, 0, 0]) for _ in range(200)}
    large = random_crop(small, 9, draw)

    assert places == {int(small[top, left, 0]) for top in range(2) for left in range(6)}
    np.testing.assert_array_equal(large[:5], small)
    np.testing.assert_array_equal(large[5], small[3])


def test_held_out_crops_are_always_the_same_and_wanted() -> None:
    """Validations are compared with each other."""
    pictures = CleanPictures(Data(drawn=Drawn(count=1, size=40, held_out=3)), "held-out")

    for one, other in zip(held_out_crops(pictures, 16, 5), held_out_crops(pictures, 16, 5), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(RestobenchError, match="Nothing is held out"):
        held_out_crops(CleanPictures(Data(drawn=Drawn(count=1, size=40)), "held-out"), 16, 5)

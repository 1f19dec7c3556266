"""Crops: how they are written, how large they are shown, where they stand."""

import re

import pytest

from restobench.errors import RestobenchError
from restobench.figures.crops import Crop, labels_of, read_crops, strip_of


def test_crops_are_of_all_samples_or_of_one() -> None:
    """A sample's own take the place of the common ones; ids may hold colons and slashes."""
    found = read_crops(["1,2,3,4", "5,6,7,8", "b/x:y:9,9,1,1"], ["a", "b/x:y"])

    assert found == {"a": (Crop(1, 2, 3, 4), Crop(5, 6, 7, 8)), "b/x:y": (Crop(9, 9, 1, 1),)}


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "1,2,-3,4", "a:1,2,3", "", "1,2,3,4,5", "1.5,2,3,4", "²,2,3,4"])
def test_what_is_no_crop_is_a_sentence(text: str) -> None:
    """That shows how one is written."""
    with pytest.raises(RestobenchError, match="--crop wants x,y,width,height in pixels"):
        read_crops([text], ["a"])


def test_a_crop_of_nothing_or_of_another_sample_is_refused() -> None:
    """Neither would ever be seen."""
    with pytest.raises(RestobenchError, match="has no pixels"):
        read_crops(["1,2,0,4"], ["a"])
    with pytest.raises(RestobenchError, match="is of the sample 'b', which --samples does not name"):
        read_crops(["b:1,2,3,4"], ["a"])
    with pytest.raises(
        RestobenchError, match=re.escape("The crop 30,0,5,5 leaves the picture of 'a', which is 34 x 26")
    ):
        Crop(30, 0, 5, 5).check("a", 34, 26)
    Crop(29, 21, 5, 5).check("a", 34, 26)


def test_crops_are_enlarged_a_whole_number_of_times() -> None:
    """As large as fits in one line; in several where one would not enlarge them at all."""
    one = strip_of([Crop(0, 0, 64, 48)], 256, "a")
    two = strip_of([Crop(0, 0, 64, 64), Crop(0, 0, 64, 32)], 256, "a")
    four = strip_of([Crop(0, 0, 80, 10)] * 4, 256, "a")
    whole = strip_of([Crop(0, 0, 256, 256)], 256, "a")

    assert (one.zoom, one.height) == (4, 192)
    assert (two.zoom, two.height, [place.left for place in two.placed]) == (2, 128, [0, 128])
    assert (four.zoom, four.height, [place.top for place in four.placed]) == (2, 80, [0, 20, 40, 60])
    assert whole.zoom == 1


def test_a_strip_never_leaves_its_picture() -> None:
    """Whatever zoom is asked for; lines that are not full stand in the middle, on whole pixels."""
    strip = strip_of([Crop(0, 0, 40, 20), Crop(0, 0, 40, 30), Crop(0, 0, 41, 20)], 250, "a", zoom=3)

    assert [(one.left, one.top) for one in strip.placed] == [(5, 0), (125, 0), (63, 90)]
    with pytest.raises(RestobenchError, match="which has 250; it can be 6 at most"):
        strip_of([Crop(0, 0, 40, 20)], 250, "a", zoom=7)


def test_labels_are_of_what_is_shown() -> None:
    """A misspelt one would else be missed in print."""
    with pytest.raises(RestobenchError, match="--label names 'ours', which is not shown; there are bicubic, input"):
        labels_of({"ours": "Ours"}, ["bicubic", "input"])
    with pytest.raises(RestobenchError, match=r"--label x+\.\.\. is longer than 200 letters"):
        labels_of({"bicubic": "x" * 201}, ["bicubic"])

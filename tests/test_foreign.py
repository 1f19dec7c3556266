from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from restobench.cache import Cache
from restobench.dataset import Dataset, open_dataset
from restobench.errors import RestobenchError
from restobench.foreign import Brought, bring_pictures
from restobench.image import read_array, write_picture
from tests.conftest import picture

MakePairs = Callable[..., Path]


@pytest.fixture
def dataset(make_pairs: MakePairs) -> Dataset:
    return open_dataset(make_pairs(["a", "b"]))


def bring(folder: Path, dataset: Dataset, runs: Path, *, allow_lossy: bool = False) -> Brought:
    return bring_pictures(folder, dataset, label="theirs", runs=runs, cache=Cache(), allow_lossy=allow_lossy)


def test_an_8_bit_png_is_kept_byte_for_byte(dataset: Dataset, tmp_path: Path) -> None:
    """What was handed over is what is scored."""
    Image.fromarray(picture(0, 26, 34)).save(tmp_path / "a.png", optimize=True)

    brought = bring(tmp_path, dataset, tmp_path / "runs")

    assert brought.folder.picture("a").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert brought.missing == ["b"]


def test_other_formats_become_8_bit_png(dataset: Dataset, tmp_path: Path) -> None:
    """16 bits are rounded before any metric sees them, as in the papers."""
    deep = np.full((26, 34, 3), 257 * 100 + 200, np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    Image.fromarray(picture(1, 26, 34)).save(tmp_path / "b.bmp")

    brought = bring(tmp_path, dataset, tmp_path / "runs")

    assert np.unique(read_array(brought.folder.picture("a"))).tolist() == [101]
    assert np.array_equal(read_array(brought.folder.picture("b")), picture(1, 26, 34))


def test_lossy_pictures_need_permission_and_are_marked(dataset: Dataset, tmp_path: Path) -> None:
    """JPEG moves every number, FID most."""
    Image.fromarray(picture(0, 26, 34)).save(tmp_path / "a.jpg")

    with pytest.raises(RestobenchError, match=r"saved with loss \(a\.jpg\)"):
        bring(tmp_path, dataset, tmp_path / "runs")

    brought = bring(tmp_path, dataset, tmp_path / "runs", allow_lossy=True)
    assert brought.folder.read_run()["determinants"]["lossy"] is True


def test_changed_pictures_make_another_run(dataset: Dataset, tmp_path: Path) -> None:
    """And the same ones the same."""
    write_picture(tmp_path / "a.png", picture(0, 26, 34))
    first = bring(tmp_path, dataset, tmp_path / "runs").folder
    assert bring(tmp_path, dataset, tmp_path / "runs").folder == first

    write_picture(tmp_path / "a.png", picture(1, 26, 34))

    assert bring(tmp_path, dataset, tmp_path / "runs").folder != first


def test_a_damaged_picture_is_recorded(dataset: Dataset, tmp_path: Path) -> None:
    """The others are taken."""
    write_picture(tmp_path / "a.png", picture(0, 26, 34))
    (tmp_path / "b.png").write_text("no picture")

    brought = bring(tmp_path, dataset, tmp_path / "runs")

    assert list(brought.failures) == ["b"]
    assert brought.folder.read_run()["samples"]["restored"] == 1


def test_folders_that_have_nothing_in_common_are_an_error(dataset: Dataset, tmp_path: Path) -> None:
    """Both sides' names are shown."""
    write_picture(tmp_path / "theirs" / "x_out.png", picture(0, 26, 34))

    with pytest.raises(
        RestobenchError, match=r"has the name of a sample of 'pairs': it has x_out; the data set has a, b"
    ):
        bring(tmp_path / "theirs", dataset, tmp_path / "runs")


def test_no_folder_and_an_empty_folder_are_errors(dataset: Dataset, tmp_path: Path) -> None:
    """A wrong path."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(RestobenchError, match="holds no pictures"):
        bring(tmp_path / "empty", dataset, tmp_path / "runs")
    with pytest.raises(RestobenchError, match="does not exist"):
        bring(tmp_path / "nowhere", dataset, tmp_path / "runs")

import string
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from restobench.errors import RestobenchError
from restobench.exchange import Exchange, harmless
from restobench.image import read_array, write_picture
from tests.conftest import picture


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(2) as opened:
        yield opened


def save(exchange: Exchange, name: str, height: int = 10, width: int = 14) -> None:
    path = exchange.restored_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(0, height, width)).save(path)


def taken(exchange: Exchange) -> dict[str, str | tuple[int, ...]]:
    return {i: str(found) if isinstance(found, RestobenchError) else found.shape for i, found in exchange.take_back()}


def test_pictures_go_out_as_eight_bit_pngs(exchange: Exchange) -> None:
    """Whatever they were: 16 bits are rounded, and nothing else lies there."""
    deep = np.full((5, 7, 3), 32896, np.uint16)

    exchange.hand_over("a", picture(0, 5, 7))
    exchange.hand_over("b", deep)

    assert sorted(path.name for path in exchange.lq_dir.iterdir()) == ["a.png", "b.png"]
    assert read_array(exchange.lq_dir / "b.png").dtype == np.uint8
    assert (read_array(exchange.lq_dir / "b.png") == 128).all()
    assert list(exchange.restored_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.bmp", "a.tif", "a.ppm", "deep/er/a.png"])
def test_any_lossless_picture_of_the_name_is_taken(exchange: Exchange, name: str) -> None:
    """Programs differ in format, and in the folders that they make."""
    exchange.hand_over("a", picture(0, 5, 7))
    save(exchange, name)

    assert taken(exchange) == {"a": (10, 14, 3)}
    assert exchange.remarks() == []


def test_sixteen_bits_are_rounded_to_eight(exchange: Exchange) -> None:
    """As everywhere: what is scored is an 8-bit picture."""
    exchange.hand_over("a", picture(0, 5, 7))
    cv2.imwrite(str(exchange.restored_dir / "a.png"), np.full((10, 14, 3), 32896, np.uint16))

    ((_, restored),) = exchange.take_back()

    assert not isinstance(restored, RestobenchError)
    assert restored.dtype == np.uint8
    assert (restored == 128).all()


def test_what_cannot_be_taken_says_why(exchange: Exchange) -> None:
    """Each of these would otherwise become a number."""
    for sample_id in ("gone", "lossy", "small", "torn", "twice", "turned"):
        exchange.hand_over(sample_id, picture(0, 5, 7))
    for name in ("lossy.jpg", "twice.png", "sub/twice.bmp", "torn.bmp"):
        save(exchange, name)
    save(exchange, "small.png", 5, 7)
    save(exchange, "turned.png", 14, 10)
    torn = exchange.restored_dir / "torn.bmp"
    torn.write_bytes(torn.read_bytes()[:200])

    found = taken(exchange)

    assert found["gone"] == "No picture of this name came back."
    assert found["lossy"] == "lossy.jpg was saved with loss, which moves the numbers; save a PNG."
    assert found["small"] == "small.png is 7 x 5; 14 x 10 was wanted."
    assert found["turned"] == "turned.png is 10 x 14; 14 x 10 was wanted."
    assert "damaged or cut off" in str(found["torn"])
    assert str(found["twice"]).startswith("There are 2 pictures of one name: ")
    assert exchange.came_back() == {"lossy", "small", "torn", "twice", "turned"}


def test_a_preview_beside_the_picture_does_no_harm(exchange: Exchange) -> None:
    """The lossless one is meant."""
    exchange.hand_over("a", picture(0, 5, 7))
    save(exchange, "a.png")
    save(exchange, "a.jpg")

    assert taken(exchange) == {"a": (10, 14, 3)}


def test_pictures_of_no_sample_are_named(exchange: Exchange) -> None:
    """A program that changes the names is found out by these."""
    exchange.hand_over("a", picture(0, 5, 7))
    for name in ("a_out.png", "cmp/a_both.png"):
        save(exchange, name)
    (exchange.restored_dir / "log.txt").touch()

    assert taken(exchange) == {"a": "No picture of this name came back."}
    assert exchange.remarks() == ["2 pictures are extra, not taken: a_both.png, a_out.png"]


def test_names_that_differ_in_case_alone_stay_two(exchange: Exchange) -> None:
    """On some disks they are one."""
    for sample_id in ("Lena", "lena"):
        exchange.hand_over(sample_id, picture(0, 5, 7))

    assert len({path.stem.lower() for path in exchange.lq_dir.iterdir()}) == 2


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Thousands of pictures, in the end."""
    with Exchange(1) as exchange:
        write_picture(exchange.lq_dir / "a.png", picture(0, 5, 7))
        folder = exchange.lq_dir.parent

    assert not folder.exists()


@given(st.lists(st.text(min_size=1, max_size=150), unique=True, max_size=5))
def test_every_id_has_a_harmless_name_of_its_own(ids: list[str]) -> None:
    """No id leads out of the folder, looks like an option, or meets another's."""
    stems = [harmless(sample_id) for sample_id in ids]

    assert len(set(stems)) == len(ids)
    for stem in stems:
        assert 0 < len(stem) <= 100
        assert set(stem) <= set(string.ascii_letters + string.digits + "-_")
        assert not stem.startswith("-")

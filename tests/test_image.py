import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from restobench.errors import RestobenchError
from restobench.image import picture_size, read_array, read_picture, to_eight_bit, to_tensor, write_picture
from tests.conftest import picture


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """PNG keeps every bit."""
    stored = picture(0, 37, 53)

    write_picture(tmp_path / "new folder" / "ä b.png", stored)

    assert np.array_equal(read_array(tmp_path / "new folder" / "ä b.png"), stored)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["ä b.png"]


def test_pictures_are_float_rgb_in_zero_to_one(tmp_path: Path) -> None:
    """The form at every boundary."""
    stored = np.zeros((3, 5, 3), np.uint8)
    stored[..., 0] = 255
    write_picture(tmp_path / "red.png", stored)

    found = read_picture(tmp_path / "red.png")

    assert found.shape == (3, 3, 5)
    assert found.dtype == torch.float32
    assert found[0].min() == 1
    assert found[1:].max() == 0


def test_saving_clamps_and_rounds_half_to_even() -> None:
    """As the papers' programs save: 0.5 / 255 becomes 0, 1.5 / 255 becomes 2."""
    values = torch.tensor([-0.3, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.7]).reshape(1, 1, 5).expand(3, 1, 5)

    assert to_eight_bit(values)[0, :, 0].tolist() == [0, 0, 2, 2, 255]


@pytest.mark.parametrize(("mode", "suffix"), [("L", "png"), ("P", "png"), ("1", "png"), ("L", "jpg"), ("P", "gif.bmp")])
def test_grey_and_palette_pictures_become_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    """Real sets mix them with colour pictures."""
    path = tmp_path / f"x.{suffix}"
    made = Image.fromarray(picture(1, 24, 30)).convert(mode)
    made.save(path)

    found = read_array(path)

    assert found.shape == (24, 30, 3)
    assert found.dtype == np.uint8
    with Image.open(path) as again:
        assert np.array_equal(found, np.asarray(again.convert("RGB")))


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path) -> None:
    """Screenshots and editors add one that says nothing."""
    stored = picture(2, 9, 8)
    Image.fromarray(np.dstack([stored, np.full((9, 8), 255, np.uint8)])).save(tmp_path / "x.png")

    assert np.array_equal(read_array(tmp_path / "x.png"), stored)


def test_a_transparent_picture_is_refused(tmp_path: Path) -> None:
    """No background is the right one."""
    alpha = np.full((9, 8), 255, np.uint8)
    alpha[0, 0] = 3
    Image.fromarray(np.dstack([picture(2, 9, 8), alpha])).save(tmp_path / "x.png")

    with pytest.raises(RestobenchError, match=r"x\.png is transparent in places"):
        read_array(tmp_path / "x.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_kept(tmp_path: Path, channels: int) -> None:
    """Pillow alone would cut a 16-bit RGB PNG to 8 bits without a word."""
    stored = np.random.default_rng(0).integers(0, 65536, (6, 7, channels), np.uint16)
    if channels == 4:
        stored[..., 3] = 65535
    cv2.imwrite(str(tmp_path / "x.png"), stored)

    found = read_array(tmp_path / "x.png")

    rgb = np.repeat(stored, 3, axis=2) if channels == 1 else stored[..., 2::-1]
    assert found.dtype == np.uint16
    assert np.array_equal(found, rgb)
    assert read_picture(tmp_path / "x.png").max() <= 1


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    """A phone's portrait is stored lying on its side."""
    made = Image.fromarray(picture(3, 20, 30))
    exif = made.getexif()
    exif[0x0112] = 6
    made.save(tmp_path / "x.jpg", exif=exif, quality=95)

    assert read_array(tmp_path / "x.jpg").shape == (30, 20, 3)
    assert picture_size(tmp_path / "x.jpg") == (20, 30)


def test_a_one_pixel_picture_is_a_picture(tmp_path: Path) -> None:
    """What is too small for a metric is the metric's to say."""
    write_picture(tmp_path / "x.png", picture(0, 1, 1))

    assert read_array(tmp_path / "x.png").shape == (1, 1, 3)


def _bomb() -> bytes:
    """A PNG that claims 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"this is a text file\n", "is not a picture, whatever its name says"),
        (b"", "is not a picture, whatever its name says"),
        (b"\x89PNG\r\n\x1a\n", "is not a picture|is damaged or cut off"),
        (_bomb(), "is too large to be read safely"),
    ],
)
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """The file is named, and what to do."""
    (tmp_path / "x.png").write_bytes(content)

    with pytest.raises(RestobenchError, match=sentence) as caught:
        read_array(tmp_path / "x.png")

    assert str(tmp_path / "x.png") in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_png_is_damaged(tmp_path: Path, share: float) -> None:
    """A download that broke off."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "x.png")
    whole = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(RestobenchError, match="is damaged or cut off"):
        read_array(tmp_path / "x.png")


def test_an_animation_is_refused(tmp_path: Path) -> None:
    """Which frame was meant is not ours to guess."""
    frames = [Image.fromarray(picture(seed, 8, 8)) for seed in range(3)]
    frames[0].save(tmp_path / "x.tiff", save_all=True, append_images=frames[1:])

    with pytest.raises(RestobenchError, match="has 3 frames"):
        read_array(tmp_path / "x.tiff")


def test_cmyk_is_refused(tmp_path: Path) -> None:
    """Its conversion needs a profile that the file may not have."""
    Image.fromarray(picture(0, 8, 8)).convert("CMYK").save(tmp_path / "x.jpg")

    with pytest.raises(RestobenchError, match="colours of the kind CMYK"):
        read_array(tmp_path / "x.jpg")


@pytest.mark.parametrize("behind", [False, True])
def test_a_png_s_size_is_read_without_its_pixels(tmp_path: Path, behind: bool) -> None:
    """Upright, wherever the rotation stands; a set of thousands is looked at before each run."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "x.png"
    Image.fromarray(picture(0, 37, 53)).save(path, exif=exif)
    content, chunks, start = path.read_bytes(), [], 8
    while start < len(content):
        end = start + int.from_bytes(content[start : start + 4], "big") + 12
        chunks.append(content[start:end])
        start = end
    if behind:
        chunks.sort(key=lambda chunk: (chunk[4:8] in (b"eXIf", b"IEND"), chunk[4:8] == b"IEND"))
    torn = [chunk[:-9] + bytes(9) if chunk[4:8] == b"IDAT" else chunk for chunk in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(torn))

    assert picture_size(path) == (37, 53)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_stored_value_becomes_its_share_of_the_largest(dtype: type[np.uint8] | type[np.uint16]) -> None:
    """To the last bit, whichever library divides; also into a part of a batch that is there."""
    largest = int(np.iinfo(dtype).max)
    values = np.arange(largest + 1, dtype=dtype).reshape(-1, 16)
    stored = np.stack([values, values[::-1], np.roll(values, 5, 1)], axis=2)
    batch = torch.zeros(2, 3, *values.shape)

    whole, part = to_tensor(stored), to_tensor(stored, out=batch[1])

    assert np.array_equal(whole.numpy(), stored.transpose(2, 0, 1).astype(np.float32) / np.float32(largest))
    assert torch.equal(part, whole)
    assert torch.equal(batch[1], whole)
    assert not batch[0].any()

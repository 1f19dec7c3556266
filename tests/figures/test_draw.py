"""Figures on paper."""

import io
import re
import struct
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from restobench.errors import RestobenchError
from restobench.figures.crops import Crop
from restobench.figures.draw import Style, draw
from restobench.figures.panels import Figure, Line, Panel, Value
from restobench.image import read_array
from tests.conftest import picture


def figure(
    *, columns: int = 3, size: tuple[int, int] = (37, 53), crops: tuple[Crop, ...] = (), name: str = ""
) -> Figure:
    """One row of pictures, with a number under each but the first."""
    values = [(Value(f"{20 + number}.00", number == columns - 1),) for number in range(columns)]
    panels = [Panel(picture(number, *size), values[number] if number else ()) for number in range(columns)]
    valued = (False, *[True] * (columns - 1))
    heads = tuple(f"method {number}" for number in range(columns))
    return Figure(heads, (Line("a", name, tuple(panels), crops),), ("psnr ↑",), valued)


def test_every_pixel_of_a_png_is_a_block_of_one_colour(tmp_path: Path) -> None:
    """Pictures and crops are enlarged a whole number of times, at whole pixels: nothing is smoothed."""
    shown = figure(crops=(Crop(10, 5, 13, 11),))
    zooms = draw(shown, tmp_path / "figure.png", Style(width=3))
    drawn = read_array(tmp_path / "figure.png").astype(int)

    plain_figure = figure()
    draw(plain_figure, tmp_path / "plain.png", Style(width=3))
    plain = read_array(tmp_path / "plain.png").astype(int)
    block = (plain.shape[1] // 3) // 53
    whole = picture(0, 37, 53).repeat(block, 0).repeat(block, 1)
    assert zooms == {"a": 4}
    assert find(plain, whole)
    # The crop's own frame covers its edge.
    inner = picture(0, 37, 53)[7:14, 12:21].repeat(4 * block, 0).repeat(4 * block, 1)
    assert find(drawn, inner)


def find(drawn: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture holds another, pixel by pixel."""
    height, width = part.shape[:2]
    rows, columns = drawn.shape[0] - height + 1, drawn.shape[1] - width + 1
    corners = np.all(drawn[:rows, :columns] == part[0, 0], axis=-1)
    corners &= np.all(drawn[height - 1 :, width - 1 :] == part[-1, -1], axis=-1)
    return any(np.array_equal(drawn[y : y + height, x : x + width], part) for y, x in np.argwhere(corners))


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    """Without a date, whatever the user's matplotlib is set to, which stays as it was."""
    first, second = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    draw(figure(crops=(Crop(0, 0, 9, 9),)), first, Style(width=3))
    with mpl.rc_context({"font.size": 30, "savefig.bbox": "tight", "text.usetex": True, "figure.facecolor": "red"}):
        draw(figure(crops=(Crop(0, 0, 9, 9),)), second, Style(width=3))
        assert mpl.rcParams["font.size"] == 30

    assert first.read_bytes() == second.read_bytes()
    assert not re.search(rb"CreationDate|ModDate|<dc:date>", first.read_bytes())
    assert [path.name for path in tmp_path.glob(".part*")] == []


def test_text_of_a_pdf_is_text_in_an_embedded_font(tmp_path: Path) -> None:
    """As publishers ask: no outlines, no Type 3; pictures are stored as they are."""
    draw(figure(crops=(Crop(1, 1, 8, 8),)), tmp_path / "figure.pdf", Style(width=3))

    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    sizes = re.findall(rb"/Width (\d+)|/Height (\d+)", content)
    assert {int(one or two) for one, two in sizes} == {53, 37, 64}
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    stored = [found for stream in streams if (found := as_picture(stream, 53, 37)) is not None]
    # From below, as PDF counts.
    assert [np.array_equal(found[::-1], picture(number, 37, 53)) for number, found in enumerate(stored)] == [True] * 3


def as_picture(stream: bytes, width: int, height: int) -> np.ndarray | None:
    """A picture of this size, which PDF stores as PNG does; None: it is something else."""
    try:
        if len(zlib.decompress(stream)) != height * (3 * width + 1):
            return None
    except zlib.error:
        return None

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    return np.asarray(Image.open(io.BytesIO(png)))


def test_text_of_strangers_is_drawn_as_it_stands(tmp_path: Path) -> None:
    """No formulas, no markup; letters that the font lacks are no reason to fail."""
    names = (r"$\frac{1}{0$", "<script>alert(1)</script>", "日本\x1b[2J")
    one = figure(name="$x$ & <b>")

    draw(Figure(names, one.lines, one.metrics, one.valued), tmp_path / "figure.svg", Style(width=5, font="serif"))

    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "frac" in text
    assert "\x1b" not in text


def test_what_cannot_be_drawn_is_a_sentence(tmp_path: Path) -> None:
    """And leaves no file."""
    (tmp_path / "file").write_text("")
    big = figure(size=(2, 9000), columns=3)
    for shown, path, style, words in (
        (figure(), tmp_path / "figure.jpg", Style(), "must end with .pdf, .svg or .png"),
        (figure(), tmp_path / "file" / "figure.pdf", Style(), "is no folder"),
        (figure(columns=12), tmp_path / "figure.pdf", Style(width=3), "12 columns do not fit into 3 inches"),
        (big, tmp_path / "figure.png", Style(), "pictures are not made smaller; write a PDF"),
        (figure(), tmp_path / "figure.pdf", Style(width=0.5), "--width 0.5 must be between"),
        (figure(), tmp_path / "figure.pdf", Style(zoom=0), "--zoom 0 must be"),
        (figure(), tmp_path / "figure.pdf", Style(font="comic"), "--font must be sans or serif"),
        (figure(), tmp_path / "figure.pdf", Style(font_size=2), "--font-size 2 must be"),
        (figure(crops=(Crop(0, 0, 30, 9),)), tmp_path / "figure.pdf", Style(zoom=2), "it can be 1 at most"),
    ):
        with pytest.raises(RestobenchError, match=re.escape(words)):
            draw(shown, path, style)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_pictures_of_several_sizes_stand_in_one_png(tmp_path: Path) -> None:
    """The smaller ones in the middle of their column, by whole pixels too."""
    large, small = figure(size=(37, 53)), figure(size=(20, 40))
    both = Figure(large.columns, (*large.lines, *small.lines), large.metrics, large.valued)

    draw(both, tmp_path / "figure.png", Style(width=3))

    drawn = read_array(tmp_path / "figure.png").astype(int)
    block = (drawn.shape[1] // 3) // 53
    times = (53 * block) // 40
    assert find(drawn, picture(1, 20, 40).repeat(times, 0).repeat(times, 1))
    with Image.open(tmp_path / "figure.png") as png:
        assert png.width / png.info["dpi"][0] == pytest.approx(3, abs=0.01)

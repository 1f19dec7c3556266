"""A figure on paper: PDF, SVG or PNG, byte for byte the same for the same runs.

Pictures are never resampled: PDF and SVG hold them pixel by pixel, in a PNG each pixel becomes a
block of whole pixels. Text is text, in embedded fonts. Uses matplotlib's objects and none of pyplot's
global state; whatever the user's matplotlibrc says, the figure is the same.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restobench.errors import RestobenchError
from restobench.figures.crops import Strip, strip_of
from restobench.figures.lettering import LINE, POINT, SMALLEST, Lettering
from restobench.figures.panels import Figure, Line, Panel, enlarged
from restobench.files import writing, written_whole
from restobench.leaderboard.escaping import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".pdf", ".svg", ".png")
WIDTHS = {"column": 3.25, "page": 6.875}
"""In inches, of a column and of a page of two columns, as at most conferences on vision."""

_GAP = 0.03
"""Between columns, in inches."""
_ROW_GAP = 0.07
_SHARPEST = 200
"""Pixels an inch that a PNG has at least."""
_LARGEST = 20_000
"""Pixels that a PNG is wide at most."""
_BLOCK = 8
"""Pixels that each pixel of a crop becomes in PDF and SVG: viewers smooth what they enlarge much."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Of crops; told apart by colour-blind readers too (Okabe and Ito)."""
_FONTS = {"sans": "DejaVu Sans", "serif": "STIXGeneral"}
"""Both come with matplotlib."""


@dataclass(frozen=True)
class Style:
    """How a figure looks."""

    width: float = WIDTHS["page"]
    """In inches."""
    zoom: int | None = None
    """Of crops; None: as large as fits."""
    font: str = "sans"
    font_size: float = 8.0
    """In points."""

    def check(self) -> None:
        """Raises RestobenchError where nothing can be drawn so."""
        if not 1 <= self.width <= 40:
            raise RestobenchError(f"--width {self.width:g} must be between 1 and 40 inches.")
        if self.zoom is not None and self.zoom < 1:
            raise RestobenchError(f"--zoom {self.zoom} must be at least 1.")
        if self.font not in _FONTS:
            raise RestobenchError(f"--font must be {' or '.join(_FONTS)}, not {self.font!r}.")
        if not SMALLEST <= self.font_size <= 30:
            raise RestobenchError(f"--font-size {self.font_size:g} must be between {SMALLEST:g} and 30 points.")


def check_suffix(path: Path) -> Path:
    """The path itself, where its suffix says what to draw; raises RestobenchError where not."""
    if path.suffix.lower() not in SUFFIXES:
        raise RestobenchError(f"--output {path} must end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    if path.is_dir():
        raise RestobenchError(f"{path} is a folder; name a file with --output.")
    return path


def draw(figure: Figure, path: Path, style: Style | None = None) -> dict[str, int]:
    """Write the figure, whole or not at all.

    Returns:
        By sample with crops, how many times larger they are shown than in the picture.

    Raises:
        RestobenchError: It cannot be written, or does not fit the width.
    """
    style = style or Style()
    style.check()
    kind = check_suffix(path).suffix.lower().removeprefix(".")
    with _own_style():
        page = _Page(figure, style, raster=kind == "png")
        page.draw()
        with writing(), written_whole(path) as beside:
            page.save(beside, kind)
    return {line.sample: strip.zoom for line, strip in zip(figure.lines, page.strips, strict=True) if strip}


@contextmanager
def _own_style() -> Iterator[None]:
    """matplotlib as it comes, whatever the user's settings; they are as before afterwards."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # A name in letters that the font lacks is drawn with boxes; that is seen, and no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph")
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "pdf.fonttype": 42,
                "svg.fonttype": "none",
                "svg.hashsalt": "restobench",
                "image.composite_image": False,  # it would resample the pictures
            }
        )
        yield


class _Page:
    """The figure's places, in inches from its upper left corner."""

    def __init__(self, figure: Figure, style: Style, *, raster: bool) -> None:
        from matplotlib.figure import Figure as Canvas

        self.figure, self.style = figure, style
        self.strips: list[Strip | None] = [
            strip_of(line.crops, _width(line), line.sample, style.zoom) if line.crops else None for line in figure.lines
        ]
        self.letters = Lettering(_FONTS[style.font], style.font_size)
        self.text_height = self.letters.height
        self.left = self.text_height if any(line.name for line in figure.lines) else 0.0
        count = len(figure.columns)
        self.column = (style.width - self.left - _GAP * (count - 1)) / count
        if self.column < 0.25:
            raise RestobenchError(
                f"{count} columns do not fit into {style.width:g} inches: {self.column:.2f} inches each; leave methods "
                "out, or say --width page."
            )
        self.dpi = self._dpi() if raster else 72.0
        self.raster = raster
        self.heads, self.head_size = self.letters.headings(figure.columns, self.column)
        # A little more than its lines: the tallest letters reach above them.
        self.head_height = (max(map(len, self.heads)) + 0.1) * self.head_size * LINE * POINT
        tops, top = [], self._snapped(self.head_height)
        for line, strip in zip(figure.lines, self.strips, strict=True):
            tops.append(top)
            top += self._line_height(line, strip) + _ROW_GAP
        self.tops = [self._snapped(one) for one in tops]
        height = self._snapped(top - _ROW_GAP + 0.02)
        width = self._snapped(style.width)
        self.canvas = Canvas(figsize=(width, height), dpi=self.dpi)
        self.axes: Axes = self.canvas.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.set_autoscale_on(False)

    def _dpi(self) -> float:
        """Such that a pixel of the largest picture becomes a whole number of the PNG's."""
        pixels = max(map(_width, self.figure.lines))
        dpi = math.ceil(_SHARPEST * self.column / pixels) * pixels / self.column
        if dpi * self.style.width > _LARGEST:
            raise RestobenchError(
                f"As a PNG the figure would be {dpi * self.style.width:.0f} pixels wide, for pictures are not made "
                "smaller; write a PDF, or fewer columns."
            )
        return dpi

    def _snapped(self, inches: float) -> float:
        """On a whole pixel of the PNG."""
        return round(inches * self.dpi) / self.dpi if self.raster else inches

    def _pixel(self, line: Line) -> float:
        """How large a pixel of the line's pictures is, in inches."""
        if not self.raster:
            return self.column / _width(line)
        return math.floor(self.column * self.dpi / _width(line) + 1e-6) / self.dpi

    def _line_height(self, line: Line, strip: Strip | None) -> float:
        pixel = self._pixel(line)
        height: float = line.panels[0].pixels.shape[0] * pixel
        height += (_GAP + strip.height * pixel) if strip else 0.0
        return height + len(self.figure.metrics) * self.text_height

    def draw(self) -> None:
        """All rows, below the headings."""
        for column, text in enumerate(self.heads):
            middle = self._left_of(column) + self.column / 2
            for number, one in enumerate(reversed(text)):
                bottom = self.head_height - (number + 0.3) * self.head_size * LINE * POINT
                self._text(middle, bottom, one, size=self.head_size, align="baseline")
        for line, strip, top in zip(self.figure.lines, self.strips, self.tops, strict=True):
            pixel = self._pixel(line)
            if line.name:
                height = line.panels[0].pixels.shape[0] * pixel
                size = self.letters.fitting(plain(line.name), height)
                self._text(
                    self.text_height / 2, top + height / 2, plain(line.name), size=size, rotation=90, align="center"
                )
            for column, panel in enumerate(line.panels):
                self._panel(line, panel, strip, column, top, pixel)

    def _panel(self, line: Line, panel: Panel, strip: Strip | None, column: int, top: float, pixel: float) -> None:
        height, width = panel.pixels.shape[:2]
        left = self._snapped(self._left_of(column) + (self.column - width * pixel) / 2)
        self._image(panel.pixels, left, top, pixel)
        for number, crop in enumerate(line.crops):
            box = (left + crop.left * pixel, top + crop.top * pixel, crop.width * pixel, crop.height * pixel)
            self._frame(*box, number, halo=True)
        below = top + height * pixel
        if strip:
            below = self._snapped(below + _GAP)
            for placed in strip.placed:
                crop = placed.crop
                part = panel.pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
                at = (left + placed.left * pixel, below + placed.top * pixel)
                block = 1 if self.raster else _BLOCK
                self._image(enlarged(part, block), *at, pixel * strip.zoom / block)
                size = (crop.width * strip.zoom * pixel, crop.height * strip.zoom * pixel)
                self._frame(*at, *size, placed.number, inside=True)
            below += strip.height * pixel
        self._values(panel, column, below)

    def _values(self, panel: Panel, column: int, top: float) -> None:
        """The numbers; what they are stands in the first column, or before each where that has numbers too."""
        first = column == 0 and not self.figure.valued[0]
        middle = self._left_of(column) + self.column / 2
        for number, name in enumerate(self.figure.metrics):
            baseline = top + (number + 0.8) * self.text_height
            if first:
                self._text(middle, baseline, name, align="baseline")
            elif panel.values:
                value = panel.values[number]
                text = f"{name} {value.text}" if self.figure.valued[0] else value.text
                self._text(middle, baseline, text, bold=value.best, align="baseline")

    def _left_of(self, column: int) -> float:
        return self._snapped(self.left + column * (self.column + _GAP))

    def _image(self, pixels: Any, left: float, top: float, pixel: float) -> None:
        height, width = pixels.shape[:2]
        extent = (left, left + width * pixel, top + height * pixel, top)
        self.axes.imshow(pixels, extent=extent, interpolation="none", aspect="auto", origin="upper")

    def _frame(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        number: int,
        *,
        halo: bool = False,
        inside: bool = False,
    ) -> None:
        from matplotlib.patches import Rectangle

        line = 1.2 if inside else 0.8
        # Not wholly inside: viewers let a picture reach a hair beyond its place.
        inset = line * POINT * 0.3 if inside else 0.0
        for colour, thick in (("white", line + 0.8), (_COLOURS[number % len(_COLOURS)], line))[0 if halo else 1 :]:
            place = (left + inset, top + inset), width - 2 * inset, height - 2 * inset
            self.axes.add_patch(Rectangle(*place, fill=False, edgecolor=colour, linewidth=thick, joinstyle="miter"))

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float | None = None,
        bold: bool = False,
        align: Any,
        rotation: float = 0,
    ) -> None:
        self.axes.text(
            x,
            y,
            text,
            fontfamily=self.letters.family,
            fontsize=size or self.letters.fitting(text, self.column, bold=bold),
            fontweight="bold" if bold else "normal",
            horizontalalignment="center",
            verticalalignment=align,
            rotation=rotation,
            parse_math=False,
        )

    def save(self, path: Path, kind: str) -> None:
        """Write it without a date."""
        about: dict[str, dict[str, str | None]] = {
            "pdf": {"CreationDate": None, "Creator": "restobench"},
            "svg": {"Date": None, "Creator": "restobench"},
            "png": {"Software": None},
        }
        self.canvas.savefig(path, format=kind, metadata=about[kind], dpi=self.dpi)


def _width(line: Line) -> int:
    return int(line.panels[0].pixels.shape[1])

"""Text that fits its place: how wide it is, where it is broken, how small it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from restobench.leaderboard.escaping import plain

POINT = 1 / 72
"""In inches."""
LINE = 1.25
"""Height of a line of text, in its size."""
SMALLEST = 5.0
"""Points below which nobody can read a heading."""


@dataclass(frozen=True)
class Lettering:
    """A font in a size."""

    family: str
    size: float
    """In points."""

    @property
    def height(self) -> float:
        """Of a line, in inches."""
        return self.size * LINE * POINT

    def wide(self, text: str, *, size: float | None = None, bold: bool = False) -> float:
        """How many inches a line of text takes."""
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath

        if not text.strip():
            return 0.0
        font = FontProperties(family=self.family, weight="bold" if bold else "normal")
        # Dollar signs would start a formula, and are text here.
        path = TextPath((0, 0), text.replace("$", "S"), size=size or self.size, prop=font)
        return float(path.get_extents().x1) * POINT

    def fitting(self, text: str, room: float, *, bold: bool = False) -> float:
        """The size at which a line takes no more inches than there are."""
        return self.size * min(1.0, room / max(self.wide(text, bold=bold), 1e-9))

    def headings(self, texts: Sequence[str], room: float) -> tuple[list[list[str]], float]:
        """Texts in lines that take no more inches than there are, and the size of all: smaller where a word is long."""
        size = self.size
        lines = [[plain(line) for line in text.split("\n")] for text in texts]
        while True:
            broken = [[piece for line in one for piece in self._broken(line, size, room)] for one in lines]
            widest = max((self.wide(piece, size=size) for one in broken for piece in one), default=0.0)
            if widest <= room or size <= SMALLEST:
                return broken, size
            size = max(SMALLEST, size - 0.5)

    def _broken(self, text: str, size: float, room: float) -> list[str]:
        """The text in lines, broken behind spaces, '@' and '-'; within a word only where it cannot be made smaller."""
        lines, piece = [""], ""
        for character in text:
            piece += character
            anywhere = size <= SMALLEST and self.wide(piece + "mm", size=size) > room
            if character in " @-_+" or anywhere:
                self._add(lines, piece, size, room)
                piece = ""
        self._add(lines, piece, size, room)
        return [line.strip() for line in lines]

    def _add(self, lines: list[str], piece: str, size: float, room: float) -> None:
        if lines[-1] and self.wide((lines[-1] + piece).strip(), size=size) > room:
            lines.append(piece)
        else:
            lines[-1] += piece

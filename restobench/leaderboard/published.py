"""What papers printed: one typed row a number, from the CSV files of installed packages.

A package of tables (entry point `restobench.leaderboards`) has a folder `published` with CSV
files and a `papers.toml`. Digits stay as printed, and a row that cannot be right keeps its
place and says so in its `flag`. Knows no run and never imports torch.
"""

from __future__ import annotations

import csv
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator, model_validator

from restobench.errors import RestobenchError
from restobench.plugins import plugins

Flag = Literal["ok", "reconstructed", "suspicious", "contested", "second-hand"]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

FLAGS: dict[Flag, str] = {
    "ok": "as printed",
    "reconstructed": "the row's label was lost in the source and is taken from the text",
    "suspicious": "cannot be right, or is a copy of another cell",
    "contested": "somebody measured otherwise",
    "second-hand": "not read in the paper itself",
}

_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")
_COLUMNS = (
    "paper", "table", "method", "config", "dataset", "metric", "direction", "value", "means", "revision", "reference",
    "tile", "batch", "device", "flag", "note", "source",
)  # fmt: skip


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedCell(_Row):
    """A number of a paper's table."""

    paper: Text
    table: Text
    method: Text
    """As printed."""
    config: Text
    dataset: Text
    """In our names."""
    metric: Text
    """As printed."""
    direction: Literal["higher", "lower", ""]
    """Which way is better; empty for what is no score."""
    value: Text
    """As printed, every digit kept."""
    means: tuple[str, ...]
    """What the number is in our names; several where the paper does not say which."""
    revision: str
    """Of the data set; with a question mark where that is a guess, empty where nobody says."""
    reference: str
    tile: str
    batch: str
    device: str
    flag: Flag
    note: str
    source: str
    """Where the knowledge about the number comes from."""

    @field_validator("means", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        return tuple(filter(None, value.split("|"))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _holds_together(self) -> PublishedCell:
        if self.direction and not _NUMBER.fullmatch(self.value):
            raise ValueError(f"the value {self.value!r} is no plain decimal number, and has a direction")
        if self.flag in ("suspicious", "contested") and not self.note:
            raise ValueError(f"a row that is {self.flag} says why in its note")
        return self

    @property
    def number(self) -> float:
        """The value as a number; only of a row with a direction."""
        return float(self.value)

    @property
    def decimals(self) -> int:
        """Digits behind the point, as printed."""
        found = _NUMBER.fullmatch(self.value)
        return len(found[1] or "") if found else 0

    @property
    def half_digit(self) -> float:
        """Half of the last printed digit: how far the number may lie from what was measured."""
        return 0.5 * 10.0**-self.decimals

    @property
    def is_score(self) -> bool:
        """Whether it says how good pictures are: not seconds, sizes and names of devices."""
        return bool(self.direction and self.means) and not any("seconds" in name for name in self.means)


class Paper(_Row):
    """Where a table was printed."""

    name: Text
    title: Text
    first: Text
    """Year and month of its first appearance."""
    url: str = ""


class NamedMethod(_Row):
    """What a published row is called here."""

    published: Text
    config: Text
    method: Text
    """`name`, or `name@variant`."""


class _Papers(_Row):
    papers: tuple[Paper, ...]
    methods: tuple[NamedMethod, ...] = ()


class Published(_Row):
    """All that is known of printed numbers."""

    cells: tuple[PublishedCell, ...] = ()
    papers: tuple[Paper, ...] = ()
    """Earliest first."""
    methods: tuple[NamedMethod, ...] = ()

    def of(self, method: str, dataset: str) -> list[PublishedCell]:
        """The numbers that papers print for a method, in our names, on a data set."""
        called = {(name.published, name.config) for name in self.methods if name.method == method}
        return [cell for cell in self.cells if cell.dataset == dataset and (cell.method, cell.config) in called]

    def our_name(self, cell: PublishedCell) -> str | None:
        """The method, in our names, that a row is about; None: we do not have it."""
        return next(
            (name.method for name in self.methods if (name.published, name.config) == (cell.method, cell.config)), None
        )

    def copied_from(self, cell: PublishedCell) -> str | None:
        """The earlier paper that has at least three cells of this row in all digits, this one among them.

        A row is a method on a data set.
        """
        row = [other for other in self.cells if other.paper == cell.paper and _row_of(other) == _row_of(cell)]
        for paper in self._before(cell.paper):
            theirs = {
                (other.metric, other.value)
                for other in self.cells
                if other.paper == paper and _row_of(other) == _row_of(cell)
            }
            same = {(other.metric, other.value) for other in row} & theirs
            if len(same) >= 3 and (cell.metric, cell.value) in same:
                return paper
        return None

    def _before(self, paper: str) -> list[str]:
        names = [known.name for known in self.papers]
        return names[: names.index(paper)]


def _row_of(cell: PublishedCell) -> tuple[str, str, str]:
    return cell.method, cell.config, cell.dataset


@cache
def all_published() -> Published:
    """The tables of every installed package.

    Raises:
        RestobenchError: A file is not valid.
    """
    found = [read_published(plugin.folder / "published") for plugin in plugins("restobench.leaderboards").values()]
    return Published(
        cells=tuple(cell for one in found for cell in one.cells),
        papers=tuple(sorted((paper for one in found for paper in one.papers), key=lambda paper: paper.first)),
        methods=tuple(method for one in found for method in one.methods),
    )


def read_published(folder: Path) -> Published:
    """The tables of one folder: `papers.toml` and every `*.csv`.

    Raises:
        RestobenchError: A file is missing or breaks the rules; says which, and where.
    """
    listing = folder / "papers.toml"
    try:
        papers = _Papers.model_validate(tomllib.loads(listing.read_text(encoding="utf-8")))
    except OSError as error:
        raise RestobenchError(f"{listing} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"{listing} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise RestobenchError(f"{listing} is not valid: {_faults(error)}.") from None
    known = {paper.name for paper in papers.papers}
    cells: list[PublishedCell] = []
    for path in sorted(folder.glob("*.csv")):
        for cell in read_table(path):
            if cell.paper not in known:
                raise RestobenchError(f"{path} names the paper {cell.paper!r}, which {listing} does not list.")
            cells.append(cell)
    return Published(cells=tuple(cells), papers=papers.papers, methods=papers.methods)


def read_table(path: Path) -> list[PublishedCell]:
    """The rows of one CSV file.

    Raises:
        RestobenchError: The file cannot be read, has other columns, or a row breaks a rule or
            prints another number for a cell that stands above it.
    """
    cells: list[PublishedCell] = []
    printed: dict[tuple[str, ...], tuple[str, int]] = {}
    for line, row in _rows(path):
        try:
            cell = PublishedCell.model_validate(row)
        except ValidationError as error:
            raise RestobenchError(f"{path}, line {line}, is not valid: {_faults(error)}.") from None
        key = (cell.paper, cell.table, *_row_of(cell), cell.metric)
        value, where = printed.setdefault(key, (cell.value, line))
        if value != cell.value:
            raise RestobenchError(
                f"{path}, line {line}, prints {cell.value} for a cell that is {value} in line {where}: "
                f"{cell.method}, {cell.config}, {cell.dataset}, {cell.metric}."
            )
        cells.append(cell)
    return cells


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames is None or tuple(reader.fieldnames) != _COLUMNS:
                raise RestobenchError(f"{path} must have the columns {', '.join(_COLUMNS)}, in this order.")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise RestobenchError(f"{path}, line {reader.line_num}, must have {len(_COLUMNS)} fields.")
                rows.append((reader.line_num, dict(row)))
            return rows
    except OSError as error:
        raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise RestobenchError(f"{path} is no CSV file in UTF-8: {error}.") from None


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'row'}: {fault['msg']}" for fault in error.errors()
    )

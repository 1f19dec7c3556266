"""The site's pages, from a leaderboard and its galleries, by the templates beside this file.

All text is escaped by the templates' engine, and loses what cannot be seen; no page holds a
script or a style of its own, and its policy allows none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from restobench.leaderboard.board import Leaderboard, Table
from restobench.leaderboard.escaping import plain
from restobench.leaderboard.making import explain_command
from restobench.leaderboard.numbers import counts, number, places, seconds
from restobench.leaderboard.site.data import column_keys, gallery_data, row_keys, table_data
from restobench.leaderboard.site.names import file_name, keys
from restobench.leaderboard.site.pictures import Album
from restobench.leaderboard.site.samples import Gallery
from restobench.leaderboard.site.sweeps import Sweep
from restobench.leaderboard.verdict import MEANINGS

ASSETS = Path(__file__).with_name("assets")
"""Styles and scripts, which the site gets as they are."""


def pages(
    board: Leaderboard, galleries: Sequence[Gallery], albums: Sequence[Album], sweeps: Sequence[Sequence[Sweep]]
) -> Iterator[tuple[str, str]]:
    """Every file of the site that is text, but for the assets: path and content.

    Args:
        board: The tables.
        galleries: The sets of pictures that the tables are about.
        albums: What is to be seen of each gallery.
        sweeps: Of each gallery.
    """
    sets = [
        {"gallery": gallery, "album": album, "folder": gallery.folder}
        for gallery, album in zip(galleries, albums, strict=True)
    ]
    named = list(zip(_table_names(board), board.tables, strict=True))
    menu = {"tables": [(name, table.title) for name, table in named], "sets": sets}
    yield "index.html", _rendered("index.html", root="", menu=menu, board=board, named=named)
    swept = [(gallery, sweep) for gallery, some in zip(galleries, sweeps, strict=True) for sweep in some]
    for name, table in named:
        yield f"tables/{name}.html", _table_page(table, menu, swept)
    for gallery, album in zip(galleries, albums, strict=True):
        for path, content in _gallery_pages(gallery, album, menu):
            yield f"{gallery.folder}/{path}", content


def _table_names(board: Leaderboard) -> list[str]:
    return [file_name(key) for key in keys(table.title for table in board.tables)]


def _table_page(table: Table, menu: dict[str, Any], swept: Sequence[tuple[Gallery, Sweep]]) -> str:
    pictures = {column.pictures for column in table.columns}
    names = column_keys(table.columns)
    return _rendered(
        "table.html",
        root="../",
        menu=menu,
        table=table,
        columns=list(zip(names, table.columns, strict=True)),
        rows=[
            (key, row, list(zip(names, table.columns, row.cells, strict=True)))
            for key, row in zip(row_keys(table), table.rows, strict=True)
        ],
        sets=[one for one in menu["sets"] if one["gallery"].pictures in pictures],
        timed=any(row.seconds is not None for row in table.rows),
        data=table_data(table, [(one.title, sweep) for one, sweep in swept if one.pictures in pictures]),
        meanings=MEANINGS,
    )


def _gallery_pages(gallery: Gallery, album: Album, menu: dict[str, Any]) -> Iterator[tuple[str, str]]:
    samples = [(file_name(gallery.ids[number]), gallery.ids[number]) for number in album.samples]
    data = json.dumps(gallery_data(gallery, album), separators=(",", ":"), sort_keys=True)
    yield "samples.js", f"restobench.samples = {data};\n"
    about = {"root": "../", "menu": menu, "gallery": gallery, "album": album, "samples": samples}
    yield "index.html", _rendered("samples.html", **about)
    yield "disagreement.html", _rendered("disagreement.html", **about)
    for place, (number_of_sample, shown) in enumerate(album.samples.items()):
        yield (
            f"samples/{samples[place][0]}.html",
            _rendered(
                "sample.html",
                root="../../",
                menu=menu,
                gallery=gallery,
                album=album,
                sample_id=gallery.ids[number_of_sample],
                number_of_sample=number_of_sample,
                sides=shown.sides,
                columns=gallery.columns,
                best=_best_values(gallery, number_of_sample),
                before=samples[place - 1] if place else None,
                after=samples[place + 1] if place + 1 < len(samples) else None,
            ),
        )


def _best_values(gallery: Gallery, number_of_sample: int) -> list[float | None]:
    """Of each column; None where the methods do not differ."""
    found: list[float | None] = []
    for place, column in enumerate(gallery.columns):
        values = [series.values[place][number_of_sample] for series in gallery.series]
        there = {value for value in values if value is not None}
        choose = {"higher": max, "lower": min}.get(column.better)
        found.append(choose(there) if choose and len(there) > 1 else None)
    return found


def _rendered(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.filters |= {"number": number, "places": places}
    environment.globals |= {"counts": counts, "seconds": seconds, "explain_command": explain_command}
    return environment


def _visible(value: Any) -> Any:
    """Text as one line without what cannot be seen; what a template made itself stays."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value

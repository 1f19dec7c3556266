"""The files of a leaderboard: Markdown for people, LaTeX for papers, CSV for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from restobench.files import written_whole
from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.board import Leaderboard, Timing
from restobench.leaderboard.latex import as_latex
from restobench.leaderboard.markdown import as_markdown
from restobench.leaderboard.published import Published, all_published
from restobench.leaderboard.spec import TableSpec
from restobench.leaderboard.spreadsheet import as_csv
from restobench.results import RunRecord

FORMATS = {"md": as_markdown, "csv": as_csv, "tex": as_latex}
"""By the ending of the file."""


class Built(NamedTuple):
    """A leaderboard and its files."""

    board: Leaderboard
    paths: list[Path]


def build(
    records: Sequence[RunRecord],
    output: Path,
    *,
    published: Published | None = None,
    spec: TableSpec | None = None,
    demonstrations: bool = False,
    timings: Sequence[Timing] = (),
) -> Built:
    """Write leaderboard.md, leaderboard.csv and leaderboard.tex into `output`.

    Args:
        records: Every run there is.
        output: The folder.
        published: What papers print; None: of all installed packages.
        spec: The one table that is wanted; None: one for each set of pictures.
        demonstrations: Whether methods that only demonstrate may enter.
        timings: What was timed by protocol.

    Raises:
        RestobenchError: No run may stand in a table, or the spec asks for what is not there.
    """
    known = all_published() if published is None else published
    board = assemble(records, known, spec, demonstrations=demonstrations, timings=timings)
    paths = []
    for ending, rendered in FORMATS.items():
        path = output / f"leaderboard.{ending}"
        with written_whole(path) as beside:
            beside.write_text(rendered(board), encoding="utf-8", newline="\n")
        paths.append(path)
    return Built(board, paths)

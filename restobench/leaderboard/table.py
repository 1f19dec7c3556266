"""The files of a leaderboard: Markdown for people, LaTeX for papers, CSV for programs, a site for the web."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from restobench.files import written_whole
from restobench.leaderboard.anonymous import anonymous as without_names
from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.board import Leaderboard, Timing
from restobench.leaderboard.choosing import choose_runs
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
    anonymous: bool = False,
    site: bool = False,
    max_bytes: int | None = None,
) -> Built:
    """Write leaderboard.md, leaderboard.csv and leaderboard.tex into `output`; the site into its folder `site`.

    Args:
        records: Every run there is.
        output: The folder.
        published: What papers print; None: of all installed packages.
        spec: The one table that is wanted; None: one for each set of pictures.
        demonstrations: Whether methods that only demonstrate may enter.
        timings: What was timed by protocol.
        anonymous: Leave out what says on whose machine the runs were made.
        site: Whether a site is wanted.
        max_bytes: How large the site may be; None: as large as its pictures make it.

    Raises:
        RestobenchError: No run may stand in a table, the spec asks for what is not there, or
            the site cannot be made.
    """
    known = all_published() if published is None else published
    board = assemble(records, known, spec, demonstrations=demonstrations, timings=timings)
    if anonymous:
        board = without_names(board)
    paths = []
    for ending, rendered in FORMATS.items():
        path = output / f"leaderboard.{ending}"
        with written_whole(path) as beside:
            beside.write_text(rendered(board), encoding="utf-8", newline="\n")
        paths.append(path)
    if site:
        from restobench.leaderboard.site.build import build_site

        chosen = choose_runs(records, demonstrations=demonstrations).records
        paths.append(build_site(board, chosen, output / "site", max_bytes=max_bytes))
    return Built(board, paths)

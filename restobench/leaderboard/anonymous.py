"""A leaderboard for reviewers: nothing in it says on whose machine it was made.

Names of methods, data sets and metrics, and what cards say, are what the tables are about and
stay: an author's own name in them is the author's to leave out, as with `--as` or `table.toml`.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from restobench.leaderboard.board import Cell, Leaderboard, Row, Table
from restobench.signature import Signature

_PLACES = re.compile(r"""(?<![\w.:/~])(?:~|[A-Za-z]:)?[/\\]+(?=[\w.])(?:[^\s'"/\\:;,()]+[/\\]+)*([^\s'"/\\:;,()]*)""")
"""A path, of which the last part stays."""
_REMOTES = re.compile(r"""(?:\b(?:ssh|git|file|s3|gs|az|hf|sftp|smb)(?:\+\w+)?://|\bgit@)[^\s'"]+""")
_ARCHIVES = re.compile(r"(imported(?:, scores only)?, .*?), from .*")
"""Who brought a run might be who wrote the paper."""
_PEOPLE = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+\w")


def anonymous(board: Leaderboard) -> Leaderboard:
    """The leaderboard without host, user, paths, remotes and addresses of people."""
    clean = scrubber()
    tables = tuple(_table(table, clean) for table in board.tables)
    return Leaderboard(tables, tuple(map(clean, board.left_out)))


def scrubber(host: str | None = None, user: str | None = None, home: Path | None = None) -> Callable[[str], str]:
    """What takes these names, and whatever looks like a path, a remote or an address, out of a text.

    Args:
        host: The machine's name; None: this one's.
        user: The person's; None: who asks.
        home: Their folder; None: theirs.
    """
    host = socket.gethostname() if host is None else host
    user = _user() if user is None else user
    home = Path.home() if home is None else home
    names = {host: "HOST", host.partition(".")[0]: "HOST", user: "USER", home.name: "USER"}
    words = [(re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"), to) for name, to in names.items() if len(name) > 1]

    def clean(text: str) -> str:
        text = text.replace(str(home), "/HOME")  # one with a space in it would not be taken for a single path
        text = _ARCHIVES.sub(r"\1", text)
        text = _REMOTES.sub("REMOTE", text)
        text = _PEOPLE.sub("PERSON", text)
        text = _PLACES.sub(lambda found: f"PATH/{found[1]}" if found[1] else "PATH", text)
        for word, to in words:
            text = word.sub(to, text)
        return text

    return clean


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an id without an entry; Python 3.13 made one of the other
        return ""


def _table(table: Table, clean: Callable[[str], str]) -> Table:
    rows = tuple(_row(row, clean) for row in table.rows)
    return replace(table, rows=rows, notes=tuple(map(clean, table.notes)))


def _row(row: Row, clean: Callable[[str], str]) -> Row:
    return replace(
        row,
        cells=tuple(_cell(cell, clean) for cell in row.cells),
        device=clean(row.device),
        timings=tuple(replace(timing, device=clean(timing.device)) for timing in row.timings),
        licence=clean(row.licence),
        training_data=clean(row.training_data),
        commands=tuple(map(clean, row.commands)),
        notes=tuple(map(clean, row.notes)),
    )


def _cell(cell: Cell, clean: Callable[[str], str]) -> Cell:
    published = tuple(
        replace(
            beside,
            remark=clean(beside.remark),
            verdict=beside.verdict and replace(beside.verdict, reason=clean(beside.verdict.reason)),
        )
        for beside in cell.published
    )
    signatures = tuple(_signature(line, clean) for line in cell.signatures)
    return replace(cell, signatures=signatures, problem=clean(cell.problem), published=published)


def _signature(line: str, clean: Callable[[str], str]) -> str:
    """The line with clean parts and, where that changed it, a hash of what it is now."""
    made = Signature.parse(line)
    parts = {name: tuple(map(clean, getattr(made, name))) for name in ("data", "metric", "img", "method", "seed")}
    return str(replace(made, **parts))

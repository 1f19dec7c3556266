"""What was worked out once: hashes of files, a metric's value for a pair of pictures, a picture's features.

One SQLite file in RESTOBENCH_HOME, which any number of processes may use at once.
Everything in it can be worked out again: deleting it costs time, nothing else.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from restobench.environment import home
from restobench.files import sha256_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TABLES = """
CREATE TABLE IF NOT EXISTS file_hash (
    path TEXT PRIMARY KEY, size INTEGER, modified_ns INTEGER, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric_value (
    metric TEXT, restored TEXT, gt TEXT, value REAL, PRIMARY KEY (metric, restored, gt)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS picture_features (
    kind TEXT, picture TEXT, vector BLOB, PRIMARY KEY (kind, picture));
"""
# A file changed within this time of being looked at may change again without its time moving.
_SETTLED_NS = 2_000_000_000


class Cache:
    """The cache in `folder`; in memory where that folder cannot be written."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open or create `folder`/cache.sqlite (default: in RESTOBENCH_HOME)."""
        folder = folder or home()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = self._open(str(folder / "cache.sqlite"))
        except (OSError, sqlite3.Error):
            self._database = self._open(":memory:")

    @staticmethod
    def _open(where: str) -> sqlite3.Connection:
        # One thread uses it; but whichever thread collects garbage closes it.
        database = sqlite3.connect(where, timeout=60, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLES)
        return database

    def __del__(self) -> None:
        """Close the file: from Python 3.13 on, one that is left open is warned of."""
        self._database.close()

    def hashes(self, paths: Iterable[Path]) -> dict[Path, str]:
        """SHA-256 of each file's bytes; a file whose size and time have not moved is not read again.

        Raises:
            OSError: A file cannot be read.
        """
        wanted = list(dict.fromkeys(paths))
        stats = {path: path.stat() for path in wanted}
        known: dict[Path, str] = {}
        for path in wanted:
            row = self._database.execute(
                "SELECT sha256 FROM file_hash WHERE path = ? AND size = ? AND modified_ns = ?",
                (str(path.absolute()), stats[path].st_size, stats[path].st_mtime_ns),
            ).fetchone()
            if row:
                known[path] = row[0]
        unknown = [path for path in wanted if path not in known]
        with ThreadPoolExecutor(4) as pool:
            fresh = dict(zip(unknown, pool.map(sha256_of, unknown), strict=True))
        settled = time.time_ns() - _SETTLED_NS
        self._write(
            "INSERT OR REPLACE INTO file_hash VALUES (?, ?, ?, ?)",
            [
                (str(path.absolute()), stats[path].st_size, stats[path].st_mtime_ns, sha256)
                for path, sha256 in fresh.items()
                if stats[path].st_mtime_ns < settled
            ],
        )
        return known | fresh

    def values(self, metric: str, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """The values known of a metric, by (hash of restored, hash of gt or "")."""
        found = {}
        for pair in pairs:
            row = self._database.execute(
                "SELECT value FROM metric_value WHERE metric = ? AND restored = ? AND gt = ?", (metric, *pair)
            ).fetchone()
            if row:
                found[pair] = float(row[0])
        return found

    def keep(self, metric: str, values: dict[tuple[str, str], float]) -> None:
        """Keep values of a metric. What is not a number is no value and is not kept."""
        rows = [(metric, *pair, value) for pair, value in values.items() if not math.isnan(value)]
        self._write("INSERT OR REPLACE INTO metric_value VALUES (?, ?, ?, ?)", rows)

    def features(self, kind: str, pictures: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The features of this kind that are kept of pictures, (dimensions,) each, by the picture's hash."""
        found = {}
        for picture in dict.fromkeys(pictures):
            row = self._database.execute(
                "SELECT vector FROM picture_features WHERE kind = ? AND picture = ?", (kind, picture)
            ).fetchone()
            if row:
                found[picture] = np.frombuffer(row[0], dtype="<f4")
        return found

    def keep_features(self, kind: str, vectors: dict[str, NDArray[np.float32]]) -> None:
        """Keep features of this kind, by the hash of their picture."""
        rows = [(kind, picture, vector.astype("<f4").tobytes()) for picture, vector in vectors.items()]
        self._write("INSERT OR REPLACE INTO picture_features VALUES (?, ?, ?)", rows)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Write, or do without where the disk is full or another process holds the file."""
        try:
            with self._database:
                self._database.executemany(statement, rows)
        except sqlite3.Error:
            return

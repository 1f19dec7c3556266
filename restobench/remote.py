"""Data sets that lie behind a URL: a folder of a web server, of a bucket, of whatever fsspec opens.

All that is done with a picture needs a file: hashing, decoding, comparing it again a year later. So
such a folder is brought here once, into RESTOBENCH_HOME, and afterwards compared with what lies there
now. Knows names, sizes and dates, and nothing of cards or samples. Never imports torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from restobench.environment import home
from restobench.errors import RestobenchError
from restobench.files import PART_PREFIX, write_json, writing, written_whole
from restobench.image import is_picture
from restobench.journal import UNFINISHED
from restobench.manifest import MANIFEST
from restobench.reporter import Reporter, Silence

BESIDE_PICTURES = ("card.toml", "prepared.json", MANIFEST, UNFINISHED)
"""What a data set's folder may hold beside pictures, and is brought with them."""

_KNOWN = "mirror.json"
"""Beside the folder that was brought: of each file what told that it is the one that lies there."""
_AT_ONCE = 8
_TELLING = ("ETag", "etag", "checksum", "md5Hash", "mtime", "LastModified", "last_modified", "Last-Modified")
"""What file systems say of a file that changes when it does."""

Marks = dict[str, str]
"""By path below the folder, size and date or hash as the file system tells them."""


def is_url(text: str) -> bool:
    """Whether a reference names a place that fsspec opens, `https://host/folder` or `zip://x::file.zip`."""
    return re.match(r"[a-z][a-z0-9+.-]+(://|::)", text) is not None


def mirrored(url: str, reporter: Reporter | None = None) -> Path:
    """The folder behind `url`, here: what is missing or has changed is brought, what is gone is removed.

    Where the server cannot be reached, the folder that was brought whole before is taken, and it is said.

    Raises:
        RestobenchError: It cannot be had, holds no pictures, or names files that would lie elsewhere.
    """
    reporter = reporter or Silence()
    if urlsplit(url).password:
        raise RestobenchError(
            f"The address of {urlsplit(url).hostname} holds a password, which would be kept with every run; "
            "leave it out, and put it where the server's library reads it (fsspec's configuration, ~/.netrc)."
        )
    url = url.rstrip("/")
    place = home() / "remote" / hashlib.sha256(url.encode()).hexdigest()[:16]
    folder = place / (re.sub(r"[^\w.+-]", "_", unquote(PurePosixPath(urlsplit(url).path).name)) or "folder")
    with writing():
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            _bring(_Remote(url), folder, reporter)
    return folder


class _Remote:
    """The files below a URL."""

    def __init__(self, url: str) -> None:
        """Find what opens it; asks no server."""
        from fsspec.core import url_to_fs

        self.url = url
        with self._told("could not be opened"):
            self.system, self._root = url_to_fs(url)
        # Web pages name their links as they travel; other systems name files as they are called.
        self._quoted = "http" in str(self.system.protocol)
        self._names: dict[str, str] = {}

    def marks(self) -> Marks:
        """Every wanted file, with what will tell whether it has changed.

        Raises:
            RestobenchError: The folder cannot be listed, or names a file outside of itself.
        """
        with self._told("could not be listed"):
            # `find` would leave out the folders that cannot be listed, and what was in them would be gone.
            walked = self.system.walk(self._root + "/" * self._quoted, detail=True, on_error="raise")
            found = {file["name"]: file for _, _, files in walked for file in files.values()}
        for name in found:
            path = name[len(self._root) :].lstrip("/")
            path = unquote(path) if self._quoted else path
            if path and (is_picture(Path(path)) or path in BESIDE_PICTURES):
                if any(step in ("", ".", "..") for step in path.split("/")) or "\\" in path or "\0" in path:
                    raise RestobenchError(f"{self.url} names a file {path!r}, which would lie elsewhere; not brought.")
                self._names[path] = name
        paths = sorted(self._names)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask") as pool, self._told("could not be read"):
            # A web page tells names alone.
            facts = list(pool.map(lambda path: self._facts(found[self._names[path]], self._names[path]), paths))
        return dict(zip(paths, map(_mark, facts), strict=True))

    def _facts(self, listed: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        return listed if listed.get("size") is not None else self.system.info(name)

    def get(self, path: str, to: Path, mark: str) -> None:
        """Bring one file.

        Raises:
            RestobenchError: It cannot be had, or not as a whole.
        """
        with written_whole(to) as beside:
            with self._told(f"has the file {path}, which could not be had"):
                self.system.get_file(self._names[path], str(beside))
            size = json.loads(mark)[0]
            if size is not None and beside.stat().st_size != size:
                raise RestobenchError(
                    f"{self.url}/{path} was broken off: {beside.stat().st_size} of {size} bytes came. Try again; "
                    "what is whole is kept."
                )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what a file system raises, which may be anything, into the user's error."""
        try:
            yield
        except (RestobenchError, KeyboardInterrupt):
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnreachableError(f"{self.url} {what}: {reason}") from error


class UnreachableError(RestobenchError):
    """What lies behind the URL cannot be asked now."""


def _mark(facts: Mapping[str, Any]) -> str:
    told = [str(facts[key]) for key in _TELLING if facts.get(key) is not None]
    return json.dumps([facts.get("size"), *told])


def _bring(remote: _Remote, folder: Path, reporter: Reporter) -> None:
    known = _known(folder)
    try:
        marks = remote.marks()
    except UnreachableError as error:
        if known is None or not known[1]:
            raise
        reporter.say(f"{error}; what was brought from there earlier is taken")
        return
    if not any(is_picture(Path(path)) for path in marks):
        raise RestobenchError(
            f"{remote.url} holds no pictures, or its server does not list them; bring the folder here by hand."
        )
    before = known[0] if known else {}
    here = {path: mark for path, mark in before.items() if marks.get(path) == mark and (folder / path).is_file()}
    _sweep(folder, set(marks))
    missing = [path for path in marks if path not in here]
    if missing or here.keys() != before.keys() or not (known and known[1]):
        _fetch(remote, folder, missing, here, marks, reporter)


def _fetch(
    remote: _Remote, folder: Path, missing: Sequence[str], here: Marks, marks: Marks, reporter: Reporter
) -> None:
    try:
        with (
            reporter.stage(f"{remote.url}: fetching", len(missing)) as advance,
            ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool,
        ):
            asked = {pool.submit(remote.get, path, folder / path, marks[path]): path for path in missing}
            try:
                for done in as_completed(asked):
                    done.result()
                    here[asked[done]] = marks[asked[done]]
                    advance(1, 0)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        write_json(folder.parent / _KNOWN, {"url": remote.url, "whole": here == marks, "files": here})


def _known(folder: Path) -> tuple[Marks, bool] | None:
    """What was brought, and whether that was all; None: nothing, or nobody can tell."""
    try:
        content = json.loads((folder.parent / _KNOWN).read_text(encoding="utf-8"))
        return dict(content["files"]), bool(content["whole"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sweep(folder: Path, wanted: set[str]) -> None:
    """Remove what lies there no more, and what a killed process left unfinished."""
    for path in folder.rglob("*"):
        if path.is_file() and (path.name.startswith(PART_PREFIX) or path.relative_to(folder).as_posix() not in wanted):
            path.unlink(missing_ok=True)

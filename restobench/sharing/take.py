"""An archive becomes a run of this machine's, beside those that were made here."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock, Timeout

from restobench.download import Listener, Patience, download, size_in_words
from restobench.environment import home
from restobench.errors import RestobenchError
from restobench.files import sha256_of, write_json, writing
from restobench.leaderboard.escaping import plain
from restobench.reporter import Reporter, Silence
from restobench.results import RunRecord
from restobench.sharing.again import Again, score_again
from restobench.sharing.archive import Archive, Limits, opened
from restobench.sharing.contents import PICTURES, refused
from restobench.sharing.unpack import Contents, extract, read_contents
from restobench.store import RunFolder, RunIdentity, now

AGAIN = 5
"""How many samples are scored again unless told otherwise."""
Listening = Callable[[], AbstractContextManager[Listener]]

_HASTY = Patience(connect=5, read=20, attempts=3, pause=0.5)
_UNFINISHED = ".import-"
"""How folders of unfinished imports begin, in the runs folder."""


@dataclass(frozen=True)
class Taken:
    """What became of an archive."""

    record: RunRecord
    new: bool
    """False: these very contents were here."""
    again: Again = field(default_factory=Again)
    beside: str = ""
    """What differs from the run of this key that was made here; empty: there is none."""


def import_run(
    source: str,
    runs: Path,
    *,
    again: int = AGAIN,
    dataset: str | Path | None = None,
    listening: Listening | None = None,
    patience: Patience | None = None,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Taken:
    """Take the archive of a run into `runs`, whole or not at all.

    Args:
        source: A file, or an address (http, https).
        runs: The folder of the runs.
        again: How many samples to score again.
        dataset: Where the run's data set is, if it is not known by its name.
        listening: Opens who hears how a download goes; closed when it is here.
        patience: With the server.
        limits: Beyond what an archive is refused.
        reporter: Who hears how it goes.

    Raises:
        RestobenchError: It cannot be had, is no archive of a run, contradicts itself, or its numbers are
            not those of its pictures. Nothing is imported then.
    """
    if urlsplit(source).scheme in ("http", "https"):
        most = (limits or Limits()).archive_bytes
        with _fetched(source, listening or _Silent, patience or _HASTY, most) as place:
            return _take(place, _address(source), runs, again, dataset, limits, reporter or Silence())
    if "://" in source:
        raise RestobenchError(f"{source} is neither a file nor an address that begins with http:// or https://.")
    place = Path(source).expanduser()
    if place.is_dir():
        raise RestobenchError(f"{place} is a folder; name the archive that 'restobench results export' made.")
    return _take(place, place.name, runs, again, dataset, limits, reporter or Silence())


def _take(
    place: Path,
    called: str,
    runs: Path,
    number: int,
    dataset: str | Path | None,
    limits: Limits | None,
    reporter: Reporter,
) -> Taken:
    with opened(place, limits) as archive:
        contents = read_contents(archive)
        identity = RunIdentity(
            contents.run.dataset.name, contents.run.label, contents.run.variant,
            contents.raw_run["determinants"], contents.run.sources,
        )  # fmt: skip
        own = identity.folder(runs)
        target = RunFolder(own.path.with_name(f"{own.path.name}-imported-{archive.sha256[:8]}"))
        with writing(), _importing(runs) as beside:
            if target.run_path.exists():
                return Taken(RunRecord.read(target), new=False)
            if target.path.exists():
                raise RestobenchError(f"{target.path} is in the way, and holds no run; move it elsewhere.")
            difference = ""
            if own.run_path.exists():
                difference = _difference(archive, contents, own)
                if not difference:
                    return Taken(RunRecord.read(own), new=False)
            unfinished = RunFolder(beside)
            if archive.manifest.pictures:
                with reporter.stage(f"{called}: checking", len(contents.pixels)) as advance:
                    extract(archive, contents, beside, lambda done: advance(done, 0))
            else:
                extract(archive, contents, beside)
            scored = score_again(
                unfinished, contents, seed=archive.sha256, number=number, dataset=dataset, reporter=reporter
            )
            run = contents.raw_run
            if dataset is not None and scored.dataset:
                run = run | {"dataset": run["dataset"] | {"reference": scored.dataset.reference}}
            write_json(unfinished.imported_path, _record(archive, contents, scored, place, called))
            write_json(unfinished.run_path, run)
            target.path.parent.mkdir(parents=True, exist_ok=True)
            beside.rename(target.path)
    return Taken(RunRecord.read(target), True, scored, difference)


def _record(archive: Archive, contents: Contents, scored: Again, place: Path, called: str) -> dict[str, object]:
    """imported.json."""
    checked = {"samples": list(scored.samples), "metrics": list(scored.metrics), "left_out": scored.left_out or {}}
    return {
        "from": plain(called),
        "when": now(),
        "archive": sha256_of(place),
        "manifest": archive.sha256,
        "pictures": archive.manifest.pictures,
        "restored": contents.run.samples.restored,
        "permission": archive.manifest.permission,
        "earlier": archive.manifest.came_here,
        "again": checked if scored.samples else None,
        "not_checked": scored.not_checked or None,
    }


def _difference(archive: Archive, contents: Contents, own: RunFolder) -> str:
    """What tells an archive from the run of this key that was made here; empty: nothing does."""
    found = []
    if archive.manifest.pictures:
        theirs = {
            path.removeprefix(PICTURES).removesuffix(".png"): facts.sha256
            for path, facts in archive.manifest.files.items()
            if path.startswith(PICTURES)
        }
        there = own.restored_ids()
        ours = {sample_id: sha256_of(own.picture(sample_id)) for sample_id in there}
        if moved := [one for one in theirs.keys() | ours.keys() if theirs.get(one) != ours.get(one)]:
            found.append(f"{len(moved)} of {len(theirs.keys() | ours.keys())} pictures")
    means = [{row["metric"]: row for row in rows} for rows in (contents.raw_summary, own.read_summary())]
    names = [name for name in means[0] | means[1] if _mean(means[0], name) != _mean(means[1], name)]
    if names:
        found.append(", ".join(names))
    return " and ".join(found)


def _mean(rows: dict[str, dict[str, float]], name: str) -> float | None:
    return rows.get(name, {}).get("mean")


@contextmanager
def _importing(runs: Path) -> Iterator[Path]:
    """An empty folder in `runs`, where no table looks; what is left of it afterwards is removed.

    Raises:
        RestobenchError: Another import into these runs is under way, or they cannot be written.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        lock = FileLock(runs / ".import.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise RestobenchError(f"Another import into {runs} is under way; wait for it.") from None
    except OSError as error:
        raise RestobenchError(f"The runs folder {runs} cannot be written: {error.strerror}.") from None
    try:
        for left in runs.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=runs))
        beside.chmod(0o755)
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    finally:
        lock.release()


@contextmanager
def _fetched(url: str, listening: Listening, patience: Patience, most: int) -> Iterator[Path]:
    """The file at an address, kept until it was taken in: what broke off goes on.

    Raises:
        RestobenchError: The address holds a password, or the file cannot be had.
    """
    if urlsplit(url).password:
        raise RestobenchError(
            f"The address of {urlsplit(url).hostname} holds a password, which would be kept with the run; download "
            "the archive by hand, and name the file."
        )
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    path = home() / "downloads" / "runs" / f"{name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        with listening() as listener:
            download(url, path, listener=_Bounded(listener, most), patience=patience)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _address(url: str) -> str:
    """Where it came from, without what may be a key to it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _Bounded:
    """Ends a download that is larger than any archive: a server need not say where it will stop."""

    def __init__(self, listener: Listener, most: int) -> None:
        self._listener, self._most = listener, most

    def progress(self, received: int, total: int | None) -> None:
        """Raises RestobenchError beyond the limit."""
        if max(received, total or 0) > self._most:
            raise refused(f"it has more than {size_in_words(self._most)}, as no run has")
        self._listener.progress(received, total)

    def say(self, line: str) -> None:
        """Pass it on."""
        self._listener.say(line)


class _Silent(AbstractContextManager["_Silent"]):
    """Nobody hears how a download goes."""

    def __exit__(self, *ended: object) -> None:
        """Nothing was opened."""

    def progress(self, received: int, total: int | None) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

"""Trained weights brought to their place: fetched, or added by hand; and what lies there read again.

The only thing here that asks the network for weights, and only when it is told to. Never imports torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from restobench.card import Hub
from restobench.download import Listener, Patience, UnavailableError, download, size_in_words
from restobench.errors import RestobenchError
from restobench.files import is_web_page, sha256_of, writing, written_whole
from restobench.hub import all_published, altered, fetch_repository, snapshot_of
from restobench.plugins import find_plugin
from restobench.weights import Part, given_files, hash_of, record_of

Verdict = Literal["official", "recorded", "altered", "unknown", "missing"]
"""Of a file's hash: it is its authors', that of the first download, neither, or there is nothing to compare with."""


def fetch(part: Part, listener: Listener, patience: Patience | None = None) -> Path:
    """Bring a part's file to its place, where it is not there, or not what it should be.

    A repository comes to the hub's cache, by its library's own patience.

    Asks the network for nothing that is there. Where the card has no official SHA-256, that
    of the first download is recorded beside the file, and compared from then on.

    Returns:
        Where the file or folder is.

    Raises:
        RestobenchError: The card names no address, or what `download` and `fetch_repository` raise.
    """
    path = part.place
    if path is not None and part.facts.bundled:
        _refuse_lost(part, path)
        listener.say(f"{path.name} comes with the package")
        return path
    if path is not None and part.facts.hub is not None:
        with writing(), _lock(path, listener):
            return _fetch_repository(part, part.facts.hub, listener)
    if path is None or part.facts.url is None:
        raise RestobenchError(f"The card names no address for {part.title}. {_by_hand(part)}")
    with writing(), _lock(path, listener):
        if part.there and _is_right(part, path, listener):
            return path
        try:
            found = download(
                part.facts.url,
                path,
                size=part.facts.size,
                sha256=part.expected,
                listener=listener,
                patience=patience,
            )
        except UnavailableError as error:
            raise RestobenchError(f"{error}\nOr get it in another way. {_by_hand(part)}") from error
        except RestobenchError as error:
            if part.facts.sha256 or not part.expected:
                raise
            raise RestobenchError(
                f"{error}\nThe second hash is that of the first download. If its authors replaced the file and you "
                f"want the new one, delete {record_of(path)} and fetch it again; it makes other runs."
            ) from error
        _remember(part, path, found, listener)
    return path


def add(part: Part, source: Path, listener: Listener, *, link: bool = False) -> Path:
    """Put a file or a folder that is here already into a part's place: a copy, or with `link` the very files.

    Raises:
        RestobenchError: The file is not there or is not the part's, or the part has no place.
    """
    path = part.place
    if path is None:
        raise RestobenchError(f"The card names no file for {part.title}; give it with each run: --weights FILE.")
    if part.facts.bundled:
        raise RestobenchError(
            f"The file for {part.title} comes with the package; give another with each run: --weights FILE."
        )
    files = given_files(part.facts, source)
    with writing(), _lock(path, listener):
        hashes = {file: _checked(part, file) for file in files.values()}
        found = hash_of(files, hashes)
        if part.expected not in (None, found):
            recorded = "" if part.facts.sha256 else f" To take it all the same, delete {record_of(path)}."
            raise RestobenchError(
                f"{source} is not {part.title}: its SHA-256 is {found}, and should be {part.expected}.{recorded}"
            )
        for name, file in files.items():
            _put(file, path / name if part.facts.hub else path, hashes[file], link=link)
        _remember(part, path, found, listener)
    return path


def _put(source: Path, path: Path, sha256: str, *, link: bool) -> None:
    """A copy at `path`, or a link; nothing where it is that file already."""
    if path.is_file() and path.samefile(source):
        return
    with written_whole(path) as beside:
        if link:
            _link(source, beside)
            return
        shutil.copyfile(source, beside)
        if sha256_of(beside) != sha256:
            raise RestobenchError(f"{source} changed while it was copied; try again when it is finished.")


def verify(part: Part) -> tuple[Verdict, str]:
    """Read a part's file again, and say what it is and why.

    Raises:
        RestobenchError: What was recorded at the first download is damaged.
    """
    files = part.files
    if not files:
        return "missing", "not there"
    hashes = {path: sha256_of(path) for path in files.values()}
    if wrong := altered(files, hashes):
        return "altered", f"{files[wrong[0]]} is not what the hub says; delete it and get it again"
    if all_published(files):
        return "official", "the hashes are those that the hub tells"
    expected, found = part.expected, hash_of(files, hashes)
    if expected is None:
        return "unknown", f"nothing to compare with; its SHA-256 is {found}"
    if found != expected:
        return "altered", f"its SHA-256 is {found}, and should be {expected}; delete the file and get it again"
    if part.facts.sha256:
        return "official", "the SHA-256 is its authors'"
    return "recorded", "the SHA-256 is that of the first download"


def _refuse_lost(part: Part, path: Path) -> None:
    if not path.is_file():
        plugin = find_plugin("restobench.methods", part.owner)
        raise RestobenchError(f"{path} should have come with '{plugin.distribution}'; install that again.")


def _fetch_repository(part: Part, hub: Hub, listener: Listener) -> Path:
    again = False
    if part.there and part.path:
        verdict, reason = verify(part)
        if verdict != "altered":
            size = sum(path.stat().st_size for path in part.files.values())
            listener.say(f"{hub.repository} is there already ({size_in_words(size)})")
            return part.path
        if part.path == part.place:
            raise RestobenchError(f"{part.path}: {reason}.")
        listener.say(f"{reason}; it is fetched again")
        again = True
    try:
        return snapshot_of(fetch_repository(hub, listener, again=again))
    except UnavailableError as error:
        raise RestobenchError(f"{error}\nOr get it in another way. {_by_hand(part)}") from error


def _link(source: Path, beside: Path) -> None:
    try:
        beside.hardlink_to(source.resolve())
    except OSError as error:
        raise RestobenchError(
            f"{source} cannot be linked into {beside.parent} ({error.strerror}); leave --link out to copy it."
        ) from error


def _is_right(part: Part, path: Path, listener: Listener) -> bool:
    """Whether the file that is there can stay. One that nothing was known of is known from now on."""
    size = path.stat().st_size
    right_size = part.facts.size in (None, size)
    found = sha256_of(path) if right_size else None
    if found is None or part.expected not in (None, found):
        listener.say(f"{path} is not what it should be; it is fetched again")
        return False
    listener.say(f"{path.name} is there already ({size_in_words(size)})")
    _remember(part, path, found, listener)
    return True


def _checked(part: Part, source: Path) -> str:
    """The SHA-256 of a file that can be the part's, or one of its files."""
    size = source.stat().st_size
    if part.facts.size is not None and size != part.facts.size:
        raise RestobenchError(f"{source} is not {part.title}: it has {size} bytes, and should have {part.facts.size}.")
    with source.open("rb") as file:
        start = file.read(512)
    if not start or is_web_page(start):
        raise RestobenchError(f"{source} is {'a web page' if start else 'empty'} and not {part.title}; get it again.")
    return sha256_of(source)


def _remember(part: Part, path: Path, found: str, listener: Listener) -> None:
    """Where nothing but this file can say what it must be from now on, write it down."""
    if part.expected is None:
        with written_whole(record_of(path)) as beside:
            beside.write_text(f"{found}  {path.name}\n", encoding="utf-8")
        listener.say(f"{path.name}: no official SHA-256 is known; recorded {found}, to be compared from now on")


def _by_hand(part: Part) -> str:
    if part.place is None:
        return f"Give it with each run: --weights FILE. {part.facts.help}".strip()
    what = "folder" if part.facts.hub else "file"
    return (
        f"Put a {what} that you have in its place: restobench weights add {part.reference} {part.name}={what.upper()}"
    )


@contextmanager
def _lock(path: Path, listener: Listener) -> Iterator[None]:
    """One process at a time brings a file; the next finds it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        listener.say(f"{path.name}: another process is at it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

"""Weights that are files of a repository on the Hugging Face hub: where they lie, and how they get here.

They lie in the cache that all of Hugging Face's libraries share, or in a folder that somebody
gives. Looking imports nothing of theirs; fetching is their library's work. The cache names a
file by the hash that the hub tells of it, so that what lies there can be checked at any time.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from restobench.card import Hub
from restobench.download import Listener, UnavailableError
from restobench.errors import RestobenchError
from restobench.files import sha256_of

_ANSWER_SECONDS = 10.0
"""How long to wait for the hub to say what it has."""


def cache_folder() -> Path:
    """The hub's cache, as Hugging Face's libraries find it: HF_HUB_CACHE, or `hub` in HF_HOME."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(os.path.expandvars(chosen)).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def files_in(folder: Path, hub: Hub) -> dict[str, Path]:
    """The wanted files of a repository that `folder` holds, by their path in it.

    Raises:
        RestobenchError: One of them is not there.
    """
    found, missing = _look(folder, hub)
    if missing:
        wanted = " or ".join(missing[0].split("|"))
        raise RestobenchError(
            f"The folder {folder} has no {wanted}; it must hold these files of {hub.repository}: {_listed(hub)}."
        )
    return found


def cached_files(hub: Hub) -> dict[str, Path] | None:
    """The wanted files in the cache, by their path in the repository; None where one is missing."""
    folder = _repository_folder(hub)
    try:
        commit = (folder / "refs" / hub.revision).read_text(encoding="utf-8").strip()
    except OSError:
        commit = hub.revision  # perhaps a commit itself
    found, missing = _look(folder / "snapshots" / commit, hub)
    return None if missing else found


def snapshot_of(files: Mapping[str, Path]) -> Path:
    """The folder that files of a repository are paths below."""
    name, path = next(iter(files.items()))
    return path.parents[name.count("/")]


def fetch_repository(hub: Hub, listener: Listener, *, again: bool = False) -> dict[str, Path]:
    """Bring the wanted files to the cache, where they are not there, and check them.

    Args:
        hub: What is wanted.
        listener: Who is told.
        again: Whether to fetch what is there, too.

    Raises:
        UnavailableError: The hub cannot be reached or has no such files.
        RestobenchError: What came is not what the hub says it is.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError, of the library it speaks HTTP by
        HTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    listener.say(f"{hub.repository}: {_listed(hub)}, into {cache_folder()}")
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        facts = HfApi(endpoint).model_info(hub.repository, revision=hub.revision, timeout=_ANSWER_SECONDS)
        offered = {sibling.rfilename for sibling in facts.siblings or ()}
        names = {file: next((name for name in file.split("|") if name in offered), None) for file in hub.files}
        if missing := [file.replace("|", " or ") for file, name in names.items() if name is None]:
            raise UnavailableError(f"{_address(hub)} has no {' and no '.join(missing)}.")
        folder = snapshot_download(
            hub.repository,
            revision=hub.revision,
            cache_dir=cache_folder(),
            allow_patterns=[name for name in names.values() if name],
            etag_timeout=_ANSWER_SECONDS,
            force_download=again,
            endpoint=endpoint,
        )
    except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise UnavailableError(f"{_address(hub)} could not be had: {_short(error)}.") from error
    files = files_in(Path(folder), hub)
    if wrong := altered(files, {path: sha256_of(path) for path in files.values()}):
        raise RestobenchError(
            f"{snapshot_of(files) / wrong[0]} is not what the hub says it is; fetch {hub.repository} again."
        )
    return files


def altered(files: Mapping[str, Path], sha256: Mapping[Path, str]) -> list[str]:
    """The names of files in the cache that are not what the hub told of them when they were fetched.

    Args:
        files: Paths by name; those outside of the cache are passed over.
        sha256: Of each path.
    """
    return [name for name, path in files.items() if _as_published(path, sha256[path]) is False]


def all_published(files: Mapping[str, Path]) -> bool:
    """Whether the hub's own hash is known of every file."""
    return all(_published_hash(path) for path in files.values())


def _as_published(path: Path, sha256: str) -> bool | None:
    """Whether the file has the hash that the hub told of it; None where nothing tells."""
    published = _published_hash(path)
    if published is None:
        return None
    return published == (sha256 if len(published) == 64 else _git_hash(path))


def _published_hash(path: Path) -> str | None:
    """SHA-256 of large files and git's hash of small ones: what the cache calls the file itself."""
    real = path.resolve()
    is_hash = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", real.name)
    return real.name if is_hash and real.parent.name == "blobs" else None


def _git_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _look(folder: Path, hub: Hub) -> tuple[dict[str, Path], list[str]]:
    """What there is of the wanted files, and what there is not."""
    found: dict[str, Path] = {}
    missing = []
    for file in hub.files:
        there = next((name for name in file.split("|") if (folder / name).is_file()), None)
        if there:
            found[there] = folder / there
        else:
            missing.append(file)
    return found, missing


def _repository_folder(hub: Hub) -> Path:
    return cache_folder() / f"models--{hub.repository.replace('/', '--')}"


def _address(hub: Hub) -> str:
    return f"{(os.environ.get('HF_ENDPOINT') or 'https://huggingface.co').rstrip('/')}/{hub.repository}"


def _listed(hub: Hub) -> str:
    return ", ".join(file.replace("|", " or ") for file in hub.files)


def _short(error: Exception) -> str:
    """The library's reason without its advice, which goes on for lines."""
    cause = error.__cause__ if error.__cause__ is not None else error
    if type(cause).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set"
    response = getattr(cause, "response", None)
    if response is not None:
        closed = response.status_code in (401, 403, 404)
        return f"the hub answered {response.status_code}" + " (not there, or not for everybody)" * closed
    reason = (str(cause) or type(cause).__name__).splitlines()[0].rstrip(".")
    return f"the hub could not be reached ({reason})"

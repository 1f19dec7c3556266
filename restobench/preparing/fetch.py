"""`datasets fetch`: the archive of a data set, where its card names an address that a program may use."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from filelock import FileLock

from restobench.dataset import how_to_get
from restobench.download import Listener, Patience, download
from restobench.environment import home
from restobench.errors import RestobenchError
from restobench.preparing.prepare import Published


def fetch_archive(published: Published, listener: Listener, patience: Patience | None = None) -> Path:
    """Download the data set's archive, or find that it is there; an interrupted download goes on.

    Raises:
        RestobenchError: Its terms or its publisher leave it to a person; or it could not be had.
    """
    card = published.card
    name = published.folder.name
    if card.crops:
        raise RestobenchError(f"'{name}' comes with restobench; there is nothing to fetch.")
    if card.url is None:
        raise RestobenchError(f"'{name}' has no address that a program may fetch it from. {how_to_get(card, name)}")
    path = home() / "downloads" / name / (PurePosixPath(urlsplit(card.url).path).name or "archive")
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        if not path.is_file():
            download(card.url, path, listener=listener, patience=patience)
    return path

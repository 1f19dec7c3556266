import io
import zipfile
from pathlib import Path

import pytest

from restobench.preparing.fetch import fetch_archive
from restobench.preparing.prepare import prepare_dataset
from tests.file_server import FileServer
from tests.preparing.replicas import png, small


class Deaf:
    """Hears of a download, and does nothing."""

    def progress(self, received: int, total: int | None) -> None:
        pass

    def say(self, line: str) -> None:
        pass


def test_an_archive_is_fetched_once_and_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the address on its card; a second command finds it there."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ResShift-abc/testdata/RealSet80/a.png", png(1, 9, 9))
        archive.writestr("ResShift-abc/testdata/RealSet65/a.png", png(2, 9, 9))
    with FileServer(packed.getvalue()).running() as server:
        published = small("realset80", count=1, url=server.url("HEAD.zip"))

        paths = {fetch_archive(published, Deaf()) for _ in range(2)}

    (path,) = paths
    assert len(server.asked) == 1
    assert path == tmp_path / "home" / "downloads" / "realset80" / "HEAD.zip"
    assert prepare_dataset(published, [path], output=tmp_path / "set").card.count == 1

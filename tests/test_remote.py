import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest

from restobench.cache import Cache
from restobench.dataset import open_dataset
from restobench.environment import home
from restobench.errors import RestobenchError
from restobench.image import write_picture
from restobench.remote import is_url, mirrored
from tests.conftest import picture

NAMES = ("a.png", "b c/d.png", "ü%20.png")


class WebServer:
    """Serves a folder of this machine, and keeps what it was asked for."""

    def __init__(self, folder: Path) -> None:
        asked: list[str] = []

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.asked = asked
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def fetched(self) -> list[str]:
        """The pictures that were asked for since the last time."""
        pictures = [path for path in self.asked if path.endswith(".png")]
        self.asked.clear()
        return pictures

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder `served/a set` with lq and gt at x2, with names that a URL must quote."""
    folder = tmp_path / "served" / "a set"
    for number, name in enumerate(NAMES):
        write_picture(folder / "lq" / name, picture(number, 17, 13))
        write_picture(folder / "gt" / name, picture(number, 34, 26))
    (folder / "lq" / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def server(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    server = WebServer(pairs.parent)
    yield server
    server.stop()


def test_a_folder_behind_a_url_is_the_same_data_set(server: WebServer, pairs: Path) -> None:
    """Pairs, scale, ids and contents, whatever the names hold."""
    there, here = open_dataset(f"{server.url}/a%20set/"), open_dataset(pairs)

    assert [sample.id for sample in there.samples] == [sample.id for sample in here.samples]
    assert there.fingerprint(Cache()) == here.fingerprint(Cache())
    assert (there.scale, there.revision, there.reference) == (2, "folder", f"{server.url}/a%20set/")
    assert there.name == here.name.replace(" ", "_")
    assert not list(home().rglob("notes.txt"))


def test_nothing_is_fetched_twice_and_what_changed_is(server: WebServer, pairs: Path) -> None:
    """A picture that was replaced, one that is new, one that is gone."""
    url = f"{server.url}/a%20set"
    mirrored(url)
    assert len(server.fetched) == 6

    mirrored(url)
    assert server.fetched == []

    write_picture(pairs / "lq" / "a.png", picture(9, 19, 13))
    write_picture(pairs / "gt" / "e.png", picture(9, 19, 13))
    (pairs / "lq" / "b c" / "d.png").unlink()
    folder = mirrored(url)
    assert sorted(server.fetched) == ["/a%20set/gt/e.png", "/a%20set/lq/a.png"]
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}
    assert there == {path.relative_to(pairs).as_posix(): path.read_bytes() for path in pairs.rglob("*.png")}


def test_a_set_that_was_brought_outlives_its_server(server: WebServer) -> None:
    """A run from a year ago can still be scored; but half a set is none."""
    url = f"{server.url}/a%20set"
    whole = open_dataset(url).fingerprint(Cache())
    server.stop()

    assert open_dataset(url).fingerprint(Cache()) == whole
    (home() / "remote").rename(home() / "elsewhere")
    with pytest.raises(RestobenchError, match="could not be listed"):
        open_dataset(url)


def test_it_goes_on_after_a_failure(server: WebServer, pairs: Path, tmp_path: Path) -> None:
    """What came is kept; what did not is told."""
    url = f"{server.url}/a%20set"
    hidden = tmp_path / "hidden.png"
    shutil.move(pairs / "lq" / "a.png", hidden)
    (pairs / "lq" / "a.png").mkdir()  # listed as a folder; then a page in a picture's place
    (pairs / "lq" / "z.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RestobenchError, match=r"z\.png"):
        mirrored(url)

    (pairs / "lq" / "z.png").unlink()
    (pairs / "lq" / "a.png").rmdir()
    shutil.move(hidden, pairs / "lq" / "a.png")

    assert open_dataset(url).fingerprint(Cache()) == open_dataset(pairs).fingerprint(Cache())


def test_a_prepared_set_is_opened_by_its_card(server: WebServer, pairs: Path) -> None:
    """What says itself what it holds says so behind a URL too, and when it is not finished."""
    card = """
    name = "my-set"
    title = "Mine"
    summary = "Of a test."
    revision = "7"
    task = "restoration"
    scale = 2
    count = 3
    size = "varying"
    licence = "none"
    source = "here"
    protocol = "offline-v1"
    lq = "lq/**/*.png"
    gt = "gt/**/*.png"
    """
    (pairs / "card.toml").write_text(card)

    dataset = open_dataset(f"{server.url}/a%20set")

    assert (dataset.name, dataset.revision, dataset.task) == ("my-set", "7", "restoration")
    (pairs / "making.jsonl").write_text("{}")
    with pytest.raises(RestobenchError, match="is not finished"):
        open_dataset(f"{server.url}/a%20set")


def test_any_file_system_of_fsspec_will_do(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory, and inside a zip."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    memory = fsspec.filesystem("memory")
    memory.put(f"{pairs}/", "/a set", recursive=True)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", pairs)
    wanted = open_dataset(pairs).fingerprint(Cache())

    try:
        assert open_dataset("memory://a set").fingerprint(Cache()) == wanted
    finally:
        memory.rm("/a set", recursive=True)
    assert open_dataset(f"zip://::{packed}").fingerprint(Cache()) == wanted


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://me:secret@host/a", "holds a password"),
        ("nonsense://host/a", "could not be opened"),
        ("memory://nothing", "could not be listed"),
    ],
)
def test_what_cannot_be_had_is_said(url: str, words: str) -> None:
    """Before anything is asked, and never with the secret in it."""
    with pytest.raises(RestobenchError, match=words) as told:
        open_dataset(url)

    assert "secret" not in str(told.value)


def test_names_and_paths_are_no_urls() -> None:
    """What was a data set before still is."""
    assert not any(map(is_url, ("demo", "realsr@v3-full", "./a:b", "C:/pictures", "/a/b::c")))
    assert all(map(is_url, ("https://host/a", "s3://bucket/a", "zip::https://host/a.zip")))

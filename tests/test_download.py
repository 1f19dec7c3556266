"""Against a server on this machine; what a real one does wrong, it does on demand."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from restobench.download import Patience, UnavailableError, download, size_in_words
from restobench.errors import RestobenchError
from tests.file_server import Behaviour, FileServer, content

BODY = content(300_001)
SHA256 = hashlib.sha256(BODY).hexdigest()
IMPATIENT = Patience(connect=10, read=10, attempts=2, pause=0)
HASTY = Patience(connect=10, read=0.5, attempts=2, pause=0)
"""For servers that go silent; on a busy machine others may take as long."""


class Heard:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.received: list[tuple[int, int | None]] = []

    def progress(self, received: int, total: int | None) -> None:
        self.received.append((received, total))

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(BODY).running() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "weights" / "model.pth"


def get(
    server: FileServer,
    path: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    patience: Patience = IMPATIENT,
) -> Heard:
    heard = Heard()
    download(server.url(), path, size=size, sha256=sha256, listener=heard, patience=patience)
    return heard


def leave_a_part(server: FileServer, path: Path) -> int:
    """What a download leaves that breaks off and whose server is gone then; the bytes of it."""
    server.behaviours = ["break off", 503]
    with pytest.raises(UnavailableError):
        get(server, path)
    server.behaviours = ["good"]
    server.asked.clear()
    part = path.with_name("model.pth.part")
    assert not path.exists()
    assert BODY.startswith(part.read_bytes())
    return part.stat().st_size


def test_a_file_arrives_and_nothing_is_left_beside_it(server: FileServer, path: Path) -> None:
    """The hash is what a caller records."""
    found = download(server.url(), path, size=len(BODY), listener=Heard())

    assert found == SHA256
    assert path.read_bytes() == BODY
    assert [each.name for each in path.parent.iterdir()] == ["model.pth"]


def test_a_redirect_is_followed(server: FileServer, path: Path) -> None:
    """Release pages send to a store elsewhere."""
    download(f"{server.address}/moved", path, listener=Heard())

    assert path.read_bytes() == BODY


def test_the_progress_is_told_in_bytes(server: FileServer, path: Path) -> None:
    """From which a bar has its speed and the time left."""
    heard = get(server, path)

    assert heard.received[0] == (0, len(BODY))
    assert heard.received[-1] == (len(BODY), len(BODY))
    assert heard.received == sorted(heard.received)


def test_what_broke_off_goes_on_where_it_stopped(server: FileServer, path: Path) -> None:
    """Within one call; the second request asks for the rest alone, on condition that the file is the same."""
    server.behaviours = ["break off", "good"]

    heard = get(server, path)

    assert path.read_bytes() == BODY
    assert server.ranges[0] is None
    assert server.ranges[1] is not None
    assert server.asked[1]["If-Range"] == '"first"'
    assert any("trying again" in line for line in heard.lines)
    assert any("going on after" in line for line in heard.lines)


def test_a_later_call_goes_on_too(server: FileServer, path: Path) -> None:
    """The part outlives the process that began it."""
    received = leave_a_part(server, path)
    assert received > 0

    heard = get(server, path)

    assert path.read_bytes() == BODY
    assert server.ranges == [f"bytes={received}-"]
    assert heard.received[0] == (received, len(BODY))


def test_a_date_does_where_there_is_no_etag(server: FileServer, path: Path) -> None:
    """A weak ETag does not stand for the very bytes."""
    server.etag, server.dated = 'W/"weak"', "Sat, 21 Nov 2020 10:00:00 GMT"
    received = leave_a_part(server, path)

    get(server, path)

    assert server.ranges == [f"bytes={received}-"]
    assert server.asked[0]["If-Range"] == server.dated


def test_without_etag_and_date_a_known_hash_allows_to_go_on(server: FileServer, path: Path) -> None:
    """Nothing else could tell a changed file; without it all is asked for again."""
    server.etag = None
    received = leave_a_part(server, path)

    get(server, path)
    path.unlink()
    assert leave_a_part(server, path) == received
    get(server, path, sha256=SHA256)

    assert server.ranges == [f"bytes={received}-"]
    assert path.read_bytes() == BODY


def test_a_server_that_ignores_range_starts_anew(server: FileServer, path: Path) -> None:
    """Its answer begins with the first byte and must not be glued on."""
    leave_a_part(server, path)
    server.behaviours = ["ignore range"]

    heard = get(server, path)

    assert path.read_bytes() == BODY
    assert any("from the beginning" in line for line in heard.lines)


@pytest.mark.parametrize("behaviour", ["good", "pass over if-range"])
@pytest.mark.parametrize("size", [len(BODY), len(BODY) + 7])
def test_a_file_that_changed_in_between_is_not_glued_together(
    server: FileServer, path: Path, behaviour: Behaviour, size: int
) -> None:
    """Half of one release and half of the next would load, and restore badly."""
    leave_a_part(server, path)
    server.body, server.etag, server.behaviours = content(size, seed=1), '"second"', [behaviour]

    get(server, path)

    assert path.read_bytes() == server.body


def test_pieces_that_do_not_fit_are_thrown_away_once(server: FileServer, path: Path) -> None:
    """A server without ETag that changed the file is found out by the hash, and asked for the whole."""
    server.etag = None
    leave_a_part(server, path)
    server.body = content(len(BODY), seed=1)

    get(server, path, sha256=hashlib.sha256(server.body).hexdigest())

    assert path.read_bytes() == server.body
    assert server.ranges[1] is None


def test_a_kill_before_the_last_step_costs_no_download(server: FileServer, path: Path) -> None:
    """All bytes are there, and only the name is missing."""
    path.parent.mkdir()
    path.with_name("model.pth.part").write_bytes(BODY)
    state = {"url": server.url(), "validator": '"first"', "total": len(BODY)}
    path.with_name("model.pth.part.json").write_text(json.dumps(state))

    get(server, path)

    assert path.read_bytes() == BODY
    assert server.asked == []


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        "{}",
        '{"url": 1, "validator": 2, "total": "3"}',
        '{"url": "http://else.where/", "validator": "x", "total": 9}',
    ],
)
def test_a_part_of_which_nothing_is_known_is_begun_anew(server: FileServer, path: Path, state: str) -> None:
    """Also where the card's address has changed."""
    path.parent.mkdir()
    path.with_name("model.pth.part").write_bytes(b"of something else")
    path.with_name("model.pth.part.json").write_text(state)

    get(server, path)

    assert path.read_bytes() == BODY
    assert server.ranges == [None]


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_pass_is_tried_again(server: FileServer, path: Path, status: Behaviour) -> None:
    """A few times, each after a longer pause."""
    server.behaviours = [status, "good"]

    get(server, path)

    assert len(server.asked) == 2
    assert path.read_bytes() == BODY


def test_the_patience_has_an_end(server: FileServer, path: Path) -> None:
    """The sentence names the address and the last reason."""
    server.behaviours = [503]

    with pytest.raises(UnavailableError, match=r"model\.pth could not be had: the server answered 503 .*, 2 times"):
        get(server, path)

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "no such file"), (403, "may want an account, or a licence to be accepted"), (418, r"refused \(418")],
)
def test_what_will_not_pass_is_asked_once(server: FileServer, path: Path, status: Behaviour, words: str) -> None:
    """And says what the status means."""
    server.behaviours = [status]

    with pytest.raises(UnavailableError, match=words):
        get(server, path)

    assert len(server.asked) == 1


def test_a_range_that_is_refused_is_begun_anew(server: FileServer, path: Path) -> None:
    """As where the file has become shorter."""
    leave_a_part(server, path)
    server.behaviours = [416, "good"]

    get(server, path)

    assert server.ranges[1] is None
    assert path.read_bytes() == BODY


def test_a_server_that_goes_silent_is_not_waited_for(server: FileServer, path: Path) -> None:
    """A time-out counts as an attempt."""
    server.behaviours = ["silent"]

    with pytest.raises(UnavailableError, match="the server went silent, 2 times in a row"):
        get(server, path, patience=HASTY)


def test_one_that_goes_silent_midway_is_asked_for_the_rest(server: FileServer, path: Path) -> None:
    """What came before is kept."""
    server.behaviours = ["wait", "good"]

    get(server, path, patience=HASTY)

    assert server.ranges[1] is not None
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("hang up", "Remote end closed connection without response"),
        ("reset", "Connection reset by peer"),
        ("break off", "the connection broke off"),
    ],
)
def test_a_reason_is_a_few_words(server: FileServer, path: Path, behaviour: Behaviour, reason: str) -> None:
    """And not the exceptions of four libraries, one inside the other; all of these may pass."""
    server.behaviours = [behaviour, "good"]

    heard = get(server, path)

    assert heard.lines[0] == f"model.pth: {reason}; trying again in 0 s"
    assert path.read_bytes() == BODY


def test_a_connection_that_is_not_safe_is_not_used(server: FileServer, path: Path) -> None:
    """Whatever stands there does not speak TLS, or has no right to the name."""
    with pytest.raises(UnavailableError, match=r"^https://127\.\S+ could not be had safely: \[SSL: .*"):
        download(server.url().replace("http:", "https:"), path, listener=Heard(), patience=IMPATIENT)


def test_without_a_network_it_fails_at_once(path: Path) -> None:
    """Nothing listens there; another try would be a wait for nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/model.pth"
        heard = Heard()

        with pytest.raises(UnavailableError, match=r"could not be reached: .*refused\. Is there a network\?"):
            download(url, path, listener=heard, patience=IMPATIENT)

    assert heard.lines == []


@pytest.mark.parametrize("behaviour", ["page", "page in disguise"])
def test_a_web_page_is_no_checkpoint(server: FileServer, path: Path, behaviour: Behaviour) -> None:
    """What a server sends that wants a login, whatever it calls it."""
    server.behaviours = [behaviour]

    with pytest.raises(UnavailableError, match="gives a web page and not the file"):
        get(server, path)

    assert not path.exists()


def test_another_size_is_refused_before_anything_is_received(server: FileServer, path: Path) -> None:
    """Gigabytes of the wrong file would only be thrown away."""
    with pytest.raises(RestobenchError, match=r"it has 300001 bytes, and should have 300002"):
        get(server, path, size=len(BODY) + 1)

    assert not path.parent.exists() or list(path.parent.iterdir()) == []


@pytest.mark.parametrize("size", [len(BODY) - 100_000, len(BODY) + 1])
def test_another_size_that_nobody_announced_is_found_at_the_end(server: FileServer, path: Path, size: int) -> None:
    """And nothing is kept of it."""
    server.behaviours = ["chunked"]

    with pytest.raises(RestobenchError, match=f"and there should be {size}"):
        get(server, path, size=size)

    assert list(path.parent.iterdir()) == []


def test_a_server_that_promises_more_than_it_has_is_no_file(server: FileServer, path: Path) -> None:
    """It breaks off, whatever its headers say."""
    server.length = len(BODY) + 10

    with pytest.raises(UnavailableError, match="times in a row"):
        get(server, path)

    assert not path.exists()


def test_other_bytes_are_thrown_away(server: FileServer, path: Path) -> None:
    """Both hashes are named."""
    server.body = content(len(BODY), seed=1)

    with pytest.raises(RestobenchError, match=f"its SHA-256 is .*, and should be {SHA256}. It was thrown away"):
        get(server, path, size=len(BODY), sha256=SHA256)

    assert list(path.parent.iterdir()) == []
    assert len(server.asked) == 1


def test_a_length_that_nobody_tells_is_half_a_file(server: FileServer, path: Path) -> None:
    """A connection that ends is then no sign of anything; size, hash or chunks are."""
    server.behaviours = ["no length"]

    with pytest.raises(UnavailableError, match="Neither the server nor the card says how large"):
        get(server, path)
    get(server, path, sha256=SHA256)

    assert path.read_bytes() == BODY


def test_a_file_in_chunks_arrives(server: FileServer, path: Path) -> None:
    """Chunks end with a mark, so that a whole file is known from half of one."""
    server.behaviours = ["chunked"]

    assert get(server, path).received[-1] == (len(BODY), None)
    assert path.read_bytes() == BODY


def test_what_has_no_room_is_not_begun(server: FileServer, path: Path) -> None:
    """A disk filled to the brim takes other programs down with it."""
    server.length = 2**60

    with pytest.raises(RestobenchError, match=r"model\.pth needs 1152922 TB more, and .* free; make room") as caught:
        get(server, path)

    assert not isinstance(caught.value, UnavailableError)


def test_two_files_arrive_side_by_side(server: FileServer, path: Path) -> None:
    """Nothing is kept between downloads."""
    others = [path.with_name(f"{number}.pth") for number in range(3)]
    threads = [threading.Thread(target=get, args=(server, other)) for other in others]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [other.read_bytes() == BODY for other in others] == [True] * 3


def test_sizes_are_said_in_words() -> None:
    """Three digits, as on a download page."""
    sizes = [0, 999, 1000, 65_536, 999_499, 476_000_000, 3_440_000_000, None]

    assert [size_in_words(size) for size in sizes] == [
        "0 bytes", "999 bytes", "1 kB", "65.5 kB", "999 kB", "476 MB", "3.44 GB", "size unknown",
    ]  # fmt: skip

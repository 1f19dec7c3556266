"""Cards of a package that is installed for the test, and a server on this machine."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from restobench.cache import Cache
from restobench.card import WeightFile
from restobench.download import Patience
from restobench.errors import RestobenchError
from restobench.fetching import add, fetch, verify
from restobench.forecast import forecast
from restobench.method import choose_method
from restobench.planning import Options, plan
from restobench.weights import Part, all_parts, choose_parts, find_weights, parts_of
from tests.conftest import CARD
from tests.file_server import FileServer, content, wait_until

BODY = content(200_003)
SHA256 = hashlib.sha256(BODY).hexdigest()
IMPATIENT = Patience(connect=10, read=10, attempts=2, pause=0)
Install = Callable[..., None]


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def progress(self, received: int, total: int | None) -> None:
        pass

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(BODY).running() as running:
        yield running


@pytest.fixture
def demo(install: Install, server: FileServer) -> None:
    """Two variants that share an autoencoder; `v1` has an official hash and size, `v2` has not."""
    card = f"""
default_variant = "v1"
[weights.autoencoder]
file = "autoencoder.pth"
url = "{server.url("autoencoder.pth")}"
[variants.v1.weights.unet]
file = "unet_v1.pth"
url = "{server.url("unet_v1.pth")}"
size = {len(BODY)}
sha256 = "{SHA256}"
licence = "MIT"
[variants.v2.weights.unet]
file = "second/unet.pth"
url = "{server.url("unet_v2.pth")}"
[variants.v3.weights.unet]
file = "unet_v3.pth"
[variants.v4.weights.unet]
"""
    install("weighty", "weighty", package="mine_w", card=CARD + card)


def part(reference: str, name: str = "unet") -> Part:
    return choose_parts(parts_of(reference), [name])[0]


def get(wanted: Part) -> list[str]:
    heard = Heard()
    fetch(wanted, heard, IMPATIENT)
    return heard.lines


@pytest.mark.usefixtures("demo")
def test_the_cards_are_the_registry(home: Path) -> None:
    """A row a part of each variant; the name alone is the default variant."""
    rows = [(each.reference, each.name, each.path) for each in all_parts() if each.owner == "weighty"]

    folder = home / "weights" / "weighty"
    assert rows[:4] == [
        ("weighty@v1", "autoencoder", folder / "autoencoder.pth"),
        ("weighty@v1", "unet", folder / "unet_v1.pth"),
        ("weighty@v2", "autoencoder", folder / "autoencoder.pth"),
        ("weighty@v2", "unet", folder / "second" / "unet.pth"),
    ]
    assert [each.reference for each in parts_of("weighty")] == ["weighty@v1"] * 2
    assert len(parts_of("weighty", every_variant=True)) == 8
    assert [each.reference for each in parts_of("spandrel")] == ["spandrel"]


@pytest.mark.usefixtures("demo")
def test_unknown_names_offer_the_nearest() -> None:
    """Of methods, variants and parts."""
    with pytest.raises(RestobenchError, match=r"No method is called 'weigthy'\. Did you mean 'weighty'"):
        parts_of("weigthy")
    with pytest.raises(RestobenchError, match="No variant of 'weighty' is called 'v9'"):
        parts_of("weighty@v9")
    with pytest.raises(RestobenchError, match=r"No part of weighty@v1 is called 'unit'\. Did you mean 'unet'"):
        part("weighty@v1", "unit")


def test_a_broken_card_hides_no_other(install: Install) -> None:
    """`doctor` says what is wrong with it."""
    install("broken", "broken", package="mine_b", card="title = 1\n")

    assert "spandrel" in {each.owner for each in all_parts()}


@pytest.mark.parametrize(
    "file",
    ["../x.pth", "/etc/passwd", "a/../../x.pth", "..", "a\\..\\x.pth", ".hidden", "a//b", "", "~/x", "x\ny", "C:x"],
)
def test_a_card_cannot_say_where_on_the_disk_it_writes(file: str) -> None:
    """Cards come from strangers."""
    with pytest.raises(ValueError, match="is no plain file name"):
        WeightFile(file=file)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "http://", "https://host", "x.pth"])
def test_an_address_is_one_of_the_web(url: str) -> None:
    """Nothing else is fetched."""
    with pytest.raises(ValueError, match="url"):
        WeightFile(file="x.pth", url=url)


def test_a_card_is_refused_where_it_could_not_be_used() -> None:
    """At once, and not when the download is over."""
    with pytest.raises(ValueError, match="a url needs a file"):
        WeightFile(url="https://host/x.pth")
    with pytest.raises(ValueError, match="sha256"):
        WeightFile(file="x.pth", sha256="ABC")
    with pytest.raises(ValueError, match="size"):
        WeightFile(file="x.pth", size=0)
    with pytest.raises(ValueError, match="keeps beside weights"):
        WeightFile(file="x.pth.part")


def test_one_file_name_stands_for_one_file(install: Install) -> None:
    """Else the variant that was fetched first would lend its weights to the other."""
    card = (
        '[weights.a]\nfile = "x"\nurl = "https://h/x"\n[variants.default.weights.b]\nfile = "x"\nurl = "https://h/y"\n'
    )
    install("twice", "twice", package="mine_t", card=CARD + card)

    with pytest.raises(RestobenchError, match=r"the file 'x' has two addresses, sizes or hashes"):
        parts_of("twice")


def test_such_a_card_is_an_error_that_names_it(install: Install) -> None:
    """As any other mistake in a card."""
    install("evil", "evil", package="mine_e", card=CARD + '[weights.model]\nfile = "../x"\nurl = "https://h/x"\n')

    with pytest.raises(RestobenchError, match=r"card\.toml is not valid: weights\.model\.file: .*'\.\./x' is no plain"):
        parts_of("evil")


@pytest.mark.usefixtures("demo")
def test_fetched_weights_are_found_by_themselves(home: Path) -> None:
    """And what is given by hand wins."""
    assert choose_method("weighty").missing_parts() == ["autoencoder", "unet"]

    for each in parts_of("weighty"):
        get(each)

    choice = choose_method("weighty")
    assert choice.missing_parts() == []
    assert choice.weights["unet"] == home / "weights" / "weighty" / "unet_v1.pth"
    own = home / "own.pth"
    own.write_bytes(b"mine")
    given = choose_method("weighty", weights={"unet": own})
    assert (given.weights["unet"], given.missing_parts()) == (own, [])


@pytest.mark.usefixtures("demo")
def test_what_is_there_is_not_asked_for(server: FileServer) -> None:
    """A machine without a network may say `fetch` as well."""
    get(part("weighty"))
    server.asked.clear()
    server.behaviours = [503]

    lines = get(part("weighty"))

    assert server.asked == []
    assert lines == ["unet_v1.pth is there already (200 kB)"]


@pytest.mark.usefixtures("demo")
def test_a_hash_that_nobody_published_is_recorded_and_said(home: Path, server: FileServer) -> None:
    """From the first download on the file is compared with itself."""
    lines = get(part("weighty@v2"))

    record = home / "weights" / "weighty" / "second" / "unet.pth.sha256"
    assert record.read_text() == f"{SHA256}  unet.pth\n"
    assert lines == [
        f"unet.pth: no official SHA-256 is known; recorded {SHA256}, to be compared from now on",
    ]
    record.with_name("unet.pth").unlink()
    server.body = content(len(BODY), seed=1)
    with pytest.raises(RestobenchError, match=f"should be {SHA256}(.|\n)*delete .*unet.pth.sha256 and fetch it again"):
        get(part("weighty@v2"))
    assert not record.with_name("unet.pth").exists()


@pytest.mark.usefixtures("demo")
def test_an_official_hash_needs_no_record(home: Path) -> None:
    """The card has it."""
    assert get(part("weighty")) == []

    assert not list(home.rglob("*.sha256"))


@pytest.mark.usefixtures("demo")
def test_a_file_that_is_not_what_it_should_be_is_fetched_again(home: Path) -> None:
    """The remedy for a damaged file is the same command."""
    path = get_path("weighty", home)
    path.write_bytes(b"x" * len(BODY))

    lines = get(part("weighty"))

    assert path.read_bytes() == BODY
    assert lines == [f"{path} is not what it should be; it is fetched again"]


def get_path(reference: str, home: Path) -> Path:
    get(part(reference))
    return home / "weights" / "weighty" / ("unet_v1.pth" if reference == "weighty" else "second/unet.pth")


@pytest.mark.usefixtures("demo")
def test_a_failure_says_how_else_the_file_gets_here(server: FileServer) -> None:
    """By the command that puts a file in its place."""
    server.behaviours = [404]

    with pytest.raises(RestobenchError, match=r"no such file(.|\n)*restobench weights add weighty@v1 unet=FILE"):
        get(part("weighty"))
    with pytest.raises(RestobenchError, match=r"no address for unet of weighty@v3\. .* weights add weighty@v3 unet=F"):
        get(part("weighty@v3"))
    with pytest.raises(RestobenchError, match=r"no address for unet of weighty@v4\. Give it with each run: --weights"):
        get(part("weighty@v4"))


@pytest.mark.usefixtures("demo")
def test_missing_weights_name_the_command_that_fetches_them() -> None:
    """With the files and their sizes; where there is no address, the option."""
    with pytest.raises(RestobenchError) as caught:
        choose_method("weighty").build()

    assert str(caught.value) == (
        "'weighty' needs weights that were not given: autoencoder, unet. Fetch autoencoder.pth, size unknown; "
        "unet_v1.pth, 200 kB with 'restobench weights fetch weighty@v1', or name the files: "
        "--weights autoencoder=FILE --weights unet=FILE."
    )
    with pytest.raises(RestobenchError, match=r"Fetch auto.* fetch weighty@v3', or name the files: .*unet=FILE"):
        choose_method("weighty@v3").build()


@pytest.mark.usefixtures("demo")
def test_a_plan_says_which_files_are_missing_and_how_large_they_are(make_pairs: Callable[..., Path]) -> None:
    """Before anything runs; nothing is downloaded for it."""
    options = Options(device="cpu")
    planned = plan(["weighty"], [make_pairs()], options, Cache(), baseline=False)

    (foretold,) = forecast(planned, options, Cache(), evaluate=False)

    assert foretold.missing[:2] == (
        "weights 'autoencoder' of 'weighty': autoencoder.pth, size unknown; restobench weights fetch weighty@v1",
        "weights 'unet' of 'weighty': unet_v1.pth, 200 kB; restobench weights fetch weighty@v1",
    )


@pytest.mark.parametrize("reference", ["weighty", "weighty@v2"])
@pytest.mark.usefixtures("demo")
def test_no_run_uses_weights_that_were_altered(reference: str, home: Path, make_pairs: Callable[..., Path]) -> None:
    """Its row would bear the name of the authors' weights. A size is seen at once, other bytes by their hash."""
    path = get_path(reference, home)
    path.write_bytes(b"x" * len(BODY))

    with pytest.raises(RestobenchError, match=f"not what they should be: their SHA-256 is .*, and should be {SHA256}"):
        plan([reference], [make_pairs()], Options(device="cpu"), Cache())


@pytest.mark.usefixtures("demo")
def test_another_size_is_seen_without_reading(home: Path) -> None:
    """As of a copy that was broken off."""
    path = get_path("weighty", home)
    path.write_bytes(BODY[:-1])

    with pytest.raises(RestobenchError, match=r"have 200002 bytes, and should have 200003; see 'restobench weights"):
        choose_method("weighty")

    assert find_weights("weighty", {}) == {}
    assert choose_method("weighty", weights={"unet": path}).weights["unet"] == path


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.usefixtures("demo")
def test_a_file_of_ones_own_is_put_in_its_place(tmp_path: Path, home: Path, link: bool) -> None:
    """As if it had been fetched."""
    own = tmp_path / "download (1).pth"
    own.write_bytes(BODY)
    heard = Heard()

    place = add(part("weighty@v2"), own, heard, link=link)

    assert place.read_bytes() == BODY
    assert place.samefile(own) == link
    assert choose_method("weighty@v2").weights["unet"] == place
    assert [line for line in heard.lines if "no official SHA-256" in line]
    assert add(part("weighty@v2"), place, heard) == place


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BODY[:-1], "it has 200002 bytes, and should have 200003"),
        (b"x" * len(BODY), f"its SHA-256 is .*, and should be {SHA256}"),
        (None, "do not exist, or are not a file"),
    ],
)
@pytest.mark.usefixtures("demo")
def test_a_file_that_is_not_the_parts_is_refused(tmp_path: Path, home: Path, body: bytes | None, words: str) -> None:
    """And nothing is put in place."""
    own = tmp_path / "own.pth"
    if body is not None:
        own.write_bytes(body)

    with pytest.raises(RestobenchError, match=words):
        add(part("weighty"), own, Heard())

    assert not part("weighty").there


@pytest.mark.usefixtures("demo")
def test_what_is_plainly_no_checkpoint_is_not_added(tmp_path: Path) -> None:
    """Also where the card knows neither size nor hash; and what has no place cannot have one."""
    for body, words in ((b"", "is empty"), (b"<!DOCTYPE html>", "is a web page")):
        (tmp_path / "own.pth").write_bytes(body)

        with pytest.raises(RestobenchError, match=words):
            add(part("weighty@v2"), tmp_path / "own.pth", Heard())

    with pytest.raises(RestobenchError, match="names no file for unet of weighty@v4; give it with each run"):
        add(part("weighty@v4"), tmp_path / "own.pth", Heard())


@pytest.mark.usefixtures("demo")
def test_verify_reads_the_files_again(home: Path) -> None:
    """Official, recorded, altered, unknown, missing."""
    official, recorded = get_path("weighty", home), get_path("weighty@v2", home)
    by_hand = home / "weights" / "weighty" / "unet_v3.pth"
    by_hand.write_bytes(BODY)

    before = [verify(part(f"weighty@v{number}"))[0] for number in (1, 2, 3, 4)]
    for path in (official, recorded):
        path.write_bytes(b"x" * len(BODY))
    after = [verify(part(f"weighty@v{number}")) for number in (1, 2)]

    assert before == ["official", "recorded", "unknown", "missing"]
    assert [verdict for verdict, _ in after] == ["altered", "altered"]
    assert all(f"should be {SHA256}; delete the file" in reason for _, reason in after)


@pytest.mark.usefixtures("demo")
def test_a_damaged_record_is_no_hash(home: Path) -> None:
    """It is said, and not taken for an absent one."""
    path = get_path("weighty@v2", home)
    path.with_name("unet.pth.sha256").write_text("what is this\n")

    with pytest.raises(RestobenchError, match=r"unet\.pth\.sha256 holds no SHA-256; delete it"):
        verify(part("weighty@v2"))


FETCH = """
import sys
from restobench.fetching import fetch
from restobench.weights import parts_of

class Printed:
    def progress(self, received, total):
        pass
    def say(self, line):
        print(line, flush=True)

fetch([part for part in parts_of("weighty@v2") if part.name == "unet"][0], Printed())
"""


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """A function that fetches `unet` of `weighty@v2` in a process of its own."""
    started = []

    def start() -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site-packages")}
        process = subprocess.Popen([sys.executable, "-c", FETCH], env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("demo")
def test_a_kill_in_the_middle_loses_nothing(
    home: Path, server: FileServer, spawn: Callable[[], subprocess.Popen[str]]
) -> None:
    """No signal can be caught that takes the power away; what was received is on the disk all the same."""
    server.behaviours = ["wait", "good"]
    unfinished = home / "weights" / "weighty" / "second" / "unet.pth.part"
    process = spawn()
    wait_until(lambda: unfinished.exists() and unfinished.stat().st_size > 0)

    process.send_signal(signal.SIGKILL)
    process.wait()
    received = unfinished.stat().st_size
    get(part("weighty@v2"))

    assert 0 < received < len(BODY)
    assert server.ranges == [None, f"bytes={received}-"]
    assert part("weighty@v2").path == unfinished.with_suffix("")
    assert unfinished.with_suffix("").read_bytes() == BODY
    assert not unfinished.exists()


@pytest.mark.usefixtures("demo")
def test_two_processes_download_one_file_once(server: FileServer, spawn: Callable[[], subprocess.Popen[str]]) -> None:
    """The second waits, and finds it there."""
    server.behaviours = ["wait", "good"]
    first = spawn()
    wait_until(lambda: server.asked)
    second = spawn()
    assert second.stdout is not None
    waiting = second.stdout.readline()

    server.release.set()

    said = first.communicate(timeout=60)[0] + second.communicate(timeout=60)[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert waiting == "unet.pth: another process is at it; waiting\n"
    assert "unet.pth is there already" in said
    assert len([asked for asked in server.ranges if asked is None]) == 1

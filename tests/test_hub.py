"""Weights that are a repository of the Hugging Face hub: a hub on this machine, and a package's card."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from restobench.cache import Cache
from restobench.card import Hub, WeightFile
from restobench.download import UnavailableError
from restobench.errors import RestobenchError
from restobench.fetching import add, fetch, verify
from restobench.hub import cache_folder, cached_files, fetch_repository, files_in, snapshot_of
from restobench.method import choose_method
from restobench.planning import Options, plan
from restobench.weights import Part, hash_of, parts_of
from tests.cli.conftest import finish, here, is_a_sentence, spawn
from tests.conftest import CARD
from tests.hub_server import COMMIT, HubServer

FILES = {
    "config.json": b'{"width": 3}',
    "unet/model.bin": b"u" * 5000,
    "unet/model.onnx": b"o" * 9000,
    "README.md": b"# A model",
}
HUB = Hub(repository="org/base", files=("config.json", "unet/model.safetensors|unet/model.bin"))
WANTED = ["config.json", "unet/model.bin"]
SOURCE = """
class Mine:
    def __init__(self, setup):
        folder = setup.weights["base"]
        self.offset = 0.01 * len((folder / "config.json").read_text()) if (folder / "unet").is_dir() else 1

    def restore(self, lq, noise, mask=None):
        return lq.repeat_interleave(2, 2).repeat_interleave(2, 3) + self.offset
"""


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def progress(self, received: int, total: int | None) -> None:
        pass

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # The tests as a whole run with it set, so that nothing asks the real hub; this hub is on this machine.
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)
    with HubServer({"org/base": dict(FILES)}).running() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture
def part(install: Callable[..., None]) -> Part:
    """Of the method `based`, whose only weights are a repository."""
    card = """
scales = [2]
[weights.base]
file = "base"
licence = "MIT"
[weights.base.hub]
repository = "org/base"
files = ["config.json", "unet/model.safetensors|unet/model.bin"]
"""
    install("based", "based", package="mine_h", source=SOURCE, card=CARD + card)
    return parts_of("based")[0]


def written(folder: Path) -> Path:
    """A folder of one's own with the files."""
    for name in WANTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FILES[name])
    return folder


def test_the_files_that_are_wanted_come_and_no_others(server: HubServer) -> None:
    """Of two names the first that there is; what else a repository holds may be many gigabytes."""
    files = fetch_repository(HUB, Heard())

    assert server.brought == WANTED
    assert {name: path.read_bytes() for name, path in files.items()} == {name: FILES[name] for name in WANTED}
    assert snapshot_of(files) == cache_folder() / "models--org--base" / "snapshots" / COMMIT
    assert cached_files(HUB) == files


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HF_HUB_CACHE": "/a/b"}, "/a/b"),
        ({"HF_HOME": "/a"}, "/a/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HOME": "~/x"}, f"{Path.home()}/x/hub"),
        ({}, f"{Path.home()}/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_that_of_the_hub_s_own_library(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], place: str
) -> None:
    """What diffusers or transformers brought before is found."""
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert cache_folder() == Path(place)


@pytest.mark.parametrize(
    ("repository", "status", "reason"),
    [
        ("org/none", None, r"org/none could not be had: the hub answered 404 \(not there, or not for everybody\)\."),
        ("org/base", 503, r"org/base could not be had: the hub answered 503\."),
        ("org/base", 401, r"org/base could not be had: the hub answered 401 \(not there, or not for everybody\)\."),
    ],
)
def test_a_hub_that_gives_nothing_is_one_sentence(
    server: HubServer, repository: str, status: int | None, reason: str
) -> None:
    """The library's own goes on for lines."""
    server.status = status

    with pytest.raises(UnavailableError, match=reason):
        fetch_repository(HUB.model_copy(update={"repository": repository}), Heard())


def test_no_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at port 9."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(
        UnavailableError, match=r"9/org/base could not be had: the hub could not be reached \(.*refused"
    ):
        fetch_repository(HUB, Heard())


def test_a_file_that_the_repository_lacks_is_named(server: HubServer) -> None:
    """Before anything of the others is fetched."""
    hub = HUB.model_copy(update={"files": ("config.json", "vae/a.safetensors|vae/a.bin")})

    with pytest.raises(UnavailableError, match=r"org/base has no vae/a\.safetensors or vae/a\.bin\."):
        fetch_repository(hub, Heard())

    assert server.brought == []


def test_other_bytes_than_the_hub_announced_are_refused(server: HubServer, part: Part) -> None:
    """The library compares sizes; the next fetch brings the files again."""
    server.damaged = True
    with pytest.raises(RestobenchError, match="is not what the hub says it is; fetch org/base again"):
        fetch(part, Heard())
    server.damaged = False
    assert verify(part)[0] == "altered"

    heard = Heard()
    fetch(part, heard)

    assert verify(part) == ("official", "the hashes are those that the hub tells")
    assert "is not what the hub says; delete it and get it again; it is fetched again" in heard.lines[0]


def test_what_is_there_is_not_asked_for(server: HubServer, part: Part) -> None:
    """A machine without a network may say `fetch` as well, and a run asks nobody."""
    folder = fetch(part, Heard())
    server.asked.clear()
    heard = Heard()

    again = fetch(part, heard)
    choice = choose_method("based")

    assert again == folder == choice.weights["base"]
    assert heard.lines == ["org/base is there already (5.01 kB)"]
    assert choice.missing_parts() == []
    assert server.asked == []


def test_what_another_library_brought_is_found(part: Part) -> None:
    """At a branch that names a commit; a snapshot that lacks a file is none."""
    repository = cache_folder() / "models--org--base"
    written(repository / "snapshots" / "abc")
    assert not part.there

    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")

    assert part.path == repository / "snapshots" / "abc"
    (repository / "snapshots" / "abc" / "unet" / "model.bin").unlink()
    assert not part.there


@pytest.mark.parametrize("link", [False, True])
def test_a_folder_of_ones_own_is_put_in_its_place(tmp_path: Path, part: Part, link: bool) -> None:
    """As of a machine without a network; other files in it stay behind."""
    own = written(tmp_path / "own")
    (own / "README.md").write_text("mine")
    heard = Heard()

    place = add(part, own, heard, link=link)

    assert place == tmp_path / "home" / "weights" / "based" / "base" == part.path
    assert sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()) == WANTED
    assert (place / "unet" / "model.bin").samefile(own / "unet" / "model.bin") == link
    assert verify(part)[0] == "recorded"
    assert add(part, own, heard) == place
    assert sum("recorded" in line for line in heard.lines) == 1


def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, part: Part) -> None:
    """Whether it is added, or given by hand."""
    own = written(tmp_path / "own")
    (own / "unet" / "model.bin").unlink()
    words = (
        r"own has no unet/model\.safetensors or unet/model\.bin; it must hold these files of org/base: config\.json,"
    )

    with pytest.raises(RestobenchError, match=words):
        add(part, own, Heard())
    with pytest.raises(RestobenchError, match=words):
        choose_method("based", weights={"base": own})
    with pytest.raises(RestobenchError, match=r"config\.json do not exist, or are not a folder like org/base\."):
        choose_method("based", weights={"base": own / "config.json"})

    assert not part.there


def test_another_folder_than_the_first_is_refused(tmp_path: Path, part: Part) -> None:
    """It would silently be another base model."""
    add(part, written(tmp_path / "own"), Heard())
    other = written(tmp_path / "other")
    (other / "config.json").write_text("{}")

    with pytest.raises(RestobenchError, match=r"other is not base of based: its SHA-256 is .*delete .*base\.sha256\."):
        add(part, other, Heard())


@pytest.mark.parametrize("where", ["cache", "own"])
def test_no_run_uses_a_repository_that_was_altered(
    tmp_path: Path, part: Part, where: str, make_pairs: Callable[..., Path]
) -> None:
    """Neither large files nor small ones, in the cache or in a place of one's own."""
    if where == "cache":
        fetch(part, Heard())
    else:
        add(part, written(tmp_path / "own"), Heard())
    pairs, options = make_pairs(), Options(device="cpu")
    assert part.path is not None
    plan(["based"], [pairs], options, Cache())
    for name, changed in (("config.json", b'{"width": 4}'), ("unet/model.bin", b"v" * 5000)):
        path = (part.path / name).resolve()
        path.write_bytes(changed)

        with pytest.raises(RestobenchError, match=r"are not what (?:the hub says|they should be)"):
            plan(["based"], [pairs], options, Cache())

        assert verify(part)[0] == "altered"
        path.write_bytes(FILES[name])
    if where == "own":
        (part.path / "config.json").write_bytes(b"{}")
        with pytest.raises(RestobenchError, match=r"base: its SHA-256 is .* delete the file and get it again"):
            fetch(part, Heard())


def test_a_run_is_known_by_the_contents_and_not_by_their_place(
    tmp_path: Path, part: Part, make_pairs: Callable[..., Path]
) -> None:
    """The cache, a place of one's own or a folder by hand: the same run. One byte of a small file: another."""
    pairs, options, cache = make_pairs(), Options(device="cpu"), Cache()

    def key(weights: dict[str, str | Path] | None = None) -> str:
        return plan(["based"], [pairs], options, cache, weights=weights or (), baseline=False)[0].identity.key

    by_hand = key({"base": written(tmp_path / "one")})
    fetch(part, Heard())
    assert part.path is not None
    cached = key()
    add(part, written(tmp_path / "two"), Heard())
    changed = written(tmp_path / "three")
    (changed / "config.json").write_bytes(b'{"width": 4}')

    assert by_hand == cached == key()
    assert key({"base": changed}) != cached


def test_the_hash_of_several_files_is_of_names_and_contents() -> None:
    """Of one file it is the file's own, so that what was known stays known."""
    a, b = Path("/x/a"), Path("/y/b")

    assert hash_of({"a": a}, {a: "1"}) == "1"
    both = hash_of({"a": a, "b": b}, {a: "1", b: "2"})
    assert both == hash_of({"b": b, "a": a}, {a: "1", b: "2"})
    assert len({both, hash_of({"a": a, "c": b}, {a: "1", b: "2"}), hash_of({"a": a, "b": b}, {a: "2", b: "1"})}) == 3


def test_from_nothing_to_a_row(server: HubServer, part: Part, make_pairs: Callable[..., Path]) -> None:
    """What is missing is said, with the command; the command brings it; the run finds it and asks nobody."""
    make_pairs()
    run = ("run", "-m", "based", "-d", "pairs", "--metrics", "psnr", "--device", "cpu")

    foretold, without = here(*run, "--dry-run"), here(*run)
    fetched = here("weights", "fetch", "based")
    server.status = 503
    ran, listed, shown = here(*run), here("weights", "list", "--json"), here("weights", "show", "based")

    assert "weights 'base' of 'based': org/base of the hub; restobench weights fetch based" in foretold.out
    assert is_a_sentence(
        without, "Fetch org/base of the hub with 'restobench weights fetch based', or name the file: --weights FOLDER."
    )
    assert fetched.code == 0, fetched.err
    assert fetched.out.strip() == str(part.path)
    assert "Licence of base: MIT" in fetched.err
    assert ran.code == 0, ran.err
    (row,) = [row for row in json.loads(listed.out) if row["name"] == "based"]
    assert (row["there"], row["size"]) == (True, 5012)
    assert "hub:            org/base" in shown.out
    assert "files:          config.json, unet/model.safetensors or unet/model.bin" in shown.out


@pytest.mark.usefixtures("part")
def test_a_hub_that_may_not_be_asked_is_said_by_its_name(tmp_path: Path, server: HubServer) -> None:
    """With the other way to get the files."""
    ran = finish(spawn("weights", "fetch", "based", PYTHONPATH=str(tmp_path / "site-packages"), HF_HUB_OFFLINE="1"))

    assert is_a_sentence(
        ran,
        "/org/base could not be had: HF_HUB_OFFLINE is set.",
        "Put a folder that you have in its place: restobench weights add based base=FOLDER",
    )
    assert server.asked == []


def test_verify_reads_every_file(part: Part) -> None:
    """And ends with 1 where one differs."""
    folder = fetch(part, Heard())
    good = here("weights", "verify", "based")
    (folder / "unet" / "model.bin").resolve().write_bytes(b"x" * 5000)

    bad = here("weights", "verify", "based")

    assert (good.code, bad.code) == (0, 1)
    assert f"ok    {folder}: the hashes are those that the hub tells" in good.out
    assert "unet/model.bin is not what the hub says" in bad.out
    shutil.rmtree(folder)
    assert here("weights", "verify", "based").out == "No weights of based are here.\n"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"hub": {"repository": "org/base", "files": ["a"]}}, "a url needs a file"),
        ({"file": "x", "url": "https://h/x", "hub": {"repository": "org/base", "files": ["a"]}}, "no url beside it"),
        ({"file": "x", "hub": {"repository": "org/base", "files": []}}, "at least 1 item"),
        ({"file": "x", "hub": {"repository": "org/base", "files": ["../a"]}}, r"'\.\./a' is no plain path"),
        ({"file": "x", "hub": {"repository": "org/base", "files": ["a|/etc/b"]}}, "'/etc/b' is no plain path"),
        ({"file": "x", "hub": {"repository": "../base", "files": ["a"]}}, "repository"),
        ({"file": "x", "hub": {"repository": "base", "files": ["a"]}}, "repository"),
        ({"file": "x", "hub": {"repository": "org/base", "revision": "../x", "files": ["a"]}}, "revision"),
    ],
)
def test_a_card_that_could_not_be_used_is_refused(facts: dict[str, object], words: str) -> None:
    """Cards come from strangers, and what they say becomes a path."""
    with pytest.raises(ValueError, match=words):
        WeightFile.model_validate(facts)


def test_files_are_found_under_the_first_name_that_is_there(tmp_path: Path) -> None:
    """Two forms of the same weights may lie beside each other."""
    folder = written(tmp_path / "own")
    (folder / "unet" / "model.safetensors").write_bytes(b"s")

    assert list(files_in(folder, HUB)) == ["config.json", "unet/model.safetensors"]

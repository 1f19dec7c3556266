"""`restobench weights`, from outside: a package's card, a server on this machine, and what is printed."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from restobench.cli.arguments import complete_weights
from tests.cli.conftest import Restobench, finish, is_a_sentence, spawn
from tests.conftest import CARD
from tests.file_server import FileServer, content, wait_until

BODY = content(150_001)
SHA256 = hashlib.sha256(BODY).hexdigest()
SOURCE = """
import torch

class Mine:
    def __init__(self, setup):
        self.scale, self.size = setup.scale or 1, setup.weights["unet"].stat().st_size

    def restore(self, lq, noise, mask=None):
        return lq.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(BODY).running() as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Callable[..., None], server: FileServer) -> Path:
    """The method `weighty` with the variants `v1` (an official hash) and `v2`; the folder of its weights."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    card = f"""
default_variant = "v1"
[weights.vae]
file = "vae.pth"
url = "{server.url("vae.pth")}"
[variants.v1.weights.unet]
file = "unet_v1.pth"
url = "{server.url("unet_v1.pth")}"
size = {len(BODY)}
sha256 = "{SHA256}"
licence = "MIT"
[variants.v2.weights.unet]
file = "unet_v2.pth"
url = "{server.url("unet_v2.pth")}"
"""
    install("weighty", "weighty", package="mine_c", source=SOURCE, card=CARD + card)
    return tmp_path / "home" / "weights" / "weighty"


def test_from_nothing_to_a_row(restobench: Restobench, make_pairs: Callable[..., Path]) -> None:
    """What is missing is said, with the command; the command brings it; the run finds it."""
    make_pairs()
    run = ("run", "-m", "weighty", "-d", "pairs", "--metrics", "psnr", "--device", "cpu")

    foretold = restobench(*run, "--dry-run")
    without = restobench(*run)
    fetched = restobench("weights", "fetch", "weighty@v1")
    ran = restobench(*run)

    assert "missing: weights 'unet' of 'weighty': unet_v1.pth, 150 kB; restobench weights fetch weighty@v1" in (
        foretold.out
    )
    assert is_a_sentence(without, "'weighty' needs weights that were not given: vae, unet")
    assert "vae.pth, size unknown; unet_v1.pth, 150 kB with 'restobench weights fetch weighty@v1'" in without.err
    assert fetched.code == 0
    assert ran.code == 0, ran.err
    assert "weighty" in ran.out


def test_fetch_prints_where_the_files_are(restobench: Restobench, folder: Path, server: FileServer) -> None:
    """For scripts on standard output; remarks on standard error; a second time nothing is asked for."""
    ran = restobench("weights", "fetch", "weighty@v2")
    server.asked.clear()
    again = restobench("weights", "fetch", "weighty@v2")

    assert ran.out.split() == [str(folder / "vae.pth"), str(folder / "unet_v2.pth")]
    assert "Licence of vae, unet: MIT" in ran.err
    assert f"unet_v2.pth: no official SHA-256 is known; recorded {SHA256}" in ran.err
    assert (again.code, again.out, server.asked) == (0, ran.out, [])


def test_one_part_can_be_fetched_alone(restobench: Restobench, folder: Path) -> None:
    """Of the default variant, where none is named."""
    ran = restobench("weights", "fetch", "weighty", "unet")

    assert ran.out.split() == [str(folder / "unet_v1.pth")]
    assert not (folder / "vae.pth").exists()


def test_a_file_that_is_not_to_be_had_keeps_no_other_away(
    restobench: Restobench, folder: Path, server: FileServer
) -> None:
    """Each failure is one sentence and its remedy, at the end."""
    server.behaviours = [404, "good"]

    ran = restobench("weights", "fetch", "weighty")

    assert ran.code == 2
    assert "vae.pth could not be had: the server has no such file" in ran.err
    assert "restobench weights add weighty@v1 vae=FILE" in ran.err
    assert "Traceback" not in ran.err
    assert ran.out.split() == [str(folder / "unet_v1.pth")]


def test_the_list_says_what_is_there(restobench: Restobench) -> None:
    """For people and for scripts."""
    restobench("weights", "fetch", "weighty", "unet")

    listed, as_json = restobench("weights", "list"), restobench("weights", "list", "--json")

    rows = {(row["name"], row["part"]): row for row in json.loads(as_json.out)}
    assert rows["weighty@v1", "unet"] == {
        "name": "weighty@v1",
        "part": "unet",
        "file": "unet_v1.pth",
        "size": len(BODY),
        "there": True,
        "licence": "MIT",
    }
    assert rows["weighty@v2", "unet"]["there"] is False
    lines = [line.split() for line in listed.out.splitlines()]
    assert ["weighty@v1", "unet", "unet_v1.pth", "150", "kB", "yes", "MIT"] in lines
    assert "given by hand" in listed.out


def test_show_tells_all_that_is_known(restobench: Restobench, folder: Path, server: FileServer) -> None:
    """Where it comes from, where it lies, which hash it must have and who says so."""
    restobench("weights", "fetch", "weighty@v2", "unet")

    shown, as_json = restobench("weights", "show", "weighty"), restobench("weights", "show", "weighty@v2", "--json")

    assert f"sha256:         {SHA256}" in shown.out
    assert f"recorded:       {SHA256}" in shown.out
    assert f"url:            {server.url('unet_v2.pth')}" in shown.out
    assert [row["place"] for row in json.loads(as_json.out)] == [str(folder / "vae.pth"), str(folder / "unet_v2.pth")]
    assert restobench("weights", "show", "bicubic").out == "'bicubic' needs no weights.\n"


def test_files_from_elsewhere_are_added(restobench: Restobench, folder: Path, tmp_path: Path) -> None:
    """The way of a machine without a network."""
    (tmp_path / "a.pth").write_bytes(BODY)

    ran = restobench("weights", "add", "weighty", "unet=a.pth", "vae=a.pth")

    assert ran.code == 0, ran.err
    assert ran.out.split() == [str(folder / "unet_v1.pth"), str(folder / "vae.pth")]
    assert (folder / "vae.pth").read_bytes() == BODY


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("add weighty a.pth", ["'weighty' has several parts; say which one a.pth is: PART=a.pth", "vae, unet"]),
        ("add weighty unit=a.pth", ["called 'unit'", "'unet'"]),
        ("add weighty unet=none.pth", ["none.pth do not exist"]),
        ("add weighty unet=a.pth", ["it has 5 bytes, and should have 150001"]),
        ("add spandrel a.pth", ["names no file for model of spandrel", "--weights FILE"]),
        ("add bicubic a.pth", ["'bicubic' needs no weights"]),
        ("fetch bicubic", ["'bicubic' needs no weights"]),
        ("fetch spandrel", ["names no address for model of spandrel"]),
        ("fetch weighty unit", ["called 'unit'", "'unet'"]),
        ("fetch weigthy", ["called 'weigthy'", "'weighty'"]),
        ("fetch weighty@v7", ["called 'v7'", "v1, v2"]),
        ("show weigthy", ["called 'weigthy'", "'weighty'"]),
        ("verify weigthy", ["called 'weigthy'", "'weighty'"]),
    ],
)
def test_what_cannot_be_is_one_sentence(
    restobench: Restobench, tmp_path: Path, folder: Path, told: str, words: list[str]
) -> None:
    """As everywhere."""
    (tmp_path / "a.pth").write_bytes(b"small")

    ran = restobench("weights", *told.split())

    assert is_a_sentence(ran, *words)
    assert not list(folder.glob("*.pth"))


def test_verify_ends_with_1_where_a_file_differs(restobench: Restobench, folder: Path) -> None:
    """So that a script may ask."""
    nothing = restobench("weights", "verify", "weighty")
    restobench("weights", "fetch", "weighty@v1")
    good = restobench("weights", "verify")
    (folder / "vae.pth").write_bytes(b"x" * len(BODY))

    bad, as_json = restobench("weights", "verify", "weighty"), restobench("weights", "verify", "--json")

    assert (nothing.code, nothing.out) == (0, "No weights of weighty are here.\n")
    assert good.code == 0
    assert f"ok    {folder / 'unet_v1.pth'}: the SHA-256 is its authors'" in good.out
    assert f"ok    {folder / 'vae.pth'}: the SHA-256 is that of the first download" in good.out
    assert (bad.code, as_json.code) == (1, 1)
    assert f"BAD   {folder / 'vae.pth'}: its SHA-256 is" in bad.out
    assert {row["verdict"] for row in json.loads(as_json.out)} == {"official", "altered"}


def test_an_interrupted_download_is_kept(tmp_path: Path, folder: Path, server: FileServer) -> None:
    """SIGTERM, as a cluster sends it; the same command goes on."""
    server.behaviours = ["wait", "good"]
    python_path = str(tmp_path / "site-packages")
    told = ("weights", "fetch", "weighty@v2", "unet")
    process = spawn(*told, PYTHONPATH=python_path)
    wait_until(lambda: any(path.stat().st_size for path in folder.glob("unet_v2.pth.part")))

    process.terminate()
    ended = finish(process)
    again = finish(spawn(*told, PYTHONPATH=python_path))

    assert ended.code == 130, ended
    assert "Interrupted. What was finished is kept" in ended.err
    assert again.code == 0, again.err
    assert "going on after" in again.err
    assert (folder / "unet_v2.pth").read_bytes() == BODY


def test_completion_knows_methods_and_variants_that_have_weights() -> None:
    """And no others."""
    assert complete_weights("weigh") == ["weighty", "weighty@v1", "weighty@v2"]
    assert complete_weights("bicubic") == []


@pytest.mark.usefixtures("quick_canaries")
def test_doctor_says_how_much_room_weights_take(restobench: Restobench, folder: Path) -> None:
    """They are the largest of what is kept."""
    restobench("weights", "fetch", "weighty@v1", "unet")

    ran = restobench("doctor", "--json")

    (finding,) = [finding for finding in json.loads(ran.out) if finding["subject"] == "weights"]
    assert finding["text"] == f"1 files that methods and metrics use in {folder.parent}, which holds 150 kB"


def test_weights_of_metrics_are_handled_like_those_of_methods(
    restobench: Restobench, folder: Path, tmp_path: Path
) -> None:
    """Shown, put in place by hand, found by the metric, verified; and listed beside the methods'."""
    (tmp_path / "mine.pth").write_bytes(BODY)

    lacking = restobench("metrics", "show", "lpips-alex")
    shown = restobench("weights", "show", "lpips-alex")
    added = restobench("weights", "add", "lpips-alex", tmp_path / "mine.pth")
    listed = json.loads(restobench("weights", "list", "--json").out)
    verified = restobench("weights", "verify", "lpips-alex")
    there = restobench("metrics", "show", "lpips-alex")

    assert "alexnet-owt-7be5be79.pth. Get it: restobench weights fetch lpips-alex" in lacking.out
    assert "trunk of lpips-alex:" in shown.out
    place = folder.parent / "metrics" / "restobench" / "alexnet-owt-7be5be79.pth"
    assert (added.code, place.read_bytes()) == (0, BODY)
    assert {row["name"]: row["there"] for row in listed}["lpips-alex"] is True
    assert verified.out == f"ok    {place}: the SHA-256 is that of the first download\n"
    assert "missing:" not in there.out


def test_weights_of_the_tools_are_handled_too(restobench: Restobench) -> None:
    """What finds and cuts out faces is neither a method nor a metric."""
    assert "of faces:" in restobench("weights", "show", "faces").out
    assert "faces" in complete_weights("fac")


def test_a_name_of_nobody_offers_methods_and_metrics(restobench: Restobench) -> None:
    """Weights are asked for by whoever needs them."""
    assert is_a_sentence(restobench("weights", "fetch", "lpips-alx"), "No method or metric is called 'lpips-alx'")
    assert "lpips-alex" in complete_weights("lp")

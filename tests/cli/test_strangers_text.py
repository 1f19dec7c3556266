"""What a terminal would obey comes from names of files, cards, runs and their failures, and is shown instead."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.terminal import Shown, shown, visible
from tests.cli.conftest import Ran, Restobench, save
from tests.leaderboard.runs import CLEAN, NOISE, scored
from tests.test_dataset import describe

ORDERS = "\x1b[2J\x1b]0;owned\x07\x1b]52;c;cm0=\x07\x9b31m\u202egnp[red]x[/red]"
"""Clears the screen, names the window, fills the clipboard, paints, turns text round; and rich's own markup."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def harmless(ran: Ran) -> Ran:
    """What a command printed, where no order is left in it, and it is still to be read."""
    assert not OBEYED.search(ran.out + ran.err), ran
    assert "Traceback" not in ran.err
    assert r"\u001b[2J\u001b]0;owned\u0007" in ran.out + ran.err
    assert r"\u009b31m\u202egnp[red]x[/red]" in ran.out + ran.err
    return ran


def test_failures_and_names_of_runs_are_shown(restobench: Restobench, tmp_path: Path) -> None:
    """A run may have come by `results import`, from anybody."""
    for number, name in enumerate(("mine", "theirs")):
        folder = scored(tmp_path / "runs", name, {"psnr": CLEAN + NOISE[number]})
        run = folder.read_run()
        samples = {"total": 21, "restored": 20, "failed": {f"s{ORDERS}": ORDERS}, "limit": None}
        folder.write_run(run | {"label": f"{name}{ORDERS}", "samples": samples})

    harmless(restobench("results"))
    harmless(restobench("results", "--ranks"))
    harmless(restobench("results", f"mine{ORDERS}"))
    harmless(restobench("results", f"no{ORDERS}"))
    harmless(restobench("compare", f"mine{ORDERS}:demo", f"theirs{ORDERS}:demo"))
    told = json.loads(harmless(restobench("results", "--json")).out)
    assert told[0]["method"] == f"mine{ORDERS}"


def test_names_of_pictures_are_shown(restobench: Restobench, tmp_path: Path) -> None:
    """A file may be called anything."""
    name = f"a{ORDERS.replace('/', '')}"
    for folder, side in (("pairs/gt", 32), ("pairs/lq", 16), ("restored", 31)):
        save(tmp_path / folder / f"{name}.png", side, side)
    save(tmp_path / "restored" / f"b{name}.png", 32, 32)

    ran = restobench("evaluate", "--restored", "restored", "--dataset", "pairs", "--as", "x")

    assert not OBEYED.search(ran.out + ran.err)
    assert r"\u001b[2J\u001b]0;owned\u0007" in ran.out + ran.err


def test_cards_are_shown(
    restobench: Restobench, make_pairs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come with data sets, from wherever those came."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    (tmp_path / "datasets").mkdir()
    describe(make_pairs().rename(tmp_path / "datasets" / "mine"), summary=ORDERS, note=ORDERS, licence=ORDERS)

    harmless(restobench("datasets", "show", "mine"))


class Terminal(io.StringIO):
    """Takes orders."""

    def isatty(self) -> bool:
        return True


def test_in_a_terminal_colours_stay_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages about wrong options are coloured by what prints them."""
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", file)

    with shown():
        print(f"\x1b[31mred\x1b[0m{ORDERS}")
        print("\x1b[31mred", file=sys.stderr)

    assert terminal.getvalue() == f"\x1b[31mred\x1b[0m{visible(ORDERS)}\n"
    assert file.getvalue() == "\\u001b[31mred\n"
    assert (sys.stdout, sys.stderr) == (terminal, file)


def test_text_that_gives_no_orders_is_as_it_was() -> None:
    """Of every language; half a character, which no file could hold, is told by its number."""
    text = "Ärger\tin 日本 \N{FAMILY}\n∞ ± ↑"

    assert visible(text) == text
    assert visible("a\udc80") == "a\\udc80"
    stream = Shown(io.StringIO())
    assert stream.write(text) == len(text)
    assert stream.getvalue() == text

"""The command line as a function, and a small third-party package that it finds by its entry points."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from restobench.__main__ import main
from restobench.plugins import plugins
from tests.conftest import picture

METADATA = "Metadata-Version: 2.1\nName: slowpack\nVersion: 1.0\n"
ENTRY_POINTS = """
[restobench.methods]
slow = slowpack.slow:Slow
bright = slowpack.slow:Bright

[restobench.metrics]
tardy = slowpack.tardy:tardy
"""
SLOW_CARD = """
title = "Slow"
summary = "Enlarges, adds noise, takes its time, and waits for or fails with files."
revision = "1"
licence = "Apache-2.0"

[settings.seconds]
default = 0.0
minimum = 0
help = "To take for each picture."

[settings.amount]
default = 0.1
minimum = 0
help = "Of noise."
"""
SLOW = '''
"""A method of a third party."""

import os
import time
from pathlib import Path


class Slow:
    def __init__(self, setup):
        self.setup = setup

    def restore(self, lq, noise, mask=None):
        time.sleep(self.setup.settings["seconds"] * len(lq))
        while Path(os.environ.get("SLOWPACK_WAIT", "/nowhere")).exists():
            time.sleep(0.005)
        if Path(os.environ.get("SLOWPACK_BROKEN", "/nowhere")).exists():
            raise RuntimeError("out of luck")
        factor = self.setup.scale or 1
        enlarged = lq.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        return enlarged + self.setup.settings["amount"] * noise.draw(enlarged.shape[1:])


class Bright:
    def __init__(self, setup):
        pass

    def restore(self, lq, noise, mask=None):
        return (lq + 0.1).clamp(0, 1)
'''
BRIGHT_CARD = """
title = "Bright"
summary = "For scale 1 alone."
revision = "1"
licence = "Apache-2.0"
scales = [1]
tasks = ["restoration"]
"""
TARDY_CARD = """
title = "Tardy"
summary = "Mean absolute difference, worked out slowly."
kind = "full-reference"
better = "lower"
revision = "1"
definition = "mean |restored - gt|"
"""
TARDY = '''
"""A metric of a third party."""

import time


def tardy(restored, gt):
    time.sleep(0.004 * len(restored))
    return (restored - gt).abs().double().mean(dim=(1, 2, 3))
'''


class Ran(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Restobench = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def here(*arguments: object) -> Ran:
    """The command line in this process; what is no `SystemExit` would be a traceback for the user, and is raised."""
    out, err = io.StringIO(), io.StringIO()
    told = ["restobench", *map(str, arguments)]
    with patch.object(sys, "argv", told), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture
def restobench() -> Restobench:
    """The command line as a function."""
    return here


def spawn(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command line as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "restobench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def finish(process: subprocess.Popen[str]) -> Ran:
    """Wait for a process and return how it ended."""
    out, err = process.communicate(timeout=120)
    return Ran(process.returncode, out, err)


def write_package(folder: Path) -> None:
    """The third-party package `slowpack`, as `pip install --target` would leave it."""
    files = {
        "slowpack-1.0.dist-info/METADATA": METADATA,
        "slowpack-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
        "slowpack/__init__.py": '"""Nothing here."""\n',
        "slowpack/slow.py": SLOW,
        "slowpack/slow.toml": SLOW_CARD,
        "slowpack/bright.toml": BRIGHT_CARD,
        "slowpack/tardy.py": TARDY,
        "slowpack/tardy.toml": TARDY_CARD,
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def slowpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`slowpack` installed, here and in the processes that are started."""
    folder = tmp_path / "site"
    write_package(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    plugins.cache_clear()
    yield folder
    plugins.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "slowpack"]:
        del sys.modules[name]


def save(path: Path, height: int, width: int, seed: int = 0) -> None:
    """A smooth random picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, height, width)).save(path)


def write_noise(folder: Path, ids: Sequence[str], side: int) -> None:
    """Pictures without a clean one that PNG cannot make small."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, sample_id in enumerate(ids):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{sample_id}.png")


def is_a_sentence(ran: Ran, *words: str) -> bool:
    """Whether a command was refused as it should be: exit code 2, the reason alone, no traceback."""
    assert ran.code == 2, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert 10 < len(ran.err) < 900
    # A box around the message may break a line anywhere.
    flat = " ".join(ran.err.replace("│", " ").split())
    for word in words:
        assert word in flat, (word, ran.err)
    return True


def run_folder(runs: Path, dataset: str, method: str) -> Path:
    """The only run of a method on a data set."""
    (folder,) = (path.parent for path in (runs / dataset).glob(f"{method}@*/*/run.json"))
    return folder

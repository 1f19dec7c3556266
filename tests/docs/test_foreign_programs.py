"""The examples in docs/foreign-programs.md, run as they stand there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from restobench.store import run_folders

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "foreign-programs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_example_on_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session_home: Path) -> None:
    """In the order of the page, in an empty folder, with a second environment that has no torch."""
    monkeypatch.chdir(tmp_path)
    python, here = sys.executable, Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}

    for language, text in BLOCKS:
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", text)
            assert name, "The first line of an example names its file."
            Path(name[1]).write_text(text, encoding="utf-8")
        for line in text.splitlines() if language == "sh" else ():
            program, *arguments = shlex.split(line)
            begin = {"python": [python], "restobench": [python, "-m", "restobench"]}[program]
            done = subprocess.run([*begin, *arguments], env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    asked = subprocess.run(["their-env/bin/python", "-c", "import torch"], capture_output=True, check=False)
    assert asked.returncode != 0
    runs = [folder for folder in run_folders(tmp_path / "runs") if folder.read_run()["label"] in ("copied", "kept")]
    assert [len(folder.restored_ids()) for folder in runs] == [8, 8]
    assert [folder.timing_kind() for folder in runs] == ["end-to-end", "self-reported"]
    assert "loading the network" in runs[1].log.read_text()


def test_the_page_says_what_the_worker_is() -> None:
    """Its length, and the messages that another language must speak."""
    worker = Path(__file__).resolve().parents[2] / "methods" / "restobench_methods" / "command" / "worker.py"
    lines = worker.read_text(encoding="utf-8").splitlines()
    messages = [json.loads(text) for text in re.findall(r"`(\{\".*?\})`", PAGE)]

    assert f"{len(lines)} lines" in PAGE
    assert [sorted(message) for message in messages] == [
        ["ready"],
        ["id", "input", "output", "scale", "seed"],
        ["id", "ok", "seconds"],
        ["error", "id", "ok"],
    ]

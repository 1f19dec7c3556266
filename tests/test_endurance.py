"""What a run bears: kills at any moment, a second writer, a full disk, an interrupt."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from restobench.files import PART_PREFIX
from restobench.image import read_array
from tests.cli.conftest import Ran, finish, here, is_a_sentence, run_folder, spawn, write_noise, write_package

MakePairs = Callable[..., Path]
RUN = ("run", "-m", "slow", "-d", "many", "--set", "seconds=0.02", "--metrics", "psnr,tardy")


@pytest.fixture(autouse=True)
def _third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`slowpack` is installed for every process that is started in the test's own folder."""
    write_package(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def many(make_pairs: MakePairs) -> Path:
    """Sixty small pairs."""
    return make_pairs([f"s{number:02d}" for number in range(60)], name="many")


def content(folder: Path) -> dict[str, Any]:
    """All that a run made, times apart. Whatever is there must be whole, also right after a kill."""
    made: dict[str, Any] = {"pictures": {}}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith(PART_PREFIX) or path.name in (".lock", "writer.json"):
            continue
        if path.suffix == ".png":
            read_array(path)
            made["pictures"][path.relative_to(folder).as_posix()] = path.read_bytes()
        elif path.suffix == ".parquet":
            made["samples"] = pd.read_parquet(path).drop(columns="seconds").to_dict("records")
        elif path.name == "run.json":
            run = json.loads(path.read_text())
            times = ("sessions", "finished", "evaluation")
            made["run"] = {key: value for key, value in run.items() if key not in times}
        elif path.name in ("summary.json", "inputs.json"):
            made[path.name] = json.loads(path.read_text())
        else:
            assert path.name == "timing.json", path
            json.loads(path.read_text())
    return made


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(PART_PREFIX) or path.name == "writer.json"]


def without_nan(made: dict[str, Any]) -> str:
    """As text, in which NaN equals NaN."""
    return repr(made)


def kill_when(process: subprocess.Popen[str], reached: Callable[[], bool], delay: float) -> bool:
    """Kill -9, `delay` seconds after `reached`; False where the process was done before."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        if process.poll() is not None:
            break
        time.sleep(0.002)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def restored(runs: str) -> int:
    return sum(1 for _ in Path(runs).glob("many/slow@default/*/pictures/*.png"))


def more_than(number: int) -> bool:
    return restored("wild") > number


def finished(runs: str) -> bool:
    return any(json.loads(path.read_text())["finished"] for path in Path(runs).glob("many/slow@default/*/run.json"))


def test_a_run_killed_ten_times_ends_as_an_undisturbed_one(many: Path) -> None:
    """Eight kills while restoring, two while scoring, each at a random moment; nothing on disk is ever torn."""
    randomness = random.Random(20240607)
    assert finish(spawn(*RUN, "--runs", "calm")).code == 0
    calm = content(run_folder(Path("calm"), "many", "slow"))

    kills = 0
    for _ in range(8):
        before = restored("wild")
        process = spawn(*RUN, "--runs", "wild")
        kills += kill_when(process, partial(more_than, before), randomness.uniform(0, 0.08))
        content(run_folder(Path("wild"), "many", "slow"))
    assert 8 <= restored("wild") < 60
    for _ in range(2):
        process = spawn(*RUN, "--runs", "wild")
        kills += kill_when(process, lambda: finished("wild"), randomness.uniform(0, 0.1))
        content(run_folder(Path("wild"), "many", "slow"))
    last = finish(spawn(*RUN, "--runs", "wild"))

    assert kills >= 9
    assert last.code == 0, last.err
    folder = run_folder(Path("wild"), "many", "slow")
    assert without_nan(content(folder)) == without_nan(calm)
    assert leftovers(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3])
def test_ten_runs_killed_once_each_end_as_an_undisturbed_one(many: Path, batch_size: int) -> None:
    """Anywhere between the start of the process and its end."""
    randomness = random.Random(batch_size)
    run = (*RUN, "--batch-size", batch_size)
    started = time.monotonic()
    assert finish(spawn(*run, "--runs", "calm")).code == 0
    whole = time.monotonic() - started
    calm = content(run_folder(Path("calm"), "many", "slow"))

    for number in range(10):
        process = spawn(*run, "--runs", f"wild{number}")
        kill_when(process, lambda: True, randomness.uniform(0.3 * whole, whole))
        last = finish(spawn(*run, "--runs", f"wild{number}"))

        assert last.code == 0, last.err
        folder = run_folder(Path(f"wild{number}"), "many", "slow")
        assert without_nan(content(folder)) == without_nan(calm)
        assert leftovers(folder) == []


def test_a_kill_after_the_last_picture_leaves_a_run_that_becomes_complete(make_pairs: MakePairs) -> None:
    """All pictures are there and run.json does not know it yet: the next start must put it right."""
    make_pairs(["a", "b", "c"], name="few")
    run = ("run", "-m", "bicubic", "-d", "few", "--metrics", "psnr")
    assert here(*run).code == 0
    path = run_folder(Path("runs"), "few", "bicubic") / "run.json"
    whole = json.loads(path.read_text())
    # As the last checkpoint of a killed process left it.
    stale = whole | {"finished": None, "samples": whole["samples"] | {"restored": 1}}
    path.write_text(json.dumps(stale))

    again = here(*run)

    assert again.code == 0
    assert "(part)" not in again.out
    mended = json.loads(path.read_text())
    assert mended["samples"] == whole["samples"]
    assert mended["finished"]


@pytest.fixture
def interrupted(many: Path) -> Ran:
    """A run that got Ctrl-C after a few pictures."""
    process = spawn("run", "-m", "slow", "-d", "many", "--set", "seconds=0.1", "--metrics", "psnr")
    while restored("runs") < 3:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    return finish(process)


def test_an_interrupt_keeps_what_was_done_and_says_so(interrupted: Ran) -> None:
    """Ctrl-C is how people stop a run; they are told that nothing is lost."""
    assert interrupted.code == 130
    assert "Traceback" not in interrupted.err
    assert "Interrupted. What was finished is kept" in interrupted.err


def test_an_interrupted_run_knows_what_it_has(interrupted: Ran) -> None:
    """run.json and timing.json speak of the pictures that are there."""
    folder = run_folder(Path("runs"), "many", "slow")
    made = content(folder)
    timed = json.loads((folder / "timing.json").read_text())["seconds"]

    assert 3 <= len(made["pictures"]) < 60
    assert made["run"]["samples"]["restored"] == len(made["pictures"])
    assert {f"pictures/{sample_id}.png" for sample_id in timed} == set(made["pictures"])
    assert leftovers(folder) == []


def test_a_second_writer_is_told_who_the_first_one_is(make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one runs folder: one succeeds, the other gives up with the reason."""
    make_pairs(["a", "b"], name="many")
    Path("wait").touch()
    monkeypatch.setenv("SLOWPACK_WAIT", str(Path("wait").resolve()))
    run = ("run", "-m", "slow", "-d", "many", "--metrics", "psnr")

    first = spawn(*run)
    while not list(Path("runs").glob("many/slow@default/*/writer.json")):
        assert first.poll() is None
        time.sleep(0.005)
    second = finish(spawn(*run))
    scorer = here("evaluate", "slow")
    Path("wait").unlink()
    winner = finish(first)

    for loser in (second, scorer):
        assert is_a_sentence(
            loser, "Another process is writing", "many/slow@default", f"process {first.pid} on", "Wait for it"
        )
    assert winner.code == 0
    assert len(content(run_folder(Path("runs"), "many", "slow"))["pictures"]) == 2


def test_the_lock_of_a_killed_writer_is_no_lock(make_pairs: MakePairs) -> None:
    """It belongs to the process, not to the file."""
    make_pairs(["a"], name="few")
    run = ("run", "-m", "bicubic", "-d", "few", "--metrics", "psnr")
    assert here(*run).code == 0
    folder = run_folder(Path("runs"), "few", "bicubic")
    hold = (
        "import sys, time\nfrom filelock import FileLock\n"
        f"lock = FileLock({str(folder / '.lock')!r})\nlock.acquire()\nprint('held', flush=True)\ntime.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"

    refused = here(*run)
    holder.kill()
    holder.communicate()
    allowed = here(*run)

    assert is_a_sentence(refused, "Another process is writing")
    assert allowed.code == 0


def fill(disk: Path, free: int) -> None:
    """Leave `free` bytes, a whole number of pages."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        space = shutil.disk_usage(disk).free - free
        file.write(b"\0" * max(0, space))


def is_full(ran: Ran) -> bool:
    return is_a_sentence(
        Ran(ran.code, ran.out, "\n".join(line for line in ran.err.splitlines() if "bicubic" not in line)),
        "The disk is full",
        "free some space",
    )


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(small_disk: Path, tmp_path: Path) -> None:
    """Pictures that were written stay, nothing is torn, and what counts as restored is what is there."""
    write_noise(tmp_path / "noise" / "lq", [f"s{number}" for number in range(12)], side=96)
    write_noise(tmp_path / "noise" / "gt", [f"s{number}" for number in range(12)], side=192)
    run = ("run", "-m", "lanczos", "-d", "noise", "--metrics", "psnr")
    assert finish(spawn(*run, "--runs", "calm")).code == 0
    calm = content(run_folder(Path("calm"), "noise", "lanczos"))
    assert sum(map(len, calm["pictures"].values())) > 2**20 / 2

    full = finish(spawn(*run, "--runs", small_disk))
    begun = {path.parent: content(path.parent) for path in small_disk.glob("noise/*/*/run.json")}
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    freed = finish(spawn(*run, "--runs", small_disk))

    assert is_full(full)
    assert begun
    for folder, made in begun.items():
        assert leftovers(folder) == []
        assert made["run"]["samples"]["restored"] == len(made["pictures"])
    assert freed.code == 0, freed.err
    assert content(run_folder(small_disk, "noise", "lanczos")) == calm


def test_whichever_file_is_the_first_that_does_not_fit(small_disk: Path, make_pairs: MakePairs) -> None:
    """The lock, run.json, a picture, the table: each time one sentence, and the same command goes on."""
    make_pairs(["a", "b", "c"], name="few")
    run = ("run", "-m", "bicubic", "-d", "few", "--metrics", "psnr")
    ended = []
    for free in range(0, 17 * 4096, 4096):
        runs = small_disk / str(free)
        fill(small_disk, free)
        full = here(*run, "--runs", runs)
        (small_disk / "ballast").unlink()
        freed = here(*run, "--runs", runs)

        ended.append(full.code)
        assert full.code == 0 or is_full(full), free
        assert freed.code == 0, freed.err
        assert len(content(run_folder(runs, "few", "bicubic"))["pictures"]) == 3
        assert leftovers(runs) == []
        shutil.rmtree(runs)

    assert ended[0] == 2
    assert ended[-1] == 0


def test_an_output_that_is_full_or_closed_is_no_traceback(make_pairs: MakePairs) -> None:
    """`restobench results > table.txt` on a full disk, and `| head`."""
    make_pairs(["a"], name="few")
    assert here("run", "-m", "bicubic", "-d", "few", "--metrics", "psnr").code == 0

    command = [sys.executable, "-m", "restobench", "results", "--json"]
    with Path("/dev/full").open("w") as full:
        refused = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    reader, writer = os.pipe()
    os.close(reader)
    piped = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)

    assert "Traceback" not in refused.stderr
    assert "disk is full" in refused.stderr
    assert refused.returncode == 2
    assert piped.stderr == ""


def test_restored_pictures_survive_a_kill_too(many: Path) -> None:
    """`restore` has no run folder; each picture is there whole or not at all."""
    process = spawn("restore", "many/lq", "-m", "slow", "--set", "seconds=0.02", "--scale", 2, "-o", "out")
    kill_when(process, lambda: len(list(Path("out").glob("*.png"))) > 5, 0.01)

    whole = [path for path in Path("out").iterdir() if not path.name.startswith(PART_PREFIX)]
    assert 5 < len(whole) < 60
    for path in whole:
        with Image.open(path) as picture:
            picture.load()

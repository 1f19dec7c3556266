"""Programs without torch, in another environment, as methods."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from restobench.benchmark import RunResult, carry_out
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.forecast import forecast
from restobench.image import read_array
from restobench.method import choose_method
from restobench.planning import Options, plan
from restobench.restore import FailureLimit

MakePairs = Callable[..., Path]
WORKER = Path(__file__).resolve().parents[2] / "methods" / "restobench_methods" / "command" / "worker.py"

# A grey picture, `scale` times as large: what the standard library can make of a PNG in ten lines.
GREY = """
import struct, zlib

def enlarge(source, target, scale, grey=128):
    with open(source, "rb") as file:
        width, height = (side * scale for side in struct.unpack(">II", file.read(24)[16:]))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\\0" + bytes([grey]) * 3 * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(target, "wb") as file:
        file.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
"""

# Does well, but for pictures whose name says otherwise.
FOLDER_PROGRAM = """
import os, sys
from grey import enlarge

source, target, *rest = sys.argv[1:]
print("restoring", *rest)
names = sorted(os.listdir(source))
open(os.environ.get("NAMES", os.devnull), "w").write("\\n".join(names))
for name in names:
    kind = name.split(".")[0]
    restored = os.path.join(target, name)
    if kind == "dies":
        sys.exit("out of\\nmemory")
    if kind == "broken":
        open(restored, "w").write("no picture")
    elif kind == "lossy":
        enlarge(os.path.join(source, name), restored[:-3] + "jpg", 2)
    elif kind != "missing":
        enlarge(os.path.join(source, name), restored, 3 if kind == "small" else 2)
if "a.png" in names:
    enlarge(os.path.join(source, "a.png"), os.path.join(target, "cover.png"), 2)
"""

WORKER_PROGRAM = '''
import os, sys, time
from grey import enlarge
from restobench_worker import serve

print("loading", flush=True)
folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "pids"), "a") as file:
    file.write("{}\\n".format(os.getpid()))

def kind_of(seed):
    """The program is not told what the sample is called, so the test tells it by the seed."""
    with open(os.path.join(folder, "kinds")) as file:
        return dict(line.split() for line in file).get(str(seed), "well")

def restore_file(input, output, seed, scale):
    print("restoring with", seed, flush=True)
    kind = kind_of(seed)
    if kind == "fails":
        raise ValueError("too dark")
    if kind == "dies" or (kind == "dies-once" and not os.path.exists("died")):
        if kind == "dies-once":
            open("died", "w").close()
        os._exit(7)
    if kind == "hangs":
        time.sleep(600)
    if kind != "missing":
        enlarge(input, output, 3 if kind == "small" else scale)

serve(restore_file)
'''


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has nothing installed."""
    environment = tmp_path_factory.mktemp("bare") / "their env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    return environment / "bin" / "python"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the two programs and what they need."""
    folder = tmp_path / "their repository"
    folder.mkdir()
    for name, text in (("grey", GREY), ("folder", FOLDER_PROGRAM), ("keep", WORKER_PROGRAM)):
        (folder / f"{name}.py").write_text(text)
    (folder / "restobench_worker.py").write_bytes(WORKER.read_bytes())
    (folder / "kinds").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(runs=tmp_path / "runs", device="cpu")


def once(dataset: Path, options: Options, said: list[str] | None = None, **settings: str | float) -> RunResult:
    """One run of `command`, without the baseline."""
    (planned,) = plan(["command"], [dataset], options, Cache(), settings=settings, label="theirs", baseline=False)
    return carry_out(planned, options, Cache(), evaluate=False, reporter=Listener(said))


class Listener:
    """Keeps what is said."""

    def __init__(self, said: list[str] | None) -> None:
        self.said = said if said is not None else []

    def say(self, line: str) -> None:
        self.said.append(line)

    def stage(self, title: str, total: int) -> object:
        from restobench.reporter import Silence

        return Silence().stage(title, total)


def pids(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def alive(numbers: list[int]) -> list[int]:
    """Which of some processes still run; one that has just been killed is given a moment."""
    for _ in range(50):
        left = [pid for pid in numbers if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        if not left:
            return []
        time.sleep(0.1)
    return left


def grey(folder: Path, name: str) -> bool:
    picture = read_array(folder / f"{name}.png")
    return picture.shape == (26, 34, 3) and bool((picture == 128).all())


def seeds_of(dataset: Path, options: Options, folder: Path, bare_python: Path) -> dict[str, str]:
    """The seed that each sample's picture is restored with."""
    probe = Options(runs=options.runs.parent / "probe", device="cpu")
    result = once(dataset, probe, worker=f"'{bare_python}' keep.py")
    lines = result.record.folder.log.read_text().splitlines()
    seeds = [line.split()[-1] for line in lines if line.startswith("restoring")]
    (folder / "pids").unlink()
    return dict(zip(sorted(result.record.folder.restored_ids()), seeds, strict=True))


def test_a_program_restores_a_folder(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """In its own environment, with placeholders in its command, and with its output kept."""
    said: list[str] = []

    result = once(
        make_pairs(),
        options,
        said,
        run=f"'{bare_python}' folder.py {{input}} {{output}} s={{seed}} {{device}} x{{scale}}",
    )

    folder = result.record.folder
    assert (result.restored, result.ok) == (3, True)
    assert all(grey(folder.pictures, name) for name in "abc")
    log = folder.log.read_text()
    assert "restoring s=0 cpu x2\n" in log
    assert str(bare_python) in log.splitlines()[0]
    assert f"theirs@default on pairs: what the program prints goes to {folder.log}" in said
    assert "theirs@default on pairs: 1 picture is extra, not taken: cover.png" in said
    assert result.record.run["sessions"][0]["notes"] == ["1 picture is extra, not taken: cover.png"]


def test_the_seconds_are_the_whole_programs(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """And never stand as a method's own."""
    result = once(make_pairs(), options, run=f"'{bare_python}' folder.py {{input}} {{output}}")

    seconds = set(result.record.folder.read_timing().values())
    (session,) = result.record.run["sessions"]
    assert len(seconds) == 1
    assert 3 * seconds.pop() < session["wall_seconds"]
    assert result.record.folder.timing_kind() == session["timing"] == "end-to-end"
    assert session["method_seconds"] is None


def test_what_does_not_come_back_well_is_its_samples_failure(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """One missing, one of the wrong size, one saved with loss, one that is no picture."""
    dataset = make_pairs(["broken", "good", "lossy", "missing", "small"])

    result = once(dataset, options, run=f"'{bare_python}' folder.py {{input}} {{output}}")

    assert result.record.folder.restored_ids() == {"good"}
    assert result.failures["missing"] == "No picture of this name came back."
    assert result.failures["small"] == "small.png is 51 x 39; 34 x 26 was wanted."
    assert result.failures["lossy"] == "lossy.jpg was saved with loss, which moves the numbers; save a PNG."
    assert "broken.png is not a picture" in result.failures["broken"]


def test_a_program_that_breaks_off_leaves_what_it_made(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """The others fail with its exit code and its last lines; the same command goes on from there."""
    dataset = make_pairs(["a", "b", "dies", "e"])
    command = f"'{bare_python}' folder.py {{input}} {{output}}"

    result = once(dataset, options, run=command, watch="folder.py")

    assert result.record.folder.restored_ids() == {"a", "b"}
    reason = "The program did not end well: exit code 1: out of | memory"
    assert result.failures == {"dies": reason, "e": reason}
    (dataset / "lq" / "dies.png").rename(dataset / "lq" / "d.png")
    (dataset / "gt" / "dies.png").rename(dataset / "gt" / "d.png")
    mended = once(dataset, options, run=command, watch="folder.py")
    assert (mended.restored, mended.already, mended.failures) == (2, 2, {})


def test_only_what_is_still_to_be_restored_is_handed_over(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program need not know what was done before."""
    monkeypatch.setenv("NAMES", "names")
    command = {"run": f"'{bare_python}' folder.py {{input}} {{output}}", "watch": "folder.py"}
    once(make_pairs(), Options(runs=options.runs, device="cpu", limit=1), **command)
    assert Path("names").read_text() == "a.png"

    result = once(make_pairs(), options, **command)

    assert (result.restored, result.already) == (2, 1)
    assert Path("names").read_text() == "b.png\nc.png"


def test_a_program_that_takes_too_long_is_killed_with_all_it_started(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """Also what does not listen when it is told to end."""
    Path("slow.py").write_text(
        dedent("""
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open("pids", "w").write("{} {}".format(os.getpid(), child.pid))
        time.sleep(600)
        """)
    )

    result = once(make_pairs(["a"]), options, run=f"'{bare_python}' slow.py {{input}} {{output}}", timeout=2)

    assert result.failures == {"a": "The program did not end well: killed after the timeout of 2 s."}
    assert len(pids(programs)) == 2
    assert alive(pids(programs)) == []


def test_the_timeout_makes_no_other_run(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """It moves no pixel."""
    command = {"run": f"'{bare_python}' folder.py {{input}} {{output}}", "watch": "folder.py"}
    once(make_pairs(), options, **command)

    assert once(make_pairs(), options, **command, timeout=60).already == 3


def test_names_come_back_as_they_were(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces, dots, sub-folders and other scripts never reach the program, nor a name like an option."""
    monkeypatch.setenv("NAMES", "names")
    ids = ["-rf", "a b", "plain_1-x", "sub/a b", "sub/deep/x", "v1.2", "v1.3", "ä", "日本"]

    result = once(make_pairs(ids), options, run=f"'{bare_python}' folder.py {{input}} {{output}}")

    assert result.record.folder.restored_ids() == set(ids)
    names = Path("names").read_text().splitlines()
    assert len(names) == 9
    assert "plain_1-x.png" in names
    assert all(name[:-4].replace("-", "").replace("_", "").isascii() and " " not in name for name in names)
    assert not any(name.startswith("-") for name in names)


def test_a_watched_file_that_changes_makes_a_new_run(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """And while none changes, nothing is restored twice; the compiled files of its sources do not count."""
    dataset = make_pairs()
    command = {"run": f"'{bare_python}' folder.py {{input}} {{output}}", "watch": "., pids*"}
    Path("pids").touch()
    Path("runs").mkdir()
    inside = Options(runs=programs / "runs", device="cpu")

    first = once(dataset, inside, **command)
    again = once(dataset, inside, **command)
    Path("grey.py").write_text(GREY.replace("grey=128", "grey=129"))
    changed = once(dataset, inside, **command)

    assert (first.restored, again.restored, again.already, changed.restored) == (3, 0, 3, 3)
    assert changed.record.folder.path != first.record.folder.path
    assert set(first.record.run["determinants"]["files"]) == {".", "pids*"}


def test_without_watched_files_nothing_is_reused(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """What is there can still be scored, and the dry run foretells the same."""
    command = {"run": f"'{bare_python}' folder.py {{input}} {{output}}"}
    said: list[str] = []
    once(make_pairs(), options, **command)
    Path("grey.py").write_text(GREY.replace("grey=128", "grey=129"))
    planned = plan(["command"], [make_pairs()], options, Cache(), settings=command, label="theirs", baseline=False)
    (foretold,) = forecast(planned, options, Cache(), metrics=["psnr"])

    again = once(make_pairs(), options, said, **command)

    assert (foretold.restore, foretold.already) == (again.restored, again.already) == (3, 0)
    assert (read_array(again.record.folder.picture("a")) == 129).all()
    assert any("made anew: nothing says which files make them; declare" in line for line in said)
    only = Options(runs=options.runs, device="cpu", existing="only")
    assert once(make_pairs(), only, **command).already == 3


def test_a_program_that_is_gone_costs_no_pictures(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """Even where they would have been made anew."""
    Path("python").symlink_to(bare_python)
    first = once(make_pairs(), options, run="./python folder.py {input} {output}")
    Path("python").unlink()

    with pytest.raises(RestobenchError, match=r"The program './python' is not there, or cannot be executed; name it"):
        once(make_pairs(), options, run="./python folder.py {input} {output}")

    assert len(first.record.folder.restored_ids()) == 3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "'command' wants --set run=COMMAND or --set worker=COMMAND, and none was given"),
        ({"run": "a {input} {output}", "worker": "b"}, "and more than one was given"),
        ({"run": "a {input} {output} {sed}"}, r"holds \{sed\}, .* known: \{input\}, \{output\}, \{seed\}, \{device\}"),
        ({"run": "a {input}"}, r"Setting 'run' lacks \{output\}"),
        ({"run": "a '{input} {output}"}, "is no command line"),
        ({"worker": "a {seed}"}, r"holds \{seed\}, which stands for nothing; known: \{device\}, \{scale\}"),
        ({"worker": "  "}, "Setting 'worker' is blank"),
        ({"worker": "a", "timeout": -1}, "'timeout' is -1"),
        ({"worker": "a", "watch": "folder.py,nothing.pth"}, "'nothing.pth' is to be watched and fits no file"),
    ],
)
def test_a_command_that_cannot_work_is_found_before_anything_runs(
    make_pairs: MakePairs, options: Options, programs: Path, settings: dict[str, str | float], sentence: str
) -> None:
    """The baseline is not run first."""
    with pytest.raises(RestobenchError, match=sentence):
        plan(["command"], [make_pairs()], options, Cache(), settings=settings, label="theirs")


def test_a_program_needs_a_name_of_its_own(make_pairs: MakePairs, options: Options) -> None:
    """A table with three rows called 'command' says nothing."""
    with pytest.raises(RestobenchError, match="'command' can be any program; say what its rows are called: --as NAME"):
        plan(["command"], [make_pairs()], options, Cache(), settings={"worker": "a"})


def test_seeds_need_a_program_that_takes_them(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Three times the same picture has no spread; a program that is kept running is told one with each."""
    three = Options(runs=tmp_path / "runs", device="cpu", seeds=3)

    def planned(**settings: str) -> int:
        return len(plan(["command"], [make_pairs()], three, Cache(), settings=settings, label="x", baseline=False))

    with pytest.raises(RestobenchError, match=r"3 seeds .* the setting 'run' lacks \{seed\}"):
        planned(run="a {input} {output}")
    assert planned(run="a {input} {output} {seed}") == planned(worker="a") == 3


def test_a_worker_restores_a_picture_a_line(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """Started once, its prints kept, its own seconds marked as such, and gone at the end."""
    result = once(make_pairs(["a", "b", "sub/c d"]), options, worker=f"'{bare_python}' keep.py")

    folder = result.record.folder
    assert folder.restored_ids() == {"a", "b", "sub/c d"}
    assert grey(folder.pictures, "sub/c d")
    log = folder.log.read_text().splitlines()
    assert [line.split()[0] for line in log[1:]] == ["loading"] + ["restoring"] * 3
    assert folder.timing_kind() == result.record.run["sessions"][0]["timing"] == "self-reported"
    assert sum(folder.read_timing().values()) < result.record.run["sessions"][0]["wall_seconds"]
    assert result.record.run["method"]["audit"]["program"]["torch"] is None
    assert len(pids(programs)) == 1
    assert alive(pids(programs)) == []


def test_a_worker_that_never_answers_is_given_up(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """Three thousand starts of a broken program help nobody."""
    dataset = make_pairs(["a", "b", "c", "d"])
    seeds = seeds_of(dataset, options, programs, bare_python)
    Path("kinds").write_text("\n".join(f"{seed} dies" for seed in seeds.values()))

    result = once(dataset, options, worker=f"'{bare_python}' keep.py")

    assert len(pids(programs)) == 5
    assert result.failures["b"].startswith("The program died of it 2 times (exit code 7")
    assert result.failures["d"] == "The program was given up: 5 starts in a row, and no answer."


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import torch", "ended before it was ready .exit code 1: .*ModuleNotFoundError: No module named 'torch'"),
        ("print(1)", "ended before it was ready .exit code 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended before it was ready .killed by SIGSEGV"),
    ],
)
def test_a_worker_that_does_not_begin_is_one_sentence(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path, source: str, sentence: str
) -> None:
    """Nothing is restored, so nothing is recorded as failed."""
    Path("keep.py").write_text(source)

    with pytest.raises(RestobenchError, match=sentence):
        once(make_pairs(), options, worker=f"'{bare_python}' keep.py")


@pytest.mark.parametrize(
    "answer",
    ['{"ok": true}', '{"id": "b", "ok": true, "seconds": 1}', '{"id": "a", "ok": true, "seconds": NaN}',
     '{"id": "a", "ok": false}'],
)  # fmt: skip
def test_what_is_no_answer_is_refused(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path, answer: str
) -> None:
    """A worker in another language that gets the protocol wrong must not wait for ever, nor be believed."""
    Path("keep.py").write_text(
        f"print('{{\"ready\": 1}}', flush=True)\ninput()\nprint('{answer}', flush=True)\ninput()"
    )

    result = once(make_pairs(["a"]), options, worker=f"'{bare_python}' keep.py")

    assert "answered what is no answer for this picture: {" in result.failures["a"]


def test_a_worker_as_a_function_of_tensors(programs: Path, bare_python: Path) -> None:
    """It is a method like any other, also without a run."""
    import torch

    from restobench import Noise, load_method

    method = load_method("command", scale=2, settings={"worker": f"'{bare_python}' keep.py"})
    restored = method.restore(torch.rand(2, 3, 5, 7), Noise.of_seed(0, ["a", "b"]))

    assert restored.shape == (2, 3, 10, 14)
    assert torch.equal(restored, torch.full_like(restored, 128 / 255))
    del method
    assert alive(pids(programs)) == []
    with pytest.raises(RestobenchError, match="restores whole folders of files, not tensors"):
        load_method("command", settings={"run": f"'{bare_python}' {{input}} {{output}}"})


def test_a_program_that_asks_for_the_scale_must_be_told_one(programs: Path, bare_python: Path) -> None:
    """Pictures of one's own have none unless it is given."""
    choice = choose_method("command", settings={"worker": f"'{bare_python}' keep.py {{scale}}"})

    with pytest.raises(RestobenchError, match=r"holds \{scale\}, and nothing says .* give --scale"):
        choice.build()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("form", ["run", "worker"])
def test_an_interrupted_run_leaves_no_process_and_keeps_what_was_made(
    make_pairs: MakePairs, programs: Path, bare_python: Path, tmp_path: Path, form: str, number: signal.Signals
) -> None:
    """The program has a process group of its own, which Ctrl-C in a terminal does not reach."""
    begin = """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    def hang():
        open("pids", "w").write("{} {}".format(os.getpid(), child.pid))
        os.rename("pids", "hangs")
        time.sleep(600)
    """
    folder = """
    from grey import enlarge
    enlarge(sys.argv[1] + "/a.png", sys.argv[2] + "/a.png", 2)
    hang()
    """
    keep = """
    from grey import enlarge
    from restobench_worker import serve
    serve(lambda input, output, seed, scale: hang() if "2-lq" in input else enlarge(input, output, scale))
    """
    Path("slow.py").write_text(dedent(begin) + dedent(folder if form == "run" else keep))
    line = f"{form}='{bare_python}' slow.py" + (" {input} {output}" if form == "run" else "")
    command = [sys.executable, "-m", "restobench", "run", "-m", "command", "--as", "x", "--set", line]
    command += ["--set", "watch=slow.py", "--dataset", str(make_pairs()), "--no-evaluate"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while not Path("hangs").exists():
        assert process.poll() is None
        time.sleep(0.05)
    started = [int(pid) for pid in Path("hangs").read_text().split()]
    assert len(started) == 2

    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Interrupted. What was finished is kept" in said
    assert alive(started) == []
    assert [path.name for path in tmp_path.glob("runs/pairs/x@default/*/pictures/*")] == ["a.png"]
    (run,) = tmp_path.glob("runs/pairs/x@default/*/run.json")
    assert json.loads(run.read_text())["samples"] == {"total": 3, "limit": None, "restored": 1, "failed": {}}


def test_too_many_failures_stop_a_worker(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """--max-failures is the runner's, whatever restores."""
    Path("keep.py").write_text(
        "from restobench_worker import serve\ndef no(input, output, seed, scale):\n    raise SystemExit(3)\nserve(no)"
    )
    few = Options(runs=options.runs, device="cpu", max_failures=FailureLimit(number=1))

    result = once(make_pairs(["a", "b", "c", "d"]), few, worker=f"'{bare_python}' keep.py")

    assert result.stopped
    assert list(result.failures.values()) == ["The program says: SystemExit: 3"] * 2


def test_a_pictures_seed_is_its_own(make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path) -> None:
    """Another order or batch size draws the same; another sample or seed does not."""
    first = seeds_of(make_pairs(["a", "b", "c"]), options, programs, bare_python)
    fewer = seeds_of(make_pairs(["b", "c"], name="fewer"), options, programs, bare_python)
    other = Options(runs=options.runs, device="cpu", seed=1, batch_size=3)
    log = once(make_pairs(), other, worker=f"'{bare_python}' keep.py").record.folder.log.read_text()

    assert len(set(first.values())) == 3
    assert fewer == {name: first[name] for name in ("b", "c")}
    assert not any(seed in log for seed in first.values())
    assert all(0 <= int(seed) < 2**31 for seed in first.values())


def test_a_workers_failures_are_one_pictures(
    make_pairs: MakePairs, options: Options, programs: Path, bare_python: Path
) -> None:
    """One fails, one is missing, one has the wrong size, one dies, one dies but once, one hangs."""
    dataset = make_pairs(["a", "b", "c", "d", "e", "f", "g"])
    seeds = seeds_of(dataset, options, programs, bare_python)
    kinds = {"a": "fails", "b": "missing", "c": "small", "d": "dies", "e": "hangs", "f": "dies-once"}
    Path("kinds").write_text("\n".join(f"{seeds[name]} {kind}" for name, kind in kinds.items()))

    four = Options(runs=options.runs, device="cpu", batch_size=4)
    result = once(dataset, four, worker=f"'{bare_python}' keep.py", timeout=2)

    assert result.record.folder.restored_ids() == {"f", "g"}
    assert Path("died").exists()
    assert result.failures["a"] == "The program says: ValueError: too dark"
    assert result.failures["b"] == "The program says that it is done, and wrote no picture."
    assert "returned the shape (1, 3, 39, 51); (1, 3, 26, 34) was wanted" in result.failures["c"]
    assert result.failures["d"] == "The program died of it 2 times (exit code 7: restoring with " + seeds["d"] + ")."
    assert result.failures["e"] == "The program took longer than the timeout of 2 s, and was killed."
    assert 'raise ValueError("too dark")' in result.record.folder.log.read_text()
    assert alive(pids(programs)) == []

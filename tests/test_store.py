import json
import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.store import RunFolder, RunIdentity, check_label, run_folders


def identity(**changed: object) -> RunIdentity:
    determinants = {"method": "bicubic", "seed": 0, "dataset": "f00d"} | changed
    return RunIdentity("demo", "bicubic", "default", determinants, "a" * 64)


def test_the_key_is_of_what_determines_the_pictures() -> None:
    """The same inputs give the same folder; anything else another."""
    assert identity().key == identity().key
    assert identity(seed=1).key != identity().key
    assert RunIdentity("demo", "bicubic", "default", identity().determinants, "b" * 64).key != identity().key


def test_the_key_does_not_depend_on_the_order_of_settings() -> None:
    """Dictionaries come in any order."""
    one = RunIdentity("d", "m", "v", {"a": 1, "b": 2}, "a" * 64)
    other = RunIdentity("d", "m", "v", {"b": 2, "a": 1}, "a" * 64)

    assert one.key == other.key


@pytest.mark.parametrize("label", ["My ESRGAN", "größer-2", "a.b_c-d"])
def test_labels_may_be_what_people_write(label: str) -> None:
    """Spaces and other scripts are no reason to refuse a name."""
    assert check_label(label) == label


@pytest.mark.parametrize("label", ["", " ", "..", ".hidden", "a/b", "../x", "a@b", "a:b", "a\nb", "x" * 200, "a "])
def test_labels_cannot_leave_the_runs_folder_or_break_names(label: str) -> None:
    """'@' and ':' separate the parts of a run's name."""
    with pytest.raises(RestobenchError, match="choose another one for --as"):
        check_label(label)


def hold(path: Path, held: Event, release: Event) -> None:
    with RunFolder(path).locked():
        held.set()
        release.wait(30)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    """Two jobs on one runs folder must not tear each other's files."""
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "run", held, release))
    other.start()
    assert held.wait(60)

    with (
        pytest.raises(RestobenchError, match=f"Another process is writing .*process {other.pid} on"),
        RunFolder(tmp_path / "run").locked(),
    ):
        pass

    release.set()
    other.join(30)
    with RunFolder(tmp_path / "run").locked():
        pass


def test_locking_sweeps_what_a_kill_left_unfinished(tmp_path: Path) -> None:
    """Half a picture must never be taken for one."""
    folder = RunFolder(tmp_path)
    folder.pictures.mkdir()
    left = folder.pictures / ".part-123-456"
    left.write_bytes(b"half")

    with folder.locked():
        assert not left.exists()

    assert folder.restored_ids() == set()


def test_an_unwritable_runs_folder_is_one_sentence(tmp_path: Path) -> None:
    """A file where the folder should be stands for any folder that cannot be made."""
    (tmp_path / "runs").write_text("")

    with (
        pytest.raises(RestobenchError, match=r"cannot be written: .* Choose another one with --runs"),
        RunFolder(tmp_path / "runs" / "x").locked(),
    ):
        pass


def test_ids_are_the_names_below_pictures(tmp_path: Path) -> None:
    """Samples may lie in sub-folders and have dots in their names."""
    folder = RunFolder(tmp_path)
    for sample_id in ("a", "sub/b.c", "ü d"):
        path = folder.picture(sample_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    assert folder.restored_ids() == {"a", "sub/b.c", "ü d"}


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An old program must not misread a new file."""
    (tmp_path / "run.json").write_text(json.dumps({"schema": 99}))

    with pytest.raises(RestobenchError, match=r"written by a newer restobench \(schema 99"):
        RunFolder(tmp_path).read_run()


def test_a_damaged_run_file_is_named(tmp_path: Path) -> None:
    """Somebody edited it, or the disk failed."""
    (tmp_path / "run.json").write_text("{")

    with pytest.raises(RestobenchError, match=r"run\.json is damaged"):
        RunFolder(tmp_path).read_run()


def test_clearing_takes_everything_that_was_made(tmp_path: Path) -> None:
    """`--existing replace` begins from nothing."""
    folder = RunFolder(tmp_path)
    folder.write_run({"a": 1})
    folder.write_timing({"a": 0.1})
    folder.picture("a").parent.mkdir()
    folder.picture("a").write_bytes(b"")

    with folder.locked():
        folder.clear()

    assert [path.name for path in tmp_path.iterdir()] in ([], [".lock"])


def test_runs_are_found_by_their_folders(tmp_path: Path) -> None:
    """Dataset, method@variant, key."""
    folder = identity().folder(tmp_path)
    folder.write_run({})

    assert run_folders(tmp_path) == [folder]
    assert folder.path.parts[-3:-1] == ("demo", "bicubic@default")


def test_seconds_say_what_kind_they_are(tmp_path: Path) -> None:
    """A whole program's must never stand beside a method's; files of before said nothing, and were a method's."""
    folder = RunFolder(tmp_path)

    assert folder.timing_kind() == "method"
    folder.write_timing({"a": 0.5}, "end-to-end")
    assert (folder.timing_kind(), folder.read_timing()) == ("end-to-end", {"a": 0.5})
    (tmp_path / "timing.json").write_text('{"schema": 1, "unit": "s", "seconds": {}}')
    assert folder.timing_kind() == "method"

"""What is written while the method goes on."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from restobench.behind import WAITING, Notes, Writer
from tests.conftest import picture


def test_pictures_are_there_when_the_writer_ends(tmp_path: Path) -> None:
    """However many more were handed over than may wait."""
    with Writer() as writer:
        for number in range(3 * WAITING):
            writer.write(tmp_path / f"{number}.png", picture(number, 5, 7))

    assert len(list(tmp_path.iterdir())) == 3 * WAITING


def test_what_could_not_be_written_is_heard_of(tmp_path: Path) -> None:
    """At the latest at the end; what was written before stays."""
    (tmp_path / "file").write_text("no folder")

    def write() -> None:
        with Writer() as writer:
            writer.write(tmp_path / "good.png", picture(0, 5, 7))
            writer.write(tmp_path / "file" / "bad.png", picture(1, 5, 7))

    with pytest.raises(OSError, match="file"):
        write()

    assert [path.name for path in tmp_path.glob("*.png")] == ["good.png"]


def test_notes_are_what_was_known_when_it_was_time() -> None:
    """One at a time, in a thread; what comes while one is kept waits for the next time."""
    kept: list[tuple[int, str]] = []
    goes_on, keeping = threading.Event(), threading.Event()

    def keep(known: int) -> None:
        keeping.set()
        assert goes_on.wait(10)
        kept.append((known, threading.current_thread().name))

    with Notes(keep, every=0.0) as notes:
        notes.take(lambda: 1)
        assert keeping.wait(10)
        notes.take(lambda: 2)
        goes_on.set()
        while not kept:
            time.sleep(0.001)

    assert kept == [(1, "note_0")]


def test_notes_are_kept_the_less_often_the_longer_they_take() -> None:
    """Else a run over many thousand pictures would do nothing but write down what it has."""
    with Notes[int](lambda known: time.sleep(0.02), every=0.0) as notes:
        notes.take(lambda: 1)
        notes.wait()

        assert notes.due - time.monotonic() > 0.1


def test_notes_that_could_not_be_kept_are_heard_of() -> None:
    """A full disk: at the next note, or at the end."""

    def keep(known: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), Notes(keep, every=0.0) as notes:
        notes.take(lambda: 1)


def test_nobody_is_asked_for_notes_that_nobody_keeps() -> None:
    """To put them together is not for nothing."""
    with Notes[np.ndarray](None, every=0.0) as notes:
        notes.take(lambda: pytest.fail("asked"))

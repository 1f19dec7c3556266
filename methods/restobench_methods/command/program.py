"""A program that is not ours, as a process: started without a shell, listened to, and ended for certain.

It is the head of a process group of its own, so that what it started ends with it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO

from restobench.errors import RestobenchError

GRACE_SECONDS = 3.0
"""How long a program that is told to end may take to clean up."""
_TAIL_BYTES = 4096


def fill(line: str, values: Mapping[str, object]) -> list[str]:
    """A command line as words, `{name}` replaced in each; a value with spaces stays in one word.

    Raises:
        RestobenchError: The first word is no program that can be run here.
    """
    words = [re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), word) for word in shlex.split(line)]
    if shutil.which(words[0]) is None:
        raise RestobenchError(
            f"The program {words[0]!r} is not there, or cannot be executed; name it by its path, as in "
            "/path/to/environment/bin/python. There is no shell in between: no ~, no variables, no pipes."
        )
    return words


class Program:
    """A running program. What it writes to standard error goes to the log; its end is remembered."""

    def __init__(self, words: Sequence[str], log: Path | None, *, talks: bool = False) -> None:
        """Start it.

        Args:
            words: The program and its arguments.
            log: Is added to; None: nothing is kept but the last lines.
            talks: Whether we speak to it by standard input and output; else it reads nothing,
                and what it prints goes to the log too.

        Raises:
            RestobenchError: It cannot be started.
        """
        self._log = log
        self._tail = b""
        self._ended = False
        self.note(f"== {datetime.now(UTC).isoformat(timespec='seconds')} {shlex.join(words)}")
        try:
            with Path(log or os.devnull).open("ab") as printed:
                self._process = subprocess.Popen(
                    list(words),
                    stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if talks else printed,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        except OSError as error:
            raise RestobenchError(f"The program {words[0]!r} cannot be started: {error.strerror}.") from None
        self._listener = Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process, and its process group."""
        return self._process.pid

    @property
    def requests(self) -> IO[bytes]:
        """Its standard input."""
        assert self._process.stdin
        return self._process.stdin

    @property
    def answers(self) -> IO[bytes]:
        """Its standard output."""
        assert self._process.stdout
        return self._process.stdout

    def note(self, line: str) -> None:
        """Add a line to the log."""
        self._keep(line.encode("utf-8", "replace") + b"\n")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code (-N: killed by signal N), once it has ended by itself.

        Raises:
            TimeoutError: It has not after `seconds`.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def end(self) -> None:
        """End it and all that it started, however busy."""
        if self._ended:
            return  # its number may be another's by now
        try:
            if self.running:
                self._signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(GRACE_SECONDS)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._ended = True
            self._listener.join(GRACE_SECONDS)  # what left the group may hold the pipe
            with suppress(OSError):
                if self._process.stdin:
                    self._process.stdin.close()

    def last_words(self) -> str:
        """The last lines that it wrote to standard error, in one."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", self._tail.decode("utf-8", "replace"))]
        text = " | ".join([line for line in lines if line][-3:])
        return text if len(text) <= 300 else f"... {text[-300:]}"

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _listen(self) -> None:
        """Chunks and not lines: a progress bar writes none for hours."""
        assert self._process.stderr
        with self._process.stderr as stream:
            while chunk := os.read(stream.fileno(), 65536):
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
                self._keep(chunk)

    def _keep(self, written: bytes) -> None:
        if self._log:
            # Opened for each piece: a log that somebody removes meanwhile is begun anew.
            with self._log.open("ab") as log:
                log.write(written)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"

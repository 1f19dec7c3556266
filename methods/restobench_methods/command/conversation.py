"""One start of a program that answers lines of JSON, as `worker.py` beside this file makes it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from restobench.errors import RestobenchError
from restobench_methods.command.program import Program, how_it_ended


class WorkerDiedError(Exception):
    """The program ended while it was asked; says how."""


class Worker:
    """One start of a program that answers lines of JSON."""

    def __init__(self, words: list[str], log: Path | None) -> None:
        """Start it; raises RestobenchError."""
        self.ready: dict[str, Any] = {}
        self._program = Program(words, log, talks=True)
        self._messages: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._reader = Thread(target=self._read, name="answers", daemon=True)
        self._reader.start()

    def wait_until_ready(self, seconds: float) -> None:
        """Wait for its first message.

        Raises:
            RestobenchError: It ended before, or is not ready in time.
        """
        try:
            self.ready = self._message("ready", seconds)
        except TimeoutError:
            raise RestobenchError(
                f"The program did not say that it is ready within {seconds:g} s: does it call serve()?"
            ) from None
        except WorkerDiedError as death:
            raise RestobenchError(f"The program ended before it was ready ({death}).") from None

    def ask(self, request: dict[str, Any], seconds: float | None) -> dict[str, Any]:
        """Its answer to a request.

        Raises:
            TimeoutError: There is none after `seconds`.
            WorkerDiedError: It ended.
        """
        try:
            self._program.requests.write(json.dumps(request).encode() + b"\n")
            self._program.requests.flush()
        except OSError:
            raise WorkerDiedError(self._obituary()) from None
        return self._message("ok", seconds)

    def end(self) -> None:
        """End it, and all that it started."""
        self._program.end()

    def _message(self, kind: str, seconds: float | None) -> dict[str, Any]:
        """The next message that has the key `kind`."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            try:
                # In short waits: what the program started may hold its output open when it is long dead.
                message = self._messages.get(timeout=max(0.0, min(0.5, until - time.monotonic())))
            except Empty:
                if not self._program.running:
                    raise WorkerDiedError(self._obituary()) from None
                if time.monotonic() >= until:
                    raise TimeoutError from None
                continue
            if message is None:
                raise WorkerDiedError(self._obituary())
            if kind in message:
                return message
            self._program.note(json.dumps(message))

    def _obituary(self) -> str:
        try:
            how = how_it_ended(self._program.wait(1.0))
        except TimeoutError:
            how = "it closed its standard output"
        self._program.end()
        words = self._program.last_words()
        return f"{how}: {words}" if words else how

    def _read(self) -> None:
        """Lines that are no messages are things printed before the program began to serve; the log has them."""
        with self._program.answers as stream:
            for line in stream:
                try:
                    message = json.loads(line)
                except ValueError:
                    message = None
                if isinstance(message, dict):
                    self._messages.put(message)
                else:
                    self._program.note(line.decode("utf-8", "replace").rstrip())
        self._messages.put(None)


def is_whole(answer: dict[str, Any], sample_id: str) -> bool:
    """Whether it is an answer for this picture, and has what one must have."""
    seconds = answer.get("seconds")
    timed = isinstance(seconds, int | float) and 0 <= seconds < math.inf
    return answer.get("id") == sample_id and (timed if answer["ok"] else "error" in answer)

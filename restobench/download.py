"""Getting a file from the web, whole or not at all, and going on where an earlier attempt was cut off.

With requests, for it leaves the resuming to us and libraries above it (pooch) do not resume.
Knows addresses and files, and nothing of cards or methods.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from restobench.errors import RestobenchError
from restobench.files import is_web_page, sha256_of, write_json

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 2**16
_WORTH_ANOTHER_TRY = (408, 425, 429)
"""Statuses below 500 that pass by themselves."""


class UnavailableError(RestobenchError):
    """The file could not be had from its address; it might be had in another way."""


class _BrokenOffError(Exception):
    """An attempt ended early, for a reason that may pass."""


class Listener(Protocol):
    """Who is told how a download goes on."""

    def progress(self, received: int, total: int | None) -> None:
        """Of `total` bytes (None: nobody knows) `received` are there."""

    def say(self, line: str) -> None:
        """Something that a person wants to know."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds, and how often to try."""

    connect: float = 10.0
    read: float = 30.0
    """Between two pieces, not for the whole."""
    attempts: int = 5
    """In a row that bring nothing new; one that brings a byte more than any before counts anew."""
    pause: float = 1.0
    """Before the second attempt; twice as long before each further one."""


class _State(NamedTuple):
    """What is known of the file that a `.part` is a part of; kept beside it."""

    url: str
    validator: str | None
    """ETag or date that the server told: the rest is asked for on condition that they still hold."""
    total: int | None


def size_in_words(size: int | None) -> str:
    """`476 MB`, in powers of 1000 as download pages have it."""
    if size is None:
        return "size unknown"
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if unit == "bytes" or number >= 99.5 else f"{number:.3g} {unit}"


def download(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    listener: Listener,
    patience: Patience | None = None,
) -> str:
    """Bring the file at `url` to `path`, which it gets only when size and hash are right.

    What was received lies beside it as `.part` and outlives a kill. The caller sees to it that
    nobody else writes there.

    Returns:
        The file's SHA-256.

    Raises:
        UnavailableError: It cannot be had: no network, refused, not there, broken off too often.
        RestobenchError: What comes is not the file: a web page, another size, another hash; or
            there is no room for it.
        OSError: The folder cannot be written.
    """
    return _Download(url, path, size, sha256, listener, patience or Patience()).run()


class _Download:
    def __init__(
        self, url: str, path: Path, size: int | None, sha256: str | None, listener: Listener, patience: Patience
    ) -> None:
        self.url, self.path, self.size, self.sha256 = url, path, size, sha256
        self.listener, self.patience = listener, patience
        self.part = path.with_name(f"{path.name}.part")
        self.state_path = path.with_name(f"{path.name}.part.json")
        self.answered = self.continued = False

    def run(self) -> str:
        import requests

        self.path.parent.mkdir(parents=True, exist_ok=True)
        most, in_vain = self._start(self._state()), 0
        with requests.Session() as session:
            while True:
                try:
                    self._attempt(session)
                    return self._finish()
                except _BrokenOffError as reason:
                    received = self._received()
                    in_vain = 0 if received > most else in_vain + 1
                    most = max(most, received)
                    if in_vain >= self.patience.attempts:
                        raise UnavailableError(
                            f"{self.url} could not be had: {reason}, {in_vain} times in a row. "
                            "What was received is kept; the same command goes on from there."
                        ) from None
                    pause = self.patience.pause * 2 ** max(in_vain - 1, 0)
                    self.listener.say(f"{self.path.name}: {reason}; trying again in {pause:g} s")
                    time.sleep(pause)

    def _attempt(self, session: requests.Session) -> None:
        """One request, and all that comes of it."""
        import requests

        state = self._state()
        start = self._start(state)
        if state and start and start == state.total:
            return  # killed between the last byte and the renaming
        # Compressed on the way, bytes could be neither counted nor continued.
        headers = {"Accept-Encoding": "identity"}
        if start and state:
            headers["Range"] = f"bytes={start}-"
            if state.validator:
                headers["If-Range"] = state.validator
        timeout = (self.patience.connect, self.patience.read)
        try:
            with session.get(self.url, headers=headers, stream=True, timeout=timeout) as response:
                self.answered = True
                self._refuse_status(response)
                self._receive(response, start, state)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            if not self.answered and isinstance(error, requests.exceptions.SSLError):
                raise UnavailableError(f"{self.url} could not be had safely: {_short(error)}.") from error
            if not self.answered and _never_got_through(error):
                raise UnavailableError(
                    f"{self.url} could not be reached: {_short(error)}. Is there a network?"
                ) from error
            raise _BrokenOffError(_short(error)) from error
        except requests.RequestException as error:
            raise UnavailableError(f"{self.url} could not be had: {error}.") from error

    def _refuse_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in (200, 206, 416):
            return
        if status >= 500 or status in _WORTH_ANOTHER_TRY:
            raise _BrokenOffError(f"the server answered {status} {response.reason}")
        if status in (404, 410):
            why = "the server has no such file; it may have been moved or withdrawn"
        elif status in (401, 403):
            why = "the server does not give it to everybody; it may want an account, or a licence to be accepted"
        else:
            why = "the server refused"
        raise UnavailableError(f"{self.url} could not be had: {why} ({status} {response.reason}).")

    def _receive(self, response: requests.Response, start: int, state: _State | None) -> None:
        if start and state and self._continues(response, start, state):
            self.listener.say(f"{self.path.name}: going on after {size_in_words(start)}")
            self.continued = True
            self._write(response, start, state.total)
        elif response.status_code == 200:
            if start:
                self.listener.say(f"{self.path.name}: the server does not go on where it stopped; from the beginning")
            self.continued = False
            self._write(response, 0, self._begin(response))
        else:
            self._discard()
            raise _BrokenOffError("the file is another one by now, so it is begun anew")

    @staticmethod
    def _continues(response: requests.Response, start: int, state: _State) -> bool:
        """Whether this is the rest of the very file; servers exist that pass over If-Range."""
        span, _, total = response.headers.get("Content-Range", "").partition("/")
        return (
            response.status_code == 206
            and span.startswith(f"bytes {start}-")
            and (state.total is None or total == str(state.total))
            and (state.validator is None or _validator(response) == state.validator)
        )

    def _begin(self, response: requests.Response) -> int | None:
        """Look at what is offered, and remember what it is; the number of its bytes."""
        plain = response.headers.get("Content-Encoding", "identity") == "identity"
        length = response.headers.get("Content-Length", "")
        total = int(length) if plain and length.isdigit() else None
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise self._is_a_page()
        if self.size is not None and total is not None and total != self.size:
            raise RestobenchError(
                f"{self.url} is not the file that is wanted: it has {total} bytes, and should have {self.size}."
            )
        in_chunks = "chunked" in response.headers.get("Transfer-Encoding", "")
        if (total, self.size, self.sha256) == (None, None, None) and not in_chunks:
            raise UnavailableError(
                f"Neither the server nor the card says how large {self.url} is, so that half of it could be "
                "taken for the whole; it was not fetched."
            )
        self._discard()
        write_json(self.state_path, _State(self.url, _validator(response) if plain else None, total)._asdict())
        return total

    def _write(self, response: requests.Response, received: int, total: int | None) -> None:
        wanted = total if total is not None else self.size
        self._refuse_without_room((wanted or 0) - received)
        self.listener.progress(received, wanted)
        with self.part.open("ab") as file:
            for chunk in response.iter_content(_CHUNK_BYTES):
                if received == 0 and is_web_page(chunk):
                    self._discard()
                    raise self._is_a_page()
                try:
                    file.write(chunk)
                except OSError as error:
                    error.filename = str(self.part)  # Python leaves it out
                    raise
                received += len(chunk)
                self.listener.progress(received, wanted)
                if wanted is not None and received > wanted:
                    break
        if total is not None and received < total:
            raise _BrokenOffError(f"broken off after {received} of {total} bytes")

    def _finish(self) -> str:
        """Check what was received, and give it its name."""
        received = self._received()
        if self.size is not None and received != self.size:
            self._discard()
            raise RestobenchError(
                f"{self.url} is not the file that is wanted: {received} bytes came, and there should be {self.size}. "
                "They were thrown away."
            )
        found = sha256_of(self.part)
        if self.sha256 is not None and found != self.sha256:
            self._discard()
            if self.continued:
                raise _BrokenOffError("the pieces do not make up the file, so it is begun anew")
            raise RestobenchError(
                f"{self.url} is not the file that is wanted: its SHA-256 is {found}, and should be {self.sha256}. "
                "It was thrown away."
            )
        with self.part.open("rb") as file:
            os.fsync(file.fileno())
        self.part.replace(self.path)
        self.state_path.unlink(missing_ok=True)
        return found

    def _state(self) -> _State | None:
        try:
            content: dict[str, Any] = json.loads(self.state_path.read_text(encoding="utf-8"))
            return _State(content["url"], content["validator"], content["total"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _start(self, state: _State | None) -> int:
        """After how many bytes to go on: 0 where nothing could tell another file's bytes from this one's."""
        if state is None or state.url != self.url or not (state.validator or self.sha256):
            return 0
        received = self._received()
        return received if state.total is None or received <= state.total else 0

    def _received(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _discard(self) -> None:
        # The bytes first: without them what is written about them does no harm.
        self.part.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)

    def _refuse_without_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise RestobenchError(
                f"{self.path.name} needs {size_in_words(needed)} more, and {self.part.parent} has "
                f"{size_in_words(free)} free; make room, or set RESTOBENCH_HOME to a larger disk."
            )

    def _is_a_page(self) -> RestobenchError:
        return UnavailableError(
            f"{self.url} gives a web page and not the file; open it in a browser to see what it asks for."
        )


def _validator(response: requests.Response) -> str | None:
    """What stands for the very bytes of the file: a strong ETag, else its date."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _never_got_through(error: requests.RequestException) -> bool:
    """Whether no server was ever reached, so that another try would fail in the same way."""
    import requests
    from urllib3.exceptions import NewConnectionError

    never = (requests.ConnectTimeout, requests.exceptions.ProxyError)
    return isinstance(error, never) or isinstance(_reason(error), NewConnectionError)


def _short(error: requests.RequestException) -> str:
    """The reason without the layers of exceptions around it."""
    import requests

    if isinstance(error, requests.ConnectTimeout):
        return "no answer in time"
    text = str(_reason(error))
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return "the server went silent"
    if "IncompleteRead" in text:
        return "the connection broke off"
    # `[Errno -2] Name or service not known)`, `ConnectionResetError(104, 'Connection reset by peer')`
    found = re.findall(r"\[Errno -?\d+\] ([^)'\"]+)", text) or re.findall(r"'([^']+)'\)", text)
    return found[-1] if found else text


def _reason(error: BaseException) -> object:
    inner = error.args[0] if error.args else ""
    return getattr(inner, "reason", None) or inner

"""A web server on this machine that misbehaves on demand, for the tests of downloads."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np

Behaviour = Literal[
    "good",
    "break off",  # after half of what was asked for
    "ignore range",
    "pass over if-range",
    "page",
    "page in disguise",
    "silent",
    "hang up",
    "reset",
    "no length",
    "chunked",
    "wait",  # after half of what was asked for, until released
    200, 403, 404, 416, 418, 429, 503,
]  # fmt: skip


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that look like weights."""
    return np.random.default_rng(seed).bytes(size)


class FileServer:
    """Serves one file under every path; each request takes the next behaviour, the last one for good."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.etag: str | None = '"first"'
        self.dated: str | None = None
        self.length: int | None = None
        """What it says, where that is a lie."""
        self.behaviours: list[Behaviour] = ["good"]
        self.asked: list[dict[str, str]] = []
        self.release = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def url(self, name: str = "model.pth") -> str:
        return f"{self.address}/releases/{name}"

    @property
    def ranges(self) -> list[str | None]:
        """The Range of every request."""
        return [headers.get("Range") for headers in self.asked]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.asked.append(dict(request.headers.items()))
            behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        if request.path.startswith("/moved"):
            request.send_response(302)
            request.send_header("Location", self.url())
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.close_connection = True
        if isinstance(behaviour, int) and behaviour != 200:
            request.send_response(behaviour)
            request.send_header("Content-Length", "0")
            request.end_headers()
        elif behaviour in ("page", "page in disguise"):
            self._page(request, "text/html; charset=utf-8" if behaviour == "page" else "application/octet-stream")
        elif behaviour in ("hang up", "reset"):
            if behaviour == "reset":
                request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
        elif behaviour == "silent":
            self.release.wait(20)
        else:
            self._file(request, behaviour)

    def _page(self, request: BaseHTTPRequestHandler, kind: str) -> None:
        page = b"<!DOCTYPE html><html><body>Please log in.</body></html>"
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(page)))
        request.end_headers()
        request.wfile.write(page)

    def _file(self, request: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
        asked, condition = request.headers.get("Range"), request.headers.get("If-Range")
        unchanged = condition in (None, self.etag, self.dated) or behaviour == "pass over if-range"
        start = 0
        if asked and unchanged and behaviour != "ignore range":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        if self.dated:
            request.send_header("Last-Modified", self.dated)
        rest = self.body[start:]
        if behaviour == "chunked":
            request.send_header("Transfer-Encoding", "chunked")
        elif behaviour != "no length":
            request.send_header("Content-Length", str(len(rest) if self.length is None else self.length))
        request.end_headers()
        if behaviour == "chunked":
            for at in range(0, len(rest), 50_000):
                piece = rest[at : at + 50_000]
                request.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            request.wfile.write(b"0\r\n\r\n")
        elif behaviour in ("break off", "wait"):
            request.wfile.write(rest[: len(rest) // 2])
            request.wfile.flush()
            if behaviour == "wait":
                self.release.wait(60)
        else:
            request.wfile.write(rest)

    @contextmanager
    def running(self) -> Iterator["FileServer"]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def wait_until(true: Any, seconds: float = 60) -> None:
    """Until `true()` is; a test that waits for longer has failed."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.01)

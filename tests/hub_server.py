"""A small Hugging Face hub on this machine: the few addresses that fetching a repository asks for."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Files of so many bytes and more are known by their SHA-256, smaller ones by git's hash."""


def hub_hash(body: bytes) -> str:
    """What the hub calls a file's content."""
    if len(body) >= LARGE:
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class HubServer:
    """Serves repositories of files; counts what is asked for."""

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        self.repositories = repositories
        self.asked: list[str] = []
        self.status: int | None = None
        """What every request is answered with instead."""
        self.damaged = False
        """Whether other bytes come than were announced."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self, with_body=True)

            def do_HEAD(self) -> None:
                server.answer(self, with_body=False)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    @property
    def brought(self) -> list[str]:
        """The files that were sent, sorted."""
        sent = [asked.partition(f"/resolve/{COMMIT}/")[2] for asked in self.asked if asked.startswith("GET")]
        return sorted(filter(None, sent))

    def answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = unquote(urlsplit(request.path).path)
        self.asked.append(f"{request.command} {path}")
        body, headers = b"", {"X-Repo-Commit": COMMIT}
        status = self.status or 200
        if self.status:
            pass
        elif path.startswith("/api/models/"):
            owner = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            files = self.repositories.get(owner)
            if files is None:
                status, headers["X-Error-Code"] = 404, "RepoNotFound"
            elif "/tree/" in path:
                body = json.dumps([_entry(name, content) for name, content in files.items()]).encode()
            else:
                siblings = [{"rfilename": name} for name in files]
                body = json.dumps({"id": owner, "sha": COMMIT, "siblings": siblings}).encode()
            headers["Content-Type"] = "application/json"
        else:
            owner, _, name = path.lstrip("/").partition(f"/resolve/{COMMIT}/")
            if name in self.repositories.get(owner, {}):
                content = self.repositories[owner][name]
                headers["ETag"] = f'"{hub_hash(content)}"'
                body = bytes(len(content)) if self.damaged else content
            else:
                status, headers["X-Error-Code"] = 404, "EntryNotFound"
        request.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        if with_body:
            request.wfile.write(body)

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def _entry(name: str, content: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
    if len(content) >= LARGE:
        entry["lfs"] = {"oid": hub_hash(content), "size": len(content), "pointerSize": 130}
    else:
        entry["oid"] = hub_hash(content)
    return entry

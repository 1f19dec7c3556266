"""Seeing whether a method reaches for the network, or opens a file that may run code.

By putting watchers into Python's own modules for as long as the check lasts: a program
that is started, or a library that opens sockets in C, is not seen.
"""

from __future__ import annotations

import errno
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import torch


@dataclass
class Seen:
    """What was asked for while watching, each once."""

    addresses: dict[str, None] = field(default_factory=dict)
    """Refused: `host:port`."""
    unsafe: dict[str, None] = field(default_factory=dict)
    """Let through: the call and the file."""
    _inside: bool = False

    def refuse(self, address: str) -> OSError:
        """Note an address; returns what is raised in place of the connection."""
        self.addresses[address] = None
        return OSError(errno.ENETUNREACH, f"nothing may reach the network while a method is checked: {address}")


@contextmanager
def watched() -> Iterator[Seen]:
    """Within it no connection is made, and unsafe loading is noted."""
    seen = Seen()
    with ExitStack() as stack:
        for name in ("connect", "connect_ex", "sendto"):
            stack.enter_context(_replaced(socket.socket, name, _no_connection(seen, getattr(socket.socket, name))))
        for name in ("getaddrinfo", "gethostbyname"):
            stack.enter_context(_replaced(socket, name, _no_look_up(seen)))
        for module in (torch, torch.serialization):
            stack.enter_context(_replaced(module, "load", _noted_torch_load(seen, torch.load)))
        stack.enter_context(_replaced(pickle, "load", _noted_pickle_load(seen, pickle.load)))
        yield seen


@contextmanager
def _replaced(owner: Any, name: str, by: Callable[..., Any]) -> Iterator[None]:
    own = name in vars(owner)  # `connect` is inherited
    original = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)


def _no_connection(seen: Seen, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def connect(self: socket.socket, *arguments: Any) -> Any:
        # Sockets that are files on this machine are how processes talk to each other.
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            return original(self, *arguments)
        address = arguments[-1]
        raise seen.refuse(":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address))

    return connect


def _no_look_up(seen: Seen) -> Callable[..., Any]:
    def look_up(host: Any, port: Any = None, *_: Any, **__: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        refused = seen.refuse(name if port is None else f"{name}:{port}")
        raise socket.gaierror(socket.EAI_FAIL, refused.strerror)

    return look_up


def _noted_torch_load(seen: Seen, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def load(*arguments: Any, **options: Any) -> Any:
        if options.get("weights_only") is True:
            return original(*arguments, **options)
        seen.unsafe[f"torch.load({_named(arguments, options)}) without weights_only=True"] = None
        seen._inside = True  # what it unpickles in its turn is no second finding
        try:
            return original(*arguments, **options)
        finally:
            seen._inside = False

    return load


def _noted_pickle_load(seen: Seen, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def load(*arguments: Any, **options: Any) -> Any:
        if not seen._inside:
            seen.unsafe[f"pickle.load({_named(arguments, options)})"] = None
        return original(*arguments, **options)

    return load


def _named(arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    file = arguments[0] if arguments else options.get("f", options.get("file"))
    return str(file if isinstance(file, os.PathLike) else getattr(file, "name", file))

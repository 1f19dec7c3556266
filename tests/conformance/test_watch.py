import pickle
import socket
from pathlib import Path

import pytest
import torch

from restobench.conformance.watch import watched


def test_nothing_is_watched_afterwards() -> None:
    """The watchers go as they came, also when something fails."""
    before = (socket.getaddrinfo, torch.load, pickle.load, "connect" in vars(socket.socket))

    with pytest.raises(KeyError), watched():
        raise KeyError

    assert (socket.getaddrinfo, torch.load, pickle.load, "connect" in vars(socket.socket)) == before


def test_sockets_of_this_machine_are_let_through(tmp_path: Path) -> None:
    """Processes that work together talk through files; the network is something else."""
    with watched() as seen, socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))

    assert not seen.addresses


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_addresses_are_refused_and_named(kind: socket.SocketKind) -> None:
    """Also those of this machine, also without a connection."""
    with watched() as seen, socket.socket(socket.AF_INET, kind) as client:
        with pytest.raises(OSError, match=r"nothing may reach the network while a method is checked: 127.0.0.1:9"):
            client.sendto(b"", ("127.0.0.1", 9)) if kind == socket.SOCK_DGRAM else client.connect(("127.0.0.1", 9))
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("example.org", 443)

    assert list(seen.addresses) == ["127.0.0.1:9", "example.org:443"]

"""A Ray cluster: how it is reached, and what it has for how many workers."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from restobench.errors import RestobenchError


class Share(NamedTuple):
    """What Ray keeps free for each actor."""

    workers: int
    cpus: int
    """Processor cores; on the CPU the threads of torch too."""
    gpus: int


def connect(address: str | None, workers: int | None) -> None:
    """Be the driver of a cluster; once a process is, it stays so to its end."""
    # A run touches the net only where it is told to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise RestobenchError(
            f"--executor ray needs Ray, which is not installed: pip install 'restobench[ray]' ({error})"
        ) from None
    if ray.is_initialized():
        return
    # Ray has ends of its own for SIGTERM, by which a run would not keep what it did.
    before = signal.getsignal(signal.SIGTERM)
    try:
        _start_or_join(address or os.environ.get("RAY_ADDRESS"), workers)
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _start_or_join(address: str | None, workers: int | None) -> None:
    import ray
    import ray._private.worker

    # Of workers that are lost Ray tells at length, on standard output, which is for tables and JSON, and
    # minutes later. It has no other switch for that; `actors` tells of them too.
    ray._private.worker._worker_logs_enabled = False
    quiet: dict[str, Any] = {"include_dashboard": False, "logging_level": logging.ERROR, "log_to_driver": False}
    if not address:
        ray.init(address="local", num_cpus=max(os.cpu_count() or 1, workers or 1), **quiet)
        return
    try:
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit() and "/" not in host:
            # Ray itself would try for minutes where nobody listens.
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        told = str(error).strip().partition("\n")[0]
        raise RestobenchError(
            f"No Ray cluster can be used at {address!r} ({told}). Start one with 'ray start --head', or leave "
            "--address out."
        ) from None


def machines() -> list[dict[str, float]]:
    """What each machine of the cluster has, by Ray's names."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def share_of(nodes: Sequence[Mapping[str, float]], device: str, workers: int | None) -> Share:
    """How many actors there are on machines that have so much, and what each actor has for itself.

    >>> share_of([{"CPU": 8.0}, {"CPU": 4.0}], "cpu", 3)
    Share(workers=3, cpus=4, gpus=0)

    Raises:
        RestobenchError: They have too little, or Ray does not know such devices.
    """
    if device == "cuda":
        cards = int(sum(node.get("GPU", 0) for node in nodes))
        if not cards or (workers or 0) > cards:
            raise RestobenchError(f"The cluster has {cards} graphics cards, and {workers or 1} workers want one each.")
        return Share(workers or cards, 1, 1)
    if device != "cpu":
        raise RestobenchError(f"--executor ray hands out devices itself: --device cuda or cpu, not {device}.")
    cores = [int(node.get("CPU", 0)) for node in nodes]
    count = workers or len(nodes)
    for cpus in range(max(cores, default=0), 0, -1):
        if sum(core // cpus for core in cores) >= count:
            return Share(count, cpus, 0)
    raise RestobenchError(f"The cluster has {sum(cores)} processor cores, too few for {count} workers.")

"""The method in a process of its own, wherever that runs: what it is told, and what it does with a shard.

Has not heard of Ray: it is a plain class, which `actors` makes actors of. Writes pictures and nothing else.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from restobench.batching import BatchSizes, room_on
from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.method import BuiltMethod, MethodChoice
from restobench.provenance import hardware, set_tf32, versions
from restobench.restore import Restored, restore_samples


@dataclass(frozen=True)
class Order:
    """What an actor builds, and what must be the same where it runs."""

    choice: MethodChoice
    device: str
    dtype: str
    tf32: bool
    scale: int
    log: Path
    sources: str
    """SHA-256 of the method's sources, as the driver sees them."""
    marker: Path
    """A file beside the pictures, and what it holds: who cannot read it would write elsewhere."""
    marked: str
    folder: Path = field(default_factory=Path.cwd)
    """From where relative paths are meant."""
    versions: Mapping[str, str] = field(default_factory=versions)


@dataclass(frozen=True)
class Job:
    """On what terms pictures are restored."""

    target: Callable[[str], Path]
    scale: int
    seed: int
    batch_size: int | None
    retries: int
    timeout: float | None


class Started(NamedTuple):
    """What an actor says of itself."""

    host: str
    hardware: dict[str, Any]
    audit: dict[str, Any]


class Worker:
    """The method in a process and on a device of its own; what Ray makes an actor of.

    What the user can put right is returned, not raised: Ray would wrap it.
    """

    _built: BuiltMethod
    _device: str
    _sizes: BatchSizes | None = None

    def start(self, order: Order, threads: int) -> Started | RestobenchError:
        """Build the method, once it is sure that this is the place for it."""
        import torch

        host = platform.node()
        try:
            _refuse_other_place(order, host)
            if order.device == "cpu":
                torch.set_num_threads(threads)
            set_tf32(order.tf32)
            self._device = order.device
            self._built = order.choice.build(device=order.device, dtype=order.dtype, scale=order.scale, log=order.log)
        except RestobenchError as error:
            return error
        return Started(host, hardware(order.device), self._built.setup.audit)

    def restore(self, samples: Sequence[Sample], job: Job) -> Restored | RestobenchError:
        """Restore a shard; what was learnt of batches is kept for the next."""
        self._sizes = self._sizes or BatchSizes(job.batch_size, room_on(self._device))
        try:
            return restore_samples(
                self._built.method,
                samples,
                target=job.target,
                scale=job.scale,
                seed=job.seed,
                batch_size=self._sizes,
                device=self._device,
                retries=job.retries,
                timeout=job.timeout,
            )
        except RestobenchError as error:
            return error


def _refuse_other_place(order: Order, host: str) -> None:
    """Raises RestobenchError where pictures would be other ones, or would land elsewhere."""
    try:
        os.chdir(order.folder)
        marked = order.marker.read_text(encoding="utf-8")
    except OSError as error:
        raise RestobenchError(
            f"The worker on {host} does not see {error.filename}. Runs, data sets, weights and the folder you are in "
            "must lie where all nodes of the cluster see them under one path; --runs names another folder."
        ) from None
    if marked != order.marked:
        raise RestobenchError(
            f"The worker on {host} sees another {order.marker} than the driver; --runs must name a shared folder."
        )
    here = versions()
    if differing := [name for name in order.versions if here.get(name) != order.versions[name]]:
        theirs, ours = (
            ", ".join(f"{name} {known.get(name, 'missing')}" for name in differing) for known in (here, order.versions)
        )
        raise RestobenchError(f"The worker on {host} has {theirs}, the driver {ours}; all nodes need one environment.")
    if order.choice.source_hash() != order.sources:
        raise RestobenchError(
            f"The worker on {host} has other source files of '{order.choice.name}' than the driver; install the same."
        )

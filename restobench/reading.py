"""The pictures that are scored: which file plays which role, and each decoded once, in batches of one size.

All of it in threads, ahead of whoever scores them. Knows files and data sets, never a metric.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from restobench.ahead import in_order, read_ahead
from restobench.cache import Cache
from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.image import read_array, to_tensor
from restobench.plausibility import Glimpse, glimpse

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Role = Literal["restored", "clean", "input"]
Pair = tuple[str, str]
"""(hash of the restored picture, hash of the other one or "")."""

# Scored in batches of one size of about this many pixels: enough for a GPU, while the activations of
# a VGG stay below 4 GB; 4096 x 4096 goes alone. A processor loses by batches beyond its cache: MUSIQ takes
# a third longer for 16 pictures together than one by one.
_PIXELS_A_BATCH = {"cuda": 2**21, "cpu": 2**15}
# Pictures of other sizes wait until their batch is full, as long as no more pixels than this wait.
_PIXELS_WAITING = 2**24


class Scored(NamedTuple):
    """A sample with its pictures' files, and the hashes of what is in them."""

    sample: Sample
    paths: Mapping[Role, Path]
    hashes: Mapping[Role, str]

    def pair(self, reference: Role | None) -> Pair:
        """What a value depends on: without a reference the other pictures do not matter."""
        return self.hashes["restored"], self.hashes[reference] if reference else ""


def scored_samples(restored: Mapping[str, Path], samples: Sequence[Sample], cache: Cache) -> list[Scored]:
    """The samples with the files of their pictures; `restored` is by sample.

    Raises:
        OSError: A file cannot be read.
    """
    paths: list[dict[Role, Path]] = []
    for sample in samples:
        roles: dict[Role, Path | None] = {"restored": restored[sample.id], "clean": sample.gt, "input": sample.lq}
        paths.append({role: path for role, path in roles.items() if path})
    sha256 = cache.hashes(path for each in paths for path in each.values())
    return [
        Scored(sample, each, {role: sha256[path] for role, path in each.items()})
        for sample, each in zip(samples, paths, strict=True)
    ]


def whole_pair(members: Sequence[Scored], reference: Role | None) -> Pair:
    """One pair of hashes for a set of pictures, whatever their order."""
    restored, other = hashlib.sha256(), hashlib.sha256()
    for member in sorted(members, key=lambda member: member.sample.id):
        one, two = member.pair(reference)
        restored.update(one.encode())
        other.update(two.encode())
    return restored.hexdigest(), other.hexdigest() if reference else ""


class Decoded(NamedTuple):
    """A sample with those of its pictures that are wanted now, (H, W, 3) each."""

    scored: Scored
    arrays: Mapping[Role, NDArray[Any]]
    seen: Glimpse | None
    """Where a restored and a clean picture are wanted."""


class Batch(NamedTuple):
    """Samples whose pictures are of one size."""

    members: list[Decoded]
    stacks: Mapping[Role, Tensor]
    """By role, (B, 3, H, W) in [0, 1], in the host's memory."""


def batches(
    wanted: Sequence[tuple[Scored, frozenset[Role]]], unreadable: dict[str, str], device: str
) -> Iterator[Batch]:
    """The wanted pictures of each sample, decoded once; while a batch is scored the next is put together.

    Args:
        wanted: The samples in order, with the roles of the pictures that are wanted of each.
        unreadable: Filled with the samples that have a picture which cannot be decoded, and why.
        device: Where they are scored; decides how many come together.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batch") as pool:
        for _, batch in in_order(pool, _of_one_size(wanted, unreadable, device), _put_together, ahead=2):
            assert not isinstance(batch, RestobenchError)
            yield batch


def _put_together(members: list[Decoded]) -> Batch:
    import torch

    stacks: dict[Role, Tensor] = {}
    for role, first in members[0].arrays.items():
        stacks[role] = torch.empty((len(members), 3, *first.shape[:2]))
        for place, member in zip(stacks[role], members, strict=True):
            to_tensor(member.arrays[role], out=place)
    return Batch(members, stacks)


def _of_one_size(
    wanted: Sequence[tuple[Scored, frozenset[Role]]], unreadable: dict[str, str], device: str
) -> Iterator[list[Decoded]]:
    def read(item: tuple[Scored, frozenset[Role]]) -> Decoded:
        scored, roles = item
        arrays = {role: read_array(scored.paths[role]) for role in scored.paths if role in roles}
        restored, clean = arrays.get("restored"), arrays.get("clean")
        return Decoded(scored, arrays, None if restored is None or clean is None else glimpse(restored, clean))

    limit = _PIXELS_A_BATCH["cuda" if device.startswith("cuda") else "cpu"]
    waiting: dict[object, list[Decoded]] = {}
    pixels = 0
    for (scored, _), decoded in read_ahead(wanted, read):
        if isinstance(decoded, RestobenchError):
            unreadable[scored.sample.id] = str(decoded)
            continue
        size: object = tuple((role, array.shape, array.dtype) for role, array in decoded.arrays.items())
        waiting.setdefault(size, []).append(decoded)
        pixels += _pixels(decoded)
        full = size if len(waiting[size]) * _pixels(decoded) >= limit else None
        if full is None and pixels > _PIXELS_WAITING:
            full = max(waiting, key=lambda size: sum(map(_pixels, waiting[size])))
        if full is not None:
            batch = waiting.pop(full)
            pixels -= sum(map(_pixels, batch))
            yield batch
    yield from waiting.values()


def _pixels(decoded: Decoded) -> int:
    return max(int(array.shape[0] * array.shape[1]) for array in decoded.arrays.values())

"""Restoring a large picture in overlapping tiles, for methods whose memory grows with it; and padding.

Where tiles overlap, the result is their plain mean. What a tile draws at random depends
on the tile's number alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.noise import Noise

RestoreTile = Callable[[Tensor, Noise], Tensor]
"""(B, C, h, w) and the tile's own noise -> (B, C', scale h, scale w)."""


def check_tiles(tile: int, overlap: int) -> None:
    """Refuse tiles that could not cover a picture; a method calls it when it is built.

    Raises:
        RestobenchError: A number is negative, or the overlap is not smaller than the tile.
    """
    if tile < 0 or overlap < 0:
        raise RestobenchError(f"A tile of {tile} pixels with an overlap of {overlap}: neither can be negative.")
    if tile and overlap >= tile:
        raise RestobenchError(
            f"Tiles of {tile} pixels cannot overlap by {overlap}; the overlap must be smaller than the tile."
        )


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where the tiles begin along a side of `length` pixels.

    Every `tile - overlap` pixels; what would reach over the end is moved back to it. A
    side that is no longer than a tile is one tile.
    """
    if length <= tile:
        return [0]
    return list(dict.fromkeys(min(start, length - tile) for start in range(0, length, tile - overlap)))


def restore_in_tiles(
    restore: RestoreTile, lq: Tensor, noise: Noise, *, tile: int, overlap: int, scale: int, at_once: int = 1
) -> Tensor:
    """Restore `lq` tile by tile, row by row, and average where tiles overlap.

    The pictures of a batch are cut alike and go through `restore` together. Memory beyond
    that of `at_once` tiles: the float32 result and a map of counts, on the device of `lq`.

    Args:
        restore: Restores one tile of every picture in the batch.
        lq: (B, C, H, W); channels beyond the picture's own, a mask say, are cut along.
        noise: Tile n, counted from 0, draws from `noise.part(f"tile{n}")`; a picture that
            is not tiled draws from `noise` itself.
        tile: Side of a tile in pixels of `lq`; 0 restores the picture whole.
        overlap: By how many pixels neighbours overlap; less than `tile`.
        scale: How many times larger than its input a restored tile is.
        at_once: How many tiles of each picture go through `restore` together, one tile of every
            picture after the other. What they draw does not depend on it.

    Returns:
        (B, C', scale H, scale W), float32 where it was tiled.

    Raises:
        RestobenchError: As `check_tiles` does.
    """
    check_tiles(tile, overlap)
    if tile == 0:
        return restore(lq, noise)
    batch, _, height, width = lq.shape
    corners = list(product(tile_starts(height, tile, overlap), tile_starts(width, tile, overlap)))
    total: Tensor | None = None
    count = lq.new_zeros((1, 1, scale * height, scale * width), dtype=torch.float32)
    for first in range(0, len(corners), at_once):
        some = corners[first : first + at_once]
        tiles = torch.cat([lq[..., top : top + tile, left : left + tile] for top, left in some])
        parts = [noise.part(f"tile{first + number}") for number in range(len(some))]
        restored = restore(tiles, Noise.joined(parts) if len(some) > 1 else parts[0])
        if total is None:
            total = lq.new_zeros((batch, restored.shape[1], *count.shape[2:]), dtype=torch.float32)
        for (top, left), one in zip(some, restored.split(batch), strict=True):
            place = (..., slice(scale * top, scale * (top + tile)), slice(scale * left, scale * (left + tile)))
            total[place] += one
            count[place] += 1
    assert total is not None, "a picture without pixels"
    return total.div_(count)


def pad_to_multiple(picture: Tensor, multiple: int) -> Tensor:
    """Mirror the picture downwards and to the right until its sides are multiples of `multiple`.

    The edge itself is not repeated. Where the picture is shorter than what is missing it is
    mirrored again and again (reflection alone needs more pixels than it adds).
    """
    for dim in (2, 3):
        side = picture.shape[dim]
        wanted = -(-side // multiple) * multiple
        if wanted > side:
            period = max(1, 2 * (side - 1))
            place = torch.arange(wanted, device=picture.device) % period
            picture = picture.index_select(dim, torch.minimum(place, period - place) if side > 1 else place)
    return picture

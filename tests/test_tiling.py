import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from restobench.errors import RestobenchError
from restobench.noise import Noise
from restobench.tiling import check_tiles, restore_in_tiles, tile_starts


def enlarge(lq: Tensor, noise: Noise) -> Tensor:
    """A network that only enlarges: no pixel depends on its neighbours, so tiles must not show."""
    return F.interpolate(lq, scale_factor=3, mode="nearest")


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "starts"),
    [
        (200, 64, 16, [0, 48, 96, 136]),
        (130, 64, 0, [0, 64, 66]),
        (128, 64, 0, [0, 64]),
        (100, 64, 16, [0, 36]),
        (64, 64, 16, [0]),
        (65, 64, 16, [0, 1]),
        (63, 64, 16, [0]),
        (1, 64, 63, [0]),
        (5, 2, 1, [0, 1, 2, 3]),
    ],
)
def test_tiles_begin_where_they_should(length: int, tile: int, overlap: int, starts: list[int]) -> None:
    """The last tile is moved back instead of being cut or padded, and none is done twice."""
    assert tile_starts(length, tile, overlap) == starts


@pytest.mark.parametrize("size", [(37, 53), (16, 16), (5, 53), (37, 9), (1, 1), (17, 33)])
@pytest.mark.parametrize(("tile", "overlap"), [(16, 0), (16, 5), (16, 15), (9, 4), (64, 32)])
def test_tiles_leave_no_border(size: tuple[int, int], tile: int, overlap: int) -> None:
    """What the network does to each pixel alone comes out as if it had seen the whole picture."""
    lq = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))

    restored = restore_in_tiles(enlarge, lq, Noise.of_seed(0, "ab"), tile=tile, overlap=overlap, scale=3)

    assert restored.dtype == torch.float32
    assert restored.shape == (2, 3, 3 * size[0], 3 * size[1])
    torch.testing.assert_close(restored, F.interpolate(lq, scale_factor=3, mode="nearest"), rtol=0, atol=1e-5)


def test_where_tiles_overlap_the_plain_mean_stands() -> None:
    """Rows outer and columns inner, each of the six tiles painted with its number."""
    numbers = iter(range(6))

    def paint(lq: Tensor, noise: Noise) -> Tensor:
        return torch.full_like(lq, next(numbers))

    restored = restore_in_tiles(paint, torch.zeros(1, 1, 6, 8), Noise.of_seed(0, "a"), tile=4, overlap=2, scale=1)

    below = [3, 3, 3.5, 3.5, 4.5, 4.5, 5, 5]
    above = [0, 0, 0.5, 0.5, 1.5, 1.5, 2, 2]
    between = [1.5, 1.5, 2, 2, 3, 3, 3.5, 3.5]
    assert restored[0, 0].tolist() == [above] * 2 + [between] * 2 + [below] * 2


def test_every_tile_draws_its_own_noise() -> None:
    """Tile n draws from part `tilen`, whatever the tiles before it have drawn."""

    def drawn(lq: Tensor, noise: Noise) -> Tensor:
        return noise.draw(lq.shape[1:])

    lq = torch.zeros(2, 3, 5, 8)

    restored = restore_in_tiles(drawn, lq, Noise.of_seed(7, "ab"), tile=4, overlap=0, scale=1)

    first, second = (Noise.of_seed(7, "ab").part(f"tile{n}").draw((3, 4, 4)) for n in range(2))
    assert torch.equal(restored[:, :, 0], torch.cat([first, second], dim=3)[:, :, 0])
    alone = restore_in_tiles(drawn, lq[:1], Noise.of_seed(7, "b"), tile=4, overlap=0, scale=1)
    assert torch.equal(restored[1:], alone)


def test_without_tiles_the_picture_goes_through_whole() -> None:
    """Its noise then is the picture's own, and the network's dtype is left as it is."""
    noise = Noise.of_seed(0, "a")
    lq = torch.rand(1, 3, 37, 53)

    def restore(lq: Tensor, given: Noise) -> Tensor:
        assert given is noise
        return lq.half()

    assert torch.equal(restore_in_tiles(restore, lq, noise, tile=0, overlap=32, scale=1), lq.half())


def test_channels_may_change_and_half_precision_is_summed_in_full() -> None:
    """A mask is cut along with its picture; sums of many half-precision tiles would lose their last digits."""
    lq = torch.rand(1, 4, 21, 13)

    restored = restore_in_tiles(
        lambda tile, noise: tile[:, :3].half(), lq, Noise.of_seed(0, "a"), tile=4, overlap=3, scale=1
    )

    assert restored.dtype == torch.float32
    torch.testing.assert_close(restored, lq[:, :3].half().float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("tile", "overlap", "sentence"),
    [
        (64, 64, "Tiles of 64 pixels cannot overlap by 64; the overlap must be smaller than the tile"),
        (16, 32, "Tiles of 16 pixels cannot overlap by 32"),
        (-1, 0, "neither can be negative"),
        (64, -1, "neither can be negative"),
    ],
)
def test_tiles_that_cannot_cover_a_picture_are_refused(tile: int, overlap: int, sentence: str) -> None:
    """With a step of nothing or backwards the tiles would never end."""
    with pytest.raises(RestobenchError, match=sentence):
        check_tiles(tile, overlap)
    with pytest.raises(RestobenchError, match=sentence):
        restore_in_tiles(enlarge, torch.rand(1, 3, 9, 9), Noise.of_seed(0, "a"), tile=tile, overlap=overlap, scale=3)


@pytest.mark.parametrize("at_once", [2, 5, 100])
def test_tiles_restored_together_are_the_same_tiles(at_once: int) -> None:
    """How many fit on a device must not be seen in the picture, nor in its noise."""

    def disturb(lq: Tensor, noise: Noise) -> Tensor:
        return (
            enlarge(lq, noise) + noise.draw((3, 3 * lq.shape[2], 3 * lq.shape[3])) + noise.part("end").draw((1, 1, 1))
        )

    lq = torch.rand(2, 3, 37, 13, generator=torch.Generator().manual_seed(0))
    options = {"tile": 16, "overlap": 5, "scale": 3}

    one_by_one = restore_in_tiles(disturb, lq, Noise.of_seed(0, "ab"), **options)
    together = restore_in_tiles(disturb, lq, Noise.of_seed(0, "ab"), **options, at_once=at_once)

    assert torch.equal(together, one_by_one)

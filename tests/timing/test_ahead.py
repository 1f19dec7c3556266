"""Noise that is drawn before the clock starts is the same noise."""

import torch

from restobench.noise import Noise
from restobench.timing.ahead import NoiseAhead

IDS = ["a", "b"]


def drawn(noise: Noise) -> list[torch.Tensor]:
    tile = noise.part("tile3")
    joined = Noise.joined([noise.part("face0"), noise.part("face1")])
    return [
        noise.draw((3, 5, 7)),
        noise.draw((3, 5, 7), dtype=torch.bfloat16),
        tile.draw((4,)),
        tile.part("inner").draw((4,)),
        joined.draw((2, 2)),
    ]


def test_the_numbers_are_those_of_ordinary_noise_call_after_call() -> None:
    """Each call counts its draws from the beginning, in every part, joined streams included."""
    ahead = NoiseAhead(5, IDS)

    first, second = drawn(ahead.noise()), drawn(ahead.noise())

    for one, two, ordinary in zip(first, second, drawn(Noise.of_seed(5, IDS)), strict=True):
        assert torch.equal(one, ordinary)
        assert torch.equal(two, ordinary)


def test_nothing_is_drawn_twice_nor_by_another_batch_that_was_prepared() -> None:
    """What is drawn late is drawn inside the clock, and counted."""
    ahead, other = NoiseAhead(0, IDS), NoiseAhead(0, ["c", "d"])
    drawn(ahead.noise())
    other.prepare(ahead)
    ahead.late = other.late = 0

    drawn(ahead.noise())
    found = drawn(other.noise())

    assert ahead.late == other.late == 0
    assert torch.equal(found[0], Noise.of_seed(0, ["c", "d"]).draw((3, 5, 7)))
    other.noise().draw((9,))
    assert other.late > 0


def test_a_method_may_write_into_what_it_drew() -> None:
    """The next call must not see it."""
    ahead = NoiseAhead(0, IDS)

    ahead.noise().draw((3,)).zero_()

    assert torch.equal(ahead.noise().draw((3,)), Noise.of_seed(0, IDS).draw((3,)))

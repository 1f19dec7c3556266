import torch

from restobench.noise import Noise


def test_a_samples_noise_does_not_depend_on_its_batch() -> None:
    """Batch size, order and neighbours must not change a picture."""
    together = Noise.of_seed(0, ["a", "b", "c"]).draw((4, 5, 7))

    alone = torch.cat([Noise.of_seed(0, [name]).draw((4, 5, 7)) for name in ("a", "b", "c")])
    turned = Noise.of_seed(0, ["c", "b", "a"]).draw((4, 5, 7)).flip(0)

    assert torch.equal(together, alone)
    assert torch.equal(together, turned)


def test_draws_parts_seeds_and_samples_differ() -> None:
    """Four things name a number; each alone must change it."""
    noise = Noise.of_seed(0, ["a"])
    draws = [
        noise.draw((64,)),
        noise.draw((64,)),
        noise.part("tile0").draw((64,)),
        noise.part("tile1").draw((64,)),
        noise.part("tile0").part("tile1").draw((64,)),
        Noise.of_seed(1, ["a"]).draw((64,)),
        Noise.of_seed(0, ["b"]).draw((64,)),
    ]

    distinct = {tuple(draw.flatten().tolist()) for draw in draws}

    assert len(distinct) == len(draws)


def test_a_part_does_not_move_what_is_drawn_outside_it() -> None:
    """A method may tile one picture and not the next."""
    plain, tiled = Noise.of_seed(3, ["a"]), Noise.of_seed(3, ["a"])

    tiled.part("tile0").draw((8,))

    assert torch.equal(plain.draw((8,)), tiled.draw((8,)))


def test_noise_is_standard_normal() -> None:
    """Mean and deviation of a million draws, within five standard errors."""
    drawn = Noise.of_seed(0, ["a"]).draw((1000, 1000)).double()

    assert abs(drawn.mean().item()) < 5e-3
    assert abs(drawn.std().item() - 1) < 4e-3
    assert abs((drawn**4).mean().item() - 3) < 0.03


def test_the_numbers_are_these_for_ever() -> None:
    """A change of generator or naming would change every stochastic result that was published."""
    drawn = Noise.of_seed(7, ["astronaut-1"]).part("tile3").draw((3,))

    assert [round(value, 6) for value in drawn.flatten().tolist()] == [-0.666107, -0.922026, -1.209354]


def test_known_noise_can_be_injected() -> None:
    """Parity cases bring the noise of the official programs."""
    asked = []

    def source(sample_id, part, number, shape):  # type: ignore[no-untyped-def]
        asked.append((sample_id, part, number))
        return torch.full(shape, float(number)).numpy()

    noise = Noise(["a", "b"], source)
    noise.draw((2,))
    second = noise.draw((2,))
    noise.part("tile1").draw((2,))

    assert second.tolist() == [[1, 1], [1, 1]]
    assert asked[-1] == ("b", "/tile1", 0)


def test_joined_noise_is_what_each_would_have_drawn() -> None:
    """Tiles that go through a network together must not change each other's noise."""
    whole = Noise.of_seed(0, ["a", "b"])
    apart = [whole.part("tile0"), whole.part("tile1")]
    apart[1].draw((3,))

    joined = Noise.joined([Noise.of_seed(0, ["a", "b"]).part("tile0"), apart[1]])

    for _ in range(2):
        assert torch.equal(joined.draw((5,)), torch.cat([one.draw((5,)) for one in apart]))
    inner = torch.cat([one.part("face").draw((5,)) for one in apart])
    assert torch.equal(joined.part("face").draw((5,)), inner)
    assert torch.equal(Noise.joined([joined]).draw((5,)), torch.cat([one.draw((5,)) for one in apart]))

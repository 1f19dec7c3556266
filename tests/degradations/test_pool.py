"""Mixing the pairs of several batches."""

import pytest
import torch

from restobench.degradations.pool import PairPool
from restobench.errors import RestobenchError


def batch(first: int, size: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs that carry a number each, in lq and gt alike."""
    numbers = torch.arange(first, first + size).float().view(-1, 1, 1, 1)
    return numbers.expand(-1, 3, 2, 2), numbers.expand(-1, 3, 8, 8)


def test_it_gives_back_what_it_gets_while_it_fills_and_then_others() -> None:
    """Every pair comes out at most once, still paired, or is still inside."""
    pool = PairPool(batches=3)
    generator = torch.Generator().manual_seed(0)
    taken = []

    for number in range(20):
        lq, gt = pool.exchange(*batch(4 * number), generator)
        assert torch.equal(lq[:, 0, 0, 0], gt[:, 0, 0, 0])
        assert lq.shape == (4, 3, 2, 2)
        if number < 3:
            assert torch.equal(lq, batch(4 * number)[0])
        else:
            taken += lq[:, 0, 0, 0].tolist()

    assert len(set(taken)) == len(taken) == 17 * 4
    assert max(taken) < 20 * 4
    batches_of_one = [{int(number) // 4 for number in taken[at : at + 4]} for at in range(0, len(taken), 4)]
    assert any(len(sources) > 1 for sources in batches_of_one)


@pytest.mark.parametrize("stopped_after", [0, 2, 9])
def test_a_pool_that_is_put_back_goes_on_as_it_would_have(stopped_after: int) -> None:
    """Empty, filling or full, when a training was killed."""
    pool, generator = PairPool(batches=3), torch.Generator().manual_seed(0)
    for number in range(stopped_after):
        pool.exchange(*batch(4 * number), generator)
    resumed, same_generator = PairPool(batches=3), torch.Generator()

    resumed.resume(pool.state())
    same_generator.set_state(generator.get_state())

    for number in range(stopped_after, stopped_after + 8):
        one = pool.exchange(*batch(4 * number), generator)
        other = resumed.exchange(*batch(4 * number), same_generator)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_pairs_that_do_not_fit_are_refused() -> None:
    """Pictures of two sizes cannot become one batch."""
    pool = PairPool()
    pool.exchange(*batch(0), torch.Generator())

    with pytest.raises(RestobenchError, match="of one size"):
        pool.exchange(torch.rand(4, 3, 3, 3), torch.rand(4, 3, 12, 12), torch.Generator())
    with pytest.raises(RestobenchError, match="4 degraded pictures are not paired with 2 clean ones"):
        pool.exchange(batch(0)[0], batch(0, 2)[1], torch.Generator())
    with pytest.raises(RestobenchError, match="at least one batch, not 0"):
        PairPool(0)

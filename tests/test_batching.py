from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from restobench.batching import BatchSizes, batches, by_size
from restobench.dataset import open_dataset
from restobench.noise import Noise
from tests.test_restore import Noisy, pictures, run

MakePairs = Callable[..., Path]
SMALL, LARGE = (8, 9, 3), (80, 90, 3)


def learn(sizes: BatchSizes, pace: Callable[[int], float], shape: tuple[int, ...] = SMALL, calls: int = 40) -> int:
    """What is settled on where a batch of n pictures takes `pace(n)` seconds a picture."""
    for _ in range(calls):
        size = sizes.of(shape)
        sizes.took(shape, size, pace(size))
    return sizes.of(shape)


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (lambda n: 1.0, 1),  # twice as many take twice as long
        (lambda n: 1 / n, 64),  # they take no longer: the most that is tried
        (lambda n: max(1 / n, 0.25), 4),
        (lambda n: 0.8 + 1 / n, 32),  # 64 save 1.9 % of the time a picture
        (lambda n: n, 1),
    ],
)
def test_batches_grow_as_long_as_that_pays(pace: Callable[[int], float], expected: int) -> None:
    """The smallest number within about two per cent of the best, as the timer finds it."""
    assert learn(BatchSizes(None), pace) == expected


def test_a_first_call_that_warms_up_does_not_settle_it() -> None:
    """Compilation and the choice of kernels happen once for each size."""
    seen: set[int] = set()

    def pace(size: int) -> float:
        first = size not in seen
        seen.add(size)
        return 50.0 if first else max(1 / size, 0.25)

    assert learn(BatchSizes(None), pace) == 4


def test_sizes_of_pictures_learn_apart() -> None:
    """What is right for small pictures is too much for large ones."""
    sizes = BatchSizes(None)

    learn(sizes, lambda n: 1 / n, SMALL)
    sizes.took(LARGE, 1, 1.0)
    sizes.took(LARGE, 1, 1.0)
    settled = sizes.ran_out(LARGE, 2)

    assert (settled, sizes.of(LARGE), sizes.of(SMALL), sizes.largest) == (1, 1, 64, 64)
    assert learn(sizes, lambda n: 1 / n, LARGE) == 1


def test_no_batch_is_tried_that_there_is_no_room_for() -> None:
    """Where memory that runs out ends the process, trying would not do."""
    assert learn(BatchSizes(None, room=lambda: False), lambda n: 1 / n) == 1


def test_a_number_that_is_asked_for_is_kept() -> None:
    """Until memory runs out."""
    sizes = BatchSizes(8)

    assert learn(sizes, lambda n: 1 / n) == 8
    assert sizes.ran_out(SMALL, 8) == 4
    assert learn(sizes, lambda n: 1 / n) == 4


def test_batches_are_of_one_kind_and_lose_nothing() -> None:
    """What waits for company is bounded, and comes at the end at the latest."""
    items = [number * 7 % 10 for number in range(60)]

    made = list(batches(items, lambda item: (item,), BatchSizes(4)))

    assert all(len(set(batch)) == 1 for batch in made)
    assert sorted(item for batch in made for item in batch) == sorted(items)
    assert max(map(len, made)) <= 4


def test_pictures_of_one_size_come_together(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Batches are full although the sizes take turns; and no picture is another one for it."""
    folder = make_pairs([f"s{number}" for number in range(0, 16, 2)], size=(8, 9))
    make_pairs([f"s{number}" for number in range(1, 16, 2)], size=(9, 8))
    (folder / "lq" / "s3.png").write_bytes(b"no picture")
    samples = open_dataset(folder).samples

    ordered = list(by_size(samples))
    method = Noisy()
    run(samples, tmp_path / "four", method, batch_size=4)
    run(samples, tmp_path / "one")

    assert ordered[0].id == "s3"
    assert set(ordered) == set(samples)
    assert method.batches == [4, 3, 4, 4] or method.batches == [4, 4, 4, 3]
    assert pictures(tmp_path / "four") == pictures(tmp_path / "one")


def test_an_automatic_batch_size_changes_no_picture(make_pairs: MakePairs, tmp_path: Path) -> None:
    """However it grows, and although memory runs out on the way; what it came to is said."""
    samples = open_dataset(make_pairs([f"s{number:02}" for number in range(40)], size=(6, 7))).samples

    class Bounded(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            if len(lq) > 4:
                raise MemoryError
            return super().restore(lq, noise, mask)

    outcome = run(samples, tmp_path / "auto", Bounded(), batch_size=None)
    run(samples, tmp_path / "one")

    assert outcome.failures == {}
    assert outcome.batch_size in (1, 2, 4)
    assert pictures(tmp_path / "auto") == pictures(tmp_path / "one")

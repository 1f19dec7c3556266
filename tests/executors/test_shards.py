import pytest

from restobench.dataset import Sample
from restobench.executors.shards import Shards


def samples(count: int) -> list[Sample]:
    return [Sample(f"s{number}", None, None, None, f"s{number}") for number in range(count)]


def emptied(shards: Shards, seconds_a_picture: float) -> list[int]:
    """Sizes of all shards, each as soon as the one before is back."""
    sizes = []
    while shard := shards.next():
        sizes.append(len(shard))
        shards.came_back(len(shard), seconds_a_picture * len(shard), None)
    return sizes


def test_every_sample_goes_out_once() -> None:
    """In order, whatever the shards are."""
    every = samples(100)
    shards = Shards(every, workers=3, batch_size=4)

    out = []
    while shard := shards.next():
        out += shard
        shards.came_back(len(shard), 0.5, 4)

    assert out == every
    assert len(shards) == 0


def test_shards_take_some_seconds_and_become_smaller_towards_the_end() -> None:
    """The first is a batch, for nobody knows how long it takes; the last ones let all workers end together."""
    quick = emptied(Shards(samples(1000), workers=2, batch_size=4), 0.05)
    slow = emptied(Shards(samples(30), workers=2, batch_size=4), 20.0)

    assert quick[:2] == [4, 100]
    assert quick[-2] == 20
    assert quick[1:] == sorted(quick[1:], reverse=True)
    assert all(size % 4 == 0 for size in quick[:-1])
    assert slow == [4] * 7 + [2]


def test_a_method_of_folders_is_given_its_share_at_once() -> None:
    """It starts a program each time."""
    assert emptied(Shards(samples(11), workers=4, batch_size=1, whole=True), 0.1) == [3, 3, 3, 2]


def test_a_picture_that_ends_workers_fails_and_the_others_of_its_shard_do_not() -> None:
    """They are tried again one by one, after all others; the culprit may cost two workers alone."""
    shards = Shards(samples(6), workers=1, batch_size=3)

    lost: dict[str, str] = {}
    restored, workers = [], 0
    while shard := shards.next():
        if any(sample.id == "s1" for sample in shard):
            workers += 1
            lost |= shards.lost(shard)
        else:
            restored += [sample.id for sample in shard]

    assert restored == ["s3", "s4", "s5", "s0", "s2"]
    assert list(lost) == ["s1"]
    assert "2 workers were lost" in lost["s1"]
    assert workers == 3


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_a_share_that_was_lost_is_halved(count: int) -> None:
    """Until the picture is found: a program is not started for each of hundreds."""
    shards = Shards(samples(count), workers=1, batch_size=1, whole=True)

    starts, failures = 0, {}
    while shard := shards.next():
        starts += 1
        if any(sample.id == "s0" for sample in shard):
            failures |= shards.lost(shard)

    assert list(failures) == ["s0"]
    assert starts <= 2 * count.bit_length() + 2

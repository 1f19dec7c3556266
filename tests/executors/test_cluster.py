import pytest

from restobench.errors import RestobenchError
from restobench.executors.cluster import Share, share_of


@pytest.mark.parametrize(
    ("nodes", "device", "workers", "expected"),
    [
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 2}, {"CPU": 4}], "cuda", None, Share(4, 1, 1)),
        ([{"CPU": 8, "GPU": 2}], "cuda", 1, Share(1, 1, 1)),
        ([{"CPU": 8}], "cpu", None, Share(1, 8, 0)),
        ([{"CPU": 8}, {"CPU": 4}], "cpu", None, Share(2, 8 // 2, 0)),
        ([{"CPU": 8}, {"CPU": 4}], "cpu", 4, Share(4, 2, 0)),
    ],
)
def test_each_actor_has_a_device_of_its_own(
    nodes: list[dict[str, float]], device: str, workers: int | None, expected: Share
) -> None:
    """A graphics card, or as many cores as all can have."""
    assert share_of(nodes, device, workers) == expected


@pytest.mark.parametrize(
    ("nodes", "device", "workers", "words"),
    [
        ([{"CPU": 8}], "cuda", None, "has 0 graphics cards, and 1 workers want"),
        ([{"CPU": 8, "GPU": 2}], "cuda", 3, "has 2 graphics cards, and 3 workers want"),
        ([{"CPU": 2}], "cpu", 3, "has 2 processor cores, too few for 3"),
        ([{"CPU": 2}], "mps", 1, "--device cuda or cpu, not mps"),
    ],
)
def test_a_cluster_that_has_too_little_is_refused(
    nodes: list[dict[str, float]], device: str, workers: int | None, words: str
) -> None:
    """Ray would wait for ever."""
    with pytest.raises(RestobenchError, match=words):
        share_of(nodes, device, workers)

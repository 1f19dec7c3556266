"""LMD: landmarks are read off as facexlib does, whose own function numpy has outlived."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("facexlib")
from facexlib.alignment import awing_arch

from restobench.image import to_eight_bit
from restobench.metrics.landmarks import LandmarkDistance, landmarks
from restobench.metrics.registry import MetricSetup
from tests.filling import fill
from tests.metrics.pairs import a_pair

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def old_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What numpy had until 1.24, and facexlib 0.3 asks for."""
    monkeypatch.setattr(np, "float", float, raising=False)


def heat_maps(seed: int, *, inside: bool) -> np.ndarray[Any, np.dtype[np.float32]]:
    maps = np.random.default_rng(seed).standard_normal((98, 64, 64)).astype(np.float32)
    # A landmark in the very last cell ends facexlib with an error.
    maps[:, -1, -1] = -9
    if inside:
        maps[:, [0, -1]] = -9
        maps[:, 1, 0] = -9
    return maps


@pytest.mark.usefixtures("old_numpy")
@pytest.mark.parametrize("inside", [True, False])
def test_landmarks_are_read_off_as_facexlib_does(inside: bool) -> None:
    """With its rule for the first and the last row, which moves all landmarks of a picture."""
    for seed in range(20):
        maps = heat_maps(seed, inside=inside)

        theirs = awing_arch.calculate_points(maps[None]).reshape(-1, 2)

        assert landmarks(maps).tolist() == theirs.tolist()


def test_a_landmark_in_the_last_cell_is_no_error() -> None:
    """It is in facexlib."""
    maps = heat_maps(0, inside=True)
    maps[5, -1, -1] = 99

    assert landmarks(maps)[5].round().tolist() == [64, 64]


@pytest.mark.usefixtures("old_numpy")
def test_features_are_facexlib_s_landmarks_of_the_8_bit_picture() -> None:
    """Its `get_landmarks`, with one hourglass instead of four; in pixels of a picture that is not square."""
    network = fill(awing_arch.FAN(num_modules=1, num_landmarks=98, device="cpu")).eval()
    metric = LandmarkDistance(MetricSetup({}, {}, "cpu"))
    metric.__dict__["_network"] = network
    pictures, _ = a_pair(2, 96, 128)
    # Keep the highest cell away from the last one, where facexlib ends.
    with torch.no_grad():
        network.l0.weight.mul_(0)
        network.l0.bias.zero_()
        network.l0.weight[:, :98].copy_(torch.randn(99, 98, 1, 1, generator=torch.Generator().manual_seed(3)))
    with torch.inference_mode():
        theirs = [network.get_landmarks(to_eight_bit(picture)[..., ::-1]) for picture in pictures]
        ours = metric.features(pictures)

    assert ours.shape == (2, 196)
    assert np.abs(np.stack(theirs).reshape(2, -1) - ours.numpy()).max() < 1e-4
    assert len(np.unique(ours.numpy())) > 20


def test_the_distance_is_the_mean_over_landmarks() -> None:
    """Each landmark moved by a 3-4-5 triangle."""
    there = torch.rand(3, 196, generator=torch.Generator().manual_seed(0)) * 512
    moved = there.unflatten(1, (98, 2)) + torch.tensor([3.0, 4.0])

    distance = LandmarkDistance(MetricSetup({}, {}, "cpu")).compare(moved.flatten(1), there)

    assert distance.tolist() == pytest.approx([5, 5, 5], abs=1e-4)


@pytest.mark.slow
def test_the_released_network_fits(load: Callable[[str], Any]) -> None:
    """Four hourglasses, as `alignment_WFLW_4HG` has them."""
    pictures, _ = a_pair(1, 64, 64)

    with torch.inference_mode():
        features = load("lmd").features(pictures)

    assert features.shape == (1, 196)
    assert features.isfinite().all()

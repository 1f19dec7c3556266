"""IDS: the network's names and shapes, what it sees, and the angle."""

import doctest
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from restobench.cache import Cache
from restobench.dataset import open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import evaluate_run
from restobench.metrics import identity as module
from restobench.metrics.arcface import ArcFace
from restobench.metrics.identity import Identity, cosine, degrees
from restobench.metrics.registry import MetricSetup, choose_metrics
from tests.metrics.pairs import a_pair
from tests.test_evaluate import make_run

KEYS = Path(__file__).parents[1] / "golden" / "arcface_keys.json"


def test_the_released_weights_fit_by_name_and_shape() -> None:
    """Every key of both; the official checkpoint then loads."""
    official = json.loads(KEYS.read_text())

    ours = {name: list(tensor.shape) for name, tensor in ArcFace().state_dict().items()}

    assert ours == official


def test_the_network_sees_the_grey_picture_as_opencv_makes_it(load: Callable[[str], Identity]) -> None:
    """A luma that is not rounded, or another resize, would move the angle."""
    metric = load("ids")
    restored, _ = a_pair(1, 150, 171)
    bgr = (255 * restored[0]).round().byte().permute(1, 2, 0).numpy()[..., ::-1]
    grey = cv2.resize(cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2GRAY), (128, 128))
    network = metric._network

    with torch.inference_mode():
        ours = metric.features(restored)
        theirs = network(torch.from_numpy((grey.astype(np.float32) - 127.5) / 127.5)[None, None])

    assert ours.shape == (1, 512)
    assert torch.equal(ours, theirs)


def test_angles_are_known_ones() -> None:
    """Lengths do not matter; rounding must not take the cosine out of its range."""
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.1, 0.3], [1.0, 1.0]])
    y = torch.tensor([[0.0, 2.0], [-1.0, 0.0], [0.2, 0.6], [1.0, 0.0]])

    assert degrees(x, y).tolist() == pytest.approx([90, 180, 0, 45], abs=1e-5)
    assert cosine(x, y).tolist() == pytest.approx([0, -1, 1, 0.5**0.5], abs=1e-7)


def test_the_two_names_are_one_angle(load: Callable[[str], Identity]) -> None:
    """VQFR prints degrees, CodeFormer the cosine."""
    x, y = torch.randn(3, 512, generator=torch.Generator().manual_seed(0)), torch.ones(3, 512)

    angle, cos = load("ids").compare(x, y), load("ids-cos").compare(x, y)

    assert angle.deg2rad().cos().tolist() == pytest.approx(cos.tolist(), abs=1e-12)


def test_identical_faces_are_counted_and_left_out(
    make_pairs: Callable[..., Path], tmp_path: Path, with_weights: Callable[..., Path]
) -> None:
    """Otherwise a set in which some faces were copied would look like a better method."""
    with_weights("ids", "ids-cos")
    dataset = open_dataset(make_pairs(["a", "b", "c"], size=(40, 40)))
    run = make_run(tmp_path / "run", dataset)
    for sample in dataset.samples[:2]:
        assert sample.gt
        shutil.copyfile(sample.gt, run.picture(sample.id))

    evaluation = evaluate_run(run, dataset, choose_metrics(["ids", "ids-cos"]), Cache(tmp_path))

    degree, cos = evaluation.rows
    assert (degree["count"], degree["identical"]) == (1, 2)
    assert (cos["count"], cos["identical"]) == (3, 0)
    assert degree["mean"] > 1
    assert evaluation.features == 4
    assert "w=network-" in degree["signature"]


def test_weights_of_something_else_are_refused(tmp_path: Path, with_weights: Callable[..., Path]) -> None:
    """Strictly, every key of both."""
    home = with_weights("lpips-alex")
    (other,) = (home / "weights").rglob("alexnet*.pth")
    metric = Identity(MetricSetup({"measure": "degrees"}, {"network": other}, "cpu"))

    with pytest.raises(RestobenchError, match="does not fit ArcFace, which has 181 keys"):
        metric.features(a_pair(1)[0])


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(module).failed == 0

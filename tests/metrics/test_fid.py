"""The Inception network against pytorch-fid's, and the statistics of a reference set as files."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from restobench.cache import Cache
from restobench.checkpoint import load_strictly
from restobench.dataset import open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import evaluate_run
from restobench.image import read_picture
from restobench.metrics.fid import read_statistics
from restobench.metrics.frechet import Gaussian, frechet_distance, kernel_distance
from restobench.metrics.inception import FidInception
from restobench.metrics.precision import placed
from restobench.metrics.registry import choose_metrics
from tests.filling import fill
from tests.metrics.filled import inception, statistics
from tests.metrics.pairs import a_pair
from tests.test_evaluate import make_run

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_network_is_pytorch_fid_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both filled by name: same layers, same names, same pools; and so the released weights fit."""
    theirs = pytest.importorskip("pytorch_fid.inception")
    network = FidInception()
    state = fill(network.classifier).state_dict()
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: state)
    other = theirs.InceptionV3([theirs.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()
    pictures, _ = a_pair(2, 64, 96)

    with torch.inference_mode():
        ours, expected = network.eval()(pictures), other(pictures)[0].flatten(1)

    assert ours.shape == (2, 2048)
    assert torch.equal(ours, expected)
    assert ours.std() > 0.01


def test_the_released_file_may_lack_the_counters(tmp_path: Path) -> None:
    """It is older than PyTorch 0.4.1; every other key must be there."""
    state = inception()
    torch.save(state, tmp_path / "released.pth")
    torch.save({name: value for name, value in state.items() if "Mixed_7c" not in name}, tmp_path / "short.pth")

    with torch.device("meta"):
        network = FidInception().classifier

    audit = load_strictly(network, tmp_path / "released.pth")

    assert audit["missing"] == []
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    with pytest.raises(RestobenchError, match=r"45 missing: Mixed_7c\.branch1x1\.conv\.weight"):
        load_strictly(network, tmp_path / "short.pth")


def test_pictures_are_resized_inside_without_antialiasing(load: Callable[[str], Any]) -> None:
    """What BasicSR's scripts do to 512 x 512; clean-fid antialiases, and gets another number."""
    metric = load("fid-gt")
    pictures, _ = a_pair(1, 64, 96)
    at_299 = F.interpolate(pictures, size=(299, 299), mode="bilinear", align_corners=False, antialias=False)

    with torch.inference_mode():
        assert torch.allclose(metric.features(pictures), metric.features(at_299.clamp(0, 1)), atol=1e-6)


def test_numbers_of_a_run_are_the_distances_of_its_features(
    make_pairs: Callable[..., Path], tmp_path: Path, with_weights: Callable[..., Path]
) -> None:
    """From pictures on disk to the table: three metrics, one pass, each picture through the network once."""
    with_weights("fid-ffhq", "fid-gt", "kid-gt")
    dataset = open_dataset(make_pairs(["a", "b", "c"], size=(20, 24)))
    run = make_run(tmp_path / "run", dataset)

    evaluation = evaluate_run(run, dataset, choose_metrics(["fid-ffhq", "fid-gt", "kid-gt"]), Cache(tmp_path))

    network = placed(FidInception(), "cpu")
    network.classifier.load_state_dict(inception(), strict=False)
    with torch.inference_mode():
        restored = network(torch.stack([read_picture(run.picture(sample.id)) for sample in dataset.samples]))
        clean = network(torch.stack([read_picture(sample.gt) for sample in dataset.samples if sample.gt]))
    stored = statistics()
    reference = Gaussian(torch.as_tensor(stored["mean"]), torch.as_tensor(stored["cov"], dtype=torch.float64))
    found = {row["metric"]: row for row in evaluation.rows}
    kernel = kernel_distance(restored, clean)
    assert found["fid-ffhq"]["mean"] == pytest.approx(frechet_distance(restored, reference), rel=1e-5)
    assert found["fid-gt"]["mean"] == pytest.approx(frechet_distance(restored, clean), rel=1e-4)
    assert found["kid-gt"]["mean"] == pytest.approx(kernel.value, rel=1e-3)
    assert kernel.standard_error
    assert found["kid-gt"]["high"] == pytest.approx(kernel.value + 1.96 * kernel.standard_error, rel=1e-3)
    assert evaluation.features == 6
    assert [note.partition(" is over")[0] for note in evaluation.notes] == ["fid-ffhq", "fid-gt"]


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return statistics()


@pytest.mark.parametrize("kind", ["arrays", "float32", "old format", "tensors", "numpy 1", "npz"])
def test_statistics_are_read_in_every_form_they_come_in(kind: str, arrays: dict[str, Any], tmp_path: Path) -> None:
    """BasicSR's file is a pickle of numpy arrays, written by whichever numpy."""
    path = tmp_path / ("reference.npz" if kind == "npz" else "reference.pth")
    if kind == "npz":
        np.savez(path, mu=arrays["mean"], sigma=arrays["cov"])
    elif kind == "tensors":
        torch.save({name: torch.as_tensor(array) for name, array in arrays.items()}, path)
    else:
        dtype = np.float32 if kind == "float32" else np.float64
        torch.save(
            {name: array.astype(dtype) for name, array in arrays.items()} | {"size": 512},
            path,
            _use_new_zipfile_serialization=kind != "old format",
        )
    if kind == "numpy 1":
        _as_numpy_1_wrote(path)

    read = read_statistics(path)

    assert read.mean.dtype == read.covariance.dtype == torch.float64
    assert torch.allclose(read.mean, torch.as_tensor(arrays["mean"]).double(), atol=1e-6)
    assert torch.allclose(read.covariance, torch.as_tensor(arrays["cov"]).double(), atol=1e-6)


def _as_numpy_1_wrote(path: Path) -> None:
    """Its module of arrays had no underscore."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))


class Malice:
    """A pickle of it would call a function."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("/tmp/called"),)


def test_what_is_no_statistics_is_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    """Code in a file above all: numpy arrays are let in, and nothing else."""
    bad: dict[str, dict[str, Any]] = {
        "runs.pth": arrays | {"mean": Malice()},
        "names.pth": {"average": arrays["mean"], "cov": arrays["cov"]},
        "shape.pth": arrays | {"cov": arrays["cov"][:100, :100]},
        "nan.pth": arrays | {"mean": arrays["mean"] * np.nan},
    }
    for name, content in bad.items():
        torch.save(content, tmp_path / name)

    for name, words in {
        "runs.pth": "would run code when it is opened",
        "names.pth": r"holds no statistics: a mean and a covariance \('mean' and 'cov'\)",
        "shape.pth": r"a covariance of \(100, 100\); those of 2048 Inception features are wanted",
        "nan.pth": "holds numbers that are not finite",
        "none.npz": "cannot be read as an .npz file",
    }.items():
        with pytest.raises(RestobenchError, match=words):
            read_statistics(tmp_path / name)

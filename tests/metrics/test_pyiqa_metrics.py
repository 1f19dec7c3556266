"""pyiqa's metrics behind our door: its own numbers, from files of this disk, and no way out."""

import inspect
import socket
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from torch import Tensor

pytest.importorskip("pyiqa")

from restobench.errors import RestobenchError
from restobench.metric_card import Option
from restobench.metrics.pyiqa_metrics import PyiqaMetric, build
from restobench.metrics.registry import Metric, MetricSetup, all_metrics, choose_metrics, family_metrics
from tests.metrics.filled import clip, musiq
from tests.metrics.pairs import a_pair

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # pyiqa leaves a file open when it is imported
]
IN_TRAINING_ONLY = {
    "attention_dropout_rate", "dropout_rate", "drop", "dprate", "use_dropout", "eval_mode", "pnet_tune",
    "pretrained_model_path", "self", "args", "kwargs", "criterion",
}  # fmt: skip
"""Options that no number depends on, that say where a file is, or that are no text."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever reaches for it fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def made(name: str, *files: Path) -> PyiqaMetric:
    (metric,) = choose_metrics([name])
    return PyiqaMetric(MetricSetup(metric.card.options, {path.name: path for path in files}, "cpu"))


def options_of(name: str) -> dict[str, Option]:
    (metric,) = choose_metrics([name])
    return metric.card.options


@pytest.mark.parametrize("name", ["cw_ssim", "mad", "vsi", "nlpd"])
def test_metrics_without_weights_give_pyiqa_s_numbers(name: str) -> None:
    """A batch of several too: one number a picture, in float64; NLPD's convolutions add up in another order."""
    import pyiqa

    restored, gt = a_pair(2, 64, 80)
    theirs = pyiqa.create_metric(name, device="cpu")

    with torch.inference_mode():
        ours, expected = made(name)(restored, gt), theirs(restored, gt).flatten()

    assert ours.dtype == torch.float64
    assert ours.tolist() == pytest.approx(expected.tolist(), rel=5e-6)


@pytest.fixture
def niqe_file(tmp_path: Path) -> Path:
    """A model of natural pictures, of another nature."""
    generator = np.random.default_rng(0)
    root = generator.standard_normal((36, 36))
    path = tmp_path / "niqe_modelparameters.mat"
    model = {"mu_prisparam": generator.random((1, 36)), "cov_prisparam": root @ root.T / 36 + np.eye(36)}
    scipy.io.savemat(path, model)
    return path


def test_niqe_is_pyiqa_s_from_a_file_of_ours(niqe_file: Path) -> None:
    """Whose own network drops the batch where it holds one picture."""
    from pyiqa.archs.niqe_arch import NIQE

    pictures, _ = a_pair(3, 97, 200)
    theirs = NIQE(color_space="yiq", crop_border=0, pretrained_model_path=str(niqe_file))
    metric = made("niqe", niqe_file)

    with torch.inference_mode():
        together = metric(pictures)
        alone = torch.cat([metric(picture[None]) for picture in pictures])
        expected = theirs(pictures)

    assert together.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert together.tolist() == pytest.approx(alone.tolist(), rel=1e-5)
    with pytest.raises(RestobenchError, match=r"^pyiqa's NIQE has no number for a picture, which may be flat"):
        metric(torch.full((1, 3, 192, 192), 0.5))


@pytest.mark.parametrize("size", [(37, 53), (200, 40), (64, 64)])
def test_musiq_is_pyiqa_s_from_a_file_of_ours(
    load: Callable[[str], Callable[[Tensor], Tensor]], size: tuple[int, int]
) -> None:
    """In any batch, to 1e-5; and although it leaves out what fills up a short side, which pyiqa works on and masks."""
    from pyiqa.archs.musiq_arch import MUSIQ

    theirs = MUSIQ(pretrained=False, num_class=1).eval()
    theirs.load_state_dict(musiq())
    pictures, _ = a_pair(2, *size)
    metric = load("musiq")

    with torch.inference_mode():
        ours, expected = metric(pictures), theirs(pictures).flatten()
        alone = torch.cat([metric(picture[None]) for picture in pictures])

    assert ours.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert ours.tolist() == pytest.approx(alone.tolist(), rel=1e-5)


def test_clipiqa_is_pyiqa_s_and_reads_its_texts_once(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They never change, and pyiqa reads them again for each batch."""
    from pyiqa.archs import clip_model, clipiqa_arch

    metric = load("clipiqa-pyiqa")
    monkeypatch.setattr(clipiqa_arch, "load", lambda *_: clip_model.build_model(clip().state_dict()).float().eval())
    theirs = clipiqa_arch.CLIPIQA()
    pictures, _ = a_pair(2, 64, 96)

    with torch.inference_mode():
        expected = theirs(pictures).flatten()
        theirs.clip_model[0].token_embedding.weight.zero_()
        metric._network.clip_model[0].token_embedding.weight.zero_()

        assert metric(pictures).tolist() == pytest.approx(expected.tolist(), rel=1e-6)
        assert theirs(pictures).flatten().tolist() != pytest.approx(expected.tolist(), rel=1e-3)


@pytest.mark.parametrize("name", ["musiq", "niqe", "pyiqa:cnniqa", "pyiqa:clipiqa+", "pyiqa:brisque"])
def test_a_file_that_is_not_here_is_an_error_and_no_download(name: str) -> None:
    """pyiqa would fetch it, from wherever its source says."""
    with pytest.raises(RestobenchError, match=r"^pyiqa wants https://\S+, which its card here does not name"):
        build(options_of(name), [])


def test_a_pickle_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    """pyiqa itself opens its files with weights_only=False."""
    path = tmp_path / "CNNIQA_koniq10k-e6f14c91.pth"
    torch.save({"params": Malice()}, path)

    with pytest.raises(RestobenchError, match=rf"{path.name} would run code when it is opened"):
        build(options_of("pyiqa:cnniqa"), [path])


class Malice:
    """A pickle of it would call a function."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("/tmp/called"),)


def test_a_network_that_no_file_fills_is_no_metric(tmp_path: Path) -> None:
    """PyTorch's random values would give a number that looks like one."""
    with pytest.raises(RestobenchError, match=r"\d+ tensors of pyiqa's MUSIQ, .* were given no value by no file"):
        build(options_of("musiq") | {"pretrained": False}, [])

    path = tmp_path / "CNNIQA_koniq10k-e6f14c91.pth"
    torch.save({"params": {"conv1.weight": torch.ones(50, 3, 7, 7)}}, path)
    with pytest.raises(RestobenchError, match=rf"pyiqa cannot build CNNIQA from {path.name}: .*Missing key"):
        build(options_of("pyiqa:cnniqa"), [path])


def test_nothing_stays_replaced(niqe_file: Path) -> None:
    """Other code in this process loads and downloads as before, also after a failure."""
    import pyiqa.utils.download_util as downloads
    import timm.models._builder as timm_builder

    watched: Sequence[tuple[Any, str]] = (
        (torch, "load"), (torch.jit, "load"), (torch.hub, "download_url_to_file"), (torch.nn.Module, "load_state_dict"),
        (torch.nn.init, "normal_"), (downloads, "DEFAULT_CACHE_DIR"), (timm_builder, "load_pretrained"),
    )  # fmt: skip
    before = [getattr(owner, name) for owner, name in watched]

    made("niqe", niqe_file)
    with pytest.raises(RestobenchError):
        build(options_of("musiq"), [])

    assert [getattr(owner, name) for owner, name in watched] == before


def test_building_prints_nothing(niqe_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` goes to the same standard output."""
    made("niqe", niqe_file)

    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric",
    [each for each in [*all_metrics(), *family_metrics()] if each.plugin.module.endswith("pyiqa_metrics")],
    ids=lambda metric: metric.name,
)
def test_no_option_of_pyiqa_is_left_to_its_default(metric: Metric) -> None:
    """One that an update adds, or whose default moves, shows here and not in somebody's table."""
    module, _, kind = str(metric.card.options["type"]).partition(".")
    constructor = getattr(import_module(f"pyiqa.archs.{module}"), kind)

    known = set(inspect.signature(constructor.__init__).parameters) - IN_TRAINING_ONLY

    assert known == set(metric.card.options) - {"type"}

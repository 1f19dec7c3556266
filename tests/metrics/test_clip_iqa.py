"""CLIP-IQA with a small CLIP, against piq's own class and OpenAI's tokeniser."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from piq import clip_iqa
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics.clip_iqa import MIN_SIDE, ClipIqa, _tokens, clip_network
from restobench.metrics.registry import MetricSetup
from tests.metrics.filled import clip
from tests.metrics.pairs import a_pair

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_texts_are_those_of_the_paper() -> None:
    """piq downloads their numbers; ours are written down."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package asks for pkg_resources
        tokeniser = pytest.importorskip("clip")

    assert torch.equal(_tokens(), tokeniser.tokenize(["Good photo.", "Bad photo."]).long())


def test_it_is_what_piq_computes(load: Callable[[str], Callable[[Tensor], Tensor]], tmp_path: Path) -> None:
    """From the same weights, with the official texts; the picture at its own size."""
    network = clip_network(_saved(tmp_path / "clip.pth"))
    pictures, _ = a_pair(2, 64, 96)
    anchors = network.encode_text(_tokens()).float()  # type: ignore[operator]  # piq's method
    with torch.inference_mode():
        seen = (pictures - torch.tensor(clip_iqa.OPENAI_CLIP_MEAN).view(3, 1, 1)) / torch.tensor(
            clip_iqa.OPENAI_CLIP_STD
        ).view(3, 1, 1)
        features = network.encode_image(seen, pos_embedding=False)  # type: ignore[operator]  # piq's method
        similarity = torch.cosine_similarity(features[:, None], anchors[None], dim=2)
        expected = (network.logit_scale.exp() * similarity).softmax(dim=1)[:, 0]

        values = load("clipiqa")(pictures)

    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert (values - 0.5).abs().max() > 1e-3


def _saved(path: Path) -> Path:
    torch.save(clip().state_dict(), path)
    return path


def test_openai_s_archive_gives_the_same_network(tmp_path: Path) -> None:
    """TorchScript is a program; only its tensors are read."""
    state = _saved(tmp_path / "clip.pth")
    network = clip()

    class Archive(torch.nn.Module):
        """As OpenAI's: the tensors by the same names, and numbers beside them."""

        def __init__(self) -> None:
            super().__init__()
            self.visual, self.transformer = network.visual, network.transformer
            self.token_embedding, self.ln_final = network.token_embedding, network.ln_final
            self.positional_embedding, self.text_projection = network.positional_embedding, network.text_projection
            self.logit_scale = network.logit_scale
            for name, value in (("input_resolution", 64), ("context_length", 77), ("vocab_size", 49408)):
                self.register_buffer(name, torch.tensor(value))

        def forward(self, x: Tensor) -> Tensor:
            """Nothing that is used."""
            embedded: Tensor = self.ln_final(x)
            return embedded

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates TorchScript
        torch.jit.trace(Archive(), torch.rand(1, 64), check_trace=False).save(tmp_path / "RN50.pt")

    of_archive, of_state = clip_network(tmp_path / "RN50.pt").state_dict(), clip_network(state).state_dict()

    assert of_archive.keys() == of_state.keys()
    assert all(torch.equal(of_archive[name], tensor) for name, tensor in of_state.items())


def test_something_else_is_refused(tmp_path: Path) -> None:
    """By name: piq would say KeyError."""
    torch.save({"weight": torch.ones(3)}, tmp_path / "other.pth")

    with pytest.raises(RestobenchError, match=r"other\.pth is not CLIP's ResNet-50 .*; give OpenAI's RN50\.pt"):
        ClipIqa(MetricSetup({}, {"clip": tmp_path / "other.pth"}, "cpu"))


def test_the_smallest_side_is_said(load: Callable[[str], Callable[[Tensor], Tensor]]) -> None:
    """The network halves five times."""
    metric = load("clipiqa")
    pictures, _ = a_pair(1, MIN_SIDE, MIN_SIDE)

    with torch.inference_mode():
        assert metric(pictures).isfinite().all()
        with pytest.raises(RestobenchError, match="needs sides of at least 32 pixels"):
            metric(pictures[..., 1:])

"""CLIP-IQA (Wang et al., AAAI 2023), computed by the piq library with the official weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from piq import clip_iqa
from torch import Tensor, nn

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError
from restobench.metrics.colour import check_pictures
from restobench.metrics.libraries import no_random_values, replaced, unset_values
from restobench.metrics.precision import placed
from restobench.metrics.registry import MetricSetup
from restobench.torchscript import is_torchscript, read_torchscript

_CONTEXT = 77
# "Good photo." and "Bad photo." in the byte pairs of CLIP's tokeniser, from start to end of text.
_PROMPTS = ((49406, 886, 1125, 269, 49407), (49406, 2103, 1125, 269, 49407))
MIN_SIDE = 32
"""CLIP's ResNet halves the picture five times."""


class ClipIqa:
    """How much nearer a picture is to "Good photo." than to "Bad photo.", 0 to 1; higher is better.

    The softmax of CLIP's two similarities (ResNet-50, without positional embedding, so that the
    picture keeps its size). pyiqa's `clipiqa` means five pairs of other words: another number
    (`clipiqa-pyiqa` here); `clipiqa+` has learned words, and is another metric. A flat picture has
    a value too, which says nothing.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Raises RestobenchError where the file is not CLIP's ResNet-50."""
        network = clip_network(setup.weights["clip"])
        with replaced(clip_iqa.clip, "load", lambda: network), replaced(clip_iqa, "download_tensor", _tokens):
            self._metric = placed(clip_iqa.CLIPIQA(data_range=1.0), setup.device)

    def __call__(self, restored: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B,), float64; raises RestobenchError where a side is too short, or as `check_pictures`."""
        check_pictures(restored, "restored", MIN_SIDE)
        values: Tensor = self._metric(restored)
        return values.double().reshape(len(restored))


def _tokens(*_: Any) -> Tensor:
    tokens = torch.zeros(len(_PROMPTS), _CONTEXT, dtype=torch.int64)
    for row, prompt in zip(tokens, _PROMPTS, strict=True):
        row[: len(prompt)] = torch.tensor(prompt)
    return tokens


def clip_network(path: Path) -> nn.Module:
    """CLIP from OpenAI's TorchScript archive, which is read and not run, or from a state dict; in float32.

    Raises:
        RestobenchError: The file holds something else.
    """
    state = read_torchscript(path) if is_torchscript(path) else read_checkpoint(path)
    try:
        with no_random_values(), replaced(clip_iqa.clip.CLIP, "initialize_parameters", lambda network: None):
            network: nn.Module = clip_iqa.clip.build_model(state)
    except (KeyError, RuntimeError, TypeError, ValueError, IndexError) as error:
        raise RestobenchError(f"{path} is not CLIP's ResNet-50 ({error}); give OpenAI's RN50.pt.") from error
    assert not unset_values(network), "piq loads every key"
    return network.float().eval()

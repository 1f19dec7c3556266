"""Protocols: which metrics, with which options, and for good."""

import pytest

from restobench.errors import RestobenchError
from restobench.metrics import protocol as module
from restobench.metrics.protocol import protocol_metrics, protocol_names, read_protocol

PROTOCOLS = {
    "face-synthetic-v1": "lpips-vgg lpips-alex fid-ffhq fid-gt musiq ids psnr ssim ssim-yiq lmd",
    "face-real-v1": "fid-ffhq musiq niqe",
    "sr-synthetic-v1": "psnr-y ssim-y psnr-yiq ssim-yiq psnr ssim lpips-vgg lpips-alex clipiqa musiq",
    "sr-real-v1": "clipiqa musiq niqe psnr-y ssim-y lpips-alex",
    "restoration-v1": "psnr ssim psnr-y ssim-y lpips-alex",
    "offline-v1": "psnr ssim psnr-y ssim-y fsim gmsd",
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_its_metrics_with_the_options_that_it_says(name: str) -> None:
    """A card that is changed one day must not change what a protocol's numbers mean."""
    metrics = protocol_metrics(name)

    assert " ".join(metric.name for metric in metrics) == PROTOCOLS[name]
    assert {metric.name: metric.card.moving for metric in metrics} == read_protocol(name).options


def test_there_are_no_other_protocols() -> None:
    """Each is pinned above."""
    assert protocol_names() == sorted(PROTOCOLS)


def test_a_card_that_says_something_else_is_no_longer_the_protocol_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new option needs a new version of the protocol."""
    protocol = read_protocol("face-real-v1")
    moved = protocol.model_copy(update={"options": protocol.options | {"niqe": {"crop_border": 4}}})
    monkeypatch.setattr(module, "read_protocol", lambda name: moved)

    with pytest.raises(RestobenchError, match=r"^The protocol 'face-real-v1' wants other options of 'niqe' than"):
        protocol_metrics("face-real-v1")


def test_the_offline_protocol_needs_nothing_but_pictures() -> None:
    """It is the demo's and CI's."""
    assert not any(metric.card.weights for metric in protocol_metrics("offline-v1"))


def test_an_unknown_protocol_is_answered_with_the_nearest() -> None:
    """Data set cards of third parties name protocols too."""
    with pytest.raises(RestobenchError, match=r"^No protocol is called 'ofline-v1'\. Did you mean 'offline-v1'\?"):
        read_protocol("ofline-v1")

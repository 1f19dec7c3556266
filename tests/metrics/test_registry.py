"""Metrics by name: what is chosen, what is refused, and what a fingerprint tells apart."""

import doctest
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch

from restobench.card import MetricCard
from restobench.errors import RestobenchError
from restobench.metrics import registry
from restobench.metrics.registry import Metric, all_metrics, choose_metrics, protocol_names, read_protocol
from restobench.plugins import Plugin
from tests.metrics.pairs import a_pair

WITHOUT_DOWNLOADS = ("psnr", "psnr-y", "psnr-yiq", "ssim", "ssim-y", "ssim-yiq", "fsim", "gmsd")


def a_metric(**changed: object) -> Metric:
    facts = {
        "title": "A metric",
        "summary": "For tests.",
        "kind": "full-reference",
        "better": "higher",
        "revision": "1",
        "definition": "none",
    }
    card = MetricCard.model_validate(facts | changed)
    return Metric("a-metric", card, Plugin("a-metric", "restobench.metrics.psnr", "psnr", "restobench"))


@pytest.mark.parametrize("name", WITHOUT_DOWNLOADS)
def test_every_metric_that_needs_no_download_gives_a_number_a_picture(name: str) -> None:
    """The interface: (B, 3, H, W) twice -> (B,), float64, finite for pictures that differ."""
    generator = torch.Generator().manual_seed(0)
    restored, gt = torch.rand(2, 2, 3, 37, 53, generator=generator)
    [metric] = choose_metrics([name])

    values = metric.load()(restored, gt)

    assert metric.missing() is None
    assert values.shape == (2,)
    assert values.dtype == torch.float64
    assert values.isfinite().all()


@pytest.mark.parametrize("name", WITHOUT_DOWNLOADS)
def test_the_card_s_direction_is_the_metric_s(name: str) -> None:
    """A table marks the best by it."""
    generator = torch.Generator().manual_seed(0)
    gt = torch.rand(1, 3, 37, 53, generator=generator)
    noise = torch.randn(gt.shape, generator=generator)
    near, far = ((gt + strength * noise).clamp(0, 1) for strength in (0.02, 0.2))
    [metric] = choose_metrics([name])

    gain = metric.load()(near, gt).item() - metric.load()(far, gt).item()

    assert (gain > 0) == (metric.card.better == "higher")


@pytest.mark.parametrize("name", WITHOUT_DOWNLOADS)
def test_the_card_s_smallest_side_is_the_metric_s(name: str) -> None:
    """The evaluate stage refuses by the card, before anything is loaded."""
    [metric] = choose_metrics([name])
    side = metric.card.min_side
    restored, gt = torch.zeros(1, 3, side, side), torch.ones(1, 3, side, side)

    assert metric.load()(restored, gt).isfinite().all()
    if side > 1:
        with pytest.raises(RestobenchError, match=f"at least {side} pixels"):
            metric.load()(restored[..., 1:], gt[..., 1:])


def test_metrics_come_in_the_order_asked_for_and_once() -> None:
    """`--metric ssim --metric psnr --metric ssim` is two columns."""
    chosen = choose_metrics(["ssim", "psnr", "ssim"])

    assert [metric.name for metric in chosen] == ["ssim", "psnr"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A misspelt metric must not cost a look into the manual."""
    with pytest.raises(RestobenchError, match=r"^No metric is called 'psrn'\. Did you mean 'psnr'"):
        choose_metrics(["psrn"])


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("lpips", "lpips-alex or lpips-vgg"),
        ("fid", "fid-ffhq or fid-gt"),
        ("psnry", "psnr-y or psnr-yiq"),
        ("ssimy", "ssim-y or ssim-yiq"),
    ],
)
def test_a_name_that_stands_for_two_numbers_is_refused(name: str, choices: str) -> None:
    """Papers disagree about which they mean, so nobody may guess."""
    with pytest.raises(RestobenchError, match=rf"^'{name}' does not say which: {choices} \("):
        choose_metrics([name])


def test_a_fingerprint_names_options_revision_and_library() -> None:
    """Whatever moves the number must part two cached values."""
    [metric] = choose_metrics(["gmsd"])

    assert metric.fingerprint == f"gmsd:rev=1:colour=y-yiq:rounded=false:t=170/255^2:lib=piq-{version('piq')}"


@pytest.mark.parametrize(
    "changed", [{"revision": "2"}, {"options": {"border": 4}}, {"options": {"border": True}}, {"library": "piq"}]
)
def test_every_change_makes_another_fingerprint(changed: dict[str, object]) -> None:
    """Two values under one fingerprint are taken for the same number."""
    assert a_metric(**changed).fingerprint != a_metric().fingerprint


def test_options_in_another_order_are_the_same_metric() -> None:
    """Tidying a card must not cost a recomputation."""
    one = a_metric(options={"border": 4, "colour": "rgb"})
    other = a_metric(options={"colour": "rgb", "border": 4})

    assert one.fingerprint == other.fingerprint


def test_a_metric_without_its_library_says_how_to_get_it() -> None:
    """It is reported as missing and stops none of the others."""
    metric = a_metric(library="no-such-package", install="pip install no-such-package")

    assert metric.missing() == (
        "needs the package 'no-such-package', which is not installed. Get it: pip install no-such-package"
    )
    with pytest.raises(RestobenchError, match=r"^The metric 'a-metric' needs the package 'no-such-package'"):
        metric.load()


def test_metrics_can_be_kept_in_sets() -> None:
    """A card holds a dictionary of options, which could not be hashed."""
    assert len({a_metric(), a_metric()}) == 1


def test_every_protocol_names_registered_metrics() -> None:
    """A protocol that nobody can run would fail on the first data set that names it."""
    known = {metric.name for metric in all_metrics()}

    for name in protocol_names():
        assert set(read_protocol(name).metrics) <= known


def test_the_offline_protocol_needs_nothing_but_pictures() -> None:
    """It is the demo's and CI's."""
    protocol = read_protocol("offline-v1")

    assert protocol.metrics == ("psnr", "ssim", "psnr-y", "ssim-y", "fsim", "gmsd")


def test_an_unknown_protocol_is_answered_with_the_nearest() -> None:
    """Data set cards of third parties name protocols too."""
    with pytest.raises(RestobenchError, match=r"^No protocol is called 'ofline-v1'\. Did you mean 'offline-v1'\?"):
        read_protocol("ofline-v1")


def test_listing_and_choosing_import_no_torch() -> None:
    """Whoever asks for names must not wait for it."""
    program = (
        "import sys; from restobench.metrics.registry import all_metrics, read_protocol; "
        "[metric.missing() or metric.fingerprint for metric in all_metrics()]; read_protocol('offline-v1'); "
        "sys.exit('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_examples_in_the_docstrings_run() -> None:
    """They are what a reader copies first."""
    assert doctest.testmod(registry).failed == 0


@pytest.mark.parametrize("name", WITHOUT_DOWNLOADS)
def test_the_batch_does_not_move_the_value(name: str) -> None:
    """Each picture is measured alone, so this holds to the last bit."""
    metric = choose_metrics([name])[0].load()
    restored, gt = a_pair(batch=5)

    together = metric(restored, gt)
    alone = torch.cat([metric(restored[i : i + 1], gt[i : i + 1]) for i in range(5)])

    assert together.dtype == torch.float64
    assert torch.equal(together, alone)

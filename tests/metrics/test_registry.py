"""Metrics by name: what is chosen, what is refused, and what a fingerprint tells apart."""

import doctest
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.fetching import add
from restobench.metric_card import MetricCard
from restobench.metrics import registry
from restobench.metrics.registry import (
    Metric,
    all_metrics,
    choose_metrics,
    family_metrics,
)
from restobench.plugins import Plugin
from tests.metrics.pairs import a_pair

WITHOUT_DOWNLOADS = (
    "psnr", "psnr-y", "psnr-yiq", "psnr-matched", "ssim", "ssim-y", "ssim-yiq", "ssim-matched", "mse", "fsim", "gmsd",
    "ms_ssim", "vif",
)  # fmt: skip
LARGE_ENOUGH = (161, 167)
"""Height and width of pictures that all of them take."""


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
    restored, gt = torch.rand(2, 2, 3, *LARGE_ENOUGH, generator=generator)
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
    gt = torch.rand(1, 3, *LARGE_ENOUGH, generator=generator)
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
    restored, gt = a_pair(1, side, max(side, 2))

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


def test_weights_and_their_hashes_are_in_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two values by other weights are two numbers; metrics that share a file share its features."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    ids, cosine, fid, kid = choose_metrics(["ids", "ids-cos", "fid-gt", "kid-gt"])
    path = tmp_path / "weights" / "metrics" / "restobench" / "arcface_resnet18.pth"
    inception = path.with_name("pt_inception-2015-12-05-6726825d.pth")

    assert "w=network-missing" in ids.signature_parts()
    assert ids.missing() == (
        "needs weights that are not here: arcface_resnet18.pth. Get it: restobench weights fetch ids"
    )
    path.parent.mkdir(parents=True)
    path.write_bytes(b"first")
    inception.write_bytes(b"network")
    first, other_name, frechet, kernel = (metric.identified(Cache()) for metric in (ids, cosine, fid, kid))
    path.write_bytes(b"other weights")
    second = ids.identified(Cache())

    assert ids.missing() is None
    assert f"w=network-{sha256(b'first').hexdigest()[:12]}" in first.signature_parts()
    assert first.fingerprint != second.fingerprint
    assert first.features_kind == other_name.features_kind != second.features_kind
    assert frechet.features_kind == kernel.features_kind


def test_weights_that_are_not_what_they_were_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their first hash is kept beside them."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    (ids,) = choose_metrics(["ids"])
    (part,) = ids.parts
    (tmp_path / "mine.pth").write_bytes(b"the first")
    add(part, tmp_path / "mine.pth", Nobody())
    assert part.path
    part.path.write_bytes(b"something else")

    with pytest.raises(RestobenchError, match="are not what they should be: their SHA-256 is"):
        ids.identified(Cache())


class Nobody:
    """Hears what `add` says."""

    def progress(self, received: int, total: int | None) -> None: ...

    def say(self, line: str) -> None: ...


def test_a_file_without_an_address_is_put_in_place_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where to look for it is said."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    (metric,) = choose_metrics(["fid-ffhq"])

    assert metric.missing() == (
        "needs weights that are not here: pt_inception-2015-12-05-6726825d.pth, inception_FFHQ_512-f7b384ab.pth. "
        "Get it: restobench weights fetch fid-ffhq; restobench weights add fid-ffhq statistics=FILE "
        "(inception_FFHQ_512-f7b384ab.pth is in BasicSR's model zoo, 'Metrics')"
    )


def test_every_card_says_what_a_reader_asks() -> None:
    """Definition, licence, source, whose tables, traps; of each file whose it is and where it comes from."""
    for metric in all_metrics():
        card = metric.card
        assert all((card.title, card.summary, card.definition, card.licence, card.source, card.matches)), metric.name
        assert card.traps, metric.name
        for facts in card.weights.values():
            assert facts.file, metric.name
            assert facts.licence, metric.name
            assert facts.url or facts.help, metric.name


def test_one_file_is_one_address() -> None:
    """Metrics share a folder: two files of one name would overwrite each other."""
    addresses: dict[str | None, set[str | None]] = {}
    for metric in [*all_metrics(), *family_metrics()]:
        for facts in metric.card.weights.values():
            addresses.setdefault(facts.file, set()).add(facts.url)

    assert {file: urls for file, urls in addresses.items() if len(urls) > 1} == {}


def test_metrics_of_pyiqa_have_its_names() -> None:
    """Behind a prefix, but for those that have a card of their own."""
    assert "pyiqa:topiq_fr" in {metric.name for metric in family_metrics()}
    assert choose_metrics(["pyiqa:topiq_fr"])[0].card.kind == "full-reference"
    with pytest.raises(RestobenchError, match=r"^No metric is called 'topiq_fr'; pyiqa's is 'pyiqa:topiq_fr' here\.$"):
        choose_metrics(["topiq_fr"])
    with pytest.raises(RestobenchError, match=r"^'pyiqa:musiq' has a card of its own: it is called 'musiq' here\.$"):
        choose_metrics(["pyiqa:musiq"])
    with pytest.raises(RestobenchError, match=r"^No metric of pyiqa is called 'topiq'\. Did you mean 'topiq_fr'"):
        choose_metrics(["pyiqa:topiq"])


def test_a_function_cannot_have_weights() -> None:
    """They are read once, when a class is built."""
    metric = a_metric(features={"name": "none", "revision": "1"})

    with pytest.raises(RestobenchError, match="must be a class that is built with them; 'psnr' of"):
        metric.load()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "set"}, "a metric of a set compares features"),
        ({"kind": "no-reference", "against": "clean"}, "a no-reference metric is not compared with 'clean'"),
        ({"first": 5}, "only a metric of a set"),
        (
            {"features": {"name": "a", "revision": "1", "weights": "b"}},
            "the features' weights 'b' are none of its parts",
        ),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(changed: dict[str, object], words: str) -> None:
    """When it is read, and not when a run is over."""
    with pytest.raises(ValueError, match=words):
        a_metric(**changed)


def test_listing_and_choosing_import_no_torch() -> None:
    """Whoever asks for names must not wait for it."""
    program = (
        "import sys; from restobench.metrics.registry import all_metrics; "
        "from restobench.metrics.protocol import read_protocol; "
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
    restored, gt = a_pair(3, *LARGE_ENOUGH)

    together = metric(restored, gt)
    alone = torch.cat([metric(restored[i : i + 1], gt[i : i + 1]) for i in range(3)])

    assert together.dtype == torch.float64
    assert torch.equal(together, alone)

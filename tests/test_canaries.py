"""Small pictures that show when a metric moves."""

import json
from pathlib import Path

import pytest

from restobench.canaries import RECORD, check_canaries, draw, pictures_sha256
from restobench.errors import RestobenchError
from restobench.metrics import ssim


def test_the_pictures_are_those_that_were_recorded() -> None:
    """Drawn by integers: equal on every machine. Else a moved picture would be taken for a moved metric."""
    pictures = draw()

    assert len(pictures) == 8
    assert all(part.shape == (197, 211, 3) for pair in pictures.values() for part in pair)
    assert all((clean != degraded).any() for clean, degraded in pictures.values())
    assert pictures_sha256() == json.loads(RECORD.read_text())["pictures"]


@pytest.mark.usefixtures("quick_canaries")
def test_the_metrics_give_what_was_recorded(tmp_path: Path) -> None:
    """And nothing is written for metrics whose values ship."""
    found = check_canaries(tmp_path / "canaries.json")

    assert [(one.metric, one.drift) for one in found] == [("psnr", 0), ("psnr-y", 0), ("ssim", 0)]
    assert not (tmp_path / "canaries.json").exists()


@pytest.mark.slow
def test_every_metric_whose_values_ship_gives_them(tmp_path: Path) -> None:
    """All eight, FSIM included."""
    found = {one.metric: one.drift for one in check_canaries(tmp_path / "canaries.json")}

    assert {name: found[name] for name in json.loads(RECORD.read_text())["metrics"]} == dict.fromkeys(found, 0)


def test_a_record_that_is_missing_or_damaged_says_what_to_do(tmp_path: Path) -> None:
    """What ships comes with restobench; what was recorded here is recorded again."""
    damaged = tmp_path / "damaged.json"
    damaged.write_text("[")

    with pytest.raises(RestobenchError, match=r"are not there: .*missing.json. It comes with restobench: install it"):
        check_canaries(damaged, record=tmp_path / "missing.json")
    with pytest.raises(RestobenchError, match=r"damaged.json is damaged: .* Delete it, and the values are recorded"):
        check_canaries(damaged)


@pytest.mark.usefixtures("quick_canaries")
def test_a_damaged_constant_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metric, the canary, how far, and with which libraries; the others are left in peace."""
    monkeypatch.setattr(ssim, "_SIGMA", 1.501)

    moved = [one for one in check_canaries(tmp_path / "canaries.json") if one.moved]

    assert [one.metric for one in moved] == ["ssim"]
    assert "on the canary '" in moved[0].text
    assert "torch" in moved[0].text
    assert 1e-6 < (moved[0].drift or 0) < 0.1


@pytest.mark.usefixtures("quick_canaries")
def test_what_does_not_ship_is_recorded_here_and_compared_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of metrics whose weights are on this machine alone."""
    shipped = json.loads(RECORD.read_text())
    del shipped["metrics"]["ssim"]
    record, local = tmp_path / "shipped.json", tmp_path / "home" / "canaries.json"
    record.write_text(json.dumps(shipped))

    first, second = (check_canaries(local, record=record)[-1] for _ in range(2))
    monkeypatch.setattr(ssim, "_SIGMA", 1.6)
    third = check_canaries(local, record=record)[-1]

    assert (first.drift, second.drift, third.moved) == (None, 0, True)
    assert f"delete {local}" in third.text

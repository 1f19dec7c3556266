"""Forged tables: the hidden way of scoring is found, and where it is withheld nothing else is named."""

from pathlib import Path

import pytest

from restobench.attribution.variants import Variant, variants_of
from tests.attribution.forging import Size, crops, degraded, means, put_networks, shares


@pytest.mark.parametrize("metric", ["psnr", "ssim"])
def test_a_hidden_way_of_scoring_is_found_and_none_is_made_up(metric: str) -> None:
    """A few tables of one metric; the slow proof below takes many of several."""
    found, wrong = shares(metric, range(1))

    assert found >= 0.95
    assert wrong <= 0.05


def test_the_net_of_lpips_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Its trunks are told apart by four cells of two pictures."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    put_networks(tmp_path, ["lpips-alex"])

    found, wrong = shares("lpips-alex", range(1), Size(sets=2, methods=2, pictures=2))

    assert found >= 0.95
    assert wrong <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "tables"),
    [("psnr", 20), ("psnr-y", 20), ("ssim", 20), ("lpips-alex", 4), ("lpips-vgg", 4), ("fid-gt", 1)],
)
def test_over_many_tables_the_cause_is_found_and_none_is_made_up(
    metric: str, tables: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least 95 % of the cells are explained; at most 5 % get a cause where the true one is withheld."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    put_networks(tmp_path, [metric])

    found, wrong = shares(metric, range(tables))

    assert found >= 0.95
    assert wrong <= 0.05


@pytest.mark.slow
def test_features_that_ways_share_change_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both FIDs look at the same features, and most changes leave the clean pictures' as they are."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(tmp_path))
    put_networks(tmp_path, ["fid-gt"])
    ways = [Variant("fid-gt"), *variants_of("fid-gt", 4)]
    pairs = [(degraded(gt, 1, number), gt) for number, gt in enumerate(crops(0, 3))]

    together = means(pairs, ways)

    assert len(together) == len(ways) == 8
    assert together == pytest.approx({way: means(pairs, [way])[way] for way in ways}, rel=1e-9)
    assert len(set(together.values())) == len(ways)

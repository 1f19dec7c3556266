from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from restobench.benchmark import RunResult, carry_out
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.forecast import forecast
from restobench.planning import Options, PlannedRun, plan
from restobench.results import all_runs, curves, natural_order, table_rows
from tests.conftest import CARD

MakePairs = Callable[..., Path]
Install = Callable[..., None]

# Enlarges twice, adds noise, and darkens by what its checkpoint says.
SOURCE = """
import torch


class Mine:
    def __init__(self, setup):
        file = setup.weights.get("model")
        self.gain = torch.load(file, weights_only=True)["gain"].item() if file else 1.0

    def restore(self, lq, noise, mask=None):
        enlarged = lq.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return self.gain * enlarged + 0.05 * noise.draw(enlarged.shape[1:])
"""
WITH_WEIGHTS = CARD + '[weights.model]\nhelp = "A gain."\n'


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(runs=tmp_path / "runs", device="cpu", seeds=3)


def carried_out(planned: list[PlannedRun], options: Options) -> list[RunResult]:
    return [carry_out(one, options, Cache(), metrics=["psnr"]) for one in planned]


def test_seeds_are_runs_of_their_own_and_one_row(make_pairs: MakePairs, install: Install, options: Options) -> None:
    """Their spread stands beside the interval over pictures; the baseline draws nothing and runs once."""
    install("mine", "mine", package="mine_a", source=SOURCE)
    planned = plan(["mine"], [make_pairs()], options, Cache())

    results = carried_out(planned, options)

    assert [(one.choice.name, one.seed) for one in planned] == [("bicubic", 0), ("mine", 0), ("mine", 1), ("mine", 2)]
    means = [result.rows()[0]["mean"] for result in results[1:]]
    assert len(set(means)) == 3
    rows = table_rows([result.record for result in results])
    assert [row.method for row in rows] == ["bicubic", "mine"]
    cell = rows[1].cells["psnr"]
    assert cell["mean"] == pytest.approx(sum(means) / 3)
    assert cell["seed_std"] == pytest.approx(pd.Series(means).std())
    assert cell["low"] < cell["mean"] < cell["high"]
    assert rows[0].cells["psnr"]["seed_std"] is None


def test_each_checkpoint_is_a_run_and_together_they_are_a_curve(
    make_pairs: MakePairs, install: Install, tmp_path: Path
) -> None:
    """In the order in which people count, not in the alphabet's."""
    install("mine", "mine", package="mine_b", source=SOURCE, card=WITH_WEIGHTS)
    files = [tmp_path / f"iter_{number}.pth" for number in (1000, 200, 30)]
    for gain, file in zip((1.0, 0.8, 0.5), files, strict=True):
        torch.save({"gain": torch.tensor(gain)}, file)
    options = Options(runs=tmp_path / "runs", device="cpu")
    planned = plan(["mine"], [make_pairs()], options, Cache(), weights=[{"": file} for file in files], label="net")

    carried_out(planned, options)

    assert [one.choice.label for one in planned] == ["bicubic", "net-iter_1000", "net-iter_200", "net-iter_30"]
    (curve,) = curves(all_runs(options.runs))
    assert (curve.family, curve.metric) == ("net", "psnr")
    assert curve.checkpoints == ("iter_30", "iter_200", "iter_1000")
    assert curve.means[0] < curve.means[1] < curve.means[2]


def test_checkpoints_of_one_name_are_told_apart_by_their_folder(
    make_pairs: MakePairs, install: Install, options: Options, tmp_path: Path
) -> None:
    """Trainers write net_g.pth into a folder for each experiment."""
    install("mine", "mine", package="mine_c", source=SOURCE, card=WITH_WEIGHTS)
    files = [tmp_path / folder / "net.pth" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        torch.save({"gain": torch.tensor(1.0)}, file)
    sets = [{"": file} for file in files]

    planned = plan(["mine"], [make_pairs()], Options(runs=options.runs), Cache(), weights=sets, baseline=False)

    assert [one.choice.label for one in planned] == ["mine-one-net", "mine-two-net"]
    with pytest.raises(RestobenchError, match="Two checkpoints have one name"):
        plan(["mine"], [make_pairs()], options, Cache(), weights=[sets[0], sets[0]])


def test_the_dry_run_foretells_what_the_run_does(
    make_pairs: MakePairs, install: Install, options: Options, tmp_path: Path
) -> None:
    """Before, in the middle of, and after the work."""
    install("mine", "mine", package="mine_d", source=SOURCE)
    folder = make_pairs(["a", "b", "c", "d"], name="foretold")
    cache = Cache(tmp_path / "a home of its own")

    for limit in (2, None, None):
        now = Options(runs=options.runs, device="cpu", seeds=2, limit=limit)
        planned = plan(["mine"], [folder], now, cache)
        foretold = forecast(planned, now, cache, metrics=["psnr", "ssim"])
        assert now.runs.exists() == (limit is None)

        results = [carry_out(one, now, cache, metrics=["psnr", "ssim"]) for one in planned]

        done = [(r.already, r.restored, r.evaluation.known, r.evaluation.computed) for r in results if r.evaluation]
        assert [(f.already, f.restore, f.known, f.compute) for f in foretold] == done
        assert [f.folder for f in foretold] == [r.record.folder.path for r in results]

    assert all(f.seconds == 0 for f in forecast(planned, now, cache, metrics=["psnr"]))
    other = plan(["mine"], [make_pairs(["x"], name="other")], options, cache)
    assert all(f.seconds is not None and f.seconds > 0 for f in forecast(other, options, cache))


def test_the_dry_run_names_what_is_missing(make_pairs: MakePairs, options: Options) -> None:
    """Weights first: they take longest to get."""
    planned = plan(["spandrel"], [make_pairs()], options, Cache(), baseline=False)

    (foretold, *_) = forecast(planned, options, Cache())

    assert foretold.missing == ("weights 'model' of 'spandrel'",)
    assert foretold.seconds is None


def test_numbers_in_names_count_as_numbers() -> None:
    """iter_900 comes before iter_1000."""
    assert sorted(["iter_1000", "iter_900", "last", "iter_20b"], key=natural_order) == [
        "iter_20b",
        "iter_900",
        "iter_1000",
        "last",
    ]

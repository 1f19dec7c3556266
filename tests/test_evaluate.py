import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

from restobench.cache import Cache
from restobench.card import MetricCard
from restobench.dataset import Dataset, open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import Evaluation, evaluate_run
from restobench.image import read_array, write_picture
from restobench.metrics.registry import Metric, choose_metrics
from restobench.plugins import Plugin
from restobench.signature import Signature
from restobench.store import RunFolder
from tests.conftest import picture

MakePairs = Callable[..., Path]


def brightness(restored: Tensor) -> Tensor:
    """A no-reference metric; dark pictures have none."""
    if (restored.flatten(1).mean(dim=1) < 0.05).any():
        raise ValueError("too dark")
    return restored.flatten(1).double().mean(dim=1)


class Spread:
    """A set-level metric: the deviation of the pictures' means."""

    def __init__(self) -> None:
        self.means: list[float] = []

    def update(self, restored: Tensor, gt: Tensor | None) -> None:
        self.means += restored.flatten(1).double().mean(dim=1).tolist()

    def compute(self) -> float:
        if len(self.means) < 2:
            raise RestobenchError("a spread needs two pictures")
        return float(np.std(self.means))


def metric(name: str, kind: str, attribute: str, **more: object) -> Metric:
    card = MetricCard.model_validate(
        {"title": name, "summary": "", "kind": kind, "better": "higher", "revision": "1", "definition": ""} | more
    )
    return Metric(name, card, Plugin(name, "tests.test_evaluate", attribute, "tests"))


BRIGHTNESS = metric("brightness", "no-reference", "brightness")
SPREAD = metric("spread", "set", "Spread")


def make_run(folder: Path, dataset: Dataset, **samples: object) -> RunFolder:
    """A run whose pictures are the clean ones, each made a little darker."""
    run = RunFolder(folder)
    for sample in dataset.samples:
        if sample.gt:
            write_picture(run.picture(sample.id), (read_array(sample.gt) * 0.9).astype(np.uint8))
    count = len(dataset.samples)
    run.write_run(
        {
            "label": "mine",
            "variant": "default",
            "dataset": dataset.describe() | {"fingerprint": dataset.fingerprint(Cache())},
            "determinants": {"seed": 0, "dtype": "float32", "tf32": False},
            "samples": {"total": count, "limit": None, "restored": count, "failed": {}} | samples,
        }
    )
    return run


def rows(evaluation: Evaluation) -> dict[str, dict[str, object]]:
    return {row["metric"]: row for row in evaluation.rows}


@pytest.fixture
def dataset(make_pairs: MakePairs) -> Dataset:
    return open_dataset(make_pairs([f"s{i}" for i in range(6)], size=(12, 14)))


def test_each_kind_of_metric_gives_its_row(dataset: Dataset, tmp_path: Path) -> None:
    """Against clean pictures, without them, and over a whole set, in one pass."""
    run = make_run(tmp_path / "run", dataset)

    evaluation = evaluate_run(run, dataset, [*choose_metrics(["psnr", "ssim"]), BRIGHTNESS, SPREAD], Cache(tmp_path))

    found = rows(evaluation)
    assert list(found) == ["psnr", "ssim", "brightness", "spread"]
    means = [read_array(run.picture(sample.id)).mean() / 255 for sample in dataset.samples]
    assert found["brightness"]["mean"] == pytest.approx(np.mean(means), abs=1e-6)
    assert found["spread"]["mean"] == pytest.approx(np.std(means), abs=1e-6)
    assert found["spread"]["low"] is None
    assert all(row["count"] == 6 and row["missing"] == 0 for row in evaluation.rows)
    assert json.loads(run.summary_path.read_text()) == evaluation.rows
    frame = pd.read_parquet(run.samples_path)
    assert list(frame.columns) == ["id", "group", "psnr", "ssim", "brightness", "seconds", "error"]
    assert frame["psnr"].mean() == pytest.approx(found["psnr"]["mean"], rel=1e-12)


def test_nothing_is_scored_twice(dataset: Dataset, tmp_path: Path) -> None:
    """One changed picture costs one evaluation; a metric added later costs that metric only."""
    run = make_run(tmp_path / "run", dataset)
    cache = Cache(tmp_path)
    psnr, ssim = choose_metrics(["psnr", "ssim"])
    first = evaluate_run(run, dataset, [psnr], cache)

    again = evaluate_run(run, dataset, [psnr], cache)
    added = evaluate_run(run, dataset, [psnr, ssim], cache)
    write_picture(run.picture("s3"), picture(77, 24, 28))
    changed = evaluate_run(run, dataset, [psnr, ssim], cache)

    assert (first.computed, first.known) == (6, 0)
    assert (again.computed, again.known) == (0, 6)
    assert (added.computed, added.known) == (6, 6)
    assert (changed.computed, changed.known) == (2, 10)
    assert again.rows == first.rows
    assert rows(changed)["psnr"]["mean"] != rows(first)["psnr"]["mean"]


def test_a_set_level_value_is_known_only_for_the_same_set(dataset: Dataset, tmp_path: Path) -> None:
    """It is of all pictures at once."""
    run = make_run(tmp_path / "run", dataset)
    cache = Cache(tmp_path)
    evaluate_run(run, dataset, [SPREAD], cache)

    assert evaluate_run(run, dataset, [SPREAD], cache).computed == 0
    write_picture(run.picture("s3"), picture(77, 24, 28))
    assert evaluate_run(run, dataset, [SPREAD], cache).computed == 1


def test_a_sample_that_a_metric_cannot_do_is_missing_from_that_metric(dataset: Dataset, tmp_path: Path) -> None:
    """The other metrics and the other samples have their values."""
    run = make_run(tmp_path / "run", dataset)
    write_picture(run.picture("s2"), np.zeros((24, 28, 3), np.uint8))

    evaluation = evaluate_run(run, dataset, [BRIGHTNESS, *choose_metrics(["psnr"])], Cache(tmp_path))

    assert evaluation.errors == {"brightness": {"s2": "ValueError: too dark"}}
    assert rows(evaluation)["brightness"]["missing"] == 1
    assert rows(evaluation)["psnr"]["missing"] == 0
    frame = pd.read_parquet(run.samples_path).set_index("id")
    assert frame.loc["s2", "error"] == "brightness: ValueError: too dark"
    assert math.isnan(frame.loc["s2", "brightness"])


def test_a_damaged_picture_is_missing_from_every_metric(dataset: Dataset, tmp_path: Path) -> None:
    """And stops none of them."""
    run = make_run(tmp_path / "run", dataset)
    run.picture("s0").write_bytes(b"no picture")

    evaluation = evaluate_run(run, dataset, [*choose_metrics(["psnr"]), SPREAD], Cache(tmp_path))

    assert [row["count"] for row in evaluation.rows] == [5, 5]
    assert [row["missing"] for row in evaluation.rows] == [1, 1]


def test_a_restored_picture_of_another_size_is_an_error_of_that_sample(dataset: Dataset, tmp_path: Path) -> None:
    """Pictures are never resized to be compared."""
    run = make_run(tmp_path / "run", dataset)
    write_picture(run.picture("s1"), picture(0, 24, 27))

    evaluation = evaluate_run(run, dataset, choose_metrics(["psnr"]), Cache(tmp_path))

    assert rows(evaluation)["psnr"]["count"] == 5
    assert "27 x 24" in evaluation.errors["psnr"]["s1"]


def test_without_clean_pictures_only_some_metrics_apply(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The reason is said; the number is not made up."""
    paired = open_dataset(make_pairs(["a", "b"]))
    run = make_run(tmp_path / "run", paired)
    bare = open_dataset(make_pairs(["a", "b"], gt=False, name="pairs").joinpath("lq"))

    evaluation = evaluate_run(run, bare, [*choose_metrics(["psnr"]), BRIGHTNESS], Cache(tmp_path))

    assert evaluation.absent == {"psnr": "needs clean pictures, and 'lq' has none"}
    assert rows(evaluation)["psnr"]["mean"] is None
    assert rows(evaluation)["brightness"]["count"] == 2


def test_a_metric_without_its_library_is_missing_with_the_command(dataset: Dataset, tmp_path: Path) -> None:
    """Never zero, never an exception for the rest."""
    absent = metric(
        "musiq", "no-reference", "nothing", library="no-such-package", install="pip install no-such-package"
    )
    run = make_run(tmp_path / "run", dataset)

    evaluation = evaluate_run(run, dataset, [absent, *choose_metrics(["psnr"])], Cache(tmp_path))

    assert "pip install no-such-package" in evaluation.absent["musiq"]
    assert rows(evaluation)["musiq"]["mean"] is None
    assert rows(evaluation)["musiq"]["missing"] == 6
    assert rows(evaluation)["psnr"]["count"] == 6


def test_a_metric_that_breaks_on_import_is_missing_too(dataset: Dataset, tmp_path: Path) -> None:
    """A library's broken release must not take the other metrics along."""
    broken = metric("broken", "no-reference", "no_such_function")
    run = make_run(tmp_path / "run", dataset)

    evaluation = evaluate_run(run, dataset, [broken, *choose_metrics(["psnr"])], Cache(tmp_path))

    assert "no_such_function" in evaluation.absent["broken"]
    assert [row["count"] for row in evaluation.rows] == [0, 6]


def test_identical_pictures_are_infinite_and_in_no_mean(dataset: Dataset, tmp_path: Path) -> None:
    """JSON has no infinity: the mean is null, and they are counted."""
    run = make_run(tmp_path / "run", dataset)
    for sample in dataset.samples[:5]:
        assert sample.gt
        write_picture(run.picture(sample.id), read_array(sample.gt))

    (row,) = evaluate_run(run, dataset, choose_metrics(["psnr"]), Cache(tmp_path)).rows

    assert (row["count"], row["infinite"], row["missing"]) == (1, 5, 0)
    assert math.isfinite(row["mean"])


def test_what_was_not_restored_is_missing_unless_a_limit_left_it_out(dataset: Dataset, tmp_path: Path) -> None:
    """A killed run has gaps; a limited one is small."""
    killed = make_run(tmp_path / "killed", dataset, restored=4)
    limited = make_run(tmp_path / "limited", dataset, restored=4, limit=4)
    for run in (killed, limited):
        for sample_id in ("s4", "s5"):
            run.picture(sample_id).unlink()

    (gaps,) = evaluate_run(killed, dataset, choose_metrics(["psnr"]), Cache(tmp_path)).rows
    (small,) = evaluate_run(limited, dataset, choose_metrics(["psnr"]), Cache(tmp_path)).rows

    assert (gaps["count"], gaps["missing"]) == (4, 2)
    assert (small["count"], small["missing"]) == (4, 0)


def test_pictures_of_different_sizes_are_each_scored(make_pairs: MakePairs, tmp_path: Path) -> None:
    """They cannot share a batch, and the values do not depend on who shared one."""
    for number, size in enumerate([(12, 14), (14, 12), (12, 14), (20, 20)]):
        make_pairs([f"s{number}"], size=size)
    dataset = open_dataset(tmp_path / "pairs")
    run = make_run(tmp_path / "run", dataset)

    evaluate_run(run, dataset, choose_metrics(["psnr"]), Cache(tmp_path))

    frame = pd.read_parquet(run.samples_path).set_index("id")
    for sample in dataset.samples:
        assert sample.gt
        restored, gt = (read_array(path).astype(float) / 255 for path in (run.picture(sample.id), sample.gt))
        assert frame.loc[sample.id, "psnr"] == pytest.approx(-10 * np.log10(((restored - gt) ** 2).mean()), rel=1e-6)


def test_the_signature_says_what_made_the_number(dataset: Dataset, tmp_path: Path) -> None:
    """It is made to be copied beside the number."""
    run = make_run(tmp_path / "run", dataset)

    (row,) = evaluate_run(run, dataset, choose_metrics(["psnr-y"]), Cache(tmp_path)).rows

    signature = Signature.parse(row["signature"])
    assert signature.data[:2] == ("pairs@folder", "n6")
    assert signature.metric[0] == "psnr-y"
    assert "colour=y-bt601-matlab" in signature.metric
    assert "tf32=off" in signature.method
    assert len(signature.data[2]) == 12

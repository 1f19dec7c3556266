import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from restobench.cache import Cache
from restobench.dataset import Dataset, open_dataset
from restobench.errors import RestobenchError
from restobench.evaluate import evaluate_run
from restobench.image import read_array, write_picture
from restobench.metric_card import MetricCard
from restobench.metrics.registry import Metric, MetricSetup, SetValue, all_metrics, choose_metrics
from restobench.plugins import Plugin
from restobench.provenance import set_tf32
from restobench.signature import Signature
from restobench.store import RunFolder
from restobench.summary import Evaluation
from tests.conftest import picture

MakePairs = Callable[..., Path]


def brightness(restored: Tensor) -> Tensor:
    """A no-reference metric; dark pictures have none."""
    if (restored.flatten(1).mean(dim=1) < 0.05).any():
        raise ValueError("too dark")
    return restored.flatten(1).double().mean(dim=1)


def precision_seen(restored: Tensor) -> Tensor:
    """How often TF32 is allowed, and gradients are."""
    allowed = (
        torch.backends.cuda.matmul.allow_tf32
        + torch.backends.cudnn.allow_tf32
        + (not torch.is_inference_mode_enabled())
    )
    return torch.full((len(restored),), float(allowed), dtype=torch.float64)


def scribbler(restored: Tensor) -> Tensor:
    """Writes into what it is given."""
    return brightness(restored.clamp_(max=0.5))


def batch_size(restored: Tensor) -> Tensor:
    return torch.full((len(restored),), float(len(restored)), dtype=torch.float64)


class Means:
    """What metrics share that compare the pictures' means; `seen` counts the pictures that were looked at."""

    seen = 0

    def __init__(self, setup: MetricSetup) -> None:
        self.options = setup.options

    def features(self, pictures: Tensor) -> Tensor:
        Means.seen += len(pictures)
        if (pictures.flatten(1).mean(dim=1) < 0.05).any():
            raise RestobenchError("too dark to see")
        return pictures.flatten(2).mean(dim=2)

    def compare(self, restored: Tensor, other: Tensor | None) -> Tensor | SetValue:
        if other is not None and "set" not in self.options:
            return (restored - other).double().abs().mean(dim=1)
        if len(restored) < 2:
            raise RestobenchError("a spread needs two pictures")
        spread = restored.double().mean(dim=1).std(correction=0).item()
        return SetValue(spread, 0.5 if "error" in self.options else None)


def metric(name: str, kind: str, attribute: str, **more: object) -> Metric:
    card = MetricCard.model_validate(
        {"title": name, "summary": "", "kind": kind, "better": "higher", "revision": "1", "definition": ""} | more
    )
    return Metric(name, card, Plugin(name, "tests.test_evaluate", attribute, "tests"))


BRIGHTNESS = metric("brightness", "no-reference", "brightness")
FEATURES = {"name": "means", "revision": "1"}
SPREAD = metric("spread", "set", "Means", features=FEATURES)
SPREAD_BESIDE = metric("beside", "set", "Means", features=FEATURES, against="clean", options={"set": True})
DRIFT = metric("drift", "full-reference", "Means", features=FEATURES)


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
    assert (evaluation.computed, evaluation.features) == (6 + 6 + 6 + 1, 6)
    assert all(row["count"] == 6 and row["missing"] == 0 for row in evaluation.rows)
    assert json.loads(run.summary_path.read_text()) == evaluation.rows
    frame = pd.read_parquet(run.samples_path)
    assert list(frame.columns) == ["id", "group", "psnr", "ssim", "brightness", "seconds", "error"]
    assert frame["psnr"].mean() == pytest.approx(found["psnr"]["mean"], rel=1e-12)


def test_a_metric_that_writes_into_its_pictures_spoils_no_other(dataset: Dataset, tmp_path: Path) -> None:
    """They are put together once for all metrics; a network of somebody else's may normalise in place."""
    run = make_run(tmp_path / "run", dataset)
    first, *_ = both = [metric("scribbler", "no-reference", "scribbler"), BRIGHTNESS]

    together = rows(evaluate_run(run, dataset, both, Cache(tmp_path / "together")))
    alone = rows(evaluate_run(run, dataset, [BRIGHTNESS], Cache(tmp_path / "alone")))

    assert together["brightness"]["mean"] == alone["brightness"]["mean"]
    assert together[first.name]["mean"] != alone["brightness"]["mean"]


@pytest.mark.parametrize(
    "name",
    [
        one.name
        for one in all_metrics()
        if one.card.reference == "clean" and not (one.card.library or one.card.weights or one.card.features)
    ],
)
def test_a_metric_of_ours_leaves_its_pictures_alone(name: str) -> None:
    """For they are lent to it and not copied, unlike to somebody else's."""
    (one,) = choose_metrics([name])
    pictures = [torch.rand(2, 3, 40, 44) for _ in range(2)]
    before = [each.clone() for each in pictures]

    one.load("cpu")(*pictures)

    assert all(map(torch.equal, pictures, before))


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


def test_features_are_worked_out_once_for_each_picture(dataset: Dataset, tmp_path: Path) -> None:
    """For all metrics that compare them, and for every later method on the same clean pictures."""
    run, cache = make_run(tmp_path / "run", dataset), Cache(tmp_path)
    Means.seen = 0

    first = evaluate_run(run, dataset, [SPREAD_BESIDE, DRIFT], cache)
    added = evaluate_run(run, dataset, [SPREAD_BESIDE, DRIFT, SPREAD], cache)
    write_picture(run.picture("s3"), picture(77, 24, 28))
    changed = evaluate_run(run, dataset, [SPREAD_BESIDE, DRIFT, SPREAD], cache)
    second = make_run(tmp_path / "second", dataset)
    for number, sample in enumerate(dataset.samples):
        write_picture(second.picture(sample.id), picture(100 + number, 24, 28))
    other = evaluate_run(second, dataset, [SPREAD_BESIDE], cache)

    assert (first.features, added.features, changed.features, other.features) == (12, 0, 1, 6)
    assert Means.seen == 12 + 0 + 1 + 6
    assert (added.computed, added.known) == (1, 7)
    assert (changed.computed, changed.known) == (3, 5)


def test_a_metric_of_features_gives_a_value_a_sample(dataset: Dataset, tmp_path: Path) -> None:
    """As if it had looked at the pictures together."""
    run = make_run(tmp_path / "run", dataset)

    evaluate_run(run, dataset, [DRIFT], Cache(tmp_path))

    frame = pd.read_parquet(run.samples_path).set_index("id")
    for sample in dataset.samples:
        assert sample.gt
        restored, gt = (read_array(path).mean(axis=(0, 1)) / 255 for path in (run.picture(sample.id), sample.gt))
        assert frame.loc[sample.id, "drift"] == pytest.approx(np.abs(restored - gt).mean(), abs=1e-6)


def test_a_picture_without_features_is_an_error_of_that_sample(dataset: Dataset, tmp_path: Path) -> None:
    """A number of the set over the others is not kept as the set's."""
    run, cache = make_run(tmp_path / "run", dataset), Cache(tmp_path)
    write_picture(run.picture("s2"), np.zeros((24, 28, 3), np.uint8))

    evaluation = evaluate_run(run, dataset, [DRIFT, SPREAD], cache)

    assert evaluation.errors == {name: {"s2": "too dark to see"} for name in ("drift", "spread")}
    assert [(row["count"], row["missing"]) for row in evaluation.rows] == [(5, 1), (5, 1)]
    assert evaluate_run(run, dataset, [SPREAD], cache).computed == 1


def test_a_metric_of_a_set_is_over_its_first_pictures(dataset: Dataset, tmp_path: Path) -> None:
    """FID of faces is over 3,000, whatever the set holds; and says so beside its number."""
    run = make_run(tmp_path / "run", dataset)
    first = metric("first", "set", "Means", features=FEATURES, first=4, biased_below=5)

    evaluation = evaluate_run(run, dataset, [first], Cache(tmp_path))

    (row,) = evaluation.rows
    means = [read_array(run.picture(sample.id)).mean() / 255 for sample in dataset.samples[:4]]
    assert row["mean"] == pytest.approx(np.std(means), abs=1e-6)
    assert (row["count"], row["missing"]) == (4, 0)
    assert "first=4" in Signature.parse(row["signature"]).metric
    assert evaluation.notes == [
        "first is over 4 pictures: biased below 5, the more the fewer they are; "
        "it can be compared only with a number over as many."
    ]


def test_a_standard_error_becomes_an_interval_and_is_kept(dataset: Dataset, tmp_path: Path) -> None:
    """A bootstrap of a set would be of duplicates."""
    run, cache = make_run(tmp_path / "run", dataset), Cache(tmp_path)
    sure = metric("sure", "set", "Means", features=FEATURES, options={"error": True})

    first = evaluate_run(run, dataset, [sure], cache)
    again = evaluate_run(run, dataset, [sure], cache)

    (row,) = first.rows
    assert row["low"] == pytest.approx(row["mean"] - 0.98)
    assert row["high"] == pytest.approx(row["mean"] + 0.98)
    assert again.rows == first.rows
    assert again.computed == 0


def test_a_set_of_one_picture_has_no_number(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The reason stands where the number would."""
    dataset = open_dataset(make_pairs(["only"]))
    run = make_run(tmp_path / "run", dataset)

    evaluation = evaluate_run(run, dataset, [SPREAD], Cache(tmp_path))

    assert evaluation.absent == {"spread": "a spread needs two pictures"}
    assert evaluation.rows[0]["mean"] is None


def test_pairs_that_a_metric_takes_for_one_picture_are_in_no_mean(dataset: Dataset, tmp_path: Path) -> None:
    """IDS counts them; where all are, its mean is 0."""
    run, cache = make_run(tmp_path / "run", dataset), Cache(tmp_path)
    for sample in dataset.samples[:2]:
        assert sample.gt
        write_picture(run.picture(sample.id), read_array(sample.gt))
    angle = metric("angle", "full-reference", "Means", features=FEATURES, identical_below=0.01)

    (some,) = evaluate_run(run, dataset, [angle], cache).rows
    for sample in dataset.samples:
        assert sample.gt
        write_picture(run.picture(sample.id), read_array(sample.gt))
    (all_of_them,) = evaluate_run(run, dataset, [angle], cache).rows

    frame = pd.read_parquet(run.samples_path)
    assert (some["count"], some["identical"], some["missing"]) == (4, 2, 0)
    assert some["mean"] > 0.01
    assert (all_of_them["count"], all_of_them["identical"], all_of_them["mean"]) == (0, 6, 0.0)
    assert frame["angle"].tolist() == [0.0] * 6


def test_a_metric_can_compare_with_the_input(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Where there is no clean picture; at scale 1 it would only say how much was left alone."""
    large = open_dataset(make_pairs(["a", "b"], gt=False), scale=2)
    same = open_dataset(make_pairs(["a", "b"], scale=1, name="same"))
    run = RunFolder(tmp_path / "run")
    for sample in large.samples:
        assert sample.lq
        write_picture(run.picture(sample.id), read_array(sample.lq).repeat(2, axis=0).repeat(2, axis=1))
    make_run(tmp_path / "other", same)
    run.write_run(
        {
            "label": "mine",
            "variant": "default",
            "dataset": large.describe() | {"fingerprint": large.fingerprint(Cache())},
            "determinants": {"seed": 0},
            "samples": {"total": 2, "limit": None, "restored": 2, "failed": {}},
        }
    )

    evaluation = evaluate_run(run, large, choose_metrics(["consistency"]), Cache(tmp_path))
    at_one = evaluate_run(RunFolder(tmp_path / "other"), same, choose_metrics(["consistency"]), Cache(tmp_path))

    assert evaluation.rows[0]["count"] == 2
    assert evaluation.rows[0]["mean"] > 25
    assert at_one.absent == {"consistency": "is for pictures that are enlarged x2 or more; 'same' is x1"}


def test_metrics_compute_without_tf32_whatever_the_method_ran_with(dataset: Dataset, tmp_path: Path) -> None:
    """Its ten bits would move the third decimal of LPIPS."""
    seen = metric("seen", "no-reference", "precision_seen")
    run = make_run(tmp_path / "run", dataset)
    set_tf32(True)

    (row,) = evaluate_run(run, dataset, [seen], Cache(tmp_path)).rows

    allowed = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    set_tf32(False)
    assert row["mean"] == 0
    assert allowed == (True, True)


def test_a_metric_that_wants_pictures_singly_gets_them_so(dataset: Dataset, tmp_path: Path) -> None:
    """Some libraries let neighbours move a value, and some need gigabytes for one picture."""
    run = make_run(tmp_path / "run", dataset)
    batched = metric("batched", "no-reference", "batch_size")
    singly = metric("singly", "no-reference", "batch_size", one_by_one=True)

    rows_of = rows(evaluate_run(run, dataset, [batched, singly], Cache(tmp_path)))

    assert rows_of["batched"]["mean"] == 6
    assert rows_of["singly"]["mean"] == 1


def test_pictures_of_one_size_come_together_whatever_lies_between(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A set of photographs mixes upright and level ones."""
    for number in range(8):
        make_pairs([f"s{number}"], size=(12, 14) if number % 2 else (14, 12))
    dataset = open_dataset(tmp_path / "pairs")
    run = make_run(tmp_path / "run", dataset)

    (row,) = evaluate_run(run, dataset, [metric("batched", "no-reference", "batch_size")], Cache(tmp_path)).rows

    assert row["mean"] == 4


def test_wrong_pairs_and_a_wrong_range_are_pointed_out(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A number that is merely low would be believed."""
    dataset = open_dataset(make_pairs([f"s{i}" for i in range(6)], size=(32, 32)))
    good, moved, dark = (make_run(tmp_path / name, dataset) for name in ("good", "moved", "dark"))
    clean = [read_array(sample.gt) for sample in dataset.samples if sample.gt]
    for number, sample in enumerate(dataset.samples):
        write_picture(moved.picture(sample.id), clean[(number + 1) % 6].astype(np.uint8))
        write_picture(dark.picture(sample.id), (clean[number] > 127).astype(np.uint8))

    notes = [evaluate_run(run, dataset, choose_metrics(["psnr"]), Cache(tmp_path)).notes for run in (good, moved, dark)]

    assert notes[0] == []
    assert notes[1] == [
        "6 of 6 restored pictures look more like another sample's clean picture than like their own, "
        "'s0' like that of 's1': are they paired rightly?"
    ]
    assert notes[2] == [
        "6 of 6 restored pictures are nearly black, 's0' among them: "
        "were they saved with values of 0 to 1 instead of 0 to 255?"
    ]


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

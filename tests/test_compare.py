"""Two runs beside each other, from files as evaluation leaves them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from restobench.compare import compare, visible_differences
from restobench.errors import RestobenchError
from restobench.files import write_json
from restobench.signature import Signature
from restobench.statistics import mean_interval
from restobench.store import RunFolder, RunIdentity

IDS = [f"s{number:02}" for number in range(20)]
CLEAN = np.random.default_rng(1).normal(28, 4, 20)


def scored(
    runs: Path,
    label: str,
    values: Sequence[float],
    *,
    seed: int = 0,
    ids: Sequence[str] = IDS,
    dataset: tuple[str, str, str] = ("demo", "1", "f" * 64),
    option: str = "border=0",
) -> RunFolder:
    """A run with PSNR for each sample (NaN: no value), and a set-level number."""
    determinants = {"seed": seed}
    folder = RunIdentity(dataset[0], label, "default", determinants, dataset[2]).folder(runs)
    name, revision, fingerprint = dataset
    folder.write_run(
        {
            "label": label,
            "variant": "default",
            "dataset": {"name": name, "revision": revision, "fingerprint": fingerprint},
            "determinants": determinants,
            "samples": {"total": len(IDS), "restored": len(ids), "failed": {}, "limit": None},
            "finished": "2026-01-01T00:00:00+00:00",
            "sessions": [],
        }
    )
    frame = pd.DataFrame({"id": list(ids), "group": list(ids), "psnr": list(values), "seconds": 1.0, "error": None})
    frame.to_parquet(folder.samples_path, index=False)
    psnr = mean_interval(values, ids, resamples=99)
    rows = [
        asdict(interval)
        | {"metric": metric, "signature": str(Signature(("demo",), (metric, *more), ("png8",), (label,), (str(seed),)))}
        for interval, metric, *more in (
            (psnr, "psnr", "rev=1", option),
            (replace(psnr, low=None, high=None), "fid-gt", "rev=1"),
        )
    ]
    write_json(folder.summary_path, rows)
    return folder


def test_samples_are_paired_by_id_and_the_largest_moves_are_told(tmp_path: Path) -> None:
    """The rows may stand in another order, and one may be missing."""
    second = CLEAN + 0.5
    second[7] += 3
    second[3] -= 2
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", second[:0:-1], ids=IDS[:0:-1])

    (row,) = compare(tmp_path, "one", "two", most_moved=2).metrics

    assert row.difference.count == 19
    assert row.difference.mean == pytest.approx(0.5 + 1 / 19)
    assert row.second == pytest.approx(second[1:].mean())
    assert [moved.id for moved in row.moved] == ["s07", "s03"]
    assert [moved.difference for moved in row.moved] == pytest.approx([3.5, -1.5])


def test_a_name_stands_for_all_its_seeds_and_a_folder_for_itself(tmp_path: Path) -> None:
    """A stochastic method's seeds are averaged sample by sample."""
    scored(tmp_path, "one", CLEAN)
    first = scored(tmp_path, "two", CLEAN + 1, seed=0)
    scored(tmp_path, "two", CLEAN + 2, seed=1)

    by_name = compare(tmp_path, "one", "two")
    by_folder = compare(tmp_path, "one", str(first.path))

    assert (len(by_name.second), by_name.metrics[0].difference.mean) == (2, pytest.approx(1.5))
    assert (len(by_folder.second), by_folder.metrics[0].difference.mean) == (1, pytest.approx(1))


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (("other", "1", "a" * 64), "one:demo is of the data set 'demo' and two:other of 'other'"),
        (("demo", "2", "a" * 64), "of 'demo' in revision 1, the other in 2"),
        (("demo", "1", "a" * 64), "the pictures of 'demo' changed between the runs .fingerprints ffffffffffff and aaa"),
    ],
)
def test_runs_over_other_pictures_are_refused(tmp_path: Path, dataset: tuple[str, str, str], told: str) -> None:
    """The sentence names what differs."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN, dataset=dataset)

    with pytest.raises(RestobenchError, match=f"^Only runs over the same pictures can be compared, and .*{told}"):
        compare(tmp_path, "one", "two")


def test_a_metric_computed_in_two_ways_is_not_compared(tmp_path: Path) -> None:
    """Nor one that has no samples; where nothing is left, that is the error."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN, option="border=4")

    with pytest.raises(RestobenchError, match=r"psnr: it was computed in two ways \(border=0 and border=4\)") as error:
        compare(tmp_path, "one", "two").refuse_nothing()
    assert "fid-gt: it is one number for the whole set" in str(error.value)


def test_a_metric_that_one_run_lacks_is_named(tmp_path: Path) -> None:
    """With what to do."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN)

    with pytest.raises(RestobenchError, match=r"No metric of both runs is called 'ssim'[\s\S]*restobench evaluate"):
        compare(tmp_path, "one", "two", metrics=["ssim"])


def test_what_a_data_set_can_show_is_told_from_every_two_methods(tmp_path: Path) -> None:
    """As `compare` has it for each pair; of one method alone, or of another revision, nothing is known."""
    noise = np.random.default_rng(2)
    scored(tmp_path, "one", CLEAN)
    assert visible_differences(tmp_path, "demo", "1") == {}
    scored(tmp_path, "two", CLEAN + noise.normal(0, 0.1, 20))
    scored(tmp_path, "three", CLEAN + noise.normal(0, 1, 20))

    found = visible_differences(tmp_path, "demo", "1")

    pairs = [("one", "two"), ("one", "three"), ("two", "three")]
    each = [compare(tmp_path, *pair).metrics[0].difference.smallest_visible or 0 for pair in pairs]
    assert list(found) == ["psnr"]
    assert tuple(found["psnr"]) == (min(each), max(each), 3)
    assert visible_differences(tmp_path, "demo", "2") == {}

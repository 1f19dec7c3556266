"""Which methods of a table can be told apart."""

from pathlib import Path

import numpy as np

from restobench.ranks import ranks_of
from restobench.results import all_runs
from tests.test_compare import CLEAN, IDS, scored

NOISE = np.random.default_rng(2).normal(0, 0.3, (3, 20))


def ranks(runs: Path) -> dict[tuple[str, int], tuple[int, int]]:
    """Of PSNR, by method and seed."""
    records = all_runs(runs)
    found = ranks_of(records)
    assert {metric for _, metric in found} <= {"psnr"}, "one number for a whole set has no samples to pair"
    return {
        (record.method, record.run["determinants"]["seed"]): found[record.folder.path, "psnr"]
        for record in records
        if (record.folder.path, "psnr") in found
    }


def test_methods_that_cannot_be_told_apart_share_their_ranks(tmp_path: Path) -> None:
    """On the same samples, in whatever order the rows stand; PSNR is better where it is higher."""
    scored(tmp_path, "one", CLEAN + NOISE[0])
    scored(tmp_path, "two", (CLEAN + NOISE[1])[::-1], ids=IDS[::-1])
    scored(tmp_path, "best", CLEAN + 2 + NOISE[2])

    assert ranks(tmp_path) == {("best", 0): (1, 1), ("one", 0): (2, 3), ("two", 0): (2, 3)}


def test_the_seeds_of_a_method_have_one_rank(tmp_path: Path) -> None:
    """They are averaged sample by sample, and are no rivals."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN + 1 + NOISE[0], seed=0)
    scored(tmp_path, "two", CLEAN - 0.1 + NOISE[1], seed=1)

    assert ranks(tmp_path) == {("one", 0): (2, 2), ("two", 0): (1, 1), ("two", 1): (1, 1)}


def test_a_cell_without_some_samples_is_not_ranked(tmp_path: Path) -> None:
    """Nor a run of a part of the data set; the others are, as if those were not there."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN + 1 + NOISE[0])
    scored(tmp_path, "holes", [*(CLEAN[:-1] + 5), np.nan])
    scored(tmp_path, "part", CLEAN[:10] + 5, ids=IDS[:10])

    assert ranks(tmp_path) == {("one", 0): (2, 2), ("two", 0): (1, 1)}


def test_a_column_of_other_pictures_or_another_definition_has_no_ranks(tmp_path: Path) -> None:
    """A rank needs two methods that share the pictures and the metric."""
    scored(tmp_path, "one", CLEAN)
    scored(tmp_path, "two", CLEAN + 1, dataset=("other", "1", "a" * 64))
    scored(tmp_path, "cropped", CLEAN + 1, option="border=4")

    assert ranks(tmp_path) == {}

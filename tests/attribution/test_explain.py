"""From runs with pictures and a published table to a cause, or to none."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import restobench
from restobench.attribution.explain import Explained, explain_cell
from restobench.attribution.variants import Variant
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.image import read_array, write_picture
from restobench.leaderboard.published import NamedMethod, Paper, Published
from restobench.planning import Options
from restobench.results import RunRecord, all_runs
from tests.leaderboard.test_published import cell
from tests.test_dataset import describe

METHODS = ("bicubic", "bilinear", "lanczos", "nearest")


@pytest.fixture
def records(make_pairs: Callable[..., Path], tmp_path: Path) -> list[RunRecord]:
    """Four methods on three pictures, scored in RGB and by their luma."""
    options = Options(runs=tmp_path / "runs", device="cpu")
    restobench.run(METHODS, make_pairs(name="demo"), metrics=["psnr", "psnr-y"], options=options)
    return all_runs(tmp_path / "runs")


def paper(records: list[RunRecord], by: str, *, cells: int = 4, shift: float = 0.0, dataset: str = "demo") -> Published:
    """A table of `cells` methods that says PSNR and was computed by another metric."""
    printed = []
    for number, record in enumerate(records):
        (value,) = (row["mean"] for row in record.summary if row["metric"] == (by if number < cells else "psnr"))
        printed.append(cell(method=record.method, dataset=dataset, value=f"{value + shift:.2f}"))
    names = tuple(NamedMethod(published=name, config="default", method=name) for name in METHODS)
    return Published(cells=tuple(printed), papers=(Paper(name="Early", title="-", first="2020-01"),), methods=names)


def explain(records: list[RunRecord], published: Published, asked: str = "lanczos/demo/psnr") -> Explained:
    return explain_cell(asked, records, published, Cache())


def test_a_table_that_was_scored_by_luma_is_found_out(records: list[RunRecord]) -> None:
    """All four cells are explained by one way of scoring, and the page says which."""
    found = explain(records, paper(records, "psnr-y"))

    assert [(one.metric, one.border, one.change) for one in found.attribution.causes][:1] == [("psnr-y", 0, "")]
    assert found.lines()[1].startswith("Explained by: psnr-y instead of psnr")
    assert "It gives 4 of 4 cells of Early that differ, as printed" in found.lines()[1]
    assert found.as_row()["causes"][0] == "psnr-y instead of psnr"


def test_two_cells_are_no_cause(records: list[RunRecord]) -> None:
    """The nearest is shown, and called no more than that."""
    found = explain(records, paper(records, "psnr-y", cells=2), f"{records[0].method}/demo/psnr")

    assert found.attribution.causes == ()
    assert (found.attribution.explained, found.attribution.tried) == (2, 2)
    assert found.lines()[1].startswith("No cause is named")
    assert "psnr-y instead of psnr" in found.lines()[2]


def test_a_number_that_nothing_explains_gets_no_cause(records: list[RunRecord]) -> None:
    """0.37 dB above the luma's is nobody's way of scoring."""
    found = explain(records, paper(records, "psnr-y", shift=0.37))

    assert found.attribution.causes == ()


def test_what_was_scored_once_is_not_scored_again(records: list[RunRecord], tmp_path: Path) -> None:
    """Another cell of the same table adds nothing to what is known."""
    published = paper(records, "psnr-y")
    database = tmp_path / "cache" / "cache.sqlite"

    def known() -> int:
        with closing(sqlite3.connect(database)) as opened:
            return int(opened.execute("SELECT count(*) FROM metric_value").fetchone()[0])

    first = explain_cell("lanczos/demo/psnr", records, published, Cache(database.parent))
    before = known()
    again = explain_cell("nearest/demo/psnr", records, published, Cache(database.parent))

    assert before == known() == len(METHODS) * 3 * len(first.attribution.nearest)
    assert again.attribution.causes == first.attribution.causes


def test_there_must_be_something_to_explain(records: list[RunRecord]) -> None:
    """And something to explain it with."""
    with pytest.raises(RestobenchError, match=r"nothing to explain about lanczos/demo/psnr: .*: reproduced"):
        explain(records, paper(records, "psnr"))
    with pytest.raises(RestobenchError, match="No cell with a measured and a published number is called"):
        explain(records, paper(records, "psnr-y"), "lanczos/x/psnr")
    with pytest.raises(RestobenchError, match="No paper prints a number for lanczos/demo/psnr-y, nor for another"):
        explain(records, paper(records, "psnr-y"), "lanczos/demo/psnr-y")
    with pytest.raises(RestobenchError, match=r"No metric is called 'pnsr'\. Did you mean 'psnr'"):
        explain(records, paper(records, "psnr-y"), "lanczos/demo/pnsr")
    with pytest.raises(RestobenchError, match=r"'lanczos' is no cell\. A cell is METHOD@VARIANT/DATASET/METRIC"):
        explain(records, paper(records, "psnr-y"), "lanczos")
    next(records[1].folder.pictures.iterdir()).unlink()
    with pytest.raises(RestobenchError, match="is not there, and other ways of scoring need it"):
        explain(records, paper(records, "psnr-y"))


def test_of_two_papers_the_one_that_is_meant_must_be_named(records: list[RunRecord]) -> None:
    """Their programs may have differed."""
    early = paper(records, "psnr-y")
    late = [one.model_copy(update={"paper": "Late", "value": f"{one.number + 9:.2f}"}) for one in early.cells]
    both = early.model_copy(
        update={
            "cells": (*early.cells, *late),
            "papers": (*early.papers, Paper(name="Late", title="-", first="2021-01")),
        }
    )

    with pytest.raises(RestobenchError, match="Several papers print a number for lanczos/demo/psnr: Early, Late"):
        explain(records, both)
    assert explain_cell("lanczos/demo/psnr", records, both, Cache(), paper="Late").beside.paper == "Late"


@pytest.fixture
def revisions(make_pairs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of which two revisions are here: the same inputs, and of the other one darker clean pictures."""
    folder = tmp_path / "datasets"
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(folder))
    folder.mkdir()
    first = make_pairs().rename(folder / "mine")
    describe(first)
    other = shutil.copytree(first, folder / "mine@other")
    describe(other, revision="other")
    for path in (other / "gt").iterdir():
        write_picture(path, read_array(path) // 2)
    return folder


def on_revisions(tmp_path: Path, *datasets: str) -> list[RunRecord]:
    options = Options(runs=tmp_path / "-".join(datasets), device="cpu")
    restobench.run(METHODS, list(datasets), metrics=["psnr"], options=options)
    return all_runs(options.runs)


def test_another_revision_on_disk_is_a_cause(revisions: Path, tmp_path: Path) -> None:
    """The stored pictures are scored against its clean ones, where its inputs are those that were restored."""
    printed = paper(on_revisions(tmp_path, "mine@other"), "psnr", dataset="mine")
    ours = on_revisions(tmp_path, "mine")

    found = explain(ours, printed, "lanczos/mine/psnr")

    assert found.attribution.causes == (Variant("psnr", revision="other"),)
    assert found.lines()[1].startswith("Explained by: revision other of the data set. It gives 4 of 4 cells")
    for path in (revisions / "mine@other" / "lq").iterdir():
        write_picture(path, read_array(path) // 2)
    assert explain(ours, printed, "lanczos/mine/psnr").attribution.causes == ()


def test_the_method_s_runs_on_another_revision_are_asked_too(revisions: Path, tmp_path: Path) -> None:
    """Where its inputs are others, nothing else can tell. Two revisions of one name are told apart in cells."""
    for path in (revisions / "mine@other" / "lq").iterdir():
        write_picture(path, read_array(path) // 2)
    printed = paper(on_revisions(tmp_path, "mine@other"), "psnr", dataset="mine")

    found = explain(on_revisions(tmp_path, "mine", "mine@other"), printed, "lanczos/mine@3/psnr")

    assert found.attribution.causes == (Variant("psnr", revision="other"),)


def test_a_compatible_number_may_be_asked_about(records: list[RunRecord]) -> None:
    """On few pictures, which may not be the paper's, the interval hides another luma; all cells together do not."""
    printed = paper(records, "psnr", shift=0.3)

    found = explain(records, printed)

    assert str(found.beside.verdict) == "compatible"
    assert found.attribution.tried == 4

"""Who stands in which table, beside what; rendering has tests of its own."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restobench.errors import RestobenchError
from restobench.files import write_json
from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.board import Cell, Leaderboard, Row, Table
from restobench.leaderboard.published import NamedMethod, Paper, Published, PublishedCell
from restobench.leaderboard.spec import TableSpec
from restobench.results import all_runs
from restobench.signature import Signature
from tests.leaderboard.runs import CLEAN, NOISE, scored
from tests.leaderboard.test_published import cell
from tests.test_results import PART, make

NOTHING = Published()


def published(*cells: PublishedCell, method: str = "mine") -> Published:
    """What a paper prints, of a method that is called `method` here."""
    papers = (Paper(name="Early", title="-", first="2020-01"),)
    return Published(
        cells=cells, papers=papers, methods=(NamedMethod(published="Theirs", config="default", method=method),)
    )


def board(runs: Path, known: Published = NOTHING, spec: TableSpec | None = None, **options: Any) -> Leaderboard:
    return assemble(all_runs(runs), known, spec, **options)


def table(runs: Path, known: Published = NOTHING, spec: TableSpec | None = None) -> Table:
    (only,) = board(runs, known, spec).tables
    return only


def row(found: Table, name: str) -> Row:
    (only,) = [one for one in found.rows if one.name == name]
    return only


def test_a_table_for_each_set_of_pictures(tmp_path: Path) -> None:
    """Two data sets never share one."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    scored(tmp_path, "b", {"psnr": CLEAN})
    scored(tmp_path, "a", {"psnr": CLEAN}, pictures=("other", "1", "f" * 64))
    scored(tmp_path, "c", {"psnr": CLEAN}, pictures=("demo", "1", "e" * 64))
    scored(tmp_path, "d", {"psnr": CLEAN}, pictures=("demo", "2", "e" * 64))

    found = board(tmp_path)

    assert {one.title: [r.name for r in one.rows] for one in found.tables} == {
        "demo@1 (eeeeeeeeeeee)": ["c"],
        "demo@1 (ffffffffffff)": ["a", "b"],
        "demo@2 (eeeeeeeeeeee)": ["d"],
        "other@1 (ffffffffffff)": ["a"],
    }


def test_two_definitions_never_share_a_column(tmp_path: Path) -> None:
    """A library's update may have moved the number, and the two are not ranked against each other."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    scored(tmp_path, "b", {"psnr": CLEAN + 1}, options=("rev=2",))

    found = table(tmp_path)

    assert [column.name for column in found.columns] == ["psnr:rev=1", "psnr:rev=2"]
    assert [[cell.mean is not None for cell in one.cells] for one in found.rows] == [[True, False], [False, True]]
    assert all(cell.ranks is None for *_, cell in found.cells())
    assert found.rows[1].cells[0].problem == "not computed; restobench evaluate b:demo --metrics psnr"


def test_what_may_not_stand_in_a_table_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """Limited, unscored and demonstration runs; the last enter when asked."""
    scored(tmp_path, "whole", {"psnr": CLEAN})
    scored(tmp_path, "toy", {"psnr": CLEAN}, demonstration=True)
    make(tmp_path, "limited", samples=PART)
    make(tmp_path, "unscored")
    scored(tmp_path, "no-clean", {"psnr": [math.nan] * len(CLEAN)})

    found = board(tmp_path)
    asked = board(tmp_path, demonstrations=True)

    assert [one.name for one in found.tables[0].rows] == ["whole"]
    assert sorted(line.partition("): ")[2] for line in found.left_out) == [
        "a demonstration; --demonstrations shows it",
        "no metric has a value",
        "not evaluated",
        "not every sample was restored",
    ]
    assert [one.name for one in asked.tables[0].rows] == ["toy", "whole"]
    assert "a demonstration, no result" in asked.tables[0].rows[0].notes


def test_no_run_is_no_table(tmp_path: Path) -> None:
    """An empty leaderboard would be a file that says nothing."""
    make(tmp_path, "unscored")

    with pytest.raises(RestobenchError, match=r"no complete, evaluated run[^\n]*\n  unscored:demo .*: not evaluated"):
        board(tmp_path)


def test_best_and_second_are_marked_only_where_the_pictures_tell(tmp_path: Path) -> None:
    """Two that cannot be told apart share their ranks, and neither is the winner."""
    scored(tmp_path, "best", {"psnr": CLEAN + 3 + NOISE[0], "ssim": 0.7 + NOISE[0] / 10})
    scored(tmp_path, "one", {"psnr": CLEAN + NOISE[1], "ssim": 0.7 + NOISE[1] / 10})
    scored(tmp_path, "two", {"psnr": CLEAN + 1 + NOISE[2], "ssim": 0.7 + NOISE[2] / 10})

    found = table(tmp_path)

    psnr, ssim = ({one.name: one.cells[number] for one in found.rows} for number in (0, 1))
    assert {name: (c.ranks, c.mark) for name, c in psnr.items()} == {
        "best": ((1, 1), "best"), "two": ((2, 2), "second"), "one": ((3, 3), ""),
    }  # fmt: skip
    assert {(c.ranks, c.mark) for c in ssim.values()} == {((1, 3), "")}
    assert found.columns[0].smallest_visible == pytest.approx(0.26, abs=0.1)


def test_a_cell_with_missing_samples_is_explained_and_not_ranked(tmp_path: Path) -> None:
    """It is a mean over other pictures than its neighbour's."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    scored(tmp_path, "b", {"psnr": CLEAN + 2 + NOISE[0]})
    scored(tmp_path, "holes", {"psnr": [np.nan, *CLEAN[1:]], "ssim": [np.nan] * 20})

    found = table(tmp_path)

    assert [one.cells[0].ranks for one in found.rows] == [(2, 2), (1, 1), None]
    assert (
        row(found, "holes").cells[0].problem
        == "1 of 20 samples have no value; 'restobench evaluate holes:demo' says why"
    )
    assert [column.metric for column in found.columns] == ["psnr"]


def test_a_set_level_number_is_shown_and_not_ranked(tmp_path: Path) -> None:
    """There are no samples to pair, even where it has an interval; nor is a pair that is one picture in a mean."""
    for label, mean in (("a", 50.0), ("b", 40.0)):
        folder = scored(tmp_path, label, {"psnr": CLEAN + mean})
        (row_of_psnr,) = folder.read_summary()
        made = Signature.parse(row_of_psnr["signature"])
        line = str(replace(made, metric=("kid-gt", "rev=1")))
        write_json(folder.summary_path, [row_of_psnr | {"metric": "kid-gt", "signature": line, "identical": 2}])

    found = table(tmp_path)

    assert [one.cells[0].ranks for one in found.rows] == [None, None]
    assert found.columns[0].smallest_visible is None
    assert found.rows[0].cells[0].problem == "2 pairs are one picture to the metric, and in no mean"


def test_seeds_of_one_method_are_one_row(tmp_path: Path) -> None:
    """Their spread stands beside the mean, and each seed's signature below."""
    for seed in range(3):
        scored(tmp_path, "a", {"psnr": CLEAN + seed}, seed=seed, seconds=0.5)

    (one,) = table(tmp_path).rows

    assert one.seeds == ("0", "1", "2")
    assert one.cells[0].seed_std == pytest.approx(1.0)
    assert len(one.cells[0].signatures) == 3
    assert (one.seconds, one.timing) == (0.5, "method")


def test_a_published_number_stands_beside_ours_with_its_verdict(tmp_path: Path) -> None:
    """Wherever the paper prints it: one number, one line."""
    mean = f"{CLEAN.mean():.2f}"
    scored(tmp_path, "mine", {"psnr": CLEAN}, determinants={"method": "mine", "seed": None})
    known = published(
        cell(value=mean), cell(value=mean, table="2"), cell(value="20.00", table="3"), cell(metric="x", means="ssim")
    )

    (beside, other) = table(tmp_path, known).rows[0].cells[0].published

    assert (beside.paper, beside.tables, beside.value, str(beside.verdict)) == ("Early", "1, 2", mean, "reproduced")
    assert other.verdict
    assert (other.verdict.word, other.verdict.difference) == ("differs", pytest.approx(CLEAN.mean() - 20))


def test_what_the_paper_leaves_open_is_said(tmp_path: Path) -> None:
    """A number that may be one of two metrics is compared with each, and says so."""
    scored(tmp_path, "mine", {"psnr": CLEAN, "psnr-y": CLEAN + 1}, determinants={"method": "mine", "seed": None})

    found = table(tmp_path, published(cell(means="psnr|psnr-y", revision="v1?"))).rows[0]

    assert [len(c.published) for c in found.cells] == [1, 1]
    assert found.cells[0].published[0].remark == "the paper does not say which of psnr, psnr-y; revision v1?"


def test_another_revision_setting_or_tile_is_not_comparable(tmp_path: Path) -> None:
    """Each is named."""
    made = {"method": "resshift", "seed": 0, "settings": {"steps": 4, "tile": 512, "kappa": 2.0}}
    scored(tmp_path, "resshift", {"psnr": CLEAN}, variant="v1", determinants=made)
    known = published(cell(revision="v3-full", tile="256"), method="resshift@v1")

    (beside,) = table(tmp_path, known).rows[0].cells[0].published

    assert beside.verdict
    assert (beside.verdict.word, beside.verdict.reason) == (
        "not comparable",
        "the paper's data set is revision v3-full, here 1; steps is 4 here and 15 in the published configuration; "
        "tiles of 256 in the paper, of 512 here",
    )


def test_rows_that_are_only_printed_come_last_with_what_would_measure_them(tmp_path: Path) -> None:
    """A paper's other methods belong to the table; ours that was not run has a command."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    known = published(cell(), cell(method="Foreign", value="26.00"), cell(method="Elsewhere", dataset="other"))

    found = table(tmp_path, known)

    assert [(one.name, one.paper) for one in found.rows] == [("a", ""), ("Theirs", "Early"), ("Foreign", "Early")]
    verdicts = [one.cells[0].published[0].verdict for one in found.rows[1:]]
    assert [verdict.reason for verdict in verdicts if verdict] == [
        "not measured; restobench run --method mine --dataset demo --metrics psnr",
        "not measured; restobench evaluate --restored DIR --dataset demo --as NAME --metrics psnr",
    ]


def test_a_papers_ablations_stay_in_the_paper(tmp_path: Path) -> None:
    """And one method that it prints in two tables is one row."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    ablation, again = cell(config="without attention", value="20.00"), cell(config="full", table="2")
    known = published(cell(), ablation, again)
    named = (*known.methods, NamedMethod(published="Theirs", config="full", method="mine"))

    found = table(tmp_path, known.model_copy(update={"methods": named}))

    assert [one.name for one in found.rows] == ["a", "Theirs"]
    assert [beside.tables for beside in found.rows[1].cells[0].published] == ["1, 2"]


def test_pictures_that_somebody_brought_are_compared_under_their_name(tmp_path: Path) -> None:
    """Whether they were drawn is not known, so that one folder is at best close."""
    scored(tmp_path, "foreign", {"psnr": CLEAN}, variant="folder", determinants={"pictures": "abc"}, method=None)

    found = table(tmp_path, published(cell(method="Foreign", value=f"{CLEAN.mean():.2f}")))

    assert [one.name for one in found.rows] == ["foreign"]
    (beside,) = found.rows[0].cells[0].published
    assert str(beside.verdict) == "close"
    assert found.rows[0].commands == ("restobench evaluate --restored DIR --dataset demo --as foreign",)


SPEC = TableSpec.model_validate(
    {
        "title": "Face restoration",
        "mark": "*",
        "columns": [
            {"dataset": "demo", "metric": "psnr", "heading": "Demo", "name": "PSNR", "digits": 1},
            {"dataset": "other", "metric": "psnr", "heading": "Other"},
        ],
        "rows": [{"published": "Foreign", "name": "Theirs"}, {"method": "a", "name": "Ours"}],
    }
)


def test_a_spec_chooses_rows_columns_names_and_digits(tmp_path: Path) -> None:
    """One row over several data sets, as papers have it."""
    scored(tmp_path, "a", {"psnr": CLEAN, "ssim": CLEAN})
    scored(tmp_path, "b", {"psnr": CLEAN})
    scored(tmp_path, "a", {"psnr": CLEAN + 1}, pictures=("other", "1", "e" * 64))
    known = published(cell(method="Foreign", value="26.00"))

    found = table(tmp_path, known, SPEC)

    assert (found.title, found.mark) == ("Face restoration", "*")
    assert [(c.heading, c.name, c.decimals) for c in found.columns] == [("Demo", "PSNR", 1), ("Other", "psnr", 2)]
    assert [one.name for one in found.rows] == ["Theirs", "Ours"]
    assert [round(c.mean - CLEAN.mean(), 6) if c.mean else None for c in row(found, "Ours").cells] == [0, 1]
    assert row(found, "Theirs").cells[1] == Cell(problem="Early prints none")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"rows": [{"method": "z"}]}, "No method with a run for this table is called 'z'"),
        ({"rows": [{"published": "Z"}]}, "No method in the published tables is called 'Z'"),
        ({"columns": [{"dataset": "nowhere", "metric": "psnr"}]}, "No data set with a run or a published number is"),
        ({"columns": [{"dataset": "demo", "metric": "fsim"}]}, "Neither a run nor a paper has 'fsim' on 'demo'"),
        ({"rows": [{"published": "Theirs"}]}, "'Theirs' is there with several values of config: default, other"),
        ({"columns": [{"dataset": "demo", "metric": "ssim"}]}, "'ssim' on 'demo' was computed in several ways"),
    ],
)
def test_a_spec_that_asks_for_what_is_not_there_is_one_sentence(
    tmp_path: Path, changed: dict[str, Any], complaint: str
) -> None:
    """A column or row that silently stays empty would be believed."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    scored(tmp_path, "b", {"ssim": CLEAN})
    scored(tmp_path, "c", {"ssim": CLEAN}, options=("rev=2",))
    known = published(cell(), cell(config="other"))
    asked = {"title": "-", "columns": [{"dataset": "demo", "metric": "psnr"}]} | changed

    with pytest.raises(RestobenchError, match=complaint):
        table(tmp_path, known, TableSpec.model_validate(asked))

import csv
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.leaderboard.published import Paper, Published, PublishedCell, all_published, read_published, read_table
from restobench.plugins import plugins

PAPERS = """
[[papers]]
name = "Early"
title = "First"
first = "2020-01"
"""


def cell(**changed: str) -> PublishedCell:
    """A number that is in order, but for what is changed."""
    return PublishedCell.model_validate(fields(**changed))


def fields(**changed: str) -> dict[str, str]:
    """The fields of such a row, as a CSV file has them."""
    return {
        "paper": "Early", "table": "1", "method": "Theirs", "config": "default", "dataset": "demo", "metric": "PSNR",
        "direction": "higher", "value": "25.10", "means": "psnr", "revision": "", "reference": "", "tile": "",
        "batch": "", "device": "", "flag": "ok", "note": "", "source": "",
    } | changed  # fmt: skip


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(fields()))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_tables_that_ship_are_valid_and_keep_their_flags() -> None:
    """A doubt about a number is part of the number."""
    published = all_published()

    flags = {(c.paper, c.method, c.dataset, c.metric): c.flag for c in published.cells}
    assert len(published.cells) == 437
    assert flags["InterLCM", "Input", "celeba-test", "MUSIQ"] == "suspicious"
    assert {c.flag for c in published.of("interlcm@3step", "webphoto-test")} == {"ok", "contested"}
    assert all(c.note for c in published.cells if c.flag in ("suspicious", "contested"))


def test_every_method_that_is_mapped_is_one_of_ours_and_printed() -> None:
    """A name that fits nothing would silently compare nothing."""
    from restobench.plugins import find_method, method_card

    published = all_published()

    for named in published.methods:
        plugin, variant = find_method(named.method)
        card = method_card(plugin)
        assert (variant or card.default_variant) in card.variants
        assert any((c.method, c.config) == (named.published, named.config) for c in published.cells)


def test_digits_are_kept_as_printed() -> None:
    """25.10 is known to half a hundredth, 25.1 to half a tenth."""
    assert cell(value="25.10").decimals == 2
    assert cell(value="25.10").half_digit == pytest.approx(0.005)
    assert cell(value="0.718").half_digit == pytest.approx(0.0005)
    assert cell(value="23").half_digit == 0.5
    assert cell(means="lpips-alex|lpips-vgg").means == ("lpips-alex", "lpips-vgg")


def test_seconds_and_sizes_are_no_scores() -> None:
    """They are kept, and never compared."""
    assert cell().is_score
    assert not cell(metric="seconds", means="throughput-seconds", direction="lower").is_score
    assert not cell(metric="gpu", direction="", means="", value="RTX 3090").is_score


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"value": "25,1"}, "line 2, is not valid: row: .*'25,1' is no plain decimal number"),
        ({"flag": "doubtful"}, "line 2, is not valid: flag: "),
        ({"flag": "suspicious"}, "a row that is suspicious says why"),
        ({"method": " "}, "line 2, is not valid: method: "),
        ({"direction": "up"}, "line 2, is not valid: direction: "),
    ],
)
def test_a_bad_row_is_one_sentence_that_says_where(tmp_path: Path, changed: dict[str, str], complaint: str) -> None:
    """Whoever transcribes a table has to find the line again."""
    path = write(tmp_path / "table.csv", fields(**changed))

    with pytest.raises(RestobenchError, match=complaint):
        read_table(path)


def test_one_cell_has_one_number(tmp_path: Path) -> None:
    """Printed twice it may be, with two values it may not."""
    path = write(tmp_path / "table.csv", fields(), fields(), fields(value="25.20"))

    with pytest.raises(RestobenchError, match=r"line 4, prints 25.20 for a cell that is 25.10 in line 2: Theirs"):
        read_table(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"paper,table\nA,1\n", "must have the columns paper, table, method"),
        (b"\xff\xfe\x00", "is no CSV file in UTF-8"),
        ((",".join(fields()) + "\nEarly,1\n").encode(), "line 2, must have 17 fields"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    """A spreadsheet program may have written it."""
    (tmp_path / "table.csv").write_bytes(content)

    with pytest.raises(RestobenchError, match=complaint):
        read_table(tmp_path / "table.csv")


def test_a_paper_that_is_not_listed_is_an_error(tmp_path: Path) -> None:
    """Which of two papers came first decides whose measurement a number is."""
    (tmp_path / "papers.toml").write_text(PAPERS)
    write(tmp_path / "table.csv", fields(paper="Late"))

    with pytest.raises(RestobenchError, match=r"names the paper 'Late', which .*papers.toml does not list"):
        read_published(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("papers = 3", "papers.toml is not valid: papers: "), ("papers = [", "papers.toml is not valid TOML")],
)
def test_a_bad_list_of_papers_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """It is written by hand too."""
    (tmp_path / "papers.toml").write_text(text)

    with pytest.raises(RestobenchError, match=complaint):
        read_published(tmp_path)
    with pytest.raises(RestobenchError, match=r"papers.toml cannot be read: No such file"):
        read_published(tmp_path / "elsewhere")


@pytest.mark.parametrize(("alike", "source"), [(2, None), (3, "Early")])
def test_three_equal_cells_of_a_row_are_an_earlier_papers(alike: int, source: str | None) -> None:
    """One or two equal numbers are chance."""
    values = {"PSNR": "25.10", "SSIM": "0.718", "LPIPS": "0.223"}
    early = [cell(metric=metric, value=value) for metric, value in values.items()]
    late = [
        cell(paper="Late", metric=metric, value=value if number < alike else "0.1")
        for number, (metric, value) in enumerate(values.items())
    ]
    papers = (Paper(name="Early", title="-", first="2020-01"), Paper(name="Late", title="-", first="2021-01"))

    published = Published(cells=(*early, *late), papers=papers)

    assert published.copied_from(late[0]) == source
    assert published.copied_from(early[0]) is None


def test_another_packages_tables_come_through_the_same_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a table brings it as a package."""
    folder = tmp_path / "their_tables" / "published"
    folder.mkdir(parents=True)
    (tmp_path / "their_tables" / "__init__.py").touch()
    (folder / "papers.toml").write_text(PAPERS)
    write(folder / "table.csv", fields(method="Newest"))
    info = tmp_path / "their_tables-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-tables\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[restobench.leaderboards]\ntheirs = their_tables\n")
    monkeypatch.syspath_prepend(tmp_path)
    for known in (plugins, all_published):
        known.cache_clear()

    try:
        published = all_published()
    finally:
        for known in (plugins, all_published):
            known.cache_clear()

    assert "Newest" in {c.method for c in published.cells}
    assert [paper.name for paper in published.papers][:2] == ["Early", "ResShift"]

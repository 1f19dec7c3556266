"""Markdown, LaTeX and CSV of the same leaderboard."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.board import Beside, Cell, Column, Leaderboard, Row, Table, Timing
from restobench.leaderboard.escaping import latex, markdown, markdown_code, spreadsheet
from restobench.leaderboard.latex import as_latex
from restobench.leaderboard.markdown import as_markdown
from restobench.leaderboard.spreadsheet import as_csv
from restobench.leaderboard.table import build
from restobench.leaderboard.verdict import Verdict
from restobench.results import all_runs
from tests.leaderboard.runs import CLEAN, NOISE, scored
from tests.leaderboard.test_assemble import SPEC, published
from tests.leaderboard.test_published import cell

PSNR = Column("demo", "1", "f" * 12, "psnr", ("psnr", "rev=1"), "PSNR", "Demo", "higher", 2, 0.123)
FID = Column("demo", "1", "f" * 12, "fid-ffhq", (), "FID", "", "lower", 1)
BEST = Cell(25.123, 24.0, 26.0, 0.01, 20, ranks=(1, 1), mark="best", signatures=("restobench|v1|x",))
SECOND = Cell(24.0, 23.0, 25.0, None, 18, missing=2, ranks=(2, 3), mark="second", problem="2 of 20 have no value")
PRINTED = Beside("Early", "1", "FID", "50.10", "suspicious", Verdict("implausible", "copied", -0.1))

HOSTILE = (
    "<script>alert(1)</script>",
    "![x](http://evil)",
    "[x](javascript:alert(1))",
    "a | b\n| c | d |",
    "`code` ``` ~~~",
    "# title\n\n## another",
    r"\input{/etc/passwd} \\ & % $x$ {#} ~^_",
    "**bold** *a* _b_ ~~c~~",
    "=HYPERLINK(1)",
    "@SUM(A1)",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "\t=1",
    "\x1b[31mred\u202egnitirw",
    "&lt;b&gt;",
    "[optional] after a line",
)


def board(*rows: Row, **table: object) -> Leaderboard:
    return Leaderboard((Table("Faces", (PSNR, FID), rows, **table),))  # type: ignore[arg-type]


ROWS = (
    Row("Ours", "mine", (BEST, Cell(problem="no run")), seeds=("0", "1"), seconds=0.1234, timing="method", device="H1"),
    Row("other", "other", (SECOND, Cell(48.0, count=18)), seeds=("-",), licence="MIT", training_data="FFHQ"),
    Row("CodeFormer", "CodeFormer", (Cell(), Cell(published=(PRINTED,))), paper="Early"),
)


def test_markdown_has_value_spread_interval_and_rank() -> None:
    """All that is known of a number stands in its cell, or below the table."""
    text = as_markdown(board(*ROWS, notes=("licence CC0",)))

    assert text.splitlines()[4:9] == [
        "| method | seeds | Demo: PSNR ↑ | FID ↓ | n | s / picture |",
        "|---|---|---|---|---|---|",
        "| Ours | 2 | **25.12 ± 0.010** [24.00, 26.00], rank 1 | - | 20 | 0.123 |",
        r"| other | 1 | <u>24.00</u> [23.00, 25.00], rank 2-3\* | 48.0 | 18 | - |",
        "| CodeFormer† | - | - | 50.10 | - | - |",
    ]
    assert "- Ours, FID: no run.\n- other, PSNR: 2 of 20 have no value." in text
    assert "a difference of 0.123 between the two best would show with 80 % probability" in text
    assert "- Ours: seconds: the method's own, on H1.\n- other: licence MIT; trained on: FFHQ." in text
    assert "- † printed by Early, not measured here.\n- licence CC0" in text
    line = "| CodeFormer | FID ↓ | Early, table 1 | 50.10 (suspicious) | - | -0.10 | implausible | copied |"
    assert line in text
    assert "- *implausible*: the published number cannot be right" in text
    assert "- `restobench|v1|x`" in text


def test_what_was_timed_by_protocol_stands_below(tmp_path: Path) -> None:
    """With its scenario, input, batch and device: seconds without these say nothing. No verdict is passed on them."""
    one = Timing("mine", "latency", (512, 384), 1, "float16", "H200", 0.12345, 3 * 2**30)
    other = replace(one, method="other", memory_bytes=None)
    scored(tmp_path, "mine", {"psnr": CLEAN})

    found = assemble(all_runs(tmp_path), published(), timings=[one, other])

    page = as_markdown(found)
    assert "| mine | latency | 512 x 384 | 1 | float16 | 0.123 | 3.00 | H200 |" in page
    assert "| other |" not in page
    assert f"0.12345 s, {3 * 2**30} bytes (latency, 512x384, batch 1, float16, H200)" in as_csv(found)


def test_latex_is_as_papers_have_it() -> None:
    """booktabs, groups of columns with a rule, arrows, best bold, second underlined."""
    lines = as_latex(board(*ROWS)).splitlines()

    start = lines.index(r"\toprule")
    assert lines[start - 1 : start + 10] == [
        r"\begin{tabular}{lcc}",
        r"\toprule",
        r"& \multicolumn{1}{c}{Demo} & \multicolumn{1}{c}{} \\",
        r"\cmidrule(lr){2-2}",
        r"Method & PSNR $\uparrow$ & FID $\downarrow$ \\",
        r"\midrule",
        r"{}Ours & \textbf{25.12} $\pm$ 0.010 & -- \\",
        r"{}other & \underline{24.00}$^{*}$ & 48.0 \\",
        r"{}CodeFormer$^{\mbox{\scriptsize \dag{}}}$ & -- & 50.10 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert "% restobench|v1|x" in lines


def test_csv_keeps_every_digit_and_a_line_for_each_published_number(tmp_path: Path) -> None:
    """It is for programs."""
    scored(tmp_path, "mine", {"psnr": CLEAN}, determinants={"method": "mine", "seed": None})
    known = published(cell(value="25.10"), cell(value="25.20", table="2"))

    lines = list(csv.DictReader(io.StringIO(as_csv(assemble(all_runs(tmp_path), known)))))

    assert [line["published"] for line in lines] == ["25.10", "25.20"]
    assert [float(line["mean"]) for line in lines] == pytest.approx([CLEAN.mean()] * 2, abs=1e-12)
    assert lines[0]["signature"].startswith("restobench|v1|")
    assert float(lines[0]["difference"]) == pytest.approx(CLEAN.mean() - 25.1)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_markdown(text: str) -> None:
    """A CommonMark parser finds no link, picture, tag, code or line break in a name, in a table or out of one."""
    row = Row(text, text, (Cell(problem=text),), notes=(text,), licence=text, commands=(text,))
    page = as_markdown(Leaderboard((Table(text, (PSNR,), (row,), notes=(text,)),), (text,)))

    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inline = [child for token in tokens for child in token.children or []]
    tags = {child.content for child in inline if child.type == "html_inline"}
    tables = [token for token in tokens if token.type == "tr_open"]
    headings = [token for token in tokens if token.type == "heading_open"]
    assert not {child.type for child in inline} & {"link_open", "image", "s_open", "hardbreak"}
    assert tags <= {"<u>", "</u>"}
    assert {t.content.strip() for t in tokens if t.type == "html_block"} <= {
        "<details><summary>Commands</summary>", "</details>",
    }  # fmt: skip
    assert (len(tables), len(headings)) == (2, 2)
    assert "\x1b" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_latex(text: str) -> None:
    """Nothing is left of it that LaTeX reads: no command, no column, no comment; no line begins with a bracket."""
    escaped = latex(text)

    bare = re.sub(r"\\(text(backslash|asciicircum|asciitilde|less|greater|bar)\{\}|[{}$&#%_])", "", escaped)
    assert not set("\\{}$&#%_^~\n") & set(bare)
    page, harmless = (
        as_latex(Leaderboard((Table(one, (PSNR,), (Row(one, one, (Cell(problem=one),), commands=(one,)),)),)))
        for one in (text, "a")
    )
    assert page.count("\n") == harmless.count("\n")
    assert not re.search(r"\\\\\s*\[", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_formula_in_a_spreadsheet(text: str) -> None:
    """A cell that begins like one gets an apostrophe; lines stay lines."""
    row = Row(text, text, (Cell(problem=text),), licence=text)
    page = as_csv(Leaderboard((Table(text, (PSNR,), (row,)),)))

    (line,) = csv.DictReader(io.StringIO(page))

    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in line.values())
    assert page.count("\n") == 2


def test_numbers_stay_numbers_and_letters_stay_legible() -> None:
    """Escaping is not to be seen where there is nothing to fear."""
    assert [spreadsheet(value) for value in (-0.5, "-0.5", "+1e-3", "a", None)] == [-0.5, "-0.5", "+1e-3", "a", None]
    assert markdown("ResShift v1") == "ResShift v1"
    assert markdown_code("a `b`") == "`` a `b` ``"
    assert latex("Häggström, 100 %, 模型") == r"Häggström, 100 \%, ??"


def test_the_files_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    """Whatever the order in which runs were made, and however often it is asked."""
    for folder, labels in (("one", "abc"), ("two", "cab")):
        for number, label in enumerate(labels):
            time = f"2026-01-0{number + 1}T00:00:00+00:00"
            for seed in (1, 0) if folder == "one" else (0, 1):
                values = {"psnr": CLEAN + NOISE["abc".index(label)] + seed}
                scored(tmp_path / folder, label, values, seed=seed, finished=time, seconds=0.1)

    texts = []
    for folder in ("one", "one", "two"):
        built = build(all_runs(tmp_path / folder), tmp_path / "tables", published=published(cell()))
        texts.append([path.read_bytes() for path in built.paths])

    assert [path.name for path in built.paths] == ["leaderboard.md", "leaderboard.csv", "leaderboard.tex"]
    assert texts[0] == texts[1] == texts[2]
    assert b"\r" not in b"".join(texts[0])
    assert str(tmp_path).encode() not in b"".join(texts[0])


def test_a_table_that_was_asked_for_is_rendered_in_every_format(tmp_path: Path) -> None:
    """Its headings and marks are those of its file."""
    scored(tmp_path, "a", {"psnr": CLEAN})
    scored(tmp_path, "a", {"psnr": CLEAN}, pictures=("other", "1", "e" * 64))

    found = build(
        all_runs(tmp_path), tmp_path / "out", published=published(cell(method="Foreign", value="26.00")), spec=SPEC
    )

    markdown_page, table, page = (path.read_text(encoding="utf-8") for path in found.paths)
    assert r"| Theirs\* | - | 26.00 | - | - |" in markdown_page
    assert f"| Ours | 1 | {CLEAN.mean():.1f} [" in markdown_page
    assert r"\multicolumn{1}{c}{Demo} & \multicolumn{1}{c}{Other}" in page
    assert len(table.splitlines()) == 5


def test_a_number_that_differs_comes_with_what_looks_for_the_reason(tmp_path: Path) -> None:
    """One command, of the name that the table has for the cell."""
    scored(tmp_path, "my own", {"psnr": CLEAN}, determinants={"method": "mine", "seed": None})

    page = as_markdown(assemble(all_runs(tmp_path), published(cell(value="20.00"))))

    assert "- `restobench leaderboard explain 'my own/demo/psnr'`" in page

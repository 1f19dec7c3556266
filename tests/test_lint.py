"""The linter: on tables made for it, and on the papers' tables that ship."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from restobench.cli.app import app
from restobench.errors import RestobenchError
from restobench.leaderboard.published import all_published
from restobench.lint.check import lint
from restobench.lint.rules import find_rule, rules
from restobench.plugins import plugins


def found(tmp_path: Path, name: str, text: str) -> list[tuple[str, str, int]]:
    """Rule, what and line of every finding."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [(one.rule.id, one.what, one.line) for one in lint(tmp_path / name)]


def of(heading: str, tmp_path: Path) -> list[str]:
    """The rules that fire on a column of this heading."""
    return [rule for rule, *_ in found(tmp_path, "table.md", f"| method | {heading} |\n|---|---|\n| a | 1.0 |\n")]


@pytest.mark.parametrize(
    ("heading", "rule"),
    [
        ("FID ↓", "fid-reference"),
        ("LPIPS", "lpips-net"),
        ("IDS", "ids-kind"),
        ("Deg.", ""),
        ("PSNR (dB)", "psnr-colour"),
        ("SSIM", "ssim-colour"),
        ("CelebA-Test", "celeba-test"),
        ("RealSR", "realsr-revision"),
        ("Runtime (s)", "time-scenario"),
        ("FPS on an RTX 3090", "time-scenario"),
        ("MUSIQ", "library-version"),
        ("NIQE", "library-version"),
        ("FID (FFHQ)", ""),
        ("lpips-vgg", ""),
        ("LPIPS-Alex", ""),
        ("IDS (degrees)", ""),
        ("ids-cos", ""),
        ("PSNR-Y", ""),
        ("psnr-yiq", ""),
        ("SSIM (RGB)", ""),
        ("CelebA-Test (CodeFormer)", ""),
        ("RealSR-V3", ""),
        ("RealSR-JPEG", ""),
        ("Runtime (s, batch 1, V100)", ""),
        ("NIQE (pyiqa 0.1.16)", ""),
        ("Parameters", ""),
    ],
)
def test_a_heading_that_leaves_something_unsaid_is_found(heading: str, rule: str, tmp_path: Path) -> None:
    """And one that says it is not."""
    assert of(heading, tmp_path) == ([rule] if rule else [])


def test_every_rule_has_a_reason_and_an_example_that_it_would_find(tmp_path: Path) -> None:
    """What is shown as wrong is found, what is shown as right is not."""
    for rule in rules().values():
        wrong, arrow, right = rule.example.partition(" -> ")
        assert arrow
        assert rule.reason.endswith((".", "!"))
        if rule.where != "cell":
            assert of(wrong, tmp_path) == [rule.id]
            assert of(right, tmp_path) == []
        assert find_rule(rule.id) is rule
    with pytest.raises(RestobenchError, match=r"No rule is called 'lpips'. Did you mean 'lpips-net'"):
        find_rule("lpips")


LATEX = r"""
\begin{table}[t]
\caption{Results on \textbf{CelebA-Test}, LPIPS with {VGG}. % PSNR-Y
}
\begin{tabular}{l@{\hskip 2pt}cc|cc}
\toprule
& \multicolumn{2}{c}{Faces (FFHQ statistics)} & \multicolumn{2}{c}{Other} \\
\cmidrule(lr){2-3} \cmidrule(lr){4-5}
Method & FID $\downarrow$ & LPIPS & FID & PSNR $\uparrow$ \\
\midrule
A\_1 & 50.1 & \textbf{0.223} & 40 & {\bf 25.16} $\pm$ 0.90 \\
B & 51 & 0.223 &
  41 & 25.02 $\pm$ 0.90 \\
\bottomrule
\end{tabular}
\end{table}
"""


def test_latex_is_read_with_its_groups_caption_and_bold(tmp_path: Path) -> None:
    """A heading above, or the caption, may say what the column leaves open; a comment says nothing."""
    assert found(tmp_path, "table.tex", LATEX) == [
        ("fid-reference", "FID", 5),
        ("psnr-colour", "PSNR", 5),
        ("celeba-test", "celeba-test", 5),
        ("bold-tie", "0.223 and 0.223", 11),
        ("bold-tie", "25.16 ± 0.90 and 25.02 ± 0.90", 11),
    ]


def test_latex_without_booktabs_is_read_too(tmp_path: Path) -> None:
    """Older tables have `\\hline`, or no rule at all."""
    rows = r"Method & FID \\ \hline A & 1 \\ B & 2 \\ \hline"

    for text in (rf"\hline {rows}", rows.replace(r"\hline", "")):
        table = rf"\begin{{tabular}}{{lc}} {text} \end{{tabular}}"
        assert [rule for rule, *_ in found(tmp_path, "table.tex", table)] == ["fid-reference"]


@pytest.mark.parametrize(
    ("cell", "rules_found"),
    [
        ("25.16 ± 1.04", []),
        ("25.161 ± 1.04", ["digits"]),
        ("25.161 ± 0.14", []),
        ("25.16 [24.10, 26.20]", []),
        ("25.1612 [24.10, 26.20]", ["digits"]),
        ("25.1612", []),
        ("0.71823 [0.7, 0.74]", ["digits"]),
    ],
)
def test_digits_that_the_interval_does_not_allow(cell: str, rules_found: list[str], tmp_path: Path) -> None:
    """A hundredth of the interval is the last that says anything."""
    text = f"| method | GMSD |\n|---|---|\n| a | {cell} |\n"

    assert [rule for rule, *_ in found(tmp_path, "table.md", text)] == rules_found


@pytest.mark.parametrize(
    ("best", "second", "fires"),
    [
        ("**25.1**", "25.1", True),
        ("**25.1**", "**25.1**", False),
        ("**25.1**", "25.0", False),
        ("**25.1** ± 0.2", "25.0 ± 0.2", True),
        ("**25.1** ± 0.05", "25.0 ± 0.2", False),
        ("**25.1** [24.0, 26.0]", "25.0 [24.0, 26.0]", True),
        ("**25.1** [24.0, 26.0], rank 1", "25.0 [24.0, 26.0], rank 2", False),
    ],
)
def test_a_best_that_is_none(best: str, second: str, fires: bool, tmp_path: Path) -> None:
    """Equal as printed, or each within the other's interval; ranks say more than intervals."""
    text = f"| method | GMSD |\n|---|---|\n| a | {best} |\n| b | {second} |\n"

    assert [rule for rule, *_ in found(tmp_path, "table.md", text)] == (["bold-tie"] if fires else [])


def test_what_stands_around_a_markdown_table_may_say_it(tmp_path: Path) -> None:
    """Up to the next heading; a signature below it says everything."""
    table = "| method | psnr ↑ | LPIPS |\n|---|---|---|\n| a | 1 | 2 |\n"
    signature = "`restobench|v1|data:demo@1|metric:psnr:rev=1:colour=rgb|img:png8|method:a|seed:0|hash:0`"

    text = f"# One\n\nAll LPIPS are of VGG.\n\n{table}\n- {signature}\n\n# Two\n\n{table}"

    assert found(tmp_path, "table.md", text) == [("lpips-net", "LPIPS", 13), ("psnr-colour", "psnr ↑", 13)]


def test_the_papers_tables_are_found_out_as_by_hand() -> None:
    """Each finding was checked against the table; what a row says of itself counts, what it leaves open does not."""
    folder = plugins("restobench.leaderboards")["restobench"].folder / "published"
    assert all_published().cells

    findings = {path.stem: {(one.rule.id, one.what) for one in lint(path)} for path in sorted(folder.glob("*.csv"))}

    real = "lfw-test, webphoto-test, wider-test"
    assert findings == {
        "interlcm_figures": set(),
        "interlcm_table1": {
            ("lpips-net", "LPIPS on celeba-test"),
            ("fid-reference", "FID on celeba-test"),  # the other sets' reference is FFHQ
            ("library-version", f"MUSIQ on celeba-test, {real}"),
            ("psnr-colour", "PSNR on celeba-test"),
            ("ssim-colour", "SSIM on celeba-test"),
            ("celeba-test", "celeba-test"),
            ("time-scenario", "seconds on timing-512"),  # a device, no scenario
        },
        "interlcm_table2": {("library-version", f"MUSIQ on {real}")},
        "interlcm_table3": {("library-version", f"MUSIQ on {real}")},
        "interlcm_table4": {("library-version", f"MUSIQ on {real}")},
        "resshift_table1": {("lpips-net", "LPIPS on imagenet-test"), ("library-version", "MUSIQ on imagenet-test")},
        "resshift_table2": {("lpips-net", "LPIPS on imagenet-test")},  # seconds: V100, about 64 at once
        "resshift_table3": {("lpips-net", "LPIPS on imagenet-test"), ("library-version", "MUSIQ on imagenet-test")},
        "resshift_table4": {("library-version", "MUSIQ on realsr, realset65")},  # RealSR: v3-full
        "timings_hardware": set(),
        "ufrgan_claims": {("psnr-colour", "PSNR on multi-degradation")},
    }


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("table.docx", b"", "is no .csv, .md or .tex file"),
        ("table.md", b"no table\n", "holds no table"),
        ("table.csv", b"", "holds no table"),
        ("table.tex", b"\xff\xfe", "is no text in UTF-8"),
    ],
)
def test_a_file_without_a_table_is_one_sentence(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    """Nothing found in nothing would look like praise."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(RestobenchError, match=complaint):
        lint(tmp_path / name)
    with pytest.raises(RestobenchError, match="cannot be read: No such file"):
        lint(tmp_path / "none.csv")


def test_broken_tables_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """Drafts are broken; a linter that falls over helps nobody."""
    texts = {
        "short.md": "| a | FID |\n|---|---|\n| x |\n| y | 1 | 2 |\n",
        "braces.tex": r"\begin{tabular}{lc} a & FID \\ x & {\bf 1 \\ & \\ \end{tabular} \caption{",
        "ragged.csv": "method,FID\na\nb,1,2,3\n",
    }

    for name, text in texts.items():
        assert [rule for rule, *_ in found(tmp_path, name, text)] == ["fid-reference"]


def test_the_exit_code_says_whether_anything_was_found(tmp_path: Path) -> None:
    """And JSON what, for programs."""
    (tmp_path / "bare.csv").write_text("method,FID\na,1\n")
    (tmp_path / "said.csv").write_text("method,lpips-vgg\na,1\n")

    bare, said, explained, nothing = (
        CliRunner().invoke(app, ["lint", *arguments])
        for arguments in (
            [str(tmp_path / "bare.csv"), "--json"],
            [str(tmp_path / "said.csv")],
            ["--explain", "fid-reference"],
            [],
        )
    )

    assert (bare.exit_code, said.exit_code, explained.exit_code) == (1, 0, 0)
    assert json.loads(bare.output) == [
        {"file": str(tmp_path / "bare.csv"), "rule": "fid-reference", "line": 1, "what": "FID"}
    ]
    assert "without the reference set it is no number" in explained.output
    assert isinstance(nothing.exception, RestobenchError)

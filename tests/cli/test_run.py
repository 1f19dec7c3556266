"""`run`, from the outside: what is restored, reused, scored, printed, and how it ends."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import restobench as library
from restobench.image import read_array
from restobench.restore import FailureLimit
from tests.cli.conftest import Restobench, is_a_sentence, run_folder, save
from tests.conftest import picture

MakePairs = Callable[..., Path]
ROW = {"metric", "mean", "low", "high", "count", "missing", "infinite", "identical", "signature"}


def rows(text: str) -> list[dict[str, Any]]:
    """JSON as strict as the standard: NaN and Infinity are refused."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    loaded: list[dict[str, Any]] = json.loads(text, parse_constant=refuse)
    return loaded


def frame(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "samples.parquet").set_index("id")


def pictures(folder: Path) -> dict[str, bytes]:
    inside = folder / "pictures"
    return {path.relative_to(inside).as_posix(): path.read_bytes() for path in inside.rglob("*.png")}


def test_a_run_restores_scores_and_prints_a_table(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The baseline's row is always there; the table is on standard output, the rest on standard error."""
    make_pairs()

    ran = restobench("run", "-m", "lanczos", "-d", "pairs", "--metrics", "psnr,ssim-y")

    assert ran.code == 0
    assert [word in ran.out for word in ("bicubic", "lanczos", "psnr", "ssim-y", "95 % interval")] == [True] * 5
    assert "restoring: 3 of 3" in ran.err
    assert "restoring" not in ran.out


def test_json_is_alone_on_standard_output(restobench: Restobench, make_pairs: MakePairs) -> None:
    """A script pipes it on."""
    make_pairs()

    found = rows(restobench("run", "-m", "lanczos", "-d", "pairs", "--metrics", "psnr,ssim", "--json").out)

    assert [(row["method"], row["metric"]) for row in found] == [
        ("bicubic", "psnr"),
        ("bicubic", "ssim"),
        ("lanczos", "psnr"),
        ("lanczos", "ssim"),
    ]
    assert all(row.keys() >= ROW for row in found)
    assert all(row["count"] == 3 and row["missing"] == row["infinite"] == 0 for row in found)
    assert all(row["low"] <= row["mean"] <= row["high"] for row in found)
    summary = rows((Path(found[0]["run"]) / "summary.json").read_text())
    assert all(row.keys() == ROW for row in summary)


def test_the_signature_of_a_method_without_noise_names_no_seed(restobench: Restobench, make_pairs: MakePairs) -> None:
    """A dash, not the Python word None, as for pictures that somebody else made."""
    make_pairs()

    (row,) = rows(restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr", "--json").out)

    assert "None" not in row["signature"]


def test_equal_pictures_are_infinite_and_in_no_mean(restobench: Restobench, make_pairs: MakePairs) -> None:
    """JSON has no infinity: the mean is null and the count says why."""
    make_pairs(scale=1)

    table = restobench("run", "-m", "input", "-d", "pairs", "--metrics", "psnr")
    (row,) = rows(restobench("run", "-m", "input", "-d", "pairs", "--metrics", "psnr", "--json").out)

    assert {key: row[key] for key in ("mean", "low", "high", "count", "missing", "infinite")} == {
        "mean": None,
        "low": None,
        "high": None,
        "count": 0,
        "missing": 0,
        "infinite": 3,
    }
    assert "∞ (3)" in table.out


def test_a_second_run_restores_nothing_and_says_so(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Same inputs, same folder."""
    make_pairs()
    first = restobench("run", "-m", "lanczos", "-d", "pairs", "--json")
    folder = run_folder(Path("runs"), "pairs", "lanczos")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}

    second = restobench("run", "-m", "lanczos", "-d", "pairs", "--json")

    assert "lanczos@default on pairs: 3 of 3 already there, nothing to restore" in second.err
    assert rows(second.out) == rows(first.out)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == before


def test_the_batch_size_changes_no_picture_and_no_folder(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Sizes are mixed, so that batches are cut in different places."""
    make_pairs([f"s{i}" for i in range(8)])
    for number in (1, 4, 5):
        save(Path(f"pairs/lq/s{number}.png"), 11, 19, seed=number)
        save(Path(f"pairs/gt/s{number}.png"), 22, 38, seed=number)

    made = []
    for size in (1, 3, 8, "auto"):
        ran = restobench("run", "-m", "lanczos", "-d", "pairs", "--batch-size", size, "--runs", f"b{size}", "--json")
        assert ran.code == 0
        folder = run_folder(Path(f"b{size}"), "pairs", "lanczos")
        made.append((folder.name, pictures(folder), [row | {"run": ""} for row in rows(ran.out)]))

    assert len(made[0][1]) == 8
    assert made[0] == made[1] == made[2] == made[3]


def test_noise_too_is_each_pictures_own(restobench: Restobench, make_pairs: MakePairs, slowpack: Path) -> None:
    """A stochastic method gives the same pictures at every batch size, others with another seed."""
    make_pairs([f"s{i}" for i in range(5)])
    run = ("run", "-m", "slow", "-d", "pairs", "--no-evaluate")

    restobench(*run, "--runs", "one")
    restobench(*run, "--runs", "three", "--batch-size", 3)
    restobench(*run, "--runs", "other", "--seed", 1)

    one, three, other = (pictures(run_folder(Path(name), "pairs", "slow")) for name in ("one", "three", "other"))
    assert one == three
    assert all(one[name] != other[name] for name in one)


def test_a_label_gives_a_row_of_its_own(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Also where the method is the baseline under another name: the row that was asked for is there."""
    make_pairs()

    found = rows(
        restobench("run", "-m", "bicubic", "--as", "my bicubic ü", "-d", "pairs", "--metrics", "psnr", "--json").out
    )

    assert [row["method"] for row in found] == ["bicubic", "my bicubic ü"]


def test_a_limit_is_a_part_of_the_full_run(restobench: Restobench, make_pairs: MakePairs) -> None:
    """What it restored is used later; until then the table says that it is a part."""
    make_pairs()

    part = restobench("run", "-m", "lanczos", "-d", "pairs", "--limit", 2)
    full = restobench("run", "-m", "lanczos", "-d", "pairs")
    again = restobench("run", "-m", "lanczos", "-d", "pairs", "--limit", 1, "--metrics", "psnr", "--json")

    assert "lanczos (part)" in part.out
    assert "lanczos@default on pairs: 2 of 3 already there" in full.err
    assert "(part)" not in full.out
    assert rows(again.out)[-1]["count"] == 3


def test_a_smaller_limit_hides_no_failure_of_an_earlier_run(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The row of a run that tried everything goes on counting what failed."""
    make_pairs()
    Path("pairs/lq/c.png").write_text("no picture")
    run = ("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr", "--json")

    (full,) = rows(restobench(*run).out)
    (limited,) = rows(restobench(*run, "--limit", 1).out)

    assert (full["count"], full["missing"]) == (2, 1)
    assert limited == full


def test_what_to_do_with_existing_pictures_has_three_words(
    restobench: Restobench, make_pairs: MakePairs, slowpack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """resume keeps and completes, only restores nothing, replace restores everything."""
    make_pairs()
    run = ("run", "-m", "slow", "-d", "pairs", "--metrics", "psnr")
    restobench(*run)
    folder = run_folder(Path("runs"), "pairs", "slow")
    (folder / "pictures" / "b.png").unlink()
    times = {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}

    only = restobench(*run, "--existing", "only", "--json")
    after_only = sorted(pictures(folder))
    restobench(*run, "--existing", "resume")
    after_resume = {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    restobench(*run, "--existing", "replace")
    after_replace = {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}

    assert after_only == ["a.png", "c.png"]
    assert (rows(only.out)[-1]["count"], rows(only.out)[-1]["missing"]) == (2, 1)
    assert after_resume.keys() == {"a.png", "b.png", "c.png"}
    assert all(after_resume[name] == times[name] for name in times)
    assert all(after_replace[name] > after_resume[name] for name in after_resume)


def test_failures_are_tried_again(
    restobench: Restobench, make_pairs: MakePairs, slowpack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graphics card that was full is not full for ever."""
    make_pairs()
    broken = tmp_path / "broken"
    broken.touch()
    monkeypatch.setenv("SLOWPACK_BROKEN", str(broken))
    run = ("run", "-m", "slow", "-d", "pairs", "--metrics", "psnr", "--json")

    failed = restobench(*run)
    broken.unlink()
    mended = restobench(*run)

    assert failed.code == 1
    assert "'a' failed: RuntimeError: out of luck" in failed.err
    assert (rows(failed.out)[-1]["count"], rows(failed.out)[-1]["missing"]) == (0, 3)
    assert mended.code == 0
    assert (rows(mended.out)[-1]["count"], rows(mended.out)[-1]["missing"]) == (3, 0)
    assert frame(run_folder(Path("runs"), "pairs", "slow"))["error"].isna().all()


def test_a_mended_picture_makes_another_data_set_that_is_complete(
    restobench: Restobench, make_pairs: MakePairs
) -> None:
    """Its bytes are others, so its run is another; the old one keeps its failure."""
    make_pairs()
    good = Path("pairs/lq/b.png").read_bytes()
    Path("pairs/lq/b.png").write_bytes(good[: len(good) // 2])
    run = ("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr", "--json")

    (torn,) = rows(restobench(*run).out)
    Path("pairs/lq/b.png").write_bytes(good)
    (mended,) = rows(restobench(*run).out)

    assert (torn["count"], torn["missing"]) == (2, 1)
    assert (mended["count"], mended["missing"]) == (3, 0)
    assert torn["run"] != mended["run"]


@pytest.mark.parametrize(("limit", "tried"), [("0", 1), ("1", 2), ("50%", 3), ("0.5", 3)])
def test_a_run_stops_when_too_many_fail(restobench: Restobench, make_pairs: MakePairs, limit: str, tried: int) -> None:
    """And says so, also where not one picture can be read."""
    make_pairs([f"s{i}" for i in range(4)])
    for path in Path("pairs/lq").iterdir():
        path.write_text("no picture")

    ran = restobench("run", "-m", "lanczos", "-d", "pairs", "--scale", 2, "--max-failures", limit)

    assert ran.code == 1
    assert "stopped" in ran.err
    assert "--max-failures" in ran.err
    run = json.loads((run_folder(Path("runs"), "pairs", "lanczos") / "run.json").read_text())
    assert len(run["samples"]["failed"]) == tried


def test_a_run_stops_when_a_method_fails_too_often(
    restobench: Restobench, make_pairs: MakePairs, slowpack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that cannot be read and pictures that cannot be restored count alike."""
    make_pairs([f"s{i}" for i in range(6)])
    (tmp_path / "broken").touch()
    monkeypatch.setenv("SLOWPACK_BROKEN", str(tmp_path / "broken"))

    ran = restobench("run", "-m", "slow", "-d", "pairs", "--max-failures", 2, "--metrics", "psnr")

    assert ran.code == 1
    assert "3 pictures had failed (--max-failures)" in ran.err


def test_a_grid_has_a_table_for_each_data_set(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Numbers of two sets of pictures never share a column."""
    make_pairs(name="first")
    make_pairs(name="second", scale=4)
    grid = ("run", "-m", "lanczos", "-m", "nearest", "-d", "first", "-d", "second", "-d", "first", "--metrics", "psnr")

    ran = restobench(*grid)
    found = rows(restobench(*grid, "--json").out)

    assert ran.out.count("first@folder") == ran.out.count("second@folder") == 1
    assert [(row["dataset"], row["method"]) for row in found] == [
        (dataset, method) for dataset in ("first", "second") for method in ("bicubic", "lanczos", "nearest")
    ]


def test_without_clean_pictures_a_run_still_restores(restobench: Restobench, make_pairs: MakePairs) -> None:
    """No number is made up; why there is none is said once for the data set, not once a metric."""
    make_pairs(gt=False)

    ran = restobench("run", "-m", "lanczos", "-d", "pairs", "--scale", 3)
    found = rows(restobench("run", "-m", "lanczos", "-d", "pairs", "--scale", 3, "--json").out)

    assert ran.code == 0
    assert read_array(run_folder(Path("runs"), "pairs", "lanczos") / "pictures" / "a.png").shape == (39, 51, 3)
    assert all(row["mean"] is None and row["count"] == 0 and row["missing"] == 3 for row in found)
    assert "'pairs' has none" in ran.err


def odd_pictures(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Write lq and gt of many kinds; yields each id with a word of its failure, None where it is restored."""
    clean = Image.fromarray(picture(5, 32, 40))
    small = Image.fromarray(np.asarray(clean)[::2, ::2])
    turned = Image.Exif()
    turned[0x0112] = 6
    transparent = small.convert("RGBA")
    transparent.putalpha(100)
    kinds: dict[str, tuple[Image.Image, dict[str, Any], str | None]] = {
        "plain": (small, {}, None),
        "grey": (small.convert("L"), {}, None),
        "palette": (small.convert("P"), {}, None),
        "opaque": (small.convert("RGBA"), {}, None),
        "exif": (small.rotate(90, expand=True), {"exif": turned}, None),
        "transparent": (transparent, {}, "transparent in places"),
        "cmyk": (small.convert("CMYK"), {"format": "JPEG"}, "colours of the kind CMYK"),
        "misfit": (small.crop((0, 0, 19, 16)), {}, "not x2"),
    }
    (folder / "lq").mkdir(parents=True)
    (folder / "gt").mkdir()
    for name, (lq, options, problem) in kinds.items():
        lq.save(folder / "lq" / f"{name}.png", **options)
        clean.save(folder / "gt" / f"{name}.png")
        yield name, problem
    plain = (folder / "lq" / "plain.png").read_bytes()
    for name, content, problem in (
        ("text", b"no picture", "is not a picture"),
        ("empty", b"", "is not a picture"),
        ("torn", plain[: len(plain) // 2], "damaged or cut off"),
    ):
        (folder / "lq" / f"{name}.png").write_bytes(content)
        clean.save(folder / "gt" / f"{name}.png")
        yield name, problem
    cv2.imwrite(str(folder / "lq" / "deep.png"), np.asarray(small)[..., ::-1].astype(np.uint16) * 257)
    clean.save(folder / "gt" / "deep.png")
    yield "deep", None
    Image.new("RGB", (1, 1), (9, 9, 9)).save(folder / "lq" / "dot.png")
    Image.new("RGB", (2, 2), (9, 19, 9)).save(folder / "gt" / "dot.png")
    yield "dot", None


def test_pictures_of_every_kind_are_restored_or_refused_with_the_reason(restobench: Restobench, tmp_path: Path) -> None:
    """One bad picture is one row without numbers, and the exit code is 1."""
    expected = dict(odd_pictures(tmp_path / "odd"))

    ran = restobench("run", "-m", "bicubic", "-d", "odd", "--metrics", "psnr,ssim", "--json")

    folder = run_folder(Path("runs"), "odd", "bicubic")
    samples = frame(folder)
    assert ran.code == 1
    assert samples.index.tolist() == sorted(expected)
    for name, problem in expected.items():
        assert (folder / "pictures" / f"{name}.png").exists() == (problem is None)
        assert math.isnan(samples["psnr"][name]) == (problem is not None), name
        if problem:
            assert problem in samples["error"][name]
            assert f"{name}.png" in samples["error"][name]
    good = [name for name, problem in expected.items() if problem is None]
    psnr, ssim = rows(ran.out)
    assert (psnr["count"], psnr["missing"]) == (len(good), len(expected) - len(good))
    assert (ssim["count"], ssim["missing"]) == (len(good) - 1, len(expected) - len(good) + 1)


def test_converted_pictures_score_as_the_plain_one(restobench: Restobench, tmp_path: Path) -> None:
    """16 bits, an opaque alpha channel and an EXIF rotation change nothing; a grey picture is three equal channels."""
    list(odd_pictures(tmp_path / "odd"))

    restobench("run", "-m", "bicubic", "-d", "odd", "--metrics", "psnr")

    folder = run_folder(Path("runs"), "odd", "bicubic")
    made = {name: read_array(folder / "pictures" / f"{name}.png") for name in ("plain", "deep", "opaque", "exif")}
    assert all(np.array_equal(made["plain"], other) for other in made.values())
    grey = read_array(folder / "pictures" / "grey.png")
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_a_picture_of_one_pixel_lacks_only_what_needs_a_window(restobench: Restobench, tmp_path: Path) -> None:
    """PSNR is there; SSIM is missing with the reason, said once."""
    list(odd_pictures(tmp_path / "odd"))

    restobench("run", "-m", "bicubic", "-d", "odd", "--metrics", "psnr,ssim")

    samples = frame(run_folder(Path("runs"), "odd", "bicubic"))
    assert samples["psnr"]["dot"] > 0
    assert math.isnan(samples["ssim"]["dot"])
    assert "11 pixels" in samples["error"]["dot"]
    assert samples["error"]["dot"].count("ssim") == 1


def test_one_picture_is_one_failure_however_many_metrics_it_lacks(
    restobench: Restobench, make_pairs: MakePairs
) -> None:
    """Six lines for one bad clean picture hide the next one."""
    make_pairs()
    Path("pairs/gt/b.png").write_text("no picture")

    ran = restobench("run", "-m", "bicubic", "-d", "pairs")

    assert ran.code == 1
    assert ran.err.count("is not a picture") == 1
    assert frame(run_folder(Path("runs"), "pairs", "bicubic"))["error"]["b"].count("is not a picture") == 1


def test_a_mark_on_a_number_is_explained(restobench: Restobench, make_pairs: MakePairs) -> None:
    """`25.20*` without a line that says what * means is a riddle."""
    make_pairs()
    Path("pairs/lq/b.png").write_text("no picture")

    ran = restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")

    table, _, caption = ran.out.partition("└")
    assert "*" in table
    assert "*" in caption


@pytest.mark.parametrize("name", ["with space", "ünïcode 画", "a;b & c", "p..q", "[bold]markup", "-dash", "100%"])
def test_names_of_folders_and_pictures_are_free(restobench: Restobench, make_pairs: MakePairs, name: str) -> None:
    """Spaces, other scripts, dots and what a terminal library might take for markup."""
    make_pairs([name, f"{name}/in..side"], name=name)

    ran = restobench("run", "-m", "lanczos", "-d", f"./{name}", "--metrics", "psnr", "--json")

    assert ran.code == 0, ran.err
    found = rows(ran.out)[-1]
    assert sorted(pictures(Path(found["run"]))) == sorted([f"{name}.png", f"{name}/in..side.png"])
    assert Path(found["run"]).resolve().is_relative_to(Path("runs").resolve())
    again = restobench("results", f"lanczos:{found['dataset']}")
    assert again.code == 0
    assert found["dataset"] in again.out


def test_dots_in_a_path_lead_to_the_same_run(restobench: Restobench, make_pairs: MakePairs, tmp_path: Path) -> None:
    """The folder is known by its real name; nothing is written outside the runs folder."""
    make_pairs()
    (tmp_path / "elsewhere").mkdir()

    restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")
    ran = restobench("run", "-m", "bicubic", "-d", "elsewhere/../pairs/../pairs", "--metrics", "psnr")
    up = restobench("run", "-m", "bicubic", "-d", "pairs", "--runs", "elsewhere/../other/./runs", "--metrics", "psnr")

    assert "nothing to restore" in ran.err
    assert up.code == 0
    assert (tmp_path / "other" / "runs" / "pairs").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "other", "pairs", "runs"]


def test_a_runs_folder_inside_the_pictures_is_refused(restobench: Restobench, tmp_path: Path) -> None:
    """Every run would become part of the data set, and the next one restore the restored."""
    save(tmp_path / "photos" / "a.png", 12, 12)

    ran = restobench("run", "-m", "bicubic", "-d", "photos", "--scale", 2, "--runs", "photos/runs")

    assert is_a_sentence(ran, "--runs")


def test_metrics_that_come_later_keep_the_earlier_ones(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The run knows both; the table shows what was asked for."""
    make_pairs()
    restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "psnr")

    later = restobench("run", "-m", "bicubic", "-d", "pairs", "--metrics", "ssim,psnr-yiq")

    assert "psnr-yiq" in later.out
    assert {row["metric"] for row in rows(restobench("results", "--json").out)} == {"psnr", "ssim", "psnr-yiq"}
    assert {"psnr", "ssim", "psnr-yiq"} <= set(frame(run_folder(Path("runs"), "pairs", "bicubic")))


def test_without_scores_json_has_one_row_a_run(restobench: Restobench, make_pairs: MakePairs) -> None:
    """A script learns where the pictures are."""
    make_pairs()

    (row,) = rows(restobench("run", "-m", "bicubic", "-d", "pairs", "--no-evaluate", "--json").out)

    assert row.keys() >= ROW
    assert row["metric"] is row["mean"] is None
    assert len(pictures(Path(row["run"]))) == 3


def test_the_python_function_gives_the_same_as_a_table(make_pairs: MakePairs) -> None:
    """A row for each method, data set and metric; the baseline first."""
    make_pairs()

    table = library.run(["lanczos"], "pairs", metrics=["psnr", "ssim"])
    again = library.run("lanczos", Path("pairs"), metrics=["psnr", "ssim"])

    assert table[["method", "metric"]].to_numpy().tolist() == [
        ["bicubic", "psnr"],
        ["bicubic", "ssim"],
        ["lanczos", "psnr"],
        ["lanczos", "ssim"],
    ]
    assert set(table) >= {*ROW, "run", "dataset"}
    assert (table["count"] == 3).all()
    pd.testing.assert_frame_equal(table, again)


def test_the_python_function_runs_the_demo(tmp_path: Path) -> None:
    """The README's first example."""
    table = library.run(
        ["bicubic"], "demo", metrics=["psnr"], options=library.Options(limit=3, max_failures=FailureLimit(0))
    )

    assert table["method"].tolist() == ["bicubic"]
    assert 15 < table["mean"][0] < 40
    assert table["count"][0] == 3
    assert Path(table["run"][0]).is_dir()


def test_the_python_function_raises_what_the_user_can_put_right(make_pairs: MakePairs) -> None:
    """The same sentences as on the command line."""
    make_pairs()

    with pytest.raises(library.RestobenchError, match="No method is called 'bicubik'"):
        library.run(["bicubik"], "pairs")
    with pytest.raises(library.RestobenchError, match="--limit must be at least 1"):
        library.run("bicubic", "pairs", options=library.Options(limit=0))


@pytest.mark.usefixtures("slowpack")
def test_a_picture_that_takes_too_long_is_a_failure_and_programs_are_refused(
    restobench: Restobench, make_pairs: MakePairs
) -> None:
    """The others are restored; the same command tries it again."""
    make_pairs(["a"])
    limit = ("-d", "pairs", "--metrics", "psnr", "--timeout", 0.1)

    ran = restobench("run", "-m", "slow", "--set", "seconds=30", "--retries", 1, *limit)
    refused = restobench("run", "-m", "command", "--set", "run=x {input} {output}", "--as", "x", *limit)

    assert ran.code == 1
    assert "'a' failed: Took longer than 0.1 s (--timeout)." in ran.err
    assert is_a_sentence(refused, "--timeout", "--set timeout=SECONDS")


def test_a_suite_is_a_file_of_options(restobench: Restobench, make_pairs: MakePairs, tmp_path: Path) -> None:
    """Data sets and metrics give way to those that are typed; what a run would be told of a method does not."""
    for name in ("pairs", "others"):
        make_pairs(name=name)
    head = 'note = "Mind the gap."\ndataset = "pairs"\nmetrics = ["psnr", "ssim"]\n'
    (tmp_path / "small.toml").write_text(f'{head}[[run]]\nmethod = ["lanczos", "nearest"]')

    there = rows(restobench("run", "--suite", "small.toml", "--dry-run", "--json").out)
    ran = restobench("run", "--suite", "small.toml", "--limit", "1")
    other = rows(restobench("run", "--suite", "small.toml", "-d", "others", "--metrics", "psnr", "--json").out)

    assert [(one["method"], one["already"], one["restore"]) for one in there] == [
        ("bicubic@default", 0, 3), ("lanczos@default", 0, 3), ("nearest@default", 0, 3),
    ]  # fmt: skip
    assert ran.code == 0
    assert "Mind the gap." in ran.err
    assert "ssim ↑" in ran.out
    assert {(one["dataset"], one["metric"]) for one in other} == {("others", "psnr")}
    typed = restobench("run", "-m", "nearest", "-d", "pairs", "--limit", "1")
    assert "nearest@default on pairs: 1 of 1 already there, nothing to restore" in typed.err
    both = restobench("run", "--suite", "small.toml", "-m", "bicubic", "--as", "x")
    assert is_a_sentence(both, "--suite says itself what --method and --as would")


def test_one_run_of_a_grid_that_cannot_be_made_does_not_stop_the_others(
    restobench: Restobench, make_pairs: MakePairs, tmp_path: Path
) -> None:
    """It is said at once and at the end. Typed again, the same goes on with what is missing; alone it is an error."""
    make_pairs(scale=4, size=(8, 9))
    suite = 'dataset = "pairs"\nmetrics = ["psnr"]\n[[run]]\nmethod = "resshift@tiny"\nset = { steps = [9, 2] }'
    (tmp_path / "s.toml").write_text(suite)

    first = restobench("run", "--suite", "s.toml", "--limit", "1")
    again = restobench("run", "--suite", "s.toml")

    assert (first.code, again.code) == (1, 1)
    assert "resshift-steps9@tiny on pairs was not run: 'resshift@tiny' was trained on 4 steps" in first.err
    assert "resshift-steps2@tiny" in first.out
    assert "resshift-steps9" not in first.out
    assert "resshift-steps2@tiny on pairs: 1 of 3 already there" in again.err
    alone = restobench("run", "-m", "resshift@tiny", "-d", "pairs", "--set", "steps=9", "--metrics", "psnr")
    assert alone.code == 2
    assert alone.err.splitlines()[-1].startswith("'resshift@tiny' was trained on 4 steps")


def test_a_narrow_terminal_still_says_whose_forecast_it_is(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The names of the runs once gave way to the heads of the numbers."""
    asked = ["run", "--method", "bicubic", "--dataset", make_pairs(), "--runs", tmp_path / "runs", "--dry-run"]
    ours, terminal = os.openpty()

    subprocess.run(
        [sys.executable, "-m", "restobench", *map(str, asked)],
        stdout=terminal,
        env={**os.environ, "COLUMNS": "60"},
        check=True,
    )
    os.close(terminal)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert "bicubic" in shown

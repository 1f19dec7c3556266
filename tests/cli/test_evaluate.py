"""`evaluate`: scores for runs by name and for pictures that anybody's program made."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from restobench.image import read_array
from tests.cli.conftest import Restobench, is_a_sentence, run_folder, save
from tests.cli.test_run import frame, rows

MakePairs = Callable[..., Path]


@pytest.fixture
def brought(make_pairs: MakePairs) -> Path:
    """A folder of restored pictures for `pairs`: the clean ones, each a little changed."""
    make_pairs()
    folder = Path("theirs")
    folder.mkdir()
    for path in Path("pairs/gt").iterdir():
        clean = read_array(path).astype(int)
        noise = np.random.default_rng(ord(path.stem)).integers(-5, 6, clean.shape)
        Image.fromarray((clean + noise).clip(0, 255).astype(np.uint8)).save(folder / path.name)
    return folder


EVALUATE = ("evaluate", "--restored", "theirs", "-d", "pairs", "--as", "theirs")


def test_a_run_is_scored_later_by_its_name(restobench: Restobench, make_pairs: MakePairs) -> None:
    """In four ways: method, with variant, with data set, folder."""
    make_pairs()
    restobench("run", "-m", "lanczos", "-d", "pairs", "--no-evaluate")
    folder = run_folder(Path("runs"), "pairs", "lanczos")
    assert not (folder / "summary.json").exists()

    printed = [
        restobench("evaluate", name, "--metrics", "psnr", "--json")
        for name in ("lanczos", "lanczos@default", "lanczos:pairs", "lanczos@default:pairs", folder)
    ]

    assert [ran.code for ran in printed] == [0] * 5
    found = [[row | {"run": ""} for row in rows(ran.out)] for ran in printed]
    assert all(each == found[0] for each in found)
    assert found[0][0]["count"] == 3


def test_scoring_later_gives_what_scoring_at_once_gives(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The stages are independent."""
    make_pairs()
    at_once = restobench("run", "-m", "bicubic", "-d", "pairs", "--json")
    restobench("run", "-m", "bicubic", "-d", "pairs", "--no-evaluate", "--runs", "later")

    later = restobench("evaluate", "bicubic", "--runs", "later", "--json")

    assert [row | {"run": ""} for row in rows(later.out)] == [row | {"run": ""} for row in rows(at_once.out)]


def test_a_name_that_fits_several_runs_lists_them(restobench: Restobench, make_pairs: MakePairs) -> None:
    """Never a guess."""
    for name in ("first", "second"):
        make_pairs(name=name)
        restobench("run", "-m", "bicubic", "-d", name, "--no-evaluate")

    assert is_a_sentence(
        restobench("evaluate", "bicubic"), "fits several runs", "bicubic@default:first", "bicubic@default:second"
    )
    assert restobench("evaluate", "bicubic:first", "--metrics", "psnr").code == 0
    assert is_a_sentence(restobench("evaluate", "bicubik:first"), "Did you mean 'bicubic:first'")


def test_a_data_set_that_changed_is_not_scored_against(restobench: Restobench, make_pairs: MakePairs) -> None:
    """The pictures were made from others; and another data set is another one, whatever its scale."""
    make_pairs()
    make_pairs(name="other", scale=1)
    restobench("run", "-m", "bicubic", "-d", "pairs", "--no-evaluate")
    save(Path("pairs/gt/b.png"), 26, 34, seed=77)

    assert is_a_sentence(restobench("evaluate", "bicubic"), "'pairs' has changed", "restore it again")
    other = restobench("evaluate", "bicubic", "--dataset", "other")
    assert is_a_sentence(other, "other")
    # The user gave no --scale to leave out.
    assert "--scale" not in other.err


def test_a_data_set_that_moved_is_named(restobench: Restobench, make_pairs: MakePairs) -> None:
    """With or without clean pictures, whose scale a folder cannot tell."""
    make_pairs()
    make_pairs(name="blind", gt=False)
    restobench("run", "-m", "bicubic", "-d", "pairs", "--no-evaluate")
    restobench("run", "-m", "bicubic", "-d", "blind", "--scale", 2, "--no-evaluate")
    Path("pairs").rename("moved")
    Path("blind").rename("gone")

    assert is_a_sentence(restobench("evaluate", "bicubic:pairs"), "does not exist")
    assert restobench("evaluate", "bicubic:pairs", "--dataset", "moved", "--metrics", "psnr").code == 0
    assert restobench("evaluate", "bicubic:blind", "--dataset", "gone").code == 0


def test_an_earlier_metric_that_failed_does_not_spoil_the_one_asked_for(
    restobench: Restobench, make_pairs: MakePairs
) -> None:
    """`--metrics psnr` is answered for psnr; what SSIM lacked was said when it was asked for."""
    make_pairs(size=(2, 2))
    run = ("run", "-m", "bicubic", "-d", "pairs", "--metrics")
    assert restobench(*run, "ssim").code == 1

    ran = restobench("evaluate", "bicubic", "--metrics", "psnr")

    assert "ssim" not in ran.err
    assert ran.code == 0


def test_somebody_elses_pictures_get_a_row(restobench: Restobench, brought: Path) -> None:
    """They become a run like any other, with the sources they came from."""
    ran = restobench(*EVALUATE, "--json")

    assert ran.code == 0
    assert {row["method"] for row in rows(ran.out)} == {"theirs"}
    assert all(row["count"] == 3 for row in rows(ran.out))
    assert "theirs" in restobench("results").out
    assert restobench("evaluate", "theirs@folder:pairs", "--metrics", "psnr").code == 0


def test_a_second_evaluation_reads_and_scores_nothing_new(restobench: Restobench, brought: Path) -> None:
    """The same pictures are the same run, and it says that they are there."""
    first = restobench(*EVALUATE, "--json")
    folder = run_folder(Path("runs"), "pairs", "theirs")
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}

    second = restobench(*EVALUATE, "--json")

    assert second.out == first.out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == times
    assert "0 of 3" not in second.err


def test_missing_and_extra_pictures_are_listed(restobench: Restobench, brought: Path) -> None:
    """A row over a part must not pass for a row over all."""
    (brought / "b.png").unlink()
    save(brought / "zebra.png", 26, 34)

    ran = restobench(*EVALUATE, "--metrics", "psnr")

    assert ran.code == 1
    assert "missing: b" in ran.err
    assert "zebra" in ran.err
    assert "1 pictures are" not in ran.err
    (row,) = rows(restobench(*EVALUATE, "--metrics", "psnr", "--json").out)
    assert (row["count"], row["missing"]) == (2, 1)


def test_no_name_in_common_is_refused(restobench: Restobench, brought: Path) -> None:
    """With a few names of each side, so that the suffix that differs is seen."""
    for path in list(brought.iterdir()):
        path.rename(path.with_name(f"{path.stem}_out.png"))

    assert is_a_sentence(restobench(*EVALUATE), "a_out", "the data set has a, b, c")
    assert not Path("runs").exists()


def test_pictures_saved_with_loss_must_be_admitted(restobench: Restobench, brought: Path) -> None:
    """JPEG moves the numbers; the row is marked."""
    for path in list(brought.iterdir()):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()

    assert is_a_sentence(restobench(*EVALUATE), "saved with loss", "--allow-lossy")
    admitted = restobench(*EVALUATE, "--allow-lossy", "--metrics", "psnr")
    assert admitted.code == 0
    assert "saved with loss" in admitted.out


def test_bmp_and_sixteen_bits_are_taken_and_kept_as_eight(restobench: Restobench, brought: Path) -> None:
    """What is scored is what is kept; 16 bits are rounded, not cut."""
    Image.open(brought / "a.png").save(brought / "a.bmp")
    (brought / "a.png").unlink()
    deep = read_array(brought / "b.png").astype(np.uint16) * 257
    deep[0, 0] = (129, 128, 385)  # 0.502, 0.498 and 1.498 grey levels
    cv2.imwrite(str(brought / "b.png"), deep[..., ::-1])

    ran = restobench(*EVALUATE, "--metrics", "psnr")

    assert ran.code == 0, ran.err
    kept = run_folder(Path("runs"), "pairs", "theirs") / "pictures"
    assert np.array_equal(read_array(kept / "a.png"), read_array(brought / "a.bmp"))
    assert read_array(kept / "b.png").dtype == np.uint8
    assert read_array(kept / "b.png")[0, 0].tolist() == [1, 0, 1]


def test_pictures_of_another_size_are_failures_said_once(restobench: Restobench, brought: Path) -> None:
    """Nothing is resized before it is compared."""
    save(brought / "b.png", 13, 17)

    ran = restobench(*EVALUATE)

    assert ran.code == 1
    assert ran.err.count("17 x 13") == 1
    samples = frame(run_folder(Path("runs"), "pairs", "theirs"))
    assert samples["psnr"].isna().tolist() == [False, True, False]
    assert "17 x 13" in samples["error"]["b"]


def test_a_picture_that_cannot_be_read_is_a_failure(restobench: Restobench, brought: Path) -> None:
    """The others are scored."""
    (brought / "b.png").write_text("no picture")

    ran = restobench(*EVALUATE, "--metrics", "psnr")

    assert ran.code == 1
    assert "'b' failed: theirs/b.png is not a picture" in ran.err
    assert frame(run_folder(Path("runs"), "pairs", "theirs"))["psnr"].isna().tolist() == [False, True, False]


def test_two_pictures_of_one_name_are_refused(restobench: Restobench, brought: Path) -> None:
    """Which one is meant?"""
    Image.open(brought / "b.png").save(brought / "b.bmp")

    assert is_a_sentence(restobench(*EVALUATE), "Two restored pictures have the name 'b'")


def test_a_clean_folder_alone_can_be_scored_against(restobench: Restobench, brought: Path) -> None:
    """The degraded pictures are not needed for it."""
    Path("truth").mkdir()
    Path("pairs/gt").rename("truth/gt")

    ran = restobench("evaluate", "--restored", "theirs", "-d", "truth", "--as", "x", "--metrics", "psnr", "--json")

    assert ran.code == 0
    assert rows(ran.out)[0]["count"] == 3

"""Which pictures a figure shows, and what is written at them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import restobench
from restobench.errors import RestobenchError
from restobench.figures.crops import Crop
from restobench.figures.panels import collect
from restobench.image import read_array, write_picture
from restobench.planning import Options
from restobench.results import RunRecord, all_runs


def run_of(runs: Path, method: str) -> RunRecord:
    return next(record for record in all_runs(runs) if record.method == method)


def test_the_pictures_are_those_of_the_runs(runs: Path) -> None:
    """To the byte; the input is enlarged pixel by pixel, and its heading says so."""
    figure = collect("tiny", ["b", "a"], ["nearest", "bicubic"], runs, crops={"b": [Crop(0, 0, 4, 4)]})

    assert figure.columns == ("Input\n(×2, nearest)", "nearest", "bicubic", "Ground truth")  # noqa: RUF001
    first = figure.lines[0]
    assert [line.sample for line in figure.lines] == ["b", "a"]
    assert np.array_equal(first.panels[2].pixels, read_array(run_of(runs, "bicubic").folder.picture("b")))
    assert np.array_equal(first.panels[3].pixels, read_array(runs.parent / "sets" / "tiny" / "gt" / "b.png"))
    assert np.array_equal(first.panels[0].pixels[::2, 1::2], read_array(runs.parent / "sets" / "tiny" / "lq" / "b.png"))
    assert (first.crops, figure.lines[1].crops) == ((Crop(0, 0, 4, 4),), ())


def test_the_best_number_of_a_row_is_marked(runs: Path) -> None:
    """As it is written: what cannot be told apart in print is equally good."""
    figure = collect("tiny", ["a"], ["nearest", "bicubic"], runs, crops={}, metrics=["psnr"], with_clean=False)

    values = [panel.values[0] for panel in figure.lines[0].panels[1:]]
    stored = [float(value.text) for value in values]
    assert figure.metrics == ("psnr ↑",)
    assert figure.valued == (False, True, True)
    assert [value.best for value in values] == [one == max(stored) for one in stored]
    assert (
        collect("tiny", ["a"], ["bicubic"], runs, crops={}, metrics=["psnr"]).lines[0].panels[1].values[0].best is False
    )


def test_columns_can_be_named_and_left_out(runs: Path) -> None:
    """As a paper calls them."""
    labels = {"bicubic": "Ours", "input": "LR", "a": "(a)"}
    figure = collect("tiny", ["a"], ["bicubic"], runs, crops={}, labels=labels, with_clean=False)
    bare = collect("tiny", ["a"], ["bicubic"], runs, crops={}, with_input=False)

    assert figure.columns == ("LR\n(×2, nearest)", "Ours")  # noqa: RUF001
    assert figure.lines[0].name == "(a)"
    assert bare.columns == ("bicubic", "Ground truth")


def test_what_is_not_there_is_a_sentence(runs: Path) -> None:
    """With the nearest name, or the command that makes it."""
    for arguments, words in (
        ((["d"], ["bicubic"]), "No sample of 'tiny' is called 'd'."),
        ((["a"], ["bicubik"]), "Did you mean 'bicubic'"),
        ((["a"], [str(runs)]), "No run on 'tiny' in"),
    ):
        with pytest.raises(RestobenchError, match=words):
            collect("tiny", *arguments, runs, crops={})
    with pytest.raises(RestobenchError, match=r"The crop 30,0,9,9 leaves the picture of 'a', which is 34 x 26"):
        collect("tiny", ["a"], ["bicubic"], runs, crops={"a": [Crop(30, 0, 9, 9)]})
    with pytest.raises(
        RestobenchError, match=r"has no gmsd for each sample; 'restobench evaluate bicubic:tiny --metrics"
    ):
        collect("tiny", ["a"], ["bicubic"], runs, crops={}, metrics=["gmsd"])


def test_a_name_that_fits_several_runs_names_them_and_how_to_choose(runs: Path, tmp_path: Path) -> None:
    """Which of two seeds or settings is shown is not ours to guess."""
    copied = Path(shutil.copytree(runs, tmp_path / "runs"))
    first = run_of(copied, "bicubic")
    made = first.run["determinants"] | {"settings": {"a": 2}, "seed": 1}
    second = Path(shutil.copytree(first.folder.path, first.folder.path.with_name("other")))
    record = RunRecord.read(type(first.folder)(second))
    record.folder.write_run(record.run | {"determinants": made})

    with pytest.raises(RestobenchError) as caught:
        collect("tiny", ["a"], ["bicubic"], copied, crops={})

    assert "'bicubic' fits 2 runs on 'tiny'; name METHOD@VARIANT or a run's folder" in str(caught.value)
    assert f"bicubic@default, seed 1: {second}" not in str(caught.value)
    assert f"bicubic@default, seed 1, a=2: {second}" in str(caught.value)
    for name, where in (("bicubic", {"seed": "1"}), ("bicubic", {"setting:a": "2"}), (str(second), {})):
        assert collect("tiny", ["a"], ["nearest", name], copied, crops={}, where=where).lines


def test_pictures_of_another_size_are_not_resampled(runs: Path, tmp_path: Path) -> None:
    """A figure that did would show what no method made. One that is missing is named with the reason."""
    copied = Path(shutil.copytree(runs, tmp_path / "runs"))
    folder = run_of(copied, "bicubic").folder
    write_picture(folder.picture("a"), np.zeros((20, 20, 3), np.uint8))
    folder.picture("b").unlink()

    with pytest.raises(RestobenchError, match=r"The pictures of 'a' are not of one size: .* a figure resamples none"):
        collect("tiny", ["a"], ["bicubic"], copied, crops={})
    with pytest.raises(RestobenchError, match="has no picture of 'b': it was not restored, or"):
        collect("tiny", ["b"], ["bicubic"], copied, crops={})


def test_how_much_an_input_was_enlarged_is_measured(runs: Path, tmp_path: Path) -> None:
    """A folder without clean pictures does not know its scale."""
    shutil.copytree(runs.parent / "sets" / "tiny" / "lq", tmp_path / "real" / "lq")
    theirs = tmp_path / "theirs"
    options = Options(runs=theirs, device="cpu")
    restobench.run("bicubic", tmp_path / "real", metrics=["consistency"], scale=3, options=options)

    figure = collect(tmp_path / "real", ["a"], ["bicubic"], theirs, crops={})

    assert figure.columns == ("Input\n(×3, nearest)", "bicubic")  # noqa: RUF001
    assert figure.lines[0].panels[0].pixels.shape == (39, 51, 3)

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import restobench
from restobench.benchmark import RunResult, carry_out, evaluate_existing, evaluate_folder
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.forecast import forecast
from restobench.image import read_array, write_picture
from restobench.planning import Options, plan
from restobench.restore import FailureLimit
from tests.conftest import picture

MakePairs = Callable[..., Path]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(runs=tmp_path / "runs", device="cpu")


def once(folder: Path, options: Options, method: str = "lanczos", **changed: object) -> RunResult:
    """One run of one method, without the baseline."""
    evaluate = bool(changed.pop("evaluate", True))
    metrics = changed.pop("metrics", None)
    (planned,) = plan([method], [folder], options, Cache(), baseline=False, **changed)  # type: ignore[arg-type]
    return carry_out(planned, options, Cache(), evaluate=evaluate, metrics=metrics)  # type: ignore[arg-type]


def test_tensors_in_a_table_out(make_pairs: MakePairs) -> None:
    """The command line's main job in one call, with the baseline as the first rows."""
    table = restobench.run("lanczos", make_pairs(), metrics=["psnr", "ssim-y"])

    assert isinstance(table, pd.DataFrame)
    assert list(table["method"]) == ["bicubic", "bicubic", "lanczos", "lanczos"]
    assert list(table["metric"]) == ["psnr", "ssim-y"] * 2
    assert {"mean", "low", "high", "count", "missing", "infinite", "signature", "run"} <= set(table.columns)


def test_the_same_command_again_restores_and_scores_nothing(make_pairs: MakePairs, options: Options) -> None:
    """Same inputs, same folder: resume, cache and dedupe in one."""
    first = once(make_pairs(), options)
    files = {path: path.stat().st_mtime_ns for path in first.record.folder.pictures.iterdir()}

    again = once(make_pairs(), options)

    assert (first.restored, again.restored, again.already) == (3, 0, 3)
    assert again.evaluation is not None
    assert again.evaluation.computed == 0
    assert {path: path.stat().st_mtime_ns for path in again.record.folder.pictures.iterdir()} == files
    assert again.rows() == first.rows()


def test_a_limit_restores_the_first_and_the_rest_later(make_pairs: MakePairs, options: Options) -> None:
    """A limited run is the beginning of the whole one, and says that it is not complete."""
    few = once(make_pairs(), Options(runs=options.runs, limit=2), metrics=["psnr"])
    assert (few.restored, few.rows()[0]["count"], few.record.complete) == (2, 2, False)

    whole = once(make_pairs(), options, metrics=["psnr"])

    assert (whole.restored, whole.already, whole.rows()[0]["count"]) == (1, 2, 3)
    assert whole.record.complete
    assert len(whole.record.run["sessions"]) == 2


def test_what_changes_a_picture_changes_the_folder(make_pairs: MakePairs, options: Options) -> None:
    """Method and data set do; batch size does not, nor the seed of a method that draws no noise."""
    folder = make_pairs()
    first = once(folder, options).record.folder.path

    assert once(folder, Options(runs=options.runs, device="cpu", batch_size=3)).record.folder.path == first
    assert once(folder, Options(runs=options.runs, device="cpu", seed=1)).record.folder.path == first
    assert once(folder, options, "nearest").record.folder.path != first
    write_picture(folder / "lq" / "a.png", picture(50, 13, 17))
    assert once(folder, options).record.folder.path != first


def test_a_mended_picture_costs_one_restoration(make_pairs: MakePairs, options: Options) -> None:
    """It makes another data set, but the other pictures' inputs are what they were."""
    folder = make_pairs()
    (folder / "lq" / "b.png").write_text("no picture")
    first = once(folder, options)
    make_pairs()
    planned = plan(["lanczos"], [folder], options, Cache(), baseline=False)
    (foretold,) = forecast(planned, options, Cache())

    mended = once(folder, options)

    assert (first.restored, list(first.failures)) == (2, ["b"])
    assert (mended.restored, mended.already, mended.failures) == (1, 2, {})
    assert (foretold.restore, foretold.already) == (1, 2)
    assert mended.record.folder.path != first.record.folder.path
    assert mended.record.complete
    for name in ("a", "c"):
        taken, made = (result.record.folder.picture(name).read_bytes() for result in (mended, first))
        assert taken == made
    assert list(mended.record.run["sessions"][0]["taken_over"].values()) == [2]
    assert set(mended.record.folder.read_timing()) == {"a", "b", "c"}


def test_a_damaged_run_beside_it_stops_nothing(make_pairs: MakePairs, options: Options) -> None:
    """Whoever mends a picture need not mend last month's run first."""
    folder = make_pairs()
    earlier = once(folder, options).record.folder
    earlier.run_path.write_text("{")
    write_picture(folder / "lq" / "a.png", picture(50, 13, 17))

    planned = plan(["lanczos"], [folder], options, Cache(), baseline=False)
    (foretold,) = forecast(planned, options, Cache())

    assert foretold.restore == 3
    assert once(folder, options).restored == 3


def test_existing_only_restores_nothing(make_pairs: MakePairs, options: Options) -> None:
    """Tables from what there is, and an error where there is nothing."""
    only = Options(runs=options.runs, device="cpu", existing="only")
    with pytest.raises(RestobenchError, match=r"There are no pictures of lanczos@default on pairs"):
        once(make_pairs(), only)
    once(make_pairs(), Options(runs=options.runs, device="cpu", limit=1), evaluate=False)

    result = once(make_pairs(), only, metrics=["psnr"])

    assert result.restored == 0
    assert result.rows()[0]["count"] == 1


def test_existing_replace_restores_everything_again(make_pairs: MakePairs, options: Options) -> None:
    """Whatever was there is gone first."""
    first = once(make_pairs(), options)
    write_picture(first.record.folder.picture("a"), picture(9, 26, 34))

    again = once(make_pairs(), Options(runs=options.runs, device="cpu", existing="replace"))

    assert again.restored == 3
    assert again.rows() == first.rows()


def test_replacing_with_a_method_that_cannot_be_built_loses_nothing(
    make_pairs: MakePairs, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights may have become unreadable since."""
    first = once(make_pairs(), options)

    def refuse(self: object, **arguments: object) -> None:
        raise RestobenchError("no weights")

    monkeypatch.setattr("restobench.method.MethodChoice.build", refuse)
    with pytest.raises(RestobenchError, match="no weights"):
        once(make_pairs(), Options(runs=options.runs, device="cpu", existing="replace"))

    assert len(list(first.record.folder.pictures.iterdir())) == 3


def test_pictures_of_other_sources_are_not_reused(
    make_pairs: MakePairs, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method's author who changes a line must not see yesterday's pictures."""
    first = once(make_pairs(), options)
    monkeypatch.setattr("restobench.method.MethodChoice.source_hash", lambda self: "f" * 64)

    changed = once(make_pairs(), options)
    kept = once(make_pairs(), Options(runs=options.runs, device="cpu", existing="only"))

    assert changed.restored == 3
    assert changed.record.folder.path != first.record.folder.path
    assert first.record.folder.path.exists()
    assert kept.record.folder.path == changed.record.folder.path


def test_a_failure_is_recorded_and_tried_again(make_pairs: MakePairs, options: Options) -> None:
    """One sample's failure is counted, named, and no reason to give up the others."""
    folder = make_pairs()
    (folder / "lq" / "b.png").write_text("no picture")

    first = once(folder, options, metrics=["psnr"])
    again = once(folder, options, metrics=["psnr"])

    assert not first.ok
    assert list(first.failures) == ["b"]
    assert (first.rows()[0]["count"], first.rows()[0]["missing"]) == (2, 1)
    assert (again.restored, again.already, list(again.failures)) == (0, 2, ["b"])
    assert first.record.complete
    frame = pd.read_parquet(first.record.folder.samples_path).set_index("id")
    assert "is not a picture" in frame.loc["b", "error"]


def test_a_run_that_gave_up_says_so(make_pairs: MakePairs, options: Options) -> None:
    """--max-failures."""
    folder = make_pairs([f"s{i}" for i in range(6)])
    for path in sorted((folder / "lq").iterdir())[:4]:
        path.write_text("no picture")

    result = once(folder, Options(runs=options.runs, device="cpu", max_failures=FailureLimit(number=1)))

    assert result.stopped
    assert not result.ok


def test_metrics_added_later_stand_beside_the_earlier_ones(make_pairs: MakePairs, options: Options) -> None:
    """Scoring twice never loses a column; the answer shows what was asked."""
    once(make_pairs(), options, metrics=["psnr"])

    result = evaluate_existing("lanczos:pairs", options, Cache(), metrics=["ssim"])

    assert [row["metric"] for row in result.rows()] == ["ssim"]
    assert {row["metric"] for row in result.record.rows()} == {"psnr", "ssim"}


def test_a_data_set_that_changed_is_not_scored_against(make_pairs: MakePairs, options: Options) -> None:
    """The pictures were restored from something else."""
    folder = make_pairs()
    once(folder, options, evaluate=False)
    write_picture(folder / "gt" / "a.png", picture(50, 26, 34))

    with pytest.raises(RestobenchError, match=r"'pairs' has changed since"):
        evaluate_existing("lanczos", options, Cache())


def test_a_misfit_stops_the_grid_before_anything_runs(make_pairs: MakePairs, options: Options) -> None:
    """Every misfit is named with its reason."""
    with pytest.raises(RestobenchError) as caught:
        plan(["input", "bicubic"], [make_pairs(), "demo-face"], options, Cache())

    assert str(caught.value).splitlines() == [
        "'input' cannot run on 'pairs': it works at x1, and the data set is x2.",
        "'bicubic' cannot run on 'demo-face': it is for super-resolution, and the data set is for face.",
    ]
    assert not options.runs.exists()


def test_what_is_of_one_method_needs_one_method(make_pairs: MakePairs, options: Options) -> None:
    """--set, --weights and --as."""
    with pytest.raises(RestobenchError, match="exactly one --method"):
        plan(["bicubic", "lanczos"], [make_pairs()], options, Cache(), label="mine")


def test_run_json_says_what_made_the_pictures(make_pairs: MakePairs, options: Options) -> None:
    """Provenance: determinants, versions, hardware, speed, commit."""
    result = once(make_pairs(), options)

    run = json.loads((result.record.folder.path / "run.json").read_text())
    assert run["schema"] == 1
    assert run["determinants"]["dtype"] == "float32"
    assert run["determinants"]["seed"] is None
    (session,) = run["sessions"]
    assert session["pictures_per_second"] > 0
    assert {"torch", "numpy", "pillow", "python", "restobench"} <= session["versions"].keys()
    assert session["hardware"]["cpu"]
    assert set(result.record.folder.read_timing()) == {"a", "b", "c"}


def test_somebody_elses_pictures_become_a_run(make_pairs: MakePairs, options: Options, tmp_path: Path) -> None:
    """Paired by name; what is missing or extra is listed."""
    folder = make_pairs()
    for name in ("a", "b", "z"):
        write_picture(tmp_path / "theirs" / f"{name}.png", read_array(folder / "gt" / "a.png"))

    result, brought = evaluate_folder(tmp_path / "theirs", folder, "their method", options, Cache(), metrics=["psnr"])

    assert (brought.missing, brought.extra) == (["c"], ["z"])
    (row,) = result.rows()
    assert (row["count"], row["infinite"], row["missing"]) == (1, 1, 1)
    assert not result.ok
    assert result.record.name == "their method:pairs"

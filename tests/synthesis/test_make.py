"""Sets made from clean pictures: what they hold, and that nothing but recipe, seed and pictures decides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from restobench.cache import Cache
from restobench.dataset import open_dataset
from restobench.degradations.multi import degraded
from restobench.errors import RestobenchError
from restobench.files import PART_PREFIX, sha256_of
from restobench.image import read_array
from restobench.journal import UNFINISHED
from restobench.manifest import MANIFEST, read_manifest
from restobench.synthesis.make import make_dataset
from tests.synthesis.conftest import NAMES, content, texture

Clean = Callable[..., Path]


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sets are made by their names."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))
    return tmp_path / "datasets"


def interrupted(folder: Path, *, keep: int) -> None:
    """The set as a kill would have left it after `keep` samples, in the middle of the next one."""
    manifest = read_manifest(folder / MANIFEST)
    lines = [manifest.head.model_dump_json(by_alias=True), *(one.model_dump_json() for one in manifest.samples[:keep])]
    torn = manifest.samples[keep].model_dump_json()[:90]
    (folder / UNFINISHED).write_text("\n".join([*lines, torn]), encoding="utf-8")
    (folder / MANIFEST).unlink()
    (folder / "card.toml").unlink()
    (folder / "lq" / f"{PART_PREFIX}123-456").write_bytes(b"half a picture")
    for sample in manifest.samples[keep:]:
        (folder / "lq" / f"{sample.id}.png").unlink()


def test_a_made_set_opens_by_its_name_with_tags_and_pairs(clean: Clean, datasets: Path) -> None:
    """Nothing is registered by hand, and clean pictures of every format come out as they went in."""
    source = clean()

    made = make_dataset("multi-degradation", source)

    dataset = open_dataset("multi-degradation")
    assert made.folder == datasets / "multi-degradation"
    assert (dataset.name, dataset.task, dataset.scale) == ("multi-degradation", "restoration", 1)
    assert dataset.protocol == "restoration-v1"
    assert [sample.id for sample in dataset.samples] == ["a 1", "b", "f", "g", "ü/c", "ü/d/e"]
    assert dataset.fingerprint(Cache()) == dataset.expected_fingerprint
    for name in NAMES:
        (sample,) = [one for one in dataset.samples if name.startswith(f"{one.id}.")]
        assert sample.gt
        assert sample.lq
        np.testing.assert_array_equal(read_array(sample.gt), read_array(source / name))
        expected = degraded(np.asarray(read_array(source / name), np.uint8), sample.id, 0)
        np.testing.assert_array_equal(read_array(sample.lq), expected)
        assert set(sample.tags) == {"kind"}


def test_the_manifest_records_sources_outputs_values_and_versions(clean: Clean) -> None:
    """All that is needed to make it again, and to know that it is the same."""
    made = make_dataset("mine@multi-degradation", clean("a.png", "x/b.png"), seed=3)

    stored = json.loads((made.folder / MANIFEST).read_text())
    assert (stored["schema"], stored["name"], stored["seed"]) == (1, "mine", 3)
    assert stored["recipe"] == {"name": "multi-degradation", "revision": "1"}
    assert {"python", "restobench", "numpy", "pillow", "opencv-python-headless"} <= set(stored["versions"])
    assert [one["source"] for one in stored["samples"]] == ["a.png", "x/b.png"]
    for one in stored["samples"]:
        assert one["source_sha256"] == sha256_of(made.folder.parents[1] / "clean" / one["source"])
        for part in ("gt", "lq"):
            assert one[part]["sha256"] == sha256_of(made.folder / part / f"{one['id']}.png")
        assert {step["seed"] for step in one["parameters"]["steps"]} == {3}


def test_one_and_two_workers_make_the_same_bytes(clean: Clean, tmp_path: Path) -> None:
    """Manifest and card included: nothing tells of when and by whom a set was made."""
    source = clean()

    one = make_dataset("multi-degradation", source, output=tmp_path / "one", workers=1)
    two = make_dataset("multi-degradation", source, output=tmp_path / "two", workers=2)

    assert content(one.folder) == content(two.folder)


def test_a_sample_depends_on_nothing_but_its_name_and_picture(clean: Clean, tmp_path: Path) -> None:
    """Made in parts, with others before it, or without them: the same picture."""
    source = clean()
    whole = make_dataset("multi-degradation", source, output=tmp_path / "whole")
    make_dataset("multi-degradation", source, output=tmp_path / "parts", limit=2)
    parts = make_dataset("multi-degradation", source, output=tmp_path / "parts")
    (source / "a 1.jpg").unlink()
    fewer = make_dataset("multi-degradation", source, output=tmp_path / "fewer")

    assert parts.made == 4
    assert content(parts.folder) == content(whole.folder)
    assert {(one.id, one.lq) for one in fewer.manifest.samples} < {(one.id, one.lq) for one in whole.manifest.samples}


def test_another_seed_is_another_set(clean: Clean, tmp_path: Path) -> None:
    """Of the same clean pictures."""
    source = clean("a.png", "b.png")

    zero = make_dataset("multi-degradation", source, output=tmp_path / "0")
    one = make_dataset("multi-degradation", source, output=tmp_path / "1", seed=1)

    for first, second in zip(zero.manifest.samples, one.manifest.samples, strict=True):
        assert first.gt == second.gt
        assert first.lq != second.lq


@pytest.mark.parametrize("keep", [0, 3])
def test_an_interrupted_set_is_not_opened_and_ends_as_an_undisturbed_one(
    clean: Clean, tmp_path: Path, keep: int
) -> None:
    """What was finished is not made again; what was torn is."""
    source = clean()
    calm = content(make_dataset("multi-degradation", source, output=tmp_path / "calm").folder)
    make_dataset("multi-degradation", source)
    folder = tmp_path / "datasets" / "multi-degradation"
    interrupted(folder, keep=keep)

    for reference in ("multi-degradation", folder):
        with pytest.raises(RestobenchError, match="is not finished: what made it was stopped"):
            open_dataset(reference)
    resumed = make_dataset("multi-degradation", source)

    assert resumed.made == 6 - keep
    assert content(folder) == calm


def test_the_same_command_again_touches_nothing(clean: Clean) -> None:
    """Not even the manifest."""
    source = clean()
    folder = make_dataset("multi-degradation", source).folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    time.sleep(0.01)

    again = make_dataset("multi-degradation", source)

    assert again.made == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_the_same_command_mends_what_was_lost_or_altered(clean: Clean, tmp_path: Path) -> None:
    """A deleted picture, and one that somebody saved anew."""
    source = clean()
    folder = make_dataset("multi-degradation", source).folder
    calm = content(folder)
    (folder / "lq" / "b.png").unlink()
    Image.fromarray(texture(9, 40, 56)).save(folder / "gt" / "f.png")

    mended = make_dataset("multi-degradation", source)

    assert mended.made == 2
    assert content(folder) == calm


def test_a_clean_picture_that_changed_is_made_anew(clean: Clean) -> None:
    """Its record is of another picture, by its hash."""
    source = clean()
    first = make_dataset("multi-degradation", source)
    Image.fromarray(texture(9, 40, 56)).save(source / "b.png")

    second = make_dataset("multi-degradation", source)

    assert second.made == 1
    changed = {old.id for old, new in zip(first.manifest.samples, second.manifest.samples, strict=True) if old != new}
    assert changed == {"b"}
    assert open_dataset("multi-degradation").fingerprint(Cache())


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    """Rounded, not cut."""
    import cv2

    wide = np.random.default_rng(0).integers(0, 65536, (40, 56, 3), np.uint16)
    (tmp_path / "clean").mkdir()
    cv2.imwrite(str(tmp_path / "clean" / "a.png"), wide[..., ::-1])

    folder = make_dataset("multi-degradation", tmp_path / "clean").folder

    np.testing.assert_array_equal(read_array(folder / "gt" / "a.png"), np.rint(wide / 257).astype(np.uint8))


def refused(match: str, *arguments: object, **options: object) -> None:
    with pytest.raises(RestobenchError, match=match):
        make_dataset(*arguments, **options)  # type: ignore[arg-type]


def test_what_cannot_be_made_is_said_before_anything_is(clean: Clean, tmp_path: Path) -> None:
    """Each in one sentence that names the picture or the folder."""
    source = clean()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").write_text("mine")

    refused(r"No recipe is called 'multi-degrade'\. Did you mean 'multi-degradation'", "multi-degrade", source)
    refused(r"No recipe is called 'mine'", "mine", source)
    refused("'demo' already is the name of the data set 'Demo'", "demo@multi-degradation", source)
    refused("A data set cannot be called 'My Set'", "My Set@multi-degradation", source)
    refused("nowhere does not exist", "multi-degradation", tmp_path / "nowhere")
    refused(r"b\.png is not a folder", "multi-degradation", source / "b.png")
    refused("empty holds no pictures", "multi-degradation", tmp_path / "empty")
    refused("lie in each other", "multi-degradation", source, output=source / "made")
    refused("lie in each other", "multi-degradation", source, output=tmp_path)
    refused(r"notes is a file", "multi-degradation", source, output=tmp_path / "notes")
    refused(r"a 1\.jpg is 56 x 40, and 'gfpgan' degrades pictures of 512 x 512", "gfpgan", source)
    assert not (tmp_path / "datasets").exists()


@pytest.mark.parametrize("size", [(31, 56), (56, 31)])
def test_a_picture_that_is_too_small_is_named(clean: Clean, tmp_path: Path, size: tuple[int, int]) -> None:
    """Before the first is made."""
    clean("large.png")
    source = clean("small.png", size=size)

    refused(
        r"small\.png is (31 x 56|56 x 31), and 'multi-degradation' needs sides of at least 32",
        "multi-degradation",
        source,
    )
    assert not (tmp_path / "datasets").exists()


def test_two_pictures_of_one_name_are_refused(clean: Clean) -> None:
    """Their results would be one file."""
    source = clean("a.png", "a.jpg")

    refused("Two pictures have the name 'a'", "multi-degradation", source)


def test_pictures_that_cannot_be_read_cost_no_others(clean: Clean, datasets: Path) -> None:
    """What is cut off is seen when it is decoded: the others are made, and kept for the next time."""
    source = clean("a.png", "b.jpg", "c.png", "d.png")
    calm = make_dataset("calm@multi-degradation", source).manifest
    whole = (source / "b.jpg").read_bytes()
    (source / "b.jpg").write_bytes(whole[: len(whole) * 9 // 10])

    refused(r"1 of 4 pictures .* could not be made; the others are kept(.|\n)*b\.jpg", "multi-degradation", source)
    with pytest.raises(RestobenchError, match="is not finished"):
        open_dataset("multi-degradation")
    (source / "b.jpg").write_bytes(whole)
    mended = make_dataset("multi-degradation", source)

    assert mended.made == 1
    assert mended.manifest.samples == calm.samples
    (source / "b.jpg").write_text("no picture at all")
    refused(r"b\.jpg cannot be read as a picture", "another@multi-degradation", source)


def test_a_folder_with_something_else_is_left_alone(clean: Clean, tmp_path: Path) -> None:
    """Other files, another set, other pictures: nothing of them is removed or mixed."""
    source = clean("a.png", "b.png", "c.png")
    other = clean("a.png", folder="other")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("mine")
    folder = tmp_path / "set"
    make_dataset("multi-degradation", source, output=folder)
    before = content(folder)

    refused("notes is not empty, and no set that", "multi-degradation", source, output=tmp_path / "notes")
    refused(
        "holds another set: 'multi-degradation' by multi-degradation, revision 1, seed 0, and this one is .* seed 1",
        "multi-degradation", source, output=folder, seed=1,
    )  # fmt: skip
    refused("holds another set", "mine@multi-degradation", source, output=folder)
    refused("also holds b, c, which this set has not", "multi-degradation", other, output=folder)
    refused("also holds c, which this set has not.*--limit", "multi-degradation", source, output=folder, limit=2)

    assert content(folder) == before
    assert content(tmp_path / "notes") == {"notes.txt": b"mine"}


def test_pictures_of_other_versions_are_not_mixed_in(clean: Clean) -> None:
    """But a set that is whole stays as it is, whatever it was made with."""
    source = clean()
    folder = make_dataset("multi-degradation", source).folder
    stored = json.loads((folder / MANIFEST).read_text())
    stored["versions"] |= {"numpy": "1.26.0", "restobench": "0.0.1"}
    (folder / MANIFEST).write_text(json.dumps(stored))

    whole = make_dataset("multi-degradation", source)
    (folder / "lq" / "b.png").unlink()

    assert whole.made == 0
    refused(
        rf"was begun with numpy 1\.26\.0 \(here {np.__version__}\): pictures of two versions",
        "multi-degradation",
        source,
    )


def test_there_is_one_writer(clean: Clean, tmp_path: Path) -> None:
    """Two would mend each other's unfinished files away."""
    source = clean("a.png")
    folder = make_dataset("multi-degradation", source, output=tmp_path / "set").folder

    with FileLock(folder / ".lock"):
        refused("Another process is making the set in", "multi-degradation", source, output=folder)

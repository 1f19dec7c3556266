"""Sets made again from their manifests: by the values in them, and held against the hashes in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from restobench.errors import RestobenchError
from restobench.manifest import MANIFEST
from restobench.synthesis.make import make_dataset
from restobench.synthesis.rebuild import rebuild_dataset
from tests.synthesis.conftest import content, texture

Clean = Callable[..., Path]


@pytest.fixture
def made(clean: Clean, tmp_path: Path) -> Path:
    """A set of six pictures."""
    return make_dataset("mine@multi-degradation", clean(), output=tmp_path / "set", seed=5).folder


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Its manifest elsewhere, with something else in it."""
    stored = json.loads((folder / MANIFEST).read_text())
    change(stored)
    path = folder.parent / "changed.json"
    path.write_text(json.dumps(stored))
    return path


def test_a_rebuilt_set_is_the_same_byte_for_byte(made: Path, clean: Clean, tmp_path: Path) -> None:
    """Pictures, manifest and card."""
    again = rebuild_dataset(made / MANIFEST, tmp_path / "clean", output=tmp_path / "again")

    assert again.equal
    assert again.made.made == 6
    assert content(tmp_path / "again") == content(made)


def test_by_default_it_goes_where_make_would_have_put_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its name and recipe."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))

    again = rebuild_dataset(made / MANIFEST, tmp_path / "clean")

    assert again.made.folder == tmp_path / "datasets" / "mine@multi-degradation"


def test_values_decide_and_not_what_the_recipe_would_draw(made: Path, tmp_path: Path) -> None:
    """A sample less, another order, another seed at the top: the pictures are those of the recorded values."""

    def change(stored: dict[str, Any]) -> None:
        stored["seed"] = 77
        stored["samples"] = stored["samples"][:0:-1]

    again = rebuild_dataset(changed(made, change), tmp_path / "clean", output=tmp_path / "again")

    assert again.equal
    there = content(made)
    assert {name: data for name, data in content(tmp_path / "again").items() if name.endswith(".png")} == {
        name: data for name, data in there.items() if name.endswith(".png") and "/a 1." not in name
    }


def test_a_difference_is_told_with_the_versions(made: Path, tmp_path: Path) -> None:
    """Other values stand in here for what another library would do."""

    def change(stored: dict[str, Any]) -> None:
        stored["versions"]["pillow"] = "11.0.0"
        step = stored["samples"][1]["parameters"]["steps"][0]
        name = next(iter(step["values"]))
        step["values"][name] = step["values"][name] * 1.3
        stored["samples"][2]["gt"]["sha256"] = "0" * 64

    again = rebuild_dataset(changed(made, change), tmp_path / "clean", output=tmp_path / "again")

    assert not again.equal
    assert again.other_pixels == ("b",)
    assert again.other_bytes == ("f",)
    assert again.versions.startswith("pillow 11.0.0 (here ")
    assert "numpy" not in again.versions


def test_other_clean_pictures_are_refused(made: Path, tmp_path: Path) -> None:
    """One that is missing, and one that was changed."""
    source = tmp_path / "clean"
    (source / "b.png").unlink()
    Image.fromarray(texture(9, 40, 56)).save(source / "f.PNG")

    with pytest.raises(RestobenchError, match=r"Of 6 clean pictures 2 are not those of the manifest:\n") as caught:
        rebuild_dataset(made / MANIFEST, source, output=tmp_path / "again")

    assert "b.png does not exist" in str(caught.value)
    assert "f.PNG is another picture than the recorded one" in str(caught.value)
    assert not (tmp_path / "again").exists()


def test_a_set_is_not_rebuilt_over_its_own_manifest(made: Path, tmp_path: Path) -> None:
    """What it is to be compared with would be lost."""
    with pytest.raises(RestobenchError, match="lies in the folder that it would be rebuilt in"):
        rebuild_dataset(made / MANIFEST, tmp_path / "clean", output=made)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.update(schema=2), r"written by a newer restobench \(schema 2, known: 1\)"),
        (lambda s: s["recipe"].update(name="multi"), "No recipe is called 'multi'"),
        (lambda s: s["recipe"].update(revision="0"), "made by revision 0 of 'multi-degradation', and .* revision 1"),
        (lambda s: s.pop("seed"), "is no manifest of a made data set: seed: Field required"),
        (lambda s: s["samples"][0].update(id="../../x"), r"'\.\./\.\./x' is no path below a folder"),
        (lambda s: s["samples"][0].update(source="/etc/passwd"), "is no path below a folder"),
        (lambda s: s["samples"][0]["parameters"].clear(), "the recorded parameters are not this recipe's"),
        (lambda s: s["samples"][0]["parameters"]["steps"][0].update(kind="fog"), "recorded parameters are not"),
        (lambda s: s["samples"][0]["parameters"]["steps"][0].update(values={}), "has no values; known are rain"),
    ],
)
def test_a_manifest_that_cannot_be_followed_is_refused(
    made: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    """It may come from anywhere, and says where files are read and written."""
    with pytest.raises(RestobenchError, match=sentence):
        rebuild_dataset(changed(made, change), tmp_path / "clean", output=tmp_path / "again")


def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, clean: Clean) -> None:
    """A wrong path, and a wrong file."""
    (tmp_path / "notes.json").write_text("{")

    with pytest.raises(RestobenchError, match=r"nowhere\.json cannot be read"):
        rebuild_dataset(tmp_path / "nowhere.json", clean(), output=tmp_path / "again")
    with pytest.raises(RestobenchError, match=r"notes\.json is damaged"):
        rebuild_dataset(tmp_path / "notes.json", tmp_path / "clean", output=tmp_path / "again")

"""Manifests: that what was written is what is read, and that paths stay below their folders."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from restobench.errors import RestobenchError
from restobench.manifest import MANIFEST, Head, MadeBy, MadePicture, MadeSample, Manifest, read_manifest, tags_in

PICTURE = MadePicture(sha256="a" * 64, pixels="b" * 64)


def sample(sample_id: str = "ü/a 1", **changes: object) -> MadeSample:
    facts: dict[str, object] = {
        "id": sample_id,
        "source": f"{sample_id}.png",
        "source_sha256": "c" * 64,
        "gt": PICTURE,
        "lq": PICTURE,
        "tags": {"kind": "rain"},
        "parameters": {"steps": [{"gain": 0.1 + 0.2, "on": True, "of": None, "kind": "ü"}]},
    }
    return MadeSample.model_validate(facts | changes)


def manifest(*samples: MadeSample) -> Manifest:
    recipe = MadeBy(name="multi-degradation", revision="1")
    return Manifest(name="mine", recipe=recipe, seed=3, versions={"numpy": "2.4"}, samples=samples)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """To the last bit of every number."""
    written = manifest(sample(), sample("b"))

    written.write(tmp_path)

    read = read_manifest(tmp_path / MANIFEST)
    assert read == written
    assert read.head == Head(name="mine", recipe=written.recipe, seed=3, versions={"numpy": "2.4"})
    assert tags_in(tmp_path) == {"ü/a 1": {"kind": "rain"}, "b": {"kind": "rain"}}


def test_a_folder_without_a_manifest_has_no_tags(tmp_path: Path) -> None:
    """Most have none."""
    assert tags_in(tmp_path) == {}


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/a", "", "a//b", "./a", "a\0b"])
@pytest.mark.parametrize("key", ["id", "source"])
def test_a_path_that_leaves_its_folder_is_refused(key: str, path: str) -> None:
    """A manifest of a stranger must not say where on the disk something is read or written."""
    with pytest.raises(ValidationError, match="is no path below a folder"):
        sample(**{key: path})


def test_what_is_wrong_is_named_and_no_more_than_five_times(tmp_path: Path) -> None:
    """A thousand wrong samples are one error."""
    written = manifest(*(sample(str(number)) for number in range(9))).model_dump_json(by_alias=True)
    (tmp_path / MANIFEST).write_text(written.replace('"parameters"', '"parametres"'))

    with pytest.raises(RestobenchError, match=r"samples\.0\.parameters: Field required.*; and 13 more\.$"):
        read_manifest(tmp_path / MANIFEST)

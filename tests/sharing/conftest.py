"""A small run that was really made and scored, and archives of it that somebody altered."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import restobench
from restobench.image import write_picture
from restobench.planning import Options
from restobench.results import RunRecord, all_runs
from restobench.sharing.pack import export_run
from tests.conftest import picture

CARD = """
name = "tiny"
title = "Tiny"
summary = "Three small pictures."
revision = "1"
task = "super-resolution"
scale = 2
count = 3
size = "34 x 26"
licence = "CC0"
source = "drawn"
protocol = "offline-v1"
lq = "lq/*.png"
gt = "gt/*.png"
"""

Members = dict[str, bytes]
Altered = Callable[[Callable[[dict[str, Any], Members], None]], Path]


def card(sharing: str) -> str:
    """The card of `tiny`."""
    return f'{CARD}sharing = "{sharing}"\n'


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A folder with the data set `tiny` in sets/, and `bicubic` on it, restored and scored, in runs/."""
    return make_runs(tmp_path_factory.mktemp("made"), session_home, ["bicubic"])


def make_runs(folder: Path, home: Path, methods: list[str]) -> Path:
    """The folder, with the data set `tiny` in sets/ and runs of these methods in runs/."""
    tiny = folder / "sets" / "tiny"
    for number, sample_id in enumerate("abc"):
        clean = picture(number, 26, 34)
        write_picture(tiny / "gt" / f"{sample_id}.png", clean)
        write_picture(tiny / "lq" / f"{sample_id}.png", clean[::2, ::2].copy())
    (tiny / "card.toml").write_text(card("allowed"))
    options = Options(runs=folder / "runs", device="cpu")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RESTOBENCH_HOME", str(home))
        environment.setenv("RESTOBENCH_DATASETS", str(folder / "sets"))
        restobench.run(methods, "tiny", metrics=["psnr", "ssim-y"], options=options)
    return folder


@pytest.fixture
def tiny(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data set `tiny`, prepared here; its pictures may be passed on."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "sets"))
    return Path(shutil.copytree(once / "sets", tmp_path / "sets")) / "tiny"


@pytest.fixture
def made(once: Path, tiny: Path, tmp_path: Path) -> RunRecord:
    """`bicubic` on `tiny`, restored and scored."""
    (record,) = all_runs(Path(shutil.copytree(once / "runs", tmp_path / "runs")))
    return record


@pytest.fixture
def archive(made: RunRecord, tmp_path: Path) -> Path:
    """Its archive, with pictures."""
    return export_run(made, tmp_path / "run.zip").path


@pytest.fixture
def altered(archive: Path, tmp_path: Path) -> Altered:
    """A function that alters an archive's files and its manifest, which fits them again afterwards."""

    def alter(change: Callable[[dict[str, Any], Members], None]) -> Path:
        members = read_members(archive)
        manifest = json.loads(members.pop("manifest.json"))
        change(manifest, members)
        for name, content in members.items():
            manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        members["manifest.json"] = json.dumps(manifest).encode()
        return write_members(tmp_path / "altered.zip", members)

    return alter


def read_members(path: Path) -> Members:
    """Every file of an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: Members) -> Path:
    """An archive of these files, nothing compressed."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def edit(members: Members, name: str, change: Callable[[Any], Any]) -> None:
    """Alter a JSON file."""
    found = json.loads(members[name])
    changed = change(found)
    members[name] = json.dumps(found if changed is None else changed).encode()

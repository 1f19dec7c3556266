"""Runs become archives."""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

from restobench.dataset import dataset_cards
from restobench.errors import RestobenchError
from restobench.results import RunRecord
from restobench.sharing.pack import export_run, sharing_of
from restobench.store import RunFolder
from tests.sharing.conftest import card, read_members
from tests.test_results import make


def test_the_same_run_gives_the_same_bytes(made: RunRecord, tmp_path: Path) -> None:
    """Whoever has the archive can see that it is the one that was spoken of."""
    first = export_run(made, tmp_path / "one.zip").path
    (made.folder.picture("a")).touch()

    second = export_run(made, tmp_path / "two.zip").path

    assert first.read_bytes() == second.read_bytes()
    assert not list(tmp_path.glob(".part-*"))


def test_a_run_that_may_only_be_read_is_exported(made: RunRecord, small_disk: Path, tmp_path: Path) -> None:
    """A colleague's, or one on an archive's disk: there is no lock to take, and the bytes are the same."""
    there = Path(shutil.copytree(made.folder.path, small_disk / made.folder.path.name))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    read = export_run(RunRecord.read(RunFolder(there)), tmp_path / "read.zip").path

    assert read.read_bytes() == export_run(made, tmp_path / "made.zip").path.read_bytes()


def test_a_run_that_lost_a_picture_is_not_exported(made: RunRecord, tmp_path: Path) -> None:
    """Its means are of pictures that nobody could look at again."""
    made.folder.picture("a").unlink()

    with pytest.raises(RestobenchError, match="The picture of 'a' is gone from"):
        export_run(made, tmp_path / "run.zip")

    assert not list(tmp_path.glob("*.zip"))


def test_an_archive_holds_all_that_the_run_is(made: RunRecord, archive: Path) -> None:
    """And nothing is compressed: bytes would depend on a library's version."""
    members = read_members(archive)
    manifest = json.loads(members["manifest.json"])

    assert members["pictures/a.png"] == made.folder.picture("a").read_bytes()
    assert set(manifest["files"]) == members.keys() - {"manifest.json"}
    assert members.keys() >= {"run.json", "summary.json", "samples.json", "timing.json", "inputs.json"}
    with zipfile.ZipFile(archive) as opened:
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}


def test_where_things_lay_stays_at_home(made: RunRecord, tmp_path: Path) -> None:
    """Paths of weights and of folders, in fields and in the texts of failures, name people and machines."""
    run = made.folder.read_run()
    run["method"]["weights"] = {"net": "/home/alice/secret-project/net.pth"}
    run["dataset"]["reference"] = "/home/alice/data/tiny"
    run["samples"]["failed"] = {"z": "/home/alice/data/tiny/lq/z.png is damaged\x1b[2J"}
    run["sessions"][0] |= {"taken_over": {"/home/alice/runs/x": 1}, "notes": ["see /home/alice/log"]}
    made.folder.write_run(run)

    members = read_members(export_run(RunRecord.read(made.folder), tmp_path / "run.zip").path)

    assert b"alice" not in b"".join(members.values())
    assert json.loads(members["run.json"])["method"]["weights"] == {"net": "net.pth"}
    assert str(tmp_path).encode() not in b"".join(members.values())


def test_pictures_stay_at_home_where_the_card_forbids_to_pass_them_on(
    made: RunRecord, tiny: Path, tmp_path: Path
) -> None:
    """By default; with --pictures only for a reason, which stands in the archive."""
    (tiny / "card.toml").write_text(card("forbidden"))

    packed = export_run(made, tmp_path / "scores.zip")
    with pytest.raises(RestobenchError, match=r"may not be passed on: CC0\. Leave --pictures out, or say with --perm"):
        export_run(made, tmp_path / "run.zip", pictures=True)
    with pytest.raises(RestobenchError, match="--permission wants the reason in words"):
        export_run(made, tmp_path / "run.zip", pictures=True, permission=" \n")
    permitted = export_run(made, tmp_path / "run.zip", pictures=True, permission="within our group")

    assert packed.pictures == 0
    assert "does not let pictures be passed on (CC0)" in packed.why
    assert not [name for name in read_members(packed.path) if name.startswith("pictures/")]
    assert permitted.pictures == 3
    assert json.loads(read_members(permitted.path)["manifest.json"])["permission"] == "within our group"


def test_what_nobody_said_is_no_permission(made: RunRecord, tiny: Path, tmp_path: Path) -> None:
    """A folder without a card, a licence for research: the careful default, and --pictures is the user's word."""
    (tiny / "card.toml").write_text(card("unknown"))

    careful = export_run(made, tmp_path / "scores.zip")
    asked = export_run(made, tmp_path / "run.zip", pictures=True)

    assert "nobody said whether pictures of 'tiny' may be passed on (licence: CC0); --pictures puts them in" in (
        careful.why
    )
    assert (careful.pictures, asked.pictures) == (0, 3)
    assert sharing_of("a-folder-of-mine", "folder").sharing == "unknown"


def test_a_folder_is_no_published_set_because_of_its_name() -> None:
    """Unless that makes it stricter."""
    assert sharing_of("kodak24", "noise-25").sharing == "allowed"
    assert sharing_of("kodak24", "folder").sharing == "unknown"
    assert sharing_of("celeba-test", "folder").sharing == "forbidden"


def test_cards_forbid_what_their_licence_forbids() -> None:
    """The two say the same; what is allowed says that in so many words, or comes with restobench."""
    cards = {name: one for name, (one, _) in dataset_cards().items()}

    forbidden = {name for name, one in cards.items() if one.sharing == "forbidden"}

    assert forbidden == {name for name, one in cards.items() if "not ours to pass on" in one.licence}
    assert {"imagenet-test", "celeba-test", "lfw-test"} < forbidden
    assert {name for name, one in cards.items() if one.sharing == "allowed"} == {
        "demo", "demo-face", "demo-restoration", "kodak24",
    }  # fmt: skip


def test_a_run_that_is_being_written_is_left_alone(made: RunRecord, tmp_path: Path) -> None:
    """Half a run is no result."""
    lock = FileLock(made.folder.path / ".lock")
    lock.acquire()
    try:
        with pytest.raises(RestobenchError, match="Another process is writing"):
            export_run(made, tmp_path / "run.zip")
    finally:
        lock.release()
    assert not (tmp_path / "run.zip").exists()


def test_what_cannot_be_packed_is_a_sentence(made: RunRecord, tmp_path: Path) -> None:
    """And no file is left."""
    unscored = RunRecord.read(make(tmp_path / "runs", "unscored"))
    out = tmp_path / "out"
    out.mkdir()
    (out / "file").write_text("")

    for record, output, words in (
        (unscored, out / "run.zip", "was not evaluated; 'restobench evaluate unscored:demo'"),
        (made, out / "run.tar", "must end with .zip"),
        (made, out, "is a folder"),
        (made, out / "file" / "run.zip", "is no folder"),
        (made, made.folder.path / "run.zip", "would lie in the run itself"),
    ):
        with pytest.raises(RestobenchError, match=re.escape(words)):
            export_run(record, output)
    made.folder.picture("b").write_bytes(b"no picture")
    with pytest.raises(RestobenchError, match="is not a picture"):
        export_run(made, out / "run.zip")
    made.folder.picture("b").unlink()
    made.folder.picture("new").write_bytes(made.folder.picture("a").read_bytes())
    with pytest.raises(RestobenchError, match="'new' was restored since"):
        export_run(made, out / "run.zip")
    assert [path.name for path in out.iterdir()] == ["file"]

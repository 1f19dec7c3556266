"""Archives become runs, where they are what they say."""

import hashlib
import io
import json
import os
import shutil
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import restobench
from restobench.benchmark import evaluate_existing
from restobench.cache import Cache
from restobench.download import Patience
from restobench.errors import RestobenchError
from restobench.leaderboard.anonymous import scrubber
from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.published import Published
from restobench.planning import Options
from restobench.results import RunRecord, all_runs, find_run, newest
from restobench.sharing.archive import Limits
from restobench.sharing.pack import export_run
from restobench.sharing.take import import_run
from tests.file_server import FileServer
from tests.sharing.conftest import Altered, Members, edit, read_members, write_members

Change = Callable[[dict[str, Any], Members], None]


def refused(path: Path, runs: Path, words: str) -> None:
    """It is refused in one sentence, and nothing is left of it."""
    with pytest.raises(RestobenchError) as caught:
        import_run(str(path), runs)
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 700
    assert [one.name for one in runs.iterdir()] in ([], [".import.lock"]) if runs.exists() else True


def test_what_was_packed_comes_out_again(made: RunRecord, archive: Path, tmp_path: Path) -> None:
    """Pictures byte for byte, every score to the last digit; three pictures were scored again."""
    taken = import_run(str(archive), tmp_path / "theirs")

    theirs, ours = taken.record, made
    assert theirs.summary == ours.summary
    assert theirs.run["determinants"] == ours.run["determinants"]
    for sample_id in ("a", "b", "c"):
        assert theirs.folder.picture(sample_id).read_bytes() == ours.folder.picture(sample_id).read_bytes()
    table = restobench.read_results(tmp_path / "theirs", samples=True).drop(columns="key")
    assert table.equals(restobench.read_results(tmp_path / "runs", samples=True).drop(columns="key"))
    assert (set(taken.again.samples), taken.again.metrics) == ({"a", "b", "c"}, ("psnr", "ssim-y"))
    assert theirs.provenance == "imported, 3 of 3 pictures scored again here, from run.zip"


def test_importing_twice_changes_nothing(made: RunRecord, archive: Path, tmp_path: Path) -> None:
    """Neither where the archive came before, nor where the run was made."""
    first = import_run(str(archive), tmp_path / "theirs")
    again = import_run(str(archive), tmp_path / "theirs")
    at_home = import_run(str(archive), tmp_path / "runs")

    assert (first.new, again.new, at_home.new) == (True, False, False)
    assert again.record.folder == first.record.folder
    assert at_home.record.folder == made.folder
    assert len(all_runs(tmp_path / "runs")) == 1


def test_another_run_of_the_same_key_is_kept_beside_ours(made: RunRecord, archive: Path, tmp_path: Path) -> None:
    """It is said in what they differ; nothing is lost, and ours is the one that tables show."""
    made.folder.picture("b").write_bytes(made.folder.picture("a").read_bytes())

    taken = import_run(str(archive), tmp_path / "runs")

    assert taken.beside == "1 of 3 pictures"
    assert len(all_runs(tmp_path / "runs")) == 2
    assert [one.folder for one in newest(all_runs(tmp_path / "runs"))] == [made.folder]
    assert find_run(tmp_path / "runs", "bicubic").folder == made.folder
    assert find_run(tmp_path / "runs", str(taken.record.folder.path)).folder == taken.record.folder


def test_run_takes_no_imported_picture_for_its_own(archive: Path, tmp_path: Path) -> None:
    """Nobody here saw them being made: the run makes its own beside, and says so."""
    theirs = tmp_path / "theirs"
    imported = import_run(str(archive), theirs).record.folder
    said: list[str] = []

    class Told:
        def say(self, line: str) -> None:
            said.append(line)

        def stage(self, title: str, total: int) -> Any:
            from restobench.reporter import Silence

            return Silence().stage(title, total)

    options = Options(runs=theirs, device="cpu")
    restobench.run("bicubic", "tiny", metrics=["psnr"], options=options, reporter=Told())

    own, other = sorted(all_runs(theirs), key=lambda record: record.folder.is_imported)
    assert other.folder == imported
    assert own.run["sessions"][0]["restored"] == 3
    assert any(f"an imported run has this key ({imported.path}), and is not reused" in line for line in said)
    shutil.rmtree(own.folder.path)
    only = Options(runs=theirs, device="cpu", existing="only")
    with pytest.raises(RestobenchError, match="There are no pictures of"):
        restobench.run("bicubic", "tiny", metrics=["psnr"], options=only)


def test_an_imported_run_stands_in_tables_with_where_it_came_from(archive: Path, tmp_path: Path) -> None:
    """But for reviewers, who could tell from it who wrote the paper."""
    record = import_run(str(archive), tmp_path / "theirs").record

    (row,) = assemble([record], Published()).tables[0].rows

    assert row.notes[0] == record.provenance
    assert scrubber()(record.provenance) == "imported, 3 of 3 pictures scored again here"
    evaluate_existing("bicubic", Options(runs=tmp_path / "theirs", device="cpu"), Cache(), metrics=["psnr"])
    assert record.provenance == "imported, scored anew here, from run.zip"


def test_scores_alone_are_said_to_be_unchecked(made: RunRecord, tmp_path: Path) -> None:
    """And are not scored away by an evaluation that finds no pictures."""
    scores = export_run(made, tmp_path / "scores.zip", pictures=False).path

    record = import_run(str(scores), tmp_path / "theirs").record

    assert record.provenance == "imported, scores only, not checked again (there are no pictures), from scores.zip"
    with pytest.raises(RestobenchError, match="was imported with scores only: there are no pictures to score"):
        evaluate_existing("bicubic", Options(runs=tmp_path / "theirs"), Cache())
    assert record.summary == made.summary


def test_what_cannot_be_scored_again_is_said(archive: Path, tiny: Path, tmp_path: Path) -> None:
    """The data set is not here, or is another one; one that is named must be the right one."""
    elsewhere = tiny.rename(tmp_path / "elsewhere")

    assert "the data set 'tiny' is not known here" in import_run(str(archive), tmp_path / "one").record.provenance
    found = import_run(str(archive), tmp_path / "two", dataset=elsewhere)
    assert len(found.again.samples) == 3
    assert found.record.run["dataset"]["reference"] == str(elsewhere)
    none = import_run(str(archive), tmp_path / "three", dataset=elsewhere, again=0)
    assert "not checked again (nothing was to be scored again)" in none.record.provenance
    Image.new("RGB", (34, 26)).save(elsewhere / "gt" / "a.png")
    with pytest.raises(RestobenchError, match="The data set 'tiny' here is another one"):
        import_run(str(archive), tmp_path / "four", dataset=elsewhere)
    elsewhere.rename(tiny)
    assert "'tiny' here is another one" in import_run(str(archive), tmp_path / "five").record.provenance


def test_a_folder_without_clean_pictures_is_scored_at_the_scale_of_the_run(tiny: Path, tmp_path: Path) -> None:
    """It cannot tell its own."""
    (tiny / "lq").rename(tmp_path / "real")
    options = Options(runs=tmp_path / "runs", device="cpu")
    restobench.run("bicubic", tmp_path / "real", metrics=["consistency"], scale=2, options=options)
    (record,) = all_runs(tmp_path / "runs")
    archive = export_run(record, tmp_path / "run.zip", pictures=True).path

    taken = import_run(str(archive), tmp_path / "theirs", dataset=tmp_path / "real")

    assert taken.again.metrics == ("consistency",)


def test_a_number_that_is_not_its_pictures_is_refused(altered: Altered, tmp_path: Path) -> None:
    """With the sample, the metric and both numbers; the table around it was made to fit."""

    def flatter(manifest: dict[str, Any], members: Members) -> None:
        def better(table: dict[str, Any]) -> None:
            for row in table["rows"]:
                row["values"]["psnr"] += 0.01

        def mean(summary: list[dict[str, Any]]) -> None:
            for name in ("mean", "low", "high"):
                summary[0][name] += 0.01

        edit(members, "samples.json", better)
        edit(members, "summary.json", mean)

    refused(altered(flatter), tmp_path / "theirs", "in the archive, and")
    refused(altered(flatter), tmp_path / "theirs", "scored again here, more apart than the tolerance of 0.002")


def test_the_last_digit_of_another_machine_is_no_lie(altered: Altered, tmp_path: Path) -> None:
    """A number within the tolerance of the guard against regressions is as the archive says."""

    def other_machine(manifest: dict[str, Any], members: Members) -> None:
        def moved(table: dict[str, Any]) -> None:
            for row in table["rows"]:
                row["values"]["psnr"] *= 1 + 1e-7

        edit(members, "samples.json", moved)

    assert len(import_run(str(altered(other_machine)), tmp_path / "theirs").again.samples) == 3


def test_an_interval_is_worked_out_here(made: RunRecord, altered: Altered, tmp_path: Path) -> None:
    """A narrower one would make methods look as if they could be told apart."""

    def narrow(manifest: dict[str, Any], members: Members) -> None:
        def no_width(summary: list[dict[str, Any]]) -> None:
            summary[0] |= {"low": summary[0]["mean"], "high": summary[0]["mean"]}

        edit(members, "summary.json", no_width)

    theirs = import_run(str(altered(narrow)), tmp_path / "theirs").record

    assert theirs.summary == made.summary


def test_pictures_that_were_exchanged_are_found(made: RunRecord, altered: Altered, tmp_path: Path) -> None:
    """Even where the manifest was made to fit."""

    def exchange(manifest: dict[str, Any], members: Members) -> None:
        members["pictures/a.png"] = members["pictures/b.png"]

    refused(altered(exchange), tmp_path / "theirs", "the pixels of 'a' are not those that samples.json was made of")


def test_the_same_pixels_compressed_otherwise_are_the_same_picture(altered: Altered, tmp_path: Path) -> None:
    """An optimiser of PNG files alters no result."""

    def smaller(manifest: dict[str, Any], members: Members) -> None:
        stream = io.BytesIO()
        Image.open(io.BytesIO(members["pictures/a.png"])).save(stream, "PNG", compress_level=9)
        members["pictures/a.png"] = stream.getvalue()

    assert import_run(str(altered(smaller)), tmp_path / "theirs").new


def set_in(name: str, *steps: Any, to: Any) -> Change:
    """A change of one value in a JSON file."""

    def change(manifest: dict[str, Any], members: Members) -> None:
        def put(found: Any) -> None:
            for step in steps[:-1]:
                found = found[step]
            found[steps[-1]] = to

        put(manifest) if name == "manifest.json" else edit(members, name, put)

    return change


def add(name: str, content: bytes = b"x") -> Change:
    """One more file."""
    return lambda manifest, members: members.update({name: content})


def drop(name: str, *, listed: bool) -> Change:
    """One file less."""

    def change(manifest: dict[str, Any], members: Members) -> None:
        del members[name]
        if not listed:
            del manifest["files"][name]

    return change


def png_bomb() -> bytes:
    """A PNG of a few bytes that says it has 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add("pictures/../../../evil.png"), "would lie outside of the run"),
        (add("/etc/evil.png"), "would lie outside of the run"),
        (add("C:/evil.png"), "would lie outside of the run"),
        (add("pictures\\..\\evil.png"), "would lie outside of the run"),
        (add("evil.sh"), "is none that a run has"),
        (add("samples.parquet"), "is none that a run has"),
        (add("pictures/.part-1.png"), "has a name that no picture of a run has"),
        (add("pictures/\x1b[2J.png"), "has a name that no picture of a run has"),
        (add(f"pictures/{'x' * 300}.png"), "has a name that no picture of a run has"),
        (add("pictures/z.png"), "is in the archive or in samples.json, and not in both"),
        (add("pictures/a.png/b.png"), "is in the archive or in samples.json, and not in both"),
        (drop("pictures/a.png", listed=True), "it lacks 'pictures/a.png', which its manifest lists"),
        (drop("pictures/a.png", listed=False), "in the archive or in samples.json, and not in both"),
        (drop("samples.json", listed=False), "it lacks samples.json"),
        (add("pictures/a.png", b"GIF89a"), "the picture 'a' is no PNG"),
        (add("pictures/a.png", png_bomb()), "the picture 'a' would have 50000 x 50000 pixels"),
        (add("pictures/a.png", png_bomb()[:30]), "the picture 'a' would have"),
        (add("pictures/a.png", b"\x89PNG\r\n\x1a\n"), "the picture 'a' is no PNG"),
        (set_in("manifest.json", "schema", to=2), "it has schema 2, and this restobench reads 1; update"),
        (set_in("manifest.json", "kind", to="cake"), "not one that 'restobench results export' made"),
        (set_in("manifest.json", "dataset", to=5), "manifest.json is not as a run's is (dataset"),
        (set_in("manifest.json", "key", to="../../x"), "name two runs"),
        (set_in("manifest.json", "pictures", to=False), "it says that it holds scores only, and has"),
        (set_in("run.json", "schema", to=9), "of another schema"),
        (set_in("run.json", "label", to="../../x"), "The name '../../x'"),
        (set_in("run.json", "label", to="x\x1b[31m"), "holds the control character '\\x1b'"),
        (set_in("run.json", "variant", to="../.."), "run.json is not as a run's is (variant"),
        (set_in("run.json", "dataset", "name", to="../.."), "run.json is not as a run's is (dataset.name"),
        (set_in("run.json", "dataset", "reference", to="http://169.254.169.254/"), "its data set is said to lie at"),
        (set_in("run.json", "dataset", "fingerprint", to="f" * 64), "names two data sets"),
        (set_in("run.json", "determinants", "scale", to=3), "name two runs"),
        (set_in("run.json", "samples", "restored", to=2), "it holds 3 pictures, and its run.json says 2"),
        (set_in("run.json", "sessions", 0, "hardware", to={}), "run.json is not as a run's is (sessions.0"),
        (set_in("run.json", "method", "title", to="\u202e evil"), "control character '\\u202e'"),
        (set_in("summary.json", 0, "mean", to=99.0), "lies outside of its interval"),
        (set_in("summary.json", 0, "missing", to=1), "counts other values of psnr"),
        (set_in("summary.json", 0, "count", to=2), "the signature of psnr is that of another number"),
        (set_in("summary.json", 0, "metric", to="=cmd"), "summary.json is not as a run's is (rows.0.metric"),
        (set_in("summary.json", 0, "metric", to="ssim-y"), "has a metric twice"),
        (set_in("summary.json", 0, "signature", to="restobench|v1|x"), "summary.json: "),
        (set_in("manifest.json", "came_here", to={"a": 1}), "manifest.json is not as a run's is (came_here"),
        (set_in("samples.json", "rows", 1, "id", to="a"), "samples.json has a sample twice"),
        (set_in("samples.json", "rows", 1, "id", to="../b"), "would lie outside of the run"),
        (set_in("samples.json", "rows", 1, "group", to="z"), "is said to be of the group 'z', not 'b'"),
        (set_in("samples.json", "rows", 1, "values", to={}), "has other columns than the others"),
        (set_in("samples.json", "rows", 1, "pixels", to=None), "and not in both"),
        (set_in("samples.json", "metrics", to=["psnr", "ssim-y", "id"]), "has other columns"),
        (set_in("timing.json", "seconds", to={"z": 1.0}), "has the sample 'z', which samples.json has not"),
        (set_in("timing.json", "kind", to="guessed"), "timing.json is not as a run's is (kind"),
        (set_in("inputs.json", "sha256", to={"a": "0" * 64}), "from another input than that of the data set"),
        (add("run.json", b'{"schema": NaN}'), "run.json is damaged (NaN is no number)"),
        (add("run.json", b'{"schema": 1e999}'), "holds a number that is infinite"),
        (add("run.json", b"[" * 100_000), "run.json is damaged"),
        (add("run.json", b'{"schema": 1, "schema": 1}'), "a key stands twice"),
        (add("run.json", b'{"schema": "\\ud800"}'), "holds the control character"),
        (add("run.json", b"\xff"), "run.json is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_was_altered_is_refused(altered: Altered, tmp_path: Path, change: Change, words: str) -> None:
    """Although the hashes in its manifest fit."""
    refused(altered(change), tmp_path / "theirs", words)


def test_a_byte_that_was_altered_on_the_way_is_found(archive: Path, tmp_path: Path) -> None:
    """By the checksum of the zip file, and where that was mended by the hash in the manifest."""
    members = read_members(archive)
    members["pictures/a.png"] = members["pictures/a.png"][:-1] + b"x"
    refused(write_members(tmp_path / "mended.zip", members), tmp_path / "theirs", "is not what its manifest says")
    whole = bytearray(archive.read_bytes())
    whole[whole.index(b"IDAT") + 20] ^= 1
    (tmp_path / "flipped.zip").write_bytes(whole)
    refused(tmp_path / "flipped.zip", tmp_path / "theirs", "is damaged")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:-500])
    refused(tmp_path / "cut.zip", tmp_path / "theirs", "is no archive of a run, or cut off")


def zipped(path: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members:
            archive.writestr(info, content)
    return path


def test_links_devices_folders_compression_and_pairs_are_refused(archive: Path, tmp_path: Path) -> None:
    """No archive of ours has any."""
    content = read_members(archive)["run.json"]
    for mode in (0o120777, 0o060666, 0o010666, 0o040755):
        info = zipfile.ZipInfo("run.json")
        info.external_attr = mode << 16
        refused(zipped(tmp_path / "x.zip", (info, content)), tmp_path / "theirs", "is a link, a folder or a device")
    squeezed = zipfile.ZipInfo("run.json")
    squeezed.compress_type = zipfile.ZIP_DEFLATED
    refused(zipped(tmp_path / "x.zip", (squeezed, bytes(10**6))), tmp_path / "theirs", "is compressed")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(tmp_path / "x.zip", *[(zipfile.ZipInfo("run.json"), content)] * 2)
    refused(twice, tmp_path / "theirs", "it holds two files called 'run.json'")
    refused(zipped(tmp_path / "x.zip"), tmp_path / "theirs", "it has no manifest.json")
    refused(tmp_path / "none.zip", tmp_path / "theirs", "does not exist")
    (tmp_path / "page.zip").write_text("<html>")
    refused(tmp_path / "page.zip", tmp_path / "theirs", "is no archive of a run")
    refused(tmp_path, tmp_path / "theirs", "is a folder")


def test_files_that_overlap_or_claim_too_much_are_refused(archive: Path, tmp_path: Path) -> None:
    """A bomb of stored files is one whose files share their bytes."""
    whole = bytearray(archive.read_bytes())
    at = whole.rindex(b"PK\x01\x02")  # the manifest in the list of files
    struct.pack_into("<II", whole, at + 20, 10**8, 10**8)
    (tmp_path / "claims.zip").write_bytes(whole)
    refused(tmp_path / "claims.zip", tmp_path / "theirs", "they overlap")
    with pytest.raises(RestobenchError, match="as none of a run has"):
        import_run(str(archive), tmp_path / "theirs", limits=Limits(record_bytes=100))
    with pytest.raises(RestobenchError, match="no run has more than 3"):
        import_run(str(archive), tmp_path / "theirs", limits=Limits(files=3))
    with pytest.raises(RestobenchError, match="would have 34 x 26 pixels"):
        import_run(str(archive), tmp_path / "theirs", limits=Limits(pixels=800))


def test_names_that_meet_on_the_disk_are_refused(altered: Altered, tmp_path: Path) -> None:
    """A picture cannot be a folder too."""

    def meet(manifest: dict[str, Any], members: Members) -> None:
        members["pictures/a.png/x.png"] = members.pop("pictures/b.png")
        del manifest["files"]["pictures/b.png"]
        for name in ("samples.json",):
            edit(members, name, lambda table: table["rows"][1].update(id="a.png/x"))
        edit(members, "timing.json", lambda timing: timing.update(seconds={}))
        del members["inputs.json"], manifest["files"]["inputs.json"]

    refused(altered(meet), tmp_path / "theirs", "would lie where another one does")


def test_an_archive_comes_from_an_address(archive: Path, tmp_path: Path) -> None:
    """Broken off, it goes on; what may be a key to it is not kept with the run."""
    server = FileServer(archive.read_bytes())
    server.behaviours = ["break off", "good"]
    patience = Patience(connect=1, read=1, attempts=2, pause=0.01)
    with server.running():
        url = f"{server.url('run.zip')}?token=secret"
        record = import_run(url, tmp_path / "theirs", patience=patience).record
        server.behaviours = ["page"]
        with pytest.raises(RestobenchError, match="gives a web page and not the file"):
            import_run(server.url("other.zip"), tmp_path / "theirs", patience=patience)
        server.behaviours = ["chunked"]
        with pytest.raises(RestobenchError, match="it has more than 100 bytes, as no run has"):
            import_run(server.url("large.zip"), tmp_path / "x", patience=patience, limits=Limits(archive_bytes=100))
        server.behaviours = [404]
        with pytest.raises(RestobenchError, match="the server has no such file"):
            import_run(server.url("gone.zip"), tmp_path / "theirs", patience=patience)

    assert record.provenance.endswith(f"from {server.url('run.zip')}")
    assert len(server.asked) == 5
    home = Path(os.environ["RESTOBENCH_HOME"])
    assert not list((home / "downloads" / "runs").glob("*.zip"))


def test_an_address_that_cannot_be_had_is_a_sentence(tmp_path: Path) -> None:
    """Nobody listens, a password that would be kept, a scheme that is none of ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    patience = Patience(connect=0.5, read=0.5, attempts=1, pause=0.01)

    with pytest.raises(RestobenchError, match="could not be reached"):
        import_run(f"http://127.0.0.1:{port}/run.zip", tmp_path, patience=patience)
    with pytest.raises(RestobenchError, match="holds a password"):
        import_run("http://me:secret@127.0.0.1/run.zip", tmp_path)
    with pytest.raises(RestobenchError, match="neither a file nor an address"):
        import_run("s3://bucket/run.zip", tmp_path)


def test_which_pictures_are_scored_again_follows_from_the_archive(
    archive: Path, altered: Altered, tmp_path: Path
) -> None:
    """Alike wherever it is imported; whoever alters the archive alters the choice."""
    one = import_run(str(archive), tmp_path / "one", again=1).again.samples
    two = import_run(str(archive), tmp_path / "two", again=1).again.samples

    assert one == two
    assert len(one) == 1
    facts = json.loads((import_run(str(archive), tmp_path / "one").record.folder.imported_path).read_text())
    assert facts["archive"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert facts["again"]["samples"] == list(one)


def test_what_a_killed_import_left_is_swept_away(archive: Path, tmp_path: Path) -> None:
    """It was in no table, and takes no room."""
    left = tmp_path / "theirs" / ".import-old"
    (left / "pictures").mkdir(parents=True)
    (left / "run.json").write_text("{")

    assert all_runs(tmp_path / "theirs") == []
    import_run(str(archive), tmp_path / "theirs")

    assert not left.exists()
    assert np.all([path.name != ".import-old" for path in (tmp_path / "theirs").iterdir()])


def test_a_full_disk_is_a_sentence_and_leaves_nothing(made: RunRecord, small_disk: Path, tmp_path: Path) -> None:
    """Neither half a run, nor half an archive."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    Image.fromarray(noise).save(made.folder.picture("a"))
    archive = export_run(made, tmp_path / "run.zip").path

    with pytest.raises(RestobenchError, match="There is no room for the run"):
        import_run(str(archive), small_disk / "theirs")
    with pytest.raises(RestobenchError, match="The disk is full"):
        export_run(made, small_disk / "run.zip")

    assert [path.name for path in small_disk.rglob("*")] == ["theirs", ".import.lock"]

import io
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restobench.cache import Cache
from restobench.dataset import NotPreparedError, dataset_cards, open_dataset
from restobench.dataset_card import DatasetCard
from restobench.errors import RestobenchError
from restobench.faces.detection import Face
from restobench.faces.grey import Pixels
from restobench.faces.template import FACE_TEMPLATE
from restobench.files import PART_PREFIX, sha256_of
from restobench.journal import UNFINISHED
from restobench.preparing.prepare import Prepared, Published, prepare_dataset, published
from restobench.preparing.record import RECORD, read_record
from restobench.preparing.verify import verify_dataset
from tests.preparing.replicas import CAMERAS, FACES, IMAGENET, pairs, png, small, write

Files = dict[str, bytes]
PROTOCOLS = ("face-synthetic-v1", "face-real-v1", "sr-synthetic-v1", "sr-real-v1", "restoration-v1", "offline-v1")


@pytest.fixture(autouse=True)
def _own_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(tmp_path / "datasets"))


def faces(folder: str) -> Files:
    return {f"{folder}/{name}.png": png(number, 512, 512) for number, name in enumerate(FACES)}


def realsr() -> Files:
    whole: Files = {}
    for camera in ("Canon", "Nikon"):
        ids = [name for name in CAMERAS if name.startswith(camera)]
        for part in ("Test", "Train"):
            whole |= pairs(f"{camera}/{part}/4/{{}}_LR4.png", f"{camera}/{part}/4/{{}}_HR.png", ids, (15, 11), 4)
    return {f"RealSR(V3)/{name}": content for name, content in whole.items()}


RESTORMER = ("rain100l", "rain100h", "test100", "test1200", "test2800", "gopro", "hide")
LAYOUTS: dict[str, tuple[str, Files]] = {
    "celeba-test": (
        "celeba-test",
        pairs("celeba_512_validation_lq/{}.png", "celeba_512_validation/{}.png", FACES, (512, 512)),
    ),
    "ffhq": ("ffhq", {f"FFHQ512/00000/{n:05}.png": png(n, 512, 512) for n in range(3)}),
    "celeba-test, two folders": ("celeba-test@codeformer3000", pairs("LQ/{}.png", "HQ/{}.png", FACES, (512, 512))),
    "celeba-test of DifFace": ("celeba-test@difface2000", pairs("lq/{}.png", "gt/{}.png", FACES, (512, 512))),
    "lfw-test": ("lfw-test", faces("LFW-Test/cropped_faces") | faces("notes")),
    "webphoto-test": ("webphoto-test", faces("WebPhoto-Test")),
    "wider-test among others": ("wider-test", faces("Wider-Test") | faces("LFW-Test") | faces("WebPhoto-Test")),
    "celebchild-test": ("celebchild-test", faces("CelebChild-Test")),
    "realsr": ("realsr", realsr()),
    "realsr, flat": ("realsr", pairs("test/{}_LR4.png", "test/{}_HR.png", CAMERAS, (15, 11), 4)),
    "realsr, enlarged": ("realsr@same-size", pairs("t/{}_LR4.png", "t/{}_HR.png", CAMERAS, (15, 11))),
    "realsr, crops": (
        "realsr@stablesr-crop512",
        pairs("RealSRVal_crop128/test_LR/{}.png", "RealSRVal_crop128/test_HR/{}.png", CAMERAS, (128, 128), 4),
    ),
    "imagenet-test": ("imagenet-test", pairs("lq/{}.png", "gt/{}.png", IMAGENET, (64, 64), 4)),
    "realset65": ("realset65", {f"ResShift-master/testdata/RealSet65/{name}.png": png(0, 31, 17) for name in "ab"}),
    "realset80": ("realset80", {f"testdata/RealSet{n}/{name}.png": png(n, 31, 17) for n in (65, 80) for name in "ab"}),
    "set5, of EDSR": (
        "set5",
        pairs("benchmark/Set5/LR_bicubic/X4/{}x4.png", "benchmark/Set5/HR/{}.png", ["baby", "bird"], (13, 9), 4),
    ),
    "set14, of BasicSR": ("set14", pairs("Set14/LRbicx4/{}.png", "Set14/GTmod12/{}.png", ["zebra"], (13, 9), 4)),
    "urban100": (
        "urban100",
        pairs("image_SRF_4/{}_SRF_4_LR.png", "image_SRF_4/{}_SRF_4_HR.png", ["img_001"], (13, 9), 4),
    ),
} | {
    name: (
        name,
        pairs(f"test/{name.title()}/input/{{}}.png", f"test/{name.title()}/target/{{}}.png", ["1", "2"], (13, 9)),
    )
    for name in RESTORMER
}


COUNTS = {"celeba": 3, "realsr": 3, "imagenet": 2, "realset": 2, "set5": 2, "set14": 1, "urban": 1}


def as_zip(folder: Path) -> Path:
    """As macOS packs it."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
        archive.writestr("__MACOSX/lq/._a.png", b"macOS")
        archive.writestr("lq/.DS_Store", b"macOS")
    return folder.with_suffix(".zip")


def as_tar(folder: Path) -> Path:
    with tarfile.open(folder.with_suffix(".tar.gz"), "w:gz") as archive:
        archive.add(folder, "./deep/down")
    return folder.with_suffix(".tar.gz")


def in_capitals(folder: Path) -> Path:
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        path.rename(path.with_name(path.name.upper()))
    return folder


def prepared(reference: str, source: Path | list[Path], **options: object) -> Prepared:
    sources = source if isinstance(source, list) else [source]
    return prepare_dataset(replica(reference), sources, **options)  # type: ignore[arg-type]


def replica(reference: str) -> Published:
    """The published set, as large as its small replica is."""
    known = (count for name, count in COUNTS.items() if reference.startswith(name))
    return small(reference, count=next(known, 2 if reference in RESTORMER else 3), other_counts=())


@pytest.mark.parametrize("case", LAYOUTS)
def test_every_card_s_layout_becomes_a_data_set(tmp_path: Path, case: str) -> None:
    """What is published is recognised, opened by its name, and verified."""
    reference, files = LAYOUTS[case]
    source = write(tmp_path / "downloads", files)

    made = prepared(reference, source)
    dataset = open_dataset(reference)

    assert dataset.name == published(reference).card.name
    assert len(dataset.samples) == made.card.count
    assert dataset.fingerprint(Cache()) == made.card.fingerprint
    assert not verify_dataset(reference, full=True).differences
    first = dataset.samples[0].lq or dataset.samples[0].gt
    assert first is not None
    assert sha256_of(first) in {sha256_of(path) for path in source.rglob("*.*")}


def test_no_card_is_left_out() -> None:
    """A card whose layout nobody tried is a promise."""
    with_layouts = {card.name for card, _ in dataset_cards().values() if card.layouts}

    assert with_layouts == {reference.partition("@")[0] for reference, _ in LAYOUTS.values()}


@pytest.mark.parametrize("pack", [as_zip, as_tar, in_capitals])
@pytest.mark.parametrize("case", ["celeba-test", "realsr", "imagenet-test"])
def test_however_it_is_packed_it_is_the_same_set(tmp_path: Path, case: str, pack: Callable[[Path], Path]) -> None:
    """Archives, deeper folders, other letter cases, and what macOS adds."""
    reference, files = LAYOUTS[case]
    plain = prepared(reference, write(tmp_path / "plain", files), output=tmp_path / "a")

    packed = prepared(reference, pack(write(tmp_path / "packed", files)), output=tmp_path / "b")

    assert packed.card.count == plain.card.count
    if pack is not in_capitals:
        assert packed.card == plain.card


def test_a_set_in_two_downloads(tmp_path: Path) -> None:
    """Drives offer a folder each; an archive's name is a folder's."""
    ids = FACES[:3]
    lq = as_zip(write(tmp_path / "celeba_lq", {f"{name}.png": png(1, 512, 512) for name in ids}))
    hq = as_zip(write(tmp_path / "celeba_hq", {f"{name}.png": png(2, 512, 512) for name in ids}))

    assert prepared("celeba-test", [lq, hq]).card.count == 3


def test_the_other_count_is_taken_and_told(tmp_path: Path) -> None:
    """WebPhoto is 407 pictures in the papers and 469 in another copy."""
    wanted = small("webphoto-test", count=2, other_counts=(3,))

    made = prepare_dataset(wanted, [write(tmp_path / "web", faces("WebPhoto"))])

    assert made.card.count == 3
    assert len(open_dataset("webphoto").samples) == 3


def test_samples_are_tagged_by_their_names(tmp_path: Path) -> None:
    """RealSR's cameras."""
    prepared("realsr", write(tmp_path / "d", realsr()))

    assert [sample.tags["camera"] for sample in open_dataset("realsr").samples] == ["Canon", "Canon", "Nikon"]


def test_linked_pictures_take_no_room(tmp_path: Path) -> None:
    """One file, two names."""
    source = write(tmp_path / "lfw", faces("lfw"))

    made = prepared("lfw-test", source, link=True)

    assert (made.folder / f"lq/{FACES[0]}.png").samefile(source / f"lfw/{FACES[0]}.png")


def jpeg(content: bytes) -> bytes:
    """The picture as a JPEG file."""
    saved = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(saved, "jpeg")
    return saved.getvalue()


LQ, GT = "celeba_512_validation_lq", "celeba_512_validation"


def drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: write(folder, {name: content})


def test_pictures_enlarged_beforehand_are_not_resampled(tmp_path: Path) -> None:
    """RealSR's LR4 has the size of HR in some versions: another revision."""
    source = write(tmp_path / "d", LAYOUTS["realsr, enlarged"][1])

    with pytest.raises(RestobenchError, match=r"gt is not 4 times lq: .* lq has the size of gt"):
        prepared("realsr", source)
    assert not (tmp_path / "datasets").exists()


def test_names_of_another_set_are_refused(tmp_path: Path) -> None:
    """Counts and sizes may fit by chance."""
    source = write(tmp_path / "d", pairs("lq/{}.png", "gt/{}.png", ["a", "b"], (64, 64), 4))

    with pytest.raises(RestobenchError, match="2 names are none of this set's: a, b"):
        prepared("imagenet-test", source)


def test_it_goes_on_after_a_failure_and_ends_the_same(tmp_path: Path) -> None:
    """What was taken over is kept; only the torn picture is done again."""
    files = {name.replace(".png", ".jpg"): jpeg(content) for name, content in LAYOUTS["celeba-test"][1].items()}
    source = write(tmp_path / "downloads", files)
    torn = f"{LQ}/{FACES[1]}.jpg"  # its header is whole
    write(source, {torn: files[torn][:900]})
    with pytest.raises(RestobenchError, match="1 of 6 pictures could not be taken over; the others are kept"):
        prepared("celeba-test", source)

    write(source, {torn: files[torn]})
    made = prepared("celeba-test", source)
    again = prepared("celeba-test", source)

    assert (made.taken, again.taken) == (1, 0)
    assert not verify_dataset("celeba", full=True).differences


@pytest.mark.parametrize("keep", [0, 4])
def test_a_killed_command_goes_on_and_ends_as_an_undisturbed_one(tmp_path: Path, keep: int) -> None:
    """In the middle of a file, and of a line of the journal; until then the set cannot be opened."""
    source = write(tmp_path / "downloads", LAYOUTS["celeba-test"][1])
    folder = prepared("celeba-test", source).folder
    calm = content_of(folder)
    record = read_record(folder / RECORD)
    lines = [record.head.model_dump_json(by_alias=True), *(step.model_dump_json() for step in record.steps)]
    (folder / UNFINISHED).write_text("\n".join([*lines[: keep + 1], lines[keep + 1][:90]]))
    for step in record.steps[keep:]:
        (folder / step.pictures[0].path).unlink()
    (folder / "lq").mkdir(exist_ok=True)
    (folder / "lq" / f"{PART_PREFIX}1-2").write_bytes(b"half a picture")
    (folder / RECORD).unlink()
    (folder / "card.toml").unlink()

    with pytest.raises(RestobenchError, match="is not finished"):
        open_dataset("celeba-test")
    resumed = prepared("celeba-test", source)

    assert resumed.taken == 6 - keep
    assert content_of(folder) == calm


def content_of(folder: Path) -> Files:
    """Every file of a set by its path, but for the lock."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_another_source_is_not_mixed_in(tmp_path: Path) -> None:
    """Two copies of a set in one folder would be neither."""
    prepared("lfw-test", write(tmp_path / "one", faces("lfw")))

    with pytest.raises(RestobenchError, match="prepared from another source"):
        prepared("lfw-test", write(tmp_path / "two", faces("lfw")))
    with pytest.raises(RestobenchError, match="holds another set, 'lfw-test@vqfr1711'"):
        prepared("wider-test", tmp_path / "one", output=tmp_path / "datasets" / "lfw-test")


@pytest.mark.parametrize(
    ("reference", "options", "words"),
    [
        ("demo", {}, "comes with restobench"),
        ("realsr", {"link": True}, "cannot be linked"),
        ("lfw-test", {"output": "downloads"}, "lie in each other"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, reference: str, options: dict[str, object], words: str) -> None:
    """Before anything is read."""
    source = write(tmp_path / "downloads", faces("lfw"))
    archive = as_zip(source) if options.get("link") else source
    options = {key: tmp_path / value if isinstance(value, str) else value for key, value in options.items()}

    with pytest.raises(RestobenchError, match=words):
        prepared(reference, archive, **options)


def find_one(stored: Pixels) -> list[Face]:
    """A face where the template has it, in every photograph that is not dark."""
    shown = float(np.mean(stored)) > 20
    return [Face(0, (0, 0, 512, 512), 1.0, FACE_TEMPLATE)] if shown else []


def test_faces_are_cut_out_of_raw_photographs(tmp_path: Path) -> None:
    """They are a revision of their own; photographs without a face are named."""
    source = write(tmp_path / "raw", {"a/one.png": png(99, 600, 520)})
    (source / "b").mkdir()
    Image.new("RGB", (600, 520)).save(source / "b" / "dark.png")

    made = prepare_dataset(published("lfw"), [source], find_faces=find_one)
    dataset = open_dataset("lfw@aligned")

    assert [sample.id for sample in dataset.samples] == ["one"]
    assert made.faceless == ("raw/b/dark.png",)
    assert made.card.revision == "aligned"
    with pytest.raises(RestobenchError, match="is no set of aligned faces"):
        prepare_dataset(published("realsr"), [source], find_faces=find_one)


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (drop(f"lq/{FACES[0]}.png"), f"lq/{FACES[0]}.png is missing"),
        (put("lq/new.png", png(0, 512, 512)), "lq/new.png is not of this set"),
        (put(f"lq/{FACES[0]}.png", b"x"), f"lq/{FACES[0]}.png has 1 bytes, and should have"),
    ],
)
def test_verifying_finds_what_differs(tmp_path: Path, spoil: Callable[[Path], object], difference: str) -> None:
    """Names and sizes are quick to compare."""
    made = prepared("lfw-test", write(tmp_path / "one", faces("lfw")))
    spoil(made.folder)

    (found,) = verify_dataset("lfw").differences

    assert found.startswith(difference)


def test_only_the_full_comparison_sees_other_contents(tmp_path: Path) -> None:
    """A file of the same size."""
    made = prepared("lfw-test", write(tmp_path / "one", faces("lfw")))
    path = made.folder / f"lq/{FACES[0]}.png"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)

    assert not verify_dataset("lfw").differences
    assert verify_dataset("lfw", full=True).differences == (f"lq/{FACES[0]}.png has another content",)


def test_an_unprepared_set_names_the_command() -> None:
    """By alias and by revision too."""
    with pytest.raises(NotPreparedError, match="restobench datasets prepare wider-test --source"):
        open_dataset("wider")
    with pytest.raises(NotPreparedError, match="datasets prepare realsr@stablesr-crop512 --source"):
        open_dataset("realsr@stablesr-crop512")
    with pytest.raises(RestobenchError, match="No revision of 'realsr' is called 'v4'"):
        published("realsr@v4")


def test_a_card_is_whole_by_itself() -> None:
    """Counts and sizes of one revision are not another's."""
    card: DatasetCard = published("realsr@same-size").card

    assert (card.revision, card.scale, card.task, card.revisions) == ("same-size", 1, "restoration", {})
    assert Published(*published("celeba@difface2000")).card.count == 2000


@pytest.mark.parametrize(
    ("name", "sample_id", "group"),
    [
        ("gopro", "GOPR0384_11_00-000001", "GOPR0384_11_00"),
        ("hide", "12fromGOPR0950", "GOPR0950"),
        ("test2800", "901_14", "901"),
        ("test2800", "901", None),
    ],
)
def test_pictures_of_one_scene_are_one_group(name: str, sample_id: str, group: str | None) -> None:
    """Else a thousand frames of eleven films would make an interval as narrow as of a thousand scenes."""
    pattern = published(name).card.group

    assert pattern
    match = re.match(pattern, sample_id)
    assert (match[1] if match else None) == group


def test_every_published_card_says_what_a_user_must_know() -> None:
    """Where to get it, whose it is, what has been trained on it, and what it is scored by."""
    for card, _ in dataset_cards().values():
        if not card.crops:
            assert all((card.licence, card.source, card.citation, card.overlap)), card.name
            assert card.protocol in PROTOCOLS, card.name
            assert card.layouts or card.recipe, card.name

"""Every card's download, broken in the ways in which downloads are."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from restobench.dataset_card import DatasetCard
from restobench.errors import RestobenchError
from restobench.preparing.layout import find_pictures_of
from restobench.preparing.opening import open_source
from restobench.preparing.prepare import prepare_dataset
from tests.preparing.replicas import png, write
from tests.preparing.test_prepare import LAYOUTS, Files, as_zip, replica

CARDS = {reference: files for reference, files in reversed(LAYOUTS.values()) if "@" not in reference}
"""One replica of each."""


class Whole(NamedTuple):
    """A download as it should be, and the paths of one sample's pictures in it."""

    card: DatasetCard
    files: Files
    sample: str
    others: dict[str, str]
    """By part, the sample's pictures."""

    @property
    def one(self) -> str:
        return self.others.get("lq") or self.others["gt"]

    def other_name(self, path: str) -> str:
        """The path with the name that one more sample could have."""
        folder, slash, name = path.rpartition("/")
        return folder + slash + name.replace(self.sample, self.sample[:-1] + ("9" if self.sample[-1] != "9" else "8"))

    @property
    def size(self) -> tuple[int, int]:
        return (self.card.lq_size if "lq" in self.others else self.card.gt_size) or (13, 9)


Broken = Callable[[Whole, Path], Path]
"""Writes the download to a folder, and returns what the user names as the source."""


def changed(change: Callable[[Whole], Files]) -> Broken:
    """Files in place of those of the download, the others as they are; none where they are empty."""

    def write_changed(whole: Whole, folder: Path) -> Path:
        files = whole.files | change(whole)
        folder.mkdir()
        return write(folder, {path: content for path, content in files.items() if content})

    return write_changed


def without_folder(whole: Whole, folder: Path) -> Path:
    return folder


def empty(whole: Whole, folder: Path) -> Path:
    folder.mkdir()
    return folder


def page(whole: Whole, folder: Path) -> Path:
    return write(folder, {"download.zip": b"<!DOCTYPE html><title>Google Drive"}) / "download.zip"


def half_an_archive(whole: Whole, folder: Path) -> Path:
    path = as_zip(write(folder, whole.files))
    path.write_bytes(path.read_bytes()[:-40])
    return path


def climbing_archive(whole: Whole, folder: Path) -> Path:
    path = as_zip(write(folder, whole.files))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.png", png(1, 9, 9))
    return path


def twice(whole: Whole) -> Files:
    return {whole.one.removesuffix(".png") + ".bmp": png(1, *whole.size)}


WAYS: dict[str, tuple[Broken, str]] = {
    "a sample is missing": (changed(lambda w: dict.fromkeys(w.others.values(), b"")), "{fewer}"),
    "a sample too many": (
        changed(lambda w: {w.other_name(path): w.files[path] for path in w.others.values()}),
        "{more} were found",
    ),
    "its lq is missing": (changed(lambda w: {w.others["lq"]: b""}), "1 pictures have no lq: {sample}"),
    "its gt is missing": (changed(lambda w: {w.others["gt"]: b""}), "1 pictures have no gt: {sample}"),
    "another size": (changed(lambda w: {w.one: png(0, w.size[0] + 1, w.size[1])}), "{sample} is {wider} x {height}"),
    "no picture": (changed(lambda w: {w.one: b"<html>404"}), "cannot be read as a picture"),
    "cut off": (changed(lambda w: {w.one: w.files[w.one][:-30]}), "damaged or cut off"),
    "one name twice": (changed(twice), "two pictures would be"),
    "empty": (empty, "holds no pictures"),
    "not there": (without_folder, "does not exist"),
    "a page for an archive": (page, "is a web page and not an archive"),
    "half an archive": (half_an_archive, "damaged or cut off"),
    "an archive that climbs": (climbing_archive, "leads outside"),
}


def fits(way: str, whole: Whole) -> bool:
    """Whether a download can be broken so: lq and gt of a pair, sizes that are known."""
    if way.startswith("its"):
        return len(whole.others) == 2
    if way == "another size":
        return len(whole.others) == 2 or whole.size != (13, 9)
    # Without its only sample there is nothing; one of no known name is left out.
    return way != "a sample is missing" or whole.card.count > 1


def whole_of(reference: str, folder: Path) -> Whole:
    """The download, and what its first sample is called there."""
    card, _ = replica(reference)
    found = find_pictures_of(card, [open_source(write(folder, CARDS[reference]))]).pictures
    sample = min(sample_id for _, sample_id in found)
    others = {part: taken.entry.path for (part, found_id), taken in found.items() if found_id == sample}
    return Whole(card, CARDS[reference], sample, {p: path.partition("/")[2] for p, path in others.items()})


@pytest.mark.parametrize("reference", CARDS)
def test_each_card_s_download_broken_in_ten_ways_is_refused(tmp_path: Path, reference: str) -> None:
    """With what is wrong and where; and no set comes of it."""
    whole, published = whole_of(reference, tmp_path / "whole"), replica(reference)
    width, height = whole.size
    told = {
        "sample": whole.sample, "fewer": f"{whole.card.count - 1} were found", "more": whole.card.count + 1,
        "wider": width + 1, "height": height,
    }  # fmt: skip
    ways = {way: what for way, what in WAYS.items() if fits(way, whole)}
    assert len(ways) >= 10

    for number, (way, (broken, words)) in enumerate(ways.items()):
        source, output = broken(whole, tmp_path / f"{number}"), tmp_path / f"set{number}"
        with pytest.raises(RestobenchError) as refused:
            prepare_dataset(published, [source], output=output)
        assert words.format(**told) in str(refused.value), way
        assert not (output / "card.toml").exists()

"""Data sets: an ordered list of samples (id, lq, gt or none) with a card or as a folder.

Opening one looks at names and sizes, decodes nothing and imports no torch. Knows
pictures, never a method or a metric.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from restobench.cache import Cache
from restobench.card import Task, read_card
from restobench.dataset_card import DatasetCard
from restobench.environment import datasets_folder, home
from restobench.errors import RestobenchError, unknown_name
from restobench.journal import UNFINISHED
from restobench.manifest import tags_in
from restobench.plugins import plugins
from restobench.remote import is_url, mirrored
from restobench.reporter import Reporter

DEFAULT_PROTOCOL = "offline-v1"
"""What a folder is scored by: it needs no downloads."""

CARD = "card.toml"
"""The card of a folder that says itself what it holds, as a set does that was made here."""


class NotPreparedError(RestobenchError):
    """A known data set whose pictures are not on this machine."""


@dataclass(frozen=True)
class Sample:
    """One picture of a data set. `id` is its name without suffix, below the folder, with '/'."""

    id: str
    lq: Path | None
    gt: Path | None
    mask: Path | None
    group: str
    """Samples that are not independent share a group; statistics resample groups."""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By what samples are told apart in tables: `kind` of degradation, and the like."""


@dataclass(frozen=True)
class Dataset:
    """A data set, ready to be read."""

    name: str
    revision: str
    reference: str
    """What opens it again: `name@revision`, or a folder's path."""
    task: Task | None
    scale: int
    protocol: str
    samples: tuple[Sample, ...]
    expected_fingerprint: str | None = None

    @property
    def has_gt(self) -> bool:
        """Whether every sample has a clean picture."""
        return all(sample.gt for sample in self.samples)

    @property
    def has_mask(self) -> bool:
        """Whether every sample has a mask."""
        return all(sample.mask for sample in self.samples)

    def folder_around(self, path: Path) -> Path | None:
        """The folder of pictures that `path` lies in, whose pictures would become samples; None: no such."""
        if self.revision != "folder":
            return None
        root = Path(self.reference)
        parts = [root / part for part in ("lq", "gt", "mask") if (root / part).is_dir()] or [root]
        return next((part for part in parts if path.resolve().is_relative_to(part)), None)

    def describe(self) -> dict[str, str | int | None]:
        """What a run records of its data set."""
        return {
            "name": self.name,
            "revision": self.revision,
            "reference": self.reference,
            "task": self.task,
            "scale": self.scale,
            "protocol": self.protocol,
        }

    def inputs(self, cache: Cache) -> dict[str, str]:
        """SHA-256 of what a method is given of each sample, lq and mask, by id."""
        paths = {sample.id: [path for path in (sample.lq, sample.mask) if path] for sample in self.samples}
        sha256 = cache.hashes(path for both in paths.values() for path in both)
        return {sample_id: "+".join(sha256[path] for path in both) for sample_id, both in paths.items()}

    def fingerprint(self, cache: Cache) -> str:
        """SHA-256 over the ids and contents of all samples, whatever their order.

        Raises:
            RestobenchError: The card records another one, or a picture cannot be read.
        """
        paths = [path for sample in self.samples for path in (sample.lq, sample.gt, sample.mask) if path]
        try:
            sha256 = cache.hashes(paths)
        except OSError as error:
            raise RestobenchError(f"{error.filename} cannot be read: {error.strerror}.") from None
        found = fingerprint_of(
            {s.id: [sha256[path] if path else "" for path in (s.lq, s.gt, s.mask)] for s in self.samples}
        )
        if self.expected_fingerprint not in (None, found):
            folders = sorted({str(path.parent) for path in paths})
            raise RestobenchError(
                f"The pictures of '{self.name}' are not those of revision {self.revision}: their fingerprint is "
                f"{found[:12]}, the card records {str(self.expected_fingerprint)[:12]}. "
                f"They lie in {' and '.join(folders)}; get the data set again."
            )
        return found


def fingerprint_of(contents: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 over ids and the hashes of lq, gt and mask ("" for none), whatever their order."""
    digest = hashlib.sha256()
    for sample_id, hashes in sorted(contents.items()):
        digest.update(("\x00".join([sample_id, *hashes]) + "\n").encode())
    return digest.hexdigest()


def dataset_cards() -> dict[str, tuple[DatasetCard, Path]]:
    """Every card of an installed package by name, with the folder it lies in.

    Raises:
        RestobenchError: A card is not valid, or two packages bring one name.
    """
    found: dict[str, tuple[DatasetCard, Path]] = {}
    for plugin in plugins("restobench.datasets").values():
        folder = plugin.folder
        for path in sorted(folder.glob("*.toml")):
            card = read_card(DatasetCard, path)
            if card.name in found:
                raise RestobenchError(
                    f"Two packages bring a data set called '{card.name}': {found[card.name][1]} and {folder}; "
                    "uninstall one of them."
                )
            found[card.name] = (card, folder)
    return found


def local_cards() -> dict[str, tuple[DatasetCard, Path]]:
    """The cards of the folders in RESTOBENCH_DATASETS that bring one, by the folder's name.

    One that is not valid is left out: it must not hide the others.
    """
    found = {}
    for path in sorted(datasets_folder().glob(f"*/{CARD}")):
        with suppress(RestobenchError):
            found[path.parent.name] = (read_card(DatasetCard, path), path.parent)
    return found


def find_card(name: str) -> tuple[DatasetCard, Path]:
    """The card of the data set called `name` (or one of its aliases), and its folder.

    Raises:
        RestobenchError: There is none; the nearest names are offered.
    """
    local = local_cards()
    if name in local:
        return local[name]
    cards = dataset_cards()
    for card, folder in cards.values():
        if name == card.name or name in card.aliases:
            return card, folder
    known = [*local, *cards, *(alias for card, _ in cards.values() for alias in card.aliases)]
    raise unknown_name(
        "data set",
        name,
        known,
        "A folder of pictures is a data set too: name its path. 'restobench datasets recipes' tells what can be made.",
    )


def open_dataset(reference: str | Path, *, scale: int | None = None, reporter: Reporter | None = None) -> Dataset:
    """A data set by name, by `name@revision`, from a folder, or from a URL that fsspec opens.

    A folder holds `lq/` and, if there, `gt/` and `mask/`, paired by name; or pictures directly; or
    a card that says what it holds. A folder with a card in RESTOBENCH_DATASETS is known by its name.
    What lies behind a URL is such a folder, and is brought to RESTOBENCH_HOME.

    Args:
        reference: What `--dataset` was given. A known name wins over a folder of that name;
            `./name` is always the folder.
        scale: How many times larger than `lq` the results are to be, for a folder without
            clean pictures (default 1). Where it can be measured it must agree.
        reporter: Who hears how pictures come from a URL.

    Raises:
        RestobenchError: No such data set, no pictures, pairs that do not match, wrong counts.
    """
    text = str(reference)
    if not text:
        raise RestobenchError("The data set has an empty name; for the folder you are in, say --dataset . instead.")
    if is_url(text):
        return _open_folder(mirrored(text, reporter), scale, reference=text)
    name, _, revision = text.partition("@")
    if local := local_folder(text):
        return _open_folder(local, scale, reference=text)
    known = {alias for card, _ in dataset_cards().values() for alias in (card.name, *card.aliases)}
    folder = Path(text).expanduser()
    if name not in known and folder.is_dir():
        return _open_folder(folder, scale)
    if name not in known and ("/" in text or folder.exists()):
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise RestobenchError(f"The data set {text} {problem}; name a folder of pictures or a known data set.")
    card, card_folder = find_card(name)
    one = card.of_revision(revision)
    roots = _roots(one, card_folder, datasets_folder() / card.folder_of(revision))
    return _open_card(one, *roots, scale, reference=f"{one.name}@{one.revision}")


def other_revisions(dataset: Dataset) -> list[Dataset]:
    """The data set's other revisions that are on this machine, whole."""
    names = [folder for folder, (card, _) in local_cards().items() if card.name == dataset.name]
    if dataset.name in (cards := dataset_cards()):
        card, _ = cards[dataset.name]
        names += [f"{card.name}@{revision}" for revision in (card.revision, *card.revisions)]
    found: dict[str, Dataset] = {}
    for name in names:
        with suppress(RestobenchError):
            one = open_dataset(name)
            found.setdefault(one.revision, one)
    return [one for revision, one in found.items() if revision != dataset.revision]


def local_folder(reference: str) -> Path | None:
    """The folder in RESTOBENCH_DATASETS with a card of its own that a name stands for; it may be unfinished."""
    name, at, revision = reference.partition("@")
    candidates = [(name, reference, revision)]
    cards = (card for card, _ in dataset_cards().values())
    if card := next((card for card in cards if name in (card.name, *card.aliases)), None):
        candidates.append((card.name, f"{card.name}{at}{revision}", revision))
        if not revision and card.recipe:  # made here, it lies where 'datasets make' put it
            candidates.append((card.name, f"{card.name}@{card.recipe}", card.revision))
    made = local_cards()
    for called, whole, wanted in candidates:
        folder = datasets_folder() / whole
        if Path(whole).name == whole and any((folder / part).is_file() for part in (CARD, UNFINISHED)):
            return folder
        other, place = made.get(called, (None, folder))
        if other is not None and wanted == other.revision:
            return place
    return None


def _open_card(card: DatasetCard, lq_root: Path, gt_root: Path, scale: int | None, *, reference: str) -> Dataset:
    if scale not in (None, card.scale):
        raise RestobenchError(f"'{card.name}' is a x{card.scale} data set; leave --scale {scale} out.")
    lq = _by_id(lq_root, card.lq) if card.lq else {}
    gt = _by_id(gt_root, card.gt) if card.gt else {}
    mask = _by_id(lq_root, card.mask) if card.mask else {}
    samples = _paired(card.name, lq, gt, mask, card.group, _tags(card, lq or gt, tags_in(lq_root)))
    if len(samples) != card.count:
        raise RestobenchError(
            f"'{card.name}' has {card.count} pictures, and {lq_root} holds {len(samples)}; get the data set again."
        )
    return Dataset(
        name=card.name,
        revision=card.revision,
        reference=reference,
        task=card.task,
        scale=card.scale,
        protocol=card.protocol,
        samples=samples,
        expected_fingerprint=card.fingerprint,
    )


def _tags(
    card: DatasetCard, ids: Iterable[str], drawn: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Mapping[str, str]]:
    """By sample, what its name tells by the card's expressions, and what was drawn for it."""
    return {
        sample_id: {tag: match[1] for tag, text in card.tags.items() if (match := re.search(text, sample_id))}
        | dict(drawn.get(sample_id, {}))
        for sample_id in ids
    }


def _roots(card: DatasetCard, card_folder: Path, root: Path) -> tuple[Path, Path]:
    """Where lq and gt lie. An embedded set ships lq beside its card and makes gt at first use."""
    if card.crops:
        from restobench.embedded import make_clean_pictures

        made = home() / "datasets" / card.name / card.revision
        try:
            make_clean_pictures(card, made / "gt")
        except OSError as error:
            raise RestobenchError(
                f"The clean pictures of '{card.name}' cannot be written to {made}: {error.strerror}. "
                "Set RESTOBENCH_HOME to a folder that can be written."
            ) from None
        return card_folder / card.name, made
    if not root.is_dir():
        raise NotPreparedError(
            f"The data set '{root.name}' is not on this machine: {root} does not exist. {how_to_get(card, root.name)}"
        )
    return root, root


def commands_for(card: DatasetCard, name: str) -> list[str]:
    """What makes the data set `name` of what was downloaded; nothing where its pictures are put there by hand."""
    prepare = [f"restobench datasets prepare {name} --source FOLDER_OR_ARCHIVE"] if card.layouts else []
    made = f"restobench datasets make {card.name}@{card.recipe} --source FOLDER_OF_CLEAN_PICTURES"
    return [*prepare, made] if card.recipe else prepare


def how_to_get(card: DatasetCard, name: str) -> str:
    """Where a person gets the data set `name`, and the commands that follow, a line each."""
    return "\n".join([f"Get it from {card.source}", *(f"Then: {command}" for command in commands_for(card, name))])


def _open_folder(folder: Path, scale: int | None, *, reference: str | None = None) -> Dataset:
    folder = folder.resolve()
    if (folder / UNFINISHED).is_file():
        raise RestobenchError(
            f"The data set in {folder} is not finished: what made it was stopped. "
            "The same 'restobench datasets' command goes on with it."
        )
    if (folder / CARD).is_file():
        card = read_card(DatasetCard, folder / CARD)
        return _open_card(card, folder, folder, scale, reference=reference or str(folder))
    parts = {part: folder / part for part in ("lq", "gt", "mask") if (folder / part).is_dir()}
    if not parts:
        parts = {"lq": folder}
    found = {part: find_pictures(root) for part, root in parts.items()}
    lq, gt, mask = (found.get(part, {}) for part in ("lq", "gt", "mask"))
    # Without lq/ the folder can be scored against, as a folder of clean pictures.
    name = re.sub(r"[^\w. +-]", "_", folder.name) or "folder"
    samples = _paired(name, lq, gt, mask, None, {})
    scale = _settle_scale(folder, samples, scale)
    return Dataset(
        name=name,
        revision="folder",
        reference=reference or str(folder),
        task="inpainting" if mask else "super-resolution" if scale > 1 else None,
        scale=scale,
        protocol=DEFAULT_PROTOCOL,
        samples=samples,
    )


def find_pictures(folder: Path) -> dict[str, Path]:
    """The pictures below a folder by id, in the order of their names.

    Raises:
        RestobenchError: There are none, or two have one id.
    """
    from restobench.image import is_picture

    found = _ids(folder, (path for path in folder.rglob("*") if is_picture(path) and path.is_file()))
    if not found:
        raise RestobenchError(f"The folder {folder} holds no pictures.")
    return found


def _by_id(root: Path, pattern: str) -> dict[str, Path]:
    from restobench.image import is_picture

    paths = [path for path in root.glob(pattern) if path.is_file() and is_picture(path)]
    if not paths:
        raise RestobenchError(f"{root} holds no {pattern}; get the data set again.")
    return _ids(root / pattern.split("*")[0], paths)


def _ids(root: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Pictures by id, in the order of their names."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.relative_to(root).as_posix()):
        sample_id = path.relative_to(root).with_suffix("").as_posix()
        if sample_id in found:
            raise RestobenchError(
                f"Two pictures have the name '{sample_id}': {found[sample_id]} and {path}; rename one."
            )
        found[sample_id] = path
    return found


def _paired(
    name: str,
    lq: dict[str, Path],
    gt: dict[str, Path],
    mask: dict[str, Path],
    group: str | None,
    tags: Mapping[str, Mapping[str, str]],
) -> tuple[Sample, ...]:
    ids = list(lq or gt)
    for part, others in (("gt", gt), ("mask", mask)):
        if lq and others and lq.keys() != others.keys():
            raise RestobenchError(
                f"lq and {part} of '{name}' do not pair by name."
                + _listed(f"Without {part}", [i for i in lq if i not in others])
                + _listed("Without lq", [i for i in others if i not in lq])
            )
    pattern = re.compile(group) if group else None
    return tuple(
        Sample(
            id=sample_id,
            lq=lq.get(sample_id),
            gt=gt.get(sample_id),
            mask=mask.get(sample_id),
            group=match[1] if pattern and (match := pattern.match(sample_id)) else sample_id,
            tags=tags.get(sample_id, {}),
        )
        for sample_id in ids
    )


def _listed(what: str, ids: Sequence[str]) -> str:
    if not ids:
        return ""
    rest = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f" {what}: {', '.join(ids[:5])}{rest}."


def size_ratio(lq: tuple[int, int], gt: tuple[int, int]) -> int | None:
    """How many times larger gt is than lq, where that is one whole number for both sides."""
    factor = gt[0] // lq[0] if lq[0] else 0
    return factor if factor >= 1 and (lq[0] * factor, lq[1] * factor) == tuple(gt) else None


def _settle_scale(folder: Path, samples: Sequence[Sample], asked: int | None) -> int:
    """The scale that most pairs have; pairs of another one become failures when they are restored."""
    from restobench.image import picture_size

    ratios: Counter[int | None] = Counter()
    for sample in samples:
        if sample.lq and sample.gt and (lq := picture_size(sample.lq)) and (gt := picture_size(sample.gt)):
            ratios[size_ratio(lq, gt)] += 1
    measured = [ratio for ratio, _ in ratios.most_common() if ratio]
    if not ratios:
        return asked or 1
    if not measured:
        raise RestobenchError(
            f"In {folder} no clean picture is a whole number of times as large as its lq picture; "
            "check that lq and gt belong together."
        )
    if asked and asked not in measured:
        raise RestobenchError(f"The pictures in {folder} are x{measured[0]}; leave --scale {asked} out.")
    return asked or measured[0]

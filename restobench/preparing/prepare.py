"""`datasets prepare`: a published data set from what was downloaded of it, checked against its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from restobench.dataset import dataset_cards, fingerprint_of, how_to_get
from restobench.dataset_card import DatasetCard, Layout
from restobench.environment import datasets_folder
from restobench.errors import RestobenchError, unknown_name
from restobench.journal import add_line, open_journal
from restobench.preparing import taking
from restobench.preparing.layout import Fit, Taken, check_sizes, find_pictures_of, read_all
from restobench.preparing.opening import open_source
from restobench.preparing.record import Head, PreparedFolder, Step
from restobench.preparing.source import FolderSource, Source
from restobench.reporter import Reporter, Silence

if TYPE_CHECKING:
    from restobench.faces.detection import FindFaces

ALIGNED = "aligned"
"""The revision of a set whose faces were aligned here: it is none that was published."""


class Published(NamedTuple):
    """One revision of a data set that a card describes."""

    card: DatasetCard
    folder: Path
    """Where it lies once it is prepared."""


@dataclass(frozen=True)
class Prepared:
    """A set that is whole."""

    folder: Path
    card: DatasetCard
    layout: str
    """How its pictures lay in what was downloaded."""
    taken: int
    """Files of the source that were taken over now."""
    left_out: int
    """Pictures of the source that are none of the set's."""
    faceless: tuple[str, ...] = ()
    """Photographs in which no face was found."""


def published(reference: str) -> Published:
    """The data set called `NAME` or `NAME@REVISION`, an alias in place of the name.

    Raises:
        RestobenchError: There is none.
    """
    name, _, revision = reference.partition("@")
    cards = [card for card, _ in dataset_cards().values()]
    for card in cards:
        if name in (card.name, *card.aliases):
            return Published(card.of_revision(revision), datasets_folder() / card.folder_of(revision))
    raise unknown_name("data set", name, [alias for card in cards for alias in (card.name, *card.aliases)])


def prepare_dataset(
    published: Published,
    sources: Sequence[str | Path],
    *,
    output: Path | None = None,
    link: bool = False,
    find_faces: FindFaces | None = None,
    reporter: Reporter | None = None,
) -> Prepared:
    """Take over the pictures of a data set, and write what tells that they are right.

    Args:
        published: What is wanted.
        sources: Folders and archives; together they hold the set.
        output: Its folder, in place of the one in RESTOBENCH_DATASETS.
        link: Give the user's files a second name instead of copying them.
        find_faces: The sources hold raw photographs: cut out the faces that this finds.
        reporter: Who hears of it.

    Raises:
        RestobenchError: The sources are not the set, and in what; or the folder holds another one.
    """
    reporter = reporter or Silence()
    card, path = published.card, output or published.folder
    opened = _open(card, sources, path, link)
    if find_faces is None:
        fit = find_pictures_of(card, opened)
        check_sizes(card, fit)
        take: taking.Take = taking.link if link else taking.copy
    else:
        take = taking.align(find_faces, which_faces(card))
        fit = _photographs(card, opened)
        path = output or path.with_name(f"{card.name}@{ALIGNED}")
        card = card.model_copy(update={"revision": ALIGNED, "ids": None, "other_counts": ()})
    folder = PreparedFolder(path)
    head = Head(name=card.name, revision=card.revision, how="aligned" if find_faces else "as published")
    with folder.locked():
        known = folder.read(head)
        there = {
            taken.entry.path: step
            for taken in fit.taken
            if (step := known.get(taken.entry.path)) and _same(taken, step, find_faces) and folder.has(step)
        }
        if strange := folder.strange(known.values()):
            raise RestobenchError(
                f"{path} also holds {strange[0]}{f' and {len(strange) - 1} more' * (len(strange) > 1)}, "
                "which this set has not; remove what does not belong there."
            )
        if known.keys() - {taken.entry.path for taken in fit.taken}:
            raise RestobenchError(
                f"{path} was prepared from another source; remove it, or name another folder with --output."
            )
        todo = [taken for taken in fit.taken if taken.entry.path not in there]
        if todo or not folder.is_finished():
            if there:
                reporter.say(f"{path.name}: {len(there)} of {len(fit.taken)} are there")
            steps = there | _take_all(folder, head, todo, there, take, reporter)
            folder.finish(head, steps.values(), _own_card(card, steps))
        else:
            steps = there
    faceless = tuple(source for source, step in steps.items() if not step.pictures)
    return Prepared(path, _own_card(card, steps), fit.layout.title, len(todo), fit.left_out, faceless)


def _open(card: DatasetCard, sources: Sequence[str | Path], path: Path, link: bool) -> list[Source]:
    if card.crops:
        raise RestobenchError(f"'{card.name}' comes with restobench; there is nothing to prepare.")
    if not card.layouts and card.recipe:
        raise RestobenchError(f"'{card.name}' is made, and not published. {how_to_get(card, path.name)}")
    if not card.layouts:
        places = " and ".join(pattern for pattern in (card.lq, card.gt) if pattern)
        raise RestobenchError(
            f"The card of '{card.name}' does not say how it is published; put its pictures into {path} as {places}."
        )
    opened = list(dict.fromkeys(open_source(source) for source in sources))
    for source in opened:
        if link and not isinstance(source, FolderSource):
            raise RestobenchError(f"Pictures in the archive {source.place} cannot be linked; leave --link out.")
        own = path.expanduser().resolve()
        if source.place == own or own in source.place.parents or source.place in own.parents:
            raise RestobenchError(
                f"{source.place} and the set's folder {own} lie in each other; name another folder with --output."
            )
    return opened


def which_faces(card: DatasetCard) -> Literal["all", "center"]:
    """Which faces of a photograph the set is of.

    Raises:
        RestobenchError: It is not of faces cut out of photographs.
    """
    if card.align is None:
        raise RestobenchError(f"'{card.name}' is no set of aligned faces; leave --align out.")
    return card.align


def _photographs(card: DatasetCard, sources: Sequence[Source]) -> Fit:
    """All pictures of the sources, whatever they are called."""
    layout = Layout(title="raw photographs", lq=r"(?P<id>[^/]+)")
    # How many faces there will be is not known before.
    raw = card.model_copy(update={"layouts": (layout,), "ids": None})
    count = sum(len(source.entries()) for source in sources)
    return find_pictures_of(raw.model_copy(update={"count": count}), sources)


def _same(taken: Taken, step: Step, find_faces: FindFaces | None) -> bool:
    """Whether an earlier step did what would be done with this picture."""
    made = find_faces is not None or [picture.path for picture in step.pictures] == [taken.path]
    return made and step.source_bytes == taken.entry.bytes


def _take_all(
    folder: PreparedFolder,
    head: Head,
    todo: Sequence[Taken],
    there: Mapping[str, Step],
    take: taking.Take,
    reporter: Reporter,
) -> dict[str, Step]:
    """Take over what is not there yet.

    Raises:
        RestobenchError: Pictures are damaged; the others are kept.
    """
    steps: dict[str, Step] = {}
    failures: list[str] = []
    title = f"{folder.path.name}: {'aligning' if head.how == 'aligned' else 'taking over'}"
    with open_journal(folder.path, head, there.values()) as journal, reporter.stage(title, len(todo)) as advance:
        for taken, content in read_all(todo):
            try:
                pictures = take(folder.path, taken, content)
            except RestobenchError as error:
                failures.append(str(error))
                advance(0, 1)
                continue
            step = Step(source=taken.entry.path, source_bytes=taken.entry.bytes, pictures=pictures)
            add_line(journal, step)
            steps[step.source] = step
            advance(1, 0)
    if failures:
        more = [f"- and {len(failures) - 5} more"] if len(failures) > 5 else []
        raise RestobenchError(
            f"{len(failures)} of {len(todo)} pictures could not be taken over; the others are kept. "
            "Get these again, and give the same command:\n"
            + "\n".join([*(f"- {line}" for line in failures[:5]), *more])
        )
    if not any(step.pictures for step in {**there, **steps}.values()):
        raise RestobenchError(f"None of the {len(todo)} photographs shows a face that is large enough.")
    return steps


def _own_card(card: DatasetCard, steps: Mapping[str, Step]) -> DatasetCard:
    """The card of the folder: what is true of these very pictures."""
    contents: dict[str, dict[str, str]] = {}
    for step in steps.values():
        for picture in step.pictures:
            part, _, name = picture.path.partition("/")
            contents.setdefault(Path(name).stem, {})[part] = picture.sha256
    hashes = {
        sample_id: [found.get(part, "") for part in ("lq", "gt", "mask")] for sample_id, found in contents.items()
    }
    parts = {part for found in contents.values() for part in found}
    known: dict[str, Any] = {
        "aliases": (),
        "layouts": (),
        "revisions": {},
        "other_counts": (),
        "url": None,
        "recipe": None,
    }
    own = {
        "count": len(contents),
        "lq": "lq/*" if "lq" in parts else None,
        "gt": "gt/*" if "gt" in parts else None,
        "fingerprint": fingerprint_of(hashes),
    }
    return card.model_copy(update=known | own)

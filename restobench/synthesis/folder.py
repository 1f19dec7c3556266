"""The folder of a set while it is made, such that a kill at any moment costs the picture in hand alone.

    NAME/
        gt/<id>.png, lq/<id>.png
        making.jsonl     while it is made: the head, then a line for each finished sample
        manifest.json    in its place once all are there, and card.toml with it

A set is taken up again where all that decides it is the same, and never mixed with another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restobench.dataset import CARD, dataset_cards, fingerprint_of
from restobench.dataset_card import DatasetCard, write_card
from restobench.errors import RestobenchError
from restobench.files import sha256_of, sole_writer
from restobench.image import write_picture
from restobench.journal import UNFINISHED, read_journal
from restobench.manifest import MANIFEST, Head, MadePicture, MadeSample, Manifest, read_manifest

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Recipe, Stored

_NOT_COMPARED = ("python", "restobench")


@dataclass(frozen=True)
class SetFolder:
    """A folder that holds a set, a part of one, or nothing yet."""

    path: Path

    def locked(self) -> AbstractContextManager[None]:
        """Be its only writer; raises RestobenchError as `sole_writer` does."""
        ours = self._is_ours()
        return sole_writer(self.path, ours=ours, command="restobench datasets make", doing="making")

    def is_finished(self) -> bool:
        """Whether a whole set lies there that nothing was added to since."""
        return (
            (self.path / MANIFEST).is_file() and (self.path / CARD).is_file() and not (self.path / UNFINISHED).exists()
        )

    def _is_ours(self) -> bool:
        return any((self.path / name).is_file() for name in (UNFINISHED, MANIFEST))

    def read(self) -> tuple[Head | None, dict[str, MadeSample]]:
        """What is there: the head (None: nothing) and the samples by id.

        Raises:
            RestobenchError: The manifest is damaged.
        """
        if (self.path / UNFINISHED).is_file():
            head, samples = read_journal(self.path, Head, MadeSample)
            return head, {sample.id: sample for sample in samples}
        if (self.path / MANIFEST).is_file():
            manifest = read_manifest(self.path / MANIFEST)
            return manifest.head, {sample.id: sample for sample in manifest.samples}
        return None, {}

    def refuse_another(self, found: Head | None, wanted: Head, ids: Collection[str]) -> None:
        """Raises RestobenchError where the folder holds another set, or samples that this one has not."""
        if found is not None and (found.name, found.recipe, found.seed) != (wanted.name, wanted.recipe, wanted.seed):
            raise RestobenchError(
                f"{self.path} holds another set: {_called(found)}, and this one is {_called(wanted)}. "
                "Name another folder with --output, or remove that one."
            )
        there = {
            path.relative_to(self.path / part).as_posix().removesuffix(".png")
            for part in ("gt", "lq")
            for path in (self.path / part).rglob("*.png")
        }
        if strange := sorted(there.difference(ids)):
            rest = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
            raise RestobenchError(
                f"{self.path} also holds {', '.join(strange[:5])}{rest}, which this set has not: the clean pictures "
                "or --limit are others than they were. Name another folder with --output, or remove that one."
            )

    def refuse_other_versions(self, found: Head | None, wanted: Head) -> None:
        """Raises RestobenchError where what is there was made by other libraries than what would be added."""
        if found is not None and (other := other_versions(found, wanted)):
            raise RestobenchError(
                f"{self.path} was begun with {other}: pictures of two versions in one set could not be told apart. "
                "Go on with the former, or name another folder with --output."
            )

    def write(self, part: str, sample_id: str, picture: Stored) -> MadePicture:
        """Write a picture of `gt` or `lq`, whole or not at all."""
        path = self._picture(part, sample_id)
        write_picture(path, picture)
        pixels = hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()
        return MadePicture(sha256=sha256_of(path), pixels=pixels)

    def has(self, sample: MadeSample) -> bool:
        """Whether both pictures of the sample lie there as they were written."""
        pictures = ((self._picture("gt", sample.id), sample.gt), (self._picture("lq", sample.id), sample.lq))
        return all(path.is_file() and sha256_of(path) == made.sha256 for path, made in pictures)

    def _picture(self, part: str, sample_id: str) -> Path:
        return self.path / part / f"{sample_id}.png"

    def finish(self, head: Head, recipe: Recipe, samples: Iterable[MadeSample]) -> Manifest:
        """Write manifest and card: the set is whole."""
        ordered = tuple(sorted(samples, key=lambda sample: sample.id))
        manifest = Manifest(**{name: getattr(head, name) for name in Head.model_fields}, samples=ordered)
        manifest.write(self.path)
        own = {
            "count": len(ordered),
            "lq": "lq/**/*.png",
            "gt": "gt/**/*.png",
            "fingerprint": fingerprint_of({sample.id: (sample.lq.sha256, sample.gt.sha256, "") for sample in ordered}),
        }
        write_card(self.path / CARD, _card_of(head, recipe).model_copy(update=own))
        (self.path / UNFINISHED).unlink(missing_ok=True)
        return manifest


def published_card(name: str, recipe: str) -> DatasetCard | None:
    """The card of a published set that is this recipe's, of this name; None: it is a set of the user's own."""
    card, _ = dataset_cards().get(name, (None, None))
    for revision in (card.revision, *card.revisions) if card else ():
        if card and (one := card.of_revision(revision)).recipe == recipe:
            return one
    return None


def _card_of(head: Head, recipe: Recipe) -> DatasetCard:
    """What is true of the set; of a published one what its card says."""
    if published := published_card(head.name, recipe.name):
        return published.model_copy(update={"aliases": (), "layouts": (), "other_counts": (), "url": None})
    known, _ = dataset_cards().get(head.name, (None, None))
    return DatasetCard(
        name=head.name,
        title=head.name,
        summary=recipe.summary,
        revision=recipe.revision if head.name == recipe.name else recipe.name,
        task=recipe.task,
        scale=recipe.scale,
        count=0,
        size=recipe.made_size,
        licence="that of the clean pictures",
        source="restobench datasets make",
        citation=recipe.citation,
        # Another variant of a published set is scored as that is.
        protocol=known.protocol if known else recipe.protocol,
        fid_reference=known.fid_reference if known else None,
        lq="lq/**/*.png",
    )


def other_versions(made: Head, here: Head) -> str:
    """`numpy 1.26 (here 2.4), ...`: what the two were made with, where it differs."""
    names = [name for name in {**made.versions, **here.versions} if name not in _NOT_COMPARED]
    return ", ".join(
        f"{name} {made.versions.get(name, 'unknown')} (here {here.versions.get(name, 'none')})"
        for name in names
        if made.versions.get(name) != here.versions.get(name)
    )


def _called(head: Head) -> str:
    return f"'{head.name}' by {head.recipe.name}, revision {head.recipe.revision}, seed {head.seed}"

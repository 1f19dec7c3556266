"""Which files of a download are the pictures of a data set, by its card, and what is wrong with them.

Everything that names and headers tell is found here, before anything is written.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from PIL import Image

from restobench.dataset_card import DatasetCard, Layout
from restobench.errors import RestobenchError
from restobench.image import upright_size
from restobench.preparing.source import Entry, Source

Part = Literal["lq", "gt"]

_HEADER_BYTES = 2**16
"""What mostly tells a picture's size."""


class Taken(NamedTuple):
    """A picture of the set, and where it comes from."""

    part: Part
    id: str
    source: Source
    entry: Entry

    @property
    def path(self) -> str:
        """Below the set's folder."""
        return f"{self.part}/{self.id}{PurePosixPath(self.entry.path).suffix.lower()}"


@dataclass
class Fit:
    """What a layout makes of a download."""

    layout: Layout
    pictures: dict[tuple[Part, str], Taken] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: int = 0
    """Pictures that the layout has no use for."""

    def ids(self, part: Part) -> list[str]:
        """The samples that have such a picture, by name."""
        return sorted(sample_id for found, sample_id in self.pictures if found == part)

    @property
    def taken(self) -> list[Taken]:
        """The pictures in the order of their names."""
        return [self.pictures[key] for key in sorted(self.pictures)]


def find_pictures_of(card: DatasetCard, sources: Sequence[Source]) -> Fit:
    """The pictures of the data set, as the first layout that fits has them.

    Raises:
        RestobenchError: None fits; says of the first that knows some of the pictures what is wrong.
    """
    found = [(source, entry) for source in sources for entry in source.entries()]
    places = " and ".join(str(source.place) for source in sources)
    if not found:
        raise RestobenchError(f"{places} holds no pictures; name the folder or the archive of '{card.name}'.")
    fits = [_fit(card, layout, found) for layout in card.layouts]
    if whole := next((fit for fit in fits if not fit.problems), None):
        return whole
    # Layouts stand in order from the particular to "pictures in any folder".
    best = next((fit for fit in fits if fit.pictures), None)
    if best is None:
        known = "".join(f"\n- {layout.title}" for layout in card.layouts)
        raise RestobenchError(
            f"{places} holds {len(found)} pictures, but not as '{card.name}' has them "
            f"({found[0][1].path}, ...). Known are:{known}"
        )
    raise RestobenchError(
        f"{places} is not '{card.name}@{card.revision}':\n" + "\n".join(f"- {line}" for line in best.problems)
    )


def _fit(card: DatasetCard, layout: Layout, found: Sequence[tuple[Source, Entry]]) -> Fit:
    fit = Fit(layout)
    named: dict[tuple[Part, str], Taken] = {}
    expressions: dict[Part, str | None] = {"lq": layout.lq, "gt": layout.gt}
    compiled = {part: re.compile(rf"(?:.*/)?(?:{text})", re.IGNORECASE) for part, text in expressions.items() if text}
    for source, entry in found:
        stem = str(PurePosixPath(entry.path).with_suffix(""))
        matches = ((part, match) for part, expression in compiled.items() if (match := expression.fullmatch(stem)))
        part, match = next(matches, (None, None))
        if part is None or match is None:
            fit.left_out += 1
            continue
        taken = Taken(part, match["id"], source, entry)
        # Two letter cases of one name would be one file on some disks.
        if other := named.get((part, taken.id.casefold())):
            fit.problems.append(f"two pictures would be {part}/{taken.id}: {other.entry.path} and {entry.path}")
            continue
        named[part, taken.id.casefold()] = taken
    for (part, folded), taken in named.items():
        # A pair goes by the name that its lq has.
        lq = named.get(("lq", folded), taken)
        fit.pictures[part, lq.id] = taken._replace(id=lq.id)
    if fit.pictures:
        fit.problems = [*fit.problems[:5], *_problems(card, fit)]
    else:
        fit.problems.append("nothing was found")
    return fit


def _problems(card: DatasetCard, fit: Fit) -> list[str]:
    problems = []
    lq, gt = fit.ids("lq"), fit.ids("gt")
    if fit.layout.lq and fit.layout.gt:
        for part, ids, others in (("gt", lq, set(gt)), ("lq", gt, set(lq))):
            if without := [sample_id for sample_id in ids if sample_id not in others]:
                problems.append(f"{len(without)} pictures have no {part}: {_some(without)}")
    ids = sorted({*lq, *gt})
    if card.ids and (strange := [i for i in ids if not re.fullmatch(card.ids, i, re.IGNORECASE)]):
        problems.append(f"{len(strange)} names are none of this set's: {_some(strange)}")
    if len(ids) not in (card.count, *card.other_counts):
        wanted = " or ".join(f"{count:,}" for count in (card.count, *card.other_counts))
        folders = Counter(str(PurePosixPath(taken.entry.path).parent) for taken in fit.pictures.values())
        where = ", ".join(f"{folder} {count:,}" for folder, count in folders.most_common(5))
        problems.append(f"it should have {wanted} samples, and {len(ids):,} were found (pictures: {where})")
    return problems


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def check_sizes(card: DatasetCard, fit: Fit) -> None:
    """Look at the header of every picture.

    Raises:
        RestobenchError: Some cannot be read or have a size that the set's have not.
    """
    sizes = _sizes(fit.taken)
    problems = [
        f"{fit.pictures[key].entry.path} cannot be read as a picture" for key, size in sizes.items() if not size
    ]
    for part, wanted in (("lq", card.lq_size), ("gt", card.gt_size)):
        wrong = [(i, size) for (found, i), size in sizes.items() if found == part and size and size != wanted]
        if wanted and wrong:
            (first, (width, height)), count = wrong[0], len(wrong)
            problems.append(
                f"{count} of the {part} pictures {'is' if count == 1 else 'are'} not "
                f"{wanted[0]} x {wanted[1]}: {first} is {width} x {height}"
            )
    problems += _unequal_pairs(card, sizes)
    if problems:
        rest = [f"- and {len(problems) - 8} more"] if len(problems) > 8 else []
        head = f"The pictures are not those of '{card.name}@{card.revision}', and nothing was written:"
        raise RestobenchError("\n".join([head, *(f"- {line}" for line in problems[:8]), *rest]))


_Sizes = Mapping[tuple[Part, str], tuple[int, int] | None]


def _unequal_pairs(card: DatasetCard, sizes: _Sizes) -> list[str]:
    wrong = []
    for (part, sample_id), lq in sizes.items():
        gt = sizes.get(("gt", sample_id))
        if part == "lq" and lq and gt and (lq[0] * card.scale, lq[1] * card.scale) != gt:
            wrong.append((sample_id, lq, gt))
    if not wrong:
        return []
    pairs = sum(part == "gt" for part, _ in sizes)
    sample_id, lq, gt = wrong[0]
    line = (
        f"of {len(wrong)} of {pairs} pairs gt is not {card.scale} times lq: "
        f"{sample_id} is {lq[0]} x {lq[1]} and {gt[0]} x {gt[1]}"
    )
    if card.scale > 1 and all(lq == gt for _, lq, gt in wrong):
        line += f"; lq has the size of gt, as in versions that are enlarged already (see 'datasets show {card.name}')"
    return [line]


def _sizes(pictures: Sequence[Taken]) -> dict[tuple[Part, str], tuple[int, int] | None]:
    sizes: dict[tuple[Part, str], tuple[int, int] | None] = {}
    for taken, start in read_all(pictures, first=_HEADER_BYTES):
        sizes[taken.part, taken.id] = _size(start)
    # A long EXIF block, or a TIFF's directory at its end.
    late = [taken for taken in pictures if sizes[taken.part, taken.id] is None]
    for taken, content in read_all(late):
        sizes[taken.part, taken.id] = _size(content)
    return sizes


def _size(content: bytes) -> tuple[int, int] | None:
    """(width, height) upright, None: unreadable, or so large that Pillow warns of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as picture:
                return upright_size(picture)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError, Warning):
        return None


def read_all(pictures: Sequence[Taken], first: int | None = None) -> Iterator[tuple[Taken, bytes]]:
    """Each picture with its bytes (only the `first` ones, where that is given), a source after the other."""
    for source in dict.fromkeys(taken.source for taken in pictures):
        own = {taken.entry: taken for taken in pictures if taken.source == source}
        for entry, content in source.read(list(own), first):
            yield own[entry], content

"""What `datasets show` tells of a data set beside its card: where it lies, and what preparing makes sure of."""

from __future__ import annotations

from typing import Any

from restobench.dataset import commands_for, dataset_cards, find_card, local_cards
from restobench.dataset_card import DatasetCard
from restobench.errors import RestobenchError
from restobench.preparing.prepare import published
from restobench.preparing.verify import prepared_folder


def what_is_known(reference: str) -> tuple[dict[str, Any], DatasetCard]:
    """Facts by name, and the card, of what `NAME` or `NAME@REVISION` opens.

    Raises:
        RestobenchError: There is no such set or revision; the nearest names are offered.
    """
    local = local_cards()
    try:
        card = published(reference).card
    except RestobenchError:
        if "@" in reference and reference not in local:
            raise
        card, folder = find_card(reference)  # made or aligned here; else it says what is known
        return {"folder": str(folder)}, card
    folder_here = prepared_folder(reference)
    made, _ = local.get(folder_here.name if folder_here else "", (None, None))
    if made and folder_here and made.revision != card.revision:
        return {"folder": str(folder_here)}, made  # a set of one's own stands in the place of the published one
    whole, package = dataset_cards()[card.name]
    others = [revision for revision in (whole.revision, *whole.revisions) if revision != card.revision]
    facts: dict[str, Any] = {"package": package.name, "other revisions": others}
    if not card.crops:
        facts["prepared"] = str(folder_here or "no")
    if card.layouts:
        facts["checked"] = what_is_checked(card)
    if commands := commands_for(card, published(reference).folder.name):
        facts["then"] = commands
    return facts, card


def what_is_checked(card: DatasetCard) -> list[str]:
    """What `prepare_dataset` makes sure of, in words."""
    counts = " or ".join(f"{count:,}" for count in (card.count, *card.other_counts))
    paired = any(layout.lq and layout.gt for layout in card.layouts)
    checked = [f"{counts} {'pairs of pictures, by name' if paired else 'pictures'}"]
    checked += [f"names that match {card.ids}"] if card.ids else []
    sizes = [f"{part} {size[0]} x {size[1]}" for part, size in (("lq", card.lq_size), ("gt", card.gt_size)) if size]
    checked += [" and ".join(sizes)] if sizes else []
    checked += [f"gt {card.scale} times as large as lq" if card.scale > 1 else "gt as large as lq"] if paired else []
    return [*checked, "every picture read to its end"]

"""Pictures that anybody's program made become a run like any other.

They are paired with a data set by name and taken into a run folder as 8-bit PNG, so
that what is scored is what is kept. Knows no method and no metric.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from restobench.ahead import read_ahead
from restobench.cache import Cache
from restobench.dataset import Dataset
from restobench.errors import RestobenchError
from restobench.files import written_whole
from restobench.image import LOSSY_SUFFIXES, is_picture, read_array, to_eight_bit, to_tensor, write_picture
from restobench.store import RunFolder, RunIdentity, check_label, now


@dataclass
class Brought:
    """What became of a folder of pictures."""

    folder: RunFolder
    missing: list[str] = field(default_factory=list)
    """Samples of the data set without a picture."""
    extra: list[str] = field(default_factory=list)
    """Pictures that are no sample of the data set."""
    failures: dict[str, str] = field(default_factory=dict)


def bring_pictures(
    restored: Path,
    dataset: Dataset,
    *,
    label: str,
    runs: Path,
    cache: Cache,
    allow_lossy: bool = False,
    advance: Callable[[int], None] | None = None,
) -> Brought:
    """Take a folder of restored pictures into a run of `dataset`, called `label`.

    The same pictures give the same run; one that changed makes another.

    Raises:
        RestobenchError: The folder is missing, no picture pairs by name, or pictures were
            saved with loss and `allow_lossy` is off.
    """
    found = _pictures(restored)
    wanted = [sample.id for sample in dataset.samples]
    paired = {sample_id: found[sample_id] for sample_id in wanted if sample_id in found}
    if not paired:
        raise RestobenchError(
            f"No picture in {restored} has the name of a sample of '{dataset.name}': it has "
            f"{', '.join(list(found)[:3])}; the data set has {', '.join(wanted[:3])}."
        )
    lossy = [path for path in paired.values() if path.suffix.lower() in LOSSY_SUFFIXES]
    if lossy and not allow_lossy:
        raise RestobenchError(
            f"{len(lossy)} pictures in {restored} were saved with loss ({lossy[0].name}), which moves the numbers; "
            "save them as PNG, or say --allow-lossy and the row is marked."
        )
    sha256 = cache.hashes(paired.values())
    contents = "".join(f"{sample_id}\x00{sha256[path]}\n" for sample_id, path in sorted(paired.items()))
    pictures = hashlib.sha256(contents.encode()).hexdigest()
    fingerprint = dataset.fingerprint(cache)
    determinants = {"dataset": fingerprint, "pictures": pictures[:12]} | ({"lossy": True} if lossy else {})
    identity = RunIdentity(dataset.name, check_label(label), "folder", determinants, pictures)
    brought = Brought(
        identity.folder(runs),
        missing=[sample_id for sample_id in wanted if sample_id not in found],
        extra=[sample_id for sample_id in found if sample_id not in paired],
    )
    with brought.folder.locked():
        there = brought.folder.restored_ids()
        todo = [sample_id for sample_id in paired if sample_id not in there]
        if advance:
            advance(len(paired) - len(todo))
        for sample_id, problem in read_ahead(
            todo, lambda sample_id: _take(paired[sample_id], brought.folder.picture(sample_id))
        ):
            if isinstance(problem, RestobenchError):
                brought.failures[sample_id] = str(problem)
            if advance:
                advance(1)
        absent = dict.fromkeys(brought.missing, f"{restored} has no picture of this name.")
        if todo or not brought.folder.run_path.exists():
            brought.folder.write_run(
                {
                    "label": label,
                    "variant": "folder",
                    "method": None,
                    "demonstration": False,
                    "dataset": dataset.describe() | {"fingerprint": fingerprint},
                    "determinants": determinants,
                    "sources": pictures,
                    "samples": {
                        "total": len(wanted),
                        "limit": None,
                        "restored": len(paired) - len(brought.failures),
                        "failed": absent | brought.failures,
                    },
                    "pictures_from": str(restored.resolve()),
                    "extra_pictures": brought.extra,
                    "finished": now(),
                    "sessions": [],
                }
            )
    return brought


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise RestobenchError(f"The folder of restored pictures {folder} {problem}.")
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*") if is_picture(path) and path.is_file()):
        sample_id = path.relative_to(folder).with_suffix("").as_posix()
        if sample_id in found:
            raise RestobenchError(f"Two restored pictures have the name '{sample_id}': {found[sample_id]}, {path}.")
        found[sample_id] = path
    if not found:
        raise RestobenchError(f"The folder of restored pictures {folder} holds no pictures.")
    return found


def _take(source: Path, target: Path) -> None:
    """Copy an 8-bit PNG as it is; anything else is rounded to 8 bits and written as PNG."""
    stored = read_array(source)
    if source.suffix.lower() == ".png" and stored.dtype == "uint8":
        with written_whole(target) as beside:
            shutil.copyfile(source, beside)
    else:
        write_picture(target, to_eight_bit(to_tensor(stored)))

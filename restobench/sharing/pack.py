"""A run as one archive, byte for byte the same for the same run."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from restobench.ahead import read_ahead
from restobench.dataset import dataset_cards, local_cards
from restobench.dataset_card import Sharing
from restobench.errors import RestobenchError
from restobench.files import writing, written_whole
from restobench.image import read_array
from restobench.leaderboard.anonymous import scrubber
from restobench.leaderboard.escaping import plain
from restobench.provenance import installed_version
from restobench.results import RunRecord
from restobench.sharing.contents import KIND, MANIFEST, PICTURES, SCHEMA, pixels_hash
from restobench.store import SCHEMA as RUN_SCHEMA
from restobench.store import TAG

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""


class Allowed(NamedTuple):
    """Whether pictures may be passed on, and who says so."""

    sharing: Sharing
    licence: str


@dataclass(frozen=True)
class Packed:
    """What became of a run."""

    path: Path
    pictures: int
    """In the archive."""
    why: str
    """Why there are none, or why there are; empty where nothing is to be said."""


class _Picture(NamedTuple):
    content: bytes
    pixels: str


def sharing_of(dataset: str, revision: str) -> Allowed:
    """What the card of a data set says; of several of that name the strictest. Without a card nothing is known.

    A folder that happens to be called as a data set of a card is believed to be forbidden, and not to be allowed.
    """
    cards = [card for card, _ in [*dataset_cards().values(), *local_cards().values()] if card.name == dataset]
    for sharing in ("forbidden", "unknown", "allowed"):
        for card in cards:
            if card.sharing == sharing and (sharing != "allowed" or revision in (card.revision, *card.revisions)):
                return Allowed(card.sharing, card.licence.strip())
    return Allowed("unknown", "")


def export_run(
    record: RunRecord,
    output: Path | None = None,
    *,
    pictures: bool | None = None,
    permission: str | None = None,
    advance: Callable[[int], None] | None = None,
) -> Packed:
    """Write a run as an archive, whole or not at all.

    Args:
        record: The run.
        output: The file, which ends with `.zip`; None: one in this folder, called as the run is.
        pictures: Whether to put the pictures in; None: where the data set's card says that it is allowed.
        permission: Why the pictures may be passed on although the card forbids it; stands in the archive.
        advance: Told how many pictures were looked at since the last call.

    Raises:
        RestobenchError: The run is being written, was not evaluated, lacks its pictures or holds damaged
            ones; the card forbids to pass pictures on; the file cannot be written.
    """
    folder, allowed = record.folder, sharing_of(record.dataset, record.run["dataset"]["revision"])
    if not record.summary or not folder.samples_path.exists():
        raise RestobenchError(f"{folder.path} was not evaluated; 'restobench evaluate {record.name}' scores it.")
    why = _why(record, allowed, pictures, permission)
    with_pictures = allowed.sharing == "allowed" if pictures is None else pictures
    path = _target(record, output)
    if path.resolve().is_relative_to(folder.path.resolve()):
        raise RestobenchError(f"{path} would lie in the run itself; name a file elsewhere with --output.")
    # Of a colleague's run, or one on a disk that is only read, nobody here is the writer.
    with folder.locked() if os.access(folder.path, os.W_OK) else nullcontext(), writing():
        there = sorted(folder.restored_ids())
        if with_pictures and not there:
            raise RestobenchError(f"{folder.path} has no pictures, only scores; leave --pictures out.")
        with written_whole(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            files: dict[str, dict[str, Any]] = {}

            def add(name: str, content: bytes) -> None:
                info = zipfile.ZipInfo(name, _EPOCH)
                info.create_system, info.external_attr = 3, 0o100644 << 16  # a plain file, whatever the machine
                archive.writestr(info, content)
                files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

            pixels = {}
            for sample_id, picture in read_ahead(there, lambda sample_id: _read(folder.picture(sample_id))):
                if isinstance(picture, RestobenchError):
                    raise picture
                pixels[sample_id] = picture.pixels
                if with_pictures:
                    add(f"{PICTURES}{sample_id}.png", picture.content)
                if advance:
                    advance(1)
            run = _told(folder.read_run(), len(pixels))
            add("run.json", _json(run))
            add("summary.json", _json(folder.read_summary()))
            add("samples.json", _json(_samples(record, pixels)))
            timing = {"schema": RUN_SCHEMA, "kind": folder.timing_kind(), "seconds": folder.read_timing()}
            add("timing.json", _json(timing))
            if inputs := folder.read_inputs():
                add("inputs.json", _json({"schema": RUN_SCHEMA, "sha256": inputs}))
            manifest = {
                "kind": KIND,
                "schema": SCHEMA,
                "restobench": installed_version("restobench"),
                "dataset": record.dataset,
                "label": record.run["label"],
                "variant": record.run["variant"],
                "key": _key(record),
                "pictures": with_pictures,
                "permission": plain(permission) if permission and allowed.sharing != "allowed" else None,
                "came_here": record.provenance or None,
                "files": dict(sorted(files.items())),
            }
            add(MANIFEST, _json(manifest))
    return Packed(path, len(pixels) if with_pictures else 0, why)


def _why(record: RunRecord, allowed: Allowed, pictures: bool | None, permission: str | None) -> str:
    if permission is not None and not plain(permission):
        raise RestobenchError("--permission wants the reason in words; it stands in the archive.")
    if pictures is None:
        if allowed.sharing == "allowed":
            return ""
        said = f"the licence of '{record.dataset}' does not let pictures be passed on ({allowed.licence})"
        unknown = f"nobody said whether pictures of '{record.dataset}' may be passed on" + (
            f" (licence: {allowed.licence})" if allowed.licence else ""
        )
        choice = "" if allowed.sharing == "forbidden" else "; --pictures puts them in"
        return f"without pictures: {said if allowed.sharing == 'forbidden' else unknown}{choice}"
    if pictures and allowed.sharing == "forbidden":
        if permission is None:
            raise RestobenchError(
                f"Pictures made from '{record.dataset}' may not be passed on: {allowed.licence}. Leave --pictures out, "
                "or say with --permission why you may all the same ('within our laboratory, article 5'): it stands in "
                "the archive."
            )
        return f"with pictures, by the permission: {plain(permission)}"
    return ""


def _key(record: RunRecord) -> str:
    """The run's own, also where it was imported and lies under a longer one."""
    return "-".join(record.folder.path.name.split("-")[:2])


def _target(record: RunRecord, output: Path | None) -> Path:
    if output is None:
        return Path(f"{record.run['label']}@{record.run['variant']}-{record.dataset}-{_key(record)}.zip")
    if output.is_dir():
        raise RestobenchError(f"{output} is a folder; name a file with --output.")
    if output.suffix.lower() != ".zip":
        raise RestobenchError(f"--output {output} must end with .zip, which is what it will be.")
    return output


def _read(path: Path) -> _Picture:
    pixels = read_array(path)
    return _Picture(path.read_bytes(), pixels_hash(pixels.shape, pixels.tobytes()))


def _samples(record: RunRecord, pixels: dict[str, str]) -> dict[str, Any]:
    """The rows of samples.parquet, with the hash of each picture."""
    table = record.folder.read_samples()
    names = [str(name) for name in table.columns]
    tags = [name for name in names if name.startswith(TAG)]
    metrics = [name for name in names if name not in {"id", "group", "seconds", "error", *tags}]
    if unscored := sorted(set(pixels) - set(table["id"])):
        raise RestobenchError(
            f"'{unscored[0]}' was restored since {record.folder.path} was evaluated; "
            f"'restobench evaluate {record.name}' first."
        )
    restored = table["id"][[not _there(error) for error in table["error"]]]
    if pixels and (gone := sorted(set(restored) - set(pixels))):
        raise RestobenchError(
            f"The picture of '{gone[0]}' is gone from {record.folder.path}, and its scores are there; run it again."
        )
    clean = scrubber()
    rows = [
        {
            "id": row["id"],
            "group": row["group"],
            "tags": {name.removeprefix(TAG): str(row[name]) for name in tags if _there(row[name])},
            "values": {name: _value(row[name]) for name in metrics},
            "seconds": _value(row["seconds"]),
            "error": plain(clean(str(row["error"]))) if _there(row["error"]) else None,
            "pixels": pixels.get(row["id"]),
        }
        for row in table.to_dict("records")
    ]
    return {
        "schema": RUN_SCHEMA,
        "tags": [name.removeprefix(TAG) for name in tags],
        "metrics": metrics,
        "rows": rows,
    }


def _there(value: Any) -> bool:
    return value is not None and value == value


def _value(value: float | None) -> float | str | None:
    number = math.nan if value is None else float(value)
    return None if math.isnan(number) else str(number) if math.isinf(number) else number


def _told(run: dict[str, Any], pictures: int) -> dict[str, Any]:
    """run.json as it is told to others.

    It counts the pictures that there are, and says nothing of where on which disk things lay, neither
    in fields nor in texts: that is nobody's business.
    """
    clean = scrubber()

    def text(words: str) -> str:
        return plain(clean(words))

    dataset, samples, method = run["dataset"], run["samples"], run.get("method")
    reference = dataset.get("reference")
    whole = f"{dataset['name']}@{dataset['revision']}"
    restored = pictures or samples["restored"]  # a writer that was killed could not say how many there are
    told = run | {
        "dataset": dataset | {"reference": whole if reference == whole else dataset["name"]},
        "samples": samples
        | {"restored": restored, "failed": {sample_id: text(words) for sample_id, words in samples["failed"].items()}},
        "sessions": [
            {key: value for key, value in session.items() if key != "taken_over"}
            | {"notes": [text(note) for note in session.get("notes", [])]}
            for session in run["sessions"]
        ],
    }
    if method:
        weights = {part: Path(path).name for part, path in method.get("weights", {}).items()}
        told["method"] = method | {"weights": weights}
    if "pictures_from" in run:
        told["pictures_from"] = Path(run["pictures_from"]).name
    return told


def _json(content: Any) -> bytes:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "replace")

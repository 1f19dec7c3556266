"""What an archive of a run holds, and what is refused in one that comes from strangers.

    manifest.json   schema, which run, size and SHA-256 of every other file
    run.json        what was run and with what, as in the run's folder; paths are reduced to names
    summary.json    a row a metric
    samples.json    a row a sample, with the SHA-256 of its picture's pixels
    timing.json     seconds a picture
    inputs.json     SHA-256 of what each picture was made from, where the run has them
    pictures/       <id>.png, unless it is an archive of scores only

A zip file in which nothing is compressed: pictures are already, bytes do not depend on a library's
version, and no archive can unpack into more than it is. Knows names, types and sizes; reads no picture.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from restobench.errors import RestobenchError
from restobench.files import PART_PREFIX
from restobench.sharing.schema import Manifest, Record, Run, Summary
from restobench.signature import Signature
from restobench.store import SCHEMA as RUN_SCHEMA
from restobench.store import RunIdentity, check_label

KIND = "restobench-run"
SCHEMA = 1
"""Of archives; a reader refuses a newer one."""
MANIFEST = "manifest.json"
NEEDED = ("run.json", "summary.json", "samples.json", "timing.json")
RECORDS = (*NEEDED, "inputs.json")
PICTURES = "pictures/"

Kind = TypeVar("Kind", bound=Record)


def refused(what: str) -> RestobenchError:
    """The error for an archive that is not taken in."""
    return RestobenchError(f"The archive is refused: {what}. Nothing was imported.")


def read_json(content: bytes, name: str) -> Any:
    """The JSON of a file of an archive, without what no file of ours holds.

    Raises:
        RestobenchError: It is no JSON, or holds control characters, numbers that are none, or is too deep.
    """

    def no_number(text: str) -> Any:
        raise ValueError(f"{text} is no number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands twice")
        return found

    try:
        found = json.loads(content.decode("utf-8"), parse_constant=no_number, object_pairs_hook=once)
        _check_values(found, name)
    except (ValueError, RecursionError) as error:
        raise refused(f"{name} is damaged ({str(error)[:200]})") from None
    return found


def _check_values(value: Any, name: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_values(key, name)
            _check_values(inner, name)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, name)
    elif isinstance(value, str):
        if strange := next((one for one in value if not one.isprintable() and one not in "\n\t"), None):
            raise refused(f"{name} holds the control character {strange!r}, which could fool who reads it")
    elif isinstance(value, float) and not math.isfinite(value):
        raise refused(f"{name} holds a number that is infinite")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise refused(f"{name} holds a number of more than 63 bits")


def validated(kind: type[Kind], found: Any, name: str) -> Kind:
    """What was read, as it must be; raises RestobenchError where it is not."""
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(step) for step in fault["loc"])
        raise refused(f"{name} is not as a run's is ({where[:80]}: {fault['msg'][:120]})") from None


def check_manifest(found: Any) -> Manifest:
    """The manifest, whose every path may be written.

    Raises:
        RestobenchError: It is of another kind or newer, or names files that no run has.
    """
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise refused("it is not one that 'restobench results export' made")
    if found.get("schema") != SCHEMA:
        raise refused(f"it has schema {str(found.get('schema'))[:20]}, and this restobench reads {SCHEMA}; update")
    manifest = validated(Manifest, found, MANIFEST)
    for path in manifest.files:
        if path not in RECORDS:
            check_path(path)
            if not manifest.pictures:
                raise refused(f"it says that it holds scores only, and has {path!r}")
    if missing := next((name for name in NEEDED if name not in manifest.files), None):
        raise refused(f"it lacks {missing}")
    return manifest


def check_path(path: str) -> str:
    """The id of the picture that a path in an archive names.

    Raises:
        RestobenchError: It would lie elsewhere, or cannot be a picture of a run.
    """
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        raise refused(f"its file {path!r} would lie outside of the run")
    if not (path.startswith(PICTURES) and path.endswith(".png")):
        raise refused(f"its file {path!r} is none that a run has")
    sample_id = path.removeprefix(PICTURES).removesuffix(".png")
    steps = sample_id.split("/")
    plain = all(step not in ("", ".") and step.isprintable() and len(step.encode()) < 250 for step in steps)
    if not plain or len(path.encode()) > 1000 or steps[-1].startswith(PART_PREFIX):
        raise refused(f"its file {path[:300]!r} has a name that no picture of a run has")
    return sample_id


def check_run(manifest: Manifest, found: Any) -> Run:
    """run.json, which names the run that the manifest does.

    Raises:
        RestobenchError: It is not as a run's is, or its key is not that of what determined its pictures.
    """
    if not isinstance(found, dict) or found.get("schema") != RUN_SCHEMA:
        raise refused("its run.json is of another schema than this restobench reads")
    run = validated(Run, found, "run.json")
    try:
        check_label(run.label)
    except RestobenchError as error:
        raise refused(str(error).rstrip(".")) from None
    key = RunIdentity(run.dataset.name, run.label, run.variant, found["determinants"], run.sources).key
    if (run.dataset.name, run.label, run.variant, key) != (
        manifest.dataset, manifest.label, manifest.variant, manifest.key,
    ):  # fmt: skip
        raise refused("its manifest and its run.json name two runs")
    if run.dataset.reference not in (run.dataset.name, f"{run.dataset.name}@{run.dataset.revision}"):
        raise refused(f"its data set is said to lie at {run.dataset.reference[:200]!r}")
    if run.determinants.dataset != run.dataset.fingerprint:
        raise refused("its run.json names two data sets")
    if (run.method is None) != (run.determinants.method is None):
        raise refused("its run.json names a method in one place alone")
    for session in run.sessions:
        if session.restored and not (session.finished and session.seconds_per_picture is not None):
            raise refused("a session in run.json does not say how long it took")
    return run


def check_summary(found: Any, run: Run) -> Summary:
    """summary.json, of this run.

    Raises:
        RestobenchError: It is not as a run's is, or a signature was altered or is of another number.
    """
    summary = validated(Summary, {"rows": found}, "summary.json")
    if len({row.metric for row in summary.rows}) < len(summary.rows):
        raise refused("summary.json has a metric twice")
    seed = "-" if run.determinants.seed is None else str(run.determinants.seed)
    for row in summary.rows:
        try:
            signature = Signature.parse(row.signature)
        except RestobenchError as error:
            raise refused(f"summary.json: {str(error).rstrip('.')}") from None
        among = f"n{row.count + row.infinite + row.identical}"
        said = (signature.data, signature.metric[:1], signature.method[:1], signature.seed)
        true = (
            (f"{run.dataset.name}@{run.dataset.revision}", among, run.dataset.fingerprint[:12]), (row.metric,),
            (f"{run.label}@{run.variant}",), (seed,),
        )  # fmt: skip
        if said != true:
            raise refused(f"the signature of {row.metric} is that of another number")
    return summary


def pixels_hash(shape: tuple[int, ...], pixels: bytes) -> str:
    """SHA-256 of a decoded picture, (H, W, 3) in 8 bits, whatever compressed it."""
    return hashlib.sha256(f"{shape[0]}x{shape[1]}:".encode() + pixels).hexdigest()

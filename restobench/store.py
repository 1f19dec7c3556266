"""Where runs live on disk: one folder for one run, named by what determines its pictures.

    runs/<dataset>/<method>@<variant>/<key>/
        run.json         what was run and with what, and how it ended
        pictures/        <id>.png, 8-bit
        timing.json      seconds a picture, and what kind of seconds
        inputs.json      SHA-256 of what each picture is made from
        command.log      what a program that is not ours printed
        samples.parquet  a row a sample: id, group, tags, each metric, seconds, error
        summary.json     a row a metric: mean, interval, counts, signature
        imported.json    of a run that came in an archive: from where, and what was checked

Every file is written beside its place and renamed into it. Never imports torch: a store
is read on machines that could not run the method.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from restobench.errors import RestobenchError
from restobench.files import PART_PREFIX, write_json, writing

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
"""Of run.json; a reader refuses a newer one."""

TAG = "tag:"
"""What the columns of tags begin with in samples.parquet."""


def check_label(label: str) -> str:
    """The label itself, where it can name rows and a folder.

    Raises:
        RestobenchError: It is empty, hidden, or holds what separates names and folders.
    """
    forbidden = set('/\\@:|<>"?*')
    if not label.strip() or label != label.strip() or label.startswith(".") or len(label.encode()) > 120:
        problem = "is empty, too long, or begins or ends with a space or a dot"
    elif bad := sorted(c for c in set(label) if c in forbidden or not c.isprintable()):
        problem = f"holds {' '.join(repr(c) for c in bad)}"
    else:
        return label
    raise RestobenchError(f"The name {label!r} {problem}; choose another one for --as.")


@dataclass(frozen=True)
class RunIdentity:
    """What determines a run's pictures, and hence its folder."""

    dataset: str
    label: str
    variant: str
    determinants: Mapping[str, Any]
    """Everything that moves a pixel: method, settings, weights, seed, data set, device type, precision."""
    sources: str
    """SHA-256 of the method's source files, or of the pictures that were brought."""

    @property
    def key(self) -> str:
        """`<hash of the determinants>-<hash of the sources>`: other sources, another folder."""
        canonical = json.dumps(self.determinants, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"{hashlib.sha256(canonical.encode()).hexdigest()[:12]}-{self.sources[:6]}"

    def folder(self, runs: Path) -> RunFolder:
        """The run's folder below `runs`; it need not exist yet."""
        return RunFolder(runs / self.dataset / f"{self.label}@{self.variant}" / self.key)


@dataclass(frozen=True)
class RunFolder:
    """One run on disk."""

    path: Path

    @property
    def pictures(self) -> Path:
        """The folder of the restored pictures."""
        return self.path / "pictures"

    @property
    def log(self) -> Path:
        """command.log: what a program that is not ours printed."""
        return self.path / "command.log"

    @property
    def run_path(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    @property
    def writer_path(self) -> Path:
        """writer.json: who holds the lock, while somebody does."""
        return self.path / "writer.json"

    @property
    def summary_path(self) -> Path:
        """summary.json."""
        return self.path / "summary.json"

    @property
    def samples_path(self) -> Path:
        """samples.parquet."""
        return self.path / "samples.parquet"

    @property
    def imported_path(self) -> Path:
        """imported.json."""
        return self.path / "imported.json"

    @property
    def is_imported(self) -> bool:
        """Whether it came in an archive: nobody here saw it being made."""
        return self.imported_path.exists()

    def picture(self, sample_id: str) -> Path:
        """Where a sample's restored picture lies, or would lie."""
        return self.pictures / f"{sample_id}.png"

    def restored_ids(self) -> set[str]:
        """The ids of all pictures that are there."""
        # While a run is made this is asked again and again: paths as objects would take ten times as long.
        root, found = str(self.pictures), set()
        for folder, _, names in os.walk(root):
            below = folder[len(root) + 1 :].replace(os.sep, "/")
            before = f"{below}/" if below else ""
            found |= {before + name[:-4] for name in names if name.endswith(".png") and name[0] != PART_PREFIX[0]}
        return found

    def read_run(self) -> dict[str, Any]:
        """run.json.

        Raises:
            RestobenchError: It is missing, damaged or of a newer schema.
        """
        run: dict[str, Any] = self._read("run.json")
        if not isinstance(run, dict) or "schema" not in run:
            raise RestobenchError(
                f"{self.path / 'run.json'} is damaged (it is no run); remove the folder and run again."
            )
        if run.get("schema", 0) > SCHEMA:
            raise RestobenchError(
                f"{self.path} was written by a newer restobench (schema {run['schema']}, known: {SCHEMA}); update."
            )
        return run

    def write_run(self, run: Mapping[str, Any]) -> None:
        """Write run.json."""
        write_json(self.path / "run.json", {"schema": SCHEMA, **run})

    def read_timing(self) -> dict[str, float]:
        """Seconds by sample id; pictures that a killed run left without one are not in it."""
        path = self.path / "timing.json"
        return self._read("timing.json")["seconds"] if path.exists() else {}

    def write_timing(self, seconds: Mapping[str, float], kind: str = "method") -> None:
        """Write timing.json; `kind` says what was measured: `method`, `end-to-end` or `self-reported`."""
        content = {"schema": SCHEMA, "unit": "s", "kind": kind, "seconds": dict(seconds)}
        write_json(self.path / "timing.json", content)

    def timing_kind(self) -> str:
        """What the seconds are; a file that does not say is a method's."""
        path = self.path / "timing.json"
        return str(self._read("timing.json").get("kind", "method")) if path.exists() else "method"

    def read_inputs(self) -> dict[str, str]:
        """SHA-256 of what each picture is made from, by sample id."""
        return self._read("inputs.json")["sha256"] if (self.path / "inputs.json").exists() else {}

    def write_inputs(self, sha256: Mapping[str, str]) -> None:
        """Write inputs.json."""
        write_json(self.path / "inputs.json", {"schema": SCHEMA, "sha256": dict(sha256)})

    def read_summary(self) -> list[dict[str, Any]]:
        """The rows of summary.json; none where the run was not evaluated."""
        return self._read("summary.json") if self.summary_path.exists() else []

    def read_samples(self) -> pd.DataFrame:
        """The rows of samples.parquet.

        Raises:
            FileNotFoundError: The run was not evaluated.
            RestobenchError: The file is damaged.
        """
        import pandas as pd

        try:
            return pd.read_parquet(self.samples_path)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise RestobenchError(
                f"{self.samples_path} is damaged ({error}); 'restobench evaluate {self.path}' makes it again."
            ) from None

    def read_imported(self) -> dict[str, Any] | None:
        """Where the run came from and what was checked; None: it was made here."""
        found: dict[str, Any] | None = self._read("imported.json") if self.is_imported else None
        return found

    def _read(self, name: str) -> Any:
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise RestobenchError(f"{path} is damaged ({error}); remove the folder and run again.") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the run's only writer. Sweeps away what a killed writer left unfinished.

        Raises:
            RestobenchError: Another process is writing this run, or the folder cannot be written.
        """
        writer = self.writer_path
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            who = ""
            with suppress(OSError, ValueError, KeyError):
                known = json.loads(writer.read_text(encoding="utf-8"))
                who = f" (process {known['pid']} on {known['host']}, since {known['since']})"
            raise RestobenchError(
                f"Another process is writing {self.path}{who}. Wait for it, or choose another --runs folder."
            ) from None
        except OSError as error:
            raise RestobenchError(
                f"The run folder {self.path} cannot be written: {error.strerror}. Choose another one with --runs."
            ) from None
        try:
            self.sweep()
            with writing():
                write_json(writer, {"pid": os.getpid(), "host": socket.gethostname(), "since": now()})
                yield
        finally:
            with suppress(OSError):
                writer.unlink(missing_ok=True)
            lock.release()

    def sweep(self) -> None:
        """Remove what a killed writer left unfinished; only while nobody writes."""
        for left in self.path.rglob(f"{PART_PREFIX}*"):
            if left.is_file():
                left.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything that was made, for `--existing replace`. The lock and the log stay."""
        for name in ("run.json", "timing.json", "inputs.json", "samples.parquet", "summary.json"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.pictures, ignore_errors=True)


def now() -> str:
    """This second, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_folders(runs: Path) -> list[RunFolder]:
    """Every run below `runs`, sorted by path."""
    return [RunFolder(path.parent) for path in sorted(runs.glob("*/*@*/*/run.json"))]

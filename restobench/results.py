"""The runs in a folder, by name and as a table. Reads JSON only; never imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restobench.errors import RestobenchError, unknown_name
from restobench.store import RunFolder, run_folders


@dataclass(frozen=True)
class RunRecord:
    """A run as its files tell it."""

    folder: RunFolder
    run: dict[str, Any]
    summary: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: RunFolder) -> RunRecord:
        """Read run.json and summary.json; raises RestobenchError where they are damaged."""
        return cls(folder, folder.read_run(), folder.read_summary())

    @property
    def method(self) -> str:
        """`label@variant`, or the label alone for the default variant."""
        variant = self.run["variant"]
        label: str = self.run["label"]
        return label if variant in ("default", "folder") else f"{label}@{variant}"

    @property
    def dataset(self) -> str:
        """The data set's name."""
        name: str = self.run["dataset"]["name"]
        return name

    @property
    def name(self) -> str:
        """What the run is called on the command line: `method[@variant]:dataset`."""
        return f"{self.method}:{self.dataset}"

    @property
    def complete(self) -> bool:
        """Whether every sample was tried: none left out by a limit or a kill."""
        samples = self.run["samples"]
        return bool(samples["restored"] + len(samples["failed"]) >= samples["total"])

    @property
    def finished(self) -> str:
        """When its pictures were finished, ISO 8601; empty where they were not."""
        return self.run["finished"] or ""

    def rows(self, metrics: list[str] | None = None) -> list[dict[str, Any]]:
        """The summary's rows (of the named metrics), each with what was run and where it lies."""
        head = {
            "method": self.method,
            "dataset": self.dataset,
            "revision": self.run["dataset"]["revision"],
            "seed": self.run["determinants"].get("seed"),
            "run": str(self.folder.path),
        }
        return [head | row for row in self.summary if metrics is None or row["metric"] in metrics]


def all_runs(runs: Path) -> list[RunRecord]:
    """Every run below `runs`; a damaged one is an error that names it."""
    return [RunRecord.read(folder) for folder in run_folders(runs)]


def newest(records: list[RunRecord]) -> list[RunRecord]:
    """One run for each method, data set and seed: the newest complete one, else the newest."""
    best: dict[tuple[object, ...], RunRecord] = {}
    for record in sorted(records, key=lambda record: (record.complete, record.finished)):
        fingerprint = record.run["dataset"]["fingerprint"]
        best[record.name, fingerprint, record.run["determinants"].get("seed")] = record
    return sorted(best.values(), key=lambda record: (record.dataset, record.method))


def find_run(runs: Path, name: str) -> RunRecord:
    """The run called `method[@variant][:dataset]`, or the one in the folder of that path.

    Of several runs of one name it is the newest complete one.

    Raises:
        RestobenchError: There is none, or the name fits several; the candidates are listed.
    """
    if (Path(name) / "run.json").exists():
        return RunRecord.read(RunFolder(Path(name)))
    records = all_runs(runs)
    if not records:
        raise RestobenchError(f"There are no runs in {runs}; make one with 'restobench run', or name --runs.")
    fitting = [record for record in records if name in _names(record)]
    if not fitting:
        raise unknown_name(f"run in {runs}", name, {record.name for record in records})
    candidates = {(record.run["label"], record.run["variant"], record.dataset) for record in fitting}
    if len(candidates) > 1:
        listing = ", ".join(sorted(f"{label}@{variant}:{dataset}" for label, variant, dataset in candidates))
        raise RestobenchError(f"The name '{name}' fits several runs: {listing}. Say which one.")
    return max(fitting, key=lambda record: (record.complete, record.finished))


def _names(record: RunRecord) -> set[str]:
    label, variant, dataset = record.run["label"], record.run["variant"], record.dataset
    return {label, f"{label}@{variant}", f"{label}:{dataset}", f"{label}@{variant}:{dataset}"}

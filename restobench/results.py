"""The runs in a folder, by name and as the rows of a table. Never imports torch."""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restobench.errors import RestobenchError, unknown_name
from restobench.signature import Signature
from restobench.store import TAG, RunFolder, run_folders

if TYPE_CHECKING:
    import pandas as pd


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

    def samples(self) -> pd.DataFrame:
        """samples.parquet by the sample's id. It is shared by all who ask, who leave it as it is.

        Raises:
            OSError: There is none.
        """
        path = self.folder.samples_path
        about = path.stat()
        return _samples(path, about.st_mtime_ns, about.st_ino)

    @property
    def provenance(self) -> str:
        """Of a run that came in an archive: what was checked, and from where; empty: it was made here."""
        found = self.folder.read_imported()
        if found is None:
            return ""
        scores = "" if found["pictures"] else ", scores only"
        if found.get("scored"):
            checked = "scored anew here"
        elif again := found["again"]:
            checked = f"{len(again['samples'])} of {found['restored']} pictures scored again here"
        else:
            checked = f"not checked again ({found['not_checked']})"
        return f"imported{scores}, {checked}, from {found['from']}"

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


@lru_cache(maxsize=32)  # a table's methods, each of which several columns ask for
def _samples(path: Path, modified_ns: int, inode: int) -> pd.DataFrame:
    return RunFolder(path.parent).read_samples().set_index("id")


def all_runs(runs: Path) -> list[RunRecord]:
    """Every run below `runs`; a damaged one is an error that names it."""
    return [RunRecord.read(folder) for folder in run_folders(runs)]


def readable_runs(folders: Iterable[RunFolder]) -> list[RunRecord]:
    """The runs that can be read: a damaged one beside the wanted one is no reason to stop."""
    records = []
    for folder in folders:
        with suppress(RestobenchError):
            records.append(RunRecord.read(folder))
    return records


def newest(records: list[RunRecord]) -> list[RunRecord]:
    """One run for each method, data set and seed: the newest complete one, else the newest; ours before imported."""
    best: dict[tuple[object, ...], RunRecord] = {}
    for record in sorted(records, key=worth):
        fingerprint = record.run["dataset"]["fingerprint"]
        best[record.name, fingerprint, record.run["determinants"].get("seed")] = record
    return sorted(best.values(), key=lambda record: (record.dataset, natural_order(record.method)))


def find_run(runs: Path, name: str) -> RunRecord:
    """The run called `method[@variant][:dataset]`, or the one in the folder of that path.

    Of several runs of one name it is the newest complete one; one that was made here before imported ones.

    Raises:
        RestobenchError: There is none, or the name fits several; the candidates are listed.
    """
    return max(runs_called(runs, name), key=worth)


def runs_called(runs: Path, name: str) -> list[RunRecord]:
    """Every run of a name, as `find_run` takes it: its seeds and settings.

    Raises:
        RestobenchError: There is none, or the name fits several; the candidates are listed.
    """
    if (Path(name) / "run.json").exists():
        return [RunRecord.read(RunFolder(Path(name)))]
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
    return fitting


def worth(record: RunRecord) -> tuple[bool, bool, str]:
    """Which of several runs of one name is meant: the largest."""
    return record.complete, not record.folder.is_imported, record.finished


def _names(record: RunRecord) -> set[str]:
    label, variant, dataset = record.run["label"], record.run["variant"], record.dataset
    return {label, f"{label}@{variant}", f"{label}:{dataset}", f"{label}@{variant}:{dataset}"}


@dataclass(frozen=True)
class TableRow:
    """A method on a data set: one run, or the runs of several seeds as one row."""

    records: tuple[RunRecord, ...]
    cells: dict[str, dict[str, Any]]
    """A summary row by metric, and `seed_std`: the deviation of the seeds' means, None for one seed."""

    @property
    def method(self) -> str:
        """What the row is called."""
        return self.records[0].method


def table_rows(records: Sequence[RunRecord]) -> list[TableRow]:
    """The runs as rows: seeds of one method that were scored alike make one."""
    groups: dict[tuple[object, ...], list[RunRecord]] = {}
    for record in records:
        scored = frozenset((row["metric"], Signature.parse(row["signature"]).metric) for row in record.summary)
        key = record.name, record.run["dataset"]["fingerprint"], record.complete, scored
        groups.setdefault(key, []).append(record)
    return [_row(tuple(group)) for group in groups.values()]


def _row(records: tuple[RunRecord, ...]) -> TableRow:
    first = records[0]
    if len(records) == 1:
        return TableRow(records, {row["metric"]: row | {"seed_std": None} for row in first.rows()})
    return TableRow(records, {row["metric"]: _across_seeds(row, records) for row in first.rows()})


def _across_seeds(row: dict[str, Any], records: Sequence[RunRecord]) -> dict[str, Any]:
    """One metric over seeds: a sample's value is its mean over seeds, and so the interval is one of pictures."""
    import pandas as pd

    from restobench.statistics import mean_interval

    name = row["metric"]
    seeds = [next(other for other in record.summary if other["metric"] == name) for record in records]
    means = [other["mean"] for other in seeds if other["mean"] is not None]
    joined = row | {
        "mean": statistics.fmean(means) if means else None,
        "seed_std": statistics.stdev(means) if len(means) > 1 else None,
        "low": None,
        "high": None,
        "missing": max(other["missing"] for other in seeds),
        "infinite": max(other["infinite"] for other in seeds),
        "identical": max(other.get("identical", 0) for other in seeds),
    }
    tables = [record.samples() for record in records]
    if name in tables[0]:
        values = pd.concat([table[name] for table in tables], axis=1).mean(axis=1, skipna=False)
        interval = mean_interval(values.to_numpy(), list(tables[0]["group"].reindex(values.index)))
        joined |= {"low": interval.low, "high": interval.high, "count": interval.count}
    return joined


def rows_by_tag(
    records: Sequence[RunRecord],
    tag: str,
    metrics: Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    *,
    beside_tags: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The summary of each run apart for each value of a tag: `kind` of degradation, and the like.

    Args:
        records: The runs.
        tag: By what they are taken apart.
        metrics: Which; None: all.
        where: Only the samples whose tags have these values.
        beside_tags: What else could have been meant by a name in `where`, for the error.

    Returns:
        A row for each run, value of the tag and metric: as the summary's rows, without a signature.

    Raises:
        RestobenchError: No run has samples with these tags, or with these values of them.
    """
    from restobench.statistics import mean_interval

    rows: list[dict[str, Any]] = []
    where = where or {}
    known: set[str] = set()
    values_of: dict[str, set[str]] = {name: set() for name in where}
    for record in records:
        if not record.folder.samples_path.exists():
            continue
        table = record.folder.read_samples()
        known |= {name.removeprefix(TAG) for name in map(str, table.columns) if name.startswith(TAG)}
        if any(TAG + name not in table for name in (tag, *where)):
            continue
        for name, wanted in where.items():
            values_of[name] |= set(table[TAG + name].dropna())
            table = table[table[TAG + name] == wanted]
        head = {"method": record.method, "dataset": record.dataset, "seed": record.run["determinants"].get("seed")}
        names = [row["metric"] for row in record.summary if row["metric"] in table]
        for value, part in table.groupby(TAG + tag):
            for name in names if metrics is None else [name for name in metrics if name in names]:
                interval = mean_interval(part[name].to_numpy(), list(part["group"]))
                rows.append(head | {"tag": tag, "value": value, "metric": name} | asdict(interval))
    if unknown := next((name for name in (tag, *where) if name not in known), None):
        raise unknown_name(
            "tag of samples in these runs", unknown, known | set(beside_tags if unknown in where else ())
        )
    for name, wanted in where.items():
        if wanted not in values_of[name]:
            raise unknown_name(f"value of '{name}' in these runs", wanted, values_of[name])
    if not rows:
        asked = ", ".join(f"{name}={wanted}" for name, wanted in where.items()) or f"'{tag}'"
        raise RestobenchError(
            f"No sample of these runs has {asked}; 'restobench results --by TAG' tells what there is."
        )
    return rows


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """A sorting key that puts `iter_900` before `iter_1000`."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


@dataclass(frozen=True)
class Curve:
    """A metric over the checkpoints of a family, on one data set."""

    family: str
    dataset: str
    metric: str
    checkpoints: tuple[str, ...]
    means: tuple[float, ...]


def curves(records: Sequence[RunRecord]) -> list[Curve]:
    """For each family of two or more checkpoints its metrics, in the natural order of their names."""
    families: dict[tuple[str, str, str], list[TableRow]] = {}
    for row in table_rows(records):
        run = row.records[0].run
        if run.get("checkpoint"):
            dataset = run["dataset"]
            families.setdefault((run["family"], dataset["name"], dataset["fingerprint"]), []).append(row)
    found = []
    for (family, dataset, _), rows in families.items():
        ordered = sorted(rows, key=lambda row: natural_order(row.records[0].run["checkpoint"]))
        for metric in dict.fromkeys(name for row in ordered for name in row.cells):
            points = [
                (row.records[0].run["checkpoint"], row.cells[metric]["mean"])
                for row in ordered
                if metric in row.cells and row.cells[metric]["mean"] is not None
            ]
            if len(points) > 1:
                names, means = zip(*points, strict=True)
                found.append(Curve(family, dataset, metric, names, means))
    return found

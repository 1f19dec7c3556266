"""What is in an archive becomes a folder: nothing is believed before it was compared with something else."""

from __future__ import annotations

import math
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from restobench.ahead import read_ahead
from restobench.download import size_in_words
from restobench.errors import RestobenchError
from restobench.files import write_json, written_whole
from restobench.image import read_array
from restobench.metrics.registry import find_metric
from restobench.sharing.archive import Archive, Limits
from restobench.sharing.contents import (
    PICTURES,
    RECORDS,
    check_path,
    check_run,
    check_summary,
    pixels_hash,
    read_json,
    refused,
    validated,
)
from restobench.sharing.schema import Inputs, Manifest, Run, SampleRow, Summary, Table, Timing
from restobench.statistics import mean_intervals
from restobench.store import TAG, RunFolder


@dataclass(frozen=True)
class Contents:
    """The records of an archive, checked against each other."""

    raw_run: dict[str, Any]
    run: Run
    summary: Summary
    raw_summary: list[dict[str, Any]]
    table: Table
    timing: Timing
    inputs: Inputs | None

    @property
    def pixels(self) -> dict[str, str]:
        """By sample that was restored, the hash of its picture's pixels."""
        return {row.id: row.pixels for row in self.table.rows if row.pixels}


def read_contents(archive: Archive) -> Contents:
    """Every record, each compared with the others.

    Raises:
        RestobenchError: One is not as a run's is, or two contradict each other.
    """
    names = [name for name in RECORDS if name in archive.manifest.files]
    found = {name: read_json(archive.read(name), name) for name in names}
    run = check_run(archive.manifest, found["run.json"])
    summary = check_summary(found["summary.json"], run)
    table = validated(Table, found["samples.json"], "samples.json")
    timing = validated(Timing, found["timing.json"], "timing.json")
    inputs = validated(Inputs, found["inputs.json"], "inputs.json") if "inputs.json" in found else None
    contents = Contents(found["run.json"], run, summary, found["summary.json"], table, timing, inputs)
    _check_table(archive.manifest, contents)
    return contents


def _check_table(manifest: Manifest, contents: Contents) -> None:
    table, run = contents.table, contents.run
    ids = {row.id for row in table.rows}
    if len(ids) < len(table.rows):
        raise refused("samples.json has a sample twice")
    if len(ids) > run.samples.total or len(table.rows) > 1_000_000:
        raise refused("samples.json has more samples than its data set")
    for row in table.rows:
        check_path(f"{PICTURES}{row.id}.png")
        if row.values.keys() != set(table.metrics) or not row.tags.keys() <= set(table.tags):
            raise refused(f"the row of {row.id!r} in samples.json has other columns than the others")
    pictures = {path.removeprefix(PICTURES).removesuffix(".png") for path in manifest.files if path not in RECORDS}
    if manifest.pictures and pictures != contents.pixels.keys():
        other = sorted(pictures ^ contents.pixels.keys())[0]
        raise refused(f"the picture {other!r} is in the archive or in samples.json, and not in both")
    if manifest.pictures and len(pictures) != run.samples.restored:
        raise refused(f"it holds {len(pictures)} pictures, and its run.json says {run.samples.restored}")
    strangers = (set(contents.timing.seconds) | (set(contents.inputs.sha256) if contents.inputs else set())) - ids
    if strangers and run.samples.limit is None:
        raise refused(f"timing.json or inputs.json has the sample {min(strangers)!r}, which samples.json has not")
    reserved = {"id", "group", "seconds", "error", *(f"{TAG}{name}" for name in table.tags)}
    if len(set(table.metrics)) < len(table.metrics) or len(set(table.tags)) < len(table.tags):
        raise refused("samples.json names a column twice")
    if clash := reserved & set(table.metrics):
        raise refused(f"samples.json has a metric called {min(clash)!r}")
    for summed in contents.summary.rows:
        if summed.metric in table.metrics:
            _check_mean(contents, summed.metric)


def _check_mean(contents: Contents, metric: str) -> None:
    """The mean of the samples' values is the one in the summary, over as many."""
    row = next(one for one in contents.summary.rows if one.metric == metric)
    values = [_number(one.values[metric]) for one in contents.table.rows]
    below = _identical_below(metric)
    counted = [value for value in values if value is not None and math.isfinite(value) and value >= below]
    identical = sum(value is not None and value < below for value in values)
    infinite = sum(value is not None and math.isinf(value) and value >= below for value in values)
    mean = math.fsum(counted) / len(counted) if counted else (0.0 if identical else None)
    same_mean = mean == row.mean or (
        mean is not None and row.mean is not None and math.isclose(mean, row.mean, rel_tol=1e-6, abs_tol=1e-9)
    )
    if row.identical and not find_metric(metric):
        return  # which values it takes for one picture is not known here
    counts = (len(counted), values.count(None), infinite, identical)
    if counts != (row.count, row.missing, row.infinite, row.identical):
        raise refused(f"summary.json counts other values of {metric} than samples.json has")
    if row.mean is not None and row.low is not None and not row.low <= row.mean <= (row.high or row.low):
        raise refused(f"the mean of {metric} lies outside of its interval")
    if not same_mean:
        raise refused(f"the mean of {metric} is {row.mean} in summary.json, and {mean} over the rows of samples.json")


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def extract(archive: Archive, contents: Contents, to: Path, advance: Callable[[int], None] | None = None) -> None:
    """Write the run's folder at `to`, which is empty. Every picture is decoded and compared.

    Raises:
        RestobenchError: A file is not what the manifest says, or a picture not what samples.json says.
    """
    folder = RunFolder(to)
    limits = archive.limits

    def place(sample_id: str) -> None:
        path = folder.picture(sample_id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(archive.read(f"{PICTURES}{sample_id}.png"))
        except (FileExistsError, NotADirectoryError):
            raise refused(f"the picture {sample_id!r} would lie where another one does") from None
        _check_picture(path, sample_id, contents.pixels[sample_id], limits)

    wanted = sorted(contents.pixels) if archive.manifest.pictures else []
    if free := _lacking(to, sum(archive.manifest.files[f"{PICTURES}{sample_id}.png"].bytes for sample_id in wanted)):
        raise RestobenchError(f"There is no room for the run: {free}.")
    # One thread: the archive is one file, and writing is what takes time.
    for _, problem in read_ahead(wanted, place, workers=1):
        if isinstance(problem, RestobenchError):
            raise problem
        if advance:
            advance(1)
    folder.write_timing(contents.timing.seconds, contents.timing.kind)
    if contents.inputs:
        folder.write_inputs(contents.inputs.sha256)
    write_json(folder.summary_path, _own_intervals(contents))
    _write_samples(folder, contents.table)


def _own_intervals(contents: Contents) -> list[dict[str, Any]]:
    """summary.json, each interval worked out here from the samples: a stranger's would have to be believed."""
    metrics, rows = contents.table.metrics, contents.table.rows
    values = np.array([[_float(row.values[name]) for name in metrics] for row in rows]).reshape(len(rows), len(metrics))
    below = np.array([_identical_below(name) for name in metrics])
    found = mean_intervals(np.where(values < below, np.nan, values), [row.group for row in rows])
    intervals = {name: {"low": one.low, "high": one.high} for name, one in zip(metrics, found, strict=True)}
    return [row | intervals.get(row["metric"], {}) for row in contents.raw_summary]


def _identical_below(metric: str) -> float:
    known = find_metric(metric)
    below = known.card.identical_below if known else None
    return -math.inf if below is None else below


def _lacking(folder: Path, needed: int) -> str:
    free = shutil.disk_usage(folder).free
    return f"{size_in_words(needed)} are needed, {size_in_words(free)} are free" if needed > free else ""


def _check_picture(path: Path, sample_id: str, pixels: str, limits: Limits) -> None:
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        raise refused(f"the picture {sample_id!r} is no PNG")
    width, height = struct.unpack(">II", head[16:])
    if width * height > limits.pixels:
        raise refused(f"the picture {sample_id!r} would have {width} x {height} pixels")
    try:
        stored = read_array(path)
    except RestobenchError:
        raise refused(f"the picture {sample_id!r} cannot be read as a restored one") from None
    if stored.dtype != "uint8" or pixels_hash(stored.shape, stored.tobytes()) != pixels:
        raise refused(f"the pixels of {sample_id!r} are not those that samples.json was made of")


def _write_samples(folder: RunFolder, table: Table) -> None:
    """samples.parquet, written here: a stranger's would have to be believed."""
    import pandas as pd

    def column(value: Callable[[SampleRow], Any]) -> list[Any]:
        return [value(row) for row in table.rows]

    columns: Mapping[str, list[Any]] = {
        "id": column(lambda row: row.id),
        "group": column(lambda row: row.group),
        **{f"{TAG}{name}": column(lambda row, name=name: row.tags.get(name)) for name in table.tags},  # type: ignore[misc]
        **{name: column(lambda row, name=name: _float(row.values[name])) for name in table.metrics},  # type: ignore[misc]
        "seconds": column(lambda row: _float(row.seconds)),
        "error": column(lambda row: row.error),
    }
    with written_whole(folder.samples_path) as beside:
        pd.DataFrame(columns).to_parquet(beside, index=False)


def _float(value: float | str | None) -> float:
    return math.nan if value is None else float(value)

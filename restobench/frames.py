"""The results as a pandas DataFrame, and as a file for other programs: CSV, Parquet or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restobench.environment import runs_folder
from restobench.errors import RestobenchError
from restobench.files import writing, written_whole
from restobench.leaderboard.escaping import spreadsheet
from restobench.results import RunRecord, all_runs, newest
from restobench.selection import (
    SETTING,
    Where,
    choose_records,
    directions,
    mean_seconds,
    read_where,
    sort_records,
    status,
)
from restobench.store import TAG

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet", ".json")
"""What a file of results can be called."""

_NUMBERS = ("mean", "low", "high", "count", "missing", "infinite", "identical")


def read_results(
    runs: str | Path | None = None,
    *,
    where: Mapping[str, str] | None = None,
    metrics: Sequence[str] | None = None,
    samples: bool = False,
    sort: str | None = None,
    every: bool = True,
) -> pd.DataFrame:
    """The results of a folder of runs.

        >>> import restobench
        >>> table = restobench.read_results("runs", where={"dataset": "demo"})    # doctest: +SKIP
        >>> table.pivot(index=["method", "key"], columns="metric", values="mean")  # doctest: +SKIP

    Args:
        runs: The folder; None: RESTOBENCH_RUNS, or `runs`.
        where: Filters by name: `method`, `variant`, `dataset`, `revision`, `seed`, `status`, `origin`,
            `key` or `setting:NAME` choose runs, any other name is a tag and chooses samples (with `samples` only).
            A value may be a pattern (`resshift*`) or several with commas; a tag's is taken as it stands.
        metrics: Which; None: all.
        samples: A row for each run and sample instead of one for each run and metric.
        sort: A metric, its best first, or a column; None: by data set and method.
        every: Every run; else the newest of each method, data set and seed, as tables show them.

    Returns:
        As `runs_frame` or `samples_frame`.

    Raises:
        RestobenchError: A run is damaged, or nothing fits a filter.
    """
    wanted = read_where(where or {})
    records = choose_records(all_runs(Path(runs) if runs is not None else runs_folder()), wanted.runs)
    if not every:
        records = newest(records)
    if sort is not None:
        records = sort_records(records, sort)
    return frame_of(records, wanted, metrics=metrics, samples=samples)


def frame_of(
    records: Sequence[RunRecord], where: Where, *, metrics: Sequence[str] | None = None, samples: bool = False
) -> pd.DataFrame:
    """The runs as `runs_frame`, or their samples as `samples_frame`.

    Raises:
        RestobenchError: Samples are chosen by tags, and a row is a whole run.
    """
    if samples:
        return samples_frame(records, metrics, where.tags)
    if where.tags:
        raise RestobenchError(
            f"'{next(iter(where.tags))}' is taken for a tag, which chooses samples, and a row is a whole run: ask for "
            f"the rows of samples, or take the runs apart by the tag. A setting is written {SETTING}NAME."
        )
    return runs_frame(records, metrics)


def runs_frame(records: Sequence[RunRecord], metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """A row for each run and metric; a run that was not evaluated has one row without a metric.

    Columns: what was run (method, label, variant, dataset, revision, fingerprint, seed, key, status,
    samples, restored, failed, finished, seconds a picture, imported), the number (metric, better, mean,
    the 95 % interval low to high, count, missing, infinite, identical, signature), a column `setting:NAME`
    for each setting of any of the runs, and the run's folder.
    """
    import pandas as pd

    better = directions()
    settings = sorted({name for record in records for name in record.run["determinants"].get("settings", {})})
    rows = []
    for record in records:
        head = _head(record) | {"status": status(record)}
        samples = record.run["samples"]
        head |= {
            "samples": samples["total"],
            "restored": samples["restored"],
            "failed": len(samples["failed"]),
            "finished": record.finished or None,
            "seconds": mean_seconds(record),
            "timing": record.folder.timing_kind(),
            "imported": record.provenance or None,
        }
        made = record.run["determinants"].get("settings", {})
        tail = {SETTING + name: made.get(name) for name in settings} | {"run": str(record.folder.path)}
        cells = [row for row in record.summary if metrics is None or row["metric"] in metrics]
        for cell in cells or [{"metric": None}]:
            numbers = {name: cell.get(name) for name in _NUMBERS}
            named = {"metric": cell["metric"], "better": better.get(cell["metric"] or "")}
            rows.append(head | named | numbers | {"signature": cell.get("signature")} | tail)
    return _typed(pd.DataFrame(rows, dtype=object))


def samples_frame(
    records: Sequence[RunRecord], metrics: Sequence[str] | None = None, tags: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """A row for each run and sample: what was run, id, group, a column a tag and a metric, seconds, error.

    Raises:
        RestobenchError: No run was evaluated, or no sample has these tags.
    """
    import pandas as pd

    tables = []
    for record in records:
        if not record.folder.samples_path.exists():
            continue
        table = record.folder.read_samples()
        for name, wanted in (tags or {}).items():
            table = table[table[TAG + name] == wanted] if TAG + name in table else table[:0]
        for number, (name, value) in enumerate(_head(record).items()):
            table.insert(number, name, pd.Series([value] * len(table), index=table.index, dtype=object))
        tables.append(table)
    if not tables:
        raise RestobenchError("None of these runs was evaluated; 'restobench evaluate RUN' makes their samples' rows.")
    tables = [table for table in tables if len(table)]
    if not tables:
        asked = ", ".join(f"{name}={value}" for name, value in (tags or {}).items())
        raise RestobenchError(
            f"No sample of these runs has {asked or 'a row'}; 'restobench results --by TAG' tells what there is."
        )
    # What is empty everywhere in one run may be text or a number in another.
    frame = pd.concat([table.astype(object) for table in tables], ignore_index=True)
    first = [*_head(records[0]), "id", "group"]
    last = ["seconds", "error"]
    tag_names = sorted(name for name in map(str, frame.columns) if name.startswith(TAG))
    scores = [name for name in map(str, frame.columns) if name not in {*first, *last, *tag_names}]
    shown = scores if metrics is None else [name for name in metrics if name in scores]
    frame = frame[[*first, *tag_names, *shown, *last]]
    return _typed(frame)


def _head(record: RunRecord) -> dict[str, Any]:
    return {
        "method": record.method,
        "label": record.run["label"],
        "variant": record.run["variant"],
        "dataset": record.dataset,
        "revision": record.run["dataset"]["revision"],
        "fingerprint": record.run["dataset"]["fingerprint"],
        "seed": record.run["determinants"].get("seed"),
        "key": record.folder.path.name,
    }


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Each column of one type: whole numbers stay whole beside missing ones, what is of several becomes text."""
    import pandas as pd

    for name in frame:
        kinds = {type(value) for value in frame[name] if value is not None and value == value}
        if kinds in ({bool}, {int}):
            frame[name] = frame[name].astype("boolean" if kinds == {bool} else "Int64")
        elif kinds and kinds <= {int, float}:
            frame[name] = frame[name].astype("float64")
        else:
            text = [None if value is None or value != value else str(value) for value in frame[name]]
            frame[name] = pd.array(text, dtype="string")
    return frame


def check_suffix(path: Path) -> Path:
    """The path itself, where its suffix says what to write.

    Raises:
        RestobenchError: It does not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RestobenchError(f"--output {path} must end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    return path


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write the rows as CSV, Parquet or JSON by the path's suffix, whole or not at all.

    In CSV text that a spreadsheet program would take for a formula begins with an apostrophe; infinite
    is `inf`, there and in JSON, and a missing value is empty, in JSON null.

    Raises:
        RestobenchError: The suffix is none of these, or the file cannot be written.
    """
    check_suffix(path)
    if path.is_dir():
        raise RestobenchError(f"{path} is a folder; name a file with --output.")
    with writing(), written_whole(path) as beside:
        match path.suffix.lower():
            case ".csv":
                _safe(frame).to_csv(beside, index=False, lineterminator="\n", encoding="utf-8")
            case ".parquet":
                with beside.open("wb") as file:  # pyarrow's own words name no file
                    frame.to_parquet(file, index=False)
            case _:
                text = json.dumps(rows_of(frame), indent=1, ensure_ascii=False, allow_nan=False)
                beside.write_text(text + "\n", encoding="utf-8")


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON has them: null for what is missing, `inf` for what is infinite."""
    import pandas as pd

    def plain(value: Any) -> Any:
        if value is None or value is pd.NA or value != value:
            return None
        return str(value) if isinstance(value, float) and math.isinf(value) else value

    columns = {str(name): [plain(value) for value in frame[name].tolist()] for name in frame}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _safe(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=lambda name: str(spreadsheet(str(name)))).map(spreadsheet)

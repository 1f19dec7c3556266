"""Baselines: what the means of a small suite were, a line a number, as CSV.

A file's methods, data sets, seeds and metrics are the suite; `regression` runs it.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from restobench.errors import RestobenchError, unknown_name
from restobench.files import written_whole
from restobench.plugins import plugins

_COLUMNS = ("method", "dataset", "seed", "metric", "mean", "count", "missing", "infinite", "fingerprint", "definition")
DIGITS = 7
"""Of a mean; what moves beyond them has not moved."""


class Key(NamedTuple):
    """Which number."""

    method: str
    """`name` or `name@variant`, as on the command line."""
    dataset: str
    seed: int
    metric: str

    def __str__(self) -> str:
        """`psnr of bicubic on demo, seed 0`."""
        return f"{self.metric} of {self.method} on {self.dataset}, seed {self.seed}"


@dataclass(frozen=True)
class Number:
    """A mean, with what it is a mean of."""

    mean: float | None
    """None where every value is infinite or missing."""
    count: int
    missing: int
    infinite: int
    fingerprint: str
    """Of the data set, 12 digits."""
    definition: str
    """The metric with its options; libraries' versions are left out, for they are what is being watched."""


Numbers = dict[Key, Number]


def find_baseline(name: str) -> Path:
    """The file itself, or the baseline of that name that an installed package brings.

    Raises:
        RestobenchError: There is neither.
    """
    if name.endswith(".csv"):
        return Path(name).expanduser()
    known = {
        path.stem: path
        for plugin in plugins("restobench.leaderboards").values()
        for path in sorted((plugin.folder / "baselines").glob("*.csv"))
    }
    if name not in known:
        raise unknown_name("baseline", name, known, "A file's name ends with .csv.")
    return known[name]


def read_baseline(path: Path) -> Numbers:
    """The numbers of a baseline.

    Raises:
        RestobenchError: The file cannot be read or is no baseline.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RestobenchError(
            f"The baseline {path} cannot be read: {error.strerror}. "
            "Make one: restobench check --baseline FILE.csv --update --method M --dataset D"
        ) from None
    except UnicodeDecodeError:
        raise RestobenchError(f"The baseline {path} is no text in UTF-8.") from None
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != _COLUMNS:
        raise RestobenchError(f"{path} is no baseline: its columns must be {', '.join(_COLUMNS)}.")
    numbers: Numbers = {}
    for row in rows:
        try:
            key = Key(row["method"], row["dataset"], int(row["seed"]), row["metric"])
            number = Number(
                float(row["mean"]) if row["mean"] else None,
                int(row["count"]),
                int(row["missing"]),
                int(row["infinite"]),
                row["fingerprint"],
                row["definition"],
            )
        except (TypeError, ValueError):
            raise RestobenchError(f"{path}, line {rows.line_num}, is no line of a baseline.") from None
        if key in numbers:
            raise RestobenchError(f"{path}, line {rows.line_num}, has {key} a second time.")
        numbers[key] = number
    return numbers


def check_writable(path: Path) -> None:
    """Said before hours are spent on its numbers.

    Raises:
        RestobenchError: The baseline cannot be written there.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise RestobenchError(f"The baseline {path} cannot be written there; name another file with --baseline.")


def write_baseline(path: Path, numbers: Numbers) -> None:
    """Write the numbers, sorted, so that a change shows as the lines that changed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for key, number in sorted(numbers.items()):
        mean = "" if number.mean is None else f"{number.mean:.{DIGITS}g}"
        counts = (number.count, number.missing, number.infinite)
        writer.writerow([*key, mean, *counts, number.fingerprint, number.definition])
    with written_whole(path) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8", newline="\n")

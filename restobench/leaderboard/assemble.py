"""Leaderboards made of runs and of what papers print: who stands in which table, beside what.

A column holds numbers of one definition on one set of pictures. Decides, compares and ranks;
renders nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from restobench.errors import RestobenchError, unknown_name
from restobench.leaderboard import making
from restobench.leaderboard.asked import asked_cells, asked_column
from restobench.leaderboard.beside import besides_of, published_of
from restobench.leaderboard.board import Cell, Column, Leaderboard, Mark, Row, Table, Timing
from restobench.leaderboard.choosing import choose_runs
from restobench.leaderboard.published import Published, PublishedCell
from restobench.leaderboard.ranking import ranks_in, smallest_visible
from restobench.leaderboard.shown import Shown, column_of, definition_of, pictures_of, row_in, summary_in
from restobench.leaderboard.spec import RowSpec, TableSpec
from restobench.metric_card import MetricCard
from restobench.metrics.registry import all_metrics
from restobench.ranks import Ranks
from restobench.results import RunRecord, TableRow, table_rows
from restobench.signature import Signature


def assemble(
    records: Sequence[RunRecord],
    published: Published,
    spec: TableSpec | None = None,
    *,
    demonstrations: bool = False,
    timings: Sequence[Timing] = (),
) -> Leaderboard:
    """The tables of these runs, with published numbers beside them.

    Args:
        records: Every run there is.
        published: What papers print.
        spec: The one table that is wanted; None: one for each set of pictures, with every
            method and every metric, and the rows that papers print of these.
        demonstrations: Whether methods that only demonstrate may enter.
        timings: What was timed by protocol, of these methods and of others.

    Raises:
        RestobenchError: No run may be shown, or the spec asks for what is not there.
    """
    chosen = choose_runs(records, demonstrations=demonstrations)
    if not chosen.records:
        reasons = "".join(f"\n  {line}" for line in chosen.left_out)
        raise RestobenchError(f"There is no complete, evaluated run to show; make one with 'restobench run'.{reasons}")
    cards = {metric.name: metric.card for metric in all_metrics()}
    rows = table_rows(chosen.records)
    if spec is not None:
        tables = [_asked_for(spec, rows, published, cards)]
    else:
        groups: dict[tuple[str, str, str], list[TableRow]] = {}
        for row in rows:
            groups.setdefault(pictures_of(row), []).append(row)
        tables = [_of_one_set(members, published, cards) for members in groups.values()]
    return Leaderboard(tuple(_timed(table, timings) for table in tables), tuple(chosen.left_out))


def _timed(table: Table, timings: Sequence[Timing]) -> Table:
    """The table with what its methods took."""
    rows = (
        replace(row, timings=tuple(one for one in timings if not row.paper and one.method == row.method))
        for row in table.rows
    )
    return replace(table, rows=tuple(rows))


def _of_one_set(rows: Sequence[TableRow], published: Published, cards: dict[str, MetricCard]) -> Table:
    """Every method on one set of pictures, and what papers print on that set."""
    dataset = rows[0].records[0].run["dataset"]
    definitions = dict.fromkeys(
        (name, definition_of(cell))
        for row in rows
        for name, cell in row.cells.items()
        if cell["count"] or cell["infinite"] or cell.get("identical")
    )
    names = [name for name, _ in definitions]
    columns = [
        column_of(dataset, name, definition, cards, name if names.count(name) == 1 else ":".join(definition))
        for name, definition in definitions
    ]
    shown = [Shown(row.method, row.method, [row]) for row in rows]
    printed = _printed_rows(columns, published, shown)
    title = f"{dataset['name']}@{dataset['revision']} ({dataset['fingerprint'][:12]})"
    return _table(title, columns, shown, printed, published)


def _asked_for(spec: TableSpec, rows: Sequence[TableRow], published: Published, cards: dict[str, MetricCard]) -> Table:
    columns = [asked_column(one, rows, published, cards) for one in spec.columns]
    there = [row for row in rows if pictures_of(row) in {column.pictures for column in columns}]
    wanted = spec.rows or tuple(RowSpec(method=name) for name in dict.fromkeys(row.method for row in there))
    shown: list[Shown] = []
    for one in wanted:
        if one.method:
            of_it = [row for row in there if row.method == one.method]
            if not of_it:
                raise unknown_name("method with a run for this table", one.method, {row.method for row in there})
            shown.append(Shown(one.name or one.method, one.method, of_it))
        else:
            shown.append(Shown(one.name or one.published, one.published, [], asked_cells(one, columns, published)))
    return replace(_table(spec.title, columns, shown, [], published), mark=spec.mark)


def _printed_rows(columns: Sequence[Column], published: Published, shown: Sequence[Shown]) -> list[Shown]:
    """The rows of papers that have a number for some column and are of no method that is shown.

    A paper's ablations, configurations that nobody has under a name, stay in the paper.
    """
    measured = {id(cell) for one in shown for column in columns for cell in published_of(one, column, published)}
    rows: dict[tuple[str, str], list[PublishedCell]] = {}
    for cell in published.cells:
        ours = published.our_name(cell)
        fits = any(cell.dataset == column.dataset and column.metric in cell.means for column in columns)
        if fits and cell.is_score and id(cell) not in measured and (ours or cell.config == "default"):
            rows.setdefault((cell.paper, ours or cell.method), []).append(cell)
    return [Shown(cells[0].method, cells[0].method, [], cells) for cells in rows.values()]


def _table(
    title: str, columns: Sequence[Column], shown: Sequence[Shown], printed: Sequence[Shown], published: Published
) -> Table:
    ranks = ranks_in(columns, shown)
    columns = [_with_direction(column, published) for column in columns]
    columns = [replace(column, smallest_visible=smallest_visible(column, shown)) for column in columns]
    one_set = len({column.pictures for column in columns}) == 1
    rows = [_row(one, columns, ranks, published, one_set) for one in [*shown, *printed]]
    sets = dict.fromkeys((column.dataset, column.revision) for column in columns if column.revision)
    notes = [note for name, revision in sets for note in making.dataset_notes(name, revision)]
    return Table(title, tuple(columns), tuple(rows), tuple(notes))


def _with_direction(column: Column, published: Published) -> Column:
    """Of a metric that is not installed: which way is better, as a paper says."""
    said = (cell.direction for cell in published.cells if column.metric in cell.means)
    return column if column.better else replace(column, better=next(said, ""))


def _row(shown: Shown, columns: Sequence[Column], ranks: Sequence[Ranks], published: Published, one_set: bool) -> Row:
    cells = [_cell(shown, column, places, published) for column, places in zip(columns, ranks, strict=True)]
    if not shown.rows:
        first = shown.printed[0]
        return Row(shown.name, shown.method, tuple(cells), paper=first.paper, ours=published.our_name(first) or "")
    records = [record for row in shown.rows for record in row.records]
    seconds = [value for record in records for value in record.folder.read_timing().values()] if one_set else []
    devices = (_device(session) for record in records for session in record.run["sessions"])
    return Row(
        shown.name,
        shown.method,
        tuple(cells),
        seeds=_unique(str(_seed(record)) for record in records),
        seconds=sum(sorted(seconds)) / len(seconds) if seconds else None,
        timing=", ".join(_unique(record.folder.timing_kind() for record in records)) if seconds else "",
        device="; ".join(_unique(devices)) if seconds else "",
        licence=making.licence_of(records[0]),
        training_data=making.training_data_of(records[0]),
        commands=_unique(making.command_of(row.records) for row in shown.rows),
        notes=_unique(note for record in records for note in _notes(record)),
    )


def _device(session: dict[str, Any]) -> str:
    """`NVIDIA H200, batch 1`: what seconds depend on, as far as the run recorded it."""
    hardware = session.get("hardware", {})
    name = hardware.get("gpu") or hardware.get("cpu") or ""
    batch = session.get("batch_size")
    return f"{name}, batch {batch}" if name and batch else str(name)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _seed(record: RunRecord) -> str:
    seed = record.run["determinants"].get("seed")
    return "-" if seed is None else str(seed)


def _notes(record: RunRecord) -> list[str]:
    notes = [making.overlap(record)]
    samples = record.run["samples"]
    if samples["failed"]:
        first = min(samples["failed"])
        notes.append(
            f"{len(samples['failed'])} of {samples['total']} samples failed, '{first}': {samples['failed'][first]}"
        )
    if record.run["determinants"].get("lossy"):
        notes.append("the pictures were saved with loss")
    notes.append(record.provenance)
    if record.run["demonstration"]:
        notes.append("a demonstration, no result")
    return notes


def _cell(shown: Shown, column: Column, ranks: Ranks, published: Published) -> Cell:
    row = row_in(shown, column)
    found = summary_in(row, column) if row else None
    beside = published_of(shown, column, published)
    if row is None or found is None:
        besides = besides_of(beside, column, None, published)
        if shown.printed:
            return Cell(published=besides, problem="" if besides else f"{shown.printed[0].paper} prints none")
        problem = f"no run on {column.dataset}" if row is None else f"not computed; {_evaluate(row, column)}"
        return Cell(published=besides, problem=problem)
    place = ranks.get((row.records[0].folder.path, column.metric))
    places: dict[tuple[int, int], Mark] = {(1, 1): "best", (2, 2): "second"}
    summaries = (other for record in row.records for other in record.summary if other["metric"] == column.metric)
    return Cell(
        mean=found["mean"],
        low=found["low"],
        high=found["high"],
        seed_std=found["seed_std"],
        count=found["count"],
        missing=found["missing"],
        infinite=found["infinite"],
        identical=found.get("identical", 0),
        ranks=place,
        mark=places.get(place, "") if place else "",
        signatures=tuple(str(Signature.parse(other["signature"])) for other in summaries),
        problem=_problem(row, found),
        published=besides_of(beside, column, None if found["mean"] is None else (row, found), published),
    )


def _problem(row: TableRow, found: dict[str, Any]) -> str:
    if found["missing"]:
        total = found["count"] + found["missing"] + found["infinite"] + found.get("identical", 0)
        which = (
            "no sample has a value" if not found["count"] else f"{found['missing']} of {total} samples have no value"
        )
        return f"{which}; 'restobench evaluate {row.records[0].name}' says why"
    if found["infinite"]:
        return f"{found['infinite']} values are infinite: the restored picture is the clean one"
    if found.get("identical"):
        return f"{found['identical']} pairs are one picture to the metric, and in no mean"
    return ""


def _evaluate(row: TableRow, column: Column) -> str:
    return f"restobench evaluate {row.records[0].name} --metrics {column.metric}"

"""The columns and rows that a `table.toml` asks for, found among runs and published numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from restobench.errors import RestobenchError, unknown_name
from restobench.leaderboard.board import Column
from restobench.leaderboard.published import Published, PublishedCell
from restobench.leaderboard.shown import column_of, definition_of, pictures_of
from restobench.leaderboard.spec import ColumnSpec, RowSpec
from restobench.metric_card import MetricCard
from restobench.results import TableRow


def asked_column(
    spec: ColumnSpec, rows: Sequence[TableRow], published: Published, cards: dict[str, MetricCard]
) -> Column:
    """The column that is asked for.

    Raises:
        RestobenchError: Nobody has such a number, or runs have several that cannot share a column.
    """
    name, _, revision = spec.dataset.partition("@")
    of_set = [
        row
        for row in rows
        if row.records[0].dataset == name and revision in ("", row.records[0].run["dataset"]["revision"])
    ]
    known = {row.records[0].dataset for row in rows} | {cell.dataset for cell in published.cells}
    if name not in known:
        raise unknown_name("data set with a run or a published number", name, known)
    found = dict.fromkeys(
        (pictures_of(row), definition_of(row.cells[spec.metric])) for row in of_set if spec.metric in row.cells
    )
    if len({pictures for pictures, _ in found}) > 1:
        raise RestobenchError(
            f"There are runs on several sets of pictures called '{spec.dataset}', which cannot share a column; "
            "name one as NAME@REVISION, or move the other runs to another folder."
        )
    if len(found) > 1:
        ways = " and ".join(":".join(definition) for _, definition in found)
        raise RestobenchError(
            f"'{spec.metric}' on '{spec.dataset}' was computed in several ways, which cannot share a column: {ways}. "
            "Evaluate the runs again with one version: restobench evaluate RUN."
        )
    printed = [cell for cell in published.cells if cell.dataset == name and spec.metric in cell.means]
    if not found and not printed:
        raise RestobenchError(f"Neither a run nor a paper has '{spec.metric}' on '{spec.dataset}'.")
    dataset = of_set[0].records[0].run["dataset"] if of_set else {"name": name, "revision": "", "fingerprint": ""}
    definition = next(iter(found))[1] if found else ()
    column = column_of(dataset, spec.metric, definition, cards, spec.name or spec.metric)
    digits = column.decimals if spec.digits is None else spec.digits
    return replace(column, heading=spec.heading, decimals=digits)


def asked_cells(spec: RowSpec, columns: Sequence[Column], published: Published) -> list[PublishedCell]:
    """The published row that is asked for.

    Raises:
        RestobenchError: There is none, or several fit.
    """
    fitting = [cell for cell in published.cells if cell.method == spec.published]
    if not fitting:
        raise unknown_name("method in the published tables", spec.published, {cell.method for cell in published.cells})
    fitting = [
        cell
        for cell in fitting
        if spec.config in ("", cell.config)
        and spec.paper in ("", cell.paper)
        and any(cell.dataset == column.dataset and column.metric in cell.means for column in columns)
    ]
    if not fitting:
        raise RestobenchError(f"No paper prints a number of '{spec.published}' for these columns.")
    configs, papers = ({getattr(cell, name) for cell in fitting} for name in ("config", "paper"))
    for what, found in (("config", configs), ("paper", papers)):
        if len(found) > 1:
            raise RestobenchError(
                f"The published row '{spec.published}' is there with several values of {what}: "
                f"{', '.join(sorted(found))}. Say which."
            )
    return fitting

"""A leaderboard as LaTeX tables, as papers have them: booktabs, the best bold, the second underlined.

Needs \\usepackage{booktabs} and nothing else. What stands below a table in Markdown is a
comment here, signatures and commands included.
"""

from __future__ import annotations

from itertools import groupby

from restobench.leaderboard.board import Cell, Column, Leaderboard, Row, Table
from restobench.leaderboard.escaping import latex as safe
from restobench.leaderboard.escaping import latex_comment as comment
from restobench.leaderboard.numbers import number


def as_latex(board: Leaderboard) -> str:
    """Every table, one after the other; byte for byte the same for the same runs."""
    lines = [comment("In the preamble: \\usepackage{booktabs}"), ""]
    for table in board.tables:
        lines += [*_table(table), ""]
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_caption(table)}}}", r"\smallskip"]
    lines += [rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}", r"\toprule", *_headings(table.columns)]
    lines += [rf"Method & {' & '.join(map(_head, table.columns))} \\", r"\midrule"]
    lines += [_row(row, table) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    lines += [
        comment(f"{row.name}, {column.name}: {cell.problem}")
        for row, column, cell in table.cells()
        if cell.problem and not row.paper
    ]
    lines += [
        comment(line)
        for line in dict.fromkeys(
            [
                *(line for *_, cell in table.cells() for line in cell.signatures),
                *(line for row in table.rows for line in row.commands),
            ]
        )
    ]
    return lines


def _caption(table: Table) -> str:
    said = [f"{safe(table.title)}."]
    if any(cell.mark for *_, cell in table.cells()):
        said.append("Bold: best; underlined: second of what was measured, where the pictures tell them apart.")
    if any(cell.missing for *_, cell in table.cells()):
        said.append(r"$^{*}$: some samples have no value.")
    if any(row.paper for row in table.rows):
        papers = ", ".join(dict.fromkeys(row.paper for row in table.rows if row.paper))
        said.append(f"{safe(table.mark)}: as printed by {safe(papers)}, not measured here.")
    return " ".join(said)


def _headings(columns: tuple[Column, ...]) -> list[str]:
    """The row of headings over groups of columns, with a rule under each; nothing where there are none."""
    if not any(column.heading for column in columns):
        return []
    cells, rules = [], []
    first = 2  # the first column holds the methods
    for heading, members in groupby(columns, key=lambda column: column.heading):
        width = len(list(members))
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{safe(heading)}}}")
        if heading:
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    return [rf"& {' & '.join(cells)} \\", " ".join(rules)]


def _head(column: Column) -> str:
    arrow = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "": ""}[column.better]
    return f"{safe(column.name)}{arrow}"


def _row(row: Row, table: Table) -> str:
    cells = [
        safe(" / ".join(beside.value for beside in cell.published)) or "--" if row.paper else _cell(column, cell)
        for column, cell in zip(table.columns, row.cells, strict=True)
    ]
    mark = rf"$^{{\mbox{{\scriptsize {safe(table.mark)}}}}}$" if row.paper and table.mark else ""
    # A name that begins with a bracket would else be taken for an option of the line before it.
    return rf"{{}}{safe(row.name)}{mark} & {' & '.join(cells)} \\"


def _cell(column: Column, cell: Cell) -> str:
    if cell.mean is None:
        return r"$\infty$" if cell.infinite else "--"
    value = number(cell.mean, column.decimals)
    value = {"best": rf"\textbf{{{value}}}", "second": rf"\underline{{{value}}}", "": value}[cell.mark]
    if cell.seed_std is not None:
        value += rf" $\pm$ {number(cell.seed_std, column.decimals + 1)}"
    return value + (r"$^{*}$" if cell.missing else "")

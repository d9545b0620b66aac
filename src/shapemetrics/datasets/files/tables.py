"""Tables of text as arrays: the numbers, the names of rows and columns, and how they were told.

How a file becomes rows of cells: :mod:`shapemetrics.datasets.files.text`. Which cells are numbers:
:mod:`shapemetrics.datasets.files.cells`. Which rows and columns are names:
:mod:`shapemetrics.datasets.files.names`. Nothing that may be a number is left out unless a rule
that is written there, or an option, says that it is a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shapemetrics.datasets.files import cells
from shapemetrics.datasets.files.grid import Grid, read_grid, refuse_cell
from shapemetrics.datasets.files.looks import count_plainly
from shapemetrics.datasets.files.names import names_of
from shapemetrics.datasets.files.text import layout


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers of a table, and the names beside and above them.

    Attributes
    ----------
    values : ndarray of shape (rows, columns)
        In double precision.
    rows, columns : list of str or None
        Names; None where there are none, or they only count.
    told : str or None
        What was taken for what, in a few words; None where all cells are numbers, divided as
        usual.
    """

    values: np.ndarray
    rows: list[str] | None
    columns: list[str] | None
    told: str | None


def read_table(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
    index: bool | str | None = None,
) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : pathlib.Path
        With a suffix of `TABLES`.
    delimiter : str, optional
        One character; told from the file when not given.
    decimal : {".", ","}, optional
        Mark of decimals; told from the file when not given.
    header : bool, optional
        Whether the first row is names.
    index : bool or str, optional
        Whether the first column is names, or the name of the column that is.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        In one line: what was found, or how the table can be read and which option decides.
    """
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal: found {decimal!r}, expected '.' or ','")
    column = index if isinstance(index, str) else None
    if column is not None and header is False:
        raise ValueError(f"index: found the name {column!r}, expected none with header: false")
    grid = read_grid(path, layout(path, delimiter, decimal), decimal, column)
    names = names_of(
        grid, True if column is not None else header, True if column is not None else index
    )
    kept = [place for place in range(grid.width) if not (names.index and place == grid.at)]
    for place in kept:
        if place in grid.wrong:
            line, text = grid.wrong[place]
            refuse_cell(grid, line, place, text)
    values, rows = grid.values, list(grid.labels)
    if not names.header:
        for place in kept:
            if cells.number(grid.first[place], grid.decimal) is None:
                refuse_cell(grid, grid.line, place, grid.first[place])
        values, rows = grid.all_values(), [grid.first[grid.at], *rows]
    if names.index:
        values = np.ascontiguousarray(values[:, kept])
        if column is not None and len(set(rows)) < len(rows):
            twice = next(row for row in rows if rows.count(row) > 1)
            raise ValueError(
                f"{path}: found stimulus {twice!r} more than once, expected different names"
            )
    offset = int(grid.short)
    columns = [grid.first[place - offset] for place in kept] if names.header else None
    return Table(
        values,
        _names(rows) if names.index else None,
        None if columns is None else _names(columns),
        _told(grid, names.header, names.index),
    )


def _names(texts: list[str]) -> list[str] | None:
    """Names that tell more than the order does."""
    return None if count_plainly(texts) else texts


def _told(grid: Grid, header: bool, index: bool) -> str | None:
    """What was taken for what, where that is worth a word."""
    first = f"line {grid.line} is {'names' if header else 'numbers'}"
    place = f"column {grid.at + 1}" + (f" ({grid.first[grid.at]!r})" if header and index else "")
    if grid.short:
        place = "column 1"
    comments = len(grid.layout.comments)
    if not (header or index or comments) and grid.layout.delimiter in ",\t" and grid.decimal == ".":
        return None
    return ", ".join(
        [
            first,
            f"{place} is {'names' if index else 'numbers'}",
            *(
                [f"delimiter {grid.layout.delimiter!r}"]
                if grid.layout.delimiter not in ",\t"
                else []
            ),
            *(["decimal ','"] if grid.decimal == "," else []),
            *([f"{comments} comments left out"] if comments else []),
        ]
    )

"""The cells of a table of text, read once from top to bottom: numbers as numbers, the rest kept."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from shapemetrics.datasets.files import cells
from shapemetrics.datasets.files.text import Layout, check_comments, rows


@dataclass(eq=False)
class Grid:
    """A table of which the first row may be names, and one column too.

    Attributes
    ----------
    path : pathlib.Path
    layout : Layout
    decimal : str
        Mark of decimals in the numbers.
    first : list of str
        Cells of the first row, which may be one fewer than those of all others.
    line : int
        Its number.
    values : ndarray of shape (m, w)
        Numbers of the rows below; NaN where a cell holds none.
    wrong : dict of int to (int, str)
        For each column with a cell that is no number: the line of the first such, and its text.
    at : int
        The column whose cells may be names of rows.
    labels : list of str
        Its texts, below the first row.
    lines : list of int
        Numbers of the first and the last row below the first, as far as there are any.
    decimal_chosen : bool
        Whether an option says the decimal mark.
    comma_decimals : bool
        Whether every row below is two whole numbers that a decimal comma may divide.
    all_whole : ndarray of shape (w,)
        Whether a column holds whole numbers without decimal mark only.
    any_whole : ndarray of shape (2,)
        Whether any cell does, in the column `at` and in the others. Known where the first row may
        be plain numbers, or the column `at` is, and else True.
    zeros : ndarray of shape (2,)
        Whether decimals end in zeros somewhere, in the column `at` and in the others.
    """

    path: Path
    layout: Layout
    decimal: str
    first: list[str]
    line: int
    decimal_chosen: bool
    at: int = 0
    values: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    wrong: dict[int, tuple[int, str]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    comma_decimals: bool = False
    all_whole: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    any_whole: np.ndarray = field(default_factory=lambda: np.zeros(2, dtype=bool))
    zeros: np.ndarray = field(default_factory=lambda: np.zeros(2, dtype=bool))

    @property
    def n_rows(self) -> int:
        """Rows below the first."""
        return len(self.values)

    @property
    def width(self) -> int:
        """Cells of a row."""
        return self.values.shape[1] if len(self.values) else len(self.first)

    @property
    def short(self) -> bool:
        """Whether the first row has one cell fewer than the others, as R writes it."""
        return len(self.first) == self.width - 1

    def all_values(self) -> np.ndarray:
        """Numbers of all rows, the first one too, for where it is no names."""
        first = [cells.number(text, self.decimal) for text in self.first]
        row = np.array([[np.nan if number is None else number for number in first]])
        return np.concatenate([row, self.values.reshape(-1, len(first))])

    def wrong_at(self) -> tuple[int, int, str]:
        """The line, column and text of the first cell of column `at` that is no number."""
        line, text = self.wrong[self.at]
        return line, self.at, text

    def kinds(self) -> list[cells.Kind]:
        """What the cells of the first row hold."""
        return [cells.kind(text, self.decimal) for text in self.first]


def refuse_cell(grid: Grid, line: int, place: int, text: str) -> NoReturn:
    """ValueError about a cell that holds no number."""
    delimiter = grid.layout.delimiter
    kind, other = cells.kind(text, grid.decimal), "," if grid.decimal == "." else "."
    hint = ""
    if grid.width == 1 and any(mark in text for mark in ";\t,|: " if mark != delimiter):
        hint = "; option delimiter says what divides cells"
    elif kind in ("empty", "missing"):
        hint = "; every row needs a value in every column"
    elif cells.number(text, other) is not None:
        hint = f"; decimal: {other!r} (--decimal) reads it as a number with decimals"
    elif kind == "name":
        hint = "; a column that names the rows is said by index (--index, --stimulus-column)"
    raise ValueError(
        f"{grid.path}: line {line}, column {place + 1} holds {text!r}, expected a number "
        f"(delimiter {delimiter!r}){hint}"
    )


class _OtherDecimal(Exception):
    """Decimals have a comma."""


def read_grid(path: Path, layout: Layout, decimal: str | None, column: str | None) -> Grid:
    """Read a table's cells.

    Parameters
    ----------
    path : pathlib.Path
    layout : Layout
    decimal : {".", ","}, optional
        Mark of decimals. When not given it is a point; but where the delimiter is no comma, and a
        cell is no number with a point but one with a comma, it is a comma.
    column : str, optional
        Name, in the first row, of the column that holds names; else that is the first one.

    Raises
    ------
    ValueError
        If rows differ in length, a comment or a blank line lies between them, or the decimal mark
        may as well stand between thousands.
    """
    try:
        return _scanned(path, layout, decimal or ".", column, chosen=decimal is not None)
    except _OtherDecimal:
        return _scanned(path, layout, ",", column, chosen=False)


def _scanned(path: Path, layout: Layout, decimal: str, column: str | None, chosen: bool) -> Grid:
    grid: Grid | None = None
    scan: _Scan | None = None
    blank, hashes, n_rows = None, [], 0
    # Only where no comma divides cells can one be the decimal mark.
    watch = not chosen and decimal == "." and layout.delimiter != ","
    # Where semicolons divide cells, a point too may stand between thousands.
    thousands = not chosen and (decimal == "," or layout.delimiter == ";")
    for line, row in rows(path, layout):
        if not row or (row == [""] and grid is not None and len(grid.first) > 1):
            blank = blank or line
            continue
        # In a table of one column a blank line may be an empty cell, in others it is nothing.
        if blank and grid is not None and len(grid.first) == len(row) == 1:
            raise ValueError(
                f"{path}: line {blank} is blank, expected a number in every row of the one column"
            )
        if grid is None:
            grid = Grid(path, layout, decimal, row, line, chosen)
            if watch and any(map(cells.other_decimal, row)):
                raise _OtherDecimal
            continue
        if scan is None:
            grid.first, row_width = _without_empty_end(grid.first, row)
            grid.at = _position(grid, column, row_width)
            scan = _Scan(grid, row_width, len(row) - row_width, watch, thousands)
        blank = None
        n_rows += 1
        if row[0].startswith("#"):
            hashes.append(line)
        scan.add(line, row)
    if grid is None:
        raise ValueError(f"{path}: no readable table: found no rows, expected numbers")
    if scan is None:
        grid.first, _ = _without_empty_end(grid.first, grid.first)
        grid.at = _position(grid, column, len(grid.first))
        scan = _Scan(grid, len(grid.first), 0, watch, thousands)
    if 0 < len(hashes) < n_rows:
        raise ValueError(
            f"{path}: line {hashes[0]} begins with '#' between rows, expected comments above the "
            "table only"
        )
    scan.finish()
    check_comments(path, layout, grid.width, decimal)
    return grid


def _without_empty_end(first: list[str], row: list[str]) -> tuple[list[str], int]:
    """Leave out columns at the end that are empty in the first two rows: delimiters end the lines.

    Returns
    -------
    (list of str, int)
        The first row, and how many cells of the others hold something.
    """

    def empty(cells: list[str]) -> int:
        count = 0
        while count < len(cells) - 1 and not cells[-1 - count]:
            count += 1
        return count

    end = empty(row)
    if end and len(first) == len(row) - end:
        return first, len(first)
    if len(first) == len(row):
        end = min(end, empty(first))
        return first[: len(first) - end], len(row) - end
    return first, len(row)


def _position(grid: Grid, column: str | None, width: int) -> int:
    """Where the column of names is."""
    if column is None:
        return 0
    if grid.first.count(column) != 1 or len(grid.first) != width:
        raise ValueError(
            f"{grid.path}: found columns {cells.shown(grid.first)}, expected one of them "
            f"to be stimulus column {column!r}"
        )
    return grid.first.index(column)


class _Scan:
    """Rows on their way into a grid."""

    def __init__(self, grid: Grid, width: int, end: int, watch: bool, thousands: bool) -> None:
        self.grid, self.width, self.end = grid, width, end
        self._watch = watch
        # A number whose decimal mark may stand between thousands; None once that of one may not.
        self._thousands: str | None = "" if thousands else None
        self._numbers = array("d")
        self._whole = list(range(width))  # columns of whole numbers only, so far
        # Whether any cell is one is costly to know, and matters only where names may be numbers.
        self._first_whole = all(map(cells.is_whole, grid.first[1:] or grid.first))
        self._at_whole = True
        grid.comma_decimals = width == 2
        for text in grid.first:
            self._see_thousands(text)

    def add(self, line: int, row: list[str]) -> None:
        """Take one row below the first."""
        grid = self.grid
        row = self._fitted(line, row)
        label, rest = row[grid.at], [*row[: grid.at], *row[grid.at + 1 :]]
        # Names of rows are no numbers, and the others are read at once.
        values = cells.numbers(rest, grid.decimal)
        quick = values is not None
        if values is None:
            values = [
                self._number(line, place, text)
                for place, text in enumerate(row)
                if place != grid.at
            ]
        values.insert(grid.at, self._number(line, grid.at, label))
        self._numbers.extend(values)
        grid.labels.append(label)
        grid.lines[1:] = [line]
        if self._thousands is not None:
            for text in row:
                self._see_thousands(text)
        self._look(row, label, rest, plain=quick and cells.all_whole(rest))

    def finish(self) -> None:
        """Put together what was found."""
        grid = self.grid
        grid.values = np.frombuffer(self._numbers, dtype=np.float64).reshape(-1, self.width)
        grid.all_whole = np.isin(np.arange(self.width), self._whole)
        if not (self._first_whole or self._at_whole):
            grid.any_whole[:] = True
        if self._thousands:
            mark = grid.decimal
            raise ValueError(
                f"{grid.path}: numbers such as {self._thousands!r} can be read two ways, {mark!r} "
                f"being before decimals or between thousands; expected decimal: {mark!r} "
                f"(--decimal {mark}), or numbers without marks between thousands"
            )

    def _look(self, row: list[str], label: str, rest: list[str], *, plain: bool) -> None:
        """How numbers are written, which tells whether others are names."""
        grid = self.grid
        if grid.comma_decimals:
            grid.comma_decimals = cells.is_comma_decimal(*row)
        self._at_whole = self._at_whole and cells.is_whole(label)
        if self._whole and not (plain and self._at_whole):
            self._whole = [place for place in self._whole if cells.is_whole(row[place])]
        if plain and rest:
            grid.any_whole[1] = True
        for side, texts in enumerate(([label], [] if plain else rest)):
            if not grid.zeros[side]:
                grid.zeros[side] = cells.has_zeros(texts, grid.decimal)
            if not grid.any_whole[side] and (self._first_whole or self._at_whole):
                grid.any_whole[side] = cells.has_whole(texts, grid.decimal)

    def _fitted(self, line: int, row: list[str]) -> list[str]:
        grid = self.grid
        expected = self.width + self.end
        if not any(row) and len(row) > 1:
            raise ValueError(f"{grid.path}: line {line} holds empty cells only, expected numbers")
        if len(row) != expected:
            raise ValueError(
                f"{grid.path}: no readable table: line {line} has {len(row)} cells, expected "
                f"{expected} as in the rows above it (delimiter {grid.layout.delimiter!r})"
            )
        for place in range(self.width, expected):
            if row[place]:
                raise ValueError(
                    f"{grid.path}: line {line}, column {place + 1} holds {row[place]!r}, expected "
                    "nothing as in the rows above it"
                )
        return row[: self.width] if self.end else row

    def _number(self, line: int, place: int, text: str) -> float:
        value = cells.number(text, self.grid.decimal)
        if value is not None:
            return value
        if self._watch and cells.other_decimal(text):
            raise _OtherDecimal
        self.grid.wrong.setdefault(place, (line, text))
        return np.nan

    def _see_thousands(self, text: str) -> None:
        if self._thousands is None or self.grid.decimal not in text:
            return
        if cells.number(text, self.grid.decimal) is not None:
            may_be = cells.may_be_thousands(text, self.grid.decimal)
            self._thousands = (self._thousands or text) if may_be else None

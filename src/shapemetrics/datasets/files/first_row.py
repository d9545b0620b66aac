"""Whether the first row of a table is names: the rules stand in the module ``names``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from shapemetrics.datasets.files import cells
from shapemetrics.datasets.files.grid import Grid, refuse_cell
from shapemetrics.datasets.files.looks import (
    Look,
    are,
    are_plain,
    count_plainly,
    counts,
    differ,
    look_of,
)

_UNNAMED = re.compile(r"Unnamed: \d+(_level_\d+)?(\.\d+)?")


def is_names(grid: Grid, index: bool | None) -> bool:
    """Whether the first row is names, where no option says so."""
    kinds, rest = grid.kinds(), grid.kinds()[1:]
    if grid.width > 1 and index is not False and is_unnamed(grid.first[0]):
        if are(rest, "name"):
            return _different(grid)
        if are(rest, "number") and _beside_empty_corner(grid, index):
            return True
        _refuse_first(grid, kinds, 1 if are(rest[:1], "empty") else 0)
    if index:
        if are(rest, "name"):
            return _different(grid)
        if are(rest, "number"):
            return _decided(grid, _look_of_first(grid, 1))
        _refuse_first(grid, kinds, 1)
    if are(kinds, "name"):
        return _different(grid)
    if are(kinds, "number"):
        return _decided(grid, _look_of_first(grid, 0))
    if index is None and kinds[0] == "name" and grid.n_rows and are(rest, "number"):
        return _beside_named_corner(grid, kinds)
    _refuse_first(grid, kinds, 0)


def _beside_empty_corner(grid: Grid, index: bool | None) -> bool:
    """Whether numbers beside an empty cell are names of columns."""
    names, labels = grid.first[1:], grid.labels
    if not (are_plain(names) and differ(names)):
        return False
    # Were they the first row's numbers, the rows would be counted from the second one on.
    if index or count_plainly(labels):
        return True
    if are([cells.kind(text, grid.decimal) for text in labels], "name"):
        return _look_of_first(grid, 1) != "numbers"
    return len(names) >= 3 and count_plainly(names) and are_plain(labels) and differ(labels)


def _beside_named_corner(grid: Grid, kinds: Sequence[cells.Kind]) -> bool:
    """Whether numbers beside a name are names of columns; else the name is that of a row."""
    look = _look_of_first(grid, 1)
    if grid.at in grid.wrong:
        if not are([cells.kind(text, grid.decimal) for text in grid.labels], "name"):
            refuse_cell(grid, *grid.wrong_at())
        return _decided(grid, look)
    sure = look == "names" or count_plainly(grid.first[1:])
    if sure and are_plain(grid.labels) and differ(grid.labels):
        return True
    _refuse_first(grid, kinds, 0)


def _decided(grid: Grid, look: Look) -> bool:
    if look == "unclear":
        n, w = grid.n_rows, grid.width
        raise ValueError(
            f"{grid.path}: line {grid.line} ({cells.shown(grid.first)}) can be read two ways: as "
            f"names of the columns, with {n} x {w} cells below it, or as numbers, with {n + 1} x "
            f"{w} cells in all; expected header: true or header: false (--header or --no-header)"
        )
    return look == "names"


def _different(grid: Grid) -> bool:
    if not differ(grid.first):
        twice = next(name for name in grid.first if grid.first.count(name) > 1)
        raise ValueError(
            f"{grid.path}: line {grid.line} holds {twice!r} {grid.first.count(twice)} times, "
            "expected different names, in one row; header: true (--header) takes them as they are"
        )
    return True


def _refuse_first(grid: Grid, kinds: Sequence[cells.Kind], start: int) -> NoReturn:
    """ValueError about a first row that is neither numbers nor names: it shows the odd cell."""
    usual = "number" if kinds.count("number") > kinds.count("name") else "name"
    odd = [place for place in range(start, len(kinds)) if kinds[place] != usual]
    place = odd[0] if odd else start
    divided = "" if len(kinds) > 1 else f" (delimiter {grid.layout.delimiter!r})"
    raise ValueError(
        f"{grid.path}: line {grid.line}, column {place + 1} holds {grid.first[place]!r}: found a "
        f"first row that is neither numbers nor different names{divided}, expected one of these, "
        "or header: true or header: false (--header or --no-header)"
    )


def _look_of_first(grid: Grid, start: int) -> Look:
    """What the first row's numbers look like, from a column on, beside the rows below."""
    texts = grid.first[start:]
    return look_of(
        np.array([cells.number(text, grid.decimal) for text in texts]),
        grid.values[:, start:],
        plain=are_plain(texts),
        marked=not grid.any_whole[start:].any(),
        zeros=bool(grid.zeros[start:].any()),
    )


def check_second_row(grid: Grid, has_index: bool) -> None:
    """ValueError where there may be two rows of names."""
    values = np.delete(grid.values, grid.at, axis=1) if has_index else grid.values
    row, others = values[0], values[1:]
    if len(row) >= 3 and counts(row) and not np.array_equal(others, np.round(others)):
        raise ValueError(
            f"{grid.path}: line {grid.lines[0]} ({cells.shown([f'{x:g}' for x in row])}) can be "
            "read two ways: as a second row of names, or as numbers; expected one row of names, or "
            "header: true (--header), after which it is numbers"
        )


def check_unnamed(grid: Grid, has_index: bool) -> None:
    """ValueError where a column has no name and others have."""
    for place, name in enumerate(grid.first, start=int(grid.short)):
        if is_unnamed(name) and not (has_index and place == grid.at):
            raise ValueError(
                f"{grid.path}: column {place + 1} has no name ({name!r}): names of rows, once, or "
                "a unit; expected a table without it, or header: true (--header), after which it "
                "is a unit"
            )


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the one that pandas gives to those without."""
    return not name or bool(_UNNAMED.fullmatch(name))

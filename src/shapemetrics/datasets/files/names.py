"""Whether the first row and the first column of a table are names or numbers.

Programs write numbers with names above and beside them, or without. What a table is, is decided by
the rules below, from its cells alone and always in the same way. Rows and columns are meant as they
lie in the file. What an option says (``header``, ``index``) is done, and the rules decide the rest.
What they leave open is refused, with both readings and the option that decides. Numbers, names and
cells that are neither: see :mod:`shapemetrics.datasets.files.cells`. A *plain* number is a whole
number without decimal mark. Numbers *count* if they are 0, 1, 2, ... or 1, 2, 3, ...

**The first row is names** (``header``) if

1. it has one cell fewer than the rows below, and its cells are different names (R's
   ``write.table``); the first column then is names too;
2. its cells are different names; the first may be empty or ``Unnamed: 0`` (pandas, R's
   ``write.csv``), and the first column then is names too;
3. its first cell is empty and the others are plain numbers that differ (pandas); and the first
   column counts plainly, or is different names beside what does not look like numbers, or is plain
   numbers that differ while the others, three or more, count. Or its first cell is a name, the
   others count plainly, and the first column is plain numbers that differ. The first column then
   is names too;
4. it is plain numbers that differ, above numbers that all have a decimal mark, some of which end in
   a zero (``1.0``, ``0.50``): whoever writes so would not write 1.0 as 1. Or it counts, five or
   more, above five rows or more of numbers that all have a decimal mark.

**It looks like names**, and is refused, if it is plain numbers that differ and

a. it is one number; or counts; or goes up by one from cell to cell (years); or by equal steps, four
   or more, as no other row does;
b. all are larger, or all smaller, than any below;
c. five or more rise from cell to cell, as in no other row;
d. fewer than half of the other rows are whole numbers that differ;

or if it is five or more decimals in equal steps, as no other row is. It is refused, too, if a cell
is neither number nor name, or some are numbers and some are names. **Else it is numbers.**

**The first column is names** (``index``) if

1. rule 1, 2 or 3 above says so. None may be empty, all must differ, and decimals must rise;
2. its cells are different names;
3. it has a name that no unit has (`first_column.NOT_UNITS`: ``id``, ``stimulus``, ``trial``, ...),
   and is plain numbers that differ;
4. it counts plainly, beside numbers as in rule 4 above (of the second kind, five columns or more).

**It looks like names**, and is refused, if (a) to (d) say so, with rows and columns exchanged; or
if it is plain numbers that differ, under a name unlike those of all others, which differ in their
digits alone (``code``, ``u1``, ``u2``). It is refused, too, if it has a name that no unit has, or
is names, and some are the same. **Else it is numbers.**

**Any other column** must be numbers. Unless ``index`` is given, it is refused if it has a name that
no unit has; or if it counts three rows or more, and not all do; or if it is plain numbers beside
numbers that end in zeros as in rule 4. Unless ``header`` is given, it is refused if it has no name
where others have.

**The second row**, below names, is refused unless ``header`` is given, if three numbers or more
count in it, above numbers not all whole: a table with two rows of names.

**Two columns** of plain numbers, under one name or none, look like one column with a decimal comma,
and are refused unless ``delimiter``, ``decimal`` or ``index`` is given.

No rule can tell apart what looks the same: where all cells are whole numbers, a first row or column
of numbers that neither count nor rise, within the range of all others, is numbers. Tables with such
names need ``header`` or ``index``.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapemetrics.datasets.files import cells, first_column, first_row
from shapemetrics.datasets.files.grid import Grid, refuse_cell
from shapemetrics.datasets.files.looks import are, differ


@dataclass(frozen=True)
class Names:
    """What of a table is names.

    Attributes
    ----------
    header : bool
        The first row.
    index : bool
        The column `Grid.at`.
    """

    header: bool
    index: bool


def names_of(grid: Grid, header: bool | None, index: bool | None) -> Names:
    """Decide what is names, by the rules of this module.

    Parameters
    ----------
    grid : Grid
    header, index : bool, optional
        What options say.

    Raises
    ------
    ValueError
        If the table can be read two ways or none.
    """
    if len(grid.first) not in (grid.width, grid.width - 1):
        raise ValueError(
            f"{grid.path}: no readable table: line {grid.line} has {len(grid.first)} cells, line "
            f"{grid.lines[0]} has {grid.width}, expected as many in every line"
        )
    if index and grid.width == 1:
        raise ValueError(
            f"{grid.path}: found one column, of names of rows, and nothing beside it, "
            "expected numbers"
        )
    for place, (line, text) in sorted(grid.wrong.items(), key=lambda item: item[1][0]):
        if place != grid.at:
            refuse_cell(grid, line, place, text)
    if index is None and not (grid.layout.chosen or grid.decimal_chosen):
        _check_comma_decimals(grid)
    if grid.short:
        names = _beside_short_row(grid, header, index)
    else:
        has_header = first_row.is_names(grid, index) if header is None else header
        if has_header and not grid.n_rows:
            raise ValueError(
                f"{grid.path}: found names ({cells.shown(grid.first)}) and no rows below, expected "
                "numbers"
            )
        has_index = first_column.is_names(grid, has_header) if index is None else index
        names = Names(has_header, has_index)
    if names.header and header is None:
        first_row.check_unnamed(grid, names.index)
        first_row.check_second_row(grid, names.index)
    if index is None:
        first_column.check_others(grid, names.header, names.index)
    return names


def _check_comma_decimals(grid: Grid) -> None:
    """ValueError where two columns of plain numbers may be one with a decimal comma."""
    if grid.comma_decimals and (grid.short or cells.is_comma_decimal(*grid.first)):
        raise ValueError(
            f"{grid.path}: two columns of whole numbers can be read two ways: as they are, or as "
            "one column of numbers with a decimal comma; expected delimiter: ',' or decimal: ',' "
            "(--delimiter , or --decimal ,)"
        )


def _beside_short_row(grid: Grid, header: bool | None, index: bool | None) -> Names:
    """The first row lacks the cell above the names of rows."""
    named = are(grid.kinds(), "name") and differ(grid.first)
    if header is False or index is False or not (named or header):
        raise ValueError(
            f"{grid.path}: no readable table: line {grid.line} has {len(grid.first)} cells, line "
            f"{grid.lines[0]} has {grid.width}, expected as many in every line, or different names "
            "above all columns but the first"
        )
    if index is None:
        first_column.check_labels(grid, names_above=False)
    return Names(True, True)

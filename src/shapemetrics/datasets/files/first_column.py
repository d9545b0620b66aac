"""Whether the first column of a table is names: the rules stand in the module ``names``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from shapemetrics.datasets.files import cells
from shapemetrics.datasets.files.first_row import is_unnamed
from shapemetrics.datasets.files.grid import Grid, refuse_cell
from shapemetrics.datasets.files.looks import (
    Look,
    are,
    are_plain,
    counts,
    differ,
    look_of,
)

_WORDS = """
    id ids index idx row rows rowname rownames row_names row.names row_id
    stim stims stimulus stimuli stimulus_id stim_id stimulus_name stimulus_index
    image images image_id image_name img img_id picture picture_id item item_id sample sample_id
    trial trials trial_id trial_index presentation presentation_id condition frame time timestamp
    name label labels class target category group subject session file filename path
"""
#: Names of columns that are no unit's responses, in small letters.
NOT_UNITS = frozenset(_WORDS.split())
_DIGITS = re.compile(r"\d+")


def is_names(grid: Grid, has_header: bool) -> bool:
    """Whether the first column is names, where no option says so."""
    corner, texts = grid.first[0], grid.labels if has_header else [grid.first[0], *grid.labels]
    kinds = [cells.kind(text, grid.decimal) for text in texts]
    if has_header and grid.width > 1:
        # A name alone above numbers, among numbers, is that of the names of rows.
        alone = are(grid.kinds()[1:], "number") and cells.kind(corner, grid.decimal) == "name"
        if is_unnamed(corner) or (alone and are(kinds, "number")):
            check_labels(grid, names_above=True)
            return True
    if are(kinds, "name") and grid.width > 1:
        if not differ(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise ValueError(
                f"{grid.path}: column 1 holds text, {twice!r} {texts.count(twice)} times, expected "
                "numbers, or different names; index: true (--index) takes them as they are"
            )
        return True
    if not are(kinds, "number"):
        if not has_header and kinds[0] != "number":
            refuse_cell(grid, grid.line, 0, corner)
        refuse_cell(grid, *grid.wrong_at())
    if grid.width == 1:
        return False
    plain = are_plain(texts) and differ(texts)
    if has_header and corner.casefold() in NOT_UNITS:
        return plain or _refuse_column(grid, has_header)
    look = _look_of_column(grid, has_header)
    values = np.array([cells.number(text, grid.decimal) for text in texts])
    if look == "names" and counts(values):
        return True
    if look != "numbers" or (has_header and plain and _unlike_the_others(grid.first)):
        _refuse_column(grid, has_header)
    return False


def _refuse_column(grid: Grid, has_header: bool) -> NoReturn:
    texts = grid.labels if has_header else [grid.first[0], *grid.labels]
    above = f"{grid.first[0]!r}: " if has_header and not grid.short else ""
    n, w = len(texts), grid.width
    raise ValueError(
        f"{grid.path}: column 1 ({above}{cells.shown(texts)}) can be read two ways: as names of "
        f"the rows, with {n} x {w - 1} cells beside it, or as numbers, with {n} x {w} cells in "
        "all; expected index: true or index: false (--index or --no-index)"
    )


def check_labels(grid: Grid, names_above: bool) -> None:
    """ValueError where the first column, by its place, is names, but cannot be."""
    for place, text in enumerate(grid.labels):
        if not text:
            raise ValueError(
                f"{grid.path}: row {place + 1} below the names has no name in column 1, expected "
                "one in every row"
            )
    decimals = grid.at not in grid.wrong and not are_plain(grid.labels)
    rising = bool(np.all(np.diff(grid.values[:, grid.at]) > 0))
    if not differ(grid.labels) or (decimals and not rising):
        _refuse_column(grid, names_above)


def _look_of_column(grid: Grid, has_header: bool) -> Look:
    """What the first column's numbers look like beside the others."""
    values, texts, rest = grid.values, grid.labels, []
    if not has_header:
        values, texts, rest = grid.all_values(), [grid.first[0], *texts], grid.first[1:]
    zeros = grid.zeros[1] or cells.has_zeros(rest, grid.decimal)
    any_plain = grid.any_whole[1] or any(map(cells.is_whole, rest))
    return look_of(
        values[:, 0],
        values[:, 1:].T,
        plain=are_plain(texts),
        marked=not any_plain,
        zeros=bool(zeros),
    )


def check_others(grid: Grid, has_header: bool, has_index: bool) -> None:
    """ValueError where a column that is no names of rows is no unit's either, it seems."""
    places = [place for place in range(grid.width) if not (has_index and place == grid.at)]
    called = dict(enumerate(grid.first, start=int(grid.short))) if has_header else {}
    values = grid.values if has_header else grid.all_values()
    counting = [place for place in places if len(values) >= 3 and counts(values[:, place])]
    mixed = grid.zeros[1] and has_header
    plain = [place for place in places if mixed and grid.all_whole[place]]
    for place in places:
        if called.get(place, "").casefold() in NOT_UNITS:
            why = f"is called {called[place]!r}"
        elif place in counting and len(counting) < len(places):
            why = "counts the rows"
        elif place in plain and len(plain) < len(places):
            why = "holds whole numbers, beside decimals such as 1.0"
        else:
            continue
        said = "true" if has_index else "false"
        flag = "--index" if has_index else "--no-index"
        raise ValueError(
            f"{grid.path}: column {place + 1} {why}, and can be read two ways: as names or numbers "
            f"of the rows, or as a unit; expected a table without it, or index: {said} ({flag}), "
            "after which it is a unit, or index: its name (--stimulus-column)"
        )


def _unlike_the_others(names: Sequence[str]) -> bool:
    """Whether the first name is another than those after it, which differ in digits alone."""
    stems = {_DIGITS.sub("", name) for name in names[1:]}
    numbered = all(_DIGITS.search(name) for name in names[1:])
    return (
        len(names) > 2 and numbered and len(stems) == 1 and _DIGITS.sub("", names[0]) not in stems
    )

"""What is said about files before they are read: arrays passed over, axes in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from shapemetrics.datasets.files.axes import remark_on
from shapemetrics.datasets.files.readers import Reading, shape_of, variables_of
from shapemetrics.datasets.files.variables import left_out, listed


def remarks_on_axes(arrays: Sequence[tuple[Path, str | None]], reading: Reading) -> list[str]:
    """What is said about arrays whose channels may come first, from the headers of their files.

    Parameters
    ----------
    arrays : sequence of (pathlib.Path, str or None)
        Files, and which array of each.
    reading : Reading
        How they are read.

    Returns
    -------
    list of str
        One line, with the first file that it is about, or none. Nothing is said about files that
        cannot be read: whoever reads them does.
    """
    if reading.axes is not None:
        return []
    shapes: list[tuple[Path, str]] = []
    for path, variable in arrays:
        try:
            shape = shape_of(path, replace(reading, variable=variable or reading.variable))
        except (ValueError, OSError):
            continue
        remark = None if shape is None else remark_on(shape, reading.orientation)
        if remark is not None:
            shapes.append((path, remark))
    return _together(shapes)


def remarks_on_containers(paths: Iterable[Path]) -> list[str]:
    """What is passed over in files that hold several arrays, where none is asked for by name."""
    passed: list[tuple[Path, str]] = []
    for path in dict.fromkeys(paths):
        try:
            others = left_out(variables_of(path) or [])
        except (ValueError, OSError):
            continue
        if others:
            passed.append((path, f"left out, no matrix: {listed(others)}"))
    return _together(passed)


def told_of(tables: Sequence[tuple[str, str]]) -> list[str]:
    """What in tables was taken for what: a line for each way, with the first table.

    Parameters
    ----------
    tables : sequence of (str, str)
        Name of each, and what was told.

    Examples
    --------
    >>> told_of([("a.csv", "line 1 is names"), ("b.csv", "line 1 is names")])
    ['a.csv and 1 other: line 1 is names']
    """
    files: dict[str, list[str]] = {}
    for name, told in tables:
        files.setdefault(told, []).append(name)
    return [f"{_and_others(names)}: {told}" for told, names in files.items()]


def _together(remarks: Sequence[tuple[Path, str]]) -> list[str]:
    """One line for all: the first file's, and how many others there are."""
    if not remarks:
        return []
    path, remark = remarks[0]
    return [f"{_and_others([str(path), *(str(other) for other, _ in remarks[1:])])}: {remark}"]


def _and_others(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{names[0]} and {len(names) - 1} other{'s' if len(names) > 2 else ''}"

"""Columns of the tables in an NWB file, whatever version and library wrote it.

NWB keeps tables as HDF5 groups with one dataset per column. A column whose rows hold several values
has them one after another, and a second dataset ``<name>_index`` with the end of each row. Text is
variable-length or fixed, bytes or UTF-8; categories are an HDF5 enumeration, or numbers with a
dataset ``<name>_elements`` that names them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


class DynamicTable:
    """One table of an NWB file.

    Parameters
    ----------
    group : h5py.Group
    file : str
        What to call the file in messages.

    Attributes
    ----------
    name : str
        Path of the table in its file.
    columns : list of str
        Names of its columns, without those that only index others.

    Raises
    ------
    ValueError
        If the group holds no column.
    """

    def __init__(self, group: h5py.Group, file: str) -> None:
        self._group: Any = group
        self.file = file
        self.name = str(group.name).strip("/")
        data = {
            str(name): part
            for name in group
            # A link to a file that is not here is no column.
            if isinstance(part := group.get(name), h5py.Dataset) and part.ndim >= 1
        }
        self._indices = {name for name in data if f"{name}_index" in data and _is_index(data, name)}
        helpers = {f"{name}_index" for name in self._indices} | {f"{n}_elements" for n in data}
        self.columns = sorted(set(data) - helpers)
        if not self.columns:
            raise ValueError(f"{file}: {self.name}: found no column, expected a table")

    def __len__(self) -> int:
        name = "id" if "id" in self.columns else self.columns[0]
        return len(self._ends(name)) if self.is_ragged(name) else len(self._group[name])

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def is_ragged(self, name: str) -> bool:
        """Whether rows of a column hold several values."""
        return name in self._indices

    def column(self, name: str) -> NDArray:
        """Values of a column, one per row.

        Returns
        -------
        ndarray of shape (n_rows,)
            Numbers and booleans as they are; text and categories as str; rows of several values as
            text, joined by commas, unless each holds exactly one.

        Raises
        ------
        ValueError
            If there is no such column, or its rows are arrays.
        """
        values = _plain(self.dataset(name), self._group)
        rows = len(self._ends(name)) if self.is_ragged(name) else len(values)
        if rows != len(self):
            raise ValueError(
                f"{self.file}: {self.name}/{name}: found {rows} rows, expected {len(self)}"
            )
        if self.is_ragged(name):
            ends = self._ends(name)
            starts = np.concatenate([[0], ends[:-1]])
            if len(ends) and (ends - starts == 1).all():
                return values
            return np.array([",".join(map(str, values[a:b])) for a, b in zip(starts, ends)], str)
        if values.ndim > 1 and values[:1].size == 1:
            values = values.reshape(len(values))  # MATLAB writes columns as (n_rows, 1)
        if values.ndim > 1:
            raise ValueError(
                f"{self.file}: {self.name}/{name}: found rows of shape {values.shape[1:]}, "
                "expected one value per row"
            )
        return values

    def dataset(self, name: str) -> Any:
        """The dataset of a column, unread.

        Raises
        ------
        ValueError
            If there is no such column; the nearest name is given.
        """
        if name not in self.columns:
            raise ValueError(
                f"{self.file}: {self.name}: found no column {name!r}, "
                f"expected one of {listed(self.columns, name)}"
            )
        return self._group[name]

    def rows_of(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the values of each row begin and end in :meth:`dataset`.

        Raises
        ------
        ValueError
            If the index of the column is damaged.
        """
        if not self.is_ragged(name):
            at = np.arange(len(self.dataset(name)), dtype=np.int64)
            return at, at + 1
        ends = self._ends(name)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
        return starts, ends

    def _ends(self, name: str) -> NDArray[np.int64]:
        index = self._group[f"{name}_index"]
        if f"{name}_index_index" in self._group:
            raise ValueError(
                f"{self.file}: {self.name}/{name}: found lists of lists, expected one list per row"
            )
        ends = index[()].astype(np.int64).ravel()
        size = len(self.dataset(name))
        if len(ends) and ((np.diff(ends) < 0).any() or ends[0] < 0 or ends[-1] != size):
            raise ValueError(
                f"{self.file}: {self.name}/{name}_index: found ends up to {ends.max()} of "
                f"{size} values, expected ascending ends up to {size}"
            )
        return ends


def _is_index(data: Mapping[str, Any], name: str) -> bool:
    """Whether ``<name>_index`` indexes a column, and is no column of its own that is called so."""
    kind = as_text(data[f"{name}_index"].attrs.get("neurodata_type", "VectorIndex"))
    return str(kind) == "VectorIndex"


def group_at(file: Any, path: str) -> Any:
    """The group at this path of a file; None where there is none, or something else."""
    part = file.get(path)
    return part if isinstance(part, h5py.Group) else None


def _plain(data: Any, table: Any) -> NDArray:
    """Values as numbers, booleans or str."""
    values = np.asarray(data[()])
    names = h5py.check_enum_dtype(data.dtype)
    elements = data.attrs.get("elements")
    own_elements = f"{str(data.name).rsplit('/', 1)[-1]}_elements"
    if isinstance(elements, h5py.Reference):
        of = as_text(table.file[elements][()])
    elif own_elements in table:
        of = as_text(table[own_elements][()])
    elif names and values.dtype.kind in "iu":
        by_number = {number: name for name, number in names.items()}
        return np.array([by_number.get(int(v), "") for v in values.ravel()], str).reshape(
            values.shape
        )
    else:
        return values if values.dtype.kind in "iufb" else as_text(values, table)
    return of[values.astype(np.int64)]


def as_text(values: Any, table: Any = None) -> NDArray:
    """Text of any HDF5 type as str; object references as the path of what they mean."""

    def text(value: object) -> str:
        if isinstance(value, bytes):
            return value.decode("utf-8", errors="replace")
        if isinstance(value, h5py.Reference):
            return str(table.file[value].name) if table is not None and value else ""
        return str(value)

    array = np.asarray(values)
    return np.array([text(v) for v in array.ravel()], dtype=str).reshape(array.shape)


def listed(names: Iterable[str], wanted: str = "", most: int = 12) -> str:
    """Names for a message, those nearest to what was wanted first.

    Examples
    --------
    >>> listed(["start_time", "stop_time", "contrast"], "start")
    'start_time, contrast, stop_time'
    """
    names = sorted(names)
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    ordered = [*near, *(name for name in names if name not in near)]
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return (", ".join(ordered[:most]) or "none") + more

"""One array out of one file: NumPy's own formats, tables of text, MATLAB and HDF5."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from shapemetrics.datasets.files.axes import check_axes, in_order, remark_on
from shapemetrics.datasets.files.columnar import read_columns
from shapemetrics.datasets.files.formats import COLUMNS, TABLES, check_suffix
from shapemetrics.datasets.files.hdf5 import hdf5_variables, read_hdf5
from shapemetrics.datasets.files.looks import looks_like_rdm
from shapemetrics.datasets.files.matlab import mat_variables, read_mat
from shapemetrics.datasets.files.netcdf import netcdf_variables, read_netcdf
from shapemetrics.datasets.files.numpy_files import npz_variables, read_npy, read_npz
from shapemetrics.datasets.files.tables import read_table
from shapemetrics.datasets.files.tensors import (
    read_safetensors,
    read_torch,
    safetensors_variables,
    torch_variables,
)
from shapemetrics.datasets.files.variables import Variable, chosen_variable
from shapemetrics.stimuli import StimulusOrder

#: What is said of an array that is square, symmetric and zero on its diagonal.
RDM_REMARK = (
    "looks like a matrix of dissimilarities (RDM) and is taken for responses, stimuli x units; "
    "shapemetrics.metrics.gram_of_rdm makes a Gram matrix of an RDM"
)
Orientation = Literal["stimuli_first", "stimuli_last"]


def read_h5ad(path: Path, variable: str | None) -> np.ndarray:
    """Read an array of an AnnData file; its matrix ``X`` where none is named."""
    return read_hdf5(path, "X" if variable is None else variable)


#: What reads an array of a container, and what lists its arrays.
_CONTAINERS: dict[
    str, tuple[Callable[[Path, str | None], np.ndarray], Callable[[Path], list[Variable]]]
] = {
    ".npz": (read_npz, npz_variables),
    ".mat": (read_mat, mat_variables),
    ".h5": (read_hdf5, hdf5_variables),
    ".hdf5": (read_hdf5, hdf5_variables),
    ".h5ad": (read_h5ad, hdf5_variables),
    ".nc": (read_netcdf, netcdf_variables),
    ".pt": (read_torch, torch_variables),
    ".pth": (read_torch, torch_variables),
    ".safetensors": (read_safetensors, safetensors_variables),
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are read: the options that :func:`read_array` has, checked.

    Attributes
    ----------
    variable, orientation, axes, delimiter, decimal, header, index, stimulus_column
        See :func:`read_array`.
    """

    variable: str | None = None
    orientation: Orientation = "stimuli_first"
    axes: Sequence[str] | None = None
    delimiter: str | None = None
    decimal: str | None = None
    header: bool | None = None
    index: bool | str | None = None
    stimulus_column: str | None = None

    def __post_init__(self) -> None:
        if self.orientation not in ("stimuli_first", "stimuli_last"):
            raise ValueError(
                f"orientation: found {self.orientation!r}, expected stimuli_first or stimuli_last"
            )
        check_axes(self.axes, self.orientation)
        if self.stimulus_column is not None:
            if self.index not in (None, True, self.stimulus_column):
                raise ValueError(
                    f"stimulus_column: found {self.stimulus_column!r} beside index: {self.index}, "
                    "expected one of them"
                )
            if self.orientation == "stimuli_last":
                raise ValueError(
                    f"stimulus_column: found {self.stimulus_column!r} with stimuli_last, expected "
                    "none, since it names rows and stimuli are columns"
                )

    @property
    def names_of_rows(self) -> bool | str | None:
        """Which column of a table names its rows."""
        return self.index if self.stimulus_column is None else self.stimulus_column


@dataclass(frozen=True, eq=False)
class FileContent:
    """Responses in a file, and what it calls the stimuli.

    Attributes
    ----------
    array : ndarray
        Stimuli first.
    stimuli : list of str or None
        None where the file does not name them.
    told : str or None
        Of a table: what in it was taken for what.
    """

    array: np.ndarray
    stimuli: list[str] | None = None
    told: str | None = None


def read_array(
    path: str | os.PathLike,
    *,
    variable: str | None = None,
    orientation: Orientation = "stimuli_first",
    axes: Sequence[str] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
    index: bool | str | None = None,
    stimulus_column: str | None = None,
    stimuli: Sequence[str] | None = None,
) -> np.ndarray:
    """Read the responses of one network or region from a file.

    Parameters
    ----------
    path : path-like
        ``.npy``, ``.npz``, ``.csv``, ``.tsv``, ``.csv.gz``, ``.tsv.gz``, ``.mat`` (all versions),
        ``.h5``/``.hdf5``, ``.nc`` (netCDF), ``.h5ad`` (AnnData, dense), ``.pt``/``.pth`` (tensors
        only), ``.safetensors``, ``.parquet`` or ``.feather``.
    variable : str, optional
        Which array of a file that holds several; inside MATLAB's structs and cells by path, as
        ``session.trials(2).rates`` or ``areas{3}``. Not needed where there is only one, or
        only one that has at least two axes.
    orientation : {"stimuli_first", "stimuli_last"}
        Which axis stimuli are on; ``stimuli_last`` turns all axes around. Of tables: whether
        stimuli are rows or columns.
    axes : sequence of str, optional
        The axes as they lie in the file: some order of ``stimuli, units``, of ``stimuli, trials,
        units``, or of ``stimuli, height, width, channels``. Without `orientation`.
    delimiter : str, optional
        Between the cells of tables, one character. When not given: a tab in ``.tsv``; in ``.csv`` a
        semicolon where the second line has one, else a comma.
    decimal : {".", ","}, optional
        Mark of decimals in tables. When not given: a comma where cells are numbers only so, and
        the delimiter is another; else a point.
    header, index : bool, optional
        Whether the first row, and the first column, of a table are names. When not given, rules
        decide, and refuse what can be read two ways (Notes). `index` may be the name of a column.
    stimulus_column : str, optional
        Column of a table that names each row's stimulus; as `index`, for stimuli in rows.
    stimuli : sequence of str, optional
        Stimuli as the table names them: they are put into this order.

    Returns
    -------
    ndarray
        Stimuli x units, stimuli x trials x units, or stimuli x height x width x channels, in
        native byte order; an ``.npy`` stays memory-mapped.

    Raises
    ------
    ValueError
        In one line: which file, what was found, what was expected. Python objects (pickles,
        object arrays, structs, cells, text) are never loaded.

    Warns
    -----
    UserWarning
        Where the shape looks like stimuli x channels x height x width and `axes` is not given, or
        the array like a matrix of dissimilarities.

    Notes
    -----
    The rules that tell names from numbers in tables are listed in
    ``shapemetrics.datasets.files.names``, and in the guide on datasets of one's own.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "network.npz"
    >>> np.savez(path, hidden=np.ones((5, 3)), weights=np.zeros((3, 3)))
    >>> read_array(path, variable="hidden").shape
    (5, 3)
    """
    path = Path(path)
    found = read_file(
        path,
        Reading(
            variable=variable,
            orientation=orientation,
            axes=axes,
            delimiter=delimiter,
            decimal=decimal,
            header=header,
            index=index,
            stimulus_column=stimulus_column,
        ),
    )
    remark = remark_on(found.array.shape, orientation) if axes is None else None
    if remark is not None:
        warnings.warn(f"{path}: {remark}", stacklevel=2)
    if looks_like_rdm(found.array):
        warnings.warn(f"{path}: {RDM_REMARK}", stacklevel=2)
    if stimuli is None:
        return found.array
    if found.stimuli is None:
        raise ValueError(f"{path}: found no names of stimuli, expected them in a table's rows")
    rows = StimulusOrder(stimuli, "stimuli", remedy="").rows(found.stimuli, str(path))
    return found.array if rows is None else found.array[rows]


def read_file(path: Path, reading: Reading) -> FileContent:
    """Read a file's array as :func:`read_array` does, and what it calls the stimuli."""
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    form = check_suffix(path)
    stimuli = told = None
    if form in TABLES:
        table = read_table(
            path,
            delimiter=reading.delimiter,
            decimal=reading.decimal,
            header=reading.header,
            index=reading.names_of_rows,
        )
        array, told = table.values, table.told
        first = reading.orientation == "stimuli_first" and (reading.axes or ["stimuli"])[0]
        stimuli = table.rows if first == "stimuli" else table.columns
    elif form in COLUMNS:
        columns = read_columns(path, reading.names_of_rows)
        array, told = columns.values, columns.told
        first = reading.orientation == "stimuli_first" and (reading.axes or ["stimuli"])[0]
        stimuli = columns.rows if first == "stimuli" else columns.columns
    elif form == ".npy":
        # `variable` names arrays in containers; a folder may hold both.
        array = read_npy(path)
    else:
        array = _CONTAINERS[form][0](path, reading.variable)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{path}: found dtype {array.dtype}, expected real numbers")
    if array.ndim == 0:
        raise ValueError(f"{path}: found one number, expected an array")
    if reading.axes is not None:
        array = in_order(array, reading.axes, str(path))
    elif reading.orientation == "stimuli_last":
        array = array.T
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return FileContent(array, stimuli, told)


def variables_of(path: Path) -> list[Variable] | None:
    """What a container holds, from its headers; None where a file is one array."""
    form = check_suffix(path)
    return _CONTAINERS[form][1](path) if form in _CONTAINERS else None


def shape_of(path: Path, reading: Reading) -> tuple[int, ...] | None:
    """Shape of a file's array as :func:`read_file` gives it, from headers; None of a table.

    Raises
    ------
    ValueError
        If the file is damaged, or which array is meant is not clear.
    """
    form = check_suffix(path)
    if form in TABLES or form in COLUMNS:
        return None
    if form == ".npy":
        shape = read_npy(path).shape
    else:
        shape = chosen_variable(path, _CONTAINERS[form][1](path), reading.variable).shape
    if reading.axes is not None:
        return in_order(np.broadcast_to(0, shape), reading.axes, str(path)).shape
    return shape[::-1] if reading.orientation == "stimuli_last" else shape

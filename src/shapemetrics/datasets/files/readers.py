"""One array out of one file: NumPy's own formats, tables of text, MATLAB and HDF5."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from shapemetrics.datasets.files.matlab import read_hdf5, read_mat
from shapemetrics.datasets.files.variables import chosen_variable

Orientation = Literal["stimuli_first", "stimuli_last"]


def read_array(
    path: str | os.PathLike,
    *,
    variable: str | None = None,
    orientation: Orientation = "stimuli_first",
    delimiter: str | None = None,
    stimulus_column: str | None = None,
    stimuli: Sequence[str] | None = None,
) -> np.ndarray:
    """Read the responses of one network or region from a file.

    Parameters
    ----------
    path : path-like
        ``.npy``, ``.npz``, ``.csv``, ``.tsv``, ``.mat`` (all versions) or ``.h5``/``.hdf5``.
    variable : str, optional
        Which array of an ``.npz``, ``.mat`` or ``.h5``; not needed where there is only one.
    orientation : {"stimuli_first", "stimuli_last"}
        Which axis stimuli are on; ``stimuli_last`` turns all axes around. Of tables: whether
        stimuli are rows or columns.
    delimiter : str, optional
        Of tables; a comma for ``.csv``, a tab for ``.tsv`` when not given.
    stimulus_column : str, optional
        Column of a table that names each row's stimulus.
    stimuli : sequence of str, optional
        With `stimulus_column`: rows are put into this order.

    Returns
    -------
    ndarray
        In native byte order; an ``.npy`` stays memory-mapped.

    Raises
    ------
    ValueError
        In one line: which file, what was found, what was expected. Python objects (pickles,
        object arrays, structs, cells, text) are never loaded.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "network.npz"
    >>> np.savez(path, hidden=np.ones((5, 3)), weights=np.zeros(3))
    >>> read_array(path, variable="hidden").shape
    (5, 3)
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    form = path.suffix.lower()
    if form not in FORMATS:
        raise ValueError(
            f"{path}: found suffix {form or 'none'!r}, expected one of {', '.join(FORMATS)}"
        )
    if form in TABLES:
        if orientation == "stimuli_last" and stimulus_column is not None:
            raise ValueError(
                f"{path}: stimulus_column names rows, but stimuli are columns (stimuli_last)"
            )
        array = _read_table(path, delimiter or TABLES[form], stimulus_column, stimuli)
    else:
        array = READERS[form](path, variable)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{path}: found dtype {array.dtype}, expected real numbers")
    if orientation == "stimuli_last":
        array = array.T
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _read_npy(path: Path, variable: str | None) -> np.ndarray:
    # `variable` names arrays in containers; a folder may hold both.
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path}: is an .npz archive under another name, expected an .npy file")
    return array


def _read_npz(path: Path, variable: str | None) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as content:
            name = chosen_variable(path, list(content.files), variable)
            return content[name]
    except (EOFError, OSError, zipfile.BadZipFile, KeyError) as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ValueError:
    text = str(error)
    if "allow_pickle" in text or "pickled" in text or "ython objects" in text or "Object" in text:
        return ValueError(
            f"{path}: holds Python objects (a pickle) or is damaged, expected an array of "
            "numbers; pickles are never loaded"
        )
    return ValueError(f"{path}: damaged, or no {path.suffix} file: {text.splitlines()[0]}")


def _read_table(
    path: Path, delimiter: str, stimulus_column: str | None, stimuli: Sequence[str] | None
) -> np.ndarray:
    try:
        table = pd.read_csv(
            path, sep=delimiter, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no readable table: {str(error).strip()}") from None
    first = table.iloc[0]
    # A first row without any number names the columns.
    headed = stimulus_column is not None or bool(first.map(_as_number).isna().all())
    if not headed and len(first) > 1 and first.tolist() == [str(i) for i in range(len(first))]:
        raise ValueError(
            f"{path}: line 1 reads 0, 1, ..., {len(first) - 1}: names of columns, it seems; "
            "expected responses, or names that are not numbers"
        )
    if headed:
        table = table.iloc[1:].set_axis(first.to_list(), axis=1)
    if stimulus_column is not None:
        table = _in_order(path, table, stimulus_column, stimuli)
    numbers = table.apply(lambda column: pd.to_numeric(column, errors="coerce"))
    wrong = numbers.isna().to_numpy() & ~table.isin(["nan", "NaN"]).to_numpy()
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        found = table.iat[row, column]
        raise ValueError(
            f"{path}: line {row + 1 + headed}, column {column + 1} holds {found!r}, "
            f"expected a number (delimiter {delimiter!r})"
        )
    return numbers.to_numpy(dtype=np.float64)


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _in_order(
    path: Path, table: pd.DataFrame, column: str, stimuli: Sequence[str] | None
) -> pd.DataFrame:
    """Rows in the order of the stimuli, without the column that names them."""
    if list(table.columns).count(column) != 1:
        raise ValueError(
            f"{path}: found columns {', '.join(map(str, table.columns[:5]))}, ..., expected one "
            f"of them to be stimulus column {column!r}"
        )
    names = table[column]
    if names.duplicated().any():
        raise ValueError(f"{path}: stimulus {names[names.duplicated()].iloc[0]!r} stands twice")
    rest = table.drop(columns=column).set_axis(names, axis=0)
    if stimuli is None:
        return rest
    wanted = [str(stimulus) for stimulus in stimuli]
    for found, expected, word in ((wanted, set(names), "missing"), (names, set(wanted), "unknown")):
        odd = [name for name in found if name not in expected]
        if odd:
            raise ValueError(
                f"{path}: stimulus {odd[0]!r} is {word} ({len(odd)} such), "
                f"expected the same {len(wanted)} stimuli in every file"
            )
    return rest.loc[wanted]


READERS: dict[str, Callable[[Path, str | None], np.ndarray]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".mat": read_mat,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
}
TABLES = {".csv": ",", ".tsv": "\t"}
#: Suffixes of files that hold representations.
FORMATS = (*READERS, *TABLES)

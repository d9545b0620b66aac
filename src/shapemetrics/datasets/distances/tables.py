"""A square table of distances with its ids and covariates, read from files and checked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from shapemetrics.datasets.files.formats import TABLES, check_suffix
from shapemetrics.datasets.files.metadata import typed
from shapemetrics.datasets.files.numpy_files import npz_variables, read_npy, read_npz
from shapemetrics.datasets.files.tables import read_table
from shapemetrics.datasets.files.text import read_text_table
from shapemetrics.datasets.protocol import refused_name
from shapemetrics.files import atomic_path, read_archive, save_archive, sha256_of

__all__ = ["DistanceTable", "checked_distances", "read_covariates", "read_distances"]

#: Formats of a matrix of distances.
MATRIX_FORMATS = (".npz", ".npy", *TABLES)
#: Names under which an archive may keep the ids of its matrix.
ID_NAMES = ("ids", "id", "names", "labels")
#: Largest asymmetry, diagonal entry or negative entry that is taken for rounding, as a fraction of
#: the largest distance.
TOLERANCE = 1e-6
#: Fewest items that can be compared.
MIN_ITEMS = 3


@dataclass(frozen=True, eq=False)
class DistanceTable:
    """Distances between K items, and what is known about each.

    Attributes
    ----------
    values : ndarray of shape (K, K), float64
        Symmetric, non-negative and finite, with a zero diagonal.
    ids : list of str
        Unique names of the items, in order.
    covariates : pandas.DataFrame
        One row per item, in the order of `ids`: numbers as float64 or int64 (NaN where unknown),
        text as object (None where unknown). Without a column of ids.
    provenance : dict
        Where the numbers come from: whatever JSON can hold.
    """

    values: NDArray[np.float64]
    ids: list[str]
    covariates: pd.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, ids: Sequence[str]) -> DistanceTable:
        """The items of these ids, in this order.

        Raises
        ------
        ValueError
            If an id is not there.
        """
        place = {id: at for at, id in enumerate(self.ids)}
        missing = [id for id in ids if id not in place]
        if missing:
            raise ValueError(f"id: found {missing[0]!r}, expected one of {_few(self.ids)}")
        at = np.array([place[id] for id in ids], dtype=int)
        return DistanceTable(
            self.values[np.ix_(at, at)],
            list(ids),
            self.covariates.iloc[at].reset_index(drop=True),
            self.provenance,
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write ``.npz`` with the members that the study's matrices of distances have.

        Covariates are not in it: see :meth:`save_covariates`.
        """
        save_archive(
            path,
            distances=self.values,
            ids=np.array(self.ids, dtype=str),
            provenance=json.dumps(self.provenance, sort_keys=True),
        )

    def save_covariates(self, path: str | os.PathLike) -> None:
        """Write the covariates as CSV, under a temporary name and renamed; ids come first."""
        with atomic_path(path) as temporary:
            table = self.covariates.copy()
            table.insert(0, "id", self.ids)
            table.to_csv(temporary, index=False)


def read_distances(
    path: str | os.PathLike,
    covariates: str | os.PathLike | None = None,
    *,
    variable: str | None = None,
    tolerance: float = TOLERANCE,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> DistanceTable:
    """Read a matrix of distances, and a table of what is known about its items.

    Parameters
    ----------
    path : path-like
        A table (``.csv``, ``.tsv``, also compressed by gzip) whose header and first column are
        ids; an ``.npz`` with a square array and the ids (text, in ``ids``), such as the study and
        the command line write; or an ``.npy``, whose ids are those of `covariates`, in order.
    covariates : path-like, optional
        Table with a line per item: column ``id``, then covariates. Its lines may be in another
        order than the matrix, but there must be one for each id, and none for another.
    variable : str, optional
        Which array of an ``.npz`` that holds several square ones.
    tolerance : float
        Largest asymmetry, diagonal entry or negative entry that is taken for rounding and cleared,
        as a fraction of the largest distance.
    delimiter, decimal : str, optional
        Of tables; see :func:`~shapemetrics.datasets.files.read_array`.

    Returns
    -------
    DistanceTable

    Raises
    ------
    ValueError
        In one line: which file, what was found, what was expected.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "d.csv").write_text("id,V1,LM,AL\\nV1,0,1,2\\nLM,1,0,1.5\\nAL,2,1.5,0\\n")
    >>> _ = (folder / "areas.csv").write_text("id,depth\\nAL,0.2\\nLM,0.1\\nV1,0.0\\n")
    >>> table = read_distances(folder / "d.csv", folder / "areas.csv")
    >>> table.ids, table.covariates["depth"].tolist()
    (['V1', 'LM', 'AL'], [0.0, 0.1, 0.2])
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file, expected a matrix of distances")
    suffix = check_suffix(path)
    if suffix not in MATRIX_FORMATS:
        raise ValueError(
            f"{path}: found suffix {suffix!r}, expected one of {', '.join(MATRIX_FORMATS)}"
        )
    provenance: dict[str, Any] = {}
    ids: list[str] | None = None
    if suffix in TABLES:
        values, ids = _from_text(path, delimiter, decimal)
    elif suffix == ".npz":
        values, ids, provenance = _from_archive(path, variable)
    else:
        values = np.asarray(read_npy(path))
    found = None if covariates is None else read_covariates(covariates)
    if ids is None:
        if found is None:
            raise ValueError(
                f"{path}: found no ids, expected a table of covariates that names its rows in order"
            )
        ids = found.index.tolist()
    values = checked_distances(values, ids, name=str(path), tolerance=tolerance)
    table = _matched(found, ids, path, covariates)
    digests = {path.name: sha256_of(path)}
    if covariates is not None:
        digests[Path(covariates).name] = sha256_of(covariates)
    return DistanceTable(values, ids, table, {**provenance, "inputs": digests})


def checked_distances(
    values: ArrayLike, ids: Sequence[str], *, name: str, tolerance: float = TOLERANCE
) -> NDArray[np.float64]:
    """Check that a matrix holds distances between items of unique names, and clear its rounding.

    Parameters
    ----------
    values : array of shape (K, K)
    ids : sequence of K str
    name : str
        What to call the matrix in messages.
    tolerance : float
        See :func:`read_distances`.

    Returns
    -------
    ndarray of shape (K, K), float64
        A copy, exactly symmetric, zero on the diagonal and nowhere negative.

    Raises
    ------
    ValueError
        In one line: which items, what was found, what was expected.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance: found {tolerance}, expected a number of 0 and more")
    found = np.asarray(values)
    if found.dtype.kind not in "fiu":
        raise ValueError(f"{name}: found dtype {found.dtype}, expected real numbers")
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ValueError(f"{name}: found shape {found.shape}, expected a square matrix")
    if len(found) < MIN_ITEMS:
        raise ValueError(f"{name}: found {len(found)} items, expected at least {MIN_ITEMS}")
    _check_ids(ids, len(found), name)
    matrix = found.astype(np.float64)

    def pair(i: int, j: int) -> str:
        return f"{matrix[i, j]:.9g} from {ids[i]!r} to {ids[j]!r}"

    bad = ~np.isfinite(matrix)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise ValueError(f"{name}: found {pair(i, j)} ({bad.sum()} in all), expected finite values")
    slack = tolerance * float(np.abs(matrix).max())
    i, j = np.unravel_index(int(matrix.argmin()), matrix.shape)
    if matrix[i, j] < -slack:
        raise ValueError(f"{name}: found {pair(int(i), int(j))}, expected no negative distance")
    at = int(np.argmax(np.diagonal(matrix)))
    if matrix[at, at] > slack:
        raise ValueError(
            f"{name}: found {matrix[at, at]:.9g} from {ids[at]!r} to itself, expected 0 on the "
            "diagonal (similarities are no distances)"
        )
    difference = np.abs(matrix - matrix.T)
    i, j = (int(k) for k in np.unravel_index(int(difference.argmax()), matrix.shape))
    if difference[i, j] > slack:
        raise ValueError(
            f"{name}: found {pair(i, j)} and {matrix[j, i]:.9g} back, expected a symmetric matrix "
            f"(within {tolerance:g} of the largest)"
        )
    clean = np.maximum(0.5 * (matrix + matrix.T), 0.0)
    np.fill_diagonal(clean, 0.0)
    if not clean.any():
        raise ValueError(f"{name}: found only zeros, expected distances")
    return clean


def read_covariates(path: str | os.PathLike) -> pd.DataFrame:
    """Read a table of what is known about items, its rows under their ids.

    Parameters
    ----------
    path : path-like
        Table of text with a column ``id``.

    Returns
    -------
    pandas.DataFrame
        Numbers as float64 or int64 (NaN where unknown), text as object (None where unknown).

    Raises
    ------
    ValueError
        In one line: which line or column, what was found, what was expected.
    """
    path = Path(path)
    found = read_text_table(path, "a table of covariates")
    if "id" not in found.header:
        raise ValueError(f"{path}: found columns {_few(found.header)}, expected one named 'id'")
    ids = found.column("id")
    seen: dict[str, int] = {}
    for line, id in zip(found.lines, ids, strict=True):
        if not id:
            raise ValueError(f"{path}: line {line}: found an empty id, expected a name")
        if seen.setdefault(id, line) != line:
            raise ValueError(
                f"{path}: line {line}: found id {id!r} as in line {seen[id]}, expected unique ids"
            )
    columns = {}
    for name in found.header:
        if name == "id":
            continue
        reason = refused_name(name)
        if reason:
            raise ValueError(f"{path}: column {reason}")
        column = typed(pd.Series(found.column(name)))
        if pd.api.types.is_numeric_dtype(column) and np.isinf(column.to_numpy(float)).any():
            line = found.lines[int(np.flatnonzero(np.isinf(column.to_numpy(float)))[0])]
            raise ValueError(
                f"{path}: line {line}: found {name!r} infinite, expected a finite number"
            )
        columns[name] = column.to_numpy()
    return pd.DataFrame(columns, index=pd.Index(ids, name="id", dtype=object))


def _from_text(
    path: Path, delimiter: str | None, decimal: str | None
) -> tuple[NDArray[np.float64], list[str]]:
    table = read_table(path, delimiter=delimiter, decimal=decimal, header=True, index=True)
    if table.rows is None or table.columns is None:
        raise ValueError(
            f"{path}: found rows or columns that are only numbered, expected ids in the first row "
            "and in the first column"
        )
    if table.values.shape[0] != table.values.shape[1]:
        raise ValueError(
            f"{path}: found {len(table.rows)} rows and {len(table.columns)} columns of numbers, "
            "expected a square table"
        )
    _check_ids(table.rows, len(table.rows), str(path))
    _check_ids(table.columns, len(table.columns), str(path))
    unmatched = [id for id in table.columns if id not in set(table.rows)]
    if unmatched:
        raise ValueError(
            f"{path}: found {unmatched[0]!r} in the first row but not in the first column, "
            "expected the same ids in both"
        )
    place = {id: at for at, id in enumerate(table.columns)}
    return table.values[:, [place[id] for id in table.rows]], table.rows


def _from_archive(
    path: Path, variable: str | None
) -> tuple[np.ndarray, list[str] | None, dict[str, Any]]:
    held = npz_variables(path)
    if variable is None:
        square = [v for v in held if len(v.shape) == 2 and v.shape[0] == v.shape[1]]
        square = [v for v in square if not v.unreadable]
        if len(square) != 1:
            shown = ", ".join(map(str, square or held)) or "nothing"
            raise ValueError(
                f"{path}: found {len(square)} square arrays of numbers ({shown}), expected one, or "
                "variable: its name"
            )
        variable = square[0].name
    values = read_npz(path, variable)

    def facts(arrays: Mapping[str, np.ndarray]) -> tuple[list[str] | None, dict[str, Any]]:
        name = next((each for each in ID_NAMES if each in arrays), None)
        ids = None
        if name is not None:
            if arrays[name].dtype.kind not in "US" or arrays[name].ndim != 1:
                raise ValueError(f"found {name} of {arrays[name].dtype}, expected a list of text")
            ids = [str(id) for id in arrays[name].astype(str)]
        text = str(arrays["provenance"]) if "provenance" in arrays else "{}"
        provenance = json.loads(text)
        if not isinstance(provenance, dict):
            raise ValueError("found a provenance that is no mapping")
        return ids, provenance

    return values, *read_archive(path, "a matrix of distances", facts)


def _check_ids(ids: Sequence[str], number: int, name: str) -> None:
    if len(ids) != number:
        raise ValueError(f"{name}: found {len(ids)} ids of {number} rows, expected one per row")
    seen: set[str] = set()
    for id in ids:
        if not isinstance(id, str) or not id.strip():
            raise ValueError(f"{name}: found the id {id!r}, expected a name")
        if id in seen:
            raise ValueError(f"{name}: found id {id!r} twice, expected unique ids")
        seen.add(id)


def _matched(
    found: pd.DataFrame | None,
    ids: list[str],
    path: Path,
    covariates: str | os.PathLike | None,
) -> pd.DataFrame:
    """Covariates in the order of the matrix."""
    if found is None:
        return pd.DataFrame(index=range(len(ids)))
    known, wanted = set(found.index), set(ids)
    missing = [id for id in ids if id not in known]
    if missing:
        raise ValueError(
            f"{covariates}: found no line for {missing[0]!r} ({len(missing)} of {len(ids)} ids of "
            f"{path.name} have none), expected one per id"
        )
    extra = [id for id in found.index if id not in wanted]
    if extra:
        raise ValueError(
            f"{covariates}: found a line for {extra[0]!r} ({len(extra)} such lines), which "
            f"{path.name} does not hold; expected one per id of the matrix"
        )
    return found.loc[ids].reset_index(drop=True)


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:6])) + (", ..." if len(names) > 6 else "")

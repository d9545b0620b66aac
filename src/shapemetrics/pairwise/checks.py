"""Validation of a K x K distance matrix, shared by everything that starts from one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import as_array, check_finite
from shapemetrics.validation import check_integer

__all__ = [
    "check_dissimilarities",
    "check_distances",
    "check_ids",
    "check_seed",
    "distinct_integers",
    "in_column_order",
    "in_item_order",
    "item_labels",
    "nonnegative_numbers",
    "real_numbers",
    "same_items",
    "scale_exponent",
    "square_numbers",
    "squares_in_units",
    "upper_triangle",
]


def check_seed(seed: Any, high: float = np.inf) -> None:
    """ValueError unless a seed is an integer, not negative."""
    check_integer(seed, "seed", 0, high)


def distinct_integers(values: Any, name: str, low: int, high: int) -> list[int]:
    """Integers from `low` to `high`, increasing, once each; ValueError for all else."""
    wanted = f"integers from {low} to {high}"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: found {values!r}, expected a list of {wanted}")
    found = list(values)
    for value in found:
        check_integer(value, name, low, high)
    return sorted({int(value) for value in found})


# Numbers of any container ------------------------------------------------------------------------


def real_numbers(X: Any, name: str, *, finite: bool = True) -> NDArray[np.float64]:
    """Numbers of any container in float64: see :func:`shapemetrics.arrays.as_array`.

    Parameters
    ----------
    X : array-like
    name : str
        What messages call it.
    finite : bool
        Whether NaN and infinity are refused here.

    Returns
    -------
    ndarray
        Perhaps the given array itself, which must not be changed.

    Raises
    ------
    TypeError
        For what is no dense array of real numbers.
    ValueError
        For masked values, ragged lists and, where `finite`, NaN and infinity.
    """
    values = as_array(X, name)
    if values.dtype != np.float64:
        with np.errstate(over="ignore"):  # of longer types; infinity is refused
            values = values.astype(np.float64)
    if finite:
        check_finite(values, name)
    return values


def nonnegative_numbers(X: Any, name: str) -> NDArray[np.float64]:
    """Finite, non-negative numbers of any container, such as distances to some items.

    Raises
    ------
    TypeError, ValueError
        As :func:`real_numbers`, and where a number is negative.
    """
    values = real_numbers(X, name)
    if values.size and values.min() < 0:
        raise ValueError(f"{name}: found {values.min()}, expected non-negative numbers")
    return values


@dataclass(frozen=True)
class SquareNumbers:
    """A matrix and the labels of its rows, which are those of its columns, where it has any."""

    values: NDArray[np.float64]
    labels: tuple[Any, ...] | None


def square_numbers(D: Any, name: str) -> SquareNumbers:
    """Numbers of a matrix between items and the same items, its columns in the order of its rows.

    Parameters
    ----------
    D : array-like
        Where both axes are labelled (a DataFrame, or an xarray DataArray with two coordinates),
        the labels say which column belongs to which row.
    name : str
        What messages call it.

    Returns
    -------
    SquareNumbers

    Raises
    ------
    TypeError, ValueError
        As :func:`real_numbers` (NaN and infinity pass), or where the labels of rows and columns
        differ, unless one of the two merely counts.
    """
    values = real_numbers(D, name, finite=False)
    rows, columns = _axis_labels(D)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        return SquareNumbers(values, None)
    if rows is None or columns is None:
        return SquareNumbers(values, rows or columns)
    order = _order(rows, columns, f"{name}: found columns", "rows")
    return SquareNumbers(values if order is None else values[:, order], rows)


def same_items(matrices: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Matrices between the same items, by name, all in the order of the first that is labelled.

    Parameters
    ----------
    matrices : mapping from name to array-like
        See :func:`square_numbers`. Those without labels are taken by position.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    TypeError, ValueError
        As :func:`square_numbers`, or where the labels of two matrices differ, or where some are
        in another order and one has no labels at all.
    """
    found = {name: square_numbers(D, name) for name, D in matrices.items()}
    labelled = {name: D.labels for name, D in found.items() if D.labels is not None}
    first = next(iter(labelled), None)
    result = {}
    for name, D in found.items():
        values = D.values
        if D.labels is not None and first is not None and len(D.labels) == len(labelled[first]):
            order = _order(labelled[first], D.labels, f"{name}: found items", f"items of {first}")
            if order is not None:
                if len(labelled) < len(found):
                    bare = next(other for other in found if other not in labelled)
                    raise ValueError(
                        f"{bare}: found no labels of its items, expected some, as {first} and "
                        f"{name} hold theirs in different orders"
                    )
                values = values[np.ix_(order, order)]
        result[name] = values
    return result


def item_labels(D: Any) -> tuple[Any, ...] | None:
    """Labels of a matrix's items; None where it has none, or they merely count."""
    rows, columns = _axis_labels(D)
    return rows or columns


def in_item_order(values: Any, labels: tuple[Any, ...] | None, name: str) -> Any:
    """A Series or DataFrame of one row per item, in the order of a matrix's items.

    Parameters
    ----------
    values : object
        What is no Series and no DataFrame, or has an index that merely counts, is handed on.
    labels : tuple or None
        Labels of the items, from :func:`item_labels`.
    name : str
        What messages call the values.

    Raises
    ------
    ValueError
        If the labels differ.
    """
    index = getattr(values, "index", None)
    package = type(values).__module__.partition(".")[0]
    if labels is None or package != "pandas" or index is None or _merely_counts(index):
        return values
    order = _order(labels, tuple(index), f"{name}: found items", "items of the distances")
    return values if order is None else values.iloc[order]


def in_column_order(D: Any, labels: tuple[Any, ...] | None, name: str) -> Any:
    """Distances of other items to labelled ones, a DataFrame's columns in the order of those."""
    columns = getattr(D, "columns", None)
    package = type(D).__module__.partition(".")[0]
    if labels is None or package != "pandas" or columns is None or _merely_counts(columns):
        return D
    order = _order(labels, tuple(columns), f"{name}: found columns", "items of the fit")
    return D if order is None else D.iloc[:, order]


def _merely_counts(axis: Any) -> bool:
    """Whether an axis has no labels but the positions 0, 1, 2, ..."""
    if axis is None:
        return True
    return type(axis).__name__ == "RangeIndex" and axis.start == 0 and axis.step == 1


def _axis_labels(D: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """Labels of rows and columns; None where there are none, or they merely count."""
    package = type(D).__module__.partition(".")[0]
    axes: list[Any] = []
    if package == "pandas" and hasattr(D, "columns"):
        axes = [D.index, D.columns]
    elif package == "xarray" and hasattr(D, "dims") and len(D.dims) == 2:
        axes = [D.coords[dim].to_index() if dim in D.coords else None for dim in D.dims]
    if len(axes) != 2:
        return None, None
    counts = [_merely_counts(axis) for axis in axes]
    if all(counts):
        return None, None
    labels = [None if axis is None else tuple(axis) for axis in axes]
    if True in counts:
        # Numbers that merely count are labels only of an axis that holds the same ones.
        rows, columns = labels
        if rows is None or columns is None or set(rows) != set(columns):
            return (None, columns) if counts[0] else (rows, None)
    return labels[0], labels[1]


def _order(
    wanted: tuple[Any, ...], found: tuple[Any, ...], what: str, whose: str
) -> NDArray[np.intp] | None:
    """Positions in `found` of the labels in `wanted`; None where all are in their places."""
    if wanted == found:
        return None
    if set(wanted) != set(found):
        # Files hold the names of columns as text, whatever the rows are.
        wanted, found = tuple(map(str, wanted)), tuple(map(str, found))
        if wanted == found:
            return None
    odd = [label for label in found if label not in set(wanted)]
    odd = odd or [label for label in wanted if label not in set(found)]
    if odd:
        raise ValueError(
            f"{what} and {whose} of which only one has {odd[0]!r}, expected the same labels; "
            "give a plain array to compare by position"
        )
    if len(set(found)) < len(found) or len(wanted) != len(found):
        raise ValueError(
            f"{what} with labels that occur more than once, in another order than the {whose}, "
            "expected distinct labels; give a plain array to compare by position"
        )
    places = {label: place for place, label in enumerate(found)}
    return np.array([places[label] for label in wanted], dtype=np.intp)


# Scale -------------------------------------------------------------------------------------------


def scale_exponent(values: NDArray) -> int:
    """Power of two that brings the largest magnitude to [0.5, 1): ``scaled(values, -exponent)``.

    Powers of two round nothing, so that squares of numbers so scaled stay within float64, whatever
    the units of the data, and no bit of a result changes that was within it before.
    """
    if values.size == 0:
        return 0
    return int(np.frexp(max(float(values.max()), -float(values.min())))[1])


def squares_in_units(values: Any, exponent: int, name: str) -> NDArray[np.float64]:
    """Squares of numbers that were divided by ``2**exponent``, in the units of the data.

    Where float64 cannot hold them, they are NaN, and one line of a UserWarning says so.
    """
    squares = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        found = np.ldexp(squares, 2 * exponent)
    largest = float(np.abs(found).max(initial=0.0))
    tiny = largest < np.finfo(np.float64).tiny and bool(squares.any())
    if tiny or not np.isfinite(largest):
        warnings.warn(
            f"{name}: found squares {'below' if tiny else 'above'} the range of float64, given as "
            f"NaN; multiply the data by 2.0**{-exponent} for numbers",
            UserWarning,
            stacklevel=3,
        )
        return np.full_like(squares, np.nan)
    return found


# Distance matrices -------------------------------------------------------------------------------


def check_ids(ids: Sequence | None, n_items: int) -> NDArray:
    """Return one distinct identifier per item, counting from 0 when none are given.

    Parameters
    ----------
    ids : sequence of length K, or None
        Names of the items.
    n_items : int
        K.

    Returns
    -------
    ids : ndarray of shape (K,)

    Raises
    ------
    ValueError
        If the number of names is not K, or a name is repeated.
    """
    if ids is None:
        return np.arange(n_items)
    names = np.asarray(ids)
    if names.shape != (n_items,):
        raise ValueError(f"ids: found an array of shape {names.shape}, expected ({n_items},)")
    unique, counts = np.unique(names, return_counts=True)
    if len(unique) < n_items:
        raise ValueError(f"ids: found {unique[counts > 1][0]!s} twice, expected distinct ids")
    return names


def check_dissimilarities(
    D: ArrayLike, ids: Sequence | None = None, *, name: str = "D", min_items: int = 2
) -> tuple[NDArray[np.float64], NDArray]:
    """Check that a matrix is square, finite and large enough; ask nothing else of it.

    Any container of numbers is taken. Where rows and columns are labelled, as in a DataFrame,
    columns are put into the order of the rows.

    Parameters
    ----------
    D : array of shape (K, K)
        Dissimilarities, which may be asymmetric.
    ids : sequence of length K, optional
        Names of the items, for the messages; 0 ... K - 1 when not given.
    name : str
        What to call the matrix in a message.
    min_items : int
        Smallest K that is accepted.

    Returns
    -------
    D : ndarray of shape (K, K), float64
    ids : ndarray of shape (K,)

    Raises
    ------
    TypeError
        If it is no dense array of real numbers.
    ValueError
        If the matrix is not square, is too small, or holds a masked value or one that is not
        finite, or the labels of its rows and columns differ.
    """
    matrix = square_numbers(D, name).values
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name}: found shape {matrix.shape}, expected a square matrix")
    n_items = matrix.shape[0]
    if n_items < min_items:
        raise ValueError(f"{name}: found {n_items} items, expected at least {min_items}")
    names = check_ids(ids, n_items)
    bad = ~np.isfinite(matrix)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise ValueError(
            f"{name}: found {matrix[i, j]} between {names[i]} and {names[j]} "
            f"({bad.sum()} such entries), expected finite numbers"
        )
    return matrix, names


def check_distances(
    D: ArrayLike,
    ids: Sequence | None = None,
    *,
    tolerance: float = 1e-6,
    name: str = "D",
    min_items: int = 2,
) -> tuple[NDArray[np.float64], NDArray]:
    """Check that a matrix could hold distances, and clear its rounding errors.

    Any container of numbers is taken. Where rows and columns are labelled, as in a DataFrame,
    columns are put into the order of the rows.

    Parameters
    ----------
    D : array of shape (K, K)
        Finite, non-negative, symmetric, with a zero diagonal.
    ids : sequence of length K, optional
        Names of the items, for the messages; 0 ... K - 1 when not given.
    tolerance : float
        Largest asymmetry, diagonal entry or negative entry put down to rounding, as a fraction
        of the largest entry. The default is above the floor of arccos in float64 (about 2e-8),
        which angular distances between equal shapes meet.
    name : str
        What to call the matrix in a message.
    min_items : int
        Smallest K that is accepted.

    Returns
    -------
    D : ndarray of shape (K, K), float64
        A copy, exactly symmetric, exactly zero on the diagonal and nowhere negative.
    ids : ndarray of shape (K,)

    Raises
    ------
    TypeError
        If it is no dense array of real numbers.
    ValueError
        If a condition fails by more than the tolerance; the message names the items. If a value
        is masked, or the labels of rows and columns differ.

    Examples
    --------
    >>> D, ids = check_distances([[0, 1], [1, 0]], ["V1", "LM"])
    >>> check_distances([[0, 1], [2, 0]], ["V1", "LM"])
    Traceback (most recent call last):
    ...
    ValueError: D: found 1.0 from V1 to LM and 2.0 from LM to V1, expected a symmetric matrix
    """
    matrix, names = check_dissimilarities(D, ids, name=name, min_items=min_items)
    slack = tolerance * np.abs(matrix).max()

    i, j = np.unravel_index(np.argmin(matrix), matrix.shape)
    if matrix[i, j] < -slack:
        raise ValueError(
            f"{name}: found {matrix[i, j]} between {names[i]} and {names[j]}, "
            "expected non-negative numbers"
        )
    worst = int(np.argmax(np.diagonal(matrix)))
    if matrix[worst, worst] > slack:
        raise ValueError(
            f"{name}: found {matrix[worst, worst]} on the diagonal at {names[worst]}, expected 0"
        )
    asymmetry = np.abs(matrix - matrix.T)
    i, j = np.unravel_index(np.argmax(asymmetry), matrix.shape)
    if asymmetry[i, j] > slack:
        raise ValueError(
            f"{name}: found {matrix[i, j]} from {names[i]} to {names[j]} and {matrix[j, i]} "
            f"from {names[j]} to {names[i]}, expected a symmetric matrix"
        )
    half = 0.5 * matrix  # before the sum, which could leave the range of float64
    clean = half + half.T
    del half
    np.maximum(clean, 0.0, out=clean)
    np.fill_diagonal(clean, 0.0)
    return clean, names


def upper_triangle(D: NDArray) -> NDArray:
    """Return the K (K - 1) / 2 entries above the diagonal, row by row."""
    n_items = D.shape[0]
    pairs = np.empty(n_items * (n_items - 1) // 2, dtype=D.dtype)
    begin = 0
    # Row by row, since indices of all pairs would take twice the memory of the pairs.
    for i in range(n_items - 1):
        end = begin + n_items - 1 - i
        pairs[begin:end] = D[i, i + 1 :]
        begin = end
    return pairs

"""Validation of a K x K distance matrix, shared by everything that starts from one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_dissimilarities", "check_distances", "check_ids", "upper_triangle"]


def check_ids(ids: Sequence | None, n_items: int) -> NDArray:
    """Return one distinct identifier an item, counting from 0 when none are given.

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
    ValueError
        If the matrix is not square, is too small or holds a value that is not finite.
    """
    matrix = np.asarray(D, dtype=np.float64)
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
    ValueError
        If a condition fails by more than the tolerance; the message names the items.

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
    clean = np.maximum(0.5 * (matrix + matrix.T), 0.0)
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

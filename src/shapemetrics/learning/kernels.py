"""Gaussian kernel of a distance, and the unit that its width is measured in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.pairwise.checks import (
    check_dissimilarities,
    check_distances,
    in_column_order,
    nonnegative_numbers,
    square_numbers,
    upper_triangle,
)
from shapemetrics.validation import check_number

__all__ = [
    "SPECTRUM_FLOOR",
    "check_test_distances",
    "check_training_distances",
    "gaussian",
    "gaussian_kernel",
    "is_positive",
    "median_distance",
    "median_of_pairs",
    "positive_spectrum",
]

# Eigenvalues of a training kernel below this share of the largest count as zero.
SPECTRUM_FLOOR = 1e-12


def median_distance(D: ArrayLike) -> float:
    """Return the median distance between two different items of a square matrix.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances; of each pair the entry above the diagonal counts.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If D is no dense array of real numbers.
    ValueError
        If it is zero, since it cannot then serve as a unit, or D is not square, finite and
        non-negative, or has fewer than two items.

    Examples
    --------
    >>> median_distance(np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]))
    2.0
    """
    matrix, _ = check_dissimilarities(D)
    return median_of_pairs(nonnegative_numbers(matrix, "D"))


def median_of_pairs(D: NDArray) -> float:
    """Return the median above the diagonal of a checked matrix; ValueError where it is zero."""
    if len(D) < 2:
        raise ValueError(f"training distances: found {len(D)} items, expected at least 2")
    median = float(np.median(upper_triangle(D), overwrite_input=True))
    if median == 0:
        raise ValueError(
            "training distances: found a median of 0, expected a positive one, the unit of widths"
        )
    return median


def gaussian_kernel(D: ArrayLike, width: float) -> NDArray[np.float64]:
    """Return exp(-d^2 / (2 width^2)) of every entry of an array of distances.

    Parameters
    ----------
    D : array of any shape
        Distances. Of a square DataFrame the columns are put into the order of the rows.
    width : float
        Positive, in the units of D.

    Returns
    -------
    ndarray of the shape of D
        From 0 to 1.

    Raises
    ------
    TypeError
        If D is no dense array of real numbers, or the width no number.
    ValueError
        If D holds negative numbers, NaN or infinity, or the width is not positive.

    Examples
    --------
    >>> gaussian_kernel(np.array([[0.0, 2.0], [2.0, 0.0]]), 1.0).round(3).tolist()
    [[1.0, 0.135], [0.135, 1.0]]
    """
    check_number(width, "width of a kernel", above=0.0)
    return gaussian(nonnegative_numbers(square_numbers(D, "D").values, "D"), float(width))


def gaussian(D: NDArray, width: float) -> NDArray[np.float64]:
    """Return the Gaussian kernel of distances that are checked."""
    with np.errstate(over="ignore"):  # infinitely many widths apart: a kernel of 0, to rounding
        kernel = np.atleast_1d(D / width)
        np.square(kernel, out=kernel)
    kernel *= -0.5
    return np.exp(kernel, out=kernel).reshape(np.shape(D))


def check_training_distances(D: ArrayLike) -> NDArray[np.float64]:
    """Check distances between training items: square, symmetric, zero on the diagonal."""
    return check_distances(D, name="training distances")[0]


def check_test_distances(
    D: ArrayLike, n_training: int, labels: tuple[Any, ...] | None = None
) -> NDArray[np.float64]:
    """Check distances from test items (rows) to n training items (columns), put into the order of
    the training items where both are labelled."""
    matrix = nonnegative_numbers(D, "test distances")
    if matrix.ndim != 2 or matrix.shape[1] != n_training:
        raise ValueError(
            f"test distances: found shape {matrix.shape}, expected {n_training} columns, "
            "one per training item"
        )
    order = in_column_order(D, labels, "test distances")
    return matrix if order is D else nonnegative_numbers(order, "test distances")


def positive_spectrum(
    K: NDArray,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues and eigenvectors of a training kernel (or a stack), with eigenvalues that are
    not positive set to zero.

    A Gaussian of a distance that does not embed in Euclidean space can be indefinite. Dropping
    those directions, in training and test kernels alike, leaves a proper inner product.
    """
    values, vectors = np.linalg.eigh(K)
    floor = SPECTRUM_FLOOR * values[..., -1:]
    return np.where(values > floor, values, 0.0), vectors


def is_positive(K: NDArray) -> bool:
    """Whether a kernel has no eigenvalue below -1e-10 of its trace (one cheap factorisation)."""
    shifted = K.copy()
    shifted.reshape(-1)[:: len(K) + 1] += 1e-10 * np.trace(K)
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True

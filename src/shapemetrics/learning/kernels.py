"""Gaussian kernel of a distance, and the unit that its width is measured in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.pairwise.checks import upper_triangle

__all__ = [
    "SPECTRUM_FLOOR",
    "check_cross_distances",
    "gaussian_kernel",
    "is_positive",
    "median_distance",
    "positive_spectrum",
]

# Eigenvalues of a training kernel below this share of the largest count as zero.
SPECTRUM_FLOOR = 1e-12


def median_distance(D: NDArray) -> float:
    """Return the median distance between two different items of a square matrix.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is zero, since it cannot then serve as a unit, or there are fewer than two items.

    Examples
    --------
    >>> median_distance(np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]))
    2.0
    """
    if len(D) < 2:
        raise ValueError(f"a median distance needs at least 2 training items, found {len(D)}")
    median = float(np.median(upper_triangle(D), overwrite_input=True))
    if median == 0:
        raise ValueError("the median distance between training items is zero")
    return median


def gaussian_kernel(D: ArrayLike, width: float) -> NDArray[np.float64]:
    """Return exp(-d^2 / (2 width^2)) of every entry of an array of distances.

    Parameters
    ----------
    D : array of any shape
        Distances.
    width : float
        Positive, in the units of D.

    Returns
    -------
    ndarray of the shape of D
        From 0 to 1.

    Raises
    ------
    ValueError
        If the width is not positive.

    Examples
    --------
    >>> gaussian_kernel(np.array([[0.0, 2.0], [2.0, 0.0]]), 1.0).round(3).tolist()
    [[1.0, 0.135], [0.135, 1.0]]
    """
    if not width > 0:
        raise ValueError(f"width of a kernel: found {width}, expected a number > 0")
    kernel = np.atleast_1d(np.asarray(D, dtype=np.float64) / width)
    np.square(kernel, out=kernel)
    kernel *= -0.5
    return np.exp(kernel, out=kernel).reshape(np.shape(D))


def check_cross_distances(D: ArrayLike, n_training: int | None = None) -> NDArray[np.float64]:
    """Check a training matrix (square), or distances from test items to n training items."""
    matrix = np.asarray(D, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"distances: found shape {matrix.shape}, expected a matrix")
    if n_training is None and matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"training distances: found shape {matrix.shape}, expected a square one")
    if n_training is not None and matrix.shape[1] != n_training:
        raise ValueError(
            f"test distances: found shape {matrix.shape}, expected {n_training} columns, "
            "one per training item"
        )
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise ValueError(
            "distances: found negative ones, infinity or NaN, expected finite and non-negative ones"
        )
    return matrix


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

"""Gaussian kernel of a distance, with its width measured on training items only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from shapemetrics.pairwise.checks import upper_triangle

__all__ = ["DistanceKernel", "check_cross_distances", "gaussian_kernel", "median_distance"]

# Eigenvalues of a training kernel below this share of the largest count as zero.
_SPECTRUM_FLOOR = 1e-12


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
    median = float(np.median(upper_triangle(D)))
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
        raise ValueError(f"the width of a kernel must be positive, found {width}")
    return np.exp(-0.5 * (np.asarray(D, dtype=np.float64) / width) ** 2)


def check_cross_distances(D: ArrayLike, n_training: int | None = None) -> NDArray[np.float64]:
    """Check a training matrix (square), or distances from test items to n training items."""
    matrix = np.asarray(D, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"distances must be a matrix, found shape {matrix.shape}")
    if n_training is None and matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"training distances must be square, found shape {matrix.shape}")
    if n_training is not None and matrix.shape[1] != n_training:
        raise ValueError(
            f"test distances must have {n_training} columns, one a training item, "
            f"found shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise ValueError("distances must be finite and non-negative")
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
    floor = _SPECTRUM_FLOOR * values[..., -1:]
    return np.where(values > floor, values, 0.0), vectors


def is_positive(K: NDArray) -> bool:
    """Whether a kernel has no eigenvalue below -1e-10 of its trace (one cheap factorisation)."""
    try:
        np.linalg.cholesky(K + 1e-10 * np.trace(K) * np.eye(len(K)))
    except np.linalg.LinAlgError:
        return False
    return True


class DistanceKernel(TransformerMixin, BaseEstimator):
    """Turn precomputed distances into a Gaussian kernel, as a scikit-learn transformer.

    Parameters
    ----------
    sigma : float, default=1.0
        Width of the kernel as a multiple of the median distance between training items.
    clip : bool, default=True
        Drop directions in which the training kernel is not positive, from the training kernel
        and from kernels to test items.

    Attributes
    ----------
    width_ : float
        Width in the units of the distances.
    n_features_in_ : int
        Number of training items.
    projection_ : ndarray of shape (n, n) or None
        Projection on the positive directions; None where all are, or with ``clip=False``.

    Notes
    -----
    k(x, y) = exp(-d(x, y)^2 / (2 (sigma median)^2)). The median is taken over pairs of training
    items at `fit`, so nothing of the test items enters. The transformer is tagged pairwise:
    scikit-learn's cross-validation slices rows and columns alike.

    Examples
    --------
    >>> x = np.linspace(0, 1, 5)
    >>> D = np.abs(x[:, None] - x)
    >>> DistanceKernel(sigma=1.0).fit_transform(D).diagonal()
    array([1., 1., 1., 1., 1.])
    """

    def __init__(self, sigma: float = 1.0, *, clip: bool = True) -> None:
        self.sigma = sigma
        self.clip = clip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        return tags

    def fit(self, D: ArrayLike, y: Any = None) -> DistanceKernel:
        """Measure the width on the distances between training items, shape (n, n)."""
        matrix = check_cross_distances(D)
        if not self.sigma > 0:
            raise ValueError(f"sigma must be positive, found {self.sigma}")
        self.n_features_in_ = len(matrix)
        self.width_ = self.sigma * median_distance(matrix)
        self.projection_ = None
        K = gaussian_kernel(matrix, self.width_)
        if self.clip and not is_positive(K):
            values, vectors = positive_spectrum(K)
            kept = vectors[:, values > 0]
            self.projection_ = kept @ kept.T
        return self

    def transform(self, D: ArrayLike) -> NDArray[np.float64]:
        """Return the kernel of distances to the training items, shape (n_test, n)."""
        check_is_fitted(self)
        matrix = check_cross_distances(D, self.n_features_in_)
        K = gaussian_kernel(matrix, self.width_)
        return K if self.projection_ is None else K @ self.projection_

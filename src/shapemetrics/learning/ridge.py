"""Kernel ridge regression on precomputed distances, as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from shapemetrics.learning.kernels import (
    check_test_distances,
    check_training_distances,
    gaussian,
    median_of_pairs,
    positive_spectrum,
)
from shapemetrics.pairwise.checks import in_item_order, item_labels, real_numbers
from shapemetrics.validation import check_number

__all__ = ["DistanceKernelRidge", "shrinkage"]


class DistanceKernelRidge(RegressorMixin, BaseEstimator):
    """Kernel ridge regression on precomputed distances.

    Parameters
    ----------
    sigma : float, default=1.0
        Width of the kernel as a multiple of the median distance between training items.
    ridge : float, default=0.1
        Ridge, in the units of the kernel, whose diagonal is 1.

    Attributes
    ----------
    width_ : float
        Width in the units of the distances.
    dual_coef_ : ndarray of shape (n,) or (n, n_targets)
    intercept_ : float or ndarray of shape (n_targets,)
        Mean of the training targets.
    n_features_in_ : int
        Number of training items.

    Notes
    -----
    f(x) = mean(y) + sum_i a_i exp(-d(x, x_i)^2 / (2 (sigma median)^2)) with
    a = (K + ridge I)^-1 (y - mean(y)); directions in which the training kernel is not positive
    are dropped (a distance need not embed in Euclidean space). Otherwise it is scikit-learn's
    KernelRidge on targets less their mean. The estimator is tagged pairwise: scikit-learn's
    cross-validation slices rows and columns of the distance matrix alike.

    Examples
    --------
    >>> x = np.linspace(0, 1, 20)
    >>> D = np.abs(x[:, None] - x)
    >>> model = DistanceKernelRidge(sigma=1.0, ridge=1e-3).fit(D, x**2)
    >>> bool(model.score(D, x**2) > 0.999)
    True
    """

    def __init__(self, sigma: float = 1.0, ridge: float = 0.1) -> None:
        self.sigma = sigma
        self.ridge = ridge

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        return tags

    def fit(self, D: ArrayLike, y: ArrayLike) -> DistanceKernelRidge:
        """Fit to distances between training items, shape (n, n), and their targets."""
        matrix = check_training_distances(D)
        targets = real_numbers(in_item_order(y, item_labels(D), "y"), "y")
        if targets.ndim not in (1, 2) or len(targets) != len(matrix):
            raise ValueError(
                f"y: found shape {targets.shape}, expected one target per training item, "
                f"{len(matrix)}"
            )
        check_number(self.sigma, "sigma", above=0.0)
        check_number(self.ridge, "ridge", above=0.0)
        self.n_features_in_ = len(matrix)
        self._labels = item_labels(D)
        self.width_ = self.sigma * median_of_pairs(matrix)
        self.intercept_ = targets.mean(axis=0)
        values, vectors = positive_spectrum(gaussian(matrix, self.width_))
        gain = shrinkage(values, np.array([self.ridge]))[:, 0]
        self.dual_coef_ = (vectors * gain) @ (vectors.T @ (targets - self.intercept_))
        return self

    def predict(self, D: ArrayLike) -> NDArray[np.float64]:
        """Predict from distances of test items to the training items, shape (n_test, n)."""
        check_is_fitted(self)
        matrix = check_test_distances(D, self.n_features_in_, self._labels)
        return gaussian(matrix, self.width_) @ self.dual_coef_ + self.intercept_


def shrinkage(values: NDArray, ridges: NDArray) -> NDArray[np.float64]:
    """Return 1 / (eigenvalue + ridge), zero where the eigenvalue is, shape (n, n_ridges)."""
    return np.where(values[:, None] > 0, 1.0 / (values[:, None] + ridges), 0.0)

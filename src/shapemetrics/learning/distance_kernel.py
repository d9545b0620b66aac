"""The Gaussian kernel of a distance as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from shapemetrics.learning.kernels import (
    check_test_distances,
    check_training_distances,
    gaussian,
    is_positive,
    median_of_pairs,
    positive_spectrum,
)
from shapemetrics.pairwise.checks import item_labels
from shapemetrics.validation import check_number

__all__ = ["DistanceKernel"]


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
        matrix = check_training_distances(D)
        check_number(self.sigma, "sigma", above=0.0)
        self.n_features_in_ = len(matrix)
        self._labels = item_labels(D)
        self.width_ = self.sigma * median_of_pairs(matrix)
        self.projection_ = None
        K = gaussian(matrix, self.width_)
        if self.clip and not is_positive(K):
            values, vectors = positive_spectrum(K)
            kept = vectors[:, values > 0]
            self.projection_ = kept @ kept.T
        return self

    def transform(self, D: ArrayLike) -> NDArray[np.float64]:
        """Return the kernel of distances to the training items, shape (n_test, n)."""
        check_is_fitted(self)
        matrix = check_test_distances(D, self.n_features_in_, self._labels)
        K = gaussian(matrix, self.width_)
        return K if self.projection_ is None else K @ self.projection_

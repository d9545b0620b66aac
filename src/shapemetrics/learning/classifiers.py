"""Classifiers on a fixed distance matrix that try a whole grid of hyper-parameters at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shapemetrics.arrays import as_array
from shapemetrics.learning.kernels import (
    gaussian,
    is_positive,
    median_of_pairs,
    positive_spectrum,
)
from shapemetrics.pairwise.checks import real_numbers

__all__ = ["DistanceSvm", "Model", "NearestNeighbours"]


class Model(Protocol):
    """What nested classification asks of a classifier.

    `train` and `test` are positions in the distance matrix, `y` the classes (from 0) of the
    training items.
    """

    grid: list[dict[str, Any]]

    def predict_grid(self, train: NDArray, test: NDArray, y: NDArray) -> NDArray[np.int64]:
        """Predict the test items under every point of the grid, shape (n_test, n_grid)."""
        ...

    def predict(self, train: NDArray, test: NDArray, y: NDArray, at: int) -> NDArray[np.int64]:
        """Predict the test items under one point of the grid, shape (n_test,)."""
        ...


class NearestNeighbours:
    """Majority of the nearest training items; of equal votes the first class wins.

    The predictions are those of scikit-learn's KNeighborsClassifier(metric="precomputed") unless
    distances are equal, where the item that comes first in the matrix is the nearer one. All
    neighbours are sorted once, since the order depends on no label and no split.

    Parameters
    ----------
    D : ndarray of shape (K, K)
    neighbors : sequence of int
        Numbers of neighbours; more than there are training items means all of them.
    """

    def __init__(self, D: NDArray, neighbors: Sequence[int]) -> None:
        self.neighbors = as_array(neighbors, "neighbors")
        if (
            self.neighbors.ndim != 1
            or not len(self.neighbors)
            or self.neighbors.dtype.kind not in "iu"
            or (self.neighbors < 1).any()
        ):
            raise ValueError(f"neighbors: found {neighbors}, expected integers >= 1")
        self.grid = [{"n_neighbors": int(k)} for k in self.neighbors]
        self._order = np.argsort(D, axis=1, kind="stable").astype(np.int32)

    def _nearest(self, train: NDArray, test: NDArray, y: NDArray, k: int) -> NDArray[np.int64]:
        """Return the labels of the k nearest training items, nearest first, shape (n_test, k)."""
        n_items = len(self._order)
        label_of = np.full(n_items, -1)
        label_of[train] = y
        # A few more neighbours than the share of training items asks for; if some row runs short
        # of training items, twice as many.
        width = 8 + 3 * k * n_items // (2 * len(train))
        while True:
            labels = label_of[self._order[:, :width][test]]
            known = labels >= 0
            if width >= n_items or (known.sum(axis=1) >= k).all():
                break
            width *= 2
        first = np.argsort(~known, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(labels, first, axis=1)

    def _votes(
        self, train: NDArray, test: NDArray, y: NDArray, neighbors: NDArray
    ) -> NDArray[np.int64]:
        k = np.minimum(neighbors, len(train))
        labels = self._nearest(train, test, y, int(k.max()))
        n_classes = int(y.max()) + 1
        votes = np.cumsum(labels[:, :, None] == np.arange(n_classes), axis=1)
        return votes[:, k - 1, :].argmax(axis=2)

    def predict_grid(self, train: NDArray, test: NDArray, y: NDArray) -> NDArray[np.int64]:
        """Predict under every number of neighbours, shape (n_test, n_grid)."""
        return self._votes(train, test, y, self.neighbors)

    def predict(self, train: NDArray, test: NDArray, y: NDArray, at: int) -> NDArray[np.int64]:
        """Predict under one number of neighbours, shape (n_test,)."""
        return self._votes(train, test, y, self.neighbors[at : at + 1])[:, 0]


class DistanceSvm:
    """Support vector machine (scikit-learn's SVC) on a Gaussian kernel of the distance.

    Parameters
    ----------
    D : ndarray of shape (K, K)
    sigmas : sequence of float
        Widths, as multiples of the median distance between training items.
    costs : sequence of float
        Penalties C.
    balanced : bool
        Weight classes inversely to their size.
    """

    def __init__(
        self, D: NDArray, sigmas: Sequence[float], costs: Sequence[float], *, balanced: bool = False
    ) -> None:
        for name, values in (("sigmas", sigmas), ("costs", costs)):
            numbers = real_numbers(values, name)
            if numbers.ndim != 1 or not len(numbers) or not (numbers > 0).all():
                raise ValueError(f"{name}: found {values}, expected a list of numbers > 0")
        self.sigmas = [float(s) for s in sigmas]
        self.costs = [float(c) for c in costs]
        self.class_weight = "balanced" if balanced else None
        self.grid = [{"sigma": s, "cost": c} for s in self.sigmas for c in self.costs]
        self._D = D

    def _kernels(
        self, train: NDArray, test: NDArray, sigmas: Sequence[float]
    ) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield the kernels of each width, of training items and of test with training items."""
        inside, across = self._D[np.ix_(train, train)], self._D[np.ix_(test, train)]
        unit = median_of_pairs(inside)
        for sigma in sigmas:
            K, K_test = gaussian(inside, sigma * unit), gaussian(across, sigma * unit)
            # As `DistanceKernel` does.
            if not is_positive(K):
                values, vectors = positive_spectrum(K)
                kept = vectors[:, values > 0]
                projection = kept @ kept.T
                K, K_test = K @ projection, K_test @ projection
            yield K, K_test

    def _fit_predict(
        self, K: NDArray, K_test: NDArray, y: NDArray, cost: float
    ) -> NDArray[np.int64]:
        from sklearn import config_context
        from sklearn.svm import SVC

        if (y == y[0]).all():
            return np.full(len(K_test), y[0])
        machine = SVC(C=cost, kernel="precomputed", class_weight=self.class_weight)
        # The input was checked once; checking it again costs more than a small machine does.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            return machine.fit(K, y).predict(K_test)

    def predict_grid(self, train: NDArray, test: NDArray, y: NDArray) -> NDArray[np.int64]:
        """Predict under every width and penalty, shape (n_test, n_grid)."""
        columns = []
        for K, K_test in self._kernels(train, test, self.sigmas):
            columns += [self._fit_predict(K, K_test, y, cost) for cost in self.costs]
        return np.column_stack(columns)

    def predict(self, train: NDArray, test: NDArray, y: NDArray, at: int) -> NDArray[np.int64]:
        """Predict under one width and penalty, shape (n_test,)."""
        ((K, K_test),) = self._kernels(train, test, [self.grid[at]["sigma"]])
        return self._fit_predict(K, K_test, y, self.grid[at]["cost"])

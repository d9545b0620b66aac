"""From a list of representations to distances or a kernel, inside a scikit-learn pipeline."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from shapemetrics.learning.distance_kernel import DistanceKernel
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.engine import cross_distances, pairwise_distances
from shapemetrics.pairwise.inputs import Arrays, Networks
from shapemetrics.validation import check_choice

__all__ = ["ShapeDistances"]


class ShapeDistances(TransformerMixin, BaseEstimator):
    """Transform representations to their distances (or a kernel) to the training ones.

    Parameters
    ----------
    metric : Metric
        For example ``LinearMetric(alpha=1.0)``.
    output : {"distance", "kernel"}, default="distance"
        Distances, for estimators on precomputed distances, or their Gaussian kernel, for
        estimators on precomputed kernels.
    sigma : float, default=1.0
        Width of the kernel as a multiple of the median distance between training items; see
        `DistanceKernel`.
    n_jobs : int, default=1
        Threads for the distances.

    Attributes
    ----------
    arrays_ : list
        Training representations.
    kernel_ : DistanceKernel
        Fitted on the training distances, where ``output="kernel"``.

    Notes
    -----
    A sample is one representation, so the input is a list of arrays with equal numbers of stimuli
    and any numbers of units. scikit-learn's cross-validation indexes such lists as they are.
    A grid search refits the transformer for every candidate; give the pipeline a ``memory`` to
    compute the distances of a training fold once for all candidates of the later steps.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> shapes = rng.normal(size=(2, 30, 4))
    >>> arrays = [shapes[i % 2] + 0.1 * rng.normal(size=(30, 4)) for i in range(8)]
    >>> model = make_pipeline(
    ...     ShapeDistances(LinearMetric()), KNeighborsClassifier(1, metric="precomputed")
    ... )
    >>> model.fit(arrays[:6], [0, 1, 0, 1, 0, 1]).predict(arrays[6:])
    array([0, 1])
    """

    def __init__(
        self,
        metric: Metric,
        *,
        output: Literal["distance", "kernel"] = "distance",
        sigma: float = 1.0,
        n_jobs: int = 1,
    ) -> None:
        self.metric = metric
        self.output = output
        self.sigma = sigma
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, arrays: Arrays, y: Any = None) -> ShapeDistances:
        """Keep the training representations, and measure the kernel's width if one is asked for.

        Parameters
        ----------
        arrays : sequence, mapping or RepresentationStore
            K representations of shape (m, n_k).
        y : ignored

        Returns
        -------
        ShapeDistances
        """
        self._check_output()
        if self.output == "kernel":
            self.fit_transform(arrays)
        else:
            self._keep(arrays)
        return self

    def fit_transform(self, X: Arrays, y: Any = None, **fit_params: Any) -> NDArray[np.floating]:
        """Fit, and return the training distances or kernel, shape (K, K)."""
        self._check_output()
        self._keep(X)
        D = pairwise_distances(self.arrays_, self.metric, n_jobs=self.n_jobs)
        if self.output == "distance":
            return D
        self.kernel_ = DistanceKernel(self.sigma)
        return self.kernel_.fit_transform(D)

    def transform(self, arrays: Arrays) -> NDArray[np.floating]:
        """Return distances (kernel) to the training representations, shape (n_test, K)."""
        check_is_fitted(self, "arrays_")
        D = cross_distances(arrays, self.arrays_, self.metric, n_jobs=self.n_jobs)
        return D if self.output == "distance" else self.kernel_.transform(D)

    def _keep(self, arrays: Arrays) -> None:
        networks = Networks(arrays)
        self.arrays_ = networks.values()

    def _check_output(self) -> None:
        check_choice(self.output, "output", ("distance", "kernel"))
        if self.output == "kernel" and not self.metric.symmetric:
            raise ValueError(
                f"metric: found {self.metric!r}, which is not symmetric, expected a symmetric one "
                "where output is 'kernel'"
            )

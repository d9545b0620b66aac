"""Embedding by landmarks: landmark MDS, and estimates of the distances that were not computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist, squareform
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from shapemetrics.arrays import scaled
from shapemetrics.geometry.distortions import distortion_between
from shapemetrics.geometry.embedding import (
    Method,
    check_embedding_options,
    fill_empty_axes,
    smacof,
    stress_between,
)
from shapemetrics.geometry.landmarks import LandmarkDistances, bounds_of
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    in_column_order,
    item_labels,
    nonnegative_numbers,
    scale_exponent,
    squares_in_units,
    upper_triangle,
)
from shapemetrics.pairwise.threads import small_matrix_threads
from shapemetrics.validation import check_choice, check_integer

__all__ = ["LandmarkEmbedding", "landmark_distortion"]

# Eigenvalues below this share of the largest are rounding errors of a Euclidean matrix.
_RANK_TOLERANCE = 1e-10
# Distances below this share of the largest are those of a landmark to itself.
_ZERO = 1e-12
# Powers of two by which distances to landmarks may be larger than those between landmarks: their
# fourth power must not leave the range of float64.
_FARTHEST = 200
# Items that are placed at a time.
_CHUNK = 4096


class LandmarkEmbedding(TransformerMixin, BaseEstimator):
    r"""Place items in R^k by their distances to landmarks only.

    Parameters
    ----------
    n_components : int or None, default=2
        k, at most the number L of landmarks; None is as many as have a positive eigenvalue.
    method : {"metric", "classical"}, default="metric"
        "classical" is landmark MDS. "metric" moves landmarks, then every item, to where the
        stress is least: distances in few dimensions then have the right size.
    seed : int, default=0
        Of the jitter on axes that classical scaling leaves empty (method="metric").
    max_iter : int, default=300
        Most iterations of the landmarks' SMACOF, and of the placement of items.
    eps : float, default=1e-6
        Both stop when an iteration lowers the stress by less than this, relatively.

    Attributes
    ----------
    n_components_ : int
    coordinates_ : ndarray of shape (L, k)
        The landmarks.
    eigenvalues_ : ndarray of shape (L,)
        Of the doubly centred matrix of the landmarks, decreasing; negative ones measure how far
        they are from Euclidean. NaN, as `own_`, with a UserWarning, where squares of the
        distances leave the range of float64.
    own_ : ndarray of shape (L,)
        What a landmark's squared distances have in common beyond the k dimensions.
    n_features_in_ : int
        L.

    Notes
    -----
    With squared distances :math:`\delta_l` of an item to the landmarks, their means
    :math:`\mu_l` among landmarks, and the classical solution :math:`-\tfrac12 J D^2 J = V \Lambda
    V^T` of the landmarks, landmark MDS (de Silva & Tenenbaum 2004) places the item at

    .. math:: x = \tfrac12 \Lambda_k^{-1/2} V_k^T (\mu - \delta) ,

    which is the Nystroem extension of the doubly centred kernel, and exact for Euclidean distances
    once the landmarks span the space.

    Distances between shapes are far from k-dimensional: most of what separates two networks is
    shared with no third one. :meth:`estimate` therefore gives every item one axis of its own,
    orthogonal to all others,

    .. math:: \hat d^2(x, y) = \|x - y\|^2 + h_x + h_y ,

    with the classical coordinates and :math:`h` fitted to the distances to landmarks by least
    squares. On layers of trained networks this is many times closer than coordinates alone,
    those of the full matrix included (docs/performance.md).

    References
    ----------
    de Silva, Tenenbaum (2004), Sparse multidimensional scaling using landmark points, Stanford
    University. Platt (2005), FastMap, MetricMap, and Landmark MDS are all Nystroem algorithms,
    AISTATS.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(50, 3))
    >>> D = cdist(points, points[:8])
    >>> model = LandmarkEmbedding(3, method="classical").fit(D[:8])
    >>> placed = model.transform(D)
    >>> bool(np.allclose(cdist(placed, placed), cdist(points, points)))
    True
    """

    def __init__(
        self,
        n_components: int | None = 2,
        *,
        method: Method = "metric",
        seed: int = 0,
        max_iter: int = 300,
        eps: float = 1e-6,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.seed = seed
        self.max_iter = max_iter
        self.eps = eps

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        tags.input_tags.positive_only = True
        return tags

    def fit(self, X: ArrayLike, y: Any = None) -> LandmarkEmbedding:
        """Place the landmarks.

        Parameters
        ----------
        X : array of shape (L, L)
            Distances between landmarks, as in ``LandmarkDistances.among``.
        y : ignored

        Returns
        -------
        LandmarkEmbedding
            Itself.

        Raises
        ------
        ValueError
            If X does not hold distances, none is above 0, or an option is out of range.
        """
        D, _ = check_distances(X, name="X")
        check_integer(self.n_components, "n_components", 1, optional=True)
        check_seed(self.seed)
        check_embedding_options(self.n_components or 1, len(D), self.max_iter, self.eps)
        check_choice(self.method, "method", ("metric", "classical"))
        if not D.any():
            raise ValueError("X: found no distance above 0, expected landmarks that differ")
        # Distances of magnitude one: their squares stay within float64. What starts with an
        # underscore is in these units.
        self._exponent = scale_exponent(D)
        np.ldexp(D, -self._exponent, out=D)
        self._labels = item_labels(X)
        with small_matrix_threads(len(D)):
            self._fit_classical(D)
            if self.method == "metric":
                start = fill_empty_axes(self._classical, D, self.seed)
                self._points, _ = smacof(D, start, max_iter=self.max_iter, eps=self.eps)
        self.coordinates_ = np.ldexp(self._points, self._exponent)
        squares = np.concatenate([self._eigenvalues, self._landmarks_own])
        squares = squares_in_units(squares, self._exponent, "eigenvalues_, own_")
        self.eigenvalues_, self.own_ = squares[: len(D)], squares[len(D) :]
        return self

    def _fit_classical(self, D: NDArray) -> None:
        squared = D**2
        mean = squared.mean(axis=0)
        eigenvalues, vectors = np.linalg.eigh(-0.5 * (squared - mean - mean[:, None] + mean.mean()))
        eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
        positive = int(np.count_nonzero(eigenvalues > _RANK_TOLERANCE * max(eigenvalues[0], 0.0)))
        k = self.n_components or max(positive, 1)
        axes = np.zeros((len(D), k))
        kept = min(k, positive)
        axes[:, :kept] = vectors[:, :kept]
        signs = np.sign(axes[np.argmax(np.abs(axes), axis=0), np.arange(k)])
        axes *= np.where(signs == 0, 1.0, signs)
        roots = np.ones(k)
        roots[:kept] = np.sqrt(eigenvalues[:kept])
        self.n_components_, self.n_features_in_ = k, len(D)
        self._eigenvalues = eigenvalues
        self._points = self._classical = axes * roots
        self._projection, self._mean = -0.5 * axes / roots, mean
        self._landmarks_own = _own_of_landmarks(
            squared - cdist(self._classical, self._classical) ** 2
        )

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Place items by their distances to the landmarks.

        Parameters
        ----------
        X : array of shape (K, L)

        Returns
        -------
        ndarray of shape (K, k)
        """
        D = self._checked(X, "X")
        points = self._place(D)
        if self.method == "classical":
            return np.ldexp(points, self._exponent)
        # Where the landmarks went by the affine map nearest to what they did is a good start.
        ones = np.ones((self.n_features_in_, 1))
        moved = np.linalg.lstsq(np.hstack([self._classical, ones]), self._points, rcond=None)[0]
        points = points @ moved[:-1] + moved[-1]
        for start in range(0, len(points), _CHUNK):
            some = slice(start, start + _CHUNK)
            points[some] = _least_stress(
                points[some], self._points, D[some], self.max_iter, self.eps
            )
        return np.ldexp(points, self._exponent)

    def fit_transform(self, X: ArrayLike, y: Any = None, **fit_params: Any) -> NDArray[np.float64]:
        """Place the landmarks and return where they are, as the fit leaves them: (L, k)."""
        return self.fit(X).coordinates_

    def own(self, X: ArrayLike) -> NDArray[np.float64]:
        """What each item's squared distances have beyond the k dimensions.

        Parameters
        ----------
        X : array of shape (K, L)
            Distances to the landmarks.

        Returns
        -------
        ndarray of shape (K,)
            Squared lengths, not negative; NaN, with a UserWarning, where they leave the range of
            float64.
        """
        D = self._checked(X, "X")
        return squares_in_units(self._own(D, self._place(D)), self._exponent, "own")

    def estimate(
        self, X: ArrayLike, Y: ArrayLike | None = None, *, bounded: bool = True
    ) -> NDArray[np.float64]:
        """Estimate distances between items, with an axis of its own for each.

        Parameters
        ----------
        X : array of shape (p, L)
            Distances of some items to the landmarks.
        Y : array of shape (q, L), optional
            Those of others; by default all pairs within X.
        bounded : bool, default=True
            Move estimates into the bounds of the triangle inequality, which makes all distances to
            landmarks exact. For a metric only.

        Returns
        -------
        ndarray of shape (p, q)
            Within X symmetric with a zero diagonal.
        """
        A = self._checked(X, "X")
        B = A if Y is None else self._checked(Y, "Y")
        points_a = self._place(A)
        points_b = points_a if Y is None else self._place(B)
        squared = cdist(points_a, points_b, "sqeuclidean")
        squared += np.add.outer(self._own(A, points_a), self._own(B, points_b))
        found = np.sqrt(squared, out=squared)
        if bounded:
            lower, upper = bounds_of(A, B)
            # Rounding, or a metric's own error, may cross the two where an item is a landmark.
            np.clip(found, lower, np.maximum(lower, upper), out=found)
        if Y is None:
            np.fill_diagonal(found, 0.0)
        return np.ldexp(found, self._exponent, out=found)

    def _checked(self, X: ArrayLike, name: str) -> NDArray[np.float64]:
        check_is_fitted(self, "coordinates_")
        D = nonnegative_numbers(in_column_order(X, self._labels, name), name)
        if D.ndim != 2 or D.shape[1] != self.n_features_in_:
            raise ValueError(
                f"{name}: found shape {D.shape}, expected distances to {self.n_features_in_} "
                "landmarks as columns"
            )
        largest = scale_exponent(D)
        if largest - self._exponent > _FARTHEST:
            raise ValueError(
                f"{name}: found distances of magnitude 2**{largest}, expected that of the "
                f"landmarks' distances, 2**{self._exponent}"
            )
        return scaled(D, -self._exponent)

    def _place(self, D: NDArray) -> NDArray[np.float64]:
        return (D**2 - self._mean) @ self._projection

    def _own(self, D: NDArray, points: NDArray) -> NDArray[np.float64]:
        beyond = D**2 - cdist(points, self._classical, "sqeuclidean") - self._landmarks_own
        # A landmark shares its own axis with itself, so that distance says nothing about it.
        zero = _ZERO * D.max()
        other = zero < D
        return np.maximum((beyond * other).sum(axis=1) / np.maximum(other.sum(axis=1), 1), 0.0)


def _own_of_landmarks(beyond: NDArray) -> NDArray[np.float64]:
    """Least squares for h in ``beyond[i, j] = h_i + h_j``, i != j, not negative."""
    L = len(beyond)
    if L < 3:
        return np.zeros(L)
    np.fill_diagonal(beyond, 0.0)
    sums = beyond.sum(axis=1)
    return np.maximum((sums - sums.sum() / (2.0 * (L - 1))) / (L - 2), 0.0)


def _least_stress(
    points: NDArray, landmarks: NDArray, D: NDArray, max_iter: int, eps: float
) -> NDArray[np.float64]:
    """Lower sum_l (|x - y_l| - d_l)^2 of every item by majorisation, landmarks held fixed."""
    centre, before = landmarks.mean(axis=0), np.inf
    for _ in range(max_iter):
        found = cdist(points, landmarks)
        raw = float(np.sum((found - D) ** 2))
        if before - raw <= eps * raw:
            break
        before = raw
        ratio = D / np.maximum(found, np.finfo(np.float64).tiny)
        pull = points * ratio.mean(axis=1)[:, None] - ratio @ landmarks / len(landmarks)
        points = centre + pull
    return points


def landmark_distortion(
    D: ArrayLike,
    found: LandmarkDistances,
    dimensions: Iterable[int | None],
    *,
    methods: tuple[str, ...] = ("classical", "metric", "estimate"),
    seed: int = 0,
) -> pd.DataFrame:
    """Hold what landmarks tell against the full matrix of distances.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances between the same items, in the same order.
    found : LandmarkDistances
    dimensions : iterable of int or None
        Values of `n_components`.
    methods : sequence of {"classical", "metric", "estimate"}
        Coordinates by either method of :class:`~shapemetrics.geometry.LandmarkEmbedding`, or its
        estimates.
    seed : int, default=0

    Returns
    -------
    pandas.DataFrame
        One row a method and dimension: n_dimensions, method, n_landmarks, max_distortion and
        mean_distortion (as in :func:`~shapemetrics.geometry.distortion`, over all pairs), stress
        (scale included) and correlation with the true distances.

    Raises
    ------
    ValueError
        If D does not hold distances, sizes differ, or an option is out of range.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(30, 2))
    >>> D = cdist(points, points)
    >>> ids = [f"item {k}" for k in range(30)]
    >>> found = LandmarkDistances(D[:, :5], ids, np.arange(5), {})
    >>> bool(landmark_distortion(D, found, [2])["max_distortion"].max() < 1.001)
    True
    """
    matrix, _ = check_distances(D)
    if len(matrix) != len(found.ids):
        raise ValueError(
            f"D: found {len(matrix)} items, expected {len(found.ids)} as in the landmark distances"
        )
    for method in methods:
        check_choice(method, "methods", ("classical", "metric", "estimate"))
    # Distances of magnitude one: their squares stay within float64, and no measure has units.
    exponent = scale_exponent(matrix)
    wanted, rows = upper_triangle(np.ldexp(matrix, -exponent, out=matrix)), []
    among, values = scaled(found.among, -exponent), scaled(found.values, -exponent)
    is_metric = bool(found.parameters.get("is_metric", False))
    for n_components in dimensions:
        for method in methods:
            kind: Method = "metric" if method == "metric" else "classical"
            model = LandmarkEmbedding(n_components, method=kind, seed=seed).fit(among)
            if method == "estimate":
                estimated = model.estimate(values, bounded=is_metric)
                distances = squareform(estimated, checks=False)
            else:
                points = model.transform(values)
                distances = upper_triangle(cdist(points, points))
            result = distortion_between(wanted, distances)
            rows.append(
                {
                    "n_dimensions": model.n_components_,
                    "method": method,
                    "n_landmarks": len(found.landmarks),
                    "max_distortion": result.max,
                    "mean_distortion": result.mean,
                    "stress": stress_between(wanted, distances),
                    "correlation": float(np.corrcoef(wanted, distances)[0, 1]),
                }
            )
    return pd.DataFrame(rows)

"""Feature maps of kernels: the columns that a linear metric then compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.gram import center_gram, rbf_minus_one, squared_distances
from shapemetrics.metrics.linear import PreparedLinear


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Features of a kernel, in closed form or approximate, up to an offset for each column.

    Centring takes the offsets away. Without them the features of wide kernels keep their digits.
    With `frequencies`, random Fourier features. With `points`, kernel values against them, less
    one, turned by `root` where that is given: all stimuli as points are the columns of the Gram
    matrix; some of them, and the root of :func:`nystroem_map`, are the Nystroem map. With neither
    the responses themselves.
    """

    points: Array | None = field(default=None, repr=False)  # (q, n)
    bandwidth: float | None = None
    root: Array | None = field(default=None, repr=False)  # (q, r)
    frequencies: Array | None = field(default=None, repr=False)  # (n, q)

    def features(self, X: Array) -> Array:
        """Features of responses: (m, n) to (m, n), (m, q), (m, r) or (m, 2 q)."""
        if self.frequencies is not None:
            half = 0.5 * (X @ self.frequencies)
            sine, cosine = np.sin(half), np.cos(half)
            # The cosine of the phase less one, and its sine, which keep their digits near zero.
            parts = np.hstack([-2.0 * sine * sine, 2.0 * sine * cosine])
            return parts / np.sqrt(half.shape[1])
        if self.points is None:
            return X
        assert self.bandwidth is not None
        K = rbf_minus_one(squared_distances(X, self.points), self.bandwidth)
        return K if self.root is None else K @ self.root


def nystroem_map(
    X: Array, bandwidth: float, n_landmarks: int, tolerance: float, seed: int
) -> FeatureMap:
    r"""Nystroem map of the radial basis function kernel.

    Parameters
    ----------
    X : ndarray of shape (m, n)
    bandwidth : float
    n_landmarks : int
        Stimuli that serve as landmarks, at most m. The choice depends on m and the seed only,
        so all networks have the same landmarks.
    tolerance : float
        Eigenvalues of the landmarks' Gram matrix below this fraction of the largest are dropped.
    seed : int

    Notes
    -----
    Williams & Seeger (2001): :math:`K \approx K_{mq} K_{qq}^{+} K_{qm}`, the projection onto the
    span of the landmarks' features. Of that span the differences of landmarks, whose Gram matrix is
    the centred one, come first, and then the part of their mean that is orthogonal to these: a wide
    kernel, whose landmarks hardly differ, would otherwise be the mean alone.
    """
    chosen = np.random.default_rng(seed).choice(len(X), n_landmarks, replace=False)
    points = np.ascontiguousarray(X[np.sort(chosen)])
    K = rbf_minus_one(squared_distances(points, points), bandwidth)
    values, vectors = np.linalg.eigh(center_gram(K))
    kept = values > tolerance * max(values[-1], np.finfo(np.float64).tiny)
    vectors = vectors[:, kept] - vectors[:, kept].mean(axis=0)
    root = vectors / np.sqrt(values[kept])
    # The mean, less its projection onto the differences, as weights of the landmarks.
    mean = np.full(n_landmarks, 1.0 / n_landmarks)
    shares = root.T @ (K @ mean)
    squared = 1.0 + float(mean @ K @ mean) - float(shares @ shares)
    if squared > tolerance:
        root = np.column_stack([root, (mean - root @ shares) / np.sqrt(squared)])
    return FeatureMap(points, bandwidth, root)


def fourier_map(n: int, bandwidth: float, n_features: int, seed: int) -> FeatureMap:
    """Random features of the radial basis function kernel, as many as asked (rounded up to even).

    Notes
    -----
    Rahimi & Recht (2007). Frequencies are normal with standard deviation 1 / bandwidth.
    """
    rng = np.random.default_rng(seed)
    return FeatureMap(frequencies=rng.normal(size=(n, -(-n_features // 2))) / bandwidth)


@dataclass(frozen=True, eq=False)
class PreparedKernel(PreparedLinear):
    """One network in the feature space of a kernel.

    `offset` and `transform` act on what the feature map gives, not on the responses. Where all of
    the Gram matrix was decomposed, the transform is ``values / eigenvalues`` and is not stored.
    `points`, `bandwidth`, `root` and `frequencies` are those of :class:`FeatureMap`, for responses
    divided by ``2**origin.exponent``.
    """

    n_units: int
    eigenvalues: Array | None = field(repr=False)
    points: Array | None = field(repr=False)
    bandwidth: float | None
    root: Array | None = field(repr=False)
    frequencies: Array | None = field(repr=False)

    @property
    def n_inputs(self) -> int:
        """Number of units; of a precomputed kernel, of fitted stimuli."""
        return self.n_units

    def mapped(self, values: Array) -> Array:
        """Features of responses that are divided as the fitted ones were: (m', n) to (m', r)."""
        columns = FeatureMap(self.points, self.bandwidth, self.root, self.frequencies)
        centred = columns.features(values) - self.offset
        if self.eigenvalues is not None:
            # The features are centred only up to rounding, which small eigenvalues magnify.
            centred -= centred.mean(axis=1, keepdims=True)
            centred = centred @ (self.values / self.eigenvalues)
        elif self.transform is not None:
            centred = centred @ self.transform
        return centred.astype(self.values.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class KernelAlignment:
    """The maps that realise a kernel distance: both networks' responses land in one space."""

    x: PreparedKernel
    y: PreparedKernel
    turn_x: Array  # (r_x, k)
    turn_y: Array  # (r_y, k)
    distance: float

    @property
    def rotation(self) -> Array:
        """Rotation (r_x, r_y) that turns the first network's features towards the second's."""
        return self.turn_x @ self.turn_y.T

    def apply_x(self, X: Any) -> Array:
        """Transform responses of the first network: (m', n_x) to (m', k)."""
        return self.x.apply(X) @ self.turn_x

    def apply_y(self, Y: Any) -> Array:
        """Transform responses of the second network: (m', n_y) to (m', k)."""
        return self.y.apply(Y) @ self.turn_y

"""Centred kernel alignment (CKA) as an angle, hence as a metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, check_array, check_choice, check_variance
from shapemetrics.metrics.gram import (
    center_gram,
    check_bandwidth,
    check_gram,
    choose_bandwidth,
    packed,
    rbf,
)

#: Entries of one product of stacked networks: 32 MB in float64.
PRODUCT_SIZE = 2**22


@dataclass(frozen=True, eq=False)
class PreparedCKA:
    """One network's Gram matrix, as a thin factor or packed, and its Frobenius norm.

    Exactly one of `factor` (m x n, with K = F F') and `gram` (the m (m + 1) / 2 entries of K,
    off-diagonal ones times sqrt 2) is given.
    """

    name: str
    n_samples: int
    norm: float
    factor: Array | None = field(default=None, repr=False)
    gram: Array | None = field(default=None, repr=False)

    def packed_gram(self) -> Array:
        """The Gram matrix as a vector, formed where only a factor is kept."""
        return packed(self.factor @ self.factor.T) if self.gram is None else self.gram


class CKABlock(NamedTuple):
    """Prepared networks, those of one kind side by side."""

    items: list[PreparedCKA]
    thin: np.ndarray  # positions of networks kept as a factor
    stacked: Array | None  # (m, sum of their n)
    starts: np.ndarray  # (len(thin) + 1,), first column of each
    full: np.ndarray  # positions of networks kept packed
    packed: Array | None  # (len(full), m (m + 1) / 2)
    norms: Array  # (k,)


@dataclass(frozen=True)
class AngularCKA(Metric):
    r"""Arc cosine of centred kernel alignment.

    Parameters
    ----------
    kernel : {"linear", "rbf", "precomputed"}, default="linear"
        "rbf" is :math:`\exp(-\|x - y\|^2 / 2\sigma^2)`. With "precomputed" every network is
        given as its m x m Gram matrix.
    bandwidth : float, optional
        Sigma of "rbf", in the data's units. By default `median_fraction` times the network's own
        median distance between stimuli (of at most 2000 stimuli, evenly spaced).
    center : bool, default=True
        Centre the Gram matrices. Without it the angle is between uncentred kernels.
    median_fraction : float, default=1.0
        Bandwidth as a fraction of the median distance, where `bandwidth` is not given.

    Notes
    -----
    Kornblith, Norouzi, Lee, Hinton (2019), arXiv:1905.00414, for CKA; Williams, Kunz, Kornblith,
    Linderman (2021), arXiv:2110.14739, for the angle, which is the geodesic distance on the unit
    sphere of matrices and so satisfies the triangle inequality, as 1 - CKA does not:

    .. math:: \theta = \arccos \frac{\langle K_X, K_Y \rangle}{\|K_X\|_F \|K_Y\|_F},
              \qquad K = C K_0 C .

    Radians, in [0, pi/2]. It is zero exactly where the Gram matrices are equal up to scale: for
    the linear kernel, for responses equal up to offset, scale and rotation.

    A linear kernel with n < m never forms an m x m matrix:
    :math:`\langle K_X, K_Y \rangle = \|X^T Y\|_F^2`. Otherwise a network keeps its m (m + 1) / 2
    different entries.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    >>> round(AngularCKA().distance(X, 3.0 * X @ Q + 1.0), 9)
    0.0
    """

    kernel: Literal["linear", "rbf", "precomputed"] = "linear"
    bandwidth: float | None = None
    center: bool = True
    median_fraction: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self.kernel, "kernel", ("linear", "rbf", "precomputed"))
        check_bandwidth(self.kernel, self.bandwidth, self.median_fraction)

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedCKA:
        """Centre one network's kernel.

        Parameters
        ----------
        X : array-like of shape (m, n), or (m, m) for a precomputed kernel
            Responses of n units to m stimuli, or their Gram matrix.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision in which the kernel is kept; it is computed in float64.

        Returns
        -------
        PreparedCKA

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance.
        """
        X = check_array(X, name)
        if self.kernel == "precomputed":
            check_gram(X, name)
        X = X.astype(np.float64)
        if self.kernel == "precomputed":
            K = center_gram(X) if self.center else X
            check_variance(K, float(np.linalg.norm(K)), float(np.abs(X).max()), name)
            return _keep_gram(K, name, dtype)
        centred = X - X.mean(axis=0) if self.center or self.kernel == "rbf" else X
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(X).max()), name)
        if self.kernel == "rbf":
            K = rbf(X, X, choose_bandwidth(X, self.bandwidth, self.median_fraction, name))
            K = center_gram(K) if self.center else K
            check_variance(K, float(np.linalg.norm(K)), 1.0, name)
            return _keep_gram(K, name, dtype)
        m, n = X.shape
        if n >= m:
            return _keep_gram(centred @ centred.T, name, dtype)
        factor = np.ascontiguousarray(centred, dtype=dtype)
        return PreparedCKA(name, m, float(np.linalg.norm(factor.T @ factor)), factor=factor)

    def block(self, prepared: Sequence[PreparedCKA]) -> CKABlock:
        """Put networks that are kept in the same way side by side."""
        items = list(prepared)
        thin = [i for i, item in enumerate(items) if item.factor is not None]
        full = [i for i, item in enumerate(items) if item.factor is None]
        widths = [items[i].factor.shape[1] for i in thin]
        return CKABlock(
            items,
            np.array(thin, dtype=int),
            np.hstack([items[i].factor for i in thin]) if thin else None,
            np.concatenate([[0], np.cumsum(widths)]).astype(int),
            np.array(full, dtype=int),
            np.stack([items[i].gram for i in full]) if full else None,
            np.array([item.norm for item in items], dtype=np.float64),
        )

    def pairwise(self, block_a: CKABlock, block_b: CKABlock) -> Array:
        """All distances between two blocks by matrix products.

        Parameters
        ----------
        block_a, block_b : CKABlock
            From :meth:`block`, with the same number of stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = gram_products(block_a, block_b)
        norms_a, norms_b = block_a.norms[:, None], block_b.norms[None, :]
        distances = linalg.angles(inner, norms_a, norms_b)
        eps = np.finfo(_dtype(block_a)).eps
        for i, j in zip(*np.nonzero(linalg.nearly_equal(inner, norms_a, norms_b, eps))):
            distances[i, j] = _small_angle(block_a.items[i], block_b.items[j])
        return distances


def gram_products(block_a: CKABlock, block_b: CKABlock) -> Array:
    """Inner products <K_X, K_Y> of all pairs of two blocks: (len(a), len(b))."""
    inner = np.empty((len(block_a.items), len(block_b.items)))
    if block_a.thin.size and block_b.thin.size:
        inner[np.ix_(block_a.thin, block_b.thin)] = _thin_products(block_a, block_b)
    if block_a.full.size and block_b.full.size:
        inner[np.ix_(block_a.full, block_b.full)] = block_a.packed @ block_b.packed.T
    for i in block_a.thin if block_b.full.size else ():
        inner[i, block_b.full] = block_b.packed @ block_a.items[i].packed_gram()
    for j in block_b.thin if block_a.full.size else ():
        inner[block_a.full, j] = block_a.packed @ block_b.items[j].packed_gram()
    return inner


def _thin_products(block_a: CKABlock, block_b: CKABlock) -> Array:
    """Squared Frobenius norms of X'Y for all networks kept as factors."""
    inner = np.empty((len(block_a.thin), len(block_b.thin)))
    widest = int(np.diff(block_a.starts).max())
    for columns in _runs(block_b.starts, PRODUCT_SIZE // widest):
        cut = slice(block_b.starts[columns.start], block_b.starts[columns.stop])
        starts_b = block_b.starts[columns.start : columns.stop] - cut.start
        target = np.ascontiguousarray(block_b.stacked[:, cut])
        for rows in _runs(block_a.starts, PRODUCT_SIZE // target.shape[1]):
            take = slice(block_a.starts[rows.start], block_a.starts[rows.stop])
            product = block_a.stacked[:, take].T @ target
            product *= product
            sums = np.add.reduceat(product, starts_b, axis=1, dtype=np.float64)
            starts_a = block_a.starts[rows.start : rows.stop] - take.start
            inner[rows.start : rows.stop, columns.start : columns.stop] = np.add.reduceat(
                sums, starts_a, axis=0
            )
    return inner


def _runs(starts: np.ndarray, width: int) -> Iterator[slice]:
    """Cut networks into runs of at most `width` columns together, and of at least one network."""
    first, n = 0, len(starts) - 1
    while first < n:
        last = int(np.searchsorted(starts, starts[first] + width, side="right")) - 1
        last = max(last, first + 1)
        yield slice(first, last)
        first = last


def _keep_gram(K: Array, name: str, dtype: Any) -> PreparedCKA:
    gram = packed(K).astype(dtype, copy=False)
    return PreparedCKA(name, len(K), float(np.linalg.norm(gram)), gram=gram)


def _dtype(block: CKABlock) -> np.dtype:
    return (block.packed if block.stacked is None else block.stacked).dtype


def _small_angle(x: PreparedCKA, y: PreparedCKA) -> float:
    """Angle between two Gram matrices that are nearly parallel, without cancellation."""
    if x.factor is None or y.factor is None:
        return linalg.angle_between(x.packed_gram(), y.packed_gram())
    # With Z = [X Y] = Q R, the norm of X X' -+ Y Y' is that of the small matrix R diag(1, -+1) R'.
    parts = [item.factor.astype(np.float64) / np.sqrt(item.norm) for item in (x, y)]
    R = np.linalg.qr(np.hstack(parts), mode="r")
    n = parts[0].shape[1]
    X, Y = R[:, :n] @ R[:, :n].T, R[:, n:] @ R[:, n:].T
    return linalg.angle_between(X, Y)

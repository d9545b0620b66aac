"""Centred kernel alignment (CKA) as an angle, hence as a metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from shapemetrics import linalg
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array, frobenius_norm
from shapemetrics.metrics.base import Metric, Origin, Prepared, centred, check_variance
from shapemetrics.metrics.cost import gram_cosine_seconds
from shapemetrics.metrics.gram import (
    center_gram,
    check_bandwidth,
    check_gram,
    choose_bandwidth,
    divide_if_small,
    packed,
    rbf,
    rbf_minus_one,
    squared_distances,
)
from shapemetrics.validation import check_choice

#: Entries of one product of stacked networks: 32 MB in float64.
PRODUCT_SIZE = 2**22


@dataclass(frozen=True, eq=False)
class PreparedCKA(Prepared):
    """One network's Gram matrix, as a thin factor or packed, and its Frobenius norm.

    Exactly one of `factor` (m x n, with K = F F') and `gram` (the m (m + 1) / 2 entries of K,
    off-diagonal ones times sqrt 2) is given, both of the responses as divided by a power of two.
    """

    n_stimuli: int
    norm: float
    factor: Array | None = field(default=None, repr=False)
    gram: Array | None = field(default=None, repr=False)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return self.n_stimuli

    @property
    def width(self) -> int:
        """Columns of the factor."""
        return super().width if self.factor is None else self.factor.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Type of what is kept."""
        array = self.gram if self.factor is None else self.factor
        assert array is not None
        return array.dtype

    def packed_gram(self) -> Array:
        """The Gram matrix as a vector, formed where only a factor is kept."""
        if self.gram is not None:
            return self.gram
        assert self.factor is not None
        return packed(self.factor @ self.factor.T)


@dataclass(frozen=True, eq=False)
class CKAStack:
    """Prepared networks, those of one kind side by side."""

    items: list[PreparedCKA]
    thin: np.ndarray  # positions of networks kept as a factor
    stacked: Array  # (m, sum of their n)
    starts: np.ndarray  # (len(thin) + 1,), first column of each
    full: np.ndarray  # positions of networks kept packed
    packed: Array  # (len(full), m (m + 1) / 2)
    norms: Array  # (k,)

    def __len__(self) -> int:
        return len(self.items)


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
    debias : {"none", "song", "lange"}, default="none"
        Estimator of the alignment (HSIC) that leaves out similarities of stimuli to themselves,
        which make few stimuli look alike. Angles then reach beyond pi/2, up to pi.

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
    :math:`\langle K_X, K_Y \rangle = \|X^T Y\|_F^2`. Otherwise, and always where it is debiased, a
    network keeps its m (m + 1) / 2 different entries.

    Debiased, the angle is that between other matrices, and as much a metric. With zeros on their
    diagonals, for i != j:

    .. math:: \text{song:} \quad U_{ij} = K_{ij} - \frac{\sum_l K_{il} + \sum_l K_{lj}}{m - 2}
              + \frac{\sum_{kl} K_{kl}}{(m - 1)(m - 2)}, \qquad
              \text{lange:} \quad U_{ij} = (C K C)_{ij} ,

    where the sums leave out the diagonal. Song et al. (2012), JMLR 13: :math:`\langle U_X, U_Y
    \rangle / m (m - 3)` is an unbiased estimator of HSIC, in the form of Szekely, Rizzo (2014),
    arXiv:1310.2926. Lange et al. (2023), arXiv:2211.07604, drop the diagonal after centring. The
    cosine of either angle is debiased CKA (Nguyen, Raghu, Kornblith 2021, arXiv:2010.15327; Murphy,
    Zylberberg, Fyshe 2024, arXiv:2405.01012). Of independent networks it is zero on average by
    Song's estimator, however many units they have; Lange's leaves a bias that grows with them (of
    20 stimuli 0.01, 0.12 and 0.59 at 5, 50 and 500 units). Units are counted as given: few units
    sampled of many bias it still (Chun et al. 2025, arXiv:2502.15104).

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
    debias: Literal["none", "song", "lange"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.kernel, "kernel", ("linear", "rbf", "precomputed"))
        check_choice(self.debias, "debias", ("none", "song", "lange"))
        if self.debias != "none" and not self.center:
            raise ValueError(
                f"center: found False, expected True, as debias={self.debias!r} centres"
            )
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
        responses = self.read(X, name, min_stimuli=2 if self.debias == "none" else 4)
        origin = self.origin_of(responses)
        if self.kernel == "precomputed":
            values = responses.values
            check_gram(values, name)
            K = center_gram(values) if self.center else values
            check_variance(float(np.linalg.norm(K)), responses.peak, K.size, name)
            return self._keep(K, origin, dtype)
        if self.kernel == "rbf":
            values = responses.values.copy()
            centred(responses)  # refuses responses without variance
            squared = squared_distances(values, values)
            responses = replace(responses, values=values)
            bandwidth = choose_bandwidth(responses, self.bandwidth, self.median_fraction, squared)
            if not self.center:
                return self._keep(rbf(squared, bandwidth), origin, dtype)
            K, _ = divide_if_small(rbf_minus_one(squared, bandwidth))  # no angle sees it
            centred_K = center_gram(K)
            size = float(np.linalg.norm(centred_K))
            check_variance(size, -float(K.min()), K.size, name)
            return self._keep(centred_K, origin, dtype)
        values = centred(responses, center=self.center).values
        m, n = values.shape
        if n >= m or self.debias != "none":
            return self._keep(values @ values.T, origin, dtype)
        factor = np.ascontiguousarray(values, dtype=dtype)
        return PreparedCKA(origin, m, frobenius_norm(factor.T @ factor), factor=factor)

    def stack(self, prepared: Sequence[PreparedCKA], *, backend: Backend | None = None) -> CKAStack:
        """Put networks that are kept in the same way side by side."""
        items = list(prepared)
        thin = [i for i, item in enumerate(items) if item.factor is not None]
        full = [i for i, item in enumerate(items) if item.factor is None]
        factors = [item.factor for item in items if item.factor is not None]
        grams = [item.gram for item in items if item.gram is not None]
        return CKAStack(
            items,
            np.array(thin, dtype=int),
            np.hstack(factors) if factors else np.empty((items[0].n_samples, 0)),
            np.cumsum([0, *(factor.shape[1] for factor in factors)]),
            np.array(full, dtype=int),
            np.stack(grams) if grams else np.empty((0, 0)),
            np.array([item.norm for item in items], dtype=np.float64),
        )

    @property
    def invariances(self) -> frozenset[str]:
        """Rotations and scale, and offsets where Gram matrices are centred."""
        if self.kernel == "precomputed":
            return frozenset()
        found = {"rotation", "permutation", "scale", "duplication"}
        if self.bandwidth is not None:
            found -= {"scale", "duplication"}
        return frozenset(found | ({"offset"} if self.center or self.kernel == "rbf" else set()))

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """The inner product of two Gram matrices, or of their factors."""
        thin = self.kernel == "linear" and self.debias == "none"
        return gram_cosine_seconds(m, n if thin else m)

    def _keep(self, K: Array, origin: Origin, dtype: Any) -> PreparedCKA:
        """A centred Gram matrix, debiased as asked for."""
        if self.debias != "none":
            K = _without_self_similarity(K, self.debias, origin.name)
        return _keep_gram(K, origin, dtype)

    def pairwise(self, stack_a: CKAStack, stack_b: CKAStack) -> Array:
        """All distances between two stacks by matrix products.

        Parameters
        ----------
        stack_a, stack_b : CKAStack
            From :meth:`stack`, with the same number of stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = gram_products(stack_a, stack_b)
        norms_a, norms_b = stack_a.norms[:, None], stack_b.norms[None, :]
        distances = linalg.angles(inner, norms_a, norms_b)
        eps = float(np.finfo(stack_a.items[0].dtype).eps)
        for i, j in zip(*np.nonzero(linalg.nearly_equal(inner, norms_a, norms_b, eps))):
            distances[i, j] = _small_angle(stack_a.items[i], stack_b.items[j])
        return distances


def gram_products(stack_a: CKAStack, stack_b: CKAStack) -> Array:
    """Inner products <K_X, K_Y> of all pairs of two stacks: (len(a), len(b))."""
    inner = np.empty((len(stack_a), len(stack_b)))
    if stack_a.thin.size and stack_b.thin.size:
        inner[np.ix_(stack_a.thin, stack_b.thin)] = _thin_products(stack_a, stack_b)
    if stack_a.full.size and stack_b.full.size:
        inner[np.ix_(stack_a.full, stack_b.full)] = stack_a.packed @ stack_b.packed.T
    for i in stack_a.thin if stack_b.full.size else ():
        inner[i, stack_b.full] = stack_b.packed @ stack_a.items[i].packed_gram()
    for j in stack_b.thin if stack_a.full.size else ():
        inner[stack_a.full, j] = stack_a.packed @ stack_b.items[j].packed_gram()
    return inner


def _thin_products(stack_a: CKAStack, stack_b: CKAStack) -> Array:
    """Squared Frobenius norms of X'Y for all networks kept as factors."""
    inner = np.empty((len(stack_a.thin), len(stack_b.thin)))
    widest = int(np.diff(stack_a.starts).max())
    for columns in _runs(stack_b.starts, PRODUCT_SIZE // widest):
        cut = slice(stack_b.starts[columns.start], stack_b.starts[columns.stop])
        starts_b = stack_b.starts[columns.start : columns.stop] - cut.start
        target = np.ascontiguousarray(stack_b.stacked[:, cut])
        for rows in _runs(stack_a.starts, PRODUCT_SIZE // target.shape[1]):
            take = slice(stack_a.starts[rows.start], stack_a.starts[rows.stop])
            product = stack_a.stacked[:, take].T @ target
            product *= product
            sums = np.add.reduceat(product, starts_b, axis=1, dtype=np.float64)
            starts_a = stack_a.starts[rows.start : rows.stop] - take.start
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


def _without_self_similarity(K: Array, debias: str, name: str) -> Array:
    """What remains of a centred Gram matrix once stimuli are not compared with themselves."""
    m = len(K)
    peak = float(np.abs(K).max())
    U = K.copy()
    np.fill_diagonal(U, 0.0)
    if debias == "song":
        rows = U.sum(axis=0) / (m - 2)
        total = rows.sum() / (m - 1)
        U -= rows
        U -= rows[:, None]
        U += total
        np.fill_diagonal(U, 0.0)
    if float(np.linalg.norm(U)) <= 64.0 * np.finfo(np.float64).eps * peak * m:
        raise ValueError(
            f"{name!r}: found equal similarities between all different stimuli, expected some to "
            "differ"
        )
    return U


def _keep_gram(K: Array, origin: Origin, dtype: Any) -> PreparedCKA:
    gram = packed(K).astype(dtype, copy=False)
    return PreparedCKA(origin, len(K), frobenius_norm(gram), gram=gram)


def _small_angle(x: PreparedCKA, y: PreparedCKA) -> float:
    """Angle between two Gram matrices that are nearly parallel, without cancellation."""
    if x.factor is None or y.factor is None:
        return linalg.angle_between(x.packed_gram(), y.packed_gram())
    # With Z = [X Y] = Q R, the norm of X X' -+ Y Y' is that of the small matrix R diag(1, -+1) R'.
    pairs = ((x.factor, x.norm), (y.factor, y.norm))
    parts = [factor.astype(np.float64) / np.sqrt(norm) for factor, norm in pairs]
    R: Array = np.asarray(np.linalg.qr(np.hstack(parts), mode="r"))
    n = parts[0].shape[1]
    X, Y = R[:, :n] @ R[:, :n].T, R[:, n:] @ R[:, n:].T
    return linalg.angle_between(X, Y)

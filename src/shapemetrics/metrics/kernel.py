"""Shape metrics in the feature space of a kernel, computed from centred Gram matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import scipy.linalg

from shapemetrics.linalg import Array, frobenius_norm
from shapemetrics.metrics.base import (
    Geometry,
    Metric,
    check_array,
    check_choice,
    check_fraction,
    check_integer,
    check_variance,
)
from shapemetrics.metrics.gram import (
    center_gram,
    check_bandwidth,
    check_gram,
    choose_bandwidth,
    rbf,
)
from shapemetrics.metrics.kernel_features import (
    FeatureMap,
    KernelAlignment,
    PreparedKernel,
    fourier_map,
    nystroem_map,
)
from shapemetrics.metrics.linear import LinearMetric
from shapemetrics.metrics.stacked import LinearBlock

#: Columns of an approximate feature map where `n_components` is not given.
APPROXIMATE_COMPONENTS = 512


class ApproximationError(NamedTuple):
    """How far an approximate kernel metric is from the exact one."""

    gram: Array  # (K,), ||F F' - K||_F / ||K||_F of each centred Gram matrix
    distance: Array  # (K, K), approximate minus exact distance


@dataclass(frozen=True)
class KernelMetric(Metric):
    r"""Distance after the best rotation in a kernel's (partially whitened) feature space.

    Parameters
    ----------
    kernel : {"linear", "rbf", "precomputed"}, default="linear"
        "rbf" is :math:`\exp(-\|x - y\|^2 / 2\sigma^2)`. With "precomputed" every network is
        given as its m x m Gram matrix.
    alpha : float, default=1.0
        From 0 (full whitening of the features: kernel CCA) to 1 (none: Procrustes).
    bandwidth : float, optional
        Sigma of "rbf", in the data's units. By default `median_fraction` times the network's own
        median distance between stimuli (of at most 2000 stimuli, evenly spaced), which makes the
        distance independent of the data's units.
    geometry : {"angular", "euclidean"}, default="angular"
        Angle in radians, in [0, pi/2], or norm of the difference in feature space.
    approximation : {"exact", "nystroem", "random_features"}, default="exact"
        "exact" decomposes the m x m Gram matrix: m up to a few thousand. The other two replace
        the "rbf" kernel by one of `n_components` features; see :meth:`approximation_error`.
    n_components : int, optional
        exact: keep so many leading kernel principal components (all by default). nystroem:
        landmarks; random_features: features; by default 512 (nystroem: at most m).
    seed : int, default=0
        Chooses landmarks and frequencies; all networks share them.
    median_fraction : float, default=1.0
        Bandwidth as a fraction of the median distance, where `bandwidth` is not given.
    preserve_variance, scale_free : bool
        As in :class:`~shapemetrics.metrics.LinearMetric`, in feature space.
    rank_tolerance : float, optional
        Singular values of the features (square roots of eigenvalues of the Gram matrix) below this
        fraction of the largest count as zero. By default what rounding can hide at alpha = 1,
        ``sqrt(m * eps)``, and below that ``eps ** 0.25``: whitening would otherwise give weight
        to directions that rounding has turned. The linear kernel has LinearMetric's default.

    Notes
    -----
    Williams, Kunz, Kornblith, Linderman (2021), arXiv:2110.14739, Section 2, with phi the feature
    map of a kernel. With centred Gram matrices :math:`K = C K_0 C = U \Lambda U^T` the inner
    product under the best rotation is a nuclear norm that needs no feature map,

    .. math:: \max_Q \langle \phi(X), \phi(Y) Q \rangle = \| K_X^{1/2} K_Y^{1/2} \|_* .

    Here each network is reduced to a factor :math:`F = U g(\Lambda^{1/2})` with
    :math:`g(s) = \alpha s + (1 - \alpha)` on the directions of positive eigenvalue, and the
    factors are compared as any linear representations are. The linear kernel gives
    :class:`~shapemetrics.metrics.LinearMetric` itself.

    Nystroem: Williams & Seeger (2001), and random Fourier features: Rahimi & Recht (2007). Both
    are true metrics on the approximate features. Nystroem keeps the kernel's invariance to
    rotations of the units exactly; random features only within their error of order
    ``n_components ** -0.5``.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    >>> bool(KernelMetric("rbf").distance(X, 3.0 * X @ Q + 1.0) < 1e-6)
    True
    >>> bool(KernelMetric("rbf").distance(X, X**3) > 0.1)
    True
    """

    backends: ClassVar[tuple[str, ...]] = ("numpy", "torch")

    kernel: Literal["linear", "rbf", "precomputed"] = "linear"
    alpha: float = 1.0
    bandwidth: float | None = None
    geometry: Geometry = "angular"
    approximation: Literal["exact", "nystroem", "random_features"] = "exact"
    n_components: int | None = None
    seed: int = 0
    median_fraction: float = 1.0
    preserve_variance: bool = True
    scale_free: bool = False
    rank_tolerance: float | None = None

    def __post_init__(self) -> None:
        check_choice(self.kernel, "kernel", ("linear", "rbf", "precomputed"))
        check_choice(self.approximation, "approximation", ("exact", "nystroem", "random_features"))
        if self.approximation != "exact" and self.kernel != "rbf":
            raise ValueError(
                f"approximation: found {self.approximation!r} for the {self.kernel} kernel, "
                "expected 'exact'"
            )
        check_bandwidth(self.kernel, self.bandwidth, self.median_fraction)
        if self.rank_tolerance is not None:
            check_fraction(self.rank_tolerance, "rank_tolerance")
        check_integer(self.seed, "seed", 0)
        self._linear(self.n_components)  # checks the rest

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedKernel:
        """Reduce one network to features whose inner products are the centred kernel's.

        Parameters
        ----------
        X : array-like of shape (m, n), or (m, m) for a precomputed kernel
            Responses of n units to m stimuli, or their Gram matrix.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision of the prepared features; the preparation itself is in float64.

        Returns
        -------
        PreparedKernel

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance, or alpha = 0 and the features span all
            stimuli, so that every such network would be at distance zero.
        """
        X = check_array(X, name)
        if self.kernel == "precomputed":
            check_gram(X, name)
            return self._from_gram(X.astype(np.float64), FeatureMap(), X, name, dtype)
        if self.kernel == "linear":
            return self._from_features(X, FeatureMap(), X, self.n_components, name, dtype)
        source, X = X, X.astype(np.float64)  # the type tells how precise the data are
        centred = X - X.mean(axis=0)
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(X).max()), name)
        bandwidth = choose_bandwidth(X, self.bandwidth, self.median_fraction, name)
        if self.approximation == "exact":
            columns = FeatureMap(X, bandwidth)
            return self._from_gram(rbf(X, X, bandwidth), columns, source, name, dtype)
        columns = self._approximate(X, bandwidth, name)
        return self._from_features(columns.features(X), columns, source, None, name, dtype)

    def block(
        self, prepared: Sequence[PreparedKernel], *, backend: Any | None = None
    ) -> LinearBlock:
        """Put prepared networks side by side, on a backend."""
        return self._linear().block(prepared, backend=backend)

    def pairwise(self, block_a: LinearBlock, block_b: LinearBlock) -> Array:
        """All distances between two blocks by one matrix product and batched singular values.

        Parameters
        ----------
        block_a, block_b : LinearBlock
            From :meth:`block`, with the same number of stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return self._linear().pairwise(block_a, block_b)

    def heldout_block(
        self, prepared: Sequence[PreparedKernel], heldout: Sequence[Any]
    ) -> LinearBlock:
        """Held-out responses, mapped by each network's fitted kernel features."""
        return self._linear().heldout_block(prepared, heldout)

    def heldout_pairwise(
        self,
        block_a: LinearBlock,
        block_b: LinearBlock,
        heldout_a: LinearBlock,
        heldout_b: LinearBlock,
    ) -> Array:
        """Distances on held-out stimuli under the alignment fitted on others: (len a, len b)."""
        return self._linear().heldout_pairwise(block_a, block_b, heldout_a, heldout_b)

    def align(self, X: Any, Y: Any) -> KernelAlignment:
        """The transformations that realise the distance.

        Parameters
        ----------
        X : array-like of shape (m, n_x)
        Y : array-like of shape (m, n_y)

        Returns
        -------
        KernelAlignment
            Maps from responses into a common space of ``max(r_x, r_y)`` dimensions.
        """
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        U, _, Vt = np.linalg.svd(x.features.T @ y.features)
        k = max(len(U), len(Vt))
        return KernelAlignment(
            x,
            y,
            np.pad(U, ((0, 0), (0, k - len(U)))),
            np.pad(Vt.T, ((0, 0), (0, k - len(Vt)))),
            self.distance(x, y),
        )

    def approximation_error(self, arrays: Sequence[Any]) -> ApproximationError:
        """Compare this approximation with the exact metric, on stimuli few enough for the latter.

        Parameters
        ----------
        arrays : sequence of array-like of shape (m, n)
            K representations of the same stimuli.

        Returns
        -------
        ApproximationError
            ``gram``: relative Frobenius error of each network's centred Gram matrix;
            ``distance``: K x K matrix of approximate minus exact distances.

        Examples
        --------
        >>> import numpy as np
        >>> X = [np.random.default_rng(k).normal(size=(60, 3)) for k in range(3)]
        >>> few, many = (KernelMetric("rbf", approximation="nystroem", n_components=q)
        ...              .approximation_error(X) for q in (10, 50))
        >>> bool(many.gram.max() < few.gram.max())
        True
        """
        exact = dataclasses.replace(self, approximation="exact", n_components=None)
        named = [(X, f"array {i}") for i, X in enumerate(arrays)]
        pairs = [(self.prepare(X, name=n), exact.prepare(X, name=n)) for X, n in named]
        approximate_block, exact_block = (self.block(items) for items in zip(*pairs, strict=True))
        gram = []
        for X, name in named:
            F, E = (
                dataclasses.replace(metric, alpha=1.0, scale_free=False).prepare(X, name=name)
                for metric in (self, exact)
            )
            K = E.features @ E.features.T
            gram.append(np.linalg.norm(F.features @ F.features.T - K) / np.linalg.norm(K))
        difference = self.pairwise(approximate_block, approximate_block) - exact.pairwise(
            exact_block, exact_block
        )
        return ApproximationError(np.array(gram), difference)

    def _linear(self, n_components: int | None = None) -> LinearMetric:
        return LinearMetric(
            alpha=self.alpha,
            geometry=self.geometry,
            n_components=n_components,
            preserve_variance=self.preserve_variance,
            scale_free=self.scale_free,
            rank_tolerance=self.rank_tolerance,
        )

    def _approximate(self, X: Array, bandwidth: float, name: str) -> FeatureMap:
        m, n = X.shape
        if self.approximation == "random_features":
            return fourier_map(n, bandwidth, self.n_components or APPROXIMATE_COMPONENTS, self.seed)
        landmarks = self.n_components or min(m, APPROXIMATE_COMPONENTS)
        if landmarks > m:
            raise ValueError(
                f"{name!r}: found {m} stimuli, expected at least {landmarks}, one a landmark"
            )
        tolerance = self._tolerance(landmarks, X.dtype) ** 2
        return nystroem_map(X, bandwidth, landmarks, tolerance, self.seed)

    def _from_features(
        self,
        Z: Array,
        columns: FeatureMap,
        source: Array,
        n_components: int | None,
        name: str,
        dtype: Any,
    ) -> PreparedKernel:
        """Prepare features as a linear representation."""
        linear = self._linear(n_components)
        if self.kernel != "linear":
            tolerance = self._tolerance(len(Z), source.dtype)
            linear = dataclasses.replace(linear, rank_tolerance=tolerance)
        item = linear.prepare(Z, name=name, dtype=dtype)
        return PreparedKernel(
            name,
            item.features,
            item.norm,
            item.mean,
            item.transform,
            source.shape[1],
            None,
            *_fields(columns),
        )

    def _from_gram(
        self, K: Array, columns: FeatureMap, source: Array, name: str, dtype: Any
    ) -> PreparedKernel:
        """Decompose the Gram matrix of all stimuli."""
        m, centred = len(K), center_gram(K)
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(K).max()), name)
        values, vectors = self._principal(centred, source, name)
        if self.alpha == 0.0 and len(values) >= m - 1:
            raise ValueError(
                f"{name!r}: the kernel's features span all {m} stimuli, and at alpha=0 every such "
                "network is at distance 0 from every other; give n_components or alpha > 0"
            )
        gain = self._linear().gains(np.sqrt(values))
        features = np.ascontiguousarray(vectors * gain, dtype=dtype)
        return PreparedKernel(
            name,
            features,
            frobenius_norm(features),
            K.mean(axis=0),
            None,
            source.shape[1],
            values,
            *_fields(columns),
        )

    def _principal(self, K: Array, source: Array, name: str) -> tuple[Array, Array]:
        """Eigenvalues, descending, and eigenvectors that hold more than rounding."""
        m = len(K)
        if self.kernel == "rbf" and self.n_components is not None and self.n_components < m // 4:
            span = (m - self.n_components, m - 1)
            values, vectors = scipy.linalg.eigh(K, subset_by_index=span, driver="evr")
        else:
            values, vectors = scipy.linalg.eigh(K, driver="evd")
        if values[0] < -1e3 * m * np.finfo(source.dtype).eps * values[-1]:
            raise ValueError(
                f"{name!r}: found a Gram matrix with eigenvalue {values[0]:.3g}, expected none < 0"
            )
        tolerance = self._tolerance(m, source.dtype) ** 2
        kept = np.flatnonzero(values > tolerance * values[-1])[::-1][: self.n_components]
        return values[kept], vectors[:, kept]

    def _tolerance(self, m: int, dtype: np.dtype) -> float:
        """Relative size of singular values of the features that count as zero."""
        floor = np.sqrt(m * np.finfo(np.float64).eps)
        if self.rank_tolerance is not None:
            return float(max(self.rank_tolerance, floor))
        eps = np.finfo(dtype).eps
        rounding = np.sqrt(m * eps)
        return float(rounding if self.alpha == 1.0 else max(rounding, eps**0.25))


def _fields(columns: FeatureMap) -> tuple[Any, ...]:
    return columns.points, columns.bandwidth, columns.root, columns.frequencies

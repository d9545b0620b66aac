"""Shape metrics in the feature space of a kernel, computed from centred Gram matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import scipy.linalg

from shapemetrics.arrays import Responses
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array, frobenius_norm
from shapemetrics.metrics.base import (
    Geometry,
    Metric,
    centred,
    check_heldout,
    check_variance,
    doubt_of,
)
from shapemetrics.metrics.cost import product_seconds, singular_value_seconds
from shapemetrics.metrics.gram import (
    NEGATIVE,
    center_gram,
    check_bandwidth,
    check_gram,
    choose_bandwidth,
    divide_if_small,
    rbf_minus_one,
    squared_distances,
)
from shapemetrics.metrics.kernel_features import (
    FeatureMap,
    KernelAlignment,
    PreparedKernel,
    fourier_map,
    nystroem_map,
)
from shapemetrics.metrics.linear import LinearMetric, common_space
from shapemetrics.metrics.stacked import LinearStack
from shapemetrics.validation import check_choice, check_fraction, check_integer

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
        fraction of the largest count as zero. By default what rounding in float64 can hide at
        alpha = 1, ``sqrt(m * eps)``, and below that ``eps ** 0.25``: whitening would otherwise give
        weight to directions that rounding has turned. The linear kernel has LinearMetric's default.

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
        super().__post_init__()
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
        X = self.read(X, name)
        if self.kernel == "precomputed":
            check_gram(X.values, name)
            return self._from_gram(X.values, X.exponent, FeatureMap(), X, dtype)
        if self.kernel == "linear":
            return self._from_features(X, FeatureMap(), X.shape[1], X, dtype)
        values = X.values.copy()
        centred(X)  # refuses responses without variance
        X = dataclasses.replace(X, values=values)
        width = self.bandwidth, self.median_fraction
        if self.approximation == "exact":
            squared = squared_distances(values, values)
            bandwidth = choose_bandwidth(X, *width, squared)
            columns = FeatureMap(values, bandwidth)
            K, exponent = divide_if_small(rbf_minus_one(squared, bandwidth))
            return self._from_gram(K, exponent, columns, X, dtype)
        columns = self._approximate(values, choose_bandwidth(X, *width), name)
        features, exponent = divide_if_small(columns.features(values))
        peak = float(np.abs(features).max())
        whole = dataclasses.replace(X, values=features, exponent=exponent, peak=peak)
        return self._from_features(whole, columns, X.shape[1], X, dtype)

    @property
    def invariances(self) -> frozenset[str]:
        """Rotations and offsets, and scale where the bandwidth follows the data."""
        if self.kernel == "precomputed":
            return frozenset()
        if self.kernel == "linear":
            return self._linear(self.n_components).invariances
        found = {"offset", "permutation", "rotation"}
        if self.approximation == "random_features":
            return frozenset()
        return frozenset(found | ({"scale", "duplication"} if self.bandwidth is None else set()))

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """A product and singular values, of the rank that the kernel has."""
        if self.approximation != "exact":
            r = min(self.n_components or APPROXIMATE_COMPONENTS, m)
        else:
            n = n if self.kernel == "linear" else m
            r = min(n, m, self.n_components or n)
        return product_seconds(m, r, r) + singular_value_seconds(r)

    def stack(
        self, prepared: Sequence[PreparedKernel], *, backend: Backend | None = None
    ) -> LinearStack:
        """Put prepared networks side by side, on a backend."""
        return LinearStack.of(prepared, backend)

    def pairwise(self, stack_a: LinearStack, stack_b: LinearStack) -> Array:
        """All distances between two stacks by one matrix product and batched singular values.

        Parameters
        ----------
        stack_a, stack_b : LinearStack
            From :meth:`stack`, with the same number of stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return self._linear().pairwise(stack_a, stack_b)

    def prepare_heldout(self, item: PreparedKernel, X: Any) -> PreparedKernel:
        """Held-out responses, mapped by the network's fitted kernel features."""
        other = item.read_other(X)
        values = item.mapped(other.values)
        length = frobenius_norm(values)
        check_heldout(length, item.name)
        origin = dataclasses.replace(item.origin, stimuli=other.stimuli, doubt=None)
        return dataclasses.replace(item, origin=origin, values=values, length=length)

    def heldout_pairwise(
        self,
        stack_a: LinearStack,
        stack_b: LinearStack,
        heldout_a: LinearStack,
        heldout_b: LinearStack,
    ) -> Array:
        """Distances on held-out stimuli under the alignment fitted on others: (len a, len b)."""
        return self._linear().heldout_pairwise(stack_a, stack_b, heldout_a, heldout_b)

    def points(self, prepared: Sequence[PreparedKernel]) -> Array:
        """Features of each network, or their direction where the geometry is angular."""
        return self._linear().points(prepared)

    def turn(self, points: Array, target: Array) -> tuple[Array, Array]:
        """Rotate networks towards a target."""
        return self._linear().turn(points, target)

    def squared_to(self, points: Array, target: Array) -> Array:
        """Squared distances to a target."""
        return self._linear().squared_to(points, target)

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
        x, y = self.ready_pair(X, Y)
        turns = common_space(x.values.T @ y.values)
        return KernelAlignment(x, y, *turns, self.compare(x, y))

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
        approximate, true = (self.stack(items) for items in zip(*pairs, strict=True))
        gram = []
        for X, name in named:
            F, E = (
                dataclasses.replace(metric, alpha=1.0, scale_free=False).prepare(X, name=name)
                for metric in (self, exact)
            )
            K = E.features @ E.features.T
            gram.append(np.linalg.norm(F.features @ F.features.T - K) / np.linalg.norm(K))
        difference = self.pairwise(approximate, approximate) - exact.pairwise(true, true)
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
                f"{name!r}: found {m} stimuli, expected at least {landmarks}, one per landmark"
            )
        tolerance = self._tolerance(landmarks) ** 2
        return nystroem_map(X, bandwidth, landmarks, tolerance, self.seed)

    def _from_features(
        self, Z: Responses, columns: FeatureMap, n_units: int, X: Responses, dtype: Any
    ) -> PreparedKernel:
        """Prepare features as a linear representation."""
        linear = self._linear(self.n_components if self.kernel == "linear" else None)
        tolerance = None if self.kernel == "linear" else self._tolerance(len(Z.values))
        if tolerance is not None:
            # What the user chose is heeded at alpha = 1 too, but never below rounding.
            chosen = None if self.rank_tolerance is None else tolerance
            linear = dataclasses.replace(linear, rank_tolerance=chosen)
        item = linear.prepare_responses(Z, dtype, tolerance=tolerance)
        offset, transform = item.offset, item.transform
        if self.kernel != "linear" and Z.exponent != 0:  # the columns are not divided by it
            offset = np.ldexp(offset, Z.exponent)
            transform = np.eye(item.width) if transform is None else transform
            transform = np.ldexp(transform, -Z.exponent)
        return PreparedKernel(
            self.origin_of(X, item.origin.doubt),
            *(item.values, item.length, item.scale, offset, transform),
            n_units,
            None,
            *_fields(columns),
        )

    def _from_gram(
        self, K: Array, exponent: int, columns: FeatureMap, X: Responses, dtype: Any
    ) -> PreparedKernel:
        """Decompose the Gram matrix of all stimuli, up to an offset, divided by ``2**exponent``."""
        m, gram = len(K), center_gram(K)
        check_variance(float(np.linalg.norm(gram)), float(np.abs(K).max()), K.size, X.name)
        # Half of the exponent is the features'; an odd one leaves a factor of two to them.
        odd = exponent % 2
        values, vectors = self._principal(gram, exponent, X)
        if self.alpha == 0.0 and len(values) >= m - 1:
            raise ValueError(
                f"{X.name!r}: found features of the kernel that span all {m} stimuli, expected "
                "fewer at alpha=0, where every such network is at distance 0 from every other; "
                "give n_components or alpha > 0"
            )
        gain, scale = self._linear().gains(np.sqrt(np.ldexp(values, odd)), (exponent - odd) // 2)
        features = np.ascontiguousarray(vectors * gain, dtype=dtype)
        # Where rounding of the stored numbers can make eigenvalues as large as this.
        size = float(np.abs(K).max()) if self.kernel == "rbf" else frobenius_norm(K) / m
        level = 2.0 * X.precision * size * np.sqrt(m)
        limited = self.alpha < 1.0 or self.kernel == "precomputed"
        # Other responses' columns are divided as the responses are: a Gram matrix that was given
        # is, kernel values are not.
        shift = exponent if self.kernel == "rbf" else 0
        doubt = doubt_of(gain**2, values, level, X, squared=True) if limited else None
        return PreparedKernel(
            self.origin_of(X, doubt),
            features,
            frobenius_norm(features),
            scale,
            np.ldexp(K.mean(axis=0), shift),
            None,
            X.shape[1],
            np.ldexp(values, shift),
            *_fields(columns),
        )

    def _principal(self, K: Array, exponent: int, X: Responses) -> tuple[Array, Array]:
        """Eigenvalues, descending, and eigenvectors that hold more than rounding."""
        m = len(K)
        if self.kernel == "rbf" and self.n_components is not None and self.n_components < m // 4:
            span = (m - self.n_components, m - 1)
            values, vectors = scipy.linalg.eigh(K, subset_by_index=span, driver="evr")
        else:
            values, vectors = scipy.linalg.eigh(K, driver="evd")
        if values[0] < -NEGATIVE * values[-1]:
            raise ValueError(
                f"{X.name!r}: found a Gram matrix with eigenvalue "
                f"{np.ldexp(values[0], exponent):.3g}, expected none < 0"
            )
        tolerance = self._tolerance(m) ** 2
        kept = np.flatnonzero(values > tolerance * values[-1])[::-1][: self.n_components]
        return values[kept], vectors[:, kept]

    def _tolerance(self, m: int) -> float:
        """Relative size of singular values of the features that count as zero."""
        eps = float(np.finfo(np.float64).eps)
        floor = np.sqrt(m * eps)
        if self.rank_tolerance is not None:
            return float(max(self.rank_tolerance, floor))
        return float(floor if self.alpha == 1.0 else max(floor, eps**0.25))


def _fields(columns: FeatureMap) -> tuple[Any, ...]:
    return columns.points, columns.bandwidth, columns.root, columns.frequencies

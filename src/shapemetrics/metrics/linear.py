"""The linear family: from Procrustes (rotations) to CCA (all invertible linear maps)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from shapemetrics import linalg
from shapemetrics.arrays import Responses, as_responses
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.base import (
    Centred,
    Doubt,
    Geometry,
    Metric,
    Prepared,
    centred,
    check_heldout,
    check_heldout_units,
    doubt_of,
)
from shapemetrics.metrics.cost import product_seconds, singular_value_seconds
from shapemetrics.metrics.stacked import LinearStack, cross_covariances, mirrored
from shapemetrics.validation import check_choice, check_fraction, check_integer


@dataclass(frozen=True, eq=False)
class PreparedLinear(Prepared):
    """One network, centred and partially whitened.

    Attributes
    ----------
    origin : Origin
        Name, stimuli, and the power of two that the data were divided by.
    values : ndarray of shape (m, r)
        ``phi(X) * 2**-scale``, in the network's own principal axes where it was whitened or
        reduced.
    length : float
        Frobenius norm of `values`.
    scale : int
        Power of two that brings `values` to the units of phi(X).
    offset : ndarray of shape (n,)
        What centring subtracts (zeros without centring), divided as the data.
    transform : ndarray of shape (n, r) or None
        ``values = (data * 2**-origin.exponent - offset) @ transform``; None is the identity.
    """

    values: Array
    length: float
    scale: int
    offset: Array
    transform: Array | None = field(repr=False)

    @property
    def features(self) -> Array:
        """phi(X), in the data's units: (m, r)."""
        return self.values if self.scale == 0 else np.ldexp(self.values, self.scale)

    @property
    def norm(self) -> float:
        """Frobenius norm of phi(X)."""
        return float(np.ldexp(self.length, self.scale))

    @property
    def n_samples(self) -> int:
        """Number of samples (stimuli, or stimuli times positions)."""
        return len(self.values)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.values.shape[-1]

    def apply(self, X: Any) -> Array:
        """Map other responses of the same units as the fitted ones were.

        Parameters
        ----------
        X : array-like of shape (m', n)
            Responses to any stimuli.

        Returns
        -------
        ndarray of shape (m', r)
            In the units of phi(X).
        """
        return np.ldexp(self.mapped(self.read_other(X).values), self.scale)

    def read_other(self, X: Any) -> Responses:
        """Other responses of the same units, divided as the fitted ones were."""
        other = as_responses(X, self.name, min_stimuli=1, exponent=self.origin.exponent)
        check_heldout_units(other.shape[1], self.n_inputs, self.name)
        return other

    @property
    def n_inputs(self) -> int:
        """Number of units."""
        return len(self.offset)

    def mapped(self, values: Array) -> Array:
        """Map responses that are divided as the fitted ones were: (m', n) to (m', r)."""
        centred = values.astype(self.values.dtype) - self.offset
        return centred if self.transform is None else centred @ self.transform

    def map_of_data(self, turn: Array) -> tuple[Array, Array]:
        """Mean and linear map, for responses as they were given, of features turned by `turn`."""
        linear = turn if self.transform is None else self.transform @ turn
        exponent = self.origin.exponent
        return np.ldexp(self.offset, exponent), np.ldexp(linear, self.scale - exponent)


@dataclass(frozen=True)
class LinearMetric(Metric):
    r"""Distance after the best rotation of (partially) whitened responses.

    Parameters
    ----------
    alpha : float, default=1.0
        From 0 (full whitening: invariant to every invertible linear map, CCA) to 1 (no
        whitening: invariant to rotations and reflections, Procrustes).
    geometry : {"angular", "euclidean"}, default="angular"
        Angle in radians, in [0, pi/2], or Frobenius norm of the difference, in the data's units.
    center : bool, default=True
        Subtract each unit's mean over stimuli, which makes the distance invariant to offsets.
    n_components : int, optional
        Reduce each network to at most so many principal components first.
    preserve_variance : bool, default=True
        Rescale the partially whitened responses to the norm of the centred ones. It changes
        only Euclidean distances at alpha < 1: with it they keep the networks' sizes; without it
        they follow the bare formula, which at alpha = 0 is invariant to every linear map.
    scale_free : bool, default=False
        Divide each network by its root mean square singular value first, so that alpha in
        (0, 1) mixes two things of one size and no distance depends on the data's units.
    rank_tolerance : float, optional
        Singular values below this fraction of the largest count as zero. By default what rounding
        in float64 can hide (:func:`shapemetrics.linalg.rounding_tolerance`), whatever type stores
        the data. Where data were rounded to fewer digits and whitening gives weight to directions
        below that, a :class:`~shapemetrics.arrays.RoundingWarning` says how much.
    truncation : float, optional
        Leave out the weakest directions of phi(X), as many as hold together at most this fraction
        eps of its norm. An angle changes by at most 2 arcsin(eps), a Euclidean distance by at most
        eps (||phi(X)|| + ||phi(Y)||): phi(X) and what is kept of it are that far apart, and the
        triangle inequality does the rest. Pays where few directions hold most of the variance;
        at alpha = 0 all weigh the same, and nothing is gained. 1e-12 exploits low rank alone.

    Notes
    -----
    Williams, Kunz, Kornblith, Linderman (2021), arXiv:2110.14739, Section 2. With centring
    :math:`C = I - 11^T/m` and the feature map

    .. math:: \phi(X) = C X (\alpha I + (1 - \alpha) (X^T C X)^{-1/2})

    the distances are
    :math:`\theta = \arccos(\|\phi(X)^T \phi(Y)\|_* / (\|\phi(X)\| \|\phi(Y)\|))` and
    :math:`d^2 = \|\phi(X)\|^2 + \|\phi(Y)\|^2 - 2 \|\phi(X)^T \phi(Y)\|_*`, with the nuclear norm
    :math:`\|\cdot\|_*`. With the singular value decomposition :math:`CX = U S V^T` the map is
    :math:`U (\alpha S + (1 - \alpha)) V^T`; the rotation V is dropped, since the distance does
    not see it. Directions without variance map to zero (a pseudo-inverse). Unequal numbers of
    units are compared by zero-padding, an isometry that leaves the formulas as they are. At
    alpha = 0 networks of ranks r < s are therefore at least :math:`\arccos\sqrt{r/s}` apart, even
    where one spans the other: silent units lower a rank.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    >>> round(LinearMetric(alpha=1.0).distance(X, 3.0 * X @ Q + 1.0), 9)
    0.0
    """

    backends: ClassVar[tuple[str, ...]] = ("numpy", "torch")

    alpha: float = 1.0
    geometry: Geometry = "angular"
    center: bool = True
    n_components: int | None = None
    preserve_variance: bool = True
    scale_free: bool = False
    rank_tolerance: float | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction(self.alpha, "alpha")
        check_choice(self.geometry, "geometry", ("angular", "euclidean"))
        check_integer(self.n_components, "n_components", 1, optional=True)
        for name in ("rank_tolerance", "truncation"):
            if getattr(self, name) is not None:
                check_fraction(getattr(self, name), name)

    @property
    def invariances(self) -> frozenset[str]:
        """Rotations, and what centring, angles and whitening add."""
        found = {"rotation", "permutation"}
        if self.center:
            found.add("offset")
        # Directions that are left out follow their variance, which linear maps change.
        left_out = (self.rank_tolerance, self.n_components, self.truncation)
        whole = all(option is None for option in left_out)
        if self.alpha == 0.0 and whole and (self.geometry == "angular" or self.constant_size):
            found.add("linear")
        if self.geometry == "angular" and (self.alpha in (0.0, 1.0) or self.scale_free):
            found.add("scale")
        if self.constant_size:
            found.add("scale")
        return frozenset(found)

    @property
    def constant_size(self) -> bool:
        """Whether the size of phi(X) depends on the rank of X only."""
        return not self.preserve_variance and (self.alpha == 0.0 or self.scale_free)

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedLinear:
        """Centre, reduce and partially whiten one network.

        Parameters
        ----------
        X : array-like of shape (m, n)
            Responses of n units to m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision of the prepared features; the preparation itself is in float64.

        Returns
        -------
        PreparedLinear

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance, or alpha = 0 and it has so many
            independent units that every such network would be at distance zero.
        """
        return self.prepare_responses(self.read(X, name), dtype)

    def prepare_responses(
        self, X: Responses, dtype: Any, *, tolerance: float | None = None
    ) -> PreparedLinear:
        """What :meth:`prepare` does, of responses that were read.

        Parameters
        ----------
        X : Responses
            A matrix (m, n).
        dtype : dtype
            Precision of the prepared features.
        tolerance : float, optional
            Rank tolerance where `rank_tolerance` is not given.
        """
        found = centred(X, center=self.center)
        features, scale, transform, doubt = self._map(found, X, tolerance)
        features = np.ascontiguousarray(features, dtype=dtype)
        return PreparedLinear(
            self.origin_of(X, doubt),
            features,
            linalg.frobenius_norm(features),
            scale,
            found.mean,
            transform,
        )

    def _map(
        self, found: Centred, X: Responses, tolerance: float | None
    ) -> tuple[Array, int, Array | None, Doubt | None]:
        """Features, the power of two that they lack, the map to them, and what is doubtful."""
        m, n = found.values.shape
        plain = self.alpha == 1.0 and not self.scale_free
        whole = self.truncation is None and self.rank_tolerance is None
        if plain and whole and n <= m and (self.n_components is None or self.n_components >= n):
            features, transform = _without_silent_units(found.values)
            return features, X.exponent, transform, None
        if self.rank_tolerance is not None:
            tolerance = self.rank_tolerance
        if tolerance is None:
            tolerance = linalg.rounding_tolerance((m, n))
        floor = found.rounding_level(4.0 * np.finfo(np.float64).eps)
        if self.truncation is not None and plain:
            # Without whitening no direction is too weak to use, and what is left out here would
            # come on top of what the bound allows.
            tolerance, floor = self.rank_tolerance or 0.0, 0.0
        left, values, right = linalg.principal_basis(
            found.values, tolerance=tolerance, floor=floor, n_components=self.n_components
        )
        if self.alpha == 0.0 and len(values) >= m - int(self.center):
            raise ValueError(
                f"{X.name!r}: found {n} units that span all {m} stimuli, expected fewer at alpha=0,"
                " where every such network is at distance 0 from every other; give n_components, "
                "more stimuli, or alpha > 0"
            )
        gain, scale = self.gains(values, X.exponent)
        doubt = None
        if self.alpha < 1.0:
            doubt = doubt_of(gain**2, values, found.rounding_level(X.precision), X)
        r = self._kept(gain)
        return left[:, :r] * gain[:r], scale, right[:, :r] * (gain[:r] / values[:r]), doubt

    def _kept(self, gain: Array) -> int:
        """Number of leading directions that truncation leaves."""
        if self.truncation is None:
            return len(gain)
        # Norms of what is left out when so many directions are kept, 0 ... all but none.
        left_out = np.sqrt(np.cumsum(gain[::-1] ** 2))[::-1]
        return max(1, int(np.count_nonzero(left_out > self.truncation * left_out[0])))

    def gains(self, values: Array, exponent: int = 0) -> tuple[Array, int]:
        """Singular values of phi(X), given those of the centred responses.

        Parameters
        ----------
        values : ndarray of shape (r,)
            Singular values, divided by ``2**exponent``.
        exponent : int

        Returns
        -------
        gain : ndarray of shape (r,)
        scale : int
            Singular values of phi(X) are ``gain * 2**scale``.
        """
        if self.scale_free:
            values, exponent = values / (np.linalg.norm(values) / np.sqrt(len(values))), 0
        if self.alpha in (0.0, 1.0):
            gain, scale = self.alpha * values + (1.0 - self.alpha), int(self.alpha) * exponent
        else:
            # One of the two parts may be beyond all proportion to the other, never both.
            scale = max(exponent, 0)
            gain = self.alpha * np.ldexp(values, exponent - scale)
            gain += np.ldexp(1.0 - self.alpha, -scale)
        if self.preserve_variance:
            gain = gain * (np.linalg.norm(values) / np.linalg.norm(gain))
            scale = exponent
        return gain, scale

    def stack(
        self, prepared: Sequence[PreparedLinear], *, backend: Backend | None = None
    ) -> LinearStack:
        """Put prepared networks side by side.

        Parameters
        ----------
        prepared : sequence of PreparedLinear
            Networks. The stack keeps views of its own copy, so they need not be kept.
        backend : Backend, optional
            From :func:`shapemetrics.backends.get_backend`; by default NumPy and singular values.

        Returns
        -------
        LinearStack
        """
        return LinearStack.of(prepared, backend)

    def pairwise(self, stack_a: LinearStack, stack_b: LinearStack) -> Array:
        """All distances between two stacks by one matrix product and batched singular values.

        Parameters
        ----------
        stack_a, stack_b : LinearStack
            From :meth:`stack`, with the same number of samples. Given one stack twice, each pair
            is computed once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = np.zeros((len(stack_a), len(stack_b)))
        for rows, columns, C in cross_covariances(stack_a, stack_b):
            error_of = partial(self.error, stack_a, rows, stack_b, columns)
            inner[rows, columns] = stack_a.backend.nuclear_norms(C, error_of)
        distances = self._finish_stacks(inner, stack_a, stack_b)
        close = linalg.nearly_equal(
            inner, stack_a.norms[:, None], stack_b.norms[None, :], stack_a.eps
        )
        for i, j in zip(*np.nonzero(close)):
            distances[i, j] = self.residual(stack_a.items[i], stack_b.items[j])
        return mirrored(distances) if stack_a is stack_b else distances

    def prepare_heldout(self, item: PreparedLinear, X: Any) -> PreparedLinear:
        """Held-out responses, mapped by the fitted centring and whitening of the network."""
        other = item.read_other(X)
        values = item.mapped(other.values)
        length = linalg.frobenius_norm(values)
        check_heldout(length, item.name)
        origin = replace(item.origin, stimuli=other.stimuli, doubt=None)
        return replace(item, origin=origin, values=values, length=length)

    def heldout_pairwise(
        self,
        stack_a: LinearStack,
        stack_b: LinearStack,
        heldout_a: LinearStack,
        heldout_b: LinearStack,
    ) -> Array:
        """Distances on held-out stimuli under the alignment fitted on others.

        Parameters
        ----------
        stack_a, stack_b : LinearStack
            Networks as fitted.
        heldout_a, heldout_b : LinearStack
            The same networks' held-out responses.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = np.zeros((len(stack_a), len(stack_b)))
        fitted = cross_covariances(stack_a, stack_b)
        measured = cross_covariances(heldout_a, heldout_b)
        backend = stack_a.backend
        for (rows, columns, C), (_, _, T) in zip(fitted, measured, strict=True):
            turned = backend.polar_factors(C) * T
            inner[rows, columns] = backend.to_numpy(turned.sum(axis=(-2, -1)))
        distances = self._finish_stacks(inner, heldout_a, heldout_b)
        close = linalg.nearly_equal(
            inner, heldout_a.norms[:, None], heldout_b.norms[None, :], stack_a.eps
        )
        for i, j in zip(*np.nonzero(close)):
            distances[i, j] = self.residual(
                *(stack_a.items[i], stack_b.items[j]), *(heldout_a.items[i], heldout_b.items[j])
            )
        return mirrored(distances) if stack_a is stack_b else distances

    def align(self, X: Any, Y: Any) -> Alignment:
        """The transformations that realise the distance.

        Parameters
        ----------
        X : array-like of shape (m, n_x)
        Y : array-like of shape (m, n_y)

        Returns
        -------
        Alignment
            Means, linear maps into a common space of ``max(r_x, r_y)`` dimensions (r is the rank
            of a network, or its number of units), the rotation, and the distance itself.
        """
        x, y = self.ready_pair(X, Y)
        return self.align_prepared(x, y)

    def align_prepared(self, x: PreparedLinear, y: PreparedLinear) -> Alignment:
        """What :meth:`align` does, of prepared networks."""
        turn_x, turn_y = common_space(x.values.T @ y.values)
        mean_x, map_x = x.map_of_data(turn_x)
        mean_y, map_y = y.map_of_data(turn_y)
        return Alignment(mean_x, map_x, mean_y, map_y, turn_x @ turn_y.T, self.compare(x, y))

    def points(self, prepared: Sequence[PreparedLinear]) -> Array:
        """phi(X) of each network, or its direction where the geometry is angular: (K, m, n)."""
        return padded_points(prepared, self.geometry)

    def turn(self, points: Array, target: Array) -> tuple[Array, Array]:
        """Rotate networks towards a target."""
        turned = points @ linalg.polar_factors(np.swapaxes(points, 1, 2) @ target)
        return turned, np.sum((turned - target) ** 2, axis=(1, 2))

    def squared_to(self, points: Array, target: Array) -> Array:
        """Squared distances to a target, without the rotations."""
        inner = linalg.nuclear_norms(np.swapaxes(points, 1, 2) @ target)
        sizes = np.einsum("kij,kij->k", points, points) + np.sum(target**2)
        return np.maximum(sizes - 2.0 * inner, 0.0)

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        r"""A product and singular values: :math:`2 m r^2 / G + s(r)`, r the rank at most."""
        r = min(n, m, self.n_components or n)
        return product_seconds(m, r, r) + singular_value_seconds(r)

    def finish(
        self, inner: Any, norms_x: Any, norms_y: Any, scales_x: Any = 0, scales_y: Any = 0
    ) -> Any:
        """Distances of networks with these inner products and norms, given up to ``2**scales``."""
        if self.geometry == "angular":
            return linalg.angles(inner, norms_x, norms_y)
        return linalg.chord_lengths(inner, norms_x, norms_y, scales_x, scales_y)

    def _finish_stacks(self, inner: Array, stack_a: Any, stack_b: Any) -> Array:
        return self.finish(
            inner,
            *(stack_a.norms[:, None], stack_b.norms[None, :]),
            *(stack_a.scales[:, None], stack_b.scales[None, :]),
        )

    def error(
        self, stack_a: Any, rows: Any, stack_b: Any, columns: Any, inner: Array, bound: Array
    ) -> Array:
        """Largest error of distances whose inner products are wrong by at most `bound`."""
        sizes = (
            *(stack_a.norms[rows], stack_b.norms[columns]),
            *(stack_a.scales[rows], stack_b.scales[columns]),
        )
        middle = self.finish(inner, *sizes)
        far = self.finish(inner - bound, *sizes)
        near = self.finish(inner + bound, *sizes)
        return np.maximum(far - middle, middle - near)

    def residual(
        self,
        x: PreparedLinear,
        y: PreparedLinear,
        heldout_x: PreparedLinear | None = None,
        heldout_y: PreparedLinear | None = None,
    ) -> float:
        """Distance measured after turning, for pairs too close for the closed form.

        Parameters
        ----------
        x, y : PreparedLinear
            Networks to which the rotation is fitted.
        heldout_x, heldout_y : PreparedLinear, optional
            Their held-out responses, on which the distance is measured.
        """
        rotation = linalg.polar_factors(x.values.T @ y.values)
        x, y = heldout_x or x, heldout_y or y
        # Turning the narrower network keeps its norm; the wider one's extra axes meet zeros.
        if x.width <= y.width:
            first, second = x.values @ rotation, y.values
        else:
            first, second = x.values, y.values @ rotation.T
        if self.geometry == "angular":
            return linalg.angle_between(first, second)
        scale = max(x.scale, y.scale)
        first, second = np.ldexp(first, x.scale - scale), np.ldexp(second, y.scale - scale)
        return float(np.ldexp(np.linalg.norm(first - second), scale))


def padded_points(prepared: Sequence[PreparedLinear], geometry: str) -> Array:
    """Prepared networks as points, zero-padded to the widest: (K, m, n)."""
    points = np.zeros((len(prepared), prepared[0].n_samples, max(x.width for x in prepared)))
    for point, item in zip(points, prepared):
        values = item.values.astype(np.float64)
        angular = geometry == "angular"
        point[:, : item.width] = values / item.length if angular else np.ldexp(values, item.scale)
    return points


def common_space(C: Array) -> tuple[Array, Array]:
    """Rotations of two networks into one space where they are nearest, given X'Y (p, q).

    Returns
    -------
    turn_x, turn_y : ndarray of shape (p, k), (q, k)
        k is the larger of p and q.
    """
    U, _, Vt = np.linalg.svd(C.astype(np.float64, copy=False))
    k = max(len(U), len(Vt))
    return np.pad(U, ((0, 0), (0, k - len(U)))), np.pad(Vt.T, ((0, 0), (0, k - len(Vt))))


def _without_silent_units(values: Array) -> tuple[Array, Array | None]:
    """Responses of the units that vary at all, and what picks those; rectified layers have many
    that never respond, and every pair would pay for them."""
    varying = np.any(values != 0.0, axis=0)
    if varying.all():
        return values, None
    return values[:, varying], np.eye(len(varying))[:, varying]

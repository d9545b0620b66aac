"""The linear family: from Procrustes (rotations) to CCA (all invertible linear maps)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.base import (
    Geometry,
    Metric,
    check_array,
    check_choice,
    check_fraction,
    check_heldout,
    check_variance,
)
from shapemetrics.metrics.stacked import LinearBlock, cross_covariances, mirrored


@dataclass(frozen=True, eq=False)
class PreparedLinear:
    """One network, centred and partially whitened.

    Attributes
    ----------
    name : str
        What messages call it.
    features : ndarray of shape (m, r)
        phi(X), in the network's own principal axes where it was whitened or reduced.
    norm : float
        Frobenius norm of `features`.
    mean : ndarray of shape (n,)
        What centring subtracts (zeros without centring).
    transform : ndarray of shape (n, r) or None
        ``features = (X - mean) @ transform``; None is the identity.
    """

    name: str
    features: Array
    norm: float
    mean: Array
    transform: Array | None = field(repr=False)

    @property
    def n_samples(self) -> int:
        """Number of samples (stimuli, or stimuli times positions)."""
        return len(self.features)

    def apply(self, X: Any) -> Array:
        """Map other responses of the same units as the fitted ones were.

        Parameters
        ----------
        X : array-like of shape (m', n)
            Responses to any stimuli.

        Returns
        -------
        ndarray of shape (m', r)
        """
        X = check_array(X, self.name, min_stimuli=1)
        if X.shape[1] != len(self.mean):
            raise ValueError(
                f"{self.name!r}: found {X.shape[1]} units in the held-out responses, "
                f"expected {len(self.mean)}"
            )
        centred = X.astype(self.features.dtype) - self.mean
        return centred if self.transform is None else centred @ self.transform


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
        Singular values below this fraction of the largest count as zero. By default ten times the
        machine precision of the type that the array came in, or that of the decomposition itself
        (:func:`shapemetrics.linalg.rounding_tolerance`).
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
        check_fraction(self.alpha, "alpha")
        check_choice(self.geometry, "geometry", ("angular", "euclidean"))
        if self.n_components is not None and (
            not isinstance(self.n_components, int | np.integer) or self.n_components < 1
        ):
            raise ValueError(
                f"n_components: found {self.n_components!r}, expected a positive integer or None"
            )
        for name in ("rank_tolerance", "truncation"):
            if getattr(self, name) is not None:
                check_fraction(getattr(self, name), name)

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
        X = check_array(X, name)
        tolerance = self.rank_tolerance
        if tolerance is None:
            tolerance = linalg.rounding_tolerance(X.dtype, X.shape)
        X = X.astype(np.float64, copy=False)
        mean = X.mean(axis=0) if self.center else np.zeros(X.shape[1])
        centred = X - mean
        norm = float(np.linalg.norm(centred))
        check_variance(centred, norm, float(np.abs(X).max()), name)
        features, transform = self._map(centred, tolerance, name)
        features = np.ascontiguousarray(features, dtype=dtype)
        return PreparedLinear(name, features, linalg.frobenius_norm(features), mean, transform)

    def _map(self, centred: Array, tolerance: float, name: str) -> tuple[Array, Array | None]:
        m, n = centred.shape
        plain = self.alpha == 1.0 and not self.scale_free and self.truncation is None
        if plain and n <= m and (self.n_components is None or self.n_components >= n):
            return _without_silent_units(centred)
        if self.truncation is not None and self.alpha == 1.0 and not self.scale_free:
            # Without whitening no direction is too weak to use, and what is left out here would
            # come on top of what the bound allows.
            tolerance = self.rank_tolerance or 0.0
        left, values, right = linalg.principal_basis(
            centred, tolerance=tolerance, n_components=self.n_components
        )
        if self.alpha == 0.0 and len(values) >= m - int(self.center):
            raise ValueError(
                f"{name!r}: {n} units span all {m} stimuli, and at alpha=0 every such network is "
                "at distance 0 from every other; give n_components, more stimuli, or alpha > 0"
            )
        gain = self.gains(values)
        r = self._kept(gain)
        return left[:, :r] * gain[:r], right[:, :r] * (gain[:r] / values[:r])

    def _kept(self, gain: Array) -> int:
        """Number of leading directions that truncation leaves."""
        if self.truncation is None:
            return len(gain)
        # Norms of what is left out when so many directions are kept, 0 ... all but none.
        left_out = np.sqrt(np.cumsum(gain[::-1] ** 2))[::-1]
        return max(1, int(np.count_nonzero(left_out > self.truncation * left_out[0])))

    def gains(self, values: Array) -> Array:
        """Singular values of phi(X), given those of the centred responses."""
        unit = np.linalg.norm(values) / np.sqrt(len(values)) if self.scale_free else 1.0
        scaled = values / unit
        gain = self.alpha * scaled + (1.0 - self.alpha)
        if self.preserve_variance:
            gain *= np.linalg.norm(scaled) / np.linalg.norm(gain)
        return gain

    def block(
        self, prepared: Sequence[PreparedLinear], *, backend: Any | None = None
    ) -> LinearBlock:
        """Put prepared networks side by side.

        Parameters
        ----------
        prepared : sequence of PreparedLinear
            Networks. The block keeps views of its own copy, so they need not be kept.
        backend : Backend, optional
            From :func:`shapemetrics.pairwise.get_backend`; by default NumPy and singular values.

        Returns
        -------
        LinearBlock
        """
        widths = [item.features.shape[1] for item in prepared]
        starts = np.concatenate([[0], np.cumsum(widths)])
        stacked = np.concatenate([item.features for item in prepared], axis=1)
        items = [
            replace(item, features=stacked[:, a:b])
            for item, a, b in zip(prepared, starts, starts[1:])
        ]
        norms = np.array([item.norm for item in items], dtype=np.float64)
        if backend is None:
            return LinearBlock(items, stacked, starts, norms)
        return LinearBlock(items, backend.asarray(stacked), starts, norms, backend.solver)

    def pairwise(self, block_a: LinearBlock, block_b: LinearBlock) -> Array:
        """All distances between two blocks by one matrix product and batched singular values.

        Parameters
        ----------
        block_a, block_b : LinearBlock
            From :meth:`block`, with the same number of samples. Given one block twice, each pair
            is computed once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = np.zeros((len(block_a.items), len(block_b.items)))
        for rows, columns, C in cross_covariances(block_a, block_b):
            x, y = block_a.norms[rows], block_b.norms[columns]
            inner[rows, columns] = block_a.solver(C, partial(self._error, x, y))
        distances = self._finish(inner, block_a.norms[:, None], block_b.norms[None, :])
        eps = np.finfo(block_a.items[0].features.dtype).eps
        close = linalg.nearly_equal(inner, block_a.norms[:, None], block_b.norms[None, :], eps)
        for i, j in zip(*np.nonzero(close)):
            distances[i, j] = self._residual(block_a.items[i], block_b.items[j])
        return mirrored(distances) if block_a is block_b else distances

    def heldout_pairwise(
        self,
        block_a: LinearBlock,
        block_b: LinearBlock,
        heldout_a: LinearBlock,
        heldout_b: LinearBlock,
    ) -> Array:
        """Distances on held-out stimuli under the alignment fitted on others.

        Parameters
        ----------
        block_a, block_b : LinearBlock
            Networks as fitted.
        heldout_a, heldout_b : LinearBlock
            The same networks' held-out responses, from :meth:`heldout_block`.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        inner = np.zeros((len(block_a.items), len(block_b.items)))
        fitted = cross_covariances(block_a, block_b)
        measured = cross_covariances(heldout_a, heldout_b)
        for (rows, columns, C), (_, _, T) in zip(fitted, measured, strict=True):
            inner[rows, columns] = np.sum(linalg.polar_factors(C) * T, axis=(-2, -1))
        distances = self._finish(inner, heldout_a.norms[:, None], heldout_b.norms[None, :])
        return mirrored(distances) if block_a is block_b else distances

    def heldout_block(
        self, prepared: Sequence[PreparedLinear], heldout: Sequence[Any]
    ) -> LinearBlock:
        """Held-out responses, mapped by the fitted centring and whitening of each network."""
        moved = []
        for item, X in zip(prepared, heldout, strict=True):
            features = item.apply(X)
            norm = linalg.frobenius_norm(features)
            check_heldout(norm, item.name)
            moved.append(PreparedLinear(item.name, features, norm, item.mean, item.transform))
            self.check_pair(moved[0], moved[-1])
        return self.block(moved)

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
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        U, _, Vt = np.linalg.svd(x.features.T @ y.features)
        k = max(len(U), len(Vt))
        turn_x, turn_y = np.zeros((len(U), k)), np.zeros((len(Vt), k))
        turn_x[:, : len(U)], turn_y[:, : len(Vt)] = U, Vt.T
        return Alignment(
            mean_x=x.mean,
            map_x=turn_x if x.transform is None else x.transform @ turn_x,
            mean_y=y.mean,
            map_y=turn_y if y.transform is None else y.transform @ turn_y,
            rotation=turn_x @ turn_y.T,
            distance=self.distance(x, y),
        )

    def _finish(self, inner: Array, norms_x: Array, norms_y: Array) -> Array:
        if self.geometry == "angular":
            return linalg.angles(inner, norms_x, norms_y)
        return linalg.chord_lengths(inner, norms_x, norms_y)

    def _error(self, norms_x: Array, norms_y: Array, inner: Array, bound: Array) -> Array:
        """Largest error of distances whose inner products are wrong by at most `bound`."""
        middle = self._finish(inner, norms_x, norms_y)
        far = self._finish(inner - bound, norms_x, norms_y)
        near = self._finish(inner + bound, norms_x, norms_y)
        return np.maximum(far - middle, middle - near)

    def _residual(self, x: PreparedLinear, y: PreparedLinear) -> float:
        """Distance measured after turning, for pairs too close for the closed form."""
        if x.features.shape[1] > y.features.shape[1]:
            x, y = y, x
        # Turning the narrower network keeps its norm; the wider one's extra axes meet zeros.
        turned = x.features @ linalg.polar_factors(x.features.T @ y.features)
        if self.geometry == "angular":
            return linalg.angle_between(turned, y.features)
        return float(np.linalg.norm(turned - y.features))


def _without_silent_units(centred: Array) -> tuple[Array, Array | None]:
    """Responses of the units that vary at all, and what picks those; rectified layers have many
    that never respond, and every pair would pay for them."""
    varying = np.any(centred != 0.0, axis=0)
    if varying.all():
        return centred, None
    return centred[:, varying], np.eye(len(varying))[:, varying]

"""Convolutional layers: rotations of channels and circular shifts of the grid of positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from shapemetrics import linalg
from shapemetrics.arrays import Responses
from shapemetrics.backends.base import Backend
from shapemetrics.backends.largest_norm import largest_nuclear_norm
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import (
    Geometry,
    Metric,
    check_heldout,
    check_heldout_units,
)
from shapemetrics.metrics.circular import circular_grid
from shapemetrics.metrics.cost import product_seconds, singular_value_seconds
from shapemetrics.metrics.layers import (
    ConvolutionAlignment,
    Grid,
    PreparedConvolution,
    check_grid,
    resample_grid,
)
from shapemetrics.metrics.linear import LinearMetric
from shapemetrics.metrics.shift_stacks import ShiftStack, batches
from shapemetrics.metrics.stacked import LinearStack, mirrored, pair_parts
from shapemetrics.validation import check_choice


@dataclass(frozen=True)
class ConvolutionMetric(Metric):
    r"""Distance between convolutional layers after the best shift and the best channel rotation.

    Parameters
    ----------
    alpha : float, default=1.0
        From 0 (full whitening of channels, CCA) to 1 (none, Procrustes).
    geometry : {"angular", "euclidean"}, default="angular"
        Angle in radians, in [0, pi/2], or Frobenius norm of the difference, in the data's units.
    center : bool, default=True
        Subtract each channel's mean over stimuli and positions.
    n_components : int, optional
        Reduce each layer to at most so many principal components of its channels first.
    preserve_variance, scale_free, rank_tolerance
        See :class:`~shapemetrics.metrics.LinearMetric`.
    shifts : {True, "circular", False}, default=True
        Whether the grid may be shifted, circularly. Without shifts the distance is that of
        :class:`~shapemetrics.metrics.LinearMetric` on the (m h w) x c flattening.
    resample : tuple of int, optional
        Height and width to which every layer is brought first, by Fourier resampling (see
        :func:`~shapemetrics.metrics.layers.resample_grid`). Without it, layers on different grids
        are refused.

    Notes
    -----
    Williams, Kunz, Kornblith, Linderman (2021), arXiv:2110.14739, Section 2: the group is that of
    circular shifts of the h x w grid and of rotations of the channels, shared by all positions.
    With :math:`\phi` as in :class:`~shapemetrics.metrics.LinearMetric`, fitted to channels with
    positions as samples (which no shift changes),

    .. math:: \theta = \min_s \arccos \frac{\|C_s\|_*}{\|\phi(X)\| \|\phi(Y)\|}, \qquad
              C_s = \sum_p \phi(X)_{p-s}^T \phi(Y)_p ,

    and :math:`d^2 = \min_s \|\phi(X)\|^2 + \|\phi(Y)\|^2 - 2 \|C_s\|_*`. Unequal numbers of
    channels need no padding: the nuclear norm does not see added zeros.

    *Work.* A layer is transformed over the grid once, when prepared. All hw shifts of a pair then
    take about 1.5 matrix products a shift and stimulus (see
    :class:`~shapemetrics.metrics.circular.CircularGrid`), and singular values only of the shifts
    that exact upper bounds cannot exclude (see
    :func:`~shapemetrics.backends.largest_norm.largest_nuclear_norm`).

    *Memory.* A prepared layer takes as much as phi(X): m h w r numbers, and about four times that
    while it is made. A thread takes ``PRODUCT_BYTES`` (64 MB) for the products of several pairs, or
    1.5 h w r_x r_y numbers for one pair where that is more; h w r_x r_y numbers for the shifts of
    one pair; and a few MB of operands, however many stimuli there are.

    *Precision.* ``dtype="float32"`` halves memory and the time of the products. Rounding phi moves
    the cosine by at most :math:`2^{-23}`, nuclear norms are taken in float64, and close pairs are
    measured by their residual: angles are off by about :math:`10^{-6}` (at most 7e-7 measured, on
    layers of trained networks).

    *Backends.* On torch all shifts of all pairs of two blocks are computed together, and certified
    nuclear norms of all shifts tell the largest where a tolerance allows (always on a GPU).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(10, 6, 5, 3))
    >>> Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    >>> Y = np.roll(X, (2, -1), axis=(1, 2)) @ Q + 1.0
    >>> metric = ConvolutionMetric()
    >>> round(metric.distance(X, Y), 9), metric.best_shift(X, Y)
    (0.0, (2, -1))
    """

    alpha: float = 1.0
    geometry: Geometry = "angular"
    center: bool = True
    n_components: int | None = None
    preserve_variance: bool = True
    scale_free: bool = False
    rank_tolerance: float | None = None
    shifts: bool | Literal["circular"] = True
    resample: Grid | None = None

    axes = (4,)
    backends: ClassVar[tuple[str, ...]] = ("numpy", "torch")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.shifts, "shifts", (True, "circular", False))
        if self.resample is not None:
            object.__setattr__(self, "resample", check_grid(self.resample, "resample"))
        _ = self._channels  # checks the rest

    @property
    def _channels(self) -> LinearMetric:
        """The metric on channels at one shift."""
        return LinearMetric(
            alpha=self.alpha,
            geometry=self.geometry,
            center=self.center,
            n_components=self.n_components,
            preserve_variance=self.preserve_variance,
            scale_free=self.scale_free,
            rank_tolerance=self.rank_tolerance,
        )

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedConvolution:
        """Centre and whiten the channels of one layer, and transform it over the grid.

        Parameters
        ----------
        X : array-like of shape (m, h, w, c)
            Responses of c channels at h x w positions to m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision of what is stored; the preparation itself is in float64.

        Returns
        -------
        PreparedConvolution

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real array of four axes with variance.
        """
        responses = self._gridded(self.read(X, name))
        flat = self._channels.prepare_responses(_flattened(responses), dtype=np.float64)
        shape = responses.shape
        spectrum = self._spectrum(flat.values.reshape(*shape[:3], -1), dtype)
        origin = self.origin_of(responses, flat.origin.doubt)
        return PreparedConvolution(
            origin, spectrum, flat.length, flat.scale, flat.offset, flat.transform, *shape[1:3]
        )

    def check_pair(self, x: PreparedConvolution, y: PreparedConvolution) -> None:
        """ValueError where numbers of stimuli or grids differ."""
        super().check_pair(x, y)
        if x.grid != y.grid:
            raise ValueError(
                f"{x.name!r} has a grid of {x.grid[0]} x {x.grid[1]} positions and {y.name!r} of "
                f"{y.grid[0]} x {y.grid[1]}; give resample=(height, width) to compare them"
            )

    @property
    def invariances(self) -> frozenset[str]:
        """Those of the channels, and shifts of a grid that is not resampled."""
        shifts = self.shifts and self.resample is None
        return self._channels.invariances | ({"shift"} if shifts else set())

    def stack(
        self, prepared: Sequence[PreparedConvolution], *, backend: Backend | None = None
    ) -> ShiftStack | LinearStack:
        """Put prepared layers side by side, on a backend.

        Parameters
        ----------
        prepared : sequence of PreparedConvolution
        backend : Backend, optional
            From :func:`shapemetrics.backends.get_backend`; by default NumPy and singular values.
        """
        if not self.shifts:
            return self._channels.stack([x.flat for x in prepared], backend=backend)
        return ShiftStack.of(prepared, backend)

    def pairwise(self, stack_a: Any, stack_b: Any) -> Array:
        """All distances between two stacks.

        Parameters
        ----------
        stack_a, stack_b : from :meth:`stack`
            Layers of equal grids and stimuli. Given one stack twice, each pair is computed once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        if not self.shifts:
            return self._channels.pairwise(stack_a, stack_b)
        inner = np.zeros((len(stack_a), len(stack_b)))
        shifts = np.zeros(inner.shape, dtype=np.intp)
        for i, j, C in self._cross_covariances(stack_a, stack_b):
            error_of = partial(self._channels.error, stack_a, i, stack_b, j)
            inner[i, j], shifts[i, j] = stack_a.backend.largest_norms(C, error_of)
        distances = self._finish_stacks(inner, stack_a, stack_b)
        close = linalg.nearly_equal(
            inner, stack_a.norms[:, None], stack_b.norms[None, :], stack_a.eps
        )
        for i, j in zip(*np.nonzero(close)):
            x, y = stack_a.items[i], stack_b.items[j]
            shift = divmod(int(shifts[i, j]), x.grid[1])
            distances[i, j] = self._channels.residual(x.rolled(shift), y.flat)
        return mirrored(distances) if stack_a is stack_b else distances

    def prepare_heldout(self, item: PreparedConvolution, X: Any) -> PreparedConvolution:
        """Held-out responses, mapped by the fitted centring and whitening of the layer."""
        other = self.read(X, item.name, min_stimuli=1, exponent=item.origin.exponent)
        other = self._gridded(other)
        shape = other.shape
        if shape[1:3] != item.grid:
            raise ValueError(
                f"{item.name!r}: found a grid of {shape[1]} x {shape[2]} positions in the "
                f"held-out responses, expected {item.grid[0]} x {item.grid[1]}"
            )
        check_heldout_units(shape[3], len(item.offset), item.name)
        features = item.flat.mapped(_flattened(other).values).reshape(*shape[:3], -1)
        length = linalg.frobenius_norm(features)
        check_heldout(length, item.name)
        origin = replace(item.origin, stimuli=other.stimuli, doubt=None)
        spectrum = self._spectrum(features, item.values.dtype)
        return replace(item, origin=origin, values=spectrum, length=length)

    def heldout_pairwise(self, stack_a: Any, stack_b: Any, heldout_a: Any, heldout_b: Any) -> Array:
        """Distances on held-out stimuli under the shift and rotation fitted on others.

        Parameters
        ----------
        stack_a, stack_b : from :meth:`stack`
            Layers as fitted.
        heldout_a, heldout_b : from :meth:`stack`
            The same layers' held-out responses.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        if not self.shifts:
            return self._channels.heldout_pairwise(stack_a, stack_b, heldout_a, heldout_b)
        inner = np.zeros((len(stack_a), len(stack_b)))
        best = np.zeros(inner.shape, dtype=np.intp)
        backend = stack_a.backend
        fitted = self._cross_covariances(stack_a, stack_b)
        measured = self._cross_covariances(heldout_a, heldout_b)
        for (i, j, C), (_, _, T) in zip(fitted, measured, strict=True):
            _, shifts = backend.largest_norms(C)
            at = np.ix_(*map(np.arange, shifts.shape))
            rotation = backend.polar_factors(C[(*at, shifts)])
            turned = rotation * T[(*at, shifts)]
            inner[i, j], best[i, j] = backend.to_numpy(turned.sum(axis=(-2, -1))), shifts
        distances = self._finish_stacks(inner, heldout_a, heldout_b)
        close = linalg.nearly_equal(
            inner, heldout_a.norms[:, None], heldout_b.norms[None, :], stack_a.eps
        )
        for i, j in zip(*np.nonzero(close)):
            x, y, u, v = (
                stack.items[k]
                for stack, k in zip((stack_a, stack_b, heldout_a, heldout_b), (i, j) * 2)
            )
            shift = divmod(int(best[i, j]), x.grid[1])
            distances[i, j] = self._channels.residual(
                x.rolled(shift), y.flat, u.rolled(shift), v.flat
            )
        return mirrored(distances) if stack_a is stack_b else distances

    def _cross_covariances(
        self, stack_a: ShiftStack, stack_b: ShiftStack
    ) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
        """Indices of pairs and their cross-covariances at all shifts, (..., h w, p, q)."""
        same = stack_a is stack_b
        for rows, columns in batches(stack_a, stack_b, same=same):
            products = stack_a.products(stack_b, rows, columns)
            C = stack_a.grid.shifted(products, stack_a.backend)
            starts_a = stack_a.starts[rows.start : rows.stop + 1] - stack_a.starts[rows.start]
            starts_b = (
                stack_b.starts[columns.start : columns.stop + 1] - stack_b.starts[columns.start]
            )
            above = same and rows == columns
            for i, j, part in pair_parts(C, starts_a, starts_b, above=above):
                yield i + rows.start, j + columns.start, part

    def shift_map(self, X: Any, Y: Any) -> Array:
        """Distance at every shift, under the best rotation for it.

        Parameters
        ----------
        X, Y : array-like of shape (m, h, w, c_x) and (m, h, w, c_y), or prepared

        Returns
        -------
        ndarray of shape (h, w)
            Entry (p, q) is the distance with X shifted by (p - h // 2, q - w // 2), that is
            ``np.roll(X, (p - h // 2, q - w // 2), axis=(1, 2))``. Its minimum is the distance.

        Raises
        ------
        ValueError
            If the metric has no shifts.
        """
        x, y = self._shifting_pair(X, Y)
        norms = self._norms_by_shift(x, y)
        distances = self._channels.finish(norms, x.length, y.length, x.scale, y.scale)
        eps = float(np.finfo(x.values.dtype).eps)
        for a, b in np.argwhere(linalg.nearly_equal(norms, x.length, y.length, eps)):
            distances[a, b] = self._channels.residual(x.rolled((int(a), int(b))), y.flat)
        return np.roll(distances, (x.grid[0] // 2, x.grid[1] // 2), axis=(0, 1))

    def best_shift(self, X: Any, Y: Any) -> Grid:
        """The shift of X (rows, columns) at which the layers are nearest.

        Parameters
        ----------
        X, Y : array-like of shape (m, h, w, c_x) and (m, h, w, c_y), or prepared

        Returns
        -------
        tuple of int
            From ``-(h // 2)`` to ``(h - 1) // 2``, and likewise for w. Of shifts that are equal
            but for rounding, the shortest.
        """
        x, y = self._shifting_pair(X, Y)
        norms = self._norms_by_shift(x, y)
        tolerance = 100.0 * float(np.finfo(x.values.dtype).eps) * x.length * y.length
        ties = np.argwhere(norms >= norms.max() - tolerance)
        centred = [_centred((int(a), int(b)), x.grid) for a, b in ties]
        return min(centred, key=lambda shift: (shift[0] ** 2 + shift[1] ** 2, shift))

    def align(self, X: Any, Y: Any) -> ConvolutionAlignment:
        """The shift and the channel transformations that realise the distance.

        Parameters
        ----------
        X, Y : array-like of shape (m, h, w, c_x) and (m, h, w, c_y), or prepared

        Returns
        -------
        ConvolutionAlignment
        """
        x, y = self.ready_pair(X, Y)
        shift = self.best_shift(x, y) if self.shifts else (0, 0)
        first = x.rolled(shift) if self.shifts else x.flat
        channels = self._channels.align_prepared(first, y.flat)
        return ConvolutionAlignment(shift, channels, self.resample, channels.distance)

    def points(self, prepared: Sequence[PreparedConvolution]) -> Array:
        """phi of each layer at its positions, or its direction: (K, m, h, w, c)."""
        widest = max(item.values.shape[-1] for item in prepared)
        m, grid = prepared[0].n_samples, prepared[0].grid
        points = np.zeros((len(prepared), m, *grid, widest))
        for point, item in zip(points, prepared):
            r = item.values.shape[-1]
            if self.shifts:
                values = circular_grid(*grid).field(item.values.astype(np.float64))
            else:
                values = item.values.swapaxes(0, 1).reshape(m, *grid, r).astype(np.float64)
            angular = self.geometry == "angular"
            point[..., :r] = values / item.length if angular else np.ldexp(values, item.scale)
        return points

    def turn(self, points: Array, target: Array) -> tuple[Array, Array]:
        """Shift grids and rotate channels towards a target."""
        grid = circular_grid(*target.shape[1:3])
        aim = grid.spectrum(target)
        turned = np.empty((len(points), *target.shape))
        for k, point in enumerate(points):
            C = grid.shifted(grid.products(grid.spectrum(point), aim))
            index = int(largest_nuclear_norm(C)[0]) if self.shifts else 0
            shift = divmod(index, grid.width)
            turned[k] = np.roll(point, shift, axis=(1, 2)) @ linalg.polar_factors(C[index])
        return turned, np.sum((turned - target) ** 2, axis=(1, 2, 3, 4))

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """Three real products for two complex frequencies, the inverse transform, and singular
        values of the few shifts that bounds leave."""
        height, width = self.resample or grid
        r = min(n, m * height * width, self.n_components or n)
        if not self.shifts:
            return self._channels.pair_seconds(m * height * width, r)
        products = 1.5 * height * width * product_seconds(m, r, r)
        inverse = 7e-9 * (1.0 + (height + width) / 64.0) * height * width * r**2
        return products + inverse + 4.0 * singular_value_seconds(r) + 1e-4

    def _gridded(self, X: Responses) -> Responses:
        if self.resample is None:
            return X
        return replace(X, values=resample_grid(X.values, self.resample))

    def _spectrum(self, features: Array, dtype: Any) -> Array:
        m, h, w, r = features.shape
        if self.shifts:
            spectrum = circular_grid(h, w).spectrum(features)
        else:
            spectrum = features.reshape(m, h * w, r).swapaxes(0, 1)
        return np.ascontiguousarray(spectrum, dtype=dtype)

    def _shifting_pair(self, X: Any, Y: Any) -> tuple[PreparedConvolution, PreparedConvolution]:
        if not self.shifts:
            raise ValueError("shifts: found False, expected a metric that shifts the grid")
        return self.ready_pair(X, Y)

    def _norms_by_shift(self, x: PreparedConvolution, y: PreparedConvolution) -> Array:
        grid = circular_grid(*x.grid)
        C = grid.shifted(grid.products(x.values, y.values))
        return linalg.nuclear_norms(C.astype(np.float64, copy=False)).reshape(x.grid)

    def _finish_stacks(self, inner: Array, stack_a: ShiftStack, stack_b: ShiftStack) -> Array:
        return self._channels.finish(
            inner,
            *(stack_a.norms[:, None], stack_b.norms[None, :]),
            *(stack_a.scales[:, None], stack_b.scales[None, :]),
        )


def _flattened(X: Responses) -> Responses:
    """A layer with every stimulus and position a sample: (m h w, c)."""
    return replace(X, values=X.values.reshape(-1, X.shape[-1]))


def _centred(shift: Grid, grid: Grid) -> Grid:
    """The same circular shift in -(n // 2) ... (n - 1) // 2."""
    a, b = ((s + n // 2) % n - n // 2 for s, n in zip(shift, grid))
    return a, b

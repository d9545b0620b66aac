"""Convolutional layers: rotations of channels and circular shifts of the grid of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Geometry, Metric, check_array, check_choice, check_heldout
from shapemetrics.metrics.circular import circular_grid
from shapemetrics.metrics.layers import (
    ConvolutionAlignment,
    Grid,
    PreparedConvolution,
    check_grid,
    resample_grid,
)
from shapemetrics.metrics.linear import LinearMetric
from shapemetrics.metrics.shift_blocks import ShiftBlock, batches, largest_inner_products
from shapemetrics.metrics.shift_search import largest_nuclear_norm
from shapemetrics.metrics.stacked import LinearBlock, mirrored


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
    :func:`~shapemetrics.metrics.shift_search.largest_nuclear_norm`).

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
    backends: ClassVar[tuple[str, ...]] = ("torch",)

    def __post_init__(self) -> None:
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
        X = self._gridded(X, name)
        flat = self._channels.prepare(X.reshape(-1, X.shape[-1]), name=name)
        spectrum = self._spectrum(flat.features.reshape(*X.shape[:3], -1), dtype)
        return PreparedConvolution(
            name, spectrum, flat.norm, flat.mean, flat.transform, *X.shape[1:3]
        )

    def check_pair(self, x: PreparedConvolution, y: PreparedConvolution) -> None:
        """ValueError where numbers of stimuli or grids differ."""
        super().check_pair(x, y)
        if x.grid != y.grid:
            raise ValueError(
                f"{x.name!r} has a grid of {x.grid[0]} x {x.grid[1]} positions and {y.name!r} of "
                f"{y.grid[0]} x {y.grid[1]}; give resample=(height, width) to compare them"
            )

    def block(self, prepared: Sequence[PreparedConvolution], *, backend: Any | None = None) -> Any:
        """Gather prepared layers: a list, or side by side without shifts or on a backend.

        Parameters
        ----------
        prepared : sequence of PreparedConvolution
        backend : Backend, optional
            From :func:`shapemetrics.pairwise.get_backend`; by default NumPy and singular values.
        """
        if not self.shifts:
            return self._channels.block([x.flat for x in prepared], backend=backend)
        return list(prepared) if backend is None else ShiftBlock.of(prepared, backend)

    def pairwise(
        self,
        block_a: list[PreparedConvolution] | ShiftBlock | LinearBlock,
        block_b: list[PreparedConvolution] | ShiftBlock | LinearBlock,
    ) -> Array:
        """All distances between two blocks.

        Parameters
        ----------
        block_a, block_b : from :meth:`block`
            Layers of equal grids and stimuli. Given one block twice, each pair is computed once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        if not self.shifts:
            return self._channels.pairwise(block_a, block_b)
        if isinstance(block_a, ShiftBlock):
            return self._pairwise_on_backend(block_a, block_b)
        distances = np.zeros((len(block_a), len(block_b)))
        same = block_a is block_b
        for i, j, products in batches(block_a, block_b, same):
            distances[i, j] = self._nearest(block_a[i], block_b[j], products)
        return distances + distances.T if same else distances

    def _pairwise_on_backend(self, block_a: ShiftBlock, block_b: ShiftBlock) -> Array:
        inner = largest_inner_products(block_a, block_b, self._channels._error)
        norms_a, norms_b = block_a.norms[:, None], block_b.norms[None, :]
        distances = self._finish(inner, norms_a, norms_b)
        eps = np.finfo(block_a.items[0].spectrum.dtype).eps
        # Close pairs are measured by their residual, at the shift that NumPy finds.
        for i, j in zip(*np.nonzero(linalg.nearly_equal(inner, norms_a, norms_b, eps))):
            x, y = block_a.items[i], block_b.items[j]
            products = circular_grid(*x.grid).products([x.spectrum], [y.spectrum])
            distances[i, j] = self._nearest(x, y, products)
        return mirrored(distances) if block_a is block_b else distances

    def heldout_block(self, prepared: Sequence[PreparedConvolution], heldout: Sequence[Any]) -> Any:
        """Held-out responses, mapped by the fitted centring and whitening of each layer."""
        moved = []
        for item, X in zip(prepared, heldout, strict=True):
            X = self._gridded(X, item.name, min_stimuli=1)
            if X.shape[1:3] != item.grid:
                raise ValueError(
                    f"{item.name!r}: found a grid of {X.shape[1]} x {X.shape[2]} positions in the "
                    f"held-out responses, expected {item.grid[0]} x {item.grid[1]}"
                )
            features = item.flat.apply(X.reshape(-1, X.shape[-1])).reshape(*X.shape[:3], -1)
            norm = float(np.linalg.norm(features))
            check_heldout(norm, item.name)
            spectrum = self._spectrum(features, item.spectrum.dtype)
            moved.append(replace(item, spectrum=spectrum, norm=norm))
            self.check_pair(moved[0], moved[-1])
        return self.block(moved)

    def heldout_pairwise(self, block_a: Any, block_b: Any, heldout_a: Any, heldout_b: Any) -> Array:
        """Distances on held-out stimuli under the shift and rotation fitted on others.

        Parameters
        ----------
        block_a, block_b : from :meth:`block`
            Layers as fitted.
        heldout_a, heldout_b : from :meth:`heldout_block`
            The same layers' held-out responses.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        if not self.shifts:
            return self._channels.heldout_pairwise(block_a, block_b, heldout_a, heldout_b)
        distances = np.zeros((len(block_a), len(block_b)))
        same = block_a is block_b
        fitted = batches(block_a, block_b, same)
        measured = batches(heldout_a, heldout_b, same)
        for (i, j, products), (_, _, others) in zip(fitted, measured, strict=True):
            grid = circular_grid(*block_a[i].grid)
            shift, _ = _best(grid.shifted(products))
            rotation = linalg.polar_factors(grid.at_shift(products, shift))
            inner = np.sum(rotation * grid.at_shift(others, shift))
            distances[i, j] = self._finish(inner, heldout_a[i].norm, heldout_b[j].norm)
        return distances + distances.T if same else distances

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
        distances = self._finish(norms, x.norm, y.norm)
        eps = np.finfo(x.spectrum.dtype).eps
        for a, b in np.argwhere(linalg.nearly_equal(norms, x.norm, y.norm, eps)):
            distances[a, b] = self._channels.distance(x.rolled((a, b)), y.flat)
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
        tolerance = 100.0 * float(np.finfo(x.spectrum.dtype).eps) * x.norm * y.norm
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
        if self.shifts:
            x, y = self._shifting_pair(X, Y)
            shift = self.best_shift(x, y)
            channels = self._channels.align(x.rolled(shift), y.flat)
        else:
            x, y = self._ready(X, "X"), self._ready(Y, "Y")
            self.check_pair(x, y)
            shift, channels = (0, 0), self._channels.align(x.flat, y.flat)
        return ConvolutionAlignment(shift, channels, self.resample, channels.distance)

    def _gridded(self, X: Any, name: str, min_stimuli: int = 2) -> Array:
        X = check_array(X, name, axes=self.axes, min_stimuli=min_stimuli)
        return X if self.resample is None else resample_grid(X, self.resample)

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
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        return x, y

    def _norms_by_shift(self, x: PreparedConvolution, y: PreparedConvolution) -> Array:
        grid = circular_grid(*x.grid)
        C = grid.shifted(grid.products([x.spectrum], [y.spectrum]))
        return linalg.nuclear_norms(C.astype(np.float64, copy=False))

    def _nearest(self, x: PreparedConvolution, y: PreparedConvolution, products: Array) -> float:
        shift, inner = _best(circular_grid(*x.grid).shifted(products))
        eps = np.finfo(products.dtype).eps
        if linalg.nearly_equal(np.float64(inner), x.norm, y.norm, eps):
            return self._channels.distance(x.rolled(shift), y.flat)
        return float(self._finish(np.float64(inner), x.norm, y.norm))

    def _finish(self, inner: Any, norm_x: float, norm_y: float) -> Any:
        finish = linalg.angles if self.geometry == "angular" else linalg.chord_lengths
        return finish(inner, norm_x, norm_y)


def _best(C: Array) -> tuple[Grid, float]:
    """Shift with the largest nuclear norm, of cross-covariances (h, w, p, q), and that norm."""
    index, value = largest_nuclear_norm(C.reshape(-1, *C.shape[2:]))
    return _centred((index // C.shape[1], index % C.shape[1]), C.shape[:2]), value


def _centred(shift: Grid, grid: Grid) -> Grid:
    """The same circular shift in -(n // 2) ... (n - 1) // 2."""
    a, b = ((s + n // 2) % n - n // 2 for s, n in zip(shift, grid))
    return a, b

"""Convolutional layers as they are prepared and aligned, and how they change grids."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.arrays import as_array
from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.base import Prepared
from shapemetrics.metrics.circular import circular_grid
from shapemetrics.metrics.linear import PreparedLinear

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class PreparedConvolution(Prepared):
    """One convolutional layer, centred, partially whitened, and transformed over the grid.

    Attributes
    ----------
    origin : Origin
        Name, stimuli, and the power of two that the data were divided by.
    values : ndarray of shape (h * w, m, r)
        ``phi(X) * 2**-scale`` in an orthonormal real Fourier basis over positions, as large as
        phi(X) itself; phi(X) at each position where the metric has no shifts.
    length : float
        Frobenius norm of `values`.
    scale : int
        Power of two that brings `values` to the units of phi(X).
    offset : ndarray of shape (c,)
        What centring subtracts from each channel, divided as the data.
    transform : ndarray of shape (c, r) or None
        Map of centred channels to features; None is the identity.
    height, width_of_grid : int
        Grid of positions.
    """

    values: Array
    length: float
    scale: int
    offset: Array
    transform: Array | None = field(repr=False)
    height: int
    width_of_grid: int

    @property
    def grid(self) -> Grid:
        """Height and width."""
        return self.height, self.width_of_grid

    @property
    def spectrum(self) -> Array:
        """phi(X) over the grid's frequencies (positions, without shifts), in the data's units."""
        return self.values if self.scale == 0 else np.ldexp(self.values, self.scale)

    @property
    def norm(self) -> float:
        """Frobenius norm of phi(X), in the data's units."""
        return float(np.ldexp(self.length, self.scale))

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return self.values.shape[1]

    @property
    def width(self) -> int:
        """Columns of a matrix whose products take about as much memory as this layer's."""
        products = circular_grid(*self.grid).n_products
        return math.ceil(self.values.shape[-1] * math.sqrt(products / 2))

    @property
    def flat(self) -> PreparedLinear:
        """The same as a linear representation, every stimulus and position a sample."""
        return self._flatten(self.values)

    def rolled(self, shift: Grid) -> PreparedLinear:
        """Like :attr:`flat`, after a circular shift of the grid."""
        return self._flatten(circular_grid(*self.grid).roll(self.values, shift))

    def _flatten(self, values: Array) -> PreparedLinear:
        values = values.reshape(-1, values.shape[-1])
        return PreparedLinear(
            self.origin, values, self.length, self.scale, self.offset, self.transform
        )


@dataclass(frozen=True, eq=False)
class ConvolutionAlignment:
    """The transformations that realise a convolutional distance.

    ``apply_x(X)`` and ``apply_y(Y)`` land in one space; the angle between them, or the Frobenius
    norm of their difference, is `distance`.
    """

    shift: Grid  # of X, rows and columns, as np.roll takes it
    channels: Alignment
    resample: Grid | None
    distance: float

    def apply_x(self, X: Any) -> Array:
        """Shift and transform the first layer: (m', h, w, c_x) to (m', h, w, k)."""
        return self.channels.apply_x(np.roll(self._gridded(X), self.shift, axis=(1, 2)))

    def apply_y(self, Y: Any) -> Array:
        """Transform the second layer: (m', h, w, c_y) to (m', h, w, k)."""
        return self.channels.apply_y(self._gridded(Y))

    def _gridded(self, X: Any) -> Array:
        X = as_array(X).astype(np.float64, copy=False)
        return X if self.resample is None else resample_grid(X, self.resample)


def resample_grid(X: Array, size: Grid) -> Array:
    """Bring responses to another grid by truncating or zero-padding their Fourier series.

    Parameters
    ----------
    X : ndarray of shape (m, h, w, c)
        Responses, taken as periodic over positions.
    size : tuple of int
        New height and width.

    Returns
    -------
    ndarray of shape (m, height, width, c)

    Notes
    -----
    Linear, keeps each channel's mean over positions, and turns a shift by s positions into one by
    s * height / h: where that is a whole number the shift invariance of the metric is kept.

    Examples
    --------
    >>> resample_grid(np.ones((2, 8, 8, 3)), (4, 6)).shape
    (2, 4, 6, 3)
    """
    from scipy.signal import resample  # a slow import, for a rare need

    for axis, length in zip((1, 2), size, strict=True):
        if X.shape[axis] != length:
            X = np.asarray(resample(X, length, axis=axis))
    return X


def check_grid(size: Any, name: str) -> Grid:
    """Return (height, width), or raise ValueError."""
    sides = tuple(size) if isinstance(size, list | tuple | np.ndarray) else ()
    if len(sides) != 2 or not all(isinstance(n, int | np.integer) and n >= 1 for n in sides):
        raise ValueError(f"{name}: found {size!r}, expected (height, width), positive integers")
    return int(sides[0]), int(sides[1])

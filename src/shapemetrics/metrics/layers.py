"""Convolutional layers as they are prepared and aligned, and how they change grids."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.circular import circular_grid
from shapemetrics.metrics.linear import PreparedLinear

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class PreparedConvolution:
    """One convolutional layer, centred, partially whitened, and transformed over the grid.

    Attributes
    ----------
    name : str
        What messages call it.
    spectrum : ndarray of shape (h * w, m, r)
        phi(X) in an orthonormal real Fourier basis over positions, as large as phi(X) itself;
        phi(X) at each position where the metric has no shifts.
    norm : float
        Frobenius norm of phi(X).
    mean : ndarray of shape (c,)
        What centring subtracts from each channel.
    transform : ndarray of shape (c, r) or None
        Map of centred channels to features; None is the identity.
    height, width : int
        Grid of positions.
    """

    name: str
    spectrum: Array
    norm: float
    mean: Array
    transform: Array | None = field(repr=False)
    height: int
    width: int

    @property
    def grid(self) -> Grid:
        """Height and width."""
        return self.height, self.width

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return self.spectrum.shape[1]

    @property
    def columns(self) -> int:
        """Columns of a matrix whose products take about as much memory as this layer's."""
        products = circular_grid(*self.grid).n_products
        return math.ceil(self.spectrum.shape[-1] * math.sqrt(products / 2))

    @property
    def flat(self) -> PreparedLinear:
        """The same as a linear representation, every stimulus and position a sample."""
        return self._flatten(self.spectrum)

    def rolled(self, shift: Grid) -> PreparedLinear:
        """Like :attr:`flat`, after a circular shift of the grid."""
        return self._flatten(circular_grid(*self.grid).roll(self.spectrum, shift))

    def _flatten(self, spectrum: Array) -> PreparedLinear:
        features = spectrum.reshape(-1, spectrum.shape[-1])
        return PreparedLinear(self.name, features, self.norm, self.mean, self.transform)


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
        X = np.asarray(X, dtype=float)
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
            X = resample(X, length, axis=axis)
    return X


def check_grid(size: Any, name: str) -> Grid:
    """Return (height, width), or raise ValueError."""
    try:
        height, width = size
    except (TypeError, ValueError):
        height = width = None
    if not all(isinstance(n, int | np.integer) and n >= 1 for n in (height, width)):
        raise ValueError(f"{name}: found {size!r}, expected (height, width), positive integers")
    return int(height), int(width)

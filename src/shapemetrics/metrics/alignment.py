"""The transformations behind a linear distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapemetrics.arrays import as_array
from shapemetrics.linalg import Array


@dataclass(frozen=True, eq=False)
class Alignment:
    """The transformations that realise a linear distance.

    ``apply_x(X)`` and ``apply_y(Y)`` land in one space; the angle between them, or the Frobenius
    norm of their difference, is `distance`.

    Attributes
    ----------
    mean_x, mean_y : ndarray of shape (n_x,), (n_y,)
        What centring subtracts.
    map_x, map_y : ndarray of shape (n_x, k), (n_y, k)
        Whitening and rotation into the common space.
    rotation : ndarray of shape (r_x, r_y)
        Turns phi(X) towards phi(Y).
    distance : float
        The distance.
    """

    mean_x: Array
    map_x: Array  # (n_x, k)
    mean_y: Array
    map_y: Array  # (n_y, k)
    rotation: Array  # (r_x, r_y): turns phi(X) towards phi(Y)
    distance: float

    def apply_x(self, X: Any) -> Array:
        """Transform responses of the first network: (m', n_x) to (m', k)."""
        return (as_array(X).astype(np.float64, copy=False) - self.mean_x) @ self.map_x

    def apply_y(self, Y: Any) -> Array:
        """Transform responses of the second network: (m', n_y) to (m', k)."""
        return (as_array(Y, "Y").astype(np.float64, copy=False) - self.mean_y) @ self.map_y

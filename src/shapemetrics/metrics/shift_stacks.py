"""Convolutional layers side by side: products that hold all shifts of all pairs of two stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapemetrics.backends.base import Backend
from shapemetrics.backends.numpy_backend import EXACT
from shapemetrics.linalg import Array
from shapemetrics.metrics.circular import CircularGrid, circular_grid
from shapemetrics.metrics.layers import PreparedConvolution

#: Products of one batch of pairs, or of a single pair where that is larger.
PRODUCT_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class ShiftStack:
    """Prepared layers side by side, so that one batch of products serves all pairs and shifts.

    Attributes
    ----------
    items : list of PreparedConvolution
    stacked : array of shape (h * w, m, sum of r)
        Spectra, of the backend's array library.
    starts : ndarray of shape (k + 1,)
        First column of each layer.
    norms, scales : ndarray of shape (k,)
        Norm of each layer's spectrum, and the power of two that it lacks.
    backend : Backend
    eps : float
        Machine precision of the spectra.
    """

    items: list[PreparedConvolution]
    stacked: Any
    starts: np.ndarray
    norms: Array
    scales: np.ndarray
    backend: Backend
    eps: float

    def __len__(self) -> int:
        return len(self.items)

    @property
    def grid(self) -> CircularGrid:
        """Grid of positions of all layers."""
        return circular_grid(*self.items[0].grid)

    @classmethod
    def of(
        cls, prepared: Sequence[PreparedConvolution], backend: Backend | None = None
    ) -> ShiftStack:
        """Put layers of equal grids and stimuli side by side, on a backend."""
        backend = backend or EXACT
        starts = np.cumsum([0, *(x.values.shape[-1] for x in prepared)])
        stacked = np.concatenate([x.values for x in prepared], axis=-1)
        items = [
            replace(x, values=stacked[..., a:b]) for x, a, b in zip(prepared, starts, starts[1:])
        ]
        return cls(
            items,
            backend.asarray(stacked),
            starts,
            np.array([x.length for x in items], dtype=np.float64),
            np.array([x.scale for x in items], dtype=np.int64),
            backend,
            float(np.finfo(stacked.dtype).eps),
        )

    def products(self, other: ShiftStack, rows: range, columns: range) -> Any:
        """Products of some layers with some of another stack: (n_products, P, Q)."""
        left = self.stacked[..., self.starts[rows.start] : self.starts[rows.stop]]
        right = other.stacked[..., other.starts[columns.start] : other.starts[columns.stop]]
        return self.grid.products(left, right, self.backend)


def batches(
    stack_a: ShiftStack, stack_b: ShiftStack, *, same: bool
) -> Iterator[tuple[range, range]]:
    """Layers whose products fit into ``PRODUCT_BYTES`` together, or single pairs.

    Parameters
    ----------
    stack_a, stack_b : ShiftStack
    same : bool
        Whether they are one stack, of which only pairs i < j are wanted.

    Yields
    ------
    rows, columns : range
    """
    widest = max(int(np.diff(stack.starts).max()) for stack in (stack_a, stack_b))
    itemsize = stack_a.items[0].values.dtype.itemsize
    limit = PRODUCT_BYTES / (stack_a.grid.n_products * itemsize)
    size = max(1, int(limit**0.5 / widest))
    for top in range(0, len(stack_a), size):
        for first in range(top if same else 0, len(stack_b), size):
            yield (
                range(top, min(top + size, len(stack_a))),
                range(first, min(first + size, len(stack_b))),
            )

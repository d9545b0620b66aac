"""Convolutional layers side by side: products that hold all shifts of all pairs of two blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.circular import CircularGrid, circular_grid
from shapemetrics.metrics.layers import PreparedConvolution
from shapemetrics.metrics.stacked import pair_parts

#: Products of one batch of pairs, or of a single pair where that is larger.
PRODUCT_BYTES = 2**26


class ShiftBlock(NamedTuple):
    """Prepared layers side by side, so that one batch of products serves all pairs and shifts."""

    items: list[PreparedConvolution]
    stacked: Any  # (h * w, m, sum of r), spectra, of the backend's array library
    starts: np.ndarray  # (k + 1,), first column of each layer
    norms: Array  # (k,)
    backend: Any  # from shapemetrics.pairwise.get_backend

    @classmethod
    def of(cls, prepared: Sequence[PreparedConvolution], backend: Any) -> ShiftBlock:
        """Put layers of equal grids and stimuli side by side, on a backend."""
        starts = _starts(prepared)
        stacked = np.concatenate([x.spectrum for x in prepared], axis=-1)
        items = [
            replace(x, spectrum=stacked[..., a:b]) for x, a, b in zip(prepared, starts, starts[1:])
        ]
        norms = np.array([x.norm for x in prepared], dtype=np.float64)
        return cls(items, backend.asarray(stacked), starts, norms, backend)


def largest_inner_products(block_a: ShiftBlock, block_b: ShiftBlock, error_of: Any) -> Array:
    """Largest inner product of each pair over all shifts and channel rotations.

    Parameters
    ----------
    block_a, block_b : ShiftBlock
        Given one block twice, pairs (i, j) with i < j only; the others stay zero.
    error_of : callable
        Norms of both, inner products and bounds on their errors, to the errors of distances.

    Returns
    -------
    ndarray of shape (len(a), len(b))
    """
    grid = circular_grid(*block_a.items[0].grid)
    products = stacked_products(grid, block_a.stacked, block_b.stacked, block_a.backend)
    C = all_shifts(grid, products, block_a.items[0].spectrum.dtype, block_a.backend)
    inner = np.zeros((len(block_a.items), len(block_b.items)))
    above = block_a is block_b
    for i, j, part in pair_parts(C, block_a.starts, block_b.starts, above=above):
        of_pairs = partial(error_of, block_a.norms[i], block_b.norms[j])
        inner[i, j] = block_a.backend.largest(part, of_pairs)
    return inner


def stacked_products(grid: CircularGrid, left: Any, right: Any, backend: Any) -> Any:
    """Products of spectra that stand side by side already.

    See :meth:`~shapemetrics.metrics.circular.CircularGrid.products`.
    """
    real, n = grid.n_real, grid.n_paired
    a, b = left[real : real + n], left[real + n :]
    c, d = right[real : real + n], right[real + n :]
    factors = ((left[:real], right[:real]), (a, c), (b, d), (a + b, d - c))
    return backend.concatenate([x.swapaxes(1, 2) @ y for x, y in factors])


def all_shifts(grid: CircularGrid, products: Any, dtype: Any, backend: Any) -> Any:
    """Cross-covariances at every shift, (h * w, P, Q), of products (n_products, P, Q)."""
    p, q = products.shape[1:]
    source, weight = grid.planes
    over_rows, over_columns = map(backend.asarray, grid.inverse(dtype))
    planes = products[backend.asarray(source)]
    planes = planes * backend.asarray(weight.astype(dtype))[:, None, None]
    rows_done = over_rows @ planes.reshape(3 * grid.height, -1)
    both_done = over_columns @ rows_done.reshape(grid.height, over_columns.shape[1], -1)
    return both_done.reshape(grid.height * grid.width, p, q)


def batches(
    block_a: list[PreparedConvolution], block_b: list[PreparedConvolution], same: bool
) -> Iterator[tuple[int, int, Array]]:
    """Products of pairs, a batch small enough for ``PRODUCT_BYTES`` at a time.

    Parameters
    ----------
    block_a, block_b : list of PreparedConvolution
    same : bool
        Whether they are one block, of which only i < j is wanted.

    Yields
    ------
    i, j : int
    products : ndarray of shape (n_products, p, q)
    """
    grid = circular_grid(*block_a[0].grid)
    widest = max(x.spectrum.shape[-1] for x in (*block_a, *block_b))
    itemsize = block_a[0].spectrum.dtype.itemsize
    size = max(1, int((PRODUCT_BYTES / (grid.n_products * itemsize)) ** 0.5 / widest))
    for top in range(0, len(block_a), size):
        for first in range(top if same else 0, len(block_b), size):
            rows, columns = block_a[top : top + size], block_b[first : first + size]
            products = grid.products([x.spectrum for x in rows], [y.spectrum for y in columns])
            starts_a, starts_b = _starts(rows), _starts(columns)
            for i in range(len(rows)):
                for j in range(len(columns)):
                    if not same or top + i < first + j:
                        pair = products[
                            :, starts_a[i] : starts_a[i + 1], starts_b[j] : starts_b[j + 1]
                        ]
                        yield top + i, first + j, pair


def _starts(items: Sequence[PreparedConvolution]) -> np.ndarray:
    return np.cumsum([0, *(x.spectrum.shape[-1] for x in items)])

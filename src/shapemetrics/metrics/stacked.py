"""Prepared networks side by side: one matrix product holds the cross-covariances of all pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array


def exact_norms(C: Array, error_of: Callable[[Array, Array], Array]) -> Array:
    """Nuclear norms from singular values, whatever error would be allowed."""
    return linalg.nuclear_norms(C)


class LinearBlock(NamedTuple):
    """Prepared networks side by side, so that one matrix product serves all pairs."""

    items: list[Any]  # prepared networks
    stacked: Any  # (m, sum of r), of the backend's array library
    starts: np.ndarray  # (k + 1,), first column of each network
    norms: Array  # (k,)
    solver: Callable[[Any, Callable], Array] = exact_norms  # how nuclear norms are found


def cross_covariances(
    block_a: LinearBlock, block_b: LinearBlock, *, upper: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray, Array]]:
    """Cross-covariances of all pairs, from one product, those of equal shape together.

    Parameters
    ----------
    block_a, block_b : LinearBlock
    upper : bool, default=True
        Of one block given twice, pairs (i, j) with i < j only.

    Yields
    ------
    rows, columns : ndarray
        Indices that together have the shape of C without its last two axes.
    C : ndarray of shape (..., p, q)
        Views of the product where that is possible.
    """
    product = block_a.stacked.T @ block_b.stacked
    for rows, p in _runs(block_a.starts):
        for columns, q in _runs(block_b.starts):
            part = product[
                block_a.starts[rows.start] : block_a.starts[rows.stop],
                block_b.starts[columns.start] : block_b.starts[columns.stop],
            ]
            C = part.reshape(len(rows), p, len(columns), q).swapaxes(1, 2)
            i, j = np.arange(rows.start, rows.stop)[:, None], np.arange(columns.start, columns.stop)
            if block_a is not block_b or not upper or rows.stop <= columns.start:
                yield i, j, C
            elif rows.start < columns.stop:
                above, right = np.nonzero(i < j)
                if len(above):
                    yield i[above, 0], j[right], C[above, right]


def _runs(starts: np.ndarray) -> list[tuple[range, int]]:
    """Stretches of networks with one number of columns."""
    widths = np.diff(starts)
    cuts = [0, *(np.flatnonzero(np.diff(widths)) + 1), len(widths)]
    return [(range(a, b), int(widths[a])) for a, b in pairwise(cuts)]


def mirrored(distances: Array) -> Array:
    """The upper triangle of a square matrix on both sides of a diagonal of zeros."""
    upper = np.triu(distances, 1)
    return upper + upper.T

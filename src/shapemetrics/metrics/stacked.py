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
    above = upper and block_a is block_b
    for i, j, C in pair_parts(product[None], block_a.starts, block_b.starts, above=above):
        yield i, j, C[..., 0, :, :]


def pair_parts(
    product: Any, starts_a: np.ndarray, starts_b: np.ndarray, *, above: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
    """Cut a product of networks that stand side by side into pairs, those of equal shape together.

    Parameters
    ----------
    product : array of shape (s, P, Q)
        Any number s of products of all rows with all columns.
    starts_a, starts_b : ndarray of shape (k + 1,)
        First row, or column, of each network.
    above : bool
        Pairs (i, j) with i < j only, of one list of networks given twice.

    Yields
    ------
    rows, columns : ndarray
        Indices that together have the shape of C without its last three axes.
    C : array of shape (..., s, p, q)
        Views of the product where that is possible.
    """
    for rows, p in _runs(starts_a):
        for columns, q in _runs(starts_b):
            part = product[
                :,
                starts_a[rows.start] : starts_a[rows.stop],
                starts_b[columns.start] : starts_b[columns.stop],
            ]
            C = part.reshape(-1, len(rows), p, len(columns), q)
            # From (s, k, p, l, q) to (k, l, s, p, q).
            C = C.swapaxes(0, 1).swapaxes(1, 3).swapaxes(2, 3)
            i, j = np.arange(rows.start, rows.stop)[:, None], np.arange(columns.start, columns.stop)
            if not above or rows.stop <= columns.start:
                yield i, j, C
            elif rows.start < columns.stop:
                row, column = np.nonzero(i < j)
                if len(row):
                    yield i[row, 0], j[column], C[row, column]


def _runs(starts: np.ndarray) -> list[tuple[range, int]]:
    """Stretches of networks with one number of columns."""
    widths = np.diff(starts)
    cuts = [0, *(np.flatnonzero(np.diff(widths)) + 1), len(widths)]
    return [(range(a, b), int(widths[a])) for a, b in pairwise(cuts)]


def mirrored(distances: Array) -> Array:
    """The upper triangle of a square matrix on both sides of a diagonal of zeros."""
    upper = np.triu(distances, 1)
    return upper + upper.T

"""Prepared networks side by side: one matrix product holds the cross-covariances of all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from shapemetrics.backends.base import Backend
from shapemetrics.backends.numpy_backend import EXACT
from shapemetrics.linalg import Array


@dataclass(frozen=True, eq=False)
class LinearStack:
    """Prepared networks side by side, so that one matrix product serves all pairs.

    Attributes
    ----------
    items : list
        Prepared networks, whose values are views of the stack where it is NumPy's.
    stacked : array of shape (m, sum of r)
        Of the backend's array library.
    starts : ndarray of shape (k + 1,)
        First column of each network.
    norms, scales : ndarray of shape (k,)
        Norm of each network's values, and the power of two that they lack.
    backend : Backend
        Array library that holds `stacked` and finds nuclear norms.
    eps : float
        Machine precision of the values.
    """

    items: list[Any]
    stacked: Any
    starts: np.ndarray
    norms: Array
    scales: np.ndarray
    backend: Backend
    eps: float

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(cls, prepared: Sequence[Any], backend: Backend | None = None) -> LinearStack:
        """Put networks with `values` (m, r), `length` and `scale` side by side, on a backend."""
        backend = backend or EXACT
        starts = np.cumsum([0, *(item.values.shape[1] for item in prepared)])
        stacked = np.concatenate([item.values for item in prepared], axis=1)
        items = [
            replace(item, values=stacked[:, a:b])
            for item, a, b in zip(prepared, starts, starts[1:])
        ]
        return cls(
            items,
            backend.asarray(stacked),
            starts,
            np.array([item.length for item in items], dtype=np.float64),
            np.array([item.scale for item in items], dtype=np.int64),
            backend,
            float(np.finfo(stacked.dtype).eps),
        )


def cross_covariances(
    stack_a: LinearStack, stack_b: LinearStack, *, upper: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray, Array]]:
    """Cross-covariances of all pairs, from one product, those of equal shape together.

    Parameters
    ----------
    stack_a, stack_b : LinearStack
    upper : bool, default=True
        Of one stack given twice, pairs (i, j) with i < j only.

    Yields
    ------
    rows, columns : ndarray
        Indices that together have the shape of C without its last two axes.
    C : ndarray of shape (..., p, q)
        Views of the product where that is possible.
    """
    product = stack_a.stacked.T @ stack_b.stacked
    above = upper and stack_a is stack_b
    for i, j, C in pair_parts(product[None], stack_a.starts, stack_b.starts, above=above):
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

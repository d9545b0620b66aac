"""Centred kernel alignment of nearest neighbours (CKNNA), as a dissimilarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.arrays import as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Origin, Prepared
from shapemetrics.metrics.neighbors import Nearness, nearest, similarities

#: Seconds per neighbour on one core of an AMD EPYC server: searching among sorted pairs.
SEARCH = 1.2e-7


@dataclass(frozen=True, eq=False)
class PreparedNeighborGram(Prepared):
    """Similarities of each stimulus to its neighbours, and their positions in the Gram matrix."""

    n_stimuli: int
    positions: np.ndarray = field(repr=False)  # (m k,), row * m + column, ascending
    values: Array = field(repr=False)  # (m k,)
    norm: float

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return self.n_stimuli


@dataclass(frozen=True)
class NeighborAlignment:
    """One minus CKNNA.

    Parameters
    ----------
    n_neighbors : int
        Neighbours of each stimulus.
    nearness : {"cosine"}
        The kernel, which is also what neighbours are found by.
    """

    n_neighbors: int
    nearness: Nearness = "cosine"

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> PreparedNeighborGram:
        """Keep one network's Gram matrix where stimuli are neighbours."""
        responses = as_responses(X, name, min_stimuli=4)
        m = len(responses.values)
        similarity = similarities(responses, self.nearness)
        neighbors = nearest(similarity, self.n_neighbors, name)
        positions = (np.arange(m)[:, None] * m + neighbors).ravel()
        values = np.take_along_axis(similarity, neighbors, axis=1).ravel()
        alignment = _unbiased_hsic(positions, values, values, m)
        if alignment <= 0.0:
            raise ValueError(
                f"{name!r}: found no positive HSIC of the network with itself over "
                f"{self.n_neighbors} neighbours, expected one; take more neighbours"
            )
        origin = Origin(name, responses.exponent, responses.stimuli, metric)
        return PreparedNeighborGram(origin, m, positions, values.astype(dtype), alignment**0.5)

    def stack(self, prepared: Sequence[PreparedNeighborGram]) -> list[PreparedNeighborGram]:
        """Prepared networks as they are."""
        return list(prepared)

    def pairwise(
        self, stack_a: list[PreparedNeighborGram], stack_b: list[PreparedNeighborGram]
    ) -> Array:
        """All dissimilarities from one stack to another: (len(a), len(b))."""
        return np.array([[_gap(x, y) for y in stack_b] for x in stack_a])

    def pair_seconds(self, m: int, n: int) -> float:
        """Searches among the sorted pairs of neighbours."""
        return SEARCH * m * min(self.n_neighbors, m)


def _gap(x: PreparedNeighborGram, y: PreparedNeighborGram) -> float:
    """One minus CKNNA of two networks."""
    _, in_x, in_y = np.intersect1d(
        x.positions, y.positions, assume_unique=True, return_indices=True
    )
    shared = x.positions[in_x]
    values_x, values_y = (
        item.values[rows].astype(np.float64) for item, rows in ((x, in_x), (y, in_y))
    )
    return 1.0 - _unbiased_hsic(shared, values_x, values_y, x.n_stimuli) / (x.norm * y.norm)


def _unbiased_hsic(positions: np.ndarray, a: Array, b: Array, m: int) -> float:
    """Song's HSIC of two sparse matrices with one pattern, without the factor 1 / m (m - 3)."""
    rows, columns = np.divmod(positions, m)
    # Entries of the second matrix at the transposed positions, zero where it has none.
    transposed = columns * m + rows
    found = np.minimum(np.searchsorted(positions, transposed), len(positions) - 1)
    trace = 0.0
    if len(positions):
        trace = float(a @ np.where(positions[found] == transposed, b[found], 0.0))
    columns_a = np.bincount(columns, a, m)
    rows_b = np.bincount(rows, b, m)
    total = a.sum() * b.sum() / ((m - 1) * (m - 2))
    return float(trace + total - 2.0 * (columns_a @ rows_b) / (m - 2))

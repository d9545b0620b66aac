"""Mean and projection-weighted canonical correlation, as dissimilarities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics import linalg
from shapemetrics.arrays import as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Origin, Prepared, centred, doubt_of
from shapemetrics.metrics.cost import WITH_VECTORS, product_seconds, singular_value_seconds
from shapemetrics.metrics.stacked import LinearStack, cross_covariances, mirrored


@dataclass(frozen=True, eq=False)
class PreparedSubspace(Prepared):
    """One network: an orthonormal basis of its centred responses, and these in that basis."""

    values: Array = field(repr=False)  # (m, r), orthonormal columns
    length: float  # of the basis, sqrt(r)
    scale: int
    loadings: Array = field(repr=False)  # (r, n), values @ loadings = centred responses

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.values)

    @property
    def width(self) -> int:
        """Rank."""
        return self.values.shape[1]


@dataclass(frozen=True)
class CanonicalCorrelation:
    """One minus the mean canonical correlation, plain or weighted by the first network.

    Parameters
    ----------
    weighted : bool
        Weight each canonical correlation by how much of the first network its variate covers.
    n_components : int, optional
        Reduce each network to at most so many principal components first.
    rank_tolerance : float, optional
        Singular values below this fraction of the largest count as zero.
    """

    weighted: bool
    n_components: int | None = None
    rank_tolerance: float | None = None

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> PreparedSubspace:
        """Centre one network and find an orthonormal basis of its responses."""
        responses = as_responses(X, name)
        found = centred(responses)
        m, n = found.values.shape
        tolerance = self.rank_tolerance
        if tolerance is None:
            tolerance = linalg.rounding_tolerance((m, n))
        basis = linalg.principal_basis(
            found.values,
            tolerance=tolerance,
            floor=found.rounding_level(4.0 * np.finfo(np.float64).eps),
            n_components=self.n_components,
        )
        r = len(basis.values)
        if r >= m - 1:
            raise ValueError(
                f"{name!r}: found {n} units that span all {m} stimuli, expected fewer, as every "
                "canonical correlation with such a network is 1; give n_components or more stimuli"
            )
        loadings = basis.values[:, None] * basis.right.T
        # Every direction weighs the same: canonical variates mix weak and strong ones.
        level = found.rounding_level(responses.precision)
        doubt = doubt_of(np.ones(r), basis.values, level, responses)
        return PreparedSubspace(
            Origin(name, responses.exponent, responses.stimuli, metric, doubt),
            np.ascontiguousarray(basis.left, dtype=dtype),
            float(np.sqrt(r)),
            0,
            loadings.astype(dtype),
        )

    def stack(self, prepared: Sequence[PreparedSubspace]) -> LinearStack:
        """Put bases side by side."""
        return LinearStack.of(prepared)

    def pairwise(self, stack_a: LinearStack, stack_b: LinearStack) -> Array:
        """All dissimilarities between two stacks: (len(a), len(b))."""
        D = np.zeros((len(stack_a), len(stack_b)))
        for rows, columns, C in cross_covariances(stack_a, stack_b, upper=not self.weighted):
            if self.weighted:
                U, correlations, _ = np.linalg.svd(C, full_matrices=False)
                for u, rho, i in zip(U, correlations, rows[:, 0]):
                    D[i, columns] = 1.0 - _weighted(u, rho, stack_a.items[i].loadings)
            else:
                D[rows, columns] = 1.0 - linalg.nuclear_norms(C) / min(C.shape[-2:])
        D = np.clip(D, 0.0, 1.0)
        return mirrored(D) if stack_a is stack_b and not self.weighted else D

    def pair_seconds(self, m: int, n: int) -> float:
        """A product and singular values, with vectors where these weigh."""
        r = min(n, m, self.n_components or n)
        values = singular_value_seconds(r)
        if self.weighted:
            return product_seconds(m, r, r) + WITH_VECTORS * values + product_seconds(r, r, n)
        return product_seconds(m, r, r) + values


def _weighted(U: Array, correlations: Array, loadings: Array) -> Array:
    """Means of canonical correlations (k, c) weighted by sum_j |<h_c, x_j>|, for k partners."""
    weights = np.abs(np.swapaxes(U, 1, 2) @ loadings).sum(axis=2)
    return (weights * correlations).sum(axis=1) / weights.sum(axis=1)

"""Mean and projection-weighted canonical correlation, as dissimilarities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import check_array, check_variance
from shapemetrics.metrics.stacked import LinearBlock, cross_covariances, mirrored


@dataclass(frozen=True, eq=False)
class PreparedSubspace:
    """One network: an orthonormal basis of its centred responses, and these in that basis."""

    name: str
    features: Array = field(repr=False)  # (m, r), orthonormal columns
    loadings: Array = field(repr=False)  # (r, n), features @ loadings = centred responses

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.features)


@dataclass(frozen=True)
class CanonicalCorrelation:
    """One minus the mean canonical correlation, plain or weighted by the first network.

    Parameters
    ----------
    weighted : bool
        Weight each canonical correlation by how much of the first network its variate covers.
    n_components : int, optional
        Reduce each network to at most so many principal components first.
    """

    weighted: bool
    n_components: int | None = None

    def prepare(self, X: Any, *, name: str, dtype: Any) -> PreparedSubspace:
        """Centre one network and find an orthonormal basis of its responses."""
        X = check_array(X, name)
        tolerance = linalg.rounding_tolerance(X.dtype, X.shape)
        X = X.astype(np.float64)
        centred = X - X.mean(axis=0)
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(X).max()), name)
        basis = linalg.principal_basis(centred, tolerance=tolerance, n_components=self.n_components)
        m, n = X.shape
        if len(basis.values) >= m - 1:
            raise ValueError(
                f"{name!r}: {n} units span all {m} stimuli, and every canonical correlation with "
                "such a network is 1; give n_components or more stimuli"
            )
        loadings = basis.values[:, None] * basis.right.T
        return PreparedSubspace(
            name, np.ascontiguousarray(basis.left, dtype=dtype), loadings.astype(dtype)
        )

    def block(self, prepared: Sequence[PreparedSubspace]) -> LinearBlock:
        """Put bases side by side."""
        items = list(prepared)
        widths = [item.features.shape[1] for item in items]
        return LinearBlock(
            items,  # type: ignore[arg-type]
            np.concatenate([item.features for item in items], axis=1),
            np.concatenate([[0], np.cumsum(widths)]),
            np.sqrt(widths),
        )

    def pairwise(self, block_a: LinearBlock, block_b: LinearBlock) -> Array:
        """All dissimilarities between two blocks: (len(a), len(b))."""
        D = np.zeros((len(block_a.items), len(block_b.items)))
        for rows, columns, C in cross_covariances(block_a, block_b, upper=not self.weighted):
            if self.weighted:
                U, correlations, _ = np.linalg.svd(C, full_matrices=False)
                for u, rho, i in zip(U, correlations, rows[:, 0]):
                    D[i, columns] = 1.0 - _weighted(u, rho, block_a.items[i].loadings)
            else:
                D[rows, columns] = 1.0 - linalg.nuclear_norms(C) / min(C.shape[-2:])
        D = np.clip(D, 0.0, 1.0)
        return mirrored(D) if block_a is block_b and not self.weighted else D


def _weighted(U: Array, correlations: Array, loadings: Array) -> Array:
    """Means of canonical correlations (k, c) weighted by sum_j |<h_c, x_j>|, for k partners."""
    weights = np.abs(np.swapaxes(U, 1, 2) @ loadings).sum(axis=2)
    return (weights * correlations).sum(axis=1) / weights.sum(axis=1)

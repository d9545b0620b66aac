"""Representational similarity analysis: correlation between dissimilarity matrices of stimuli."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import check_array, check_variance
from shapemetrics.metrics.gram import squared_distances

RDM = Literal["correlation", "euclidean", "squared_euclidean"]
RDMS = ("correlation", "euclidean", "squared_euclidean")
CORRELATIONS = ("pearson", "spearman")


@dataclass(frozen=True, eq=False)
class PreparedRDM:
    """Dissimilarities of all pairs of stimuli (or their ranks), centred, of unit norm."""

    name: str
    n_samples: int
    vector: Array = field(repr=False)  # (m (m - 1) / 2,)


@dataclass(frozen=True)
class RDMCorrelation:
    """One minus the correlation of two networks' dissimilarity matrices.

    Parameters
    ----------
    rdm : {"correlation", "euclidean", "squared_euclidean"}
        Dissimilarity between the responses to two stimuli; "correlation" is one minus Pearson's
        correlation over units.
    correlation : {"pearson", "spearman"}
        Between the matrices' entries above the diagonal.
    """

    rdm: RDM
    correlation: Literal["pearson", "spearman"]

    def prepare(self, X: Any, *, name: str, dtype: Any) -> PreparedRDM:
        """Dissimilarities between one network's responses, standardised."""
        X = check_array(X, name, min_stimuli=3).astype(np.float64)
        centred = X - X.mean(axis=0)
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(X).max()), name)
        if self.rdm == "correlation":
            matrix = _correlation_distances(X, name)
        else:
            matrix = squared_distances(X, X)
        vector = matrix[np.triu_indices(len(X), 1)]
        if self.rdm == "euclidean" and self.correlation == "pearson":  # ranks need no root
            vector = np.sqrt(vector)
        if self.correlation == "spearman":
            # Equal up to rounding counts as equal, or ranks would follow noise.
            digits = 12 - int(np.ceil(np.log10(np.abs(vector).max() or 1.0)))
            vector = rankdata(np.round(vector, digits))
        scale = float(np.abs(vector).max())
        vector = vector - vector.mean()
        norm = float(np.linalg.norm(vector))
        if norm <= 64.0 * np.finfo(np.float64).eps * scale * np.sqrt(len(vector)):
            raise ValueError(
                f"{name!r}: found equal dissimilarities between all stimuli, expected some to "
                "differ"
            )
        return PreparedRDM(name, len(X), (vector / norm).astype(dtype))

    def block(self, prepared: Sequence[PreparedRDM]) -> Array:
        """Stack the vectors: (k, m (m - 1) / 2)."""
        return np.stack([item.vector for item in prepared])

    def pairwise(self, block_a: Array, block_b: Array) -> Array:
        """All dissimilarities between two blocks by one matrix product, in [0, 2]."""
        return np.clip(1.0 - (block_a @ block_b.T).astype(np.float64), 0.0, 2.0)


def _correlation_distances(X: Array, name: str) -> Array:
    """One minus Pearson's correlation over units between all pairs of stimuli."""
    if X.shape[1] < 2:
        raise ValueError(f"{name!r}: found 1 unit, expected at least 2 to correlate over units")
    patterns = X - X.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(patterns, axis=1)
    flat = norms <= 8.0 * np.finfo(np.float64).eps * np.abs(X).max(axis=1) * np.sqrt(X.shape[1])
    if flat.any():
        raise ValueError(
            f"{name!r}: all units respond equally to stimulus {int(flat.argmax())}, and a "
            "correlation over units is undefined; choose another rdm"
        )
    patterns /= norms[:, None]
    return 1.0 - patterns @ patterns.T

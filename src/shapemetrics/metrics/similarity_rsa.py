"""Representational similarity analysis: correlation between dissimilarity matrices of stimuli."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from shapemetrics.arrays import as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Origin, Prepared, centred
from shapemetrics.metrics.cost import product_seconds
from shapemetrics.metrics.gram import squared_distances

RDM = Literal["correlation", "euclidean", "squared_euclidean"]
RDMS = ("correlation", "euclidean", "squared_euclidean")
CORRELATIONS = ("pearson", "spearman")


@dataclass(frozen=True, eq=False)
class PreparedRDM(Prepared):
    """Dissimilarities of all pairs of stimuli (or their ranks), centred, of unit norm."""

    n_stimuli: int
    vector: Array = field(repr=False)  # (m (m - 1) / 2,)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return self.n_stimuli


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

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> PreparedRDM:
        """Dissimilarities between one network's responses, standardised."""
        responses = as_responses(X, name, min_stimuli=3)
        X = responses.values.copy()
        centred(responses)  # refuses responses without variance
        if self.rdm == "correlation":
            matrix = correlation_distances(X, name)
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
        origin = Origin(name, responses.exponent, responses.stimuli, metric)
        return PreparedRDM(origin, len(X), (vector / norm).astype(dtype))

    def pair_seconds(self, m: int, n: int) -> float:
        """The inner product of two vectors; stacks are small for their length."""
        return 2.0 * product_seconds(m * (m - 1) // 2, 1, 1)

    def stack(self, prepared: Sequence[PreparedRDM]) -> Array:
        """Stack the vectors: (k, m (m - 1) / 2)."""
        return np.stack([item.vector for item in prepared])

    def pairwise(self, stack_a: Array, stack_b: Array) -> Array:
        """All dissimilarities between two stacks by one matrix product, in [0, 2]."""
        return np.clip(1.0 - (stack_a @ stack_b.T).astype(np.float64), 0.0, 2.0)


def correlation_distances(X: Array, name: str) -> Array:
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
    # 1 - <p, q> of unit vectors, from their difference: nearly equal patterns keep their digits.
    return 0.5 * squared_distances(patterns, patterns)

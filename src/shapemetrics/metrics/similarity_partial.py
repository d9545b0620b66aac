"""Partial soft matching: the best matching of a given share of the units, as a dissimilarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapemetrics.extras import needed_by
from shapemetrics.linalg import Array
from shapemetrics.metrics.cost import TRANSPORT, product_seconds
from shapemetrics.metrics.linear import PreparedLinear
from shapemetrics.metrics.soft_matching import MAX_PIVOTS, SoftMatchingMetric


@dataclass(frozen=True)
class PartialMatching:
    """One minus the mean correlation of matched units, where some may stay without a match.

    Parameters
    ----------
    mass : float
        Share of the units that is matched.
    """

    mass: float

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> PreparedLinear:
        """Centre every unit and scale it to unit norm."""
        item = SoftMatchingMetric("correlation").prepare(X, name=name, dtype=dtype)
        return replace(item, origin=replace(item.origin, metric=metric))

    def stack(self, prepared: Sequence[PreparedLinear]) -> list[Array]:
        """Units of unit norm."""
        return [item.values for item in prepared]

    def pairwise(self, stack_a: list[Array], stack_b: list[Array]) -> Array:
        """All dissimilarities between two stacks: (len(a), len(b))."""
        same = stack_a is stack_b
        D = np.zeros((len(stack_a), len(stack_b)))
        for i, x in enumerate(stack_a):
            for j in range(i + 1 if same else 0, len(stack_b)):
                D[i, j] = self._gap((x.T @ stack_b[j]).astype(np.float64))
        return D + D.T if same else D

    def _gap(self, correlations: Array) -> float:
        """Least mean cost of moving a share of the units, given their correlations."""
        cost = np.clip(1.0 - correlations, 0.0, 2.0)
        plan = _partial_transport(cost, self.mass)
        return float(np.sum(plan * cost)) / self.mass

    def pair_seconds(self, m: int, n: int) -> float:
        """A product and a transport."""
        return product_seconds(m, n, n) + TRANSPORT * (n + 1) ** 2 + 1e-4


def _partial_transport(cost: Array, mass: float) -> Array:
    """The optimal plan of a total mass between uniform distributions: (n_x, n_y)."""
    with needed_by("partial soft matching"):
        import ot
    n_x, n_y = cost.shape
    # What stays without a match goes to a further unit on either side, for nothing (Chapel,
    # Alaya, Gasso 2020); the two further units must not be matched with one another.
    extended = np.zeros((n_x + 1, n_y + 1))
    extended[:n_x, :n_y] = cost
    extended[n_x, n_y] = 2.0 * float(cost.max()) + 1.0
    plan, log = ot.emd(
        np.append(np.full(n_x, 1.0 / n_x), 1.0 - mass),
        np.append(np.full(n_y, 1.0 / n_y), 1.0 - mass),
        extended,
        numItermax=MAX_PIVOTS,
        log=True,
    )
    if log["warning"] is not None:
        raise RuntimeError(f"partial soft matching of {n_x} and {n_y} units: {log['warning']}")
    return plan[:n_x, :n_y]

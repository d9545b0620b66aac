"""The permutation metric: each unit of one network is matched with one of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Geometry
from shapemetrics.metrics.cost import ASSIGNMENT, product_seconds
from shapemetrics.metrics.linear import PreparedLinear, padded_points
from shapemetrics.metrics.matching import Matching, UnitMatchingMetric
from shapemetrics.validation import check_choice


@dataclass(frozen=True)
class PermutationMetric(UnitMatchingMetric):
    r"""Distance after the best one-to-one matching of units.

    Parameters
    ----------
    geometry : {"angular", "euclidean"}, default="angular"
        Angle in radians, in [0, pi], or Frobenius norm of the difference, in the data's units.
    center : bool, default=True
        Subtract each unit's mean over stimuli, which makes the distance invariant to offsets.
    padding : {"pair", "free"}, default="pair"
        How networks of unequal size are compared. ``"pair"``: silent units are added to the
        smaller network up to the size of the larger one, so every unit of the smaller one is
        matched, if need be with one that is anticorrelated. ``"free"``: silent units are added to
        both without limit, so units may stay without a match.

    Notes
    -----
    Williams, Kunz, Kornblith, Linderman (2021), arXiv:2110.14739, Section 2, with the group of
    permutations :math:`\Pi`. With centred X and Y

    .. math:: \theta = \min_\Pi \arccos \frac{\langle X, Y \Pi \rangle}{\|X\| \|Y\|}, \qquad
              d = \min_\Pi \|X - Y \Pi\|_F ,

    a linear assignment problem on :math:`X^T Y`, solved exactly.

    Among networks of one size both paddings give a metric (the same one where no unit is best
    matched with an anticorrelated one). Across sizes only ``"free"`` does: under ``"pair"`` how
    far two networks are padded depends on the pair, and the triangle inequality can fail, as for
    the units v and -v (Euclidean distance 2) and the pair of units (v/2, -v/2) (distance
    :math:`1/\sqrt{2}` from either).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> metric = PermutationMetric()
    >>> round(metric.distance(X, X[:, [2, 0, 3, 1]]), 9)
    0.0
    >>> metric.align(X, X[:, [2, 0, 3, 1]]).permutation
    array([1, 3, 0, 2])
    """

    geometry: Geometry = "angular"
    center: bool = True
    padding: Literal["pair", "free"] = "pair"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.geometry, "geometry", ("angular", "euclidean"))
        check_choice(self.padding, "padding", ("pair", "free"))

    @property
    def is_metric(self) -> bool:
        """Whether the axioms hold (with padding by pair among networks of one size only)."""
        return True

    @property
    def invariances(self) -> frozenset[str]:
        """Other orders of the units, and what centring and angles add."""
        found = {"permutation"}
        found |= {"offset"} if self.center else set()
        return frozenset(found | ({"scale"} if self.geometry == "angular" else set()))

    def match(self, C: Array) -> Matching:
        """The best assignment of units, given their inner products (n_x, n_y)."""
        free = self.padding == "free"
        # A match below zero is worse than none.
        rows, columns = linear_sum_assignment(np.maximum(C, 0.0) if free else C, maximize=True)
        if free:
            wanted = C[rows, columns] > 0.0
            rows, columns = rows[wanted], columns[wanted]
        return Matching(rows, columns, np.ones(len(rows)))

    def points(self, prepared: Sequence[PreparedLinear]) -> Array:
        """Centred responses, or their direction where the geometry is angular: (K, m, n)."""
        return padded_points(prepared, self.geometry)

    def turn(self, points: Array, target: Array) -> tuple[Array, Array]:
        """Permute units towards a target; units without a match meet silent ones."""
        turned = np.zeros((len(points), *target.shape))
        squared = np.zeros(len(points))
        for k, point in enumerate(points):
            found = self.match(point.T @ target)
            turned[k][:, found.columns] = point[:, found.rows]
            alone = np.setdiff1d(np.arange(point.shape[1]), found.rows)
            squared[k] = np.sum((turned[k] - target) ** 2) + np.sum(point[:, alone] ** 2)
        return turned, squared

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """A product and an assignment."""
        return product_seconds(m, n, n) + ASSIGNMENT * n**2

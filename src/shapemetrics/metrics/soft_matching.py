"""Soft matching: optimal transport between the units of networks of any sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from shapemetrics.extras import needed_by
from shapemetrics.linalg import Array
from shapemetrics.metrics.cost import TRANSPORT, product_seconds
from shapemetrics.metrics.linear import PreparedLinear
from shapemetrics.metrics.matching import Matching, UnitMatchingMetric
from shapemetrics.validation import check_choice

#: Pivots after which the network simplex gives up: far more than problems of this kind take.
MAX_PIVOTS = 10**9


@dataclass(frozen=True)
class SoftMatchingMetric(UnitMatchingMetric):
    r"""Distance after the best transport of units to units.

    Parameters
    ----------
    geometry : {"angular", "euclidean", "correlation"}, default="angular"
        ``"angular"``: the angle between the networks under the best plan, in radians, in [0, pi]:
        it does not see a network's overall scale. ``"euclidean"``: the soft matching distance as
        published, the root of the mean squared distance between matched units, in the data's units.
        ``"correlation"``: Euclidean, after scaling each unit to unit norm, hence in [0, 2] and
        blind to the scale of every unit; ``1 - d**2 / 2`` is the soft matching correlation score.
    center : bool, default=True
        Subtract each unit's mean over stimuli, which makes the distance invariant to offsets.

    Notes
    -----
    Khosla, Williams (2024), Soft matching distance, arXiv:2311.09466. With units as columns
    :math:`x_i`, :math:`y_j`,

    .. math:: d^2 = \min_P \sum_{ij} P_{ij} \|x_i - y_j\|^2 , \qquad
              P \ge 0, \; P 1 = 1/n_x, \; P^T 1 = 1/n_y ,

    the 2-Wasserstein distance between two clouds of units, hence a metric for any sizes. It is zero
    exactly where both hold the same tuning curves in the same proportions: duplicating every unit
    changes nothing. For one size it is the Euclidean permutation distance divided by
    :math:`\sqrt{n}`. The angle is a metric for the same reason as the distance: with plans glued
    together, both are those of vectors in one Hilbert space.

    Plans are exact: by linear assignment for equal sizes (an extreme point of the polytope is then
    a permutation), by POT's network simplex otherwise, which needs the package POT
    (``pip install 'shapemetrics[transport]'``).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> metric = SoftMatchingMetric()
    >>> round(metric.distance(X, X[:, [0, 1, 2, 2, 1, 0]]), 9)
    0.0
    >>> metric.align(X, X[:, [0, 1, 2, 2, 1, 0]]).plan.sum(axis=1).round(3)
    array([0.333, 0.333, 0.333])
    """

    geometry: Literal["angular", "euclidean", "correlation"] = "angular"
    center: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.geometry, "geometry", ("angular", "euclidean", "correlation"))

    @property
    def invariances(self) -> frozenset[str]:
        """Other orders of the units, repeated units, and what centring and geometries add."""
        found = {"permutation", "duplication"}
        found |= {"offset"} if self.center else set()
        found |= {"scale"} if self.geometry != "euclidean" else set()
        return frozenset(found | ({"unit_scale"} if self.geometry == "correlation" else set()))

    @property
    def preparation(self) -> str:
        """The metric as far as preparing depends on it: correlations scale each unit."""
        per_unit = self.geometry == "correlation"
        return f"{type(self).__name__}(center={self.center!r}, per_unit={per_unit!r})"

    def match(self, C: Array) -> Matching:
        """The best transport of units, given their inner products (n_x, n_y)."""
        n_x, n_y = C.shape
        if n_x == n_y:
            rows, columns = linear_sum_assignment(C, maximize=True)
            return Matching(rows, columns, np.full(n_x, 1.0 / n_x))
        # Uniform marginals: the squared norms add the same to every plan's cost. The solver's own
        # tolerance is absolute, so it is given costs up to one.
        cost = C.max() - C
        plan = _transport(cost / max(float(cost.max()), np.finfo(np.float64).tiny))
        rows, columns = np.nonzero(plan)
        return Matching(rows, columns, plan[rows, columns])

    def points(self, prepared: Sequence[PreparedLinear]) -> list[Array]:
        """Clouds of units, each divided by the root of its number of units."""
        found = []
        for item in prepared:
            values = item.values.astype(np.float64) / np.sqrt(item.width)
            angular = self.geometry == "angular"
            found.append(values / item.length if angular else np.ldexp(values, item.scale))
        return found

    def turn(self, points: Sequence[Array], target: Array) -> tuple[Array, Array]:
        """Carry units to where the best plan sends them: the mean of what each target unit gets.

        Averages of these lower the mean squared distance at every step (Alvarez-Esteban, del
        Barrio, Cuesta-Albertos, Matran 2016).
        """
        turned, squared = [], []
        for point in points:
            found = self.match(point.T @ target)
            scale = np.sqrt(point.shape[1] * target.shape[1])
            plan = np.zeros((point.shape[1], target.shape[1]))
            plan[found.rows, found.columns] = scale * found.weights
            turned.append(point @ plan)
            # A plan that splits units leaves some of their spread behind.
            spread = np.sum(point**2) - np.sum(turned[-1] ** 2)
            squared.append(max(float(np.sum((turned[-1] - target) ** 2) + spread), 0.0))
        return np.stack(turned), np.array(squared)

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """A product and a transport; n stands for networks of all sizes."""
        return product_seconds(m, n, n) + TRANSPORT * n**2 + 4e-5

    def _scaled(
        self, values: Array, mean: Array, exponent: int, name: str
    ) -> tuple[Array, float, int, Array | None]:
        transform = None
        if self.geometry == "correlation":
            norms = np.linalg.norm(values, axis=0)
            rounding = 8.0 * np.finfo(np.float64).eps * np.abs(mean) * np.sqrt(len(values))
            silent = int(np.count_nonzero(norms <= rounding))
            if silent:
                raise ValueError(
                    f"{name!r}: found {silent} units without variance, whose correlations are "
                    "undefined, expected none; leave them out, or use geometry='angular'"
                )
            transform = np.diag(1.0 / norms)
            values, exponent = values / norms, 0
        norm = float(np.linalg.norm(values)) / np.sqrt(values.shape[1])
        return values, norm, exponent, transform


def _transport(cost: Array) -> Array:
    """The optimal plan between uniform distributions, (n_x, n_y)."""
    with needed_by("soft matching of unequal numbers of units"):
        import ot
    n_x, n_y = cost.shape
    # Whole masses keep every flow whole: no rounding puts a sliver of mass on a bad match.
    common = math.gcd(n_x, n_y)
    plan, log = ot.emd(
        np.full(n_x, n_y / common),
        np.full(n_y, n_x / common),
        cost,
        numItermax=MAX_PIVOTS,
        log=True,
    )
    if log["warning"] is not None:
        raise RuntimeError(f"soft matching of {n_x} and {n_y} units: {log['warning']}")
    return plan * (common / (n_x * n_y))

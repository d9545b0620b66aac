"""Soft matching: optimal transport between the units of networks of any sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import check_choice
from shapemetrics.metrics.linear import PreparedLinear
from shapemetrics.metrics.matching import Matching, UnitMatchingMetric

#: Pivots after which the network simplex gives up: far more than problems of this kind take.
MAX_PIVOTS = 10**9


@dataclass(frozen=True)
class SoftMatchingMetric(UnitMatchingMetric):
    r"""Distance after the best transport of units to units.

    Parameters
    ----------
    geometry : {"euclidean", "angular", "correlation"}, default="euclidean"
        ``"euclidean"``: the soft matching distance, the root of the mean squared distance between
        matched units, in the data's units. ``"angular"``: the angle between the networks under the
        best plan, in radians, in [0, pi]: it does not see a network's overall scale.
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
    (``pip install shapemetrics[transport]``).

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

    geometry: Literal["euclidean", "angular", "correlation"] = "euclidean"
    center: bool = True

    def __post_init__(self) -> None:
        check_choice(self.geometry, "geometry", ("euclidean", "angular", "correlation"))

    def _match(self, C: Array) -> Matching:
        n_x, n_y = C.shape
        if n_x == n_y:
            rows, columns = linear_sum_assignment(C, maximize=True)
            return Matching(rows, columns, np.full(n_x, 1.0 / n_x))
        # Uniform marginals: the squared norms add the same to every plan's cost.
        plan = _transport(C.max() - C)
        rows, columns = np.nonzero(plan)
        return Matching(rows, columns, plan[rows, columns])

    def _prepared(self, centred: Array, mean: Array, name: str, dtype: Any) -> PreparedLinear:
        transform = None
        if self.geometry == "correlation":
            norms = np.linalg.norm(centred, axis=0)
            rounding = 8.0 * np.finfo(np.float64).eps * np.abs(mean) * np.sqrt(len(centred))
            silent = int(np.count_nonzero(norms <= rounding))
            if silent:
                raise ValueError(
                    f"{name!r}: found {silent} units without variance, whose correlations are "
                    "undefined; leave them out, or use geometry='euclidean'"
                )
            transform = np.diag(1.0 / norms)
            centred = centred / norms
        norm = float(np.linalg.norm(centred)) / np.sqrt(centred.shape[1])
        features = np.ascontiguousarray(centred, dtype=dtype)
        return PreparedLinear(name, features, norm, mean, transform)


def _transport(cost: Array) -> Array:
    """The optimal plan between uniform distributions, (n_x, n_y)."""
    try:
        import ot
    except ImportError:
        raise ImportError(
            "soft matching of unequal numbers of units needs POT: "
            "pip install shapemetrics[transport]"
        ) from None
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

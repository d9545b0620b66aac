"""References for the metrics that match individual units: linear programs, solved by HiGHS.

A matching is found on the polytope that its definition describes and rounded to its vertex, so
that its value is exact; HiGHS may prefer a vertex that is worse by `GAP` of the largest entry.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from answers import Answer, Undefined, between
from extended import DOUBLE, Exact, exact, norm
from reference_linear import centred
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron, vstack

#: Optimality that is asked of HiGHS, relative to the largest cost.
GAP = 1e-10


def best_plan(
    gain: np.ndarray, rows: np.ndarray, columns: np.ndarray, *, exactly: bool
) -> np.ndarray:
    """The plan with the largest gain, of whole numbers, with these sums of rows and columns.

    Parameters
    ----------
    gain : ndarray of shape (p, q)
    rows, columns : ndarray of int of shape (p,), (q,)
    exactly : bool
        Whether the sums are to be reached, or at most to be reached.
    """
    p, q = gain.shape
    size = np.abs(gain).max()
    scaled = (gain / size if size > 0 else gain).astype(np.float64)
    sums = vstack([kron(eye_array(p), np.ones((1, q))), kron(np.ones((1, p)), eye_array(q))])
    limits = np.concatenate([rows, columns]).astype(float)
    constraints = {"A_eq": sums, "b_eq": limits} if exactly else {"A_ub": sums, "b_ub": limits}
    found = linprog(
        -scaled.ravel(),
        **{key: csr_array(value) if key[0] == "A" else value for key, value in constraints.items()},
        method="highs-ds",
        options={"dual_feasibility_tolerance": GAP, "primal_feasibility_tolerance": GAP},
    )
    assert found.success, found.message
    plan = np.round(found.x).reshape(p, q)
    reached = plan.sum(axis=1), plan.sum(axis=0)
    if exactly:
        assert np.array_equal(reached[0], rows)
        assert np.array_equal(reached[1], columns)
    return plan.astype(Exact)


class Units(NamedTuple):
    """One network's units, centred: what is matched."""

    features: np.ndarray  # (m, n)
    mean: np.ndarray  # (n,)
    error: float  # relative, for one rounding error of the data in float64


def _scaled(X: np.ndarray, mean: np.ndarray, unit_norm: bool) -> tuple[np.ndarray, float]:
    """Responses less the means, each unit of norm one where that is wanted; and their error."""
    A = X - mean
    spread = np.maximum(np.abs(X).max(axis=0), np.abs(mean)) * np.sqrt(Exact(len(X)))
    if not unit_norm:
        return A, float(norm(spread) / norm(A))
    lengths = np.sqrt(np.sum(A * A, axis=0))
    if np.any(lengths <= 8 * DOUBLE * spread):
        raise Undefined("units without variance")
    return A / lengths, float(np.max(spread / lengths))


def _units(X: Any, center: bool, unit_norm: bool) -> Units:
    X = exact(X)
    _, mean = centred(X, center)
    A, error = _scaled(X, mean, unit_norm)
    return Units(A, mean, error)


def _moved(units: Units, X: Any, unit_norm: bool) -> Units:
    """Held-out responses less the fitted means, of unit norm by themselves where that is wanted."""
    X = exact(X)
    if float(norm(X - units.mean)) == 0.0:
        raise Undefined("held-out responses are all at the fitted mean")
    A, error = _scaled(X, units.mean, unit_norm)
    return Units(A, units.mean, error + units.error)


def _inner(gain: np.ndarray, plan: np.ndarray) -> np.longdouble:
    return np.sum(plan * gain)


def _one_to_one(gain: np.ndarray, padding: str) -> np.ndarray:
    p, q = gain.shape
    if padding == "free":  # units may stay alone: sums of at most one
        return best_plan(gain, np.ones(p), np.ones(q), exactly=False)
    n = max(p, q)  # silent units, then a doubly stochastic matrix
    padded = np.zeros((n, n), dtype=Exact)
    padded[:p, :q] = gain
    return best_plan(padded, np.ones(n), np.ones(n), exactly=True)[:p, :q]


def _transport(gain: np.ndarray) -> np.ndarray:
    """Uniform marginals, in whole numbers: the plan times n_x n_y / gcd."""
    p, q = gain.shape
    common = math.gcd(p, q)
    return best_plan(gain, np.full(p, q // common), np.full(q, p // common), exactly=True)


def _answer(
    x: Units, y: Units, plan: np.ndarray, geometry: str, weights: tuple[Any, Any, Any]
) -> Answer:
    """Distance under a plan; `weights` are those of the plan and of the squared norms."""
    inner = _inner(x.features.T @ y.features, plan) * weights[0]
    norms = (norm(z.features) * np.sqrt(w) for z, w in zip((x, y), weights[1:]))
    return between(inner, *norms, geometry, errors=(x.error, y.error))


def _weights(soft: bool, p: int, q: int) -> tuple[Any, Any, Any]:
    if not soft:
        return Exact(1), Exact(1), Exact(1)
    return Exact(math.gcd(p, q)) / (p * q), Exact(1) / p, Exact(1) / q


def _setting(geometry: str, padding: str | None) -> tuple[bool, str]:
    return padding is None, "angular" if geometry == "angular" else "euclidean"


def matching(
    X: Any, Y: Any, *, geometry: str, center: bool = True, padding: str | None = None
) -> Answer:
    """PermutationMetric, with its padding; SoftMatchingMetric without one.

    Euclidean soft matching is solved and summed as the equation has it, over squared distances of
    units; its value is that of the inner products but for rounding.
    """
    soft, how = _setting(geometry, padding)
    x, y = (_units(Z, center, geometry == "correlation") for Z in (X, Y))
    gain = x.features.T @ y.features
    if not soft:
        return _answer(x, y, _one_to_one(gain, padding), how, _weights(soft, *gain.shape))
    if how == "angular":
        return _answer(x, y, _transport(gain), how, _weights(soft, *gain.shape))
    difference = x.features.T[:, None, :] - y.features.T[None, :, :]
    cost = np.sum(difference * difference, axis=-1)
    plan = _transport(-cost)
    weights = _weights(soft, *gain.shape)
    answer = _answer(x, y, plan, how, weights)
    return answer._replace(value=float(np.sqrt(_inner(cost, plan) * weights[0])))


def matching_heldout(
    X: Any,
    Y: Any,
    test_x: Any,
    test_y: Any,
    *,
    geometry: str,
    center: bool = True,
    padding: str | None = None,
) -> Answer:
    """Held-out PermutationMetric or SoftMatchingMetric: the matching fitted on (X, Y).

    Undetermined where another matching is as good but for rounding: a small random change of the
    gains then changes the plan.
    """
    soft, how = _setting(geometry, padding)
    x, y = (_units(Z, center, geometry == "correlation") for Z in (X, Y))
    gain = x.features.T @ y.features
    solve = _transport if soft else lambda C: _one_to_one(C, padding)
    plan = solve(gain)
    tests = (_moved(z, Z, geometry == "correlation") for z, Z in ((x, test_x), (y, test_y)))
    answer = _answer(*tests, plan, how, _weights(soft, *gain.shape))
    for seed in range(3):
        noise = np.random.default_rng(seed).uniform(-1e-7, 1e-7, size=gain.shape)
        if np.any(solve(gain + noise * np.abs(gain).max()) != plan):
            return answer.doubted()
    return answer

"""References for the comparisons that are no metrics: their textbook formulas, network by network.

Folds are drawn as the package documents it: ``default_rng(seed).permutation(m)``, cut evenly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from answers import LAST_STEPS, STEPS, Answer, Undefined
from extended import DOUBLE, SINGLE, Exact, decompose, exact, norm
from reference_kernels import cka
from reference_linear import Shape, centred, default_tolerance, magnitude, rank_of, shape


def _answer(value: Any, error: float, *, single: float = 2.0, doubtful: bool = False) -> Answer:
    """A value with its error for one rounding error of the data, in float64 and kept in float32."""
    double = STEPS * DOUBLE * error + LAST_STEPS * DOUBLE
    kept = double + (STEPS * single + LAST_STEPS) * SINGLE
    answer = Answer(float(value), float(double), float(kept))
    return answer.doubted() if doubtful else answer


def one_minus_cka(X: Any, Y: Any) -> Answer:
    """1 - CKA of linear kernels."""
    found = cka(X, Y)
    half = np.sin(Exact(found.value) / 2)
    return found._replace(value=float(2 * half * half))


def _whitened(X: Any, **options: Any) -> Shape:
    return shape(X, alpha=0.0, preserve_variance=False, **options)


def _canonical(x: Shape, y: Shape) -> tuple[np.ndarray, np.ndarray, int]:
    """Canonical correlations, variates of the first network (m, c), and the smaller rank."""
    axes = decompose(x.phi.T @ y.phi)
    smaller = min(round(float(z.norm**2)) for z in (x, y))
    return axes.values[:smaller], x.phi @ axes.left[:, :smaller], smaller


def mean_cca(X: Any, Y: Any, **options: Any) -> Answer:
    """1 - mean canonical correlation."""
    x, y = (_whitened(Z, **options) for Z in (X, Y))
    rho, _, smaller = _canonical(x, y)
    error = np.sqrt(smaller) * (x.condition + y.condition)
    value = np.clip(1 - rho.sum() / smaller, 0, 1)
    return _answer(value, error, doubtful=x.doubtful or y.doubtful)


def pwcca(X: Any, Y: Any, **options: Any) -> Answer:
    """1 - canonical correlations weighted by the sums of |<h_i, x_j>| over units j.

    Weights of equal correlations depend on the choice of their variates: undetermined there.
    """
    x, y = (_whitened(Z, **options) for Z in (X, Y))
    A, _ = centred(exact(X))
    rho, variates, _ = _canonical(x, y)
    weights = np.abs(variates.T @ A).sum(axis=1)
    value = np.clip(1 - (weights @ rho) / weights.sum(), 0, 1)
    gaps = np.abs(np.diff(rho))
    gap = float(gaps.min()) if len(gaps) else 1.0
    # Variates of neighbouring correlations turn by the error over their gap, weights with them.
    error = len(rho) * (x.condition + y.condition) * (1.0 + 1.0 / max(gap, 1e-300))
    single = len(rho) * (1.0 + 1.0 / max(gap, 1e-300))
    doubtful = x.doubtful or y.doubtful or error * DOUBLE > 1e-4
    return _answer(value, error, single=single, doubtful=doubtful)


def folds(m: int, n_folds: int | None, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stimuli to train and to test on, fold by fold."""
    if n_folds is None:
        return [(np.arange(m), np.arange(m))]
    if m < n_folds or m - -(-m // n_folds) < 2:
        raise Undefined("too few stimuli for the folds")
    parts = np.array_split(np.random.default_rng(seed).permutation(m), n_folds)
    return [(np.setdiff1d(np.arange(m), part), part) for part in parts]


def linear_regression(
    X: Any,
    Y: Any,
    *,
    n_folds: int | None = 5,
    ridge: float = 0.0,
    seed: int = 0,
    rank_tolerance: float | None = None,
) -> Answer:
    """1 - R^2 of predicting Y from X, with intercept, all units of Y together.

    The ridge is solved as least squares of ``[X; sqrt(penalty) I]`` on ``[Y; 0]``, X without the
    directions below the tolerance.
    """
    X, Y = exact(X), exact(Y)
    m, n = X.shape
    centred(X)
    total = norm(centred(Y)[0]) ** 2
    tolerance = default_tolerance(m, n) if rank_tolerance is None else rank_tolerance
    squared, errors, doubtful = Exact(0), [magnitude(Y) / float(np.sqrt(total))], False
    for train, test in folds(m, n_folds, seed):
        mean_x, mean_y = X[train].mean(axis=0), Y[train].mean(axis=0)
        A, B = X[train] - mean_x, Y[train] - mean_y
        if not np.any(A):
            squared += norm(Y[test] - mean_y) ** 2
            continue
        if ridge == 0.0 or rank_tolerance is not None:
            whole = decompose(A)
            rounding = float(DOUBLE * magnitude(X) / whole.values[0])
            rank, near = rank_of(whole.values, tolerance, rounding)
            doubtful |= near
            A = A @ whole.right[:, :rank] @ whole.right[:, :rank].T
        penalty = Exact(ridge) * norm(A) ** 2 / n
        below = np.sqrt(penalty) * np.eye(n if penalty > 0 else 0, n, dtype=Exact)
        axes = decompose(np.vstack([A, below]))
        s = axes.values
        if penalty > 0:
            rank = int(np.count_nonzero(s))
        left, s, right = axes.left[: len(A), :rank], s[:rank], axes.right[:, :rank]
        coefficients = (right / s) @ left.T @ B
        residual = Y[test] - mean_y - (X[test] - mean_x) @ coefficients
        squared += norm(residual) ** 2
        # Least squares: errors of X act through the coefficients, and through residuals over s.
        reach = 1 + norm((X[test] - mean_x) @ (right / s))
        moved = magnitude(X) / s[-1] * reach * (norm(B) + norm(B - A @ coefficients) * (1 + reach))
        errors.append(float((moved + magnitude(Y) * reach) / np.sqrt(total)))
    value = squared / total
    error = 2.0 * sum(errors) * float(1 + np.sqrt(value))
    return _answer(value, error, single=error / 2.0, doubtful=doubtful)


def _dissimilarities(X: np.ndarray, rdm: str) -> tuple[np.ndarray, np.longdouble]:
    """Of all pairs of stimuli, and the error of an entry for one rounding error in float64."""
    first, second = np.triu_indices(len(X), 1)
    if rdm == "correlation":
        if X.shape[1] < 2:
            raise Undefined("one unit")
        patterns = X - X.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.sum(patterns * patterns, axis=1))
        rounding = np.abs(X).max(axis=1) * np.sqrt(Exact(X.shape[1]))
        if np.any(lengths <= 8 * DOUBLE * rounding):
            raise Undefined("all units respond equally to a stimulus")
        patterns = patterns / lengths[:, None]
        half = patterns[first] - patterns[second]
        return np.sum(half * half, axis=1) / 2, 2 * (rounding / lengths).max()
    difference = X[first] - X[second]
    squared = np.sum(difference * difference, axis=1)
    spread = X - X.mean(axis=0)
    furthest = np.sqrt(np.sum(spread * spread, axis=1)).max()
    offset = np.abs(X).max() * np.sqrt(Exact(X.shape[1]))
    return squared, 8 * (furthest + offset) * furthest


def _ranks(values: np.ndarray, error: np.longdouble) -> tuple[np.ndarray, bool]:
    """Ranks from one, ties averaged: equal is what rounding cannot tell apart."""
    order = np.argsort(values)
    steps = np.diff(values[order]) / np.abs(values).max()
    cut = steps > 1e-12
    near = (steps > 1e-14) & (steps < 1e-11)
    group = np.concatenate([[0], np.cumsum(cut)])
    positions = np.arange(1, len(values) + 1)
    means = [Exact(positions[group == g].mean()) for g in range(group[-1] + 1)]
    ranks = np.empty(len(values), dtype=Exact)
    ranks[order] = np.array(means)[group]
    return ranks, bool(near.any() or error * DOUBLE > 1e-13 * np.abs(values).max())


def rsa_correlation(
    X: Any, Y: Any, *, rdm: str = "correlation", correlation: str = "pearson"
) -> Answer:
    """1 - correlation of two networks' dissimilarities."""
    vectors, errors, doubtful = [], [], False
    for Z in (exact(X), exact(Y)):
        if len(Z) < 3:
            raise Undefined("fewer than three stimuli")
        centred(Z)
        values, error = _dissimilarities(Z, rdm)
        if values.max() > 0:  # squares may lie beyond the range of float64
            values, error = values / values.max(), error / values.max()
        if correlation == "spearman":
            values, near = _ranks(values, error)
            doubtful |= near
            error = Exact(len(values))
        elif rdm == "euclidean":
            # Errors of squares are roots where stimuli coincide.
            values = np.sqrt(values)
            moved = DOUBLE * error / np.maximum(values, np.sqrt(DOUBLE * error))
            error = moved.max() / DOUBLE
        deviation = values - values.mean()
        if norm(deviation) <= 64 * DOUBLE * magnitude(values):
            raise Undefined("equal dissimilarities between all stimuli")
        moved = (error + np.abs(values).max()) * np.sqrt(Exact(len(values)))
        errors.append(float(moved / norm(deviation)))
        vectors.append(deviation / norm(deviation))
    return _answer(1 - vectors[0] @ vectors[1], sum(errors), doubtful=doubtful)


def comparison(X: Any, Y: Any, *, measure: str, **options: Any) -> Answer:
    """Comparison, with the options that its measure has."""
    found = {
        "cka": one_minus_cka,
        "mean_cca": mean_cca,
        "pwcca": pwcca,
        "linear_regression": linear_regression,
        "rsa_correlation": rsa_correlation,
    }
    return found[measure](X, Y, **options)

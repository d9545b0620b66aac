"""The references themselves: their arithmetic, and their agreement with independent programs."""

from __future__ import annotations

from pathlib import Path

import extended
import numpy as np
import pytest
import reference
from scipy.optimize import linear_sum_assignment
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import KernelPCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)

GEOMETRIES = ("angular", "euclidean")
HAS_MORE_DIGITS = extended.UNIT < 1e-18
#: Pairs of an oracle's networks that are looked at: each has at least six.
PAIRS = ((0, 1), (2, 4), (3, 5), (1, 5))


def value(metric, *arrays: np.ndarray) -> float:
    return reference.distance(metric, *arrays).value


def graded(seed: int, m: int, n: int, decades: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return rng.normal(size=(m, n)) * np.logspace(0.0, -decades, n) @ turn


@pytest.mark.skipif(not HAS_MORE_DIGITS, reason="longdouble has no more digits than float64 here")
@pytest.mark.parametrize("shape", [(9, 4), (6, 6), (4, 9)])
def test_decompositions_carry_nineteen_digits(shape):
    mpmath = pytest.importorskip("mpmath")
    X = graded(0, *shape, 9.0)
    found = extended.decompose(extended.exact(X))
    with mpmath.workdps(40):
        values = mpmath.svd_r(mpmath.matrix(X.tolist()), compute_uv=False)
        largest = max(values)
        for ours, theirs in zip(found.values, sorted(values, reverse=True)):
            as_text = np.format_float_scientific(ours, precision=30, unique=False)
            assert abs(mpmath.mpf(as_text) - theirs) < 1e-18 * largest
    rebuilt = found.left * found.values @ found.right.T
    assert extended.norm(rebuilt - X) < 1e-18 * extended.norm(extended.exact(X))
    for basis in (found.left, found.right):
        assert extended.norm(basis.T @ basis - np.eye(basis.shape[1])) < 1e-17


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_no_scale_leaves_the_range(scale):
    X, Y = graded(0, 12, 4, 2.0), graded(1, 12, 5, 2.0)
    metric = LinearMetric(alpha=0.0)
    assert value(metric, scale * X, Y) == pytest.approx(value(metric, X, Y), abs=1e-12)
    metric = LinearMetric(geometry="euclidean")
    expected = scale * value(metric, X, Y)
    assert value(metric, scale * X, scale * Y) == pytest.approx(expected, rel=1e-12)


def test_square_roots_and_rank_deficient_matrices():
    X = extended.exact(graded(0, 8, 3, 1.0))
    K = X @ X.T
    R = extended.root(K)
    assert extended.norm(R @ R - K) < 1e-15 * extended.norm(K)
    values, vectors = extended.eigen(-K)
    assert np.all(values <= 1e-17)
    assert extended.norm(vectors * values @ vectors.T + K) < 1e-17 * extended.norm(K)
    assert not np.any(extended.decompose(np.zeros((4, 3), dtype=extended.Exact)).values)


# Independent programs


@pytest.mark.parametrize("alpha", ["0.0", "0.3", "0.5", "1.0"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_linear_values_of_the_authors_package(shared: Path, alpha, geometry):
    oracle = np.load(shared / "oracles" / "netrep_public.npz")
    metric = LinearMetric(alpha=float(alpha), geometry=geometry)
    key = f"linear_equal_alpha{alpha}_{geometry}"
    for i, j in PAIRS:
        fitted = oracle[f"equal_{i}"], oracle[f"equal_{j}"]
        tests = oracle[f"equal_heldout_{i}"], oracle[f"equal_heldout_{j}"]
        assert value(metric, *fitted) == pytest.approx(oracle[key][i, j], abs=1e-10)
        found = reference.heldout(metric, *fitted, *tests).value
        assert found == pytest.approx(oracle[f"{key}_heldout"][i, j], abs=1e-10)


@pytest.mark.parametrize("alpha", ["0", "0.25", "0.5", "1"])
@pytest.mark.parametrize("center", [True, False])
def test_linear_values_at_unequal_widths(shared: Path, alpha, center):
    oracle = np.load(shared / "oracles" / "linear_unequal.npz")
    expected = oracle[f"linear_a{alpha}_angular_cen{int(center)}_train"]
    metric = LinearMetric(alpha=float(alpha), center=center)
    # Below alpha = 1 that program clips eigenvalues where ours drops directions: full rank only.
    pairs = [(0, 1), (1, 2)]
    pairs += [(2, 4), (4, 5)] if alpha != "0" else []
    pairs += [(1, 3), (3, 6)] if alpha == "1" else []
    for i, j in pairs:
        found = value(metric, oracle[f"X{i}"], oracle[f"X{j}"])
        assert found == pytest.approx(expected[i, j], abs=1e-8)


@pytest.mark.parametrize("alpha", ["0", "0.5", "1"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_convolution_values_on_odd_grids(shared: Path, alpha, geometry):
    oracle = np.load(shared / "oracles" / "conv_odd.npz")
    maps = oracle[f"maps_a{alpha}_{geometry}"]
    options = {"alpha": float(alpha), "geometry": geometry}
    still = ConvolutionMetric(**options, shifts=False)
    X, Y = oracle["X0"], oracle["X1"]
    h, w = X.shape[1:3]
    found = value(still, np.roll(X, (1, -1), axis=(1, 2)), Y)
    assert found == pytest.approx(maps[0, 1][1 + h // 2, -1 + w // 2], abs=1e-10)
    X, Y = X[:8], Y[:8]  # a whole map takes seconds
    at_shifts = [value(still, np.roll(X, s, axis=(1, 2)), Y) for s in np.ndindex(h, w)]
    assert value(ConvolutionMetric(**options), X, Y) == pytest.approx(min(at_shifts), abs=1e-14)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_permutation_and_cka_values_of_the_authors_package(shared: Path, geometry):
    oracle = np.load(shared / "oracles" / "netrep_public.npz")
    for i, j in PAIRS:
        X, Y = oracle[f"equal_{i}"], oracle[f"equal_{j}"]
        found = value(PermutationMetric(geometry=geometry), X, Y)
        assert found == pytest.approx(oracle[f"perm_equal_{geometry}"][i, j], abs=1e-10)
        expected = oracle["cka_angular_equal"][i, j]
        assert value(AngularCKA(), X, Y) == pytest.approx(expected, abs=1e-10)


def test_stochastic_values_of_the_authors_package(shared: Path):
    oracle = np.load(shared / "oracles" / "stochastic.npz")
    S = oracle["S"]
    metric = GaussianStochasticMetric(alpha=2.0)
    found = value(metric, S[0], S[1])
    assert found == pytest.approx(oracle["gauss_a2_meansinit"][0, 1], abs=1e-9)
    for alpha in ("0", "1"):
        metric = GaussianStochasticMetric(alpha=float(alpha))
        best = metric.align(S[0], S[1])
        found = reference.loss_at(metric, S[0], S[1], best.rotation).value
        assert found <= oracle[f"gauss_a{alpha}_rand30"][0, 1] + 1e-6


def test_values_of_other_libraries(shared: Path):
    X = np.load(shared / "oracles" / "linear_equal.npz")["X"]
    oracle = np.load(shared / "oracles" / "crosscheck.npz")
    for i, j in PAIRS[:2]:
        for metric, key in (
            (LinearMetric(), "scipy_procrustes_angular"),
            (LinearMetric(alpha=0.0), "sklearn_cca_angular"),
        ):
            assert value(metric, X[i], X[j]) == pytest.approx(oracle[key][i, j], abs=1e-9)


# Closed forms


def test_procrustes_and_cca_of_scipy_and_scikit_learn():
    X, Y = graded(0, 40, 4, 1.0), graded(1, 40, 4, 1.0)
    disparity = procrustes(X, Y)[2]
    assert value(LinearMetric(), X, Y) == pytest.approx(np.arccos(np.sqrt(1 - disparity)), abs=1e-9)
    cca = CCA(4, scale=False, max_iter=10000, tol=1e-14).fit(X, Y)
    scores = zip(*(S.T for S in cca.transform(X, Y)))
    mean = np.mean([pearsonr(a, b)[0] for a, b in scores])
    assert value(Comparison("mean_cca"), X, Y) == pytest.approx(1 - mean, abs=1e-6)
    assert value(LinearMetric(alpha=0.0), X, Y) == pytest.approx(np.arccos(mean), abs=1e-6)


@pytest.mark.parametrize("n", [(4, 4), (3, 5), (6, 4)])
def test_matchings_by_assignment_of_copies(n):
    """Uniform transport is an assignment of as many copies as make the numbers equal."""
    X, Y = graded(0, 20, n[0], 0.0), graded(1, 20, n[1], 0.0)
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    size = np.lcm(*n)
    copies = X.repeat(size // n[0], axis=1), Y.repeat(size // n[1], axis=1)
    C = copies[0].T @ copies[1]
    rows, columns = linear_sum_assignment(C, maximize=True)
    squared = np.sum((copies[0][:, rows] - copies[1][:, columns]) ** 2) / size
    found = value(SoftMatchingMetric("euclidean"), X, Y)
    assert found == pytest.approx(np.sqrt(squared), abs=1e-12)
    for padding in ("pair", "free"):
        gain = X.T @ Y if padding == "pair" else np.maximum(X.T @ Y, 0.0)
        inner = gain[linear_sum_assignment(gain, maximize=True)].sum()
        squared = np.sum(X**2) + np.sum(Y**2) - 2 * inner
        metric = PermutationMetric("euclidean", padding=padding)
        assert value(metric, X, Y) == pytest.approx(np.sqrt(squared), abs=1e-12)


def test_kernels_of_scikit_learn():
    X, Y = graded(0, 15, 3, 0.0), graded(1, 15, 4, 0.0)
    C = np.eye(15) - 1.0 / 15
    grams = [C @ rbf_kernel(Z, gamma=0.5 / np.median(pdist(Z)) ** 2) @ C for Z in (X, Y)]
    cosine = np.sum(grams[0] * grams[1]) / np.prod([np.linalg.norm(K) for K in grams])
    assert value(AngularCKA("rbf"), X, Y) == pytest.approx(np.arccos(cosine), abs=1e-12)
    scores = [
        KernelPCA(5, kernel="rbf", gamma=0.5 / np.median(pdist(Z)) ** 2).fit_transform(Z)
        for Z in (X, Y)
    ]
    for alpha in (0.0, 0.4, 1.0):
        expected = value(LinearMetric(alpha=alpha), *scores)
        found = value(KernelMetric("rbf", alpha=alpha, n_components=5), X, Y)
        assert found == pytest.approx(expected, abs=1e-9)
    every = KernelMetric("rbf", approximation="nystroem", n_components=15)
    assert value(every, X, Y) == pytest.approx(value(KernelMetric("rbf"), X, Y), abs=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_regression_of_scikit_learn(ridge):
    X, Y = graded(0, 23, 4, 1.0), graded(1, 23, 3, 1.0) + graded(0, 23, 4, 1.0)[:, :3]
    fold = np.empty(23, dtype=int)
    for k, part in enumerate(np.array_split(np.random.default_rng(3).permutation(23), 5)):
        fold[part] = k
    predicted = np.empty_like(Y)
    for train, test in PredefinedSplit(fold).split():
        A = X[train] - X[train].mean(axis=0)
        penalty = ridge * np.sum(A**2) / X.shape[1]
        model = Ridge(penalty, solver="svd") if ridge else LinearRegression()
        predicted[test] = model.fit(X[train], Y[train]).predict(X[test])
    expected = 1 - r2_score(Y, predicted, multioutput="variance_weighted")
    metric = Comparison("linear_regression", seed=3, ridge=ridge)
    assert value(metric, X, Y) == pytest.approx(expected, abs=1e-11)
    if not ridge:
        by_library = cross_val_predict(LinearRegression(), X, Y, cv=PredefinedSplit(fold))
        np.testing.assert_allclose(by_library, predicted, atol=1e-12)


@pytest.mark.parametrize("rdm", ["correlation", "euclidean", "squared_euclidean"])
def test_rsa_of_scipy(rdm):
    X, Y = graded(0, 12, 4, 0.0), graded(1, 12, 3, 0.0)
    names = {"squared_euclidean": "sqeuclidean"}
    vectors = [pdist(Z, names.get(rdm, rdm)) for Z in (X, Y)]
    for correlation, function in (("pearson", pearsonr), ("spearman", spearmanr)):
        metric = Comparison("rsa_correlation", rdm=rdm, correlation=correlation)
        assert value(metric, X, Y) == pytest.approx(1 - function(*vectors)[0], abs=1e-12)


def test_stochastic_closed_forms():
    rng = np.random.default_rng(0)
    means, eye = rng.normal(size=(5, 2)), np.tile(np.eye(2), (5, 1, 1))
    for group in ("orth", "perm", "identity"):
        metric = GaussianStochasticMetric(alpha=0.0, group=group)
        found = value(metric, (means, eye), (means, 4.0 * eye))
        assert found**2 == pytest.approx(4.0, abs=1e-12)
    X, Y = rng.normal(size=(2, 5, 4, 2))
    euclidean = LinearMetric(geometry="euclidean", center=False)
    expected = np.sqrt(2 / 5) * value(euclidean, X.mean(axis=1), Y.mean(axis=1))
    metric = GaussianStochasticMetric(alpha=2.0)
    assert value(metric, X, Y) == pytest.approx(expected, abs=1e-12)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for metric in (GaussianStochasticMetric(), EnergyStochasticMetric(estimator="empirical")):
        # The angle is found to 1e-8 or so, where the loss is flat.
        assert value(metric, X, X @ turn) == pytest.approx(0.0, abs=1e-6)
        assert value(metric, X, Y @ turn) == pytest.approx(value(metric, X, Y), abs=1e-12)
        at = reference.loss_at(metric, X, X @ turn, turn).value
        assert at == pytest.approx(0.0, abs=1e-8)


# What has no answer


@pytest.mark.parametrize(
    ("metric", "X"),
    [
        (LinearMetric(), np.ones((5, 2))),
        (LinearMetric(alpha=0.0), graded(0, 5, 4, 0.0)),
        (KernelMetric("rbf", alpha=0.0), graded(0, 6, 5, 0.0)),
        (KernelMetric("rbf"), np.eye(20)[:, :1]),
        (KernelMetric("precomputed"), -np.diag(np.arange(5.0))),
        (SoftMatchingMetric("correlation"), np.eye(5)[:, :3] * [1.0, 1.0, 0.0]),
        (Comparison("linear_regression"), graded(0, 4, 2, 0.0)),
        (Comparison("rsa_correlation"), np.ones((4, 3)) * np.arange(4.0)[:, None]),
        (EnergyStochasticMetric(), np.ones((4, 1, 3))),
    ],
)
def test_no_answer_where_the_package_refuses(metric, X):
    with pytest.raises(reference.Undefined):
        reference.distance(metric, X, X)
    with pytest.raises(ValueError, match="'X'"):
        metric.distance(X, X)


def test_answers_that_rounding_decides_are_marked():
    X, Y = graded(0, 20, 5, 13.5), graded(1, 20, 5, 0.0)
    assert not reference.distance(LinearMetric(alpha=0.0), X, Y).is_determined
    assert reference.distance(LinearMetric(alpha=1.0), X, Y).is_determined

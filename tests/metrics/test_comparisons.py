"""Comparisons that are not metrics: equal to independent programs, and shown not to be metrics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group, pearsonr, spearmanr
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import Comparison

NAMES = Comparison.names()
#: Those that do not see rotations of the units.
ROTATED = tuple(name for name in NAMES if name != "partial_soft_matching")
seeds = st.integers(0, 2**31)
names = st.sampled_from(NAMES)


def draw(seed: int, *widths: int, m: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(m, 8))
    return [
        common @ rng.normal(size=(8, n)) + rng.normal(size=(m, n)) + rng.normal(size=n)
        for n in widths
    ]


def folds(m: int, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each stimulus, as the class describes it: a seeded permutation, cut evenly."""
    fold = np.empty(m, dtype=int)
    order = np.random.default_rng(seed).permutation(m)
    for k, part in enumerate(np.array_split(order, n_folds)):
        fold[part] = k
    return fold


def pwcca(X: np.ndarray, Y: np.ndarray) -> float:
    """Definition of Morcos et al., by canonical variates."""
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    (Q, _), (R, _) = np.linalg.qr(X), np.linalg.qr(Y)
    U, rho, _ = np.linalg.svd(Q.T @ R, full_matrices=False)
    weights = np.abs((Q @ U).T @ X).sum(axis=1)
    return 1.0 - float(weights @ rho / weights.sum())


@pytest.mark.parametrize("name", NAMES)
def test_none_is_called_a_metric(name):
    comparison = Comparison(name)
    assert comparison.is_metric is False
    parameters = json.loads(json.dumps(comparison.parameters()))
    assert parameters["measure"] == name
    assert parameters["is_metric"] is False


@pytest.mark.parametrize("name", NAMES)
def test_each_violates_the_triangle_inequality(name, rng):
    """Two networks that share nothing, and one that holds both: the way round is shorter."""
    noise = rng.normal(size=(40, 6))
    basis = np.linalg.qr(noise - noise.mean(axis=0))[0]
    X, Z = basis[:, :3], basis[:, 3:]
    Y = np.hstack([X, Z])
    options = {"rsa_correlation": {"rdm": "squared_euclidean"}, "cknna": {"n_neighbors": 39}}
    options = options.get(name, {})
    comparison = Comparison(name, **options)
    direct = comparison.distance(X, Z)
    detour = comparison.distance(X, Y) + comparison.distance(Y, Z)
    assert direct > detour + 0.1


@given(seeds, st.sampled_from(ROTATED), st.integers(2, 8))
def test_zero_between_a_network_and_its_rotated_copy(seed, name, n):
    (X,) = draw(seed, n)
    copy = 3.0 * X @ ortho_group.rvs(n, random_state=seed % 2**32)
    options = {"rdm": "euclidean"} if name == "rsa_correlation" else {}
    comparison = Comparison(name, **options)
    assert comparison.distance(X, copy) < 1e-10
    assert 0.0 <= comparison.distance(*draw(seed, n, 5)) <= 2.0


@given(seeds, st.sampled_from(["mean_cca", "linear_regression"]))
def test_cca_and_regression_do_not_see_invertible_maps_of_the_first_network(seed, name):
    X, Y = draw(seed, 4, 5)
    mixed = X @ (np.eye(4) + 0.3 * np.random.default_rng(seed).normal(size=(4, 4))) + 2.0
    comparison = Comparison(name)
    assert comparison.distance(mixed, Y) == pytest.approx(comparison.distance(X, Y), abs=1e-7)


@given(seeds, names)
def test_symmetric_says_whether_both_directions_agree(seed, name):
    X, Y = draw(seed, 3, 6)
    comparison = Comparison(name)
    there, back = comparison.distance(X, Y), comparison.distance(Y, X)
    assert (abs(there - back) < 1e-12) == comparison.symmetric
    D = pairwise_distances([X, Y], comparison)
    np.testing.assert_allclose([D[0, 1], D[1, 0]], [there, back], atol=1e-12)


def test_mean_cca_and_rsa_and_cka_equal_other_programs(shared: Path):
    oracle = np.load(shared / "oracles" / "crosscheck.npz")
    arrays = list(oracle["X"])
    off = ~np.eye(len(arrays), dtype=bool)
    for comparison, similarity in (
        (Comparison("mean_cca"), oracle["sklearn_cca_corrs"].mean(axis=-1)),
        (Comparison("cka"), oracle["rsatoolbox_cosine_cov"]),
        (Comparison("rsa_correlation", rdm="squared_euclidean"), oracle["rsatoolbox_corr"]),
        (
            Comparison("rsa_correlation", rdm="euclidean", correlation="spearman"),
            oracle["rsatoolbox_spearman"],
        ),
    ):
        found = pairwise_distances(arrays, comparison)
        np.testing.assert_allclose(found[off], 1.0 - similarity[off], rtol=0, atol=1e-9)


def test_mean_cca_equals_scikit_learn_at_unequal_widths():
    X, Y = draw(4, 3, 5, m=60)
    U, V = CCA(3, tol=1e-13, max_iter=20000, scale=False).fit_transform(X, Y)
    rho = [pearsonr(u, v)[0] for u, v in zip(U.T, V.T)]
    assert Comparison("mean_cca").distance(X, Y) == pytest.approx(1.0 - np.mean(rho), abs=1e-6)


@given(seeds, st.integers(1, 8), st.integers(1, 8))
def test_pwcca_equals_its_definition(seed, n, p):
    X, Y = draw(seed, n, p)
    assert Comparison("pwcca").distance(X, Y) == pytest.approx(pwcca(X, Y), abs=1e-10)


@given(seeds, st.integers(2, 7), st.integers(1, 40), st.integers(1, 6), st.integers(0, 3))
def test_regression_equals_scikit_learn_fold_by_fold(seed, n_folds, n, p, fold_seed):
    X, Y = draw(seed, n, p, m=31)
    split = PredefinedSplit(folds(31, n_folds, fold_seed))
    predicted = cross_val_predict(LinearRegression(), X, Y, cv=split)
    r2 = r2_score(Y, predicted.reshape(Y.shape), multioutput="variance_weighted")
    comparison = Comparison("linear_regression", n_folds=n_folds, seed=fold_seed)
    assert comparison.distance(X, Y) == pytest.approx(1.0 - r2, rel=1e-7, abs=1e-9)


def test_ridge_is_a_fraction_of_the_mean_eigenvalue():
    X, Y = draw(2, 40, 3)
    fold = folds(30, 5, 0)
    predicted = np.empty_like(Y)
    for k in range(5):
        train = fold != k
        inner = X[train] - X[train].mean(axis=0)
        penalty = 0.3 * np.sum(inner**2) / X.shape[1]
        model = Ridge(alpha=penalty).fit(X[train], Y[train])
        predicted[~train] = model.predict(X[~train])
    expected = 1.0 - r2_score(Y, predicted, multioutput="variance_weighted")
    comparison = Comparison("linear_regression", ridge=0.3)
    assert comparison.distance(X, Y) == pytest.approx(expected, abs=1e-10)
    assert comparison.distance(1e3 * X, Y) == pytest.approx(expected, abs=1e-10)


def test_without_folds_the_fit_itself_is_measured():
    X, Y = draw(5, 4, 3)
    predicted = LinearRegression().fit(X, Y).predict(X)
    expected = 1.0 - r2_score(Y, predicted, multioutput="variance_weighted")
    fitted = Comparison("linear_regression", n_folds=None).distance(X, Y)
    assert fitted == pytest.approx(expected, abs=1e-12)
    assert fitted < Comparison("linear_regression").distance(X, Y)


@pytest.mark.parametrize(
    ("rdm", "distance"),
    [
        ("correlation", "correlation"),
        ("euclidean", "euclidean"),
        ("squared_euclidean", "sqeuclidean"),
    ],
)
@pytest.mark.parametrize(("correlation", "of"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_rsa_equals_scipy(rdm, distance, correlation, of):
    X, Y = draw(6, 5, 7)
    expected = 1.0 - of(pdist(X, distance), pdist(Y, distance))[0]
    comparison = Comparison("rsa_correlation", rdm=rdm, correlation=correlation)
    assert comparison.distance(X, Y) == pytest.approx(expected, abs=1e-10)


def test_ranks_do_not_follow_rounding():
    """A grid has many equal distances; rotated, they are equal up to rounding only."""
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    turned = grid @ ortho_group.rvs(3, random_state=1) + 0.1
    comparison = Comparison("rsa_correlation", rdm="euclidean", correlation="spearman")
    assert comparison.distance(grid, turned) < 1e-12


@pytest.mark.parametrize(
    "comparison",
    [Comparison(name) for name in NAMES]
    + [
        Comparison("mean_cca", n_components=2),
        Comparison("linear_regression", n_folds=None, ridge=0.1),
        Comparison("linear_regression", n_folds=7),
        Comparison("rsa_correlation", rdm="euclidean", correlation="spearman"),
    ],
)
def test_blocks_threads_cross_and_float32_agree(comparison):
    arrays = draw(7, 3, 5, 2, 5, 3)
    D = pairwise_distances(arrays, comparison)
    for options in ({"block_size": 1}, {"block_size": 2, "n_jobs": 2}, {"block_size": 4}):
        np.testing.assert_allclose(pairwise_distances(arrays, comparison, **options), D, atol=1e-12)
    cross = cross_distances(arrays[:2], arrays[2:], comparison)
    np.testing.assert_allclose(cross, D[:2, 2:], atol=1e-12)
    single = pairwise_distances(arrays, comparison, dtype="float32")
    np.testing.assert_allclose(single, D, atol=2e-5)


def test_components_reduce_before_correlating():
    X, Y = draw(8, 10, 12)
    reduced = []
    for Z in (X, Y):
        U, s, _ = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
        reduced.append(U[:, :3] * s[:3])
    expected = Comparison("mean_cca").distance(*reduced)
    found = Comparison("mean_cca", n_components=3).distance(X, Y)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("1-cka", {}, "measure"),
        ("cka", {"ridge": 0.1}, "'cka' has no such option"),
        ("mean_cca", {"n_folds": 3}, "no such option"),
        ("mean_cca", {"n_components": 0}, "n_components"),
        ("linear_regression", {"n_folds": 1}, "n_folds"),
        ("linear_regression", {"ridge": -0.1}, "ridge"),
        ("linear_regression", {"seed": 0.5}, "seed"),
        ("rsa_correlation", {"rdm": "cosine"}, "rdm"),
        ("rsa_correlation", {"correlation": "kendall"}, "correlation"),
    ],
)
def test_wrong_parameters_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        Comparison(name, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((5, 2, 2)), ValueError, "shape"),
        (np.zeros((0, 3)), ValueError, "at least one unit"),
        (np.ones((1, 3)), ValueError, "1 stimuli"),
        (np.ones((9, 1)) * [[0.1, 0.2, 0.7]], ValueError, "zero variance"),
        (np.array([[1.0, np.nan]] * 5), ValueError, "NaN or infinite"),
        (np.ones((4, 2), dtype=complex), TypeError, "complex"),
        (np.full((4, 2), "a", dtype=object), TypeError, "object"),
    ],
)
def test_bad_input_is_named(name, X, error, message):
    with pytest.raises(error, match=message) as caught:
        Comparison(name).prepare(X, name="V1")
    assert "V1" in str(caught.value)


def test_what_a_measure_cannot_do_is_said(rng):
    X = rng.normal(size=(10, 12))
    for name in ("mean_cca", "pwcca"):
        with pytest.raises(ValueError, match="span all 10 stimuli"):
            Comparison(name).prepare(X)
    with pytest.raises(ValueError, match="10 stimuli, expected at least 11, one per fold"):
        Comparison("linear_regression", n_folds=11).prepare(X)
    with pytest.raises(ValueError, match="expected at least 2 to train"):
        Comparison("linear_regression", n_folds=2).prepare(X[:2])
    with pytest.raises(ValueError, match="1 unit"):
        Comparison("rsa_correlation").prepare(X[:, :1])
    X[3] = 0.7
    with pytest.raises(ValueError, match="stimulus 3"):
        Comparison("rsa_correlation").prepare(X)
    with pytest.raises(ValueError, match="equal dissimilarities"):
        Comparison("rsa_correlation", rdm="euclidean").prepare(np.eye(6))
    with pytest.raises(ValueError, match="stimuli"):
        Comparison("cka").distance(rng.normal(size=(9, 2)), rng.normal(size=(8, 2)))

"""Kernel ridge on distances and its nested cross-validation, against the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

from shapemetrics.learning import DistanceKernelRidge, gaussian_kernel, nested_regression
from shapemetrics.learning.resampling import random_seed, split

FAST = {"n_permutations": 0, "n_bootstrap": 0}


@pytest.fixture
def line(rng):
    """Forty items on a line, with a smooth and slightly noisy target."""
    x = rng.uniform(size=40)
    return np.abs(x[:, None] - x), np.sin(5 * x) + 0.05 * rng.standard_normal(40)


def by_sklearn(D, y, train, test, sigma, ridge):
    """Prediction by scikit-learn's KernelRidge on a kernel made by hand."""
    inside = D[np.ix_(train, train)]
    width = sigma * np.median(inside[np.triu_indices(len(train), 1)])
    model = KernelRidge(alpha=ridge, kernel="precomputed")
    mean = y[train].mean()
    model.fit(gaussian_kernel(inside, width), y[train] - mean)
    return mean + model.predict(gaussian_kernel(D[np.ix_(test, train)], width))


def test_estimator_is_kernel_ridge_on_centred_targets(line):
    D, y = line
    train, test = np.arange(30), np.arange(30, 40)
    model = DistanceKernelRidge(sigma=0.7, ridge=0.05).fit(D[:30, :30], y[:30])
    expected = by_sklearn(D, y, train, test, 0.7, 0.05)
    np.testing.assert_allclose(model.predict(D[30:, :30]), expected, atol=1e-9)
    many = DistanceKernelRidge(sigma=0.7, ridge=0.05).fit(D[:30, :30], np.c_[y, 2 * y][:30])
    np.testing.assert_allclose(many.predict(D[30:, :30])[:, 1], 2 * expected, atol=1e-9)


def test_estimator_is_sliced_on_both_axes(line):
    D, y = line
    folds = KFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(DistanceKernelRidge(0.5, 0.01), D, y, cv=folds)
    for train, test in folds.split(y):
        expected = by_sklearn(D, y, train, test, 0.5, 0.01)
        np.testing.assert_allclose(found[test], expected, atol=1e-8)


def test_indefinite_kernels_shrink_instead_of_exploding():
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    gap = np.abs(angle[:, None] - angle)
    D = np.minimum(gap, 2 * np.pi - gap)
    width = 2 * np.median(D[np.triu_indices(40, 1)])
    lowest = np.linalg.eigvalsh(gaussian_kernel(D, width)).min()
    assert lowest < -1e-3
    # A ridge equal to a negative eigenvalue makes the plain solution singular.
    model = DistanceKernelRidge(sigma=2.0, ridge=-lowest).fit(D, np.cos(angle))
    assert np.abs(model.predict(D)).max() < 1.5
    assert model.score(D, np.cos(angle)) > 0.9


@pytest.mark.parametrize("groups", [None, np.arange(40) // 2])
def test_nested_predictions_equal_the_slow_way(line, groups):
    D, y = line
    sigmas, ridges = (0.3, 1.0, 3.0), (1e-3, 1e-1, 10.0)
    result = nested_regression(
        D, y, seed=3, n_outer=4, n_inner=5, sigmas=sigmas, ridges=ridges, groups=groups, **FAST
    )
    table = result.predictions
    for fold, choice in result.choices.set_index("fold").iterrows():
        test = np.flatnonzero(table["fold"] == fold)
        train = np.flatnonzero(table["fold"] != fold)
        # Equal inner folds, so that the mean of errors is that of the pooled errors.
        inner = split(
            len(train), 5, random_seed(3, 3, 0, fold), None if groups is None else groups[train]
        )
        assert len({len(b) for _, b in inner}) == 1
        search = GridSearchCV(
            DistanceKernelRidge(),
            {"sigma": sigmas, "ridge": ridges},
            cv=inner,
            scoring="neg_mean_squared_error",
        ).fit(D[np.ix_(train, train)], y[train])
        assert search.best_params_ == {"sigma": choice["sigma"], "ridge": choice["ridge"]}
        expected = by_sklearn(D, y, train, test, choice["sigma"], choice["ridge"])
        np.testing.assert_allclose(table["predicted"].to_numpy()[test], expected, atol=1e-8)
        np.testing.assert_allclose(table["baseline"].to_numpy()[test], y[train].mean())


def test_permuted_targets_run_the_same_procedure(line, rng):
    """The null value of a permuted target is what a run on that target alone gives."""
    D, y = line
    options = {"sigmas": (0.3, 1.0), "ridges": (1e-2, 1.0), "n_bootstrap": 0, "seed": 5}
    null = nested_regression(D, y, n_permutations=3, **options).null_r2
    generator = np.random.default_rng(np.random.SeedSequence([5, 1]))
    for value in null:
        alone = nested_regression(D, generator.permutation(y), n_permutations=0, **options)
        assert alone.summary["r2"].item() == pytest.approx(value, abs=1e-9)


def test_r2_and_rank_correlation_are_those_of_the_predictions(line):
    D, y = line
    result = nested_regression(D, y, n_repeats=2, seed=1, **FAST)
    table = result.predictions
    assert len(table) == 80
    error = np.sum((table["observed"] - table["predicted"]) ** 2)
    base = np.sum((table["observed"] - table["baseline"]) ** 2)
    row = result.summary.iloc[0]
    assert row["r2"] == pytest.approx(1 - error / base)
    by_repeat = [
        part["observed"].corr(part["predicted"], method="spearman")
        for _, part in table.groupby("repeat")
    ]
    assert row["spearman"] == pytest.approx(np.mean(by_repeat))
    # Two repeats, two sets of folds.
    first, second = (part["fold"].to_numpy() for _, part in table.groupby("repeat"))
    assert (first != second).any()


def test_a_latent_line_is_predicted_and_noise_is_not(line, rng):
    D, y = line
    row = nested_regression(D, y, n_permutations=50).summary.iloc[0]
    assert row["r2"] > 0.9
    assert row["r2_low"] < row["r2"] < row["r2_high"]
    assert row["r2_low"] > 0.8
    assert row["spearman"] > 0.9
    assert row["p_value"] == row["spearman_p_value"] == pytest.approx(1 / 51)
    assert row["null_r2_low"] < row["null_r2_mean"] < row["null_r2_high"] < row["r2"]
    noise = nested_regression(D, rng.permutation(y), n_permutations=50).summary.iloc[0]
    assert noise["r2"] < 0.2
    assert noise["p_value"] > 0.05
    assert noise["null_r2_mean"] < 0.05


def test_the_mean_scores_zero(line):
    """An enormous ridge predicts the training mean: R^2 is exactly chance."""
    D, y = line
    row = nested_regression(D, y, ridges=(1e12,), **FAST).summary.iloc[0]
    assert row["r2"] == pytest.approx(0.0, abs=1e-9)


def test_groups_close_the_leak(rng):
    """Copies of a network share target and position: only whole groups left out are honest."""
    groups = np.repeat(np.arange(30), 3)
    X = rng.standard_normal((30, 4))[groups] + 0.01 * rng.standard_normal((90, 4))
    D, y = cdist(X, X), rng.standard_normal(30)[groups]
    leaky = nested_regression(D, y, **FAST).summary.iloc[0]
    honest = nested_regression(D, y, groups=groups, n_permutations=30).summary.iloc[0]
    assert leaky["r2"] > 0.8
    assert honest["r2"] < 0.2
    assert honest["p_value"] > 0.05
    assert honest["permutation"] == "groups"
    assert honest["n_groups"] == 30


def test_leave_one_out(line):
    D, y = line
    result = nested_regression(D, y, leave_one_out=True, sigmas=(0.5,), ridges=(0.01,), **FAST)
    assert result.summary["n_outer"].item() == 40
    for i in (0, 17):
        train = np.delete(np.arange(40), i)
        expected = by_sklearn(D, y, train, np.array([i]), 0.5, 0.01)
        assert result.predictions["predicted"][i] == pytest.approx(expected[0], abs=1e-9)
    groups = np.arange(40) // 8
    grouped = nested_regression(D, y, leave_one_out=True, groups=groups, n_inner=2, **FAST)
    assert grouped.summary["n_outer"].item() == 5


def test_runs_are_seeded(line):
    D, y = line
    first, second, other = (
        nested_regression(D, y, seed=seed, n_permutations=5).summary for seed in (1, 1, 2)
    )
    assert first.equals(second)
    assert first["r2"].item() != other["r2"].item()


def test_without_permutations_or_bootstrap_the_columns_are_empty(line):
    D, y = line
    result = nested_regression(D, y, ids=[f"n{i}" for i in range(40)], **FAST)
    row = result.summary.iloc[0]
    empty = ["r2_low", "r2_high", "null_r2_mean", "null_r2_low", "null_r2_high"]
    assert row[[*empty, "p_value", "spearman_p_value"]].isna().all()
    assert result.predictions["id"][3] == "n3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(40)}, "y: found 1.0 for every item"),
        ({"y": np.ones(39)}, r"y: found shape \(39,\), expected \(40,\)"),
        ({"y": np.r_[np.nan, np.arange(39)]}, "found nan at first"),
        ({"n_outer": 1}, "n_outer: found 1, expected an integer >= 2"),
        ({"n_outer": 41}, "folds: found 40 items, expected at least 41"),
        ({"n_permutations": -1}, "n_permutations"),
        ({"sigmas": ()}, "sigmas: found"),
        ({"ridges": (0.0,)}, "ridges: found"),
        ({"groups": np.zeros(40)}, "folds: found 1 groups, expected at least 5"),
    ],
)
def test_bad_input_is_named(line, change, message):
    D, y = line
    options = {"y": y, "ids": ["first", *range(1, 40)]} | change
    with pytest.raises(ValueError, match=message):
        nested_regression(D, **options)


@pytest.mark.parametrize(
    ("options", "D", "y", "message"),
    [
        ({"ridge": 0.0}, 1 - np.eye(3), np.arange(3), "ridge: found 0.0, expected a number > 0"),
        ({}, 1 - np.eye(3), np.arange(4), r"y: found shape \(4,\), expected one target"),
        ({}, 1 - np.eye(3), np.array([0, 1, np.inf]), "'y': found 1 values that are NaN or infin"),
        ({}, np.ones((3, 2)), np.arange(3), "square"),
    ],
)
def test_estimator_names_bad_input(options, D, y, message):
    with pytest.raises(ValueError, match=message):
        DistanceKernelRidge(**options).fit(D, y)

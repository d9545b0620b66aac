"""Variance that covariates explain, axes' correlations, agreement of accuracies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LinearRegression

from shapemetrics.learning import accuracy_agreement, axis_correlations, variance_explained


def distances(points: np.ndarray) -> np.ndarray:
    return squareform(pdist(points))


@given(st.integers(0, 1000))
def test_euclidean_distances_give_the_regression_of_the_points(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(25, 4))
    x = rng.normal(size=25)
    labels = np.array(["a", "b", "c"])[rng.integers(0, 3, 25)]
    labels[:3] = ["a", "b", "c"]
    found = variance_explained(
        distances(points), {"x": x, "labels": labels}, n_permutations=0, ranks=False
    ).set_index("covariate")
    dummies = pd.get_dummies(labels).to_numpy(float)
    centred = points - points.mean(axis=0)
    for name, columns in (
        ("x", x[:, None]),
        ("labels", dummies),
        (None, np.column_stack([x, dummies])),
    ):
        left = points - LinearRegression().fit(columns, points).predict(columns)
        expected = 1 - (left**2).sum() / (centred**2).sum()
        value = found["total_r2"].iloc[0] if name is None else found.loc[name, "r2"]
        assert value == pytest.approx(expected)
    assert found.loc["x", "unique_r2"] == pytest.approx(
        found.loc["x", "total_r2"] - found.loc["labels", "r2"]
    )
    assert found["df"].to_dict() == {"x": 1, "labels": 2}


def test_ranks_ignore_the_scale(rng):
    x = rng.normal(size=30)
    D = distances(np.column_stack([np.argsort(np.argsort(x)), rng.normal(size=30)]))
    found = variance_explained(D, {"x": x, "monotone": np.exp(3 * x)}, n_permutations=0)
    assert found["r2"].nunique() == 1
    assert found["r2"].iloc[0] > 0.9
    assert found["unique_r2"].abs().max() < 1e-12
    assert found["p_value"].isna().all()


def test_permutations_tell_what_matters(rng):
    depth, noise = rng.integers(1, 6, 60), rng.normal(size=60)
    D = distances(np.column_stack([depth, rng.normal(size=(60, 5))]))
    covariates = pd.DataFrame({"depth": depth, "noise": noise})
    found = variance_explained(D, covariates, n_permutations=199, seed=3).set_index("covariate")
    assert found.loc["depth", "p_value"] == 1 / 200
    assert found.loc["noise", "p_value"] > 0.05
    again = variance_explained(D, covariates[["depth"]], n_permutations=199, seed=3)
    assert again["p_value"].iloc[0] == found.loc["depth", "p_value"]
    assert again["unique_r2"].iloc[0] == pytest.approx(again["r2"].iloc[0])


def test_p_values_are_those_of_chance_where_there_is_nothing(rng):
    p = [
        variance_explained(
            distances(rng.normal(size=(12, 3))), {"x": rng.normal(size=12)}, n_permutations=39
        )["p_value"].iloc[0]
        for _ in range(60)
    ]
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.1) < 0.25


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        ({}, "covariates: found none"),
        ({"x": [1, 2]}, "covariate x: found 2 values, expected 4"),
        ({"x": [1, 2, np.nan, 3]}, "covariate x: found nan for item 2"),
        ({"x": [1, np.inf, 2, 3]}, "covariate x: found inf for item 1"),
        ({"x": ["a", None, "b", "a"]}, "covariate x: found .* for item 1"),
        ({"x": [5, 5, 5, 5]}, "covariate x: found 5 for all items"),
        ({"x": list("abcd")}, "3 degrees of freedom together, expected fewer than 3"),
    ],
)
def test_covariates_that_say_nothing_are_refused(rng, covariates, message):
    with pytest.raises(ValueError, match=message):
        variance_explained(distances(rng.normal(size=(4, 2))), covariates)


def test_equal_items_are_refused():
    with pytest.raises(ValueError, match="D: found no variance between the items"):
        variance_explained(np.zeros((4, 4)), {"x": [1, 2, 3, 4]})


def test_axes_correlate_by_ranks(rng):
    points = np.column_stack([rng.normal(size=(20, 2)), np.zeros(20)])
    covariates = pd.DataFrame({"depth": rng.integers(1, 5, 20), "size": rng.normal(size=20)})
    found = axis_correlations(points, covariates).pivot(
        index="covariate", columns="axis", values="spearman"
    )
    for name in covariates:
        for axis in (1, 2):
            expected = spearmanr(points[:, axis - 1], covariates[name])[0]
            assert found.loc[name, axis] == pytest.approx(expected)
    assert found[3].isna().all()
    with pytest.raises(ValueError, match="covariate kind: found labels, expected numbers"):
        axis_correlations(points, {"kind": list("ab") * 10})
    with pytest.raises(
        ValueError, match=r"points: found shape .* expected a finite matrix \(K, L\)"
    ):
        axis_correlations(np.arange(3.0), {"x": [1, 2, 3]})


def test_agreement_of_accuracies(rng):
    ours = rng.uniform(0.4, 0.8, 40)
    table = pd.DataFrame(
        {"test_accuracy": ours, "published_test_accuracy": 0.1 + ours + rng.normal(0, 0.05, 40)}
    )
    found = accuracy_agreement(table, n_permutations=199, seed=1).iloc[0]
    x, y = table["test_accuracy"], table["published_test_accuracy"]
    assert found["spearman"] == pytest.approx(spearmanr(x, y)[0])
    assert found["pearson"] == pytest.approx(pearsonr(x, y)[0])
    assert found["spearman_low"] < found["spearman"] < found["spearman_high"]
    assert found["p_value"] == 1 / 200
    assert found["mean_difference"] == pytest.approx((x - y).mean())
    assert found["rms_difference"] == pytest.approx(np.sqrt(((x - y) ** 2).mean()))
    assert found["n"] == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="test_accuracy"), "networks: found no column test_accuracy"),
        (
            lambda t: t.assign(test_accuracy=[0.1, np.nan, 0.2, 0.3]),
            "found nan in column test_accuracy, row 1",
        ),
        (lambda t: t.assign(test_accuracy=0.5), "found 0.5 in column test_accuracy for all"),
        (lambda t: t[:2], "networks: found 2, expected at least 3"),
    ],
)
def test_accuracies_that_cannot_agree_are_refused(change, message):
    accuracies = [0.1, 0.2, 0.3, 0.4]
    table = pd.DataFrame({"test_accuracy": accuracies, "published_test_accuracy": accuracies})
    with pytest.raises(ValueError, match=message):
        accuracy_agreement(change(table))

"""The Mantel test and the table of agreement between metrics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, squareform
from scipy.stats import pearsonr, spearmanr

from shapemetrics.learning import mantel, metric_agreement


@pytest.fixture
def matrices(rng):
    X = rng.standard_normal((20, 3))
    near = X + 0.3 * rng.standard_normal(X.shape)
    other = rng.standard_normal((20, 3))
    return cdist(X, X), cdist(near, near), cdist(other, other)


@pytest.mark.parametrize(("method", "reference"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_correlation_is_that_of_the_pairs(matrices, method, reference):
    A, B, _ = matrices
    found = mantel(A, B, method=method, n_permutations=0)
    assert found.correlation == pytest.approx(reference(squareform(A), squareform(B)).statistic)
    assert np.isnan(found.p_value)


def test_related_and_unrelated_matrices(matrices):
    A, B, C = matrices
    assert mantel(A, B, n_permutations=199).p_value == pytest.approx(1 / 200)
    assert mantel(A, C, n_permutations=199).p_value > 0.05
    assert mantel(A, A).correlation == pytest.approx(1.0)


def test_null_permutes_items_not_pairs(matrices):
    """Under the null the p-value is uniform; were pairs permuted it would pile up near zero."""
    rng = np.random.default_rng(3)
    p_values = []
    for seed in range(60):
        X, Y = rng.standard_normal((2, 12, 1))
        p_values.append(mantel(cdist(X, X), cdist(Y, Y), n_permutations=49, seed=seed).p_value)
    assert 0.35 < np.mean(p_values) < 0.65
    assert np.mean(np.array(p_values) <= 0.1) < 0.2


def test_table_has_a_row_a_pair(matrices):
    A, B, C = matrices
    table = metric_agreement({"procrustes": A, "cca": B, "cka": C}, n_permutations=9)
    assert table[["metric_a", "metric_b"]].to_numpy().tolist() == [
        ["procrustes", "cca"],
        ["procrustes", "cka"],
        ["cca", "cka"],
    ]
    assert table["correlation"][0] > 0.7 > abs(table["correlation"][1])
    assert table["p_value"][0] == pytest.approx(0.1)
    assert (table["method"] == "spearman").all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda A: mantel(A, A[:5, :5]), "found 20 and 5"),
        (lambda A: mantel(A, np.ones((20, 20)) - np.eye(20)), "D2: found one distance for all"),
        (lambda A: mantel(A, A, method="kendall"), "method: found 'kendall'"),
        (lambda A: mantel(A[:2, :2], A[:2, :2]), "found 2 items, expected at least 3"),
        (lambda A: mantel(A, A, n_permutations=-1), "n_permutations"),
        (lambda A: metric_agreement({"one": A}), "distances: found 1 metrics, expected at least 2"),
        (lambda A: metric_agreement({"one": A, "two": A[:4, :4]}), "one and two"),
        (lambda A: metric_agreement({"one": A, "two": -A}), "two: found -.* expected non-negative"),
    ],
)
def test_bad_input_is_named(matrices, call, message):
    with pytest.raises(ValueError, match=message):
        call(matrices[0])

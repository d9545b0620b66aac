"""Scores of measures on groups and layers that differ by construction."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score, roc_auc_score

from shapemetrics.learning import group_separation, layer_monotonicity


@st.composite
def labelled_matrices(draw):
    """Symmetric dissimilarities with many ties or none, and labels of two to four groups."""
    sizes = draw(st.lists(st.integers(2, 5), min_size=2, max_size=4))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    D = rng.uniform(size=(len(labels), len(labels)))
    if draw(st.booleans()):
        D = np.round(3 * D)
    D = D + D.T
    np.fill_diagonal(D, 0.0)
    return D, rng.permutation(labels)


def slow(D, labels):
    """Mean AUPRC by scikit-learn, violations pair by pair, and share of positive pairs."""
    auprcs, violations, areas, shares = [], [], [], []
    for group in np.unique(labels):
        members = np.flatnonzero(labels == group)
        others = np.flatnonzero(labels != group)
        within = [D[i, j] for i, j in combinations(members, 2)]
        across = [D[i, j] for i, j in product(members, others)]
        truth = [1] * len(within) + [0] * len(across)
        auprcs.append(average_precision_score(truth, -np.array(within + across)))
        areas.append(roc_auc_score(truth, -np.array(within + across)))
        violations.append(
            np.mean([1.0 if w > a else 0.5 * (w == a) for w, a in product(within, across)])
        )
        shares.append(len(within) / len(truth))
    np.testing.assert_allclose(violations, 1 - np.array(areas), atol=1e-12)
    return np.mean(auprcs), np.mean(violations), np.mean(shares)


@given(labelled_matrices())
@settings(max_examples=30)
def test_scores_are_those_of_scikit_learn_group_by_group(case):
    D, labels = case
    found = group_separation(D, labels, n_permutations=0).iloc[0]
    expected = slow(D, labels)
    np.testing.assert_allclose(
        [found["auprc"], found["violations"], found["chance"]], expected, atol=1e-12
    )


@given(labelled_matrices(), st.integers(0, 2**32 - 1))
def test_only_the_order_of_distances_counts_and_no_order_of_items(case, seed):
    D, labels = case
    order = np.random.default_rng(seed).permutation(len(D))
    first = group_separation(D, labels, n_permutations=0)
    moved = group_separation(np.expm1(D)[np.ix_(order, order)], labels[order], n_permutations=0)
    pd.testing.assert_frame_equal(first, moved)


def test_separated_groups_score_one_and_beat_every_null(rng):
    labels = np.repeat(list("abc"), 5)
    X = rng.normal(size=(15, 3)) + 50 * np.repeat(np.eye(3), 5, axis=0)
    found = group_separation(cdist(X, X), labels, n_permutations=200).iloc[0]
    assert (found["auprc"], found["violations"]) == (1.0, 0.0)
    assert found["p_value"] == pytest.approx(1 / 201)
    assert found["null_mean"] < found["null_high"] < 1.0
    assert found["chance"] == pytest.approx(10 / 60)
    assert (found["n"], found["n_groups"], found["n_permutations"]) == (15, 3, 200)


def test_the_null_is_that_of_permuted_labels(rng):
    X = rng.normal(size=(12, 2))
    D, labels = cdist(X, X), np.arange(12) % 3
    found = group_separation(D, labels, n_permutations=300, seed=4).iloc[0]
    by_chance = [rng.permutation(labels) for _ in range(60)]
    null = [group_separation(D, order, n_permutations=0)["auprc"].iloc[0] for order in by_chance]
    assert found["null_mean"] == pytest.approx(np.mean(null), abs=0.03)
    assert found["null_high"] == pytest.approx(np.quantile(null, 0.975), abs=0.1)
    assert found["null_mean"] > found["chance"]  # average precision of few pairs
    again = group_separation(D, labels, n_permutations=300, seed=4)
    pd.testing.assert_frame_equal(again, found.to_frame().T.astype(again.dtypes))


def test_p_values_hold_their_level_without_groups():
    labels, small = np.arange(12) % 3, 0
    for seed in range(100):
        X = np.random.default_rng(seed).normal(size=(12, 2))
        table = group_separation(cdist(X, X), labels, n_permutations=59, seed=seed)
        small += table["p_value"].iloc[0] <= 0.1
    assert 2 <= small <= 20  # 10 expected; outside with probability below 0.003


def test_blocks_of_permutations_change_nothing(monkeypatch, rng):
    X = rng.normal(size=(10, 2))
    D, labels = cdist(X, X), np.arange(10) % 2
    whole = group_separation(D, labels, n_permutations=50)
    monkeypatch.setattr("shapemetrics.learning.separation._BLOCK", 100)
    pd.testing.assert_frame_equal(group_separation(D, labels, n_permutations=50), whole)


def test_asymmetric_dissimilarities_count_in_both_directions(rng):
    D, labels = rng.uniform(size=(8, 8)), np.arange(8) % 2
    pd.testing.assert_frame_equal(
        group_separation(D, labels, n_permutations=9),
        group_separation((D + D.T) / 2, labels, n_permutations=9),
    )


def test_labels_of_a_frame_follow_its_items(rng):
    X = rng.normal(size=(6, 2))
    names = list("pqrstu")
    D = pd.DataFrame(cdist(X, X), names, names)
    labels = pd.Series(list("aabbcc"), names)
    expected = group_separation(D, list("aabbcc"), n_permutations=0)
    found = group_separation(D, labels[::-1], n_permutations=0)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 6, "found one group"),
        (["a", "a", "a", "a", "a", "b"], "one item in group b"),
        (["a", "b"], r"found shape \(2,\), expected \(6,\)"),
    ],
)
def test_labels_without_pairs_are_refused(labels, words):
    with pytest.raises(ValueError, match=words):
        group_separation(np.ones((6, 6)), labels)


def slow_monotonicity(D):
    """Comparisons one by one, as the definition says them."""
    right = []
    for i in range(len(D)):
        for side in (range(i + 1, len(D)), range(i - 1, -1, -1)):
            for near, far in combinations(side, 2):
                right.append(1.0 if D[i, near] < D[i, far] else 0.5 * (D[i, near] == D[i, far]))
    return np.mean(right)


@given(st.integers(3, 7), st.integers(0, 2**32 - 1), st.booleans())
def test_layer_monotonicity_counts_every_comparison_once(n_layers, seed, ties):
    rng = np.random.default_rng(seed)
    D = rng.uniform(size=(n_layers, n_layers))
    D = np.round(3 * D) if ties else D
    assert layer_monotonicity(D) == pytest.approx(slow_monotonicity(D))
    assert layer_monotonicity(D) + layer_monotonicity(-D) == pytest.approx(1.0)
    order = rng.permutation(n_layers)
    shuffled = D[np.ix_(order, order)]
    assert layer_monotonicity(shuffled, order) == pytest.approx(layer_monotonicity(D))


def test_layers_on_a_line_are_in_order_and_orders_by_chance_give_a_half(rng):
    x = np.cumsum(rng.uniform(0.1, 1, size=6))
    D = np.abs(x[:, None] - x)
    assert layer_monotonicity(D) == 1.0
    by_chance = [layer_monotonicity(D, rng.permutation(6)) for _ in range(400)]
    assert np.mean(by_chance) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1, 2]])
def test_orders_that_name_no_depth_are_refused(order):
    with pytest.raises(ValueError, match="expected 4 different numbers"):
        layer_monotonicity(np.ones((4, 4)), order)


def test_too_few_layers_are_refused():
    with pytest.raises(ValueError, match="found 2 items, expected at least 3"):
        layer_monotonicity(np.ones((2, 2)))

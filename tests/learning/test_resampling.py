"""Permutations, splits and bootstrap weights keep groups whole."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.learning.resampling import (
    bootstrap_weights,
    central_interval,
    check_groups,
    permutation_p_value,
    permutation_scheme,
    permuted_columns,
    random_seed,
    split,
    split_stratified,
)

GROUPS = np.repeat(np.arange(6), 4)


@pytest.mark.parametrize(
    ("y", "groups", "scheme"),
    [
        (np.arange(24), None, "items"),
        (GROUPS * 1.5, GROUPS, "groups"),
        (np.tile([0, 1, 2, 3], 6), GROUPS, "within groups"),
        (np.where(GROUPS < 3, GROUPS, np.arange(24)), GROUPS, "items"),
        (np.arange(24), np.arange(24), "items"),
    ],
)
def test_scheme_follows_how_the_target_varies(y, groups, scheme):
    assert permutation_scheme(y, groups) == scheme


def test_free_permutations_keep_the_values(rng):
    y = rng.standard_normal(20)
    columns = permuted_columns(y, 5, rng)
    assert columns.shape == (20, 5)
    np.testing.assert_allclose(np.sort(columns, axis=0), np.sort(y)[:, None] * np.ones(5))
    assert (columns != y[:, None]).any(axis=0).all()


def test_groups_exchange_their_values_whole(rng):
    shuffled = rng.permutation(24)  # groups need not be contiguous
    groups, y = GROUPS[shuffled], (10.0 * GROUPS)[shuffled]
    columns = permuted_columns(y, 50, rng, groups)
    for column in columns.T:
        values = [np.unique(column[groups == g]) for g in range(6)]
        assert all(len(v) == 1 for v in values)
        assert sorted(v[0] for v in values) == [0, 10, 20, 30, 40, 50]
    assert len(np.unique(columns, axis=1).T) > 10


def test_values_stay_inside_their_group(rng):
    shuffled = rng.permutation(24)
    groups, y = GROUPS[shuffled], np.arange(24)
    columns = permuted_columns(y, 50, rng, groups)
    for column in columns.T:
        for g in range(6):
            assert sorted(column[groups == g]) == sorted(y[groups == g])
    assert (columns != y[:, None]).any()
    # Every place in a group is reached.
    assert all(len(set(columns[i])) == 4 for i in range(24))


@pytest.mark.parametrize("n_splits", [0, 3])
def test_groups_are_never_split(n_splits):
    seen = []
    for train, test in split(24, n_splits, seed=1, groups=GROUPS):
        assert not set(GROUPS[train]) & set(GROUPS[test])
        seen += list(test)
    assert sorted(seen) == list(range(24))


def test_stratified_groups_are_never_split():
    labels = np.tile([0, 1, 1, 0], 6)
    for train, test in split_stratified(labels, 3, 0, GROUPS):
        assert not set(GROUPS[train]) & set(GROUPS[test])
        assert labels[test].mean() == pytest.approx(0.5)


def test_splits_are_seeded():
    first, second, other = (split(20, 4, seed) for seed in (1, 1, 2))
    assert all((a[1] == b[1]).all() for a, b in zip(first, second))
    assert any(len(a[1]) != len(b[1]) or (a[1] != b[1]).any() for a, b in zip(first, other))
    assert random_seed(1, 2) == random_seed(1, 2) != random_seed(2, 1)


def test_too_few_groups_for_the_folds():
    with pytest.raises(ValueError, match="folds: found 2 groups, expected at least 5"):
        split(10, 5, 0, np.arange(10) % 2)
    with pytest.raises(ValueError, match="folds: found 3 items, expected at least 5"):
        split(3, 5, 0)


def test_bootstrap_draws_whole_groups(rng):
    weights = bootstrap_weights(24, 200, rng, GROUPS)
    assert weights.shape == (200, 24)
    np.testing.assert_array_equal(weights.sum(axis=1), 24)
    np.testing.assert_array_equal(weights[:, 0:4].min(axis=1), weights[:, 0:4].max(axis=1))
    assert bootstrap_weights(7, 3, rng).sum(axis=1).tolist() == [7, 7, 7]


def test_p_value_counts_ties_and_the_found_value():
    null = np.array([0.1, 0.2, 0.3, 0.4])
    assert permutation_p_value(0.3, null) == pytest.approx(3 / 5)
    assert permutation_p_value(1.0, null) == pytest.approx(1 / 5)
    assert np.isnan(permutation_p_value(1.0, np.empty(0)))


def test_central_interval():
    assert central_interval(np.linspace(0, 1, 1001)) == pytest.approx((0.025, 0.975))
    assert np.isnan(central_interval(np.empty(0))).all()


def test_groups_become_codes():
    np.testing.assert_array_equal(check_groups(["b", "a", "b"], 3), [1, 0, 1])
    assert check_groups(None, 3) is None
    with pytest.raises(ValueError, match=r"groups: found shape \(1,\), expected \(3,\)"):
        check_groups(["a"], 3)

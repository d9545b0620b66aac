"""Triangle audit: counts, worst triples, asymmetric dissimilarities, tolerances, errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from shapemetrics.geometry import triangle_audit


def slow_audit(D, slack):
    """Return counts of violated inequalities and triangles, and the largest excess, by loops."""
    n, broken, triangles, worst = len(D), 0, 0, -np.inf
    for triple in itertools.combinations(range(n), 3):
        excess = [D[i, k] - D[i, j] - D[j, k] for i, j, k in itertools.permutations(triple)]
        broken += sum(e > slack for e in excess)
        triangles += any(e > slack for e in excess)
        worst = max(worst, *excess)
    return broken, triangles, worst


@given(st.integers(0, 10_000), st.integers(3, 9), st.booleans())
def test_agrees_with_loops_over_all_triples(seed, n, symmetric):
    D = np.random.default_rng(seed).uniform(0.05, 1.0, (n, n))
    D = (D + D.T) / 2 if symmetric else D
    audit = triangle_audit(D)
    broken, triangles, worst = slow_audit(D, 1e-9 * D.max())
    assert audit.n_triples == n * (n - 1) * (n - 2)
    assert audit.n_violations == broken
    assert audit.fraction == pytest.approx(broken / audit.n_triples)
    assert audit.fraction_triangles == pytest.approx(triangles / (audit.n_triples / 6))
    assert audit.max_excess == pytest.approx(worst)
    assert audit.worst.excess == pytest.approx(worst)
    assert audit.max_violation == pytest.approx(max(worst, 0.0))
    if symmetric:
        assert audit.fraction_triangles == pytest.approx(3 * audit.fraction)


def test_euclidean_distances_have_no_violation(rng):
    X = rng.standard_normal((60, 5))
    audit = triangle_audit(cdist(X, X))
    assert audit.n_violations == 0
    assert audit.max_violation == 0.0
    assert audit.max_excess < 0
    assert audit.is_metric


def test_points_on_a_line_are_tight_but_not_violated():
    x = np.linspace(0, 1, 40)[:, None]
    audit = triangle_audit(cdist(x, x))
    assert audit.n_violations == 0
    assert abs(audit.max_excess) < 1e-12


def test_squared_distances_on_a_line_break_every_triangle():
    x = np.arange(12.0)[:, None]
    audit = triangle_audit(cdist(x, x) ** 2, name="squared")
    assert audit.fraction_triangles == 1.0
    assert audit.fraction == pytest.approx(1 / 3)
    assert not audit.is_metric
    # Ends 11 apart, middles 5 and 6: 121 - 25 - 36.
    assert audit.max_violation == 60.0
    assert {audit.worst.i, audit.worst.k} == {0, 11}
    assert audit.worst.j in (5, 6)


def test_the_planted_violation_is_named():
    D = np.ones((6, 6)) - np.eye(6)
    D[1, 4] = D[4, 1] = 2.5
    D[1, 2] = D[2, 1] = 0.9
    ids = ["a", "b", "c", "d", "e", "f"]
    audit = triangle_audit(D, ids)
    assert (audit.worst.i, audit.worst.j, audit.worst.k) == ("b", "c", "e")
    assert (audit.worst.d_ik, audit.worst.d_ij, audit.worst.d_jk) == (2.5, 0.9, 1.0)
    assert audit.max_violation == pytest.approx(0.6)
    assert audit.max_relative_violation == pytest.approx(2.5 / 1.9 - 1)
    assert audit.n_violations == 8  # four stops, both ways
    row = audit.row()
    assert row["worst_j"] == "c"
    assert row["n"] == 6


def test_only_one_direction_of_an_asymmetric_dissimilarity_breaks():
    D = np.ones((4, 4)) - np.eye(4)
    D[0, 3] = 3.0
    audit = triangle_audit(D)
    assert audit.n_violations == 2
    assert (audit.worst.i, audit.worst.k) == (0, 3)
    assert not audit.symmetric
    assert audit.max_asymmetry == 2.0


def test_unit_of_distance_does_not_matter(rng):
    D = rng.uniform(0.1, 1.0, (15, 15))
    one, other = triangle_audit(D), triangle_audit(1e-6 * D)
    assert one.n_violations == other.n_violations
    assert other.max_violation == pytest.approx(1e-6 * one.max_violation)
    assert other.max_relative_violation == pytest.approx(one.max_relative_violation)


def test_tolerance_decides_what_counts():
    D = np.array([[0, 1, 2.001], [1, 0, 1], [2.001, 1, 0]])
    assert triangle_audit(D).n_violations == 2
    loose = triangle_audit(D, tolerance=1e-3)
    assert loose.n_violations == 0
    assert loose.max_violation == 0.0
    assert loose.max_excess == pytest.approx(1e-3)


def test_diagonal_is_reported_and_takes_no_part():
    D = np.ones((4, 4))
    audit = triangle_audit(D)
    assert audit.max_diagonal == 1.0
    assert audit.n_violations == 0
    assert not audit.is_metric


@pytest.mark.parametrize(
    ("D", "ids", "message"),
    [
        (np.zeros((2, 2)), None, "at least 3"),
        (np.zeros((3, 4)), None, r"found shape \(3, 4\), expected a square matrix"),
        (np.full((3, 3), np.nan), ["a", "b", "c"], "nan between a and a"),
        (np.zeros((3, 3)), ["a", "b"], r"ids: found an array of shape \(2,\), expected \(3,\)"),
        (np.zeros((3, 3)), ["a", "b", "a"], "found a twice, expected distinct ids"),
    ],
)
def test_bad_input_is_named(D, ids, message):
    with pytest.raises(ValueError, match=message):
        triangle_audit(D, ids)

"""Debiased CKA, as an angle and as a comparison: published numbers, and equations written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import pairwise_distances
from shapemetrics.metrics import AngularCKA, Comparison, LinearMetric

seeds = st.integers(0, 2**31)


def published() -> tuple[np.ndarray, np.ndarray]:
    """The two arrays of similarity-repository's comparison of packages."""
    generator = np.random.RandomState(0)
    return generator.uniform(size=(30, 25)), generator.uniform(size=(30, 25))


@pytest.mark.parametrize(("hsic", "value"), [("song", 0.023599), ("lange", 0.053336)])
def test_numbers_that_other_packages_give(hsic, value):
    """nacloos/similarity-repository at 035b3be, figures/metric_vs_repo.csv."""
    similarity = 1.0 - Comparison("debiased_cka", hsic=hsic).distance(*published())
    assert similarity == pytest.approx(value, abs=5e-7)


def song(K: np.ndarray, L: np.ndarray) -> float:
    """Equation 5 of Song et al. 2012, term by term."""
    m = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(m)
    total = (one @ K @ one) * (one @ L @ one) / ((m - 1) * (m - 2))
    return (np.trace(K @ L) + total - 2 / (m - 2) * (one @ K @ L @ one)) / (m * (m - 3))


def lange(K: np.ndarray, L: np.ndarray) -> float:
    """Lange et al. 2023: entries below the diagonals of the centred matrices."""
    m = len(K)
    H = np.eye(m) - 1 / m
    below = np.tril_indices(m, -1)
    return 2 / (m * (m - 3)) * (H @ K @ H)[below] @ (H @ L @ H)[below]


@given(seeds, st.sampled_from([song, lange]), st.integers(4, 25), st.integers(1, 30))
def test_the_angle_is_that_of_the_estimator(seed, hsic, m, n):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(m, n)) + 3.0, rng.normal(size=(m, 4)) @ np.diag([5, 1, 1, 0.1])
    K, L = X @ X.T, Y @ Y.T
    similarity = hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))
    metric = AngularCKA(debias=hsic.__name__)
    assert np.cos(metric.distance(X, Y)) == pytest.approx(similarity, abs=1e-8)
    comparison = Comparison("debiased_cka", hsic=hsic.__name__)
    assert comparison.distance(X, Y) == pytest.approx(1.0 - similarity, abs=1e-8)
    given_grams = AngularCKA("precomputed", debias=hsic.__name__)
    assert given_grams.distance(K, L) == pytest.approx(metric.distance(X, Y), abs=1e-7)


def test_unrelated_networks_are_at_zero_on_average_however_wide():
    """Biased CKA of independent networks grows with their width; the debiased one does not."""
    rng = np.random.default_rng(0)
    above = np.triu_indices(40, 1)
    for n, left in ((5, 0.011), (50, 0.119), (500, 0.587)):
        networks = [rng.normal(size=(20, n)) for _ in range(40)]
        similarity = {
            hsic: np.mean(np.cos(pairwise_distances(networks, AngularCKA(debias=hsic))[above]))
            for hsic in ("song", "lange")
        }
        assert abs(similarity["song"]) < 0.02
        # Lange's drops the diagonal after centring has spread it: part of the bias is left.
        assert similarity["lange"] == pytest.approx(left, abs=0.02)
    biased = 1.0 - pairwise_distances(networks, Comparison("cka"))[above]
    assert biased.mean() > 0.9


def test_unbiased_where_stimuli_are_drawn_from_many():
    """The mean over draws of 8 stimuli is the HSIC of all of them."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    Y = X @ rng.normal(size=(3, 5)) + rng.normal(size=(60, 5))
    everything = song(X @ X.T, Y @ Y.T)
    draws = [rng.choice(60, 8, replace=False) for _ in range(2000)]
    found = np.array([song(X[d] @ X[d].T, Y[d] @ Y[d].T) for d in draws])
    assert found.mean() == pytest.approx(everything, abs=4 * found.std() / np.sqrt(2000))


def test_what_it_cannot_do_is_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"'V1'.*3.*4"):
        AngularCKA(debias="song").prepare(rng.normal(size=(3, 5)), name="V1")
    with pytest.raises(ValueError, match="'V1': found equal similarities"):
        AngularCKA(debias="song").prepare(np.eye(9), name="V1")
    with pytest.raises(ValueError, match="center: found False"):
        AngularCKA(debias="song", center=False)
    with pytest.raises(ValueError, match="debias"):
        AngularCKA(debias="gretton")  # type: ignore[arg-type]


@given(seeds)
def test_normalized_bures_is_the_cosine_of_the_procrustes_angle_and_a_fidelity(seed):
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(9, 4)), rng.normal(size=(9, 6))
    found = 1.0 - Comparison("normalized_bures").distance(X, Y)
    assert found == pytest.approx(np.cos(LinearMetric().distance(X, Y)), abs=1e-12)
    K, L = (Z @ Z.T for Z in (X - X.mean(axis=0), Y - Y.mean(axis=0)))
    root = np.real(sqrtm(K))
    fidelity = np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(root @ L @ root), 0.0)))
    assert found == pytest.approx(fidelity / np.sqrt(np.trace(K) * np.trace(L)), abs=1e-4)

"""k-means in shape space and k-medoids on distances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from shapemetrics.geometry import frechet_mean, kmeans_shapes, kmedoids


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.fixture
def families(rng):
    """Three families of five noisy, turned copies; the members interleaved."""
    centres = rng.standard_normal((3, 30, 4))
    shapes = [
        (centres[i % 3] + 0.1 * rng.standard_normal((30, 4))) @ rotation(rng, 4) for i in range(15)
    ]
    return shapes, np.arange(15) % 3


@pytest.mark.parametrize("geometry", ["euclidean", "angular"])
def test_families_are_found(families, geometry):
    shapes, truth = families
    fit = kmeans_shapes(shapes, 3, geometry=geometry, seed=1)
    np.testing.assert_array_equal(fit.labels, truth)  # numbered by first member
    assert fit.converged
    assert fit.inertia == pytest.approx(np.sum(fit.distances**2))


def test_permuted_families_are_found(rng):
    centres = rng.standard_normal((2, 20, 5))
    shapes = [
        (centres[i % 2] + 0.05 * rng.standard_normal((20, 5)))[:, rng.permutation(5)]
        for i in range(10)
    ]
    fit = kmeans_shapes(shapes, 2, group="permutation")
    np.testing.assert_array_equal(fit.labels, np.arange(10) % 2)


def test_barycentres_are_frechet_means_of_their_members(families):
    shapes, _ = families
    fit = kmeans_shapes(shapes, 2, seed=0)
    for c in range(2):
        members = [X for X, label in zip(shapes, fit.labels) if label == c]
        mean = frechet_mean(members, start=fit.barycentres[c])
        assert mean.loss * len(members) == pytest.approx(
            np.sum(fit.distances[fit.labels == c] ** 2), rel=1e-6
        )


def test_every_shape_is_with_its_nearest_barycentre(families):
    shapes, _ = families
    fit = kmeans_shapes(shapes, 5, seed=2)
    centred = [X - X.mean(axis=0) for X in shapes]
    for X, label in zip(centred, fit.labels):
        fits = [np.linalg.svd(X.T @ M, compute_uv=False).sum() for M in fit.barycentres]
        squared = np.sum(fit.barycentres**2, axis=(1, 2)) - 2 * np.array(fits)
        assert squared[label] <= squared.min() + 1e-9


def test_extreme_numbers_of_clusters(families):
    shapes, _ = families
    alone = kmeans_shapes(shapes, 15, n_init=1)
    assert sorted(alone.labels) == list(range(15))
    assert alone.inertia == pytest.approx(0, abs=1e-9)
    together = kmeans_shapes(shapes, 1, n_init=1)
    mean = frechet_mean(shapes, start=together.barycentres[0])
    assert together.inertia == pytest.approx(15 * mean.loss, rel=1e-6)


def test_more_clusters_than_different_shapes(rng):
    X = rng.standard_normal((20, 3))
    fit = kmeans_shapes([X, X, X, 2 * X], 3)
    assert set(fit.labels) == {0, 1, 2}
    assert fit.inertia == pytest.approx(0, abs=1e-9)


def test_kmeans_is_seeded(families):
    shapes, _ = families
    first, second = (kmeans_shapes(shapes, 4, seed=9, n_init=2) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.inertia == second.inertia


def inertia_of(D, medoids):
    return D[:, list(medoids)].min(axis=1).sum()


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_kmedoids_ends_where_no_swap_helps(seed, k):
    X = np.random.default_rng(seed).standard_normal((12, 2))
    D = cdist(X, X)
    fit = kmedoids(D, k, seed=seed, n_init=2)
    assert fit.inertia == pytest.approx(inertia_of(D, fit.medoids))
    np.testing.assert_array_equal(fit.labels[fit.medoids], np.arange(k))
    for c, h in itertools.product(range(k), range(12)):
        other = fit.medoids.copy()
        other[c] = h
        assert inertia_of(D, other) >= fit.inertia - 1e-9


def test_kmedoids_finds_the_optimum_of_a_small_case(rng):
    X = rng.standard_normal((10, 3))
    D = cdist(X, X)
    best = min(inertia_of(D, pick) for pick in itertools.combinations(range(10), 3))
    assert kmedoids(D, 3, n_init=10).inertia == pytest.approx(best)


def test_kmedoids_extremes():
    D = np.ones((4, 4)) - np.eye(4)
    assert kmedoids(D, 4).inertia == 0
    assert kmedoids(D, 1).inertia == 3
    # Two items at distance zero, both medoids: each is in its own cluster.
    same = np.zeros((3, 3))
    assert set(kmedoids(same, 2).labels[kmedoids(same, 2).medoids]) == {0, 1}


@pytest.mark.parametrize("k", [0, 5])
def test_number_of_clusters_is_checked(k):
    with pytest.raises(ValueError, match="k: found"):
        kmedoids(np.ones((4, 4)) - np.eye(4), k)
    with pytest.raises(ValueError, match="k: found"):
        kmeans_shapes([np.eye(3)] * 4, k)

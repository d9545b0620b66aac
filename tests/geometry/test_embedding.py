"""Embeddings: exact cases, invariances, monotone stress, options, errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, squareform
from sklearn.manifold import MDS

from shapemetrics.geometry import embed
from shapemetrics.geometry.embedding import principal_axes


@pytest.fixture
def points(rng):
    return rng.standard_normal((25, 3)) * [3.0, 2.0, 1.0]


@pytest.fixture
def spherical(rng):
    """Angles between points on a sphere in R^6: a metric that is not Euclidean."""
    X = rng.standard_normal((30, 6))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    D = np.arccos(np.clip(X @ X.T, -1, 1))
    np.fill_diagonal(D, 0.0)
    return D


@pytest.mark.parametrize("method", ["classical", "metric"])
@pytest.mark.parametrize("n_components", [3, 5])
def test_points_come_back_exactly(points, method, n_components):
    D = cdist(points, points)
    fit = embed(D, n_components, method)
    np.testing.assert_allclose(squareform(fit.distances), D, atol=1e-7)
    assert fit.stress < 1e-8
    assert fit.coordinates.shape == (25, n_components)
    assert fit.converged


def test_embedding_lies_on_principal_axes_with_fixed_signs(points):
    X = embed(cdist(points, points), 3, "classical").coordinates
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    covariance = X.T @ X
    np.testing.assert_allclose(covariance, np.diag(np.diagonal(covariance)), atol=1e-9)
    assert (np.diff(np.diagonal(covariance)) < 0).all()
    assert (X[np.abs(X).argmax(axis=0), range(3)] > 0).all()
    # The same shape in any pose gives the same coordinates.
    Q, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    moved = -points @ Q + 7.0
    np.testing.assert_allclose(embed(cdist(moved, moved), 3, "classical").coordinates, X, atol=1e-8)


def test_eigenvalues_tell_euclidean_from_not(points, spherical):
    values = embed(cdist(points, points), 2, "classical").eigenvalues
    assert values.shape == (25,)
    assert (values[:3] > 1).all()
    np.testing.assert_allclose(values[3:], 0, atol=1e-9)
    assert embed(spherical, 2, "classical").eigenvalues.min() < -0.1


def test_classical_axes_with_negative_eigenvalues_are_zero(spherical):
    fit = embed(spherical, 30, "classical")
    assert np.isfinite(fit.coordinates).all()
    n_positive = int((fit.eigenvalues > 1e-9).sum())
    assert n_positive < 30
    np.testing.assert_allclose(fit.coordinates[:, n_positive:], 0, atol=1e-9)


def test_variance_shares_sum_to_one(spherical):
    fit = embed(spherical, 4)
    assert fit.variance.sum() == pytest.approx(1.0)
    assert (np.diff(fit.variance) <= 0).all()


@pytest.mark.parametrize("n_components", [1, 2, 6])
def test_smacof_improves_on_classical_scaling(spherical, n_components):
    metric = embed(spherical, n_components, "metric")
    assert metric.stress < embed(spherical, n_components, "classical").stress
    X = metric.coordinates
    expected = np.linalg.norm(cdist(X, X) - spherical) / np.linalg.norm(spherical)
    assert metric.stress == pytest.approx(expected)


def test_matches_scikit_learn_from_the_same_start(spherical):
    ours = embed(spherical, 2, max_iter=50, eps=0.0)
    start = embed(spherical, 2, "classical").coordinates
    theirs = MDS(2, metric="precomputed", init="classical_mds", n_init=1, max_iter=50, eps=0.0)
    X = theirs.fit_transform(spherical, init=start)
    np.testing.assert_allclose(squareform(ours.distances), cdist(X, X), atol=1e-8)
    assert not ours.converged


def test_more_starts_are_never_worse_and_are_seeded(spherical):
    one = embed(spherical, 2)
    many = embed(spherical, 2, n_init=5, seed=3)
    assert many.stress <= one.stress
    again = embed(spherical, 2, n_init=5, seed=3)
    np.testing.assert_array_equal(many.coordinates, again.coordinates)


def test_smacof_uses_axes_that_classical_scaling_leaves_empty():
    # The star K_{1,3}: a tree metric; three equal leaves about a centre, two positive eigenvalues
    # and no exact embedding.
    D = np.full((4, 4), 2.0)
    D[0, :] = D[:, 0] = 1.0
    np.fill_diagonal(D, 0.0)
    fit = embed(D, 3, "metric", eps=1e-12, max_iter=5000)
    flat = embed(D, 2, "metric", eps=1e-12, max_iter=5000)
    assert fit.stress <= flat.stress + 1e-9
    # In the plane the leaves are an equilateral triangle of side s, its centre at s / sqrt(3):
    # minimise 3 (s - 2)^2 + 3 (s / sqrt(3) - 1)^2.
    s = (2 + 1 / np.sqrt(3)) / (1 + 1 / 3)
    best = np.sqrt((3 * (s - 2) ** 2 + 3 * (s / np.sqrt(3) - 1) ** 2) / (3 * 4 + 3 * 1))
    assert flat.stress == pytest.approx(best, rel=1e-4)


def test_identical_items_land_on_one_point(points):
    twice = np.concatenate([points, points[:1]])
    fit = embed(cdist(twice, twice), 3, "metric")
    np.testing.assert_allclose(fit.coordinates[0], fit.coordinates[-1], atol=1e-6)


def test_principal_axes_of_coinciding_points_are_zero():
    coordinates, variance = principal_axes(np.ones((4, 2)))
    np.testing.assert_array_equal(coordinates, 0)
    np.testing.assert_array_equal(variance, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components: found 0, expected an integer from 1 to 25"),
        ({"n_components": 26}, "n_components: found 26, expected an integer from 1 to 25"),
        ({"method": "nonmetric"}, "method: found 'nonmetric'"),
        ({"n_init": 0}, "n_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"eps": -1.0}, "eps"),
    ],
)
def test_bad_options_are_named(points, options, message):
    with pytest.raises(ValueError, match=message):
        embed(cdist(points, points), **options)

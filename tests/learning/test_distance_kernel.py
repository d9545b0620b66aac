"""The Gaussian kernel of a distance: width from training items, indefinite kernels, tags."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from shapemetrics.learning import DistanceKernel, gaussian_kernel, median_distance


@pytest.fixture
def circle():
    """Arc lengths on a circle: a metric whose wide Gaussians are indefinite."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    gap = np.abs(angle[:, None] - angle)
    return np.minimum(gap, 2 * np.pi - gap)


def test_values_and_width(rng):
    X = rng.standard_normal((10, 2))
    D = cdist(X, X)
    kernel = DistanceKernel(sigma=0.5).fit(D)
    upper = D[np.triu_indices(10, 1)]
    assert kernel.width_ == pytest.approx(0.5 * np.median(upper))
    expected = np.exp(-(D**2) / (2 * kernel.width_**2))
    np.testing.assert_allclose(kernel.transform(D), expected, atol=1e-8)
    assert median_distance(D) == pytest.approx(np.median(upper))


def test_test_items_do_not_move_the_width(rng):
    X = rng.standard_normal((10, 2))
    far = 100 + rng.standard_normal((3, 2))
    kernel = DistanceKernel().fit(cdist(X, X))
    K = kernel.transform(cdist(far, X))
    assert K.shape == (3, 10)
    assert kernel.width_ == pytest.approx(median_distance(cdist(X, X)))


def test_indefinite_directions_are_dropped_everywhere(circle):
    raw = gaussian_kernel(circle, 1.5 * median_distance(circle))
    assert np.linalg.eigvalsh(raw).min() < -1e-3
    kernel = DistanceKernel(sigma=1.5).fit(circle)
    K = kernel.transform(circle)
    values, vectors = np.linalg.eigh(raw)
    np.testing.assert_allclose(K, (vectors * np.maximum(values, 0)) @ vectors.T, atol=1e-10)
    # The kernel between test and training items has no part in the dropped directions.
    across = kernel.transform(circle[:5])
    np.testing.assert_allclose(across @ vectors[:, values < -1e-9], 0, atol=1e-10)
    np.testing.assert_allclose(DistanceKernel(1.5, clip=False).fit_transform(circle), raw)


def test_cross_validation_slices_rows_and_columns(rng):
    labels = np.arange(40) % 2
    X = rng.standard_normal((40, 2)) + 4 * labels[:, None]
    D = cdist(X, X)
    model = make_pipeline(DistanceKernel(), SVC(kernel="precomputed"))
    assert cross_val_score(model, D, labels, cv=4).mean() > 0.9
    grid = {"distancekernel__sigma": [0.1, 1.0], "svc__C": [1.0, 10.0]}
    search = GridSearchCV(model, grid, cv=4).fit(D, labels)
    assert search.best_score_ > 0.9
    assert search.predict(D[:3]).shape == (3,)


@pytest.mark.parametrize(
    ("fit", "transform", "message"),
    [
        (np.zeros((3, 2)), None, "square"),
        (np.zeros((3, 3)), None, "found a median of 0, expected a positive one"),
        (np.array([[0.0, -1.0], [-1.0, 0.0]]), None, "non-negative"),
        (1 - np.eye(3), np.ones((2, 4)), "expected 3 columns"),
        (np.zeros((1, 1)), None, "training distances: found 1 items, expected at least 2"),
    ],
)
def test_bad_distances_are_named(fit, transform, message):
    with pytest.raises(ValueError, match=message):
        DistanceKernel().fit(fit).transform(transform)


def test_width_must_be_positive():
    with pytest.raises(ValueError, match=r"sigma: found .*, expected a number > 0"):
        DistanceKernel(sigma=0).fit(np.ones((3, 3)) - np.eye(3))
    with pytest.raises(ValueError, match=r"width of a kernel: found .*, expected a number > 0"):
        gaussian_kernel(np.ones(3), 0)

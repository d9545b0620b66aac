"""Representations in, distances or kernel out, inside pipelines and grid searches."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.learning import DistanceKernel, DistanceKernelRidge, ShapeDistances
from shapemetrics.metrics import LinearMetric

METRIC = LinearMetric(alpha=1.0)


@pytest.fixture
def networks(rng):
    """Twenty-four noisy networks of two kinds, with 4 to 7 units each."""
    shapes = rng.standard_normal((2, 30, 4))
    labels = np.arange(24) % 2
    arrays = []
    for label in labels:
        n_units = int(rng.integers(4, 8))
        turn = np.linalg.qr(rng.standard_normal((n_units, n_units)))[0][:4]
        noise = 0.3 * rng.standard_normal((30, n_units))
        arrays.append(shapes[label] @ turn + noise)
    return arrays, labels


def test_distances_are_those_of_the_engine(networks):
    arrays, _ = networks
    transformer = ShapeDistances(METRIC)
    D = transformer.fit_transform(arrays[:16])
    np.testing.assert_allclose(D, pairwise_distances(arrays[:16], METRIC))
    np.testing.assert_allclose(
        transformer.transform(arrays[16:]), cross_distances(arrays[16:], arrays[:16], METRIC)
    )


def test_kernel_takes_its_width_from_training_items(networks):
    arrays, _ = networks
    transformer = ShapeDistances(METRIC, output="kernel", sigma=0.7).fit(arrays[:16])
    expected = DistanceKernel(0.7).fit(pairwise_distances(arrays[:16], METRIC))
    np.testing.assert_allclose(
        transformer.transform(arrays[16:]),
        expected.transform(cross_distances(arrays[16:], arrays[:16], METRIC)),
        atol=1e-12,
    )


def test_lists_of_unequal_arrays_go_through_cross_validation(networks):
    arrays, labels = networks
    model = make_pipeline(ShapeDistances(METRIC), KNeighborsClassifier(3, metric="precomputed"))
    assert cross_val_score(model, arrays, labels, cv=4).mean() > 0.9
    # The same as slicing the full matrix of distances.
    D = pairwise_distances(arrays, METRIC)
    plain = KNeighborsClassifier(3, metric="precomputed")
    np.testing.assert_array_equal(
        cross_val_predict(model, arrays, labels, cv=4), cross_val_predict(plain, D, labels, cv=4)
    )


def test_grid_search_over_metric_and_kernel(networks, tmp_path):
    arrays, labels = networks
    model = make_pipeline(
        ShapeDistances(METRIC, output="kernel"), SVC(kernel="precomputed"), memory=str(tmp_path)
    )
    grid = {
        "shapedistances__metric": [LinearMetric(alpha=0.5), METRIC],
        "shapedistances__sigma": [0.5, 2.0],
        "svc__C": [1.0, 10.0],
    }
    search = GridSearchCV(model, grid, cv=GroupKFold(3))
    search.fit(arrays, labels, groups=np.arange(24) // 2)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 8
    np.testing.assert_array_equal(search.predict(arrays[:4]), labels[:4])


def test_regression_from_representations(rng):
    strength = rng.uniform(size=30)
    first, second = rng.standard_normal((2, 40, 3))
    arrays = [(1 - s) * first + s * second for s in strength]
    model = make_pipeline(ShapeDistances(METRIC), DistanceKernelRidge(ridge=1e-3))
    assert cross_val_score(model, arrays, strength, cv=5, scoring="r2").mean() > 0.95


def test_parameters_survive_cloning(networks):
    transformer = clone(ShapeDistances(METRIC, output="kernel", sigma=2.0))
    assert transformer.get_params()["sigma"] == 2.0
    assert transformer.metric == METRIC
    with pytest.raises(NotFittedError):
        transformer.transform(networks[0])


def test_bad_input_is_named(networks):
    arrays, _ = networks
    with pytest.raises(ValueError, match="output: found"):
        ShapeDistances(METRIC, output="similarity").fit(arrays)
    with pytest.raises(ValueError, match="stimuli"):
        ShapeDistances(METRIC).fit_transform([*arrays, np.eye(4)])

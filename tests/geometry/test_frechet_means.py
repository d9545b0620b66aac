"""Barycentres of shapes: oracle values, monotone loss, invariances, errors."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.geometry import frechet_mean
from shapemetrics.metrics import LinearMetric


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.fixture
def cloud(rng):
    """Ten noisy, turned copies of one shape, and the shape."""
    X = rng.standard_normal((40, 4))
    X -= X.mean(axis=0)
    copies = [(X + 0.1 * rng.standard_normal(X.shape)) @ rotation(rng, 4) + 3 for _ in range(10)]
    return copies, X


@pytest.mark.parametrize(("group", "key"), [("orthogonal", "orth"), ("permutation", "perm")])
def test_reproduces_independent_barycentres(shared, group, key):
    with np.load(shared / "oracles" / "linear_equal.npz") as oracle:
        shapes, expected = oracle["X"], oracle[f"frechet_{key}"]
    fit = frechet_mean(list(shapes), group=group, start=0, tol=0.0, max_iter=3000)
    assert fit.converged
    # Rotate ours onto theirs: the barycentre is one shape, not one matrix.
    U, _, Vt = np.linalg.svd(fit.mean.T @ expected)
    turned = fit.mean if group == "permutation" else fit.mean @ U @ Vt
    np.testing.assert_allclose(turned, expected, atol=1e-6)


@pytest.mark.parametrize("group", ["orthogonal", "permutation"])
@pytest.mark.parametrize("geometry", ["euclidean", "angular"])
def test_loss_falls_and_is_what_it_says(cloud, group, geometry):
    shapes, _ = cloud
    fit = frechet_mean(shapes, group=group, geometry=geometry)
    assert (np.diff(fit.history) <= 1e-12 * fit.history[0]).all()
    assert fit.converged
    assert len(fit.history) == fit.n_iter + 1
    chords = fit.distances if geometry == "euclidean" else 2 * np.sin(fit.distances / 2)
    assert fit.loss == pytest.approx(np.mean(chords**2))


@pytest.mark.parametrize("geometry", ["euclidean", "angular"])
def test_distances_are_those_of_the_metric(cloud, geometry):
    shapes, _ = cloud
    fit = frechet_mean(shapes, geometry=geometry)
    metric = LinearMetric(alpha=1.0, geometry=geometry)
    expected = [metric.distance(X, fit.mean) for X in shapes]
    np.testing.assert_allclose(fit.distances, expected, rtol=1e-8)


def test_recovers_the_common_shape(cloud):
    shapes, X = cloud
    fit = frechet_mean(shapes)
    metric = LinearMetric(alpha=1.0, geometry="euclidean")
    to_truth = metric.distance(fit.mean, X)
    # Averaging ten copies divides the noise by about sqrt(10).
    assert to_truth < 0.5 * min(metric.distance(Y, X) for Y in shapes)


def test_copies_of_one_shape_have_it_as_their_mean(rng):
    X = rng.standard_normal((30, 5))
    fit = frechet_mean([X @ rotation(rng, 5) + rng.standard_normal(5) for _ in range(6)])
    np.testing.assert_allclose(fit.distances, 0, atol=1e-7)


def test_mean_of_two_lies_half_way(rng):
    X, Y = rng.standard_normal((2, 30, 4))
    fit = frechet_mean([X, Y])
    d = LinearMetric(alpha=1.0, geometry="euclidean").distance(X, Y)
    np.testing.assert_allclose(fit.distances, d / 2, rtol=1e-6)


def test_weights_move_the_mean(rng):
    X, Y = rng.standard_normal((2, 30, 4))
    fit = frechet_mean([X, Y], weights=[3, 1])
    d = LinearMetric(alpha=1.0, geometry="euclidean").distance(X, Y)
    np.testing.assert_allclose(fit.distances, [d / 4, 3 * d / 4], rtol=1e-6)


def test_narrower_shapes_are_padded(rng):
    X = rng.standard_normal((30, 3))
    wide = np.pad(X, ((0, 0), (0, 2))) @ rotation(rng, 5)
    fit = frechet_mean([X, wide])
    assert fit.mean.shape == (30, 5)
    np.testing.assert_allclose(fit.distances, 0, atol=1e-7)


def test_prepared_networks_give_the_mean_under_their_metric(rng):
    metric = LinearMetric(alpha=0.0)
    X = rng.standard_normal((50, 4))
    # Invertible linear maps, which alpha = 0 does not see.
    shapes = [metric.prepare(X @ rng.standard_normal((4, 4))) for _ in range(4)]
    assert frechet_mean(shapes, geometry="angular").distances.max() < 1e-6


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        ([], {}, "at least one"),
        ([np.zeros(3)], {}, "'array 0': found shape \\(3,\\)"),
        ([np.eye(3), np.eye(4)], {}, "'array 1': found 4 stimuli, expected 3"),
        ([np.eye(3), np.full((3, 3), np.nan)], {}, "'array 1': found 9 values that are NaN"),
        ([np.eye(3), np.ones((3, 2))], {"geometry": "angular"}, "'array 1': found zero variance"),
        ([np.eye(3)], {"geometry": "flat"}, "geometry"),
        ([np.eye(3)], {"group": "affine"}, "group"),
        ([np.eye(3)], {"weights": [-1.0]}, "weights"),
        ([np.eye(3)], {"start": 1}, "start: found 1, expected 0 to 0"),
        ([np.eye(3)], {"start": np.eye(4)}, "'start': found 4 stimuli, expected 3"),
        ([np.eye(3)], {"max_iter": 0}, "max_iter"),
    ],
)
def test_bad_input_is_named(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        frechet_mean(shapes, **options)

"""Digits of Gaussian kernels: beside stimuli far away, and where the kernel is wide.

The right values come from the equations in extended precision, with squared distances from
differences and kernel values less one, which centring takes away.
"""

from __future__ import annotations

import numpy as np
import pytest
from extended import UNIT, Exact, angle, exact, norm, nuclear_norm, root

from shapemetrics import pairwise_distances
from shapemetrics.metrics import AngularCKA, KernelMetric

pytestmark = pytest.mark.skipif(UNIT > 1e-18, reason="needs numbers longer than float64")
LANDMARKS = 12


def squared(X: np.ndarray) -> np.ndarray:
    X = exact(X)
    return np.sum((X[:, None] - X[None]) ** 2, axis=-1)


def centred_kernel(X: np.ndarray, bandwidth: float | None) -> np.ndarray:
    """Of unit norm, which no angle sees."""
    D = squared(X)
    median = np.median(np.sqrt(D[np.triu_indices(len(X), 1)]))
    sigma = median if bandwidth is None else Exact(bandwidth)
    K = np.expm1(-D / (2 * sigma * sigma))
    K = K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
    return (K + K.T) / (2 * norm(K))


def true_angle(X, Y, bandwidth=None) -> float:
    K, L = (centred_kernel(Z, bandwidth) for Z in (X, Y))
    return float(angle(nuclear_norm(root(K) @ root(L)) / np.sqrt(np.trace(K) * np.trace(L))))


def true_cka(X, Y, bandwidth=None) -> float:
    K, L = (centred_kernel(Z, bandwidth) for Z in (X, Y))
    return float(2 * np.arctan2(norm(K - L), norm(K + L)))


def with_outlier(X: np.ndarray, gap: float) -> np.ndarray:
    X = X.copy()
    X[7] += gap
    return X


@pytest.mark.parametrize("gap", [0.0, 1e7, 1e9, 1e12, 1e60])
def test_one_stimulus_far_away_costs_the_others_no_digits(rng, gap):
    X, Y = rng.normal(size=(2, 40, 5))
    A, B = with_outlier(X, gap), with_outlier(Y, -gap)
    expected = true_angle(A, B)
    for options in ({}, {"approximation": "nystroem"}):  # by default every stimulus is a landmark
        found = KernelMetric("rbf", **options).distance(A, B)
        assert found == pytest.approx(expected, abs=1e-12)
    assert AngularCKA("rbf").distance(A, B) == pytest.approx(true_cka(A, B), abs=1e-12)


@pytest.mark.parametrize("gap", [1e4, 1e6, 1e8])
def test_two_clusters_far_apart_keep_their_digits(rng, gap):
    A, B = rng.normal(size=(2, 40, 5))
    A[20:] += gap
    B[20:] += gap
    assert AngularCKA("rbf", bandwidth=1.0).distance(A, B) == pytest.approx(
        true_cka(A, B, 1.0), abs=1e-12
    )
    assert KernelMetric("rbf", bandwidth=1.0).distance(A, B) == pytest.approx(
        true_angle(A, B, 1.0), abs=1e-12
    )


@pytest.mark.parametrize("bandwidth", [1.0, 1e2, 1e4, 1e6, 1e8, 1e12, 1e90])
def test_wide_kernels_keep_their_digits(rng, bandwidth):
    X, Y = rng.normal(size=(2, 40, 5))
    expected = true_angle(X, Y, bandwidth)
    for options in ({}, {"approximation": "nystroem"}):
        metric = KernelMetric("rbf", bandwidth=bandwidth, **options)
        assert metric.distance(X, Y) == pytest.approx(expected, abs=1e-12)
        heldout = pairwise_distances([X, Y], metric, heldout=[X, Y])
        assert heldout[0, 1] == pytest.approx(expected, abs=1e-12)
        single = pairwise_distances([X, Y], metric, dtype="float32")
        assert single[0, 1] == pytest.approx(expected, abs=1e-5)
    metric = AngularCKA("rbf", bandwidth=bandwidth)
    assert metric.distance(X, Y) == pytest.approx(true_cka(X, Y, bandwidth), abs=1e-12)
    single = pairwise_distances([X, Y], metric, dtype="float32")
    assert single[0, 1] == pytest.approx(true_cka(X, Y, bandwidth), abs=1e-5)


@pytest.mark.parametrize("approximation", ["exact", "nystroem", "random_features"])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_ever_wider_kernels_have_a_limit(rng, approximation, alpha):
    X, Y, T, U = rng.normal(size=(4, 40, 5))
    n = None if approximation == "exact" else LANDMARKS
    found = []
    for bandwidth in (1e7, 1e20, 1e80):
        options = {"approximation": approximation, "n_components": n, "scale_free": True}
        metric = KernelMetric("rbf", alpha=alpha, bandwidth=bandwidth, **options)
        D = pairwise_distances([X, Y], metric, heldout=[T, U])
        found.append([metric.distance(X, Y), D[0, 1]])
    assert np.min(found[0]) > 0.1
    # Beside the limit the kernel at 1e7 has terms of 1e-14.
    np.testing.assert_allclose(found, [found[0]] * 3, rtol=0, atol=1e-11)


def test_euclidean_distances_are_in_the_units_of_the_kernel(rng):
    X, Y = rng.normal(size=(2, 40, 5))
    # To first order the features are the responses over the bandwidth.
    linear = KernelMetric("linear", geometry="euclidean").distance(X, Y)
    for bandwidth in (1e8, 1e60):
        for approximation in ("exact", "nystroem"):
            metric = KernelMetric(
                "rbf", bandwidth=bandwidth, geometry="euclidean", approximation=approximation
            )
            assert metric.distance(X, Y) * bandwidth == pytest.approx(linear, rel=1e-12)
            aligned = metric.align(X, Y)
            gap = np.linalg.norm(aligned.apply_x(X) - aligned.apply_y(Y))
            assert gap * bandwidth == pytest.approx(linear, rel=1e-12)


def test_a_wide_kernel_is_linear_with_outliers_too(rng):
    X, Y = (with_outlier(Z, 1e3) for Z in rng.normal(size=(2, 40, 5)))
    found = KernelMetric("rbf", bandwidth=1e12).distance(X, Y)
    assert found == pytest.approx(KernelMetric("linear").distance(X, Y), abs=1e-12)


@pytest.mark.parametrize("bandwidth", [1e-200, 1e120])
@pytest.mark.parametrize("metric", [KernelMetric, AngularCKA])
def test_bandwidths_out_of_all_proportion_are_refused(rng, metric, bandwidth):
    X = rng.normal(size=(20, 3))
    with pytest.raises(ValueError, match=r"bandwidth: found .* expected a number of their order"):
        metric("rbf", bandwidth=bandwidth).prepare(X)
    far = np.vstack([X, np.full((1, 3), 1e200)])
    with pytest.raises(ValueError, match=r"bandwidth: found by default .* their order|median"):
        metric("rbf").prepare(far)


def test_differences_are_formed_in_batches_and_blocks(monkeypatch, rng):
    A, B = rng.normal(size=(2, 40, 5))
    A[20:] += 1e8
    B[20:] += 1e8
    metrics = [AngularCKA("rbf", bandwidth=1.0), KernelMetric("rbf", approximation="nystroem")]
    whole = [metric.distance(A, B) for metric in metrics]
    monkeypatch.setattr("shapemetrics.metrics.gram.BATCH_SIZE", 35)
    monkeypatch.setattr("shapemetrics.metrics.gram.CACHED", 90)
    assert [metric.distance(A, B) for metric in metrics] == pytest.approx(whole, abs=1e-14)

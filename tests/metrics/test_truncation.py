"""Fewer columns for the same distances: silent units, low rank, and truncation within its bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from shapemetrics import pairwise_distances
from shapemetrics.metrics import LinearMetric


def decaying(seed: int, n: int, slope: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return rng.normal(size=(40, n)) * np.exp(-slope * np.arange(n)) @ mixing


@given(st.integers(0, 10**6), st.floats(0.0, 2.0), st.floats(1e-6, 0.5), st.floats(0.0, 1.0))
def test_angles_stay_within_twice_the_arcsine(seed, slope, eps, alpha):
    X, Y = decaying(seed, 7, slope), decaying(seed + 1, 9, slope)
    exact = LinearMetric(alpha=alpha).distance(X, Y)
    short = LinearMetric(alpha=alpha, truncation=eps).distance(X, Y)
    assert abs(short - exact) <= 2 * np.arcsin(eps) + 1e-7


@given(st.integers(0, 10**6), st.floats(0.0, 2.0), st.floats(1e-6, 0.5), st.floats(0.0, 1.0))
def test_euclidean_distances_stay_within_the_norms_left_out(seed, slope, eps, alpha):
    X, Y = decaying(seed, 7, slope), decaying(seed + 1, 9, slope)
    metric = LinearMetric(alpha=alpha, geometry="euclidean")
    norms = metric.prepare(X).norm + metric.prepare(Y).norm
    short = LinearMetric(alpha=alpha, geometry="euclidean", truncation=eps).distance(X, Y)
    assert abs(short - metric.distance(X, Y)) <= eps * norms * (1 + 1e-9) + 1e-7


def digit_layers() -> list[np.ndarray]:
    """Rectified random layers of widths around 60, as real digits drive them."""
    images = load_digits().data[:300] / 16.0
    layers = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        layers.append(np.maximum(images @ rng.normal(size=(64, 60 + seed)) - 1.0, 0.0))
    return layers


def test_real_layers_lose_columns_and_keep_their_distances():
    layers, eps = digit_layers(), 0.1
    exact = pairwise_distances(layers, LinearMetric())
    metric = LinearMetric(truncation=eps)
    kept = [metric.prepare(X).features.shape[1] for X in layers]
    assert max(kept) < 45
    assert np.abs(pairwise_distances(layers, metric) - exact).max() <= 2 * np.arcsin(eps)


def test_nothing_is_gained_by_truncating_whitened_responses():
    X = digit_layers()[0]
    short = LinearMetric(alpha=0.0, n_components=20, truncation=0.1).prepare(X)
    assert short.features.shape[1] == 20


def test_silent_units_cost_nothing_and_change_nothing(rng):
    X, Y = rng.normal(size=(30, 5)), rng.normal(size=(30, 4))
    padded = np.insert(X, [0, 2, 5], 3.5, axis=1)  # constant units are silent once centred
    prepared = LinearMetric().prepare(padded)
    assert prepared.features.shape == (30, 5)
    assert LinearMetric().distance(padded, Y) == pytest.approx(LinearMetric().distance(X, Y))
    held = rng.normal(size=(9, 8))
    expected = (held - padded.mean(axis=0))[:, [1, 2, 4, 5, 6]]
    np.testing.assert_allclose(prepared.apply(held), expected)


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_more_units_than_stimuli_take_no_more_columns_than_stimuli(rng, alpha):
    X = rng.normal(size=(20, 200))
    assert LinearMetric(alpha=alpha).prepare(X).features.shape[1] <= 20
    Y = rng.normal(size=(20, 150))
    wide, plain = LinearMetric(alpha=alpha), LinearMetric(alpha=alpha, geometry="euclidean")
    Q = np.linalg.qr(rng.normal(size=(200, 200)))[0]
    assert wide.distance(X @ Q, Y) == pytest.approx(wide.distance(X, Y), abs=1e-12)
    assert plain.distance(X @ Q, X) == pytest.approx(0.0, abs=1e-9)


def test_low_rank_is_exploited_at_no_cost_in_accuracy(rng):
    layers = [rng.normal(size=(100, 6)) @ rng.normal(size=(6, 50)) for _ in range(4)]
    metric = LinearMetric(truncation=1e-12)
    assert metric.prepare(layers[0]).features.shape[1] == 6
    exact = pairwise_distances(layers, LinearMetric())
    np.testing.assert_allclose(pairwise_distances(layers, metric), exact, rtol=0, atol=1e-11)


def test_bound_holds_for_arrays_in_single_precision(rng):
    scale = np.r_[np.ones(5), np.full(5, 8e-7)]  # weaker than single precision resolves
    Y = rng.normal(size=(80, 10)).astype(np.float32)
    X = (Y * scale).astype(np.float32)  # what is weak in one is strong in the other
    exact = LinearMetric().distance(X, Y)
    assert abs(LinearMetric(truncation=1e-9).distance(X, Y) - exact) <= 2e-9


@pytest.mark.parametrize("condition", [0.0, 6.0])
def test_single_precision_stays_within_its_bound(rng, condition):
    scale = 10.0 ** -np.linspace(0, condition, 20)
    layers = [rng.normal(size=(200, 20)) * scale for _ in range(8)]
    exact = pairwise_distances(layers, LinearMetric())
    single = pairwise_distances(layers, LinearMetric(), dtype="float32")
    off = ~np.eye(8, dtype=bool)
    # Ten machine precisions of the cosine, divided by the sine of the angle.
    bound = 10 * np.finfo(np.float32).eps / np.sin(exact[off])
    assert np.all(np.abs(single - exact)[off] <= bound)


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_single_precision_stays_within_its_bound_for_large_networks(rng, alpha):
    # Sums of 10^6 squares: in single precision they lose two digits where the sizes differ.
    m, n = 4000, 250
    base = rng.normal(size=(m, n)) * 10.0 ** -np.linspace(0, 6, n)
    layers = [base @ np.linalg.qr(rng.normal(size=(n, n)))[0] * s for s in (1.0, 3.0)]
    layers[1] += 0.3 * layers[1].std() * rng.normal(size=(m, n))
    exact = pairwise_distances(layers, LinearMetric(alpha=alpha))[0, 1]
    single = pairwise_distances(layers, LinearMetric(alpha=alpha), dtype="float32")[0, 1]
    assert abs(single - exact) <= 10 * np.finfo(np.float32).eps / np.sin(exact)


@pytest.mark.parametrize("value", [-0.1, 1.5, "much"])
def test_a_truncation_that_is_no_fraction(value):
    with pytest.raises((ValueError, TypeError), match="truncation: found"):
        LinearMetric(truncation=value)

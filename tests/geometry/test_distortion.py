"""Distortion at the best scale, proved best by search, and its curve over dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist, squareform

from shapemetrics.geometry import distortion, distortion_curve, embed


def at_scale(D, X, s):
    """Largest and mean distortion of the pairs at one scale."""
    r = s * pdist(X) / squareform(D)
    pair = np.maximum(r, 1 / r)
    return pair.max(), pair.mean()


@given(st.integers(0, 10_000), st.integers(3, 12))
def test_no_scale_does_better(seed, n):
    rng = np.random.default_rng(seed)
    D = cdist(*[rng.standard_normal((n, 4))] * 2)
    X = rng.standard_normal((n, 2))
    found = distortion(D, X)
    best_max, _ = at_scale(D, X, found.scale_max)
    _, best_mean = at_scale(D, X, found.scale_mean)
    assert found.max == pytest.approx(best_max, rel=1e-9)
    assert found.mean == pytest.approx(best_mean, rel=1e-9)
    scales = np.concatenate(
        [
            np.geomspace(0.01, 100, 301) * found.scale_mean,
            np.linspace(0.99, 1.01, 101) * found.scale_mean,
            np.linspace(0.99, 1.01, 101) * found.scale_max,
        ]
    )
    for s in scales:
        largest, mean = at_scale(D, X, s)
        assert largest >= found.max * (1 - 1e-12)
        assert mean >= found.mean * (1 - 1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 40.0])
def test_a_scaled_copy_has_distortion_one(rng, scale):
    X = rng.standard_normal((20, 3))
    found = distortion(cdist(X, X), scale * X)
    assert found.max == pytest.approx(1.0, abs=1e-12)
    assert found.mean == pytest.approx(1.0, abs=1e-12)
    assert found.scale_max == pytest.approx(1 / scale)
    assert found.n_pairs == 190


def test_known_value_of_two_ratios():
    # Three items all at distance 1, on a line at 0, 1, 2: ratios 1, 1, 2.
    D = np.ones((3, 3)) - np.eye(3)
    found = distortion(D, np.array([[0.0], [1.0], [2.0]]))
    assert found.max == pytest.approx(np.sqrt(2))
    # (s < 1, 2 s > 1): (2 / s + 2 s) / 3, least at s = 1; no better on either side.
    assert found.mean == pytest.approx(4 / 3)


def test_zero_distances_are_left_out_and_counted():
    x = np.array([[0.0], [1.0], [3.0], [3.0]])
    found = distortion(cdist(x, x), x)
    assert (found.n_pairs, found.n_zero) == (5, 1)
    assert found.max == pytest.approx(1.0)


def test_collapsed_pairs_are_infinite():
    D = np.ones((3, 3)) - np.eye(3)
    found = distortion(D, np.array([[0.0], [0.0], [1.0]]))
    assert found.max == np.inf
    assert found.mean == np.inf
    assert np.isnan(found.scale_max)


def test_tree_metric_needs_distortion():
    # Leaves of the star with n leaves cannot all be opposite one another about the centre.
    n = 9
    D = np.full((n, n), 2.0)
    D[0, :] = D[:, 0] = 1.0
    np.fill_diagonal(D, 0.0)
    found = distortion(D, embed(D, n - 1, "metric", eps=1e-10).coordinates)
    # Best: leaves on a simplex about the centre, edge / radius = sqrt(2 (n-1) / (n-2)) not 2.
    best = np.sqrt(2 / np.sqrt(2 * (n - 1) / (n - 2)))
    assert found.max >= best - 1e-9
    assert found.max == pytest.approx(best, rel=0.02)


def test_curve_reaches_one_at_the_true_dimension(rng):
    X = rng.standard_normal((30, 4))
    curve = distortion_curve(cdist(X, X), [4, 1, 2, 6, 4])
    assert list(curve.columns) == [
        "n_dimensions",
        "method",
        "max_distortion",
        "mean_distortion",
        "stress",
        "n_iter",
    ]
    assert curve["n_dimensions"].tolist() == [1, 2, 4, 6] * 2
    for method, part in curve.groupby("method"):
        part = part.set_index("n_dimensions")
        assert part.loc[4, "max_distortion"] == pytest.approx(1.0, abs=1e-5), method
        assert part.loc[6, "mean_distortion"] == pytest.approx(1.0, abs=1e-5), method
        assert part.loc[1, "mean_distortion"] > part.loc[2, "mean_distortion"] > 1.05, method


def test_stress_of_metric_mds_never_rises_with_dimension(rng):
    X = rng.standard_normal((40, 12))
    D = np.arccos(np.clip(1 - cdist(X, X, "cosine"), -1, 1))
    np.fill_diagonal(D, 0)
    curve = distortion_curve(D, range(1, 40, 3), methods=["metric"])
    assert (np.diff(curve["stress"]) <= 1e-12).all()
    classical = distortion_curve(D, range(1, 40, 3), methods=["classical"])
    assert (curve["stress"].to_numpy() <= classical["stress"].to_numpy() + 1e-12).all()


def test_curve_is_repeatable(rng):
    D = cdist(*[rng.uniform(size=(15, 8))] * 2) ** 0.5
    first, second = (distortion_curve(D, [1, 3, 14], seed=5) for _ in range(2))
    assert first.equals(second)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda D: distortion(D, np.zeros((3, 2))), "5 points"),
        (lambda D: distortion(np.zeros((5, 5)), np.zeros((5, 2))), "D: found no distance above 0"),
        (lambda D: distortion_curve(D, [0]), "dimensions: found 0, expected an integer from 1"),
        (lambda D: distortion_curve(D, [1], methods=["pca"]), "pca"),
    ],
)
def test_bad_input_is_named(rng, call, message):
    X = rng.standard_normal((5, 2))
    with pytest.raises(ValueError, match=message):
        call(cdist(X, X))

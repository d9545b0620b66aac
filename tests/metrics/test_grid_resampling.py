"""Layers on grids of different sizes: refused, or resampled where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from shapemetrics import pairwise_distances
from shapemetrics.metrics import ConvolutionMetric
from shapemetrics.metrics.layers import resample_grid

seeds = st.integers(0, 2**31)


def draw(seed: int, h: int, w: int, *widths: int, m: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, h, w, c)) + rng.normal(size=c) for c in widths]


def rotation(seed: int, n: int) -> np.ndarray:
    return ortho_group.rvs(n, random_state=seed)


@given(seeds, st.integers(1, 9), st.integers(1, 9))
def test_resampling_is_linear_and_keeps_means(seed, h, w):
    X, Y = draw(seed, 4, 6, 2, 2)
    moved = resample_grid(X, (h, w))
    assert moved.shape == (12, h, w, 2)
    np.testing.assert_allclose(moved.mean(axis=(1, 2)), X.mean(axis=(1, 2)), atol=1e-12)
    both = resample_grid(2.0 * X - Y, (h, w))
    np.testing.assert_allclose(both, 2.0 * moved - resample_grid(Y, (h, w)), atol=1e-12)


def test_resampling_compares_grids_of_different_sizes():
    (X,) = draw(0, 4, 4, 3)
    fine = resample_grid(X, (8, 8))
    assert np.abs(fine[:, ::2, ::2] - X).max() < 1.0
    metric = ConvolutionMetric(resample=(4, 4))
    moved = np.roll(fine, (2, -4), axis=(1, 2)) @ rotation(0, 3)
    down = resample_grid(moved, (4, 4))
    assert metric.distance(moved, X) == pytest.approx(ConvolutionMetric().distance(down, X))
    # Band-limited layers lose nothing: a shift by two fine positions is one by a coarse one.
    smooth = resample_grid(resample_grid(X, (3, 3)), (4, 4))
    fine = np.roll(resample_grid(smooth, (8, 8)), (2, -4), axis=(1, 2)) @ rotation(0, 3)
    assert metric.distance(smooth, fine) < 1e-10
    assert metric.best_shift(smooth, fine) == (1, -2)
    found = metric.align(smooth, fine)
    np.testing.assert_allclose(found.apply_x(smooth), found.apply_y(fine), atol=1e-10)
    D = pairwise_distances([smooth, fine], metric, heldout=[smooth[:5], fine[:5]])
    assert D[0, 1] < 1e-6


def test_grids_of_different_sizes_are_refused():
    (X,), (Y,) = draw(0, 4, 4, 3), draw(0, 4, 5, 3)
    with pytest.raises(ValueError, match=r"'X' has a grid of 4 x 4 .* 'Y' of 4 x 5; give resample"):
        ConvolutionMetric().distance(X, Y)
    with pytest.raises(ValueError, match="'b' of 4 x 5"):
        pairwise_distances({"a": X, "b": Y}, ConvolutionMetric(shifts=False))
    with pytest.raises(ValueError, match=r"'a'.*4 x 5 positions in the held-out.*expected 4 x 4"):
        pairwise_distances({"a": X, "b": X}, ConvolutionMetric(), heldout={"a": Y, "b": Y})

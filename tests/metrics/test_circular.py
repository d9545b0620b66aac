"""Circular shifts in the Fourier basis, against shifting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.metrics import circular
from shapemetrics.metrics.circular import CircularGrid, circular_grid

sides = st.integers(1, 7)
seeds = st.integers(0, 2**31)


def fields(seed: int, h: int, w: int, *widths: int, m: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, h, w, r)) for r in widths]


@given(seeds, sides, sides)
def test_every_shift_agrees_with_rolling_by_hand(seed, h, w):
    X, Y = fields(seed, h, w, 2, 3)
    grid = circular_grid(h, w)
    x, y = grid.spectrum(X), grid.spectrum(Y)
    products = grid.products(x, y)
    C = grid.shifted(products).reshape(h, w, 2, 3)
    for a in range(h):
        for b in range(w):
            rolled = np.roll(X, (a, b), axis=(1, 2))
            by_hand = rolled.reshape(-1, 2).T @ Y.reshape(-1, 3)
            np.testing.assert_allclose(C[a, b], by_hand, atol=1e-12)
            np.testing.assert_allclose(grid.at_shift(products, (a, b)), by_hand, atol=1e-12)
            np.testing.assert_allclose(grid.roll(x, (a, b)), grid.spectrum(rolled), atol=1e-12)


@given(seeds, sides, sides)
def test_the_basis_is_orthonormal(seed, h, w):
    X, Y = fields(seed, h, w, 2, 2)
    x, y = (circular_grid(h, w).spectrum(F) for F in (X, Y))
    assert x.shape == (h * w, 3, 2)
    assert np.sum(x * y) == pytest.approx(np.sum(X * Y), abs=1e-11)
    identity = np.eye(h * w).reshape(h * w, h, w, 1)
    basis = circular_grid(h, w).spectrum(identity)[..., 0]
    np.testing.assert_allclose(basis @ basis.T, np.eye(h * w), atol=1e-13)


@given(sides, sides)
def test_the_number_of_products_is_the_least(h, w):
    grid = CircularGrid(h, w)
    assert grid.n_real == (1 + (h % 2 == 0)) * (1 + (w % 2 == 0))
    # 2N minus the number of irreducible factors: real frequencies and conjugate pairs.
    assert grid.n_real + 2 * grid.n_paired == h * w
    assert grid.n_products == 2 * h * w - grid.n_real - grid.n_paired


def test_networks_side_by_side_and_small_batches_change_nothing(monkeypatch):
    left, right = fields(0, 4, 5, 2, 3), fields(1, 4, 5, 1, 4)
    grid = circular_grid(4, 5)
    x, y = [grid.spectrum(F) for F in left], [grid.spectrum(F) for F in right]
    sides = np.concatenate(x, axis=-1), np.concatenate(y, axis=-1)
    together = grid.products(*sides)
    assert together.shape == (grid.n_products, 5, 5)
    pair = together[:, 2:5, 1:5]
    alone = grid.shifted(grid.products(x[1], y[1]))
    np.testing.assert_allclose(grid.shifted(pair), alone, atol=1e-13)
    monkeypatch.setattr(circular, "OPERAND_BYTES", 1)
    monkeypatch.setattr(circular, "SLICE_BYTES", 1)
    np.testing.assert_allclose(grid.products(*sides), together, atol=1e-13)
    np.testing.assert_allclose(grid.shifted(pair), alone, atol=1e-13)
    np.testing.assert_allclose(grid.spectrum(left[0]), x[0], atol=1e-14)


def test_single_precision_stays_single():
    (X,) = fields(0, 4, 4, 3)
    grid = circular_grid(4, 4)
    x = grid.spectrum(X).astype(np.float32)
    products = grid.products(x, x)
    C = grid.shifted(products)
    assert products.dtype == C.dtype == grid.roll(x, (1, 2)).dtype == np.float32
    assert grid.at_shift(products, (1, 2)).dtype == np.float32
    exact = grid.shifted(grid.products(grid.spectrum(X), grid.spectrum(X)))
    np.testing.assert_allclose(C, exact, atol=1e-4)

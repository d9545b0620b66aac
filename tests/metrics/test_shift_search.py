"""The pruned search finds what solving every problem finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import linalg
from shapemetrics.backends.largest_norm import largest_nuclear_norm

seeds = st.integers(0, 2**31)


def all_norms(C: np.ndarray) -> np.ndarray:
    return np.linalg.svd(C.astype(float), compute_uv=False).sum(axis=1)


@given(
    seeds,
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(0.0, 3.0),
    st.floats(0.0, 2.0),
)
def test_it_finds_the_largest(seed, s, p, q, decay, spread):
    # From white noise, where no bound excludes anything, to steep spectra of uneven size.
    rng = np.random.default_rng(seed)
    C = rng.normal(size=(s, p, q)) * np.arange(1, q + 1) ** -decay
    C *= np.exp(spread * rng.normal(size=(s, 1, 1)))
    index, value = largest_nuclear_norm(C)
    norms = all_norms(C)
    assert value == pytest.approx(norms.max(), rel=1e-13)
    assert index == norms.argmax()


@given(seeds, st.integers(2, 12))
def test_the_largest_frobenius_norm_may_mislead(seed, k):
    # Rank one with a large norm, against a flat spectrum with a smaller one.
    rng = np.random.default_rng(seed)
    U, _ = np.linalg.qr(rng.normal(size=(k, k)))
    steep = np.outer(U[0], U[1]) * 1.2
    flat = U / np.sqrt(k)
    index, value = largest_nuclear_norm(np.stack([steep, flat, 0.5 * flat]))
    norms = [1.2, np.sqrt(k), 0.5 * np.sqrt(k)]
    assert index == int(np.argmax(norms))
    assert value == pytest.approx(max(norms), rel=1e-12)


def test_close_contenders_are_told_apart():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(6, 6))
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    C = np.stack([base, base @ Q * (1 + 1e-9), base.T * (1 - 1e-9)])
    assert largest_nuclear_norm(C)[0] == 1


def test_trained_layers_need_few_singular_value_problems(monkeypatch):
    rng = np.random.default_rng(1)
    C = rng.normal(size=(64, 20, 20)) * np.arange(1, 21) ** -2.0 * 0.3
    C[17] *= 3.0
    solved = []
    nuclear_norms = linalg.nuclear_norms

    def counting(matrices):
        solved.append(len(matrices))
        return nuclear_norms(matrices)

    monkeypatch.setattr(linalg, "nuclear_norms", counting)
    assert largest_nuclear_norm(C)[0] == 17
    assert sum(solved) == 0


def test_zeros_and_single_precision():
    assert largest_nuclear_norm(np.zeros((4, 3, 2))) == (0, 0.0)
    C = np.random.default_rng(2).normal(size=(30, 8, 5)).astype(np.float32)
    index, value = largest_nuclear_norm(C)
    assert index == all_norms(C).argmax()
    assert value == pytest.approx(all_norms(C).max(), rel=1e-12)

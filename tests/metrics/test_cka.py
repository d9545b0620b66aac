"""Angular CKA: the arc cosine of CKA, exact near zero, a metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group
from sklearn.metrics.pairwise import rbf_kernel

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import AngularCKA

seeds = st.integers(0, 2**31)
widths = st.integers(1, 20)
kernels = st.sampled_from(["linear", "rbf"])
M = 12  # some networks have fewer units than stimuli, others more


def draw(seed: int, *widths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(M, n)) + rng.normal(size=n) for n in widths]


def gram(X: np.ndarray, kernel: str) -> np.ndarray:
    if kernel == "linear":
        return X @ X.T
    return rbf_kernel(X, gamma=1.0 / (2.0 * np.median(pdist(X)) ** 2))


def angle(K: np.ndarray, L: np.ndarray, center: bool) -> float:
    """The definition, with m x m matrices."""
    if center:
        C = np.eye(len(K)) - 1.0 / len(K)
        K, L = C @ K @ C, C @ L @ C
    return float(np.arccos(np.sum(K * L) / (np.linalg.norm(K) * np.linalg.norm(L))))


@given(seeds, kernels, widths, widths, st.booleans())
def test_equals_the_definition(seed, kernel, n, p, center):
    X, Y = draw(seed, n, p)
    expected = angle(gram(X, kernel), gram(Y, kernel), center)
    metric = AngularCKA(kernel, center=center)
    assert metric.distance(X, Y) == pytest.approx(expected, abs=1e-9)
    given_grams = AngularCKA("precomputed", center=center)
    found = given_grams.distance(gram(X, kernel), gram(Y, kernel))
    assert found == pytest.approx(expected, abs=1e-9)


def test_oracles(shared: Path):
    for file, key, arrays in (
        ("linear_equal.npz", "cka_angular", lambda o: list(o["X"])),
        ("netrep_public.npz", "cka_angular_equal", lambda o: [o[f"equal_{k}"] for k in range(7)]),
    ):
        oracle = np.load(shared / "oracles" / file)
        expected = oracle[key]
        found = pairwise_distances(arrays(oracle), AngularCKA())
        apart = expected > 1e-6
        np.testing.assert_allclose(found[apart], expected[apart], rtol=0, atol=1e-10)
        np.testing.assert_allclose(found[~apart], 0.0, rtol=0, atol=1e-7)
    oracle = np.load(shared / "oracles" / "crosscheck.npz")
    found = np.cos(pairwise_distances(list(oracle["X"]), AngularCKA()))
    np.testing.assert_allclose(found, oracle["rsatoolbox_cosine_cov"], rtol=0, atol=1e-9)


@given(seeds, kernels, st.lists(widths, min_size=3, max_size=3), st.booleans())
def test_symmetry_and_triangle_inequality(seed, kernel, widths, center):
    metric = AngularCKA(kernel, center=center)
    arrays = draw(seed, *widths)
    D = pairwise_distances(arrays, metric)
    assert metric.distance(arrays[1], arrays[0]) == pytest.approx(D[0, 1], abs=1e-12)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-12
    assert D.max() <= np.pi / 2


@given(seeds, kernels, widths, st.floats(1e-3, 1e3))
def test_zero_on_rotated_scaled_shifted_copies(seed, kernel, n, scale):
    (X,) = draw(seed, n)
    Q = ortho_group.rvs(n, random_state=seed % 2**32) if n > 1 else -np.eye(1)
    assert AngularCKA(kernel).distance(X, scale * (X @ Q + 5.0)) < 1e-12


@pytest.mark.parametrize("n", [3, 30])
@pytest.mark.parametrize("size", [1e-5, 1e-9])
def test_small_angles_keep_their_digits(rng, n, size):
    X, E = rng.normal(size=(2, M, n))
    found = AngularCKA().distance(X, X + size * E)
    # To first order the angle is the part of the perturbation of K that is orthogonal to K.
    X, E = X - X.mean(axis=0), E - E.mean(axis=0)
    K, change = X @ X.T, size * (X @ E.T + E @ X.T)
    change -= K * np.sum(K * change) / np.sum(K * K)
    assert found == pytest.approx(np.linalg.norm(change) / np.linalg.norm(K), rel=1e-4)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_blocks_threads_cross_and_float32_agree(kernel):
    arrays = draw(1, 2, 15, 4, 4, 12, 30, 3)
    metric = AngularCKA(kernel)
    D = pairwise_distances(arrays, metric)
    for options in ({"block_size": 1}, {"block_size": 3, "n_jobs": 2}, {"block_size": 5}):
        np.testing.assert_allclose(pairwise_distances(arrays, metric, **options), D, atol=1e-13)
    np.testing.assert_allclose(cross_distances(arrays[:3], arrays[3:], metric), D[:3, 3:], 1e-13)
    single = pairwise_distances(arrays, metric, dtype="float32")
    np.testing.assert_allclose(single, D, atol=1e-5)


def test_many_wide_networks_are_cut_into_products_of_bounded_size(monkeypatch, rng):
    arrays = [rng.normal(size=(40, n)) for n in (3, 9, 30, 1, 25)]
    whole = pairwise_distances(arrays, AngularCKA())
    monkeypatch.setattr("shapemetrics.metrics.cka.PRODUCT_SIZE", 300)
    np.testing.assert_allclose(pairwise_distances(arrays, AngularCKA()), whole, atol=1e-13)


def test_fraction_and_value_of_the_bandwidth_agree(rng):
    X, Y = rng.normal(size=(2, M, 3))
    wide = AngularCKA("rbf", median_fraction=50.0)
    # A wide kernel is linear in squared distances, hence CKA of the linear kernel.
    assert wide.distance(X, Y) == pytest.approx(AngularCKA().distance(X, Y), abs=1e-3)
    Y *= np.median(pdist(X)) / np.median(pdist(Y))
    by_value = AngularCKA("rbf", bandwidth=0.4 * float(np.median(pdist(X))))
    by_fraction = AngularCKA("rbf", median_fraction=0.4)
    assert by_value.distance(X, Y) == pytest.approx(by_fraction.distance(X, Y), abs=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kernel": "cubic"}, ValueError, "kernel"),
        ({"kernel": "rbf", "bandwidth": -1.0}, ValueError, "bandwidth"),
        ({"kernel": "rbf", "bandwidth": "wide"}, TypeError, "bandwidth"),
        ({"median_fraction": 0.5}, ValueError, "has no bandwidth"),
    ],
)
def test_wrong_parameters_are_named(options, error, message):
    with pytest.raises(error, match=message):
        AngularCKA(**options)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((5, 2, 2)), ValueError, "shape"),
        (np.zeros((0, 3)), ValueError, "at least one unit"),
        (np.ones((1, 3)), ValueError, "1 stimuli"),
        (np.full((6, 3), 0.1), ValueError, "zero variance"),
        (np.array([[1.0, np.inf], [0.0, 1.0]]), ValueError, "NaN or infinite"),
        (np.ones((4, 2), dtype=complex), TypeError, "complex"),
        (np.full((4, 2), "a", dtype=object), TypeError, "object"),
    ],
)
def test_bad_input_is_named(kernel, X, error, message):
    with pytest.raises(error, match=message) as caught:
        AngularCKA(kernel).prepare(X, name="V1")
    assert "V1" in str(caught.value)


def test_different_stimuli_are_refused(rng):
    with pytest.raises(ValueError, match=r"'Y': found 8 stimuli, expected 9"):
        AngularCKA().distance(rng.normal(size=(9, 2)), rng.normal(size=(8, 2)))
    with pytest.raises(ValueError, match="square"):
        AngularCKA("precomputed").prepare(rng.normal(size=(9, 2)))

"""Backends and certified tolerances: errors never above what was allowed, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import backends, cross_distances, linalg, pairwise_distances
from shapemetrics.backends import get_backend
from shapemetrics.backends.torch_backend import polar_norms
from shapemetrics.metrics import AngularCKA, ConvolutionMetric, KernelMetric, LinearMetric

torch = pytest.importorskip("torch", reason="needs torch")


def with_spectrum(values: np.ndarray, p: int, q: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.normal(size=(p, len(values))))[0]
    V = np.linalg.qr(rng.normal(size=(q, len(values))))[0]
    return (U * values) @ V.T


@given(st.integers(0, 10**6), st.floats(0.0, 17.0), st.integers(2, 12), st.integers(2, 12))
def test_gram_bounds_hold_for_any_condition(seed, condition, p, q):
    values = 10.0 ** -np.linspace(0, condition, min(p, q))
    C = with_spectrum(values, p, q, seed)
    norm, bound = linalg.gram_nuclear_norms(C)
    assert abs(norm - linalg.nuclear_norms(C)) <= bound


@given(st.integers(0, 10**6), st.floats(0.0, 17.0), st.integers(2, 12), st.integers(2, 12))
def test_polar_bounds_hold_for_any_condition(seed, condition, p, q):
    values = 10.0 ** -np.linspace(0, condition, min(p, q))
    C = with_spectrum(values, p, q, seed)
    for dtype in (torch.float64, torch.float32):
        norm, bound = polar_norms(torch.as_tensor(C, dtype=dtype)[None])
        assert abs(float(norm[0]) - values.sum()) <= float(bound[0])


def test_bounds_are_useful_where_matrices_are_well_conditioned():
    C = with_spectrum(np.linspace(1.0, 0.1, 20), 30, 20, 0)
    _, bound = linalg.gram_nuclear_norms(C)
    assert bound < 1e-10
    _, bound = polar_norms(torch.as_tensor(C)[None])
    assert float(bound[0]) < 1e-10


@pytest.fixture(params=["random", "ill-conditioned", "twins"])
def networks(request, rng) -> list[np.ndarray]:
    if request.param == "random":
        return [rng.normal(size=(60, 5 + k % 3)) for k in range(8)]
    scale = 10.0 ** -np.linspace(0, 9, 8)
    X = [rng.normal(size=(60, 8)) * scale @ rng.normal(size=(8, 8)) for _ in range(8)]
    if request.param == "twins":
        X = [X[k % 2] + 1e-7 * rng.normal(size=(60, 8)) for k in range(8)]
    return X


@pytest.mark.parametrize("geometry", ["angular", "euclidean"])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-8])
def test_no_error_above_the_tolerance(networks, alpha, geometry, backend, tolerance):
    metric = LinearMetric(alpha=alpha, geometry=geometry)
    exact = pairwise_distances(networks, metric)
    D = pairwise_distances(networks, metric, backend=backend, device="cpu", tolerance=tolerance)
    assert np.abs(D - exact).max() <= tolerance + 1e-9 * exact.max()
    np.testing.assert_array_equal(D, D.T)


@pytest.mark.parametrize("metric", [LinearMetric(), LinearMetric(alpha=0.0), KernelMetric("rbf")])
def test_torch_agrees_with_numpy_to_rounding(networks, metric):
    D = pairwise_distances(networks, metric, backend="torch", device="cpu")
    exact = pairwise_distances(networks, metric)
    np.testing.assert_allclose(D, exact, rtol=0, atol=1e-7 if exact.max() < 1e-3 else 1e-12)
    cross = cross_distances(networks[:3], networks, metric, backend="torch", device="cpu")
    np.testing.assert_allclose(cross, D[:3], rtol=0, atol=1e-7)


def layers(rng, grid=(4, 3), widths=(5, 5, 3), n=7) -> list[np.ndarray]:
    """Convolutional layers of several widths; the last two are shifted twins of the first."""
    X = [rng.normal(size=(6, *grid, widths[k % len(widths)])) for k in range(n)]
    Q, _ = np.linalg.qr(rng.normal(size=(widths[0], widths[0])))
    return [*X, np.roll(X[0], (1, 2), axis=(1, 2)) @ Q, np.roll(X[1], (2, 0), axis=(1, 2))]


@pytest.mark.parametrize("grid", [(4, 3), (3, 5), (2, 2), (1, 6), (4, 4)])
@pytest.mark.parametrize(
    "metric",
    [
        ConvolutionMetric(),
        ConvolutionMetric(alpha=0.0, n_components=3),
        ConvolutionMetric(geometry="euclidean"),
        ConvolutionMetric(shifts=False),
    ],
    ids=["procrustes", "cca", "euclidean", "without shifts"],
)
@pytest.mark.parametrize("tolerance", [None, 1e-6])
def test_convolutional_layers_on_torch(rng, metric, grid, tolerance):
    networks = layers(rng, grid)
    exact = pairwise_distances(networks, metric)
    for block_size in (None, 4):
        D = pairwise_distances(
            *(networks, metric),
            backend="torch",
            device="cpu",
            tolerance=tolerance,
            block_size=block_size,
        )
        np.testing.assert_allclose(D, exact, rtol=0, atol=1e-9 if tolerance is None else 1.01e-6)
        np.testing.assert_array_equal(D, D.T)


@given(st.integers(0, 10**6), st.floats(0.0, 14.0))
def test_convolutional_certificates_hold_for_any_condition(seed, condition):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** -np.linspace(0, condition, 4)
    networks = [rng.normal(size=(5, 3, 4, 4)) * scale for _ in range(4)]
    exact = pairwise_distances(networks, ConvolutionMetric())
    options = {"backend": "torch", "device": "cpu", "tolerance": 1e-5}
    D = pairwise_distances(networks, ConvolutionMetric(), **options)
    assert np.abs(D - exact).max() <= 1.001e-5


def test_certified_convolutional_pairs_take_no_singular_values(monkeypatch, rng):
    calls = []
    monkeypatch.setattr(backends.base, "largest_nuclear_norm", lambda stack: calls.append(1))
    networks = layers(rng)[:7]
    options = {"backend": "torch", "device": "cpu", "tolerance": 1e-6}
    assert pairwise_distances(networks, ConvolutionMetric(), **options).max() > 0.5
    assert calls == []


def test_convolutional_layers_on_torch_in_single_precision(rng):
    networks = layers(rng)
    exact = pairwise_distances(networks, ConvolutionMetric())
    options = {"backend": "torch", "device": "cpu", "dtype": "float32"}
    D = pairwise_distances(networks, ConvolutionMetric(), **options)
    np.testing.assert_allclose(D, exact, rtol=0, atol=3e-6)
    D = pairwise_distances(networks, ConvolutionMetric(), **options, tolerance=1e-4)
    np.testing.assert_allclose(D, exact, rtol=0, atol=1.1e-4)


def test_products_of_fewer_bits_are_refused(rng):
    networks = [rng.normal(size=(20, 4)) for _ in range(3)]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with pytest.raises(ValueError, match="float32 products are set to 'high'"):
            pairwise_distances(networks, LinearMetric(), backend="torch", dtype="float32")
        pairwise_distances(networks, LinearMetric(), backend="torch", device="cpu")
    finally:
        torch.set_float32_matmul_precision(before)


def test_torch_in_single_precision(rng):
    networks = [rng.normal(size=(60, 6)) for _ in range(8)]
    D = pairwise_distances(networks, LinearMetric(), backend="torch", device="cpu", dtype="float32")
    np.testing.assert_allclose(D, pairwise_distances(networks, LinearMetric()), atol=2e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("unit", [1e-13, 1e-10, 1.0, 1e12])
def test_certificates_hold_in_any_unit(rng, backend, dtype, unit):
    networks = [rng.normal(size=(60, 6)) for _ in range(5)]
    exact = pairwise_distances(networks, LinearMetric())
    D = pairwise_distances(
        [unit * X for X in networks],
        LinearMetric(),
        dtype=dtype,
        backend=backend,
        device="cpu",
        tolerance=1e-4,
    )
    np.testing.assert_allclose(D, exact, rtol=0, atol=1e-4 + 2e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e-20, 1e150])
def test_bounds_scale_with_the_matrix(unit):
    C = with_spectrum(np.linspace(1.0, 0.1, 8), 9, 8, 0)
    for norms_of in (
        linalg.gram_nuclear_norms,
        lambda A: [float(part[0]) for part in polar_norms(torch.as_tensor(A)[None])],
    ):
        norm, bound = norms_of(C)
        scaled_norm, scaled_bound = norms_of(unit * C)
        assert scaled_norm == pytest.approx(unit * norm, rel=1e-12)
        assert 0.0 < scaled_bound <= 10 * unit * bound
    zero_norm, zero_bound = linalg.gram_nuclear_norms(np.zeros((3, 2)))
    assert zero_norm == zero_bound == 0.0


def test_trying_stops_where_certificates_fail(monkeypatch, rng):
    calls = []
    real = linalg.gram_nuclear_norms
    monkeypatch.setattr(linalg, "gram_nuclear_norms", lambda C: calls.append(1) or real(C))
    scale = 10.0 ** -np.linspace(0, 12, 10)
    networks = [rng.normal(size=(60, 10)) * scale for _ in range(12)]
    pairwise_distances(networks, LinearMetric(), tolerance=1e-13, block_size=3)
    assert len(calls) == 1


def test_what_is_not_there_is_named():
    with pytest.raises(ValueError, match="backend: found 'jax', expected 'numpy' or 'torch'"):
        get_backend("jax")
    with pytest.raises(ValueError, match=r"tolerance: found 0.0, expected a number > 0"):
        get_backend("numpy", tolerance=0.0)
    with pytest.raises(ValueError, match="NumPy computes on the CPU"):
        get_backend("numpy", device="cuda")
    with pytest.raises(ValueError, match="device: found 'warp', not available"):
        get_backend("torch", device="warp")
    networks = [np.random.default_rng(k).normal(size=(9, 2)) for k in range(3)]
    with pytest.raises(ValueError, match="backend: found 'torch', expected 'numpy', as AngularCKA"):
        pairwise_distances(networks, AngularCKA(), backend="torch")
    with pytest.raises(
        ValueError, match="tolerance: found 1e-06, expected no tolerance, as AngularCKA"
    ):
        pairwise_distances(networks, AngularCKA(), tolerance=1e-6)


@pytest.mark.parametrize("options", [{"tolerance": 1e-3}, {"backend": "torch", "device": "cpu"}])
def test_heldout_distances_on_any_backend(rng, options):
    for metric, arrays in (
        (LinearMetric(alpha=0.5), [rng.normal(size=(40, n)) for n in (3, 5, 5, 4)]),
        (ConvolutionMetric(), layers(rng)[:4]),
    ):
        heldout = [np.roll(X, 7, axis=0) + 0.1 * rng.normal(size=X.shape) for X in arrays]
        expected = pairwise_distances(arrays, metric, heldout=heldout)
        found = pairwise_distances(arrays, metric, heldout=heldout, **options)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)

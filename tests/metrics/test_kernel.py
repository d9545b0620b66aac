"""Kernel metrics: equal to the linear family on Gram matrices, axioms, approximations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group
from sklearn.decomposition import KernelPCA
from sklearn.metrics.pairwise import rbf_kernel

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import KernelMetric, LinearMetric

seeds = st.integers(0, 2**31)
widths = st.integers(1, 6)
alphas = st.sampled_from([0.0, 0.25, 0.5, 1.0])
geometries = st.sampled_from(["angular", "euclidean"])
# All of these keep triangle and symmetry, approximate or not.
rbf_metrics = st.one_of(
    st.builds(
        KernelMetric,
        kernel=st.just("rbf"),
        alpha=st.sampled_from([0.3, 1.0]),
        geometry=geometries,
        bandwidth=st.sampled_from([None, 0.7, 3.0]),
        scale_free=st.booleans(),
    ),
    st.builds(
        KernelMetric,
        kernel=st.just("rbf"),
        alpha=alphas,
        geometry=geometries,
        approximation=st.sampled_from(["nystroem", "random_features"]),
        n_components=st.just(10),
        seed=st.integers(0, 3),
    ),
)


def draw(seed: int, *widths: int, m: int = 24) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, n)) + rng.normal(size=n) for n in widths]


def rotation(seed: int, n: int) -> np.ndarray:
    return ortho_group.rvs(n, random_state=seed % 2**32) if n > 1 else np.array([[-1.0]])


def centred_rbf(X: np.ndarray) -> np.ndarray:
    """Independent: scikit-learn's kernel at the median distance, centred by projections."""
    K = rbf_kernel(X, gamma=1.0 / (2.0 * np.median(pdist(X)) ** 2))
    C = np.eye(len(X)) - 1.0 / len(X)
    return C @ K @ C


def nuclear(A: np.ndarray) -> float:
    return float(np.linalg.svd(A, compute_uv=False).sum())


@given(seeds, alphas, geometries, widths, st.integers(1, 30), st.booleans())
def test_linear_kernel_is_the_linear_metric(seed, alpha, geometry, n, p, scale_free):
    options = {"alpha": alpha, "geometry": geometry, "scale_free": scale_free}
    if alpha == 0.0:
        p = min(p, 8)
    X, Y = draw(seed, n, p)
    expected = LinearMetric(**options).distance(X, Y)
    assert KernelMetric("linear", **options).distance(X, Y) == pytest.approx(expected, abs=1e-10)


@given(seeds, alphas, geometries, widths, st.integers(1, 30))
def test_gram_matrices_alone_give_the_linear_metric(seed, alpha, geometry, n, p):
    if alpha == 0.0:
        p = min(p, 8)
    X, Y = draw(seed, n, p)
    expected = LinearMetric(alpha=alpha, geometry=geometry).distance(X, Y)
    metric = KernelMetric("precomputed", alpha=alpha, geometry=geometry)
    assert metric.distance(X @ X.T, Y @ Y.T) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("geometry", ["angular", "euclidean"])
@pytest.mark.parametrize("alpha", ["0", "0.25", "0.5", "1"])
def test_oracle_of_the_linear_family(shared: Path, alpha, geometry):
    oracle = np.load(shared / "oracles" / "linear_equal.npz")
    expected = oracle[f"linear_a{alpha}_{geometry}_cen1_train"]
    grams = [X @ X.T for X in oracle["X"]]
    metric = KernelMetric("precomputed", alpha=float(alpha), geometry=geometry)
    apart = expected > 1e-3
    found = pairwise_distances(grams, metric)
    np.testing.assert_allclose(found[apart], expected[apart], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found[~apart], 0.0, rtol=0, atol=1e-7)


@given(seeds, st.integers(2, 5))
def test_rbf_equals_the_nuclear_norm_of_matrix_square_roots(seed, n):
    X, Y = draw(seed, n, n + 1, m=15)
    K, L = centred_rbf(X), centred_rbf(Y)
    inner = nuclear(np.real(sqrtm(K)) @ np.real(sqrtm(L)))
    cosine = inner / np.sqrt(np.trace(K) * np.trace(L))
    assert KernelMetric("rbf").distance(X, Y) == pytest.approx(np.arccos(cosine), abs=1e-6)
    squared = np.trace(K) + np.trace(L) - 2.0 * inner
    euclidean = KernelMetric("rbf", geometry="euclidean").distance(X, Y)
    assert euclidean**2 == pytest.approx(squared, abs=1e-6)


@given(seeds, st.sampled_from([0.2, 0.7]))
def test_partial_whitening_acts_on_eigenvalues_of_the_gram_matrix(seed, alpha):
    parts = []
    for X in draw(seed, 3, 4, m=12):
        values, vectors = np.linalg.eigh(centred_rbf(X))
        gain = alpha * np.sqrt(np.maximum(values, 0.0)) + (1.0 - alpha)
        gain[0] = 0.0  # the constant direction that centring removed
        parts.append((vectors * gain) @ vectors.T)
    A, B = parts
    cosine = nuclear(A @ B) / (np.linalg.norm(A) * np.linalg.norm(B))
    X, Y = draw(seed, 3, 4, m=12)
    found = KernelMetric("rbf", alpha=alpha).distance(X, Y)
    assert found == pytest.approx(np.arccos(cosine), abs=1e-6)


@given(seeds)
def test_whitening_kernel_components_is_cca_of_kernel_principal_components(seed):
    X, Y = draw(seed, 3, 4, m=30)
    scores = []
    for Z in (X, Y):
        gamma = 1.0 / (2.0 * np.median(pdist(Z)) ** 2)
        pca = KernelPCA(5, kernel="rbf", gamma=gamma, eigen_solver="dense")
        scores.append(pca.fit_transform(Z))
    expected = LinearMetric(alpha=0.0).distance(*scores)
    found = KernelMetric("rbf", alpha=0.0, n_components=5).distance(X, Y)
    assert found == pytest.approx(expected, abs=1e-7)


@given(seeds, rbf_metrics, widths, widths)
def test_symmetry_and_identity(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    assert metric.distance(X, Y) == pytest.approx(metric.distance(Y, X), abs=1e-9)
    assert metric.distance(X, X) < 1e-7


@given(seeds, rbf_metrics, st.lists(widths, min_size=3, max_size=3))
def test_triangle_inequality(seed, metric, widths):
    D = pairwise_distances(draw(seed, *widths), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-9


@given(seeds, st.sampled_from([0.5, 1.0]), st.sampled_from(["exact", "nystroem"]), widths, widths)
def test_rbf_sees_neither_rotations_nor_offsets_nor_with_the_median_scale(
    seed, alpha, approximation, n, p
):
    metric = KernelMetric("rbf", alpha=alpha, approximation=approximation)
    X, Y = draw(seed, n, p)
    copy = 7.0 * X @ rotation(seed, n) - 3.0
    assert metric.distance(copy, Y) == pytest.approx(metric.distance(X, Y), abs=1e-6)
    assert metric.distance(copy, X) < 1e-6


def test_bandwidth_is_absolute_and_the_fraction_one_of_the_median(rng):
    X, Y = rng.normal(size=(2, 20, 3))
    median = float(np.median(pdist(X)))
    by_fraction = KernelMetric("rbf", median_fraction=0.5).prepare(X)
    by_value = KernelMetric("rbf", bandwidth=0.5 * median).prepare(X)
    gram = by_fraction.features @ by_fraction.features.T
    np.testing.assert_allclose(gram, by_value.features @ by_value.features.T, atol=1e-12)
    fixed = KernelMetric("rbf", bandwidth=1.0)
    assert abs(fixed.distance(3.0 * X, Y) - fixed.distance(X, Y)) > 1e-3


def test_nystroem_with_every_stimulus_is_exact_and_fewer_are_worse(rng):
    arrays = [rng.normal(size=(60, 2)) @ rng.normal(size=(2, 4)) for _ in range(3)]

    def error(n: int):
        return KernelMetric("rbf", approximation="nystroem", n_components=n).approximation_error(
            arrays
        )

    few, many, every = error(6), error(30), error(60)
    assert every.gram.max() < 1e-9
    assert np.abs(every.distance).max() < 1e-6
    assert many.gram.max() < few.gram.max() / 5
    assert np.abs(many.distance).max() < np.abs(few.distance).max()


def test_random_features_approach_the_kernel_as_their_number_grows(rng):
    arrays = [rng.normal(size=(60, 3)) for _ in range(3)]
    errors = [
        KernelMetric("rbf", approximation="random_features", n_components=n)
        .approximation_error(arrays)
        .gram.mean()
        for n in (32, 512, 8192)
    ]
    # The error falls with the square root of the number: by 4 for 16 times as many.
    assert errors[0] > 2.0 * errors[1] > 4.0 * errors[2]


def test_seed_chooses_the_approximation_and_nothing_else(rng):
    X, Y = rng.normal(size=(2, 40, 3))
    for approximation in ("nystroem", "random_features"):
        make = [
            KernelMetric("rbf", approximation=approximation, n_components=8, seed=s)
            for s in (0, 0, 1)
        ]
        first, again, other = (metric.distance(X, Y) for metric in make)
        assert first == again != other
    assert KernelMetric("rbf", seed=0).distance(X, Y) == KernelMetric("rbf", seed=1).distance(X, Y)


@pytest.mark.parametrize(
    "metric",
    [
        KernelMetric("linear", alpha=0.4),
        KernelMetric("rbf"),
        KernelMetric("rbf", alpha=0.5, geometry="euclidean"),
        KernelMetric("rbf", approximation="nystroem", n_components=9),
        KernelMetric("rbf", approximation="random_features", n_components=10),
    ],
)
def test_blocks_threads_and_cross_distances_agree(metric):
    arrays = draw(3, 2, 5, 3, 3, 4)
    D = pairwise_distances(arrays, metric)
    for options in ({"block_size": 1}, {"block_size": 2, "n_jobs": 2}, {"block_size": 4}):
        np.testing.assert_allclose(pairwise_distances(arrays, metric, **options), D, atol=1e-10)
    cross = cross_distances(arrays[:2], arrays[2:], metric)
    np.testing.assert_allclose(cross, D[:2, 2:], atol=1e-10)
    single = pairwise_distances(arrays, metric, dtype="float32")
    np.testing.assert_allclose(single, D, atol=2e-3)
    heldout = pairwise_distances(arrays, metric, heldout=arrays)
    np.testing.assert_allclose(heldout, D, atol=1e-6)


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_heldout_alignment_carries_over_between_rotated_copies(rng, approximation):
    metric = KernelMetric("rbf", approximation=approximation, n_components=12)
    X, test = rng.normal(size=(40, 3)), rng.normal(size=(25, 3))
    Q = rotation(5, 3)
    D = pairwise_distances([X, X @ Q + 2.0], metric, heldout=[test, test @ Q + 2.0])
    assert D[0, 1] < 1e-6
    other = rng.normal(size=(25, 3))
    assert pairwise_distances([X, X @ Q], metric, heldout=[test, other])[0, 1] > 0.3


@given(seeds, widths, widths)
def test_alignment_realises_the_distance(seed, n, p):
    X, Y = draw(seed, n, p)
    metric = KernelMetric("rbf", geometry="euclidean")
    found = metric.align(X, Y)
    A, B = found.apply_x(X), found.apply_y(Y)
    assert A.shape == B.shape
    assert np.linalg.norm(A - B) == pytest.approx(found.distance, abs=1e-7)
    assert found.distance == pytest.approx(metric.distance(X, Y), abs=1e-12)
    ranks = tuple(metric.prepare(Z).features.shape[1] for Z in (X, Y))
    assert found.rotation.shape == ranks


def test_parameters_are_plain_values():
    text = json.dumps(KernelMetric("rbf", bandwidth=2.0).parameters())
    assert json.loads(text)["bandwidth"] == 2.0
    assert json.loads(text)["is_metric"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "cubic"}, "kernel"),
        ({"alpha": 1.5}, "alpha"),
        ({"geometry": "flat"}, "geometry"),
        ({"kernel": "rbf", "bandwidth": 0.0}, "bandwidth"),
        ({"kernel": "rbf", "bandwidth": np.inf}, "bandwidth"),
        ({"kernel": "rbf", "median_fraction": -1.0}, "median_fraction"),
        ({"bandwidth": 1.0}, "the linear kernel has no bandwidth"),
        ({"approximation": "nystroem"}, "approximation"),
        ({"kernel": "rbf", "approximation": "sketch"}, "approximation"),
        ({"n_components": 0}, "n_components"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        KernelMetric(**options)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((5, 2, 2)), ValueError, "shape"),
        (np.zeros(5), ValueError, "shape"),
        (np.zeros((0, 3)), ValueError, "at least one unit"),
        (np.ones((1, 3)), ValueError, "1 stimuli"),
        (np.ones((6, 3)), ValueError, "zero variance"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), ValueError, "NaN"),
        (np.ones((4, 2), dtype=complex), TypeError, "complex"),
        (np.full((4, 2), "a", dtype=object), TypeError, "object"),
    ],
)
def test_bad_input_is_named(kernel, X, error, message):
    with pytest.raises(error, match=message) as caught:
        KernelMetric(kernel).prepare(X, name="V1")
    assert "V1" in str(caught.value)


def test_what_no_kernel_can_do_is_said(rng):
    X = rng.normal(size=(10, 3))
    with pytest.raises(ValueError, match="span all 10 stimuli"):
        KernelMetric("rbf", alpha=0.0).prepare(X)
    with pytest.raises(ValueError, match="at least 11"):
        KernelMetric("rbf", approximation="nystroem", n_components=11).prepare(X)
    sparse = np.zeros((10, 3))
    sparse[0] = 1.0
    with pytest.raises(ValueError, match="median distance"):
        KernelMetric("rbf").prepare(sparse)
    with pytest.raises(ValueError, match="found 12 stimuli, expected 10"):
        KernelMetric("rbf").distance(X, rng.normal(size=(12, 3)))
    metric = KernelMetric("precomputed")
    for gram, message in (
        (X, "square"),
        (rng.normal(size=(6, 6)), "not symmetric"),
        (-(X @ X.T), "negative diagonal"),
        (np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "eigenvalue"),
        (np.ones((6, 6)), "zero variance"),
    ):
        with pytest.raises(ValueError, match=message):
            metric.prepare(gram)
    fitted = KernelMetric("rbf").prepare(X, name="V1")
    with pytest.raises(ValueError, match=r"V1.*4 units.*expected 3"):
        fitted.apply(rng.normal(size=(5, 4)))

"""The linear family: metric axioms, promised invariances, closed forms, independent programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import ortho_group
from sklearn.cross_decomposition import CCA

from shapemetrics import pairwise_distances
from shapemetrics.arrays import RoundingWarning
from shapemetrics.metrics import KernelMetric, LinearMetric

ALPHAS = (0.0, 0.25, 0.5, 1.0)
GEOMETRIES = ("angular", "euclidean")

seeds = st.integers(0, 2**31)
alphas = st.sampled_from(ALPHAS)
geometries = st.sampled_from(GEOMETRIES)
metrics = st.builds(
    LinearMetric,
    alpha=alphas,
    geometry=geometries,
    center=st.booleans(),
    preserve_variance=st.booleans(),
    scale_free=st.booleans(),
)


def draw(seed: int, *widths: int, m: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, n)) @ rng.normal(size=(n, n)) + rng.normal(size=n) for n in widths]


def rotation(seed: int, n: int) -> np.ndarray:
    return ortho_group.rvs(n, random_state=seed % 2**32) if n > 1 else np.array([[-1.0]])


@given(seeds, metrics, st.integers(1, 8), st.integers(1, 8))
def test_symmetry(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    assert metric.distance(X, Y) == pytest.approx(metric.distance(Y, X), abs=1e-11)


@given(seeds, metrics, st.integers(1, 8))
def test_identity_is_exact_not_the_floor_of_the_arc_cosine(seed, metric, n):
    (X,) = draw(seed, n)
    assert metric.distance(X, X) < 1e-11 * (1 + np.linalg.norm(X))


@given(seeds, metrics, st.lists(st.integers(1, 8), min_size=3, max_size=3))
def test_triangle_inequality_at_unequal_widths(seed, metric, widths):
    D = pairwise_distances(draw(seed, *widths), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-10


@given(seeds, metrics, st.integers(1, 8), st.integers(1, 8))
def test_invariance_under_rotation(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    turned = metric.distance(X @ rotation(seed, n), Y)
    assert turned == pytest.approx(metric.distance(X, Y), abs=1e-9)


@given(seeds, alphas, geometries, st.floats(-1e3, 1e3))
def test_invariance_under_offsets_when_centred(seed, alpha, geometry, offset):
    X, Y = draw(seed, 4, 5)
    metric = LinearMetric(alpha=alpha, geometry=geometry)
    assert metric.distance(X + offset, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)


@given(seeds, st.sampled_from([0.0, 1.0]), st.floats(1e-6, 1e6))
def test_angles_do_not_see_scale_at_the_ends_of_the_family(seed, alpha, scale):
    X, Y = draw(seed, 4, 5)
    metric = LinearMetric(alpha=alpha)
    assert metric.distance(scale * X, Y) == pytest.approx(metric.distance(X, Y), abs=1e-10)


@given(seeds, metrics, st.floats(1e-6, 1e6))
def test_scale_free_distances_do_not_see_units_at_any_alpha(seed, metric, scale):
    X, Y = draw(seed, 4, 5)
    free = LinearMetric(**{**vars(metric), "scale_free": True})
    assert free.distance(scale * X, Y) == pytest.approx(free.distance(X, Y), abs=1e-9)


def test_partial_whitening_depends_on_scale_by_definition():
    X, Y = draw(3, 4, 5)
    metric = LinearMetric(alpha=0.5)
    assert abs(metric.distance(100 * X, Y) - metric.distance(X, Y)) > 1e-3


@given(seeds, geometries, st.integers(1, 6))
def test_full_whitening_is_invariant_to_every_linear_map(seed, geometry, n):
    X, Y = draw(seed, n, 5)
    rng = np.random.default_rng(seed)
    A = rotation(seed, n) * np.exp(rng.uniform(-3, 3, size=n)) @ rotation(seed + 1, n)
    metric = LinearMetric(alpha=0.0, geometry=geometry, preserve_variance=False)
    assert metric.distance(X @ A, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)
    assert metric.distance(X @ A, X) == pytest.approx(0.0, abs=1e-9)


@given(seeds, metrics, st.integers(1, 6), st.integers(1, 5))
def test_silent_units_and_isometric_embedding_change_nothing(seed, metric, n, extra):
    X, Y = draw(seed, n, 5)
    wide = np.hstack([X, np.zeros((len(X), extra))]) @ rotation(seed, n + extra)
    assert metric.distance(wide, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)
    assert metric.distance(wide, X) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_orthogonal_subspaces_are_a_right_angle_apart(alpha):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 6)))[0]
    X, Y = basis[:, :3], basis[:, 3:]
    metric = LinearMetric(alpha=alpha, center=False)
    assert metric.distance(X, Y) == pytest.approx(np.pi / 2, abs=1e-12)
    euclidean = LinearMetric(alpha=alpha, center=False, geometry="euclidean")
    assert euclidean.distance(X, Y) == pytest.approx(np.sqrt(6), abs=1e-12)


def test_known_angle_between_single_units():
    t = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    X, Y = np.cos(t)[:, None], np.cos(t + 0.3)[:, None]
    for alpha in ALPHAS:
        assert LinearMetric(alpha=alpha).distance(X, Y) == pytest.approx(0.3, abs=1e-12)


@given(st.floats(1e-12, 1e-3))
def test_small_angles_keep_their_digits(angle):
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    X, Y = np.cos(t)[:, None], np.cos(t + angle)[:, None]
    assert LinearMetric().distance(X, Y) == pytest.approx(angle, rel=1e-3, abs=1e-15)


def test_unequal_widths_do_not_let_a_partner_change_a_network():
    # The case at which padding inside a pair breaks the triangle inequality.
    X = draw(7, 5, 20, 100, m=150)
    for alpha in (0.0, 0.3):
        metric = LinearMetric(alpha=alpha, geometry="euclidean")
        D = pairwise_distances(X, metric)
        assert D[0, 1] <= D[0, 2] + D[2, 1]
        norms = [metric.prepare(x).norm for x in X]
        np.testing.assert_allclose(norms, [np.linalg.norm(x - x.mean(0)) for x in X], rtol=1e-12)


@given(seeds, metrics, st.integers(1, 6), st.integers(1, 6))
def test_alignment_realises_the_distance(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    found = metric.align(X, Y)
    x, y = found.apply_x(X), found.apply_y(Y)
    if metric.geometry == "euclidean":
        reached = np.linalg.norm(x - y)
    else:
        reached = np.arccos(np.clip(np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y), -1, 1))
    assert reached == pytest.approx(found.distance, abs=1e-6)
    assert found.distance == pytest.approx(metric.distance(X, Y), abs=1e-12)
    k = min(n, p)
    np.testing.assert_allclose(np.linalg.svd(found.rotation)[1][:k], 1.0, atol=1e-10)


@given(seeds, metrics)
def test_no_rotation_does_better_than_the_one_found(seed, metric):
    X, Y = draw(seed, 4, 4)
    x, y = metric.prepare(X).features, metric.prepare(Y).features
    Q = rotation(seed, 4)
    best = metric.distance(X, Y)
    if metric.geometry == "euclidean":
        assert best <= np.linalg.norm(x @ Q - y) + 1e-9
    else:
        cosine = np.sum((x @ Q) * y) / np.linalg.norm(x) / np.linalg.norm(y)
        assert best <= np.arccos(np.clip(cosine, -1, 1)) + 1e-7


def test_pca_keeps_the_leading_components():
    (X,) = draw(1, 8)
    Y = draw(2, 6)[0]
    centred = X - X.mean(0)
    U, S, _ = np.linalg.svd(centred, full_matrices=False)
    for alpha in ALPHAS:
        reduced = LinearMetric(alpha=alpha, n_components=3)
        by_hand = LinearMetric(alpha=alpha).distance(U[:, :3] * S[:3], reduced.prepare(Y).features)
        if alpha in (0.0, 1.0):
            assert reduced.distance(X, Y) == pytest.approx(by_hand, abs=1e-10)
        assert reduced.prepare(X).features.shape == (30, 3)


def test_more_units_than_stimuli_and_low_rank_are_regular_above_alpha_zero():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(20, 50))
    low = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 9))
    for alpha in (0.25, 1.0):
        D = pairwise_distances([wide, low, wide @ rotation(0, 50)], LinearMetric(alpha=alpha))
        assert D[0, 2] < 1e-8
        assert 0.1 < D[0, 1] < np.pi / 2
    assert LinearMetric(alpha=0.0).prepare(low).features.shape == (20, 3)


def test_alpha_zero_refuses_networks_that_span_all_stimuli():
    X = np.random.default_rng(0).normal(size=(20, 19))
    with pytest.raises(
        ValueError, match=r"'v1': found 19 units that span all 20 stimuli.*n_components"
    ):
        LinearMetric(alpha=0.0).prepare(X, name="v1")
    assert LinearMetric(alpha=0.0, n_components=5).prepare(X).features.shape == (20, 5)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_rank_does_not_depend_on_units(scale):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 7)) * scale
    assert LinearMetric(alpha=0.0).prepare(X).features.shape == (40, 3)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("make", [LinearMetric, partial(KernelMetric, "linear")])
def test_rank_tolerance_is_heeded_whichever_are_more_of_stimuli_and_units(make, alpha):
    """Silent units change nothing, nor does a tolerance that all directions pass."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3)) * [1.0, 0.1, 1e-3] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    Y = rng.normal(size=(12, 3))
    wide = np.hstack([X, np.zeros((12, 20))])
    metric = make(alpha=alpha, rank_tolerance=0.01)
    U, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    kept = U[:, :2] * s[:2] @ Vt[:2]
    expected = make(alpha=alpha).distance(kept, Y)
    assert metric.distance(X, Y) == pytest.approx(expected, abs=1e-12)
    assert metric.distance(wide, Y) == pytest.approx(expected, abs=1e-12)
    assert make(alpha=alpha, rank_tolerance=1e-4).distance(X, Y) != pytest.approx(expected)


def test_rank_is_judged_by_the_precision_of_the_computation_whatever_stores_the_data():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 7))).astype(np.float32)
    for array in (X, X.astype(np.float64)):
        assert LinearMetric(alpha=0.0).prepare(array).features.shape == (40, 7)
        assert LinearMetric(alpha=0.0, rank_tolerance=1e-5).prepare(array).features.shape == (40, 3)
    Y = rng.normal(size=(40, 4))
    with pytest.warns(RoundingWarning, match=r"'X': 4 of 7 directions .* float32 .*rank_tolerance"):
        LinearMetric(alpha=0.0).distance(X, Y)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("m", [40, 6000])
def test_tall_data_of_any_precision_keep_their_rank(dtype, m):
    rng = np.random.default_rng(0)
    full = rng.normal(size=(m, 5)).astype(dtype)
    low = np.hstack([full[:, :3], full[:, :2]])
    metric = LinearMetric(alpha=0.0)
    assert metric.prepare(full).features.shape == (m, 5)
    assert metric.prepare(low).features.shape == (m, 3)


def test_heldout_distance_of_fitted_stimuli_is_the_distance_itself():
    X = draw(5, 3, 4, 4, 6)
    for alpha in ALPHAS:
        for geometry in GEOMETRIES:
            metric = LinearMetric(alpha=alpha, geometry=geometry)
            np.testing.assert_allclose(
                pairwise_distances(X, metric, heldout=X), pairwise_distances(X, metric), atol=1e-6
            )


def test_heldout_distance_sees_overfitting():
    rng = np.random.default_rng(0)
    train = [rng.normal(size=(30, 20)) for _ in range(2)]
    test = [rng.normal(size=(300, 20)) for _ in range(2)]
    metric = LinearMetric(alpha=0.0)
    fitted = pairwise_distances(train, metric)[0, 1]
    heldout = pairwise_distances(train, metric, heldout=test)[0, 1]
    assert fitted < 0.8 < 1.4 < heldout


# ---------------------------------------------------------------- independent programs


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_agrees_with_the_authors_package(shared: Path, alpha: float, geometry: str):
    oracle = np.load(shared / "oracles" / "netrep_public.npz")
    metric = LinearMetric(alpha=alpha, geometry=geometry)
    X = [oracle[f"equal_{k}"] for k in range(7)]
    heldout = [oracle[f"equal_heldout_{k}"] for k in range(7)]
    key = f"linear_equal_alpha{alpha}_{geometry}"
    np.testing.assert_allclose(pairwise_distances(X, metric), oracle[key], atol=1e-10)
    found = pairwise_distances(X, metric, heldout=heldout)
    np.testing.assert_allclose(found, oracle[f"{key}_heldout"], atol=1e-10)
    if alpha > 0 and (geometry == "angular" or alpha == 1.0):
        U = [oracle[f"unequal_{k}"] for k in range(6)]
        key = f"linear_unequal_alpha{alpha}_{geometry}"
        np.testing.assert_allclose(pairwise_distances(U, metric), oracle[key], atol=1e-10)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("alpha", ["0", "0.25", "0.5", "1"])
def test_agrees_with_the_authors_package_equal_widths(shared, alpha, geometry, center):
    oracle = np.load(shared / "oracles" / "linear_equal.npz")
    metric = LinearMetric(alpha=float(alpha), geometry=geometry, center=center)
    key = f"linear_a{alpha}_{geometry}_cen{int(center)}"
    found = pairwise_distances(oracle["X"], metric)
    # The oracle's zeros carry the floor of its arc cosine.
    atol = np.where(oracle[f"{key}_train"] < 1e-6, 1e-7, 1e-10)
    assert np.all(np.abs(found - oracle[f"{key}_train"]) <= atol)
    heldout = pairwise_distances(oracle["X"], metric, heldout=oracle["X_test"])
    np.testing.assert_allclose(heldout, oracle[f"{key}_test"], atol=1e-7)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("alpha", ["0", "0.25", "0.5", "1"])
def test_agrees_with_the_authors_package_unequal_widths(shared, alpha, center):
    oracle = np.load(shared / "oracles" / "linear_unequal.npz")
    # At alpha = 0 the two networks with more units than stimuli are refused by rule.
    count = 5 if alpha == "0" else 7
    metric = LinearMetric(alpha=float(alpha), center=center)
    found = pairwise_distances([oracle[f"X{i}"] for i in range(count)], metric)
    expected = oracle[f"linear_a{alpha}_angular_cen{int(center)}_train"][:count, :count]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_agrees_with_scipy_procrustes():
    X, Y = draw(11, 4, 4)
    # scipy reports the squared sine of the angle, its scale being free.
    _, _, disparity = procrustes(X, Y)
    assert np.sin(LinearMetric().distance(X, Y)) ** 2 == pytest.approx(disparity, abs=1e-12)


def test_agrees_with_scikit_learn_cca():
    X, Y = draw(12, 3, 3, m=200)
    variates = CCA(n_components=3, max_iter=10_000, tol=1e-12).fit(X, Y).transform(X, Y)
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(variates[0].T, variates[1].T)]
    distance = LinearMetric(alpha=0.0).distance(X, Y)
    assert np.cos(distance) == pytest.approx(np.mean(correlations), abs=1e-6)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(5), ValueError, r"'V1': found shape \(5,\), expected \(stimuli, units\)"),
        (np.ones((5, 2, 2, 3)), ValueError, "flatten positions first"),
        (np.ones((0, 3)), ValueError, r"found shape \(0, 3\), expected at least one unit"),
        (np.ones((1, 3)), ValueError, "found 1 stimuli, expected at least 2"),
        (np.full((4, 2), np.inf), ValueError, "found 8 values that are NaN or infinite"),
        (np.ones((4, 2), complex), TypeError, "found dtype complex128, expected real numbers"),
        (np.full((4, 2), None), TypeError, "found dtype object"),
        (np.full((4, 2), "a"), TypeError, "found text .dtype <U1"),
        (np.ones((4, 2)), ValueError, "found zero variance across stimuli"),
        (np.full((7, 3), 0.1), ValueError, "found zero variance across stimuli"),
        ([[1.0, 2.0], [3.0]], ValueError, "'V1': found a ragged list"),
    ],
)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_bad_networks_are_named(X, error, message, alpha):
    with pytest.raises(error, match=message):
        LinearMetric(alpha=alpha).prepare(X, name="V1")


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"alpha": 1.5}, ValueError, "alpha: found 1.5, expected a number from 0 to 1"),
        ({"alpha": -0.1}, ValueError, "alpha: found -0.1"),
        ({"alpha": float("nan")}, ValueError, "alpha: found nan"),
        ({"alpha": "1"}, TypeError, "alpha: found '1'"),
        ({"geometry": "spherical"}, ValueError, "geometry: found 'spherical', expected one of"),
        ({"n_components": 0}, ValueError, "n_components: found 0"),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        LinearMetric(**parameters)


def test_small_integers_do_not_overflow():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, size=(50, 4), dtype=np.uint8)
    Y = rng.integers(-128, 127, size=(50, 4), dtype=np.int8)
    exact = LinearMetric().distance(X.astype(float), Y.astype(float))
    assert LinearMetric().distance(X, Y) == exact


def test_different_stimuli_are_refused():
    with pytest.raises(ValueError, match="'Y': found 12 stimuli, expected 10"):
        LinearMetric().distance(np.eye(10)[:, :3], np.eye(12)[:, :3])


def test_a_metric_is_immutable_and_describes_itself():
    metric = LinearMetric(alpha=0.5)
    with pytest.raises(AttributeError):
        metric.alpha = 1.0
    assert metric.parameters()["metric"] == "LinearMetric"
    assert metric.parameters()["alpha"] == 0.5
    assert metric == LinearMetric(alpha=0.5)

"""Convolutional layers: axioms, invariances, shifting by hand, independent programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import ConvolutionMetric, LinearMetric, shift_stacks
from shapemetrics.pairwise.blocks import load_block, save_block

ALPHAS = (0.0, 0.5, 1.0)
GEOMETRIES = ("angular", "euclidean")

seeds = st.integers(0, 2**31)
sides = st.integers(1, 5)
channels = st.integers(1, 5)
alphas = st.sampled_from(ALPHAS)
geometries = st.sampled_from(GEOMETRIES)
metrics = st.builds(
    ConvolutionMetric,
    alpha=alphas,
    geometry=geometries,
    center=st.booleans(),
    preserve_variance=st.booleans(),
    scale_free=st.booleans(),
    shifts=st.sampled_from([True, "circular", False]),
)
shifting = st.builds(ConvolutionMetric, alpha=alphas, geometry=geometries, center=st.booleans())


def draw(seed: int, h: int, w: int, *widths: int, m: int = 12) -> list[np.ndarray]:
    """Layers with a common spatial structure, so that shifts matter."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(m, h, w, 3))
    return [
        common @ rng.normal(size=(3, c)) + rng.normal(size=(m, h, w, c)) + rng.normal(size=c)
        for c in widths
    ]


def rotation(seed: int, n: int) -> np.ndarray:
    return ortho_group.rvs(n, random_state=seed % 2**32) if n > 1 else np.array([[-1.0]])


def by_hand(metric: ConvolutionMetric, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Shift map from the linear metric on every rolled flattening."""
    linear = LinearMetric(alpha=metric.alpha, geometry=metric.geometry, center=metric.center)
    h, w = X.shape[1:3]
    out = np.empty((h, w))
    for p in range(h):
        for q in range(w):
            rolled = np.roll(X, (p - h // 2, q - w // 2), axis=(1, 2))
            out[p, q] = linear.distance(rolled.reshape(-1, X.shape[-1]), Y.reshape(-1, Y.shape[-1]))
    return out


@given(seeds, metrics, sides, sides, channels, channels)
def test_symmetry_and_identity(seed, metric, h, w, c, d):
    X, Y = draw(seed, h, w, c, d)
    assert metric.distance(X, Y) == pytest.approx(metric.distance(Y, X), abs=1e-10)
    assert metric.distance(X, X) < 1e-10 * (1 + np.linalg.norm(X))


@given(seeds, metrics, sides, sides, st.lists(channels, min_size=3, max_size=3))
def test_triangle_inequality_at_unequal_widths(seed, metric, h, w, widths):
    D = pairwise_distances(draw(seed, h, w, *widths), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-9


@given(seeds, shifting, sides, sides, channels, channels, st.integers(-9, 9), st.integers(-9, 9))
def test_invariance_under_shifts_and_channel_rotations(seed, metric, h, w, c, d, a, b):
    X, Y = draw(seed, h, w, c, d)
    moved = np.roll(X, (a, b), axis=(1, 2)) @ rotation(seed, c)
    assert metric.distance(moved, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)
    assert metric.distance(moved, X) < 1e-8 * (1 + np.linalg.norm(X))


@given(seeds, alphas, geometries)
def test_invariance_under_channel_offsets_when_centred(seed, alpha, geometry):
    X, Y = draw(seed, 3, 4, 3, 4)
    metric = ConvolutionMetric(alpha=alpha, geometry=geometry)
    moved = X + np.array([5.0, -300.0, 20.0])
    assert metric.distance(moved, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)


@given(seeds, st.integers(1, 4))
def test_full_whitening_is_invariant_to_every_channel_map(seed, c):
    X, Y = draw(seed, 3, 4, c, 3)
    A = rotation(seed, c) * np.exp(np.linspace(-2, 2, c)) @ rotation(seed + 1, c)
    metric = ConvolutionMetric(alpha=0.0)
    assert metric.distance(X @ A, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)


@given(seeds, shifting, channels, st.integers(1, 3))
def test_silent_channels_change_nothing(seed, metric, c, extra):
    X, Y = draw(seed, 3, 3, c, 4)
    wide = np.concatenate([X, np.zeros((*X.shape[:3], extra))], axis=3) @ rotation(seed, c + extra)
    assert metric.distance(wide, Y) == pytest.approx(metric.distance(X, Y), abs=1e-8)


@given(seeds, metrics, sides, sides, channels, channels)
def test_without_shifts_it_is_the_linear_metric_on_the_flattening(seed, metric, h, w, c, d):
    X, Y = draw(seed, h, w, c, d)
    options = {k: v for k, v in vars(metric).items() if k not in ("shifts", "resample")}
    linear, fixed = LinearMetric(**options), ConvolutionMetric(**options, shifts=False)
    flat = [Z.reshape(-1, Z.shape[-1]) for Z in (X, Y)]
    expected = linear.distance(*flat)
    assert fixed.distance(X, Y) == pytest.approx(expected, abs=1e-11 * (1 + np.linalg.norm(X)))
    assert metric.distance(X, Y) <= expected + 1e-9
    found = fixed.align(X, Y)
    assert found.shift == (0, 0)
    assert found.distance == pytest.approx(expected, abs=1e-10 * (1 + np.linalg.norm(X)))


@given(seeds, shifting, sides, sides, channels, channels)
def test_shift_map_agrees_with_rolling_by_hand(seed, metric, h, w, c, d):
    X, Y = draw(seed, h, w, c, d)
    found = metric.shift_map(X, Y)
    np.testing.assert_allclose(found, by_hand(metric, X, Y), atol=1e-9)
    assert metric.distance(X, Y) == pytest.approx(found.min(), abs=1e-12)


@given(seeds, shifting, sides, sides)
def test_exchanging_networks_reflects_the_map(seed, metric, h, w):
    X, Y = draw(seed, h, w, 3, 4)
    there, back = metric.shift_map(X, Y), metric.shift_map(Y, X)
    p, q = (2 * (h // 2) - np.arange(h)) % h, (2 * (w // 2) - np.arange(w)) % w
    np.testing.assert_allclose(back, there[np.ix_(p, q)], atol=1e-10)


@given(seeds, alphas, st.integers(2, 6), st.integers(2, 6), st.integers(0, 5), st.integers(0, 5))
def test_best_shift_is_recovered(seed, alpha, h, w, a, b):
    (X,) = draw(seed, h, w, 3)
    shift = (a % h - h // 2, b % w - w // 2)
    Y = np.roll(X, shift, axis=(1, 2)) @ rotation(seed, 3)
    metric = ConvolutionMetric(alpha=alpha)
    assert metric.best_shift(X, Y) == shift
    p, q = np.unravel_index(metric.shift_map(X, Y).argmin(), (h, w))
    assert (p - h // 2, q - w // 2) == shift


def test_layers_without_spatial_structure_are_best_left_in_place():
    X, Y = (np.broadcast_to(Z, (12, 4, 6, Z.shape[-1])) for Z in draw(0, 1, 1, 3, 2))
    metric = ConvolutionMetric()
    assert metric.best_shift(X, Y) == (0, 0)
    np.testing.assert_allclose(metric.shift_map(X, Y), metric.distance(X, Y), atol=1e-12)


@given(st.floats(1e-10, 1e-3), geometries)
def test_small_distances_keep_their_digits(size, geometry):
    (X,) = draw(1, 4, 4, 1)
    X = X / np.linalg.norm(X - X.mean())
    noise = np.random.default_rng(2).normal(size=X.shape)
    noise -= noise.mean()
    noise -= np.sum(noise * X) * X
    Y = np.roll(X + size * noise / np.linalg.norm(noise), (1, 2), axis=(1, 2))
    metric = ConvolutionMetric(geometry=geometry, center=False)
    linear = LinearMetric(geometry=geometry, center=False)
    expected = linear.distance(np.roll(X, (1, 2), (1, 2)).reshape(-1, 1), Y.reshape(-1, 1))
    assert metric.distance(X, Y) == pytest.approx(expected, rel=1e-4, abs=1e-15)
    assert expected == pytest.approx(size, rel=0.5)


@given(seeds, metrics, channels, channels)
def test_alignment_realises_the_distance(seed, metric, c, d):
    X, Y = draw(seed, 3, 4, c, d)
    found = metric.align(X, Y)
    x, y = found.apply_x(X), found.apply_y(Y)
    assert x.shape == y.shape == (12, 3, 4, max(c, d))
    if metric.geometry == "euclidean":
        reached = np.linalg.norm(x - y)
    else:
        reached = np.arccos(np.clip(np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y), -1, 1))
    assert reached == pytest.approx(found.distance, abs=1e-6)
    assert found.distance == pytest.approx(metric.distance(X, Y), abs=1e-10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_blocks_threads_and_batches_change_nothing(alpha, geometry, monkeypatch):
    arrays = draw(3, 4, 3, 3, 5, 2, 3, 1, 4, 6)
    metric = ConvolutionMetric(alpha=alpha, geometry=geometry)
    D = pairwise_distances(arrays, metric)
    one_by_one = [[metric.distance(X, Y) if X is not Y else 0.0 for Y in arrays] for X in arrays]
    np.testing.assert_allclose(D, one_by_one, atol=1e-10)
    for block_size, n_jobs in ((1, 1), (2, 2), (7, 2), (None, 2)):
        again = pairwise_distances(arrays, metric, block_size=block_size, n_jobs=n_jobs)
        np.testing.assert_allclose(again, D, atol=1e-10)
    cross = cross_distances(arrays[:2], arrays[2:], metric)
    np.testing.assert_allclose(cross, D[:2, 2:], atol=1e-10)
    monkeypatch.setattr(shift_stacks, "PRODUCT_BYTES", 1)
    np.testing.assert_allclose(pairwise_distances(arrays, metric), D, atol=1e-10)


@pytest.mark.parametrize("shifts", [True, False])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_heldout_fits_shift_and_rotation_on_the_training_stimuli(alpha, shifts):
    whole = draw(4, 4, 5, 3, 4, 5, m=40)
    whole[1] = np.roll(whole[0], (1, -2), axis=(1, 2)) @ rotation(0, 3)
    whole[1] = whole[1] + 0.3 * np.random.default_rng(5).normal(size=whole[1].shape)
    train, test = [X[:24] for X in whole], [X[24:] for X in whole]
    for geometry in GEOMETRIES:
        metric = ConvolutionMetric(alpha=alpha, geometry=geometry, shifts=shifts)
        linear = LinearMetric(alpha=alpha, geometry=geometry)
        D = pairwise_distances(train, metric, heldout=test, block_size=2)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            shift = metric.best_shift(train[i], train[j]) if shifts else (0, 0)
            rolled = [np.roll(Z[i], shift, axis=(1, 2)) for Z in (train, test)]
            pair = [
                [F.reshape(-1, F.shape[-1]) for F in (X, Z[j])]
                for X, Z in zip(rolled, (train, test))
            ]
            expected = pairwise_distances(pair[0], linear, heldout=pair[1])[0, 1]
            assert D[i, j] == pytest.approx(expected, abs=1e-9)
        if shifts:
            assert metric.best_shift(train[0], train[1]) == (1, -2)


def test_single_precision_stays_within_its_bound():
    arrays = draw(6, 4, 4, 8, 8, 6, m=60)
    arrays.append(np.roll(arrays[0], 1, axis=1) @ rotation(0, 8))
    arrays.append(arrays[0] + 1e-3 * arrays[1])
    for alpha in ALPHAS:
        metric = ConvolutionMetric(alpha=alpha)
        exact, single = (
            pairwise_distances(arrays, metric, dtype=d) for d in ("float64", "float32")
        )
        assert metric.prepare(arrays[0], dtype="float32").spectrum.dtype == np.float32
        assert 0 < np.abs(exact - single).max() < 3e-6


def test_a_prepared_layer_is_as_large_as_its_responses():
    (X,) = draw(0, 5, 4, 3)
    prepared = ConvolutionMetric(alpha=0.5).prepare(X)
    assert prepared.spectrum.size == X.size
    assert np.linalg.norm(prepared.spectrum) == pytest.approx(prepared.norm, rel=1e-12)
    assert prepared.n_samples == len(X)
    assert prepared.grid == (5, 4)


@pytest.mark.parametrize("shifts", [True, False])
def test_prepared_layers_survive_being_stored(shifts, tmp_path):
    arrays = draw(0, 4, 3, 3, 2, 4)
    metric = ConvolutionMetric(alpha=0.5, shifts=shifts)
    save_block(
        [metric.prepare(X, name=f"net {k}") for k, X in enumerate(arrays)], tmp_path / "b", {}
    )
    loaded, _ = load_block(tmp_path / "b")
    block = metric.stack(loaded)
    np.testing.assert_allclose(
        metric.pairwise(block, block), pairwise_distances(arrays, metric), atol=1e-12
    )


def test_reduction_and_parameters():
    X, Y = draw(0, 3, 3, 6, 5)
    metric = ConvolutionMetric(alpha=1.0, n_components=2)
    assert metric.prepare(X).spectrum.shape == (9, 12, 2)
    assert metric.distance(X, Y) != pytest.approx(ConvolutionMetric().distance(X, Y), abs=1e-3)
    parameters = ConvolutionMetric(resample=[4, 6]).parameters()
    assert parameters["metric"] == "ConvolutionMetric"
    assert parameters["resample"] == (4, 6)


def test_different_stimuli_are_refused():
    (X,), (Y,) = draw(0, 4, 4, 3), draw(0, 4, 4, 3, m=9)
    with pytest.raises(ValueError, match="'Y': found 9 stimuli, expected 12"):
        ConvolutionMetric().distance(X, Y)
    with pytest.raises(ValueError, match="'array 1': found 9"):
        pairwise_distances([X, Y], ConvolutionMetric())
    with pytest.raises(ValueError, match="'b': found 9"):
        pairwise_distances({"a": X, "b": X}, ConvolutionMetric(), heldout={"a": X, "b": Y})


BAD = [
    (np.ones((4, 3)), ValueError, "expected .stimuli, height, width, channels"),
    (np.ones((4, 3, 3)), ValueError, "expected .stimuli, height, width, channels"),
    (np.ones((4, 0, 3, 2)), ValueError, "at least one unit"),
    (np.ones((0, 3, 3, 2)), ValueError, "at least one unit"),
    (np.ones((1, 3, 3, 2)), ValueError, "1 stimuli, expected at least 2"),
    (np.ones((4, 3, 3, 2)), ValueError, "zero variance"),
    (np.full((4, 3, 3, 2), np.nan), ValueError, "NaN"),
    (np.full((4, 3, 3, 2), np.inf), ValueError, "infinite"),
    (np.ones((4, 3, 3, 2)) * 1j, TypeError, "complex"),
    (np.ones((4, 3, 3, 2)).astype(object), TypeError, "object"),
    (np.ones((4, 3, 3, 2), dtype=bool), ValueError, "zero variance"),
]


@pytest.mark.parametrize(("X", "error", "message"), BAD)
@pytest.mark.parametrize("shifts", [True, False])
def test_bad_input_names_the_network(X, error, message, shifts):
    metric = ConvolutionMetric(shifts=shifts)
    with pytest.raises(error, match=f"'net a'.*{message}"):
        metric.prepare(X, name="net a")
    with pytest.raises(error, match=message):
        metric.distance(draw(0, 3, 3, 2, m=4)[0], X)


def test_one_heldout_channel_too_many():
    X, Y = draw(0, 3, 3, 2, 3)
    with pytest.raises(ValueError, match=r"'array 0'.*found 3 units in the held-out.*expected 2"):
        pairwise_distances([X, X], ConvolutionMetric(), heldout=[Y, Y])


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 1.5},
        {"geometry": "cosine"},
        {"shifts": "reflect"},
        {"shifts": None},
        {"resample": 4},
        {"resample": (4, 0)},
        {"resample": (4, 4, 4)},
        {"resample": (4.0, 4)},
        {"n_components": 0},
    ],
)
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ConvolutionMetric(**options)


def test_a_metric_without_shifts_has_no_shift_map():
    X, Y = draw(0, 3, 3, 2, 3)
    for method in ("shift_map", "best_shift"):
        with pytest.raises(ValueError, match="shifts: found False"):
            getattr(ConvolutionMetric(shifts=False), method)(X, Y)


@pytest.mark.parametrize("alpha", ["0.5", "1.0"])
def test_maps_of_an_independent_program(shared: Path, alpha):
    oracle = np.load(shared / "oracles" / "netrep_public.npz")
    X = [oracle[f"conv_{k}"] for k in range(3)]
    metric = ConvolutionMetric(alpha=float(alpha))
    D = pairwise_distances(X, metric)
    for i in range(3):
        for j in range(3):
            expected = oracle[f"conv_alpha{alpha}_shifts_{i}_{j}"]
            found = metric.shift_map(X[i], X[j])
            np.testing.assert_allclose(found, expected, atol=1e-10 if i != j else 1e-7)
            if i != j:
                assert D[i, j] == pytest.approx(expected.min(), abs=1e-10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("alpha", ["0", "0.5", "1"])
def test_maps_on_odd_grids_and_unequal_channels(shared: Path, alpha, geometry):
    oracle = np.load(shared / "oracles" / "conv_odd.npz")
    X = [oracle[f"X{k}"] for k in range(4)]
    maps = oracle[f"maps_a{alpha}_{geometry}"]
    metric = ConvolutionMetric(alpha=float(alpha), geometry=geometry)
    D = pairwise_distances(X, metric)
    # Below alpha = 1 that program lets padding change Euclidean sizes: six channels only.
    count = 4 if geometry == "angular" or alpha == "1" else 3
    for i in range(count):
        for j in range(count):
            tolerance = 1e-10 if i != j else 1e-7
            np.testing.assert_allclose(metric.shift_map(X[i], X[j]), maps[i, j], atol=tolerance)
            assert D[i, j] == pytest.approx(maps[i, j].min(), abs=tolerance)

"""The permutation metric: axioms, exhaustive search, padding, independent programs."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import LinearMetric, PermutationMetric

GEOMETRIES = ("angular", "euclidean")
PADDINGS = ("pair", "free")

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 6)
geometries = st.sampled_from(GEOMETRIES)
metrics = st.builds(
    PermutationMetric,
    geometry=geometries,
    center=st.booleans(),
    padding=st.sampled_from(PADDINGS),
)


def draw(seed: int, *widths: int, m: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, n)) + rng.normal(size=n) for n in widths]


def shuffled(seed: int, X: np.ndarray) -> np.ndarray:
    return X[:, np.random.default_rng(seed).permutation(X.shape[1])]


def exhaustive(metric: PermutationMetric, X: np.ndarray, Y: np.ndarray) -> float:
    """Pad with silent units and try every permutation."""
    if metric.center:
        X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    n = X.shape[1] + Y.shape[1] if metric.padding == "free" else max(X.shape[1], Y.shape[1])
    X, Y = (np.pad(Z, ((0, 0), (0, n - Z.shape[1]))) for Z in (X, Y))
    C = X.T @ Y
    inner = max(C[np.arange(n), list(p)].sum() for p in permutations(range(n)))
    if metric.geometry == "angular":
        return float(np.arccos(np.clip(inner / np.linalg.norm(X) / np.linalg.norm(Y), -1, 1)))
    return float(np.sqrt(max(np.sum(X**2) + np.sum(Y**2) - 2 * inner, 0)))


@given(seeds, metrics, st.integers(1, 3), st.integers(1, 3))
def test_exhaustive_search_finds_nothing_better(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    assert metric.distance(X, Y) == pytest.approx(exhaustive(metric, X, Y), abs=1e-7)


@given(seeds, metrics, sizes, sizes)
def test_symmetry_and_identity(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    assert metric.distance(X, Y) == pytest.approx(metric.distance(Y, X), abs=1e-12)
    assert metric.distance(X, shuffled(seed, X)) < 1e-14 * (1 + np.linalg.norm(X))
    if n != p:
        assert metric.distance(X, Y) > 1e-3


@given(seeds, metrics, sizes)
def test_triangle_inequality_at_equal_sizes(seed, metric, n):
    D = pairwise_distances(draw(seed, n, n, n), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-12


@given(seeds, geometries, st.lists(sizes, min_size=3, max_size=3))
def test_triangle_inequality_at_any_sizes_with_free_padding(seed, geometry, widths):
    metric = PermutationMetric(geometry=geometry, padding="free")
    D = pairwise_distances(draw(seed, *widths, m=3), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-12


def test_padding_by_pairs_can_break_the_triangle_inequality_across_sizes():
    v = np.array([[1.0], [-1.0]]) / np.sqrt(2)
    networks = [v, np.hstack([v, -v]) / 2, -v]
    by_pair = pairwise_distances(networks, PermutationMetric(geometry="euclidean"))
    assert by_pair[0, 2] == pytest.approx(2.0)
    assert by_pair[0, 1] == pytest.approx(np.sqrt(0.5))
    assert by_pair[0, 2] > by_pair[0, 1] + by_pair[1, 2]
    free = pairwise_distances(networks, PermutationMetric(geometry="euclidean", padding="free"))
    assert free[0, 2] == pytest.approx(np.sqrt(2.0))
    assert free[0, 2] <= free[0, 1] + free[1, 2] + 1e-12


@given(seeds, metrics, sizes, sizes)
def test_the_order_of_units_does_not_matter(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    again = metric.distance(shuffled(seed, X), shuffled(seed + 1, Y))
    assert again == pytest.approx(metric.distance(X, Y), abs=1e-10)


@given(seeds, geometries, sizes, st.floats(-1e3, 1e3))
def test_offsets_do_not_matter_when_centred(seed, geometry, n, offset):
    X, Y = draw(seed, n, 4)
    metric = PermutationMetric(geometry=geometry)
    assert metric.distance(X + offset, Y) == pytest.approx(metric.distance(X, Y), abs=1e-9)


@given(seeds, st.floats(1e-6, 1e6))
def test_angles_do_not_see_scale(seed, scale):
    X, Y = draw(seed, 3, 4)
    metric = PermutationMetric()
    assert metric.distance(scale * X, Y) == pytest.approx(metric.distance(X, Y), abs=1e-12)


@given(seeds, metrics, sizes, sizes, st.integers(1, 3))
def test_silent_units_change_nothing_with_free_padding(seed, metric, n, p, extra):
    X, Y = draw(seed, n, p)
    free = PermutationMetric(metric.geometry, metric.center, "free")
    wide = np.hstack([X, np.zeros((len(X), extra))])
    assert free.distance(wide, Y) == pytest.approx(free.distance(X, Y), abs=1e-10)


@given(seeds, geometries, sizes, sizes)
def test_rotations_reach_at_least_as_near(seed, geometry, n, p):
    X, Y = draw(seed, n, p)
    rotated = LinearMetric(geometry=geometry).distance(X, Y)
    free = PermutationMetric(geometry=geometry, padding="free").distance(X, Y)
    by_pair = PermutationMetric(geometry=geometry).distance(X, Y)
    assert rotated <= free + 1e-9
    assert free <= by_pair + 1e-9


@given(seeds, metrics, sizes, sizes)
def test_alignment_realises_the_distance(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    found = metric.align(X, Y)
    x, y = found.apply_x(X), found.apply_y(Y)
    assert x.shape == y.shape
    if metric.geometry == "euclidean":
        reached = np.linalg.norm(x - y)
    else:
        reached = np.arccos(np.clip(np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y), -1, 1))
    assert reached == pytest.approx(found.distance, abs=1e-7)
    assert found.distance == pytest.approx(metric.distance(X, Y), abs=1e-12)
    matched = found.permutation[found.permutation >= 0]
    assert len(set(matched)) == len(matched)
    assert found.plan.sum() == len(matched)
    if metric.padding == "pair":
        assert len(matched) == min(n, p)


def test_the_permutation_is_recovered():
    (X,) = draw(0, 6, m=30)
    order = np.array([3, 0, 5, 1, 4, 2])
    found = PermutationMetric().align(X, X[:, order] + 0.01)
    np.testing.assert_array_equal(order[found.permutation], np.arange(6))


def test_units_that_match_nothing_stay_alone_with_free_padding():
    t = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    X, Y = np.cos(t)[:, None], -np.cos(t)[:, None]
    free = PermutationMetric(padding="free")
    assert free.align(X, Y).permutation.tolist() == [-1]
    assert free.distance(X, Y) == pytest.approx(np.pi / 2)
    assert PermutationMetric().distance(X, Y) == pytest.approx(np.pi)


@given(st.floats(1e-12, 1e-3), geometries)
def test_small_distances_keep_their_digits(angle, geometry):
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    units = [np.cos(t), np.sin(2 * t), np.cos(3 * t)]
    moved = [np.sin(2 * t + angle), np.cos(3 * t + angle), np.cos(t + angle)]
    found = PermutationMetric(geometry=geometry).distance(np.stack(units, 1), np.stack(moved, 1))
    expected = angle if geometry == "angular" else 2 * np.sin(angle / 2) * np.sqrt(3 * 32)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-13)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_blocks_threads_and_precision(geometry, padding):
    arrays = draw(1, 3, 5, 5, 2, 9, 1, 4, m=30)
    metric = PermutationMetric(geometry=geometry, padding=padding)
    D = pairwise_distances(arrays, metric)
    one_by_one = [[metric.distance(X, Y) if X is not Y else 0.0 for Y in arrays] for X in arrays]
    np.testing.assert_allclose(D, one_by_one, atol=1e-12)
    for block_size, n_jobs in ((1, 1), (2, 2), (7, 2)):
        again = pairwise_distances(arrays, metric, block_size=block_size, n_jobs=n_jobs)
        np.testing.assert_allclose(again, D, atol=1e-12)
    np.testing.assert_allclose(cross_distances(arrays[:2], arrays[2:], metric), D[:2, 2:])
    single = pairwise_distances(arrays, metric, dtype="float32")
    assert 0 < np.abs(single - D).max() < 1e-5


@pytest.mark.parametrize("padding", PADDINGS)
def test_heldout_uses_the_matching_of_the_training_stimuli(padding):
    whole = draw(2, 4, 6, 4, m=50)
    train, test = [X[:20] for X in whole], [X[20:] for X in whole]
    for geometry in GEOMETRIES:
        metric = PermutationMetric(geometry=geometry, padding=padding)
        D = pairwise_distances(train, metric, heldout=test, block_size=2)
        for i in range(3):
            for j in range(i + 1, 3):
                found = metric.align(train[i], train[j])
                x, y = found.apply_x(test[i]), found.apply_y(test[j])
                if geometry == "euclidean":
                    expected = np.linalg.norm(x - y)
                else:
                    expected = np.arccos(np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y))
                assert D[i, j] == pytest.approx(expected, abs=1e-10)


BAD = [
    (np.ones(4), ValueError, "expected .stimuli, units"),
    (np.ones((4, 2, 2, 2)), ValueError, "flatten positions first"),
    (np.ones((4, 0)), ValueError, "at least one unit"),
    (np.ones((1, 3)), ValueError, "1 stimuli, expected at least 2"),
    (np.ones((4, 3)), ValueError, "zero variance"),
    (np.full((4, 3), np.nan), ValueError, "NaN"),
    (np.ones((4, 3)) * 1j, TypeError, "complex"),
    (np.array([["a", 1]] * 4, dtype=object), TypeError, "object"),
]


@pytest.mark.parametrize(("X", "error", "message"), BAD)
def test_bad_input_names_the_network(X, error, message):
    with pytest.raises(error, match=f"'net a'.*{message}"):
        PermutationMetric().prepare(X, name="net a")


def test_different_stimuli_and_heldout_units_are_refused():
    (X,), (Y,) = draw(0, 3), draw(0, 3, m=5)
    with pytest.raises(ValueError, match="'Y': found 5 stimuli, expected 8"):
        PermutationMetric().distance(X, Y)
    with pytest.raises(ValueError, match=r"'array 0'.*found 2 units in the held-out.*expected 3"):
        pairwise_distances([X, X], PermutationMetric(), heldout=[X[:, :2], X])
    fitted_mean = np.tile(X.mean(axis=0), (8, 1))
    with pytest.raises(
        ValueError, match=r"'array 1': found held-out responses that are all at the fitted"
    ):
        pairwise_distances([X, X], PermutationMetric(), heldout=[X, fitted_mean])


@pytest.mark.parametrize("options", [{"geometry": "cosine"}, {"padding": "none"}])
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PermutationMetric(**options)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_values_of_an_independent_program(shared: Path, geometry):
    public = np.load(shared / "oracles" / "netrep_public.npz")
    D = pairwise_distances(
        [public[f"equal_{k}"] for k in range(7)], PermutationMetric(geometry=geometry)
    )
    np.testing.assert_allclose(D, public[f"perm_equal_{geometry}"], atol=1e-10)
    equal = np.load(shared / "oracles" / "linear_equal.npz")
    unequal = np.load(shared / "oracles" / "linear_unequal.npz")
    for center in (True, False):
        metric = PermutationMetric(geometry=geometry, center=center)
        key = f"perm_{geometry}_cen{int(center)}_train"
        np.testing.assert_allclose(
            pairwise_distances(list(equal["X"]), metric), equal[key], atol=1e-10
        )
        networks = [unequal[f"X{k}"] for k in range(7)]
        np.testing.assert_allclose(pairwise_distances(networks, metric), unequal[key], atol=1e-10)

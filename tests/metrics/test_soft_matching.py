"""Soft matching: axioms, closed forms, linear programming, independent programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import PermutationMetric, SoftMatchingMetric, soft_matching

pytest.importorskip("ot", reason="soft matching of unequal sizes needs POT")

GEOMETRIES = ("euclidean", "angular", "correlation")

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 6)
geometries = st.sampled_from(GEOMETRIES)
metrics = st.builds(SoftMatchingMetric, geometry=geometries, center=st.booleans())


def draw(seed: int, *widths: int, m: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, n)) + rng.normal(size=n) for n in widths]


def by_linear_programming(X: np.ndarray, Y: np.ndarray) -> float:
    """The mean squared distance of the best plan, from the definition."""
    n, p = X.shape[1], Y.shape[1]
    cost = np.sum((X[:, :, None] - Y[:, None, :]) ** 2, axis=0)
    marginals = np.vstack([np.kron(np.eye(n), np.ones(p)), np.kron(np.ones(n), np.eye(p))])
    masses = np.concatenate([np.full(n, 1 / n), np.full(p, 1 / p)])
    return linprog(cost.ravel(), A_eq=marginals, b_eq=masses).fun


@given(seeds, sizes, sizes)
def test_it_is_the_optimum_of_the_linear_program(seed, n, p):
    X, Y = draw(seed, n, p)
    found = SoftMatchingMetric("euclidean", center=False).distance(X, Y)
    assert found**2 == pytest.approx(by_linear_programming(X, Y), rel=1e-9)
    centred = [Z - Z.mean(axis=0) for Z in (X, Y)]
    found = SoftMatchingMetric("euclidean").distance(X, Y)
    assert found**2 == pytest.approx(by_linear_programming(*centred), rel=1e-9)
    unit = [Z / np.linalg.norm(Z, axis=0) for Z in centred]
    found = SoftMatchingMetric(geometry="correlation").distance(X, Y)
    assert found**2 == pytest.approx(by_linear_programming(*unit), rel=1e-9)


@given(seeds, sizes, sizes)
def test_the_angle_is_that_of_the_same_plan(seed, n, p):
    X, Y = (Z - Z.mean(axis=0) for Z in draw(seed, n, p))
    x, y = np.mean(np.sum(X**2, axis=0)), np.mean(np.sum(Y**2, axis=0))
    cosine = (x + y - by_linear_programming(X, Y)) / (2 * np.sqrt(x * y))
    found = SoftMatchingMetric(geometry="angular").distance(X, Y)
    assert found == pytest.approx(np.arccos(cosine), abs=1e-7)


@given(seeds, metrics, sizes, sizes)
def test_symmetry_and_identity(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    assert metric.distance(X, Y) == pytest.approx(metric.distance(Y, X), abs=1e-10)
    assert metric.distance(X, X[:, ::-1]) < 1e-13
    if n != p:
        assert metric.distance(X, Y) > 1e-3


@given(seeds, metrics, st.lists(sizes, min_size=3, max_size=3))
def test_triangle_inequality_at_any_sizes(seed, metric, widths):
    D = pairwise_distances(draw(seed, *widths, m=3), metric)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert D[i, k] <= D[i, j] + D[j, k] + 1e-10


def test_it_stays_a_metric_where_padding_by_pairs_does_not():
    v = np.array([[1.0], [-1.0]]) / np.sqrt(2)
    for geometry in ("euclidean", "angular"):
        D = pairwise_distances([v, np.hstack([v, -v]) / 2, -v], SoftMatchingMetric(geometry))
        assert D[0, 2] <= D[0, 1] + D[1, 2] + 1e-12


@given(seeds, metrics, sizes, sizes, st.integers(2, 4))
def test_duplicating_every_unit_changes_nothing(seed, metric, n, p, times):
    X, Y = draw(seed, n, p)
    repeated = np.tile(X, times)
    assert metric.distance(repeated, Y) == pytest.approx(metric.distance(X, Y), abs=1e-9)
    assert metric.distance(repeated, X) < 1e-12


@given(seeds, sizes)
def test_duplicating_one_unit_of_several_does(seed, n):
    (X,) = draw(seed, n + 1)
    uneven = np.hstack([X, X[:, :1]])
    assert SoftMatchingMetric("euclidean").distance(uneven, X) > 1e-3


@given(seeds, geometries, sizes, sizes)
def test_order_and_offsets_do_not_matter(seed, geometry, n, p):
    X, Y = draw(seed, n, p)
    rng = np.random.default_rng(seed)
    moved = X[:, rng.permutation(n)] + rng.normal(size=n) * 100
    metric = SoftMatchingMetric(geometry)
    assert metric.distance(moved, Y) == pytest.approx(metric.distance(X, Y), abs=1e-9)


@given(seeds, st.floats(1e-3, 1e3))
def test_what_scale_does(seed, scale):
    X, Y = draw(seed, 3, 5)
    euclidean, angular, correlation = (SoftMatchingMetric(g) for g in GEOMETRIES)
    assert angular.distance(scale * X, Y) == pytest.approx(angular.distance(X, Y), abs=1e-9)
    each = X * np.array([1.0, scale, 1.0])
    assert correlation.distance(each, Y) == pytest.approx(correlation.distance(X, Y), abs=1e-9)
    both = euclidean.distance(scale * X, scale * Y)
    assert both == pytest.approx(scale * euclidean.distance(X, Y), rel=1e-9)


@given(seeds, sizes, st.booleans())
def test_at_one_size_it_is_the_permutation_distance(seed, n, center):
    X, Y = draw(seed, n, n)
    soft = SoftMatchingMetric("euclidean", center=center).distance(X, Y)
    hard = PermutationMetric(geometry="euclidean", center=center).distance(X, Y)
    assert soft == pytest.approx(hard / np.sqrt(n), abs=1e-10)
    angle = SoftMatchingMetric("angular", center=center).distance(X, Y)
    hard = PermutationMetric(center=center).distance(X, Y)
    assert angle == pytest.approx(hard, abs=1e-10)


@given(seeds, sizes)
def test_a_single_unit_goes_to_all(seed, p):
    X, Y = (Z - Z.mean(axis=0) for Z in draw(seed, 1, p))
    expected = np.sqrt(np.mean(np.sum((X - Y) ** 2, axis=0)))
    assert SoftMatchingMetric("euclidean").distance(X, Y) == pytest.approx(expected, rel=1e-10)


@given(seeds, metrics, sizes, sizes)
def test_alignment_realises_the_distance(seed, metric, n, p):
    X, Y = draw(seed, n, p)
    found = metric.align(X, Y)
    np.testing.assert_allclose(found.plan.sum(axis=1), 1 / n, atol=1e-12)
    np.testing.assert_allclose(found.plan.sum(axis=0), 1 / p, atol=1e-12)
    assert np.all(found.plan >= 0)
    assert np.count_nonzero(found.plan) < n + p
    x, y = found.apply_x(X), found.apply_y(Y)
    if metric.geometry == "angular":
        reached = np.arccos(np.clip(np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y), -1, 1))
    else:
        reached = np.linalg.norm(x - y)
    assert reached == pytest.approx(found.distance, abs=1e-7)
    assert found.distance == pytest.approx(metric.distance(X, Y), abs=1e-12)
    rows = np.arange(n)
    np.testing.assert_allclose(found.plan[rows, found.permutation], found.plan.max(axis=1))


@given(st.floats(1e-12, 1e-3), geometries)
def test_small_distances_keep_their_digits(angle, geometry):
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    X = np.stack([np.cos(t), np.sin(2 * t)], axis=1)
    moved = np.stack([np.sin(2 * t + angle), np.cos(t + angle)] * 2, axis=1)
    chord = 2 * np.sin(angle / 2)
    expected = {"angular": angle, "euclidean": chord * np.sqrt(32), "correlation": chord}[geometry]
    found = SoftMatchingMetric(geometry).distance(X, moved)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-13)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_blocks_threads_and_precision(geometry):
    arrays = draw(1, 3, 5, 5, 2, 9, 1, 4, m=30)
    metric = SoftMatchingMetric(geometry)
    D = pairwise_distances(arrays, metric)
    one_by_one = [[metric.distance(X, Y) if X is not Y else 0.0 for Y in arrays] for X in arrays]
    np.testing.assert_allclose(D, one_by_one, atol=1e-12)
    for block_size, n_jobs in ((1, 1), (2, 2), (7, 2)):
        again = pairwise_distances(arrays, metric, block_size=block_size, n_jobs=n_jobs)
        np.testing.assert_allclose(again, D, atol=1e-12)
    np.testing.assert_allclose(cross_distances(arrays[:2], arrays[2:], metric), D[:2, 2:])
    single = pairwise_distances(arrays, metric, dtype="float32")
    assert 0 < np.abs(single - D).max() < 1e-5


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_heldout_uses_the_plan_of_the_training_stimuli(geometry):
    whole = draw(2, 4, 6, 4, m=50)
    train, test = [X[:20] for X in whole], [X[20:] for X in whole]
    metric = SoftMatchingMetric(geometry)
    D = pairwise_distances(train, metric, heldout=test, block_size=2)
    for i in range(3):
        for j in range(i + 1, 3):
            plan = metric.align(train[i], train[j]).plan
            X, Y = (test[k] - train[k].mean(axis=0) for k in (i, j))
            if geometry == "correlation":
                X, Y = (Z / np.linalg.norm(Z, axis=0) for Z in (X, Y))
            cost = np.sum((X[:, :, None] - Y[:, None, :]) ** 2, axis=0)
            expected = np.sqrt(np.sum(plan * cost))
            if geometry == "angular":
                norms = [np.sqrt(np.mean(np.sum(Z**2, axis=0))) for Z in (X, Y)]
                expected = np.arccos(np.sum(plan * (X.T @ Y)) / np.prod(norms))
            assert D[i, j] == pytest.approx(expected, abs=1e-10)


def test_silent_units_have_no_correlation():
    (X,) = draw(0, 4)
    X[:, 2] = 0.1
    assert SoftMatchingMetric("euclidean").distance(X, X) == 0.0
    with pytest.raises(ValueError, match=r"'X': found 1 units without variance"):
        SoftMatchingMetric("correlation").distance(X, X)


def test_missing_pot_is_named_with_its_extra(monkeypatch):
    X, Y, Z = draw(0, 3, 4, 3)
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match=r"pip install 'shapemetrics\[transport\]'"):
        SoftMatchingMetric("euclidean").distance(X, Y)
    assert SoftMatchingMetric("euclidean").distance(X, Z) > 0  # equal sizes do without


def test_a_solver_that_gives_up_is_not_believed(monkeypatch):
    X, Y = draw(0, 20, 30)
    monkeypatch.setattr(soft_matching, "MAX_PIVOTS", 1)
    with (
        pytest.warns(UserWarning, match="numItermax"),
        pytest.raises(RuntimeError, match="20 and 30 units"),
    ):
        SoftMatchingMetric("euclidean").distance(X, Y)


def test_importing_the_metrics_loads_neither_pot_nor_torch():
    code = (
        "import sys, shapemetrics.metrics; "
        "print(sorted({'ot', 'torch', 'matplotlib', 'snakemake'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_bad_input_names_the_network(X, error, message, geometry):
    with pytest.raises(error, match=f"'net a'.*{message}"):
        SoftMatchingMetric(geometry).prepare(X, name="net a")


def test_different_stimuli_and_bad_parameters_are_refused():
    (X,), (Y,) = draw(0, 3), draw(0, 3, m=5)
    with pytest.raises(ValueError, match="'Y': found 5 stimuli, expected 8"):
        SoftMatchingMetric("euclidean").distance(X, Y)
    with pytest.raises(ValueError, match="geometry: found 'cosine'"):
        SoftMatchingMetric("cosine")


def test_values_of_an_independent_program(shared: Path):
    oracle = np.load(shared / "oracles" / "crosscheck.npz")
    equal = list(oracle["X"])
    np.testing.assert_allclose(
        pairwise_distances(equal, SoftMatchingMetric("euclidean")),
        oracle["pot_softmatch_euclid"],
        atol=1e-10,
    )
    inputs = np.load(shared / "oracles" / "linear_unequal.npz")
    unequal = [inputs[f"X{k}"] for k in range(7)]
    D = pairwise_distances(unequal, SoftMatchingMetric("euclidean"))
    np.testing.assert_allclose(D, oracle["pot_softmatch_euclid_unequal"], atol=1e-10)
    D = pairwise_distances(unequal, SoftMatchingMetric("correlation"))
    np.testing.assert_allclose(1 - D**2 / 2, oracle["pot_softmatch_corr_unequal"], atol=1e-10)

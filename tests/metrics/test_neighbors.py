"""Neighbourhood measures, and partial matching: equal to slow programs that follow the papers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.neighbors import NearestNeighbors

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import Comparison, NeighborhoodMetric, SoftMatchingMetric, neighbors
from shapemetrics.pairwise.cost import estimated_pair_seconds

seeds = st.integers(0, 2**31)


def draw(seed: int, *widths: int, m: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(m, 5))
    return [common @ rng.normal(size=(5, n)) + rng.normal(size=(m, n)) for n in widths]


def neighbourhoods(X: np.ndarray, k: int, nearness: str) -> list[set[int]]:
    """By scikit-learn."""
    found = NearestNeighbors(n_neighbors=k, metric=nearness, algorithm="brute").fit(X)
    return [set(row) for row in found.kneighbors(return_distance=False).tolist()]


@given(seeds, st.integers(1, 29), st.sampled_from(["cosine", "euclidean"]))
def test_overlaps_are_those_of_scikit_learns_neighbours(seed, k, nearness):
    X, Y = draw(seed, 4, 6)
    pairs = list(zip(neighbourhoods(X, k, nearness), neighbourhoods(Y, k, nearness)))
    mutual = np.mean([len(a & b) / k for a, b in pairs])
    jaccard = np.mean([len(a & b) / len(a | b) for a, b in pairs])
    for overlap, expected in (("mutual", mutual), ("jaccard", jaccard)):
        metric = NeighborhoodMetric(overlap, k, nearness)
        assert metric.distance(X, Y) == pytest.approx(1.0 - expected, abs=1e-12)


def test_many_stimuli_are_looked_up_in_parts(monkeypatch):
    arrays = draw(0, 4, 5, 6)
    whole = pairwise_distances(arrays, NeighborhoodMetric("jaccard"))
    monkeypatch.setattr(neighbors, "TABLE_SIZE", 70)  # two rows at once
    np.testing.assert_array_equal(pairwise_distances(arrays, NeighborhoodMetric("jaccard")), whole)


@given(seeds, st.sampled_from(["mutual", "jaccard"]), st.integers(1, 11))
def test_no_triangle_is_violated(seed, overlap, k):
    rng = np.random.default_rng(seed)
    D = pairwise_distances(list(rng.normal(size=(6, 12, 2))), NeighborhoodMetric(overlap, k))
    for i, j, h in itertools.permutations(range(6), 3):
        assert D[i, j] <= D[i, h] + D[h, j] + 1e-12


def test_chance_is_the_share_of_neighbours_among_all():
    rng = np.random.default_rng(0)
    D = pairwise_distances(list(rng.normal(size=(20, 41, 5))), NeighborhoodMetric(n_neighbors=10))
    assert np.mean(1.0 - D[np.triu_indices(20, 1)]) == pytest.approx(10 / 40, abs=0.01)


def test_ties_go_to_the_first_and_not_to_rounding():
    grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 2), axis=-1).reshape(-1, 2)
    turned = grid @ np.array([[0.6, -0.8], [0.8, 0.6]]) * 1.7 + 0.1
    assert NeighborhoodMetric(n_neighbors=3, nearness="euclidean").distance(grid, turned) == 0.0


def cknna(X: np.ndarray, Y: np.ndarray, k: int) -> float:
    """Huh et al. 2024 with whole matrices: masks of neighbours, Song's HSIC of what both keep."""
    m = len(X)
    grams = []
    for Z in (X, Y):
        unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
        K = unit @ unit.T
        np.fill_diagonal(K, -np.inf)
        mask = np.zeros((m, m))
        mask[np.arange(m)[:, None], np.argsort(-K, axis=1)[:, :k]] = 1.0
        np.fill_diagonal(K, 0.0)
        grams.append((K, mask))
    (K, mask_k), (L, mask_l) = grams

    def hsic(A: np.ndarray, B: np.ndarray) -> float:
        one = np.ones(m)
        total = A.sum() * B.sum() / ((m - 1) * (m - 2))
        return float(np.trace(A @ B) + total - 2 * (one @ A @ B @ one) / (m - 2))

    both = mask_k * mask_l
    own = hsic(mask_k * K, mask_k * K) * hsic(mask_l * L, mask_l * L)
    return hsic(both * K, both * L) / np.sqrt(own)


@given(seeds, st.integers(5, 29))
def test_cknna_is_the_masked_alignment(seed, k):
    X, Y = draw(seed, 4, 6)
    metric = Comparison("cknna", n_neighbors=k)
    assert 1.0 - metric.distance(X, Y) == pytest.approx(cknna(X, Y, k), abs=1e-9)
    assert metric.distance(X, X) == pytest.approx(0.0, abs=1e-12)


def test_cknna_of_all_neighbours_is_debiased_cka_of_the_cosines():
    X, Y = draw(3, 4, 6)
    units = [Z / np.linalg.norm(Z, axis=1, keepdims=True) for Z in (X, Y)]
    expected = Comparison("debiased_cka").distance(*units)
    assert Comparison("cknna", n_neighbors=29).distance(X, Y) == pytest.approx(expected, abs=1e-12)


def partial(X: np.ndarray, Y: np.ndarray, mass: float) -> float:
    """The linear program itself, by HiGHS."""
    n, p = X.shape[1], Y.shape[1]
    cost = 1.0 - np.corrcoef(X.T, Y.T)[:n, n:]
    rows = np.kron(np.eye(n), np.ones(p))
    columns = np.kron(np.ones(n), np.eye(p))
    bounds = np.concatenate([np.full(n, 1 / n), np.full(p, 1 / p)])
    found = linprog(
        cost.ravel(),
        A_ub=np.vstack([rows, columns]),
        b_ub=bounds,
        A_eq=np.ones((1, n * p)),
        b_eq=[mass],
    )
    return found.fun / mass


@given(seeds, st.sampled_from([0.1, 0.5, 0.75, 0.9, 1.0]), st.integers(1, 6))
def test_partial_matching_solves_the_linear_program(seed, mass, n):
    pytest.importorskip("ot")
    X, Y = draw(seed, n, 4)
    found = Comparison("partial_soft_matching", mass=mass).distance(X, Y)
    assert found == pytest.approx(partial(X, Y, mass), abs=1e-7)


def test_a_whole_matching_is_the_soft_one_and_a_part_of_it_costs_less():
    pytest.importorskip("ot")
    X, Y = draw(5, 5, 7)
    whole = Comparison("partial_soft_matching", mass=1.0).distance(X, Y)
    assert whole == pytest.approx(SoftMatchingMetric("correlation").distance(X, Y) ** 2 / 2)
    costs = [Comparison("partial_soft_matching", mass=s).distance(X, Y) for s in (0.2, 0.6, 1.0)]
    assert costs == sorted(costs)


def test_units_of_noise_stay_without_a_match():
    pytest.importorskip("ot")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    X_noise, Y_noise = (np.hstack([X, rng.normal(size=(60, 2))]) for _ in range(2))
    assert Comparison("partial_soft_matching", mass=0.8).distance(X_noise, Y_noise) < 1e-9
    assert Comparison("partial_soft_matching", mass=1.0).distance(X_noise, Y_noise) > 0.1


def test_doors_agree():
    pytest.importorskip("ot")
    arrays = draw(7, 3, 5, 2, 5)
    for metric in (
        NeighborhoodMetric(),
        NeighborhoodMetric("jaccard", 4, "euclidean"),
        Comparison("cknna", n_neighbors=6),
        Comparison("partial_soft_matching", mass=0.6),
    ):
        D = pairwise_distances(arrays, metric)
        for options in ({"block_size": 1}, {"block_size": 3, "n_jobs": 2}):
            np.testing.assert_array_equal(pairwise_distances(arrays, metric, **options), D)
        cross = cross_distances(arrays[:2], arrays[2:], metric)
        np.testing.assert_allclose(cross, D[:2, 2:], atol=1e-12)
        assert estimated_pair_seconds(metric, 100, 10) > 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": "dice"}, "overlap"),
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"nearness": "manhattan"}, "nearness"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        NeighborhoodMetric(**options)


def test_data_that_have_no_neighbours_are_named():
    X = np.random.default_rng(0).normal(size=(10, 3))
    with pytest.raises(ValueError, match="'V1': found 10 stimuli, expected more than n_neigh"):
        NeighborhoodMetric().prepare(X, name="V1")
    X[4] = 0.0
    with pytest.raises(ValueError, match="'V1': found no response to stimulus 4"):
        NeighborhoodMetric(n_neighbors=3).prepare(X, name="V1")
    assert NeighborhoodMetric(n_neighbors=3, nearness="euclidean").distance(X, X) == 0.0
    for value in (0.0, 1.1, -1.0):
        with pytest.raises(ValueError, match="mass"):
            Comparison("partial_soft_matching", mass=value)

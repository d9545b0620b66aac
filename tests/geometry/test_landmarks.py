"""Landmarks: linear cost, bounds that hold, embeddings that are exact where they can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.manifold import ClassicalMDS

from shapemetrics import RepresentationStore, cross_distances, pairwise_distances
from shapemetrics.geometry import (
    LandmarkDistances,
    LandmarkEmbedding,
    embed,
    landmark_distortion,
    select_landmarks,
    triangle_bounds,
)
from shapemetrics.geometry.distortions import distortion
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    LinearMetric,
    PermutationMetric,
)
from shapemetrics.store import StoreWriter


def representations(n: int, seed: int = 0) -> list[NDArray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(40, 6))
    return [
        shared @ rng.normal(size=(6, 3 + k % 3)) + 0.5 * rng.normal(size=(40, 3 + k % 3))
        for k in range(n)
    ]


@pytest.fixture(scope="module")
def layers() -> tuple[list[NDArray], NDArray]:
    """First and second layers of random rectified networks on digits, and all distances."""
    stimuli, rng, found = load_digits().data[:200] / 16.0, np.random.default_rng(1), []
    for k in range(60):
        width = (12, 20, 28)[k % 3]
        first = np.maximum(stimuli @ rng.normal(size=(64, width)), 0.0)
        found += [first, np.maximum(first @ rng.normal(size=(width, width)), 0.0)]
    return found, pairwise_distances(found, LinearMetric())


@dataclass(frozen=True)
class Counted(LinearMetric):
    """Keeps count of networks prepared and of distances between blocks."""

    counts: dict = field(default_factory=lambda: {"prepared": 0, "pairs": 0})

    def prepare(self, X, **options):
        self.counts["prepared"] += 1
        return super().prepare(X, **options)

    def pairwise(self, block_a, block_b):
        self.counts["pairs"] += len(block_a.items) * len(block_b.items)
        return super().pairwise(block_a, block_b)


@pytest.mark.parametrize("n_candidates", [None, 20])
@pytest.mark.parametrize("K", [30, 60])
def test_the_cost_is_linear_in_the_number_of_items(K: int, n_candidates: int | None) -> None:
    metric = Counted()
    select_landmarks(representations(K), metric, 6, n_candidates=n_candidates)
    assert metric.counts["pairs"] == K * 6
    assert metric.counts["prepared"] <= K + 2 * 6


@pytest.mark.parametrize("n_candidates", [None, 25])
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "metric", [LinearMetric(), PermutationMetric("euclidean"), AngularCKA()], ids=repr
)
def test_distances_are_those_of_the_engine(metric, n_jobs: int, n_candidates: int | None) -> None:
    X = representations(33)
    found = select_landmarks(X, metric, 7, seed=3, n_jobs=n_jobs, n_candidates=n_candidates)
    wanted = cross_distances(X, [X[i] for i in found.landmarks], metric)
    assert found.values == pytest.approx(wanted, abs=1e-7)
    assert len(set(found.landmarks)) == 7
    assert (found.values[found.landmarks, np.arange(7)] == 0.0).all()
    assert (found.among == found.among.T).all()


def test_each_landmark_after_the_random_ones_is_the_farthest_item() -> None:
    found = select_landmarks(representations(50), LinearMetric(), 12, n_random=3, seed=1)
    for step in range(3, 12):
        nearest = found.values[:, :step].min(axis=1)
        assert nearest[found.landmarks[step]] == pytest.approx(nearest.max())
        assert found.radii[step - 1] == pytest.approx(nearest.max())
    assert found.radii[-1] == found.covering_radius
    assert (np.diff(found.radii) <= 0).all()


def test_greedy_selection_covers_within_twice_the_best_and_keeps_landmarks_apart() -> None:
    X = representations(40)
    found = select_landmarks(X, LinearMetric(), 8, n_random=1)
    apart = found.among[np.triu_indices(8, 1)].min()
    assert apart >= found.covering_radius - 1e-12
    # Any 8 others: no choice covers with less than half of that radius.
    D, rng = pairwise_distances(X, LinearMetric()), np.random.default_rng(0)
    tried = [D[:, rng.choice(40, 8, replace=False)].min(axis=1).max() for _ in range(200)]
    assert min(tried) >= found.covering_radius / 2


def test_candidates_alone_become_landmarks_and_the_rest_is_measured_in_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = representations(45)
    whole = select_landmarks(X, LinearMetric(), 6, n_candidates=20, seed=5)
    monkeypatch.setattr("shapemetrics.geometry.landmark_selection.CHUNK_BYTES", 5 * 40 * 5 * 8)
    parts = select_landmarks(X, LinearMetric(), 6, n_candidates=20, seed=5)
    assert (parts.landmarks == whole.landmarks).all()
    assert parts.values == pytest.approx(whole.values, abs=1e-12)


def test_the_seed_decides() -> None:
    X = representations(40)
    first, same, other = (select_landmarks(X, LinearMetric(), 6, seed=s) for s in (1, 1, 2))
    assert (first.landmarks == same.landmarks).all()
    assert (first.values == same.values).all()
    assert set(first.landmarks) != set(other.landmarks)


def test_items_are_read_when_needed_and_not_all_kept() -> None:
    class Lazy:
        read: list[int] = []  # noqa: RUF012

        def __len__(self) -> int:
            return 30

        def __getitem__(self, i: int) -> NDArray:
            self.read.append(i)
            return np.random.default_rng(i).normal(size=(20, 3))

    lazy = Lazy()
    found = select_landmarks(lazy, LinearMetric(), 4, n_candidates=10)
    assert found.values.shape == (30, 4)
    assert set(lazy.read) == set(range(30))


def test_stores_and_mappings_give_their_ids(tmp_path: Path) -> None:
    X = representations(9)
    with StoreWriter(tmp_path / "s", source="test", simulated=True, stimuli=range(40)) as writer:
        for k, x in enumerate(X):
            writer.add(f"net_{k}", x)
    store = select_landmarks(RepresentationStore(tmp_path / "s"), LinearMetric(), 3)
    mapping = select_landmarks({f"net_{k}": x for k, x in enumerate(X)}, LinearMetric(), 3)
    assert store.ids == mapping.ids == [f"net_{k}" for k in range(9)]
    assert store.landmark_ids == [f"net_{i}" for i in store.landmarks]
    assert (store.values == mapping.values).all()


def test_convolutional_layers_have_landmarks_too() -> None:
    X = list(np.random.default_rng(0).normal(size=(8, 6, 4, 4, 2)))
    found = select_landmarks(X, ConvolutionMetric(), 3)
    wanted = cross_distances(X, [X[i] for i in found.landmarks], ConvolutionMetric())
    assert found.values == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"dtype": "float32"}, 1e-5),
        ({"tolerance": 1e-6}, 1e-6),
        ({"backend": "torch", "device": "cpu"}, 1e-9),
    ],
)
def test_other_routes_lead_to_the_same_landmarks(settings: dict, error: float) -> None:
    if settings.get("backend") == "torch":
        pytest.importorskip("torch")
    X = representations(20)
    exact = select_landmarks(X, LinearMetric(), 5)
    found = select_landmarks(X, LinearMetric(), 5, n_candidates=20, **settings)
    assert (found.landmarks == exact.landmarks).all()
    assert found.values == pytest.approx(exact.values, abs=error)


def test_candidates_that_cannot_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapemetrics.pairwise.memory._free_memory", lambda: 10_000)
    X = representations(40)
    with pytest.raises(MemoryError, match="give n_candidates"):
        select_landmarks(X, LinearMetric(), 4)
    assert select_landmarks(X, LinearMetric(), 4, n_candidates=5).values.shape == (40, 4)


def test_progress_counts_all_pairs() -> None:
    seen: list[tuple[int, int]] = []
    select_landmarks(
        representations(20),
        LinearMetric(),
        4,
        n_candidates=10,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == sorted(seen)
    assert seen[-1] == (80, 80)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_landmarks": 0}, "n_landmarks: found 0"),
        ({"n_landmarks": 21}, "n_landmarks: found 21, expected at most 20, the number of repr"),
        (
            {"n_landmarks": 6, "n_candidates": 5},
            "n_landmarks: found 6, expected at most 5, the number",
        ),
        ({"n_landmarks": 4, "n_random": 5}, "n_random: found 5, expected at most 4, n_landmarks"),
        ({"n_landmarks": 4, "seed": -1}, "seed: found -1"),
        (
            {"n_landmarks": 4, "metric": Comparison("pwcca")},
            "found Comparison, which is not symmetric",
        ),
    ],
)
def test_options_out_of_range_are_refused(options: dict, message: str) -> None:
    settings = {"metric": LinearMetric(), **options}
    with pytest.raises(ValueError, match=message):
        select_landmarks(representations(20), **settings)


def test_too_few_different_items_are_named() -> None:
    X = representations(3)
    with pytest.raises(ValueError, match="no candidate differs from the first 3 landmarks"):
        select_landmarks(X * 4, LinearMetric(), 5, n_random=1)


def test_a_damaged_representation_is_named() -> None:
    X = representations(6)
    X[4] = X[4] * np.nan
    with pytest.raises(ValueError, match="'array 4'"):
        select_landmarks(X, LinearMetric(), 2, n_candidates=2)


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_bounds_hold_and_close_at_landmarks(seed: int, n_landmarks: int) -> None:
    points = np.random.default_rng(seed).normal(size=(12, 3))
    D = cdist(points, points)
    found = LandmarkDistances(
        D[:, :n_landmarks],
        [str(k) for k in range(12)],
        np.arange(n_landmarks),
        {"metric": "euclidean", "is_metric": True},
    )
    lower, upper = found.bounds()
    assert (lower <= D + 1e-12).all()
    assert (upper >= D - 1e-12).all()
    assert lower[:n_landmarks] == pytest.approx(D[:n_landmarks])
    assert upper[:n_landmarks] == pytest.approx(D[:n_landmarks])
    some = found.bounds([3, 7], [0, 5, 9])
    for part, whole in zip(some, (lower, upper)):
        assert (part == whole[np.ix_([3, 7], [0, 5, 9])]).all()


def test_bounds_need_a_metric_and_equal_landmarks() -> None:
    found = select_landmarks(representations(10), Comparison("cka"), 3)
    with pytest.raises(ValueError, match="found Comparison, which satisfies no triangle"):
        found.bounds()
    with pytest.raises(ValueError, match="B: found distances to 3 landmarks, expected 2 as in A"):
        triangle_bounds(np.ones((4, 2)), np.ones((4, 3)))


def test_landmark_distances_are_kept_in_a_file(tmp_path: Path) -> None:
    found = select_landmarks(representations(10), LinearMetric(alpha=0.5), 3)
    found.save(tmp_path / "landmarks.npz")
    read = LandmarkDistances.load(tmp_path / "landmarks.npz")
    assert (read.values == found.values).all()
    assert (read.landmarks == found.landmarks).all()
    assert (read.ids, read.parameters) == (found.ids, found.parameters)
    (tmp_path / "landmarks.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"landmarks.npz: not readable"):
        LandmarkDistances.load(tmp_path / "landmarks.npz")
    with pytest.raises(ValueError, match="no such file"):
        LandmarkDistances.load(tmp_path / "none.npz")


def euclidean(K: int = 40, k: int = 3) -> tuple[NDArray, NDArray]:
    points = np.random.default_rng(2).normal(size=(K, k))
    return points, cdist(points, points)


@pytest.mark.parametrize("method", ["classical", "metric"])
def test_euclidean_distances_are_exact_with_enough_landmarks(method: str) -> None:
    _, D = euclidean()
    model = LandmarkEmbedding(3, method=method).fit(D[:6, :6])
    placed = model.transform(D[:, :6])
    assert cdist(placed, placed) == pytest.approx(D, abs=1e-3 if method == "metric" else 1e-9)
    assert model.estimate(D[:, :6]) == pytest.approx(D, abs=1e-6)
    assert model.own(D[:, :6]) == pytest.approx(0.0, abs=1e-9)


def test_with_all_items_as_landmarks_it_is_classical_scaling() -> None:
    D = pairwise_distances(representations(25), LinearMetric())
    model = LandmarkEmbedding(4, method="classical").fit(D)
    oracle = ClassicalMDS(n_components=4, metric="precomputed").fit_transform(D)
    assert np.abs(model.coordinates_) == pytest.approx(np.abs(oracle), abs=1e-9)
    assert np.abs(model.transform(D)) == pytest.approx(np.abs(oracle), abs=1e-9)
    assert model.eigenvalues_ == pytest.approx(embed(D, 4, "classical").eigenvalues, abs=1e-9)
    assert (model.fit_transform(D) == model.coordinates_).all()


def test_an_axis_of_its_own_for_every_item_is_found() -> None:
    _, D = euclidean(60, 2)
    own = np.random.default_rng(3).uniform(0.2, 2.0, size=60)
    D = np.sqrt(D**2 + own[:, None] + own)
    np.fill_diagonal(D, 0.0)
    model = LandmarkEmbedding(2, method="classical").fit(D[:40, :40])
    pairs = np.triu_indices(60, 1)
    estimated = model.estimate(D[:, :40], bounded=False)
    assert np.mean(np.abs(estimated - D)[pairs] / D[pairs]) < 0.01
    assert np.corrcoef(model.own(D[:, :40]), own)[0, 1] > 0.95
    assert distortion(D, model.transform(D[:, :40])).mean > 1.2


def test_estimates_lie_within_the_bounds_and_are_exact_at_landmarks(layers) -> None:
    X, D = layers
    found = select_landmarks(X, LinearMetric(), 20)
    model = LandmarkEmbedding(8, method="classical").fit(found.among)
    estimated = model.estimate(found.values)
    lower, upper = found.bounds()
    off = ~np.eye(len(D), dtype=bool)
    assert (estimated >= lower - 1e-12)[off].all()
    assert (estimated <= upper + 1e-9)[off].all()
    assert estimated[found.landmarks] == pytest.approx(D[found.landmarks], abs=1e-6)
    assert (estimated == estimated.T).all()
    some = model.estimate(found.values[:5], found.values[7:])
    assert some == pytest.approx(estimated[:5, 7:])


def test_little_is_lost_on_real_responses(layers) -> None:
    X, D = layers
    found = select_landmarks(X, LinearMetric(), 30)
    table = landmark_distortion(D, found, [10]).set_index("method")
    assert table.loc["estimate", "correlation"] > 0.9
    assert table.loc["estimate", "mean_distortion"] < 1.03
    assert table.loc["metric", "mean_distortion"] < table.loc["classical", "mean_distortion"] - 0.2
    # Estimates are closer than the embedding of the full matrix, coordinates not much farther.
    full = distortion(D, embed(D, 10, max_iter=100).coordinates).mean
    assert table.loc["estimate", "mean_distortion"] < full - 0.05
    assert table.loc["metric", "mean_distortion"] < full + 0.06


def test_more_landmarks_are_better(layers) -> None:
    X, D = layers
    errors = [
        landmark_distortion(D, select_landmarks(X, LinearMetric(), L), [6], methods=("estimate",))[
            "stress"
        ].item()
        for L in (8, 24, 72)
    ]
    assert errors[0] > errors[1] > errors[2]


def options() -> Iterator[tuple[dict, str]]:
    yield {"n_components": 9}, "n_components: found 9, expected an integer from 1 to 6"
    yield {"method": "nonmetric"}, "method: found 'nonmetric'"
    yield {"max_iter": 0}, "max_iter"
    yield {"eps": -1.0}, "eps"


@pytest.mark.parametrize(("settings", "message"), list(options()))
def test_options_of_the_embedding_are_checked(settings: dict, message: str) -> None:
    _, D = euclidean()
    with pytest.raises(ValueError, match=message):
        LandmarkEmbedding(**settings).fit(D[:6, :6])


def test_distances_of_another_set_of_landmarks_are_refused() -> None:
    _, D = euclidean()
    model = LandmarkEmbedding(2).fit(D[:6, :6])
    with pytest.raises(ValueError, match="expected distances to 6 landmarks"):
        model.transform(D[:, :7])
    with pytest.raises(ValueError, match=r"X: found -.*, expected non-negative numbers"):
        model.transform(-D[:, :6])
    with pytest.raises(ValueError, match="D: found 40 items, expected 10"):
        found = LandmarkDistances(D[:10, :6], [str(k) for k in range(10)], np.arange(6), {})
        landmark_distortion(D, found, [2])
    with pytest.raises(ValueError, match="expected \\(10, 3\\)"):
        LandmarkDistances(D[:10, :6], [str(k) for k in range(10)], np.arange(3), {})


def test_it_is_an_estimator() -> None:
    _, D = euclidean()
    model = clone(LandmarkEmbedding(3, method="classical", seed=4))
    assert model.get_params()["seed"] == 4
    assert model.fit(D[:8, :8]).n_features_in_ == 8
    assert LandmarkEmbedding(None, method="classical").fit(D[:8, :8]).n_components_ == 3
    # Axes beyond the rank are there and empty.
    wide = LandmarkEmbedding(5, method="classical").fit(D[:8, :8]).transform(D[:, :8])
    assert wide.shape == (40, 5)
    assert (wide[:, 3:] == 0.0).all()

"""Distances against sample size, bootstrap intervals, and the split-half floor."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.geometry import bootstrap_distances, distance_vs_samples, split_half_floor
from shapemetrics.metrics import EnergyStochasticMetric, LinearMetric

PROCRUSTES = LinearMetric(alpha=1.0)
CCA = LinearMetric(alpha=0.0)


@pytest.fixture
def networks(rng):
    """Three networks of 5, 6 and 7 units on 120 stimuli, related by a common signal."""
    signal = rng.standard_normal((120, 5))
    return {
        f"n{n}": np.pad(signal, ((0, 0), (0, n - 5))) + rng.standard_normal((120, n))
        for n in (5, 6, 7)
    }


def test_full_size_gives_the_distances_themselves(networks):
    table = distance_vs_samples(networks, CCA, [120], n_repeats=2)
    D = pairwise_distances(networks, CCA)
    assert table[["a", "b"]].drop_duplicates().to_numpy().tolist() == [
        ["n5", "n6"],
        ["n5", "n7"],
        ["n6", "n7"],
    ]
    for _, part in table.groupby("repeat"):
        np.testing.assert_allclose(part["distance"], D[np.triu_indices(3, 1)], atol=1e-9)


def test_few_stimuli_make_cca_too_small_and_held_out_too_large(networks):
    table = distance_vs_samples(networks, CCA, [20, 60, 120], heldout=True, n_repeats=8)
    mean = table.groupby("n_stimuli")[["distance", "distance_heldout"]].mean()
    assert mean["distance"].is_monotonic_increasing
    assert mean["distance_heldout"][20] > mean["distance_heldout"][60]
    assert mean["distance_heldout"][60] > mean["distance"][60]
    assert np.isnan(mean["distance_heldout"][120])
    assert len(table) == 3 * 8 * 3


def test_subsamples_of_a_repeat_are_nested(networks):
    class Recorder(LinearMetric):
        seen: list = []  # noqa: RUF012

        def prepare(self, X, *, name="X", dtype=np.float64):
            if name == "n5":
                self.seen.append({tuple(row) for row in np.asarray(X)})
            return super().prepare(X, name=name, dtype=dtype)

    distance_vs_samples(networks, Recorder(), [10, 30, 50], n_repeats=2)
    for first in (0, 3):
        small, middle, large = Recorder.seen[first : first + 3]
        assert small < middle < large
    assert Recorder.seen[0] != Recorder.seen[3]


def test_tables_are_seeded(networks):
    first, second, other = (
        distance_vs_samples(networks, PROCRUSTES, [40], n_repeats=2, seed=s) for s in (1, 1, 2)
    )
    assert first.equals(second)
    assert not first.equals(other)
    one, two = (bootstrap_distances(networks, PROCRUSTES, n_bootstrap=5, seed=3) for _ in "ab")
    assert one.equals(two)


@pytest.mark.parametrize("over", ["stimuli", "units", "both"])
def test_bootstrap_reports_distance_error_and_intervals(networks, over):
    table = bootstrap_distances(networks, PROCRUSTES, over=over, n_bootstrap=60)
    D = pairwise_distances(networks, PROCRUSTES)
    np.testing.assert_allclose(table["distance"], D[np.triu_indices(3, 1)])
    assert (table["standard_error"] > 0).all()
    assert (table["low"] < table["high"]).all()
    np.testing.assert_allclose(
        table["basic_low"], np.maximum(2 * table["distance"] - table["high"], 0)
    )
    wide = bootstrap_distances(networks, PROCRUSTES, over=over, n_bootstrap=60, level=0.99)
    assert (wide["high"] - wide["low"] >= table["high"] - table["low"]).all()


def test_bootstrap_bias_has_the_sign_that_is_documented(networks):
    assert (bootstrap_distances(networks, CCA, n_bootstrap=60)["bias"] < 0).all()
    units = bootstrap_distances(networks, PROCRUSTES, n_bootstrap=60, over="units")
    assert (units["bias"] > 0).all()


def test_standard_error_is_that_of_fresh_samples():
    rng = np.random.default_rng(5)

    def draw(m):
        X = rng.standard_normal((m, 3))
        return X, X + rng.standard_normal((m, 3))

    fresh = np.std([PROCRUSTES.distance(*draw(300)) for _ in range(150)])
    found = np.mean(
        [
            bootstrap_distances(draw(300), PROCRUSTES, n_bootstrap=80)["standard_error"].item()
            for _ in range(5)
        ]
    )
    assert found == pytest.approx(fresh, rel=0.25)


def test_stimuli_are_drawn_together(rng):
    """Equal networks stay equal in every sample of stimuli."""
    X = rng.standard_normal((40, 4))
    table = bootstrap_distances([X, X[:, ::-1]], PROCRUSTES, n_bootstrap=10)
    assert table["high"].item() < 1e-7


def test_floor_falls_with_noise_and_trials():
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((60, 1, 4))

    def floor(noise, n_trials):
        trials = signal + noise * rng.standard_normal((60, n_trials, 4))
        return split_half_floor(trials, PROCRUSTES)["floor"].item()

    assert floor(0.0, 4) < 1e-7
    assert floor(0.1, 8) < floor(0.4, 8)
    assert floor(0.4, 32) < floor(0.4, 8)
    # Twice the trials: about 1 / sqrt(2) of the floor.
    assert floor(0.1, 16) / floor(0.1, 8) == pytest.approx(2**-0.5, rel=0.15)


def test_floor_of_several_networks_and_odd_trials(rng):
    trials = {"a": rng.standard_normal((20, 5, 3)), "b": rng.standard_normal((20, 4, 2))}
    table = split_half_floor(trials, PROCRUSTES, n_splits=6)
    assert table["id"].tolist() == ["a", "b"]
    assert table["n_trials"].tolist() == [2, 2]
    assert (table["low"] <= table["floor"]).all()
    assert (table["floor"] <= table["high"]).all()


def test_floor_hands_trials_to_metrics_that_want_them(rng):
    trials = rng.standard_normal((6, 6, 2))
    table = split_half_floor(trials, EnergyStochasticMetric(), average=False, n_splits=2)
    assert table["floor"].item() > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: distance_vs_samples([X], PROCRUSTES, [5]), "found 1 representations"),
        (
            lambda X: distance_vs_samples([X, X], PROCRUSTES, [1]),
            r"sizes: found 1, expected an integer from 2 to 30",
        ),
        (
            lambda X: distance_vs_samples([X, X], PROCRUSTES, [31]),
            r"sizes: found 31, expected an integer from 2 to 30",
        ),
        (lambda X: distance_vs_samples([X, X], PROCRUSTES, []), "sizes: found"),
        (lambda X: distance_vs_samples([X, X], PROCRUSTES, [5], n_repeats=0), "n_repeats"),
        (lambda X: distance_vs_samples({"u": X, "v": X[:9]}, PROCRUSTES, [5]), "'v': found 9"),
        (lambda X: bootstrap_distances([X, X[:, 0]], PROCRUSTES), "expected .stimuli"),
        (lambda X: bootstrap_distances([X, X], PROCRUSTES, over="trials"), "over: found 'trials'"),
        (lambda X: bootstrap_distances([X, X], PROCRUSTES, n_bootstrap=1), "n_bootstrap"),
        (lambda X: bootstrap_distances([X, X], PROCRUSTES, level=95), "level"),
        (lambda X: split_half_floor([X], PROCRUSTES), r"found shape \(30, 3\)"),
        (lambda X: split_half_floor(X[:, None], PROCRUSTES), "2 or more trials"),
        (lambda X: split_half_floor(X[:, None], PROCRUSTES, n_splits=0), "n_splits"),
    ],
)
def test_bad_input_is_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng.standard_normal((30, 3)))

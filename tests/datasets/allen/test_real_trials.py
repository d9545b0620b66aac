"""Noise floors, held-out distances and stochastic metrics on real trial-by-trial recordings.

Steinmetz et al. 2019: spike counts of single trials, Allen acronyms, twelve sessions.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.geometry import split_half_floor
from shapemetrics.metrics import EnergyStochasticMetric, GaussianStochasticMetric, LinearMetric

N_TRIALS = 12
N_UNITS = 25


@pytest.fixture(scope="module")
def trials(shared: Path) -> dict[str, np.ndarray]:
    """For the best recorded regions of a session: conditions x trials x units."""
    file = shared / "data" / "steinmetz2019" / "session_10.npz"
    if not file.is_file():
        pytest.skip(f"needs {file.name} of the real recordings, which is absent here")
    with np.load(file, allow_pickle=False) as session:
        counts = np.sqrt(session["counts"].sum(axis=2, dtype=float))
        shown = list(zip(session["contrast_left"].tolist(), session["contrast_right"].tolist()))
        acronyms = session["structure_acronym"]
    frequent = [c for c, n in sorted(Counter(shown).items()) if n >= N_TRIALS]
    rows = [[i for i, s in enumerate(shown) if s == c][:N_TRIALS] for c in frequent]
    large = [a for a, n in Counter(acronyms.tolist()).items() if n >= N_UNITS and a != "root"]
    found = {}
    for acronym in sorted(large)[:4]:
        units = np.flatnonzero(acronyms == acronym)
        # The most active units: silent ones have no covariance to speak of.
        best = units[np.argsort(counts[:, units].mean(axis=0))[-8:]]
        found[acronym] = np.stack([counts[np.ix_(row, best)] for row in rows])
    assert len(found) >= 3
    assert len(frequent) >= 6
    return found


def test_noise_floor_of_single_regions_is_high_and_falls_with_trials(trials):
    few = split_half_floor({k: x[:, :4] for k, x in trials.items()}, LinearMetric(), n_splits=10)
    many = split_half_floor(trials, LinearMetric(), n_splits=10)
    assert (many["floor"] > 0.05).all()  # real trials are noisy
    assert many["floor"].mean() < few["floor"].mean()
    assert (many["n_trials"] == N_TRIALS // 2).all()


def test_heldout_distances_exceed_fitted_ones(trials):
    fitted = {k: x[:, ::2].mean(axis=1) for k, x in trials.items()}
    heldout = {k: x[:, 1::2].mean(axis=1) for k, x in trials.items()}
    metric = LinearMetric()
    pairs = np.triu_indices(len(trials), 1)
    within = pairwise_distances(fitted, metric)[pairs]
    across = pairwise_distances(fitted, metric, heldout=heldout)[pairs]
    assert (across > within).all()


@pytest.mark.parametrize(
    "metric",
    [
        GaussianStochasticMetric(alpha=1.0, n_starts=2),
        GaussianStochasticMetric(alpha=2.0, n_starts=2),
        EnergyStochasticMetric(n_starts=2, estimator="empirical"),
    ],
    ids=["gaussian", "means", "energy"],
)
def test_stochastic_distances_on_real_trials(trials, metric):
    D = pairwise_distances(trials, metric)
    assert np.array_equal(D, D.T)
    assert (D[np.triu_indices(len(trials), 1)] > 0).all()
    first = next(iter(trials.values()))
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    copies = pairwise_distances([first, first @ turned], metric)
    assert copies[0, 1] < 0.02 * D[D > 0].min() + 1e-6


def test_at_two_only_means_count_and_below_noise_does_too(trials):
    x, y = list(trials.values())[:2]
    spread = x.mean(axis=1, keepdims=True) + 2 * (x - x.mean(axis=1, keepdims=True))
    means = GaussianStochasticMetric(alpha=2.0, n_starts=2)
    both = GaussianStochasticMetric(alpha=1.0, n_starts=2)
    assert means.distance(spread, y) == pytest.approx(means.distance(x, y), rel=1e-6)
    assert abs(both.distance(spread, y) - both.distance(x, y)) > 1e-3

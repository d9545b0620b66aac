"""The search behind distances between noisy representations: descent, starts, alignment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapemetrics.metrics import EnergyStochasticMetric, GaussianStochasticMetric

seeds = st.integers(0, 2**31)


def draw(seed: int, *widths: int, m: int = 6, r: int = 8) -> list[np.ndarray]:
    """Trials (m, r, n) with a mean, and noise with a covariance, of each stimulus's own."""
    rng = np.random.default_rng(seed)
    trials = []
    for n in widths:
        mixing = rng.normal(size=(m, n, n)) / np.sqrt(n)
        noise = rng.normal(size=(m, r, n)) @ mixing
        trials.append(rng.normal(size=(m, 1, n)) + 0.7 * noise)
    return trials


@given(seeds, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from(["orth", "perm"]))
@settings(max_examples=10)
def test_the_loss_never_rises_and_ends_at_the_distance(seed, alpha, group):
    X, Y = draw(seed, 4, 3)
    for metric in (
        GaussianStochasticMetric(alpha, group, n_starts=1),
        EnergyStochasticMetric(group, n_starts=1),
    ):
        found = metric.align(X, Y)
        assert found.converged
        assert found.n_iterations == len(found.losses) - 1
        assert np.all(np.diff(found.losses) <= 0.0)
        assert found.losses[-1] == pytest.approx(found.distance**2, abs=1e-6)
        np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(4), atol=1e-10)
        if group == "perm":
            assert set(np.unique(found.rotation)) <= {0.0, 1.0}
        assert replace(metric, n_starts=24).distance(X, Y) <= found.distance + 1e-9


def test_one_step_is_reported_as_not_converged():
    X, Y = draw(11, 4, 4)
    short = GaussianStochasticMetric(0.5, n_starts=1, max_iter=1)
    assert not short.align(X, Y).converged
    longer = replace(short, max_iter=1000)
    assert longer.align(X, Y).converged
    assert longer.distance(X, Y) < short.distance(X, Y)


@pytest.mark.parametrize("widths", [(3, 3), (2, 4), (4, 2)])
@pytest.mark.parametrize("alpha", [0.7, 2.0])
def test_alignment_realises_the_distance(widths, alpha):
    X, Y = draw(12, *widths)
    found = GaussianStochasticMetric(alpha).align(X, Y)
    fixed = GaussianStochasticMetric(alpha, "identity")
    moved = found.apply_x(X), found.apply_y(Y)
    assert moved[0].shape == moved[1].shape == (6, 8, max(widths))
    assert fixed.distance(*moved) == pytest.approx(found.distance, abs=1e-9)
    energy = EnergyStochasticMetric().align(X, Y)
    aligned = EnergyStochasticMetric("identity").distance(energy.apply_x(X), energy.apply_y(Y))
    assert aligned == pytest.approx(energy.distance, abs=1e-9)
    with pytest.raises(ValueError, match="expected responses of"):
        found.apply_x(np.ones((4, widths[0] + 1)))


def test_many_starts_reach_what_one_misses():
    """Means say nothing at alpha = 0, and the noise has several optima."""
    gains = []
    for seed in range(6):
        X, Y = draw(seed, 5, 5, m=5)
        one = GaussianStochasticMetric(0.0, n_starts=1).distance(X, Y)
        gains.append(one - GaussianStochasticMetric(0.0).distance(X, Y))
    assert min(gains) > -1e-9
    assert max(gains) > 1e-3


def test_seeds_change_starting_points_only():
    X, Y = draw(13, 3, 3)
    first, again, other = (
        GaussianStochasticMetric(0.3, seed=seed).distance(X, Y) for seed in (0, 0, 1)
    )
    assert first == again
    assert other == pytest.approx(first, abs=1e-6)


def test_search_on_a_part_of_many_stimuli_ends_on_all_of_them():
    X, Y = draw(14, 3, 3, m=150)
    metric = GaussianStochasticMetric(1.0)
    fixed = GaussianStochasticMetric(1.0, "identity")
    found = metric.align(X, Y)
    assert fixed.distance(found.apply_x(X), Y) == pytest.approx(found.distance, abs=1e-9)
    assert found.distance <= replace(metric, n_starts=1).distance(X, Y) + 1e-12


def test_batches_of_bounded_size_give_the_same(monkeypatch):
    X, Y = draw(15, 3, 4, m=9)
    cases = (GaussianStochasticMetric(0.5), EnergyStochasticMetric())
    whole = [metric.distance(X, Y) for metric in cases]
    monkeypatch.setattr("shapemetrics.metrics.stochastic_gaussian.BATCH_SIZE", 500)
    monkeypatch.setattr("shapemetrics.metrics.stochastic_energy.BATCH_SIZE", 500)
    np.testing.assert_allclose([metric.distance(X, Y) for metric in cases], whole, atol=1e-9)

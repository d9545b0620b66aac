"""The hierarchy put into simulated spikes comes out of shape distances, and only from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.datasets.allen import simulate
from shapemetrics.datasets.allen.extraction import extract
from shapemetrics.datasets.allen.population import populations
from shapemetrics.datasets.allen.recording import Recording
from shapemetrics.datasets.allen.regions import Pooling, pool_regions
from shapemetrics.datasets.allen.stimuli import bins
from shapemetrics.learning.regression import nested_regression
from shapemetrics.metrics import LinearMetric

SETTINGS = simulate.Simulation(
    n_sessions=5, n_probes=6, n_frames=300, n_repeats=10, coverage="scored", seed=1
)


def recordings(settings):
    """Sessions with spikes, without the detour over files; all units, for brevity."""
    levels = simulate.drives(settings)
    drawn = populations(
        settings.n_sessions,
        settings.n_probes,
        settings.seed,
        settings.unit_scale,
        settings.coverage,
    )
    for session, population in enumerate(drawn):
        arrays = simulate.session_arrays(settings, population, levels, session)
        trains = np.split(arrays["spike_times"], arrays["spike_times_index"][:-1])
        shown = pd.DataFrame(
            {c: arrays[f"presentations/{c}"] for c in ("start_time", "stop_time", "frame")}
        )
        keep = arrays["presentations/stimulus_name"] == settings.stimulus
        channels = population.channels.set_index("id")["structure_acronym"]
        units = pd.DataFrame(
            {
                "unit_id": population.units["id"],
                "peak_channel_id": population.units["peak_channel_id"],
                "probe": "probeA",
                "structure_acronym": population.units["peak_channel_id"].map(channels),
            }
        )
        yield Recording(population.session_id, units, trains, shown[keep].reset_index(drop=True))


def leave_one_out(distances, target, ridge=0.1):
    """R^2 of kernel ridge regression on distances, each region predicted from all others."""
    kernel = np.exp(-((distances / np.median(distances)) ** 2) / 2)
    n = len(target)
    predicted = np.empty(n)
    for i in range(n):
        rest = np.delete(np.arange(n), i)
        mean = target[rest].mean()
        solved = np.linalg.solve(
            kernel[np.ix_(rest, rest)] + ridge * np.eye(n - 1), target[rest] - mean
        )
        predicted[i] = mean + kernel[i, rest] @ solved
    return 1 - ((target - predicted) ** 2).sum() / ((target - target.mean()) ** 2).sum()


def scored_regions(settings, folder):
    """Regions that have a hierarchy score, and the store they are in."""
    files = []
    for recording in recordings(settings):
        responses = extract(recording, settings.kind, bins(settings.kind), simulated=True)
        files.append(folder / f"{recording.session_id}.npz")
        responses.save(files[-1])
    pool_regions(files, folder / "store", Pooling(n_components=20), source="simulated")
    store = RepresentationStore(folder / "store")
    assert store.simulated
    scored = store.index["hierarchy_score"].notna() & (store.index["half"] == "all")
    return store.take(store.index["id"][scored]), store


@pytest.mark.slow
def test_hierarchy_is_recovered_and_falls_to_chance_when_shuffled(tmp_path, rng):
    chosen, store = scored_regions(SETTINGS, tmp_path)
    assert len(chosen) >= 24
    distances = np.asarray(pairwise_distances(chosen.arrays(), LinearMetric(geometry="angular")))
    score = chosen.index["hierarchy_score"].to_numpy()
    assert leave_one_out(distances, score) > 0.66
    null = [leave_one_out(distances, rng.permutation(score)) for _ in range(50)]
    assert np.quantile(null, 0.95) < 0.2
    # The other half of the repeats finds its own region nearest.
    odd, even = (store.take([f"{i}_{half}" for i in chosen.ids]) for half in ("odd", "even"))
    self_distance = [
        LinearMetric(geometry="angular").distance(a, b) for a, b in zip(odd.arrays(), even.arrays())
    ]
    assert np.median(self_distance) < np.median(distances[np.triu_indices(len(chosen), 1)])


@pytest.mark.slow
def test_ten_regions_like_the_real_ones_show_a_strong_hierarchy(tmp_path):
    chosen, store = scored_regions(replace(SETTINGS, coverage="recorded"), tmp_path)
    assert 8 <= len(chosen) <= 12
    assert len(store.select(half="all")) >= 18
    distances = np.asarray(pairwise_distances(chosen.arrays(), LinearMetric(geometry="angular")))
    found = nested_regression(
        distances,
        chosen.index["hierarchy_score"].to_numpy(),
        ids=chosen.ids,
        leave_one_out=True,
        n_permutations=60,
        n_bootstrap=200,
        seed=0,
    ).summary.iloc[0]
    # The simulated hierarchy is a strong one. Ten points reach an R^2 of 0.1 and more by chance,
    # and leave a wide interval.
    assert found["r2"] > found["null_r2_high"] > 0.1
    assert found["r2_high"] - found["r2_low"] > 0.1

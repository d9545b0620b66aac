"""The hierarchy put into simulated spikes comes out of shape distances, and only from them."""

from __future__ import annotations

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
from shapemetrics.metrics import LinearMetric

SETTINGS = simulate.Simulation(n_sessions=5, n_probes=6, n_frames=300, n_repeats=10, seed=1)


def recordings(settings):
    """Sessions with spikes, without the detour over files; all units, for brevity."""
    levels = simulate.drives(settings)
    drawn = populations(settings.n_sessions, settings.n_probes, settings.seed, settings.unit_scale)
    for session, population in enumerate(drawn):
        arrays = simulate.session_arrays(settings, population, levels, session)
        trains = np.split(arrays["spike_times"], arrays["spike_times_index"][:-1])
        shown = pd.DataFrame(
            {c: arrays[f"presentations/{c}"] for c in ("start_time", "stop_time", "frame")}
        )
        keep = arrays["presentations/stimulus_name"] == settings.stimulus
        units = pd.DataFrame(
            {
                "unit_id": population.units["id"],
                "peak_channel_id": population.units["peak_channel_id"],
                "probe": "probeA",
                "structure_acronym": population.units["structure"],
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


@pytest.mark.slow
def test_hierarchy_is_recovered_and_falls_to_chance_when_shuffled(tmp_path, rng):
    files = []
    for recording in recordings(SETTINGS):
        responses = extract(recording, SETTINGS.kind, bins(SETTINGS.kind), simulated=True)
        files.append(tmp_path / f"{recording.session_id}.npz")
        responses.save(files[-1])
    pool_regions(files, tmp_path / "store", Pooling(n_components=20), source="simulated")
    store = RepresentationStore(tmp_path / "store")
    assert store.simulated
    scored = store.index["hierarchy_score"].notna() & (store.index["half"] == "all")
    chosen = store.take(store.index["id"][scored])
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

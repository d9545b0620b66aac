"""Simulated sessions: their schedule and spikes, the files, and the hierarchy that comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.datasets.allen import movies, simulate
from shapemetrics.datasets.allen.anatomy import hierarchy_scores, structure
from shapemetrics.datasets.allen.population import CORTEX, THALAMUS, depth, populations
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.simulate import Simulation
from shapemetrics.datasets.allen.stimuli import STIMULI
from shapemetrics.metrics import LinearMetric

SETTINGS = Simulation(n_sessions=2, n_probes=3, n_frames=120, n_repeats=4, unit_scale=0.4)


def test_structures_are_real_and_most_have_a_score():
    scores = hierarchy_scores()
    drawn = populations(6, 6, seed=1)
    names = {name for p in drawn for name in p.units["structure"] if name}
    assert len(names) >= 24
    assert len(names & set(scores)) >= 24
    assert all(structure(name) for name in names)
    assert all(0 <= depth(name) <= 1 for name in {**CORTEX, **THALAMUS})
    assert np.isnan(depth("CA1"))


def test_unit_counts_are_like_real_ones(shared):
    real = pd.read_csv(shared / "data" / "units_per_session_and_area_siegle2021.csv")
    real = real[real["units"] >= 10]
    filters = UnitFilters()
    counts = []
    for population in populations(20, 6, seed=1):
        units = population.units
        columns = {
            c: units[c].to_numpy()
            for c in ("quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
        }
        good = units[filters.passing(columns, np.ones(len(units), dtype=bool))]
        counts += list(
            good["structure"][good["structure"].isin(real["structure_acronym"])].value_counts()
        )
        assert 0.5 < len(good) / len(units) < 0.9
    # Medians within a third; the spread is of the same order.
    assert np.median(counts) == pytest.approx(real["units"].median(), rel=0.34)


def test_movie_pans_over_photographs(rng):
    shown = movies.pictures(STIMULI["natural_movie_one"], rng, 100)
    assert shown.shape == (100, movies.SIDE, movies.SIDE)
    assert 0 <= shown.min() < shown.max() <= 1
    steps = np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2))
    assert np.median(steps) < 0.5 * np.abs(shown - shown[::-1]).mean()  # smooth, but for cuts


@pytest.mark.parametrize(("name", "number"), [("natural_scenes", 118), ("drifting_gratings", 40)])
def test_other_stimuli_have_the_published_conditions(name, number):
    settings = replace(SETTINGS, stimulus=name, n_repeats=2)
    levels = simulate.drives(settings)
    assert {len(level) for level in levels} == {number}
    shown = simulate.schedule(settings, np.random.default_rng(0))
    own = shown[shown["stimulus_name"] == name]
    assert len(own) == 2 * number
    assert own.groupby(list(STIMULI[name].conditions)).size().eq(2).all()
    assert (own["stop_time"].to_numpy()[:-1] <= own["start_time"].to_numpy()[1:] + 1e-9).all()


def test_neighbouring_depths_have_like_features():
    levels = simulate.drives(SETTINGS)
    places = [0.0, 0.1, 0.2, 0.5, 1.0]
    # Many units of a structure read out F F', so features themselves stand for them.
    distances = pairwise_distances(
        [simulate.latent(levels, place) for place in places], LinearMetric(geometry="angular")
    )
    first = np.asarray(distances)[0]
    assert (np.diff(first) > 0).all()


def test_spikes_are_poisson_with_the_intended_rates():
    rng = np.random.default_rng(0)
    shown = simulate.schedule(replace(SETTINGS, n_repeats=40, n_frames=100), rng)
    logs = np.vstack([np.zeros(100), np.where(np.arange(100) < 50, np.log(1.5), np.log(0.5))])
    trains = simulate.spike_trains(pd.DataFrame({"firing_rate": [10.0, 10.0]}), shown, logs, rng)
    span = shown["stop_time"].max()
    assert len(trains[0]) == pytest.approx(10.0 * span, rel=0.12)
    own = shown[shown["position"] >= 0]
    inside = np.searchsorted(own["start_time"], trains[1], "right") - 1
    inside = inside[(inside >= 0) & (trains[1] < own["stop_time"].max())]
    early = own["position"].to_numpy()[inside] < 50
    assert early.mean() == pytest.approx(0.7, abs=0.1)  # 3 to 1 during the movie, some between
    assert all((np.diff(train) >= 0).all() for train in trains)


def test_same_seed_same_session():
    population = populations(1, 2, seed=5)[0]
    levels = simulate.drives(SETTINGS)
    a, b = (simulate.session_arrays(SETTINGS, population, levels, 0) for _ in range(2))
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    other = simulate.session_arrays(SETTINGS, population, levels, 1)
    assert len(other["spike_times"]) != len(a["spike_times"])


@pytest.mark.slow
def test_cache_says_that_it_is_simulated_and_keeps_the_truth(cache, session_ids):
    truth = json.loads((cache / "truth" / "simulation.json").read_text())
    assert truth["simulated"] is True
    places = pd.read_csv(cache / "truth" / "structures.csv").set_index("structure_acronym")
    assert places["depth"].notna().sum() >= 3
    units = pd.read_csv(cache / "truth" / "units.csv", keep_default_na=False)
    assert set(units["structure"]) - {""} == set(places.index)
    assert list(pd.read_csv(cache / "sessions.csv")["id"]) == session_ids
    leftovers = [p for p in cache.rglob("*") if "tmp" in p.name or "writing" in p.name]
    assert leftovers == []

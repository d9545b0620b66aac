"""Simulated sessions: their schedule and spikes, the files, and the hierarchy that comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.datasets.allen import movies, simulate
from shapemetrics.datasets.allen.anatomy import (
    division,
    hierarchy_scores,
    reason_left_out,
    structure,
)
from shapemetrics.datasets.allen.expected import recorded_frequencies
from shapemetrics.datasets.allen.population import CORTEX, THALAMUS, depth, populations
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.simulate import Simulation
from shapemetrics.datasets.allen.stimuli import STIMULI
from shapemetrics.metrics import LinearMetric

QUALITY = ("quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
SETTINGS = Simulation(n_sessions=2, n_probes=3, n_frames=120, n_repeats=4, unit_scale=0.4)


def annotations(population, filters=None):
    """Annotation of each unit's channel; of those that pass the filters, where some are given."""
    channels = population.channels.set_index("id")["structure_acronym"]
    units = population.units
    if filters is not None:
        columns = {name: units[name].to_numpy() for name in QUALITY}
        units = units[filters.passing(columns, np.ones(len(units), dtype=bool))]
    return units["peak_channel_id"].map(channels)


def test_structures_are_as_frequent_as_the_real_ones():
    facts = recorded_frequencies()
    released = facts[["brain_observatory_1.1", "functional_connectivity"]].sum(axis=1) / 58
    drawn = populations(116, 6, seed=1)
    listed = [set(p.channels["structure_acronym"]) - {"", "grey"} for p in drawn]
    names = set().union(*listed)
    assert names <= set(facts.index)
    assert all(reason_left_out(name) == "" for name in names)
    share = pd.Series({name: np.mean([name in own for own in listed]) for name in names})
    difference = (share - released[share.index]).abs()
    assert difference.max() < 0.2
    assert difference.mean() < 0.05
    # Of the 16 structures with a published score all occur, and few in a small study.
    scored = set(facts.index) & set(hierarchy_scores())
    assert len(scored) == 16
    assert scored <= names
    few = set().union(*(set(p.units["structure"]) for p in populations(5, 6, seed=1)))
    assert 8 <= len(few & set(hierarchy_scores())) <= 14


def test_some_sessions_have_no_annotation_below_the_cortex():
    drawn = populations(58, 6, seed=2)
    below = [
        {
            name
            for name in set(p.channels["structure_acronym"]) - {"", "grey"}
            if division(name) != "Isocortex"
        }
        for p in drawn
    ]
    assert sum(not names for names in below) == 6
    reasons = pd.concat([annotations(p, UnitFilters()) for p in drawn]).map(reason_left_out)
    assert 0.06 < (reasons == "grey").mean() < 0.16  # of the real units about 0.14
    assert (reasons == "no_structure").mean() > 0.03
    # What lies there is known to the simulation.
    unannotated = drawn[[not names for names in below].index(True)]
    assert {division(n) for n in set(unannotated.units["structure"]) - {""}} > {"Isocortex", "HPF"}
    # Two sessions are too few to give one away; five have one.
    for number, grey in ((2, 0), (5, 1)):
        some = populations(number, 6, seed=3)
        assert sum("CA1" not in set(p.channels["structure_acronym"]) for p in some) == grey


def test_scored_structures_come_in_turn_where_that_is_asked_for():
    drawn = populations(6, 6, seed=1, coverage="scored")
    names = {name for p in drawn for name in p.units["structure"] if name}
    assert len(names & set(hierarchy_scores())) == len({**CORTEX, **THALAMUS})
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
        columns = {name: units[name].to_numpy() for name in QUALITY}
        good = units[filters.passing(columns, np.ones(len(units), dtype=bool))]
        counts += list(
            good["structure"][good["structure"].isin(real["structure_acronym"])].value_counts()
        )
        assert 0.5 < len(good) / len(units) < 0.9
    # Medians within a third.
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

"""Rules for trials: what is used, what is left out, and that all of it is counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nwb_writer import simulated_session, write_nwb

from shapemetrics import RepresentationStore
from shapemetrics.datasets.allen.regions import pool_regions
from shapemetrics.datasets.allen.settings import Pooling
from shapemetrics.datasets.allen.use import data_use
from shapemetrics.datasets.recordings import (
    Intervals,
    TrialCounts,
    TrialRules,
    UnitColumns,
    nwb_region_trials,
    nwb_sessions,
    read_nwb,
    session_responses,
)

STIMULUS = Intervals(("stimulus",), duration=0.4, bin_width=0.1)
GOOD = UnitColumns(filters={"quality": {"values": ["good"]}})


def counted(labels, n_units=3, n_bins=2, seed=0, session="s"):
    """Trials of given conditions, with random counts."""
    rng = np.random.default_rng(seed)
    left_out = ["" if label else "no_condition" for label in labels]
    used = sum(reason == "" for reason in left_out)
    return TrialCounts(
        session=session,
        units=pd.DataFrame(
            {
                "unit_id": range(n_units + 1),
                "region": [*(f"r{k % 2}" for k in range(n_units)), ""],
                "left_out": [*[""] * n_units, "no_region"],
            }
        ),
        trials=pd.DataFrame(
            {"start": range(len(labels)), "condition": labels, "left_out": left_out}
        ),
        conditions=sorted(set(labels) - {""}),
        counts=rng.integers(0, 9, (used, n_units, n_bins)).astype(np.uint16),
        recorded=np.ones((used, n_units), bool),
        edges=np.arange(n_bins + 1.0),
    )


def total(fates, kind):
    return sum(number for _, what, _, number in fates if what == kind)


labels = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=30)
rules = st.builds(
    TrialRules,
    population=st.sampled_from(["pseudo_population", "within_session"]),
    min_trials=st.integers(2, 4),
    balance=st.sampled_from(["none", "truncate", "subsample"]),
    conditions=st.sampled_from([None, ("a", "b")]),
    seed=st.integers(0, 3),
)


@given(labels=labels, rules=rules)
@settings(max_examples=40, deadline=None)
def test_every_trial_condition_and_unit_is_counted_once(labels, rules):
    trials = counted(labels)
    found = session_responses(trials, rules)
    assert sum(found.trials.values()) + total(found.fates, "trials") == len(labels)
    assert len(found.trials) + total(found.fates, "conditions") == len(trials.conditions)
    assert len(found.units) + total(found.fates, "units") == len(trials.units)
    # Each used trial's spikes are there once, in one of the halves.
    if found.stimuli:
        assert found.repeats[:, 0, ::2].sum() == sum(found.trials.values())
        assert (found.repeats.min(axis=(0, 1)) >= 1).all()
    numbers = list(found.trials.values())
    if rules.balance != "none" and rules.population == "pseudo_population":
        assert len(set(numbers)) <= 1
    assert all(number >= 2 for number in numbers)
    assert set(found.conditions) == set(found.trials)
    again = session_responses(trials, rules)
    np.testing.assert_array_equal(found.counts, again.counts)


def test_sums_are_those_of_a_slow_sum():
    labels = list("abbaabcbbab")
    trials = counted(labels)
    found = session_responses(trials, TrialRules(min_trials=3))
    assert found.stimuli == ["a@0", "a@1", "b@0", "b@1"]
    for position, condition in enumerate("ab"):
        own = [k for k, label in enumerate(labels) if label == condition]
        for half in (0, 1):
            expected = trials.counts[own[half::2]].sum(axis=0)
            np.testing.assert_array_equal(
                found.counts[half, :, 2 * position : 2 * position + 2], expected
            )
            assert (found.repeats[half, :, 2 * position] == len(own[half::2])).all()
    assert found.fates == [
        ("", "units", "no_region", 1),
        ("", "trials", "few_trials", 1),
        ("", "conditions", "few_trials", 1),
    ]


def test_within_a_session_pairs_of_trials_are_stimuli():
    trials = counted(list("ababa"))
    found = session_responses(trials, TrialRules(population="within_session"))
    assert found.stimuli == ["a#0@0", "a#0@1", "b#0@0", "b#0@1"]
    np.testing.assert_array_equal(found.counts[0, :, :2], trials.counts[0])
    np.testing.assert_array_equal(found.counts[1, :, :2], trials.counts[2])
    assert ("", "trials", "unpaired", 1) in found.fates
    assert (found.repeats == 1).all()


def test_noise_that_regions_share_counts_only_within_a_session():
    """Two populations without signal, whose trials fluctuate together."""
    rng = np.random.default_rng(4)
    n, units = 60, 8
    shared = rng.gamma(2.0, 5.0, (n, 4, 1))
    counts = rng.poisson(np.concatenate([shared, shared], axis=2) * np.ones((n, 4, 2)))
    trials = dataclasses.replace(
        counted(["a", "b"] * (n // 2), units, 4), counts=np.repeat(counts.transpose(0, 2, 1), 4, 1)
    )

    def correlation(rules):
        found = session_responses(trials, rules)
        mean = found.counts.sum(0) / found.repeats.sum(0)
        return np.corrcoef(mean[0], mean[-1])[0, 1]

    assert correlation(TrialRules(population="within_session")) > 0.7


def test_a_unit_without_a_trial_of_some_condition_is_left_out():
    trials = counted(list("abab"))
    recorded = trials.recorded.copy()
    recorded[2, 1] = False
    found = session_responses(dataclasses.replace(trials, recorded=recorded))
    assert found.units["unit_id"].tolist() == [0, 2]
    assert ("r1", "units", "not_recorded_in_every_condition", 1) in found.fates


def test_sessions_that_lack_a_condition_can_be_left_out():
    rules = TrialRules(conditions=("a", "b"), missing="drop_sessions")
    assert session_responses(counted(list("aabbcc")), rules).trials == {"a": 2, "b": 2}
    found = session_responses(counted(list("aabcc")), rules)
    assert found.stimuli == []
    assert ("", "conditions", "session_lacks_conditions", 1) in found.fates
    with pytest.raises(ValueError, match="missing: found 'drop_sessions' without conditions"):
        TrialRules(missing="drop_sessions")
    with pytest.raises(ValueError, match="min_trials: found 1, expected at least 2"):
        TrialRules(min_trials=1)


@pytest.fixture
def laboratory(tmp_path):
    """Three sessions that differ: in regions, conditions, numbers of trials; one has no region."""
    odd = dataclasses.replace(
        simulated_session(3), electrodes={"location": ["unknown"] * 24, "x": np.zeros(24)}
    )
    contents = {
        "one": simulated_session(1, regions=("V1", "V2", "MT", "A/B"), repeats=[6, 5, 4, 1]),
        "two": simulated_session(2, regions=("V1", "MT", "A/B", "rare"), repeats=[3, 6, 6, 6]),
        "three": odd,
    }
    for name, content in contents.items():
        write_nwb(tmp_path / "files" / f"{name}.nwb", content)
    return tmp_path


def pooled(folder, rules=None, **pooling):
    files = []
    for name, place in nwb_sessions(folder / "files").items():
        responses = session_responses(read_nwb(place, STIMULUS, GOOD, session=name), rules)
        files.append(folder / f"{name}.npz")
        responses.save(files[-1])
    settings = Pooling(atlas="none", **{"min_units": 5, "n_components": 3, **pooling})
    table = pool_regions(files, folder / "store", settings, source="laboratory")
    return RepresentationStore(folder / "store"), table, data_use(files, settings)


def test_regions_need_no_atlas(laboratory):
    store, table, _ = pooled(laboratory)
    assert table["structure_acronym"].tolist() == ["A/B", "MT", "V1", "V2", "rare"]
    assert store.select(half="all").ids == ["A-B", "MT", "V1", "V2", "rare"]
    assert store.index["hierarchy_score"].isna().all()
    assert store.index["reliability"].between(-1, 1).all()
    # House has one trial in one of the sessions: it is left out.
    assert store.metadata["n_stimuli"] == 3 * 4
    assert store.metadata["sessions_left_out"] == ["three"]
    with pytest.raises(ValueError, match="structure 'V3': no unit in any of 2 sessions; there are"):
        pooled(laboratory, structures=("V3",))


def test_what_is_known_about_regions_joins_the_store(laboratory):
    table = laboratory / "regions.csv"
    table.write_text("region,lobe,hierarchy_score\nV1,occipital,0.5\nMT,temporal,\nX,,1\n")
    store, regions, _ = pooled(laboratory, table=str(table))
    index = store.select(half="all").index.set_index("id")
    assert index.loc["V1", ["lobe", "hierarchy_score"]].tolist() == ["occipital", 0.5]
    assert index["hierarchy_score"].notna().sum() == 1
    assert index["lobe"].isna().sum() == len(index) - 2
    assert set(regions["structure_acronym"]) == {"A/B", "MT", "V1", "V2", "rare"}


def test_the_table_of_use_adds_up_to_what_the_files_hold(laboratory):
    _, table, use = pooled(laboratory, min_units=6, max_units=8)
    sums = use.pivot_table("number", "session", "kind", "sum")
    assert sums["units"].tolist() == [24, 24, 24]
    assert sums.loc["one", "trials"] == 16
    assert sums.loc[["two", "three"], "trials"].tolist() == [21, 24]
    assert sums["conditions"].tolist() == [4, 4, 4]
    rows = use.set_index(["session", "region", "kind", "fate"])["number"]
    assert rows["one", "", "conditions", "few_trials"] == 1
    assert rows["two", "", "conditions", "not_in_every_session"] == 1
    assert rows["two", "", "trials", "not_in_every_session"] == 6
    assert rows["three", "", "units", "no_region"] == 21
    assert rows["three", "", "trials", "session_without_units"] == 24
    kept = table.loc[table["kept"]].set_index("structure_acronym")["n_units"].clip(upper=8)
    used = use[(use["kind"] == "units") & (use["fate"] == "used")].groupby("region")["number"].sum()
    assert used.to_dict() == kept.to_dict()
    assert "region_below_min_units" in set(use["fate"])
    assert "beyond_max_units" in set(use["fate"])


def test_nothing_left_is_said_in_one_line(laboratory):
    with pytest.raises(ValueError, match=r"found no unit in a region and no stimulus in any of 3"):
        pooled(laboratory, TrialRules(min_trials=9))


def test_single_trials_keep_every_trial_of_shared_conditions():
    sessions = [counted(list("aabbac"), 4, session="x"), counted(list("abab"), 4, session="y")]
    recorded = sessions[1].recorded.copy()
    recorded[0, 0] = False
    sessions[1] = dataclasses.replace(sessions[1], recorded=recorded)
    found = nwb_region_trials(sessions, min_trials=2, min_units=3)
    assert found.conditions == ["a", "b"]
    assert found.n_units == {"r0": 3, "r1": 4}
    assert found.left_out == {"conditions": 1, "trials": 1, "units_not_observed": 1, "regions": 0}
    assert [a.shape for a in found.networks["r0"]["x"]] == [(3, 2, 2), (2, 2, 2)]
    one = sessions[0].counts[:, 1].astype(float)
    np.testing.assert_allclose(
        found.networks["r1"]["x"][1][:, :, 0], one[[2, 3]] / one.std(), rtol=1e-12
    )
    with pytest.raises(ValueError, match="min_trials: found 5"):
        nwb_region_trials(sessions, min_trials=5)
    with pytest.raises(ValueError, match="min_units: found 9"):
        nwb_region_trials(sessions, min_trials=2, min_units=9)

"""Spike counts read from NWB files, against a slow count of the same spikes."""

from __future__ import annotations

import dataclasses
import itertools
import re

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nwb_writer import NwbFile, simulated_session, write_nwb

from shapemetrics.datasets.recordings import Intervals, UnitColumns, read_nwb

STIMULUS = Intervals(("stimulus",), duration=0.4, bin_width=0.1)


def slow_counts(trains, starts, edges):
    """Spikes of every unit in every bin of every trial, one after another."""
    counts = np.zeros((len(starts), len(trains), len(edges) - 1), int)
    for t, start in enumerate(starts):
        for u, train in enumerate(trains):
            for b, (low, high) in enumerate(itertools.pairwise(edges)):
                counts[t, u, b] = sum(start + low <= s < start + high for s in train)
    return counts


@given(
    data=st.data(),
    n_units=st.integers(1, 4),
    n_trials=st.integers(1, 5),
    n_bins=st.integers(1, 3),
    offset=st.sampled_from([-0.5, 0.0, 0.25]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_counts_are_those_of_a_slow_count(
    tmp_path_factory, data, n_units, n_trials, n_bins, offset
):
    # Multiples of 1/8 meet edges exactly.
    times = st.integers(-8, 80).map(lambda k: k / 8)
    bad = st.sampled_from([np.nan, np.inf])
    trains = [data.draw(st.lists(times | bad, max_size=12)) for _ in range(n_units)]
    starts = data.draw(st.lists(times, min_size=n_trials, max_size=n_trials))
    kinds = data.draw(st.lists(st.sampled_from("ab"), min_size=n_trials, max_size=n_trials))
    path = tmp_path_factory.mktemp("nwb") / "a.nwb"
    write_nwb(
        path,
        NwbFile(
            trains,
            units={"area": ["x"] * n_units},
            tables={"trials": {"start_time": np.array(starts), "kind": kinds}},
        ),
    )
    asked = Intervals(("kind",), duration=0.25 * n_bins, bin_width=0.25, offset=offset)
    found = read_nwb(path, asked, UnitColumns("area", "units"))
    edges = offset + 0.25 * np.arange(n_bins + 1)
    known = [[s for s in train if np.isfinite(s)] for train in trains]
    np.testing.assert_array_equal(found.counts, slow_counts(known, starts, edges))
    assert found.trials["condition"].tolist() == kinds
    lost = sum(len(a) - len(b) for a, b in zip(trains, known))
    assert found.remarks.get("spikes_without_time", 0) == lost
    unsorted = sum(bool((np.diff(train) < 0).any()) for train in map(np.array, known))
    assert found.remarks.get("units_sorted", 0) == unsorted


WAYS = [
    {"text": "utf8"},
    {"text": "bytes", "index_dtype": "uint16"},
    {"text": "fixed", "index_dtype": "uint64"},
    {"text": "enum", "columns_of_one": True},
    {"text": "elements", "index_dtype": "int32"},
    {"version": "2.0b"},
    {"version": "NWB-2.0.1"},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
def test_every_way_to_write_a_file_gives_the_same(tmp_path, way):
    content = simulated_session()
    plain = read_nwb(write_nwb(tmp_path / "plain.nwb", content), STIMULUS)
    other = read_nwb(
        write_nwb(tmp_path / "other.nwb", dataclasses.replace(content, **way)), STIMULUS
    )
    np.testing.assert_array_equal(plain.counts, other.counts)
    assert plain.units.equals(other.units)
    assert plain.trials.equals(other.trials)
    assert plain.conditions == other.conditions == ["bar", "disc", "face", "house"]
    # Two electrodes of V1 lie in no region.
    assert plain.units["left_out"].tolist()[:3] == ["no_region", "no_region", ""]
    assert set(plain.used_units["region"]) == {"V1", "V2", "MT", "PFC"}


def test_filters_say_why_a_unit_or_trial_is_left_out(tmp_path):
    content = simulated_session()
    start = content.tables["trials"]["start_time"].copy()
    start[3] = np.nan
    picture = content.tables["trials"]["stimulus"].astype(object)
    picture[5] = " "
    tables = {
        "trials": {
            "start_time": start,
            "stimulus": picture,
            "correct": np.arange(len(start)) % 4 > 0,
        },
        "invalid_times": {"start_time": start[[6]] + 0.39, "stop_time": start[[6]] + 0.5},
    }
    path = write_nwb(tmp_path / "a.nwb", dataclasses.replace(content, tables=tables))
    asked = dataclasses.replace(STIMULUS, filters={"correct": {"values": [True]}})
    chosen = UnitColumns(filters={"quality": {"values": ["good"]}, "snr": {"min": 0.5}})
    found = read_nwb(path, asked, chosen)
    left_out = found.trials["left_out"].tolist()
    assert left_out[0] == left_out[4] == "filter:correct"
    assert (left_out[3], left_out[5], left_out[6]) == ("no_start", "no_condition", "invalid_time")
    assert left_out[1] == left_out[2] == ""
    assert len(found.counts) == left_out.count("")
    assert set(found.units["left_out"]) == {"", "filter:quality", "filter:snr", "no_region"}
    assert found.counts.shape[1] == len(found.used_units)


def test_units_are_placed_by_their_electrodes(tmp_path):
    trials = {"trials": {"start_time": np.array([0.0, 1.0]), "stimulus": ["a", "b"]}}
    electrodes = {
        "id": np.array([10, 11, 12, 13]),
        "location": ["V1", "V2", "V2", "unknown"],
        "site": np.array([0, 1, 0, 1]),
        "group": ["p1", "p1", "p2", "p2"],
    }
    units = {
        "electrodes": [[0, 1, 2], [1], [3], []],
        "peak": np.array([10, 13, 12, 99]),
        "peak_site": np.array([1, 0, 1, 0]),
        "electrode_group": ["p1", "p2", "p2", "p1"],
    }
    path = write_nwb(tmp_path / "a.nwb", NwbFile([[0.1]] * 4, units, trials, electrodes))

    def regions(**choice):
        return read_nwb(path, STIMULUS, UnitColumns(**choice)).units["region"].tolist()

    assert regions() == ["V2", "V2", "", ""]
    assert regions(several="first") == ["V1", "V2", "", ""]
    assert regions(several="drop") == ["", "V2", "", ""]
    assert regions(electrodes="peak", matches="id") == ["V1", "", "V2", ""]
    # Numbers within a probe repeat; the probe tells them apart.
    assert regions(electrodes="peak_site", matches="site") == ["V2", "V2", "", "V1"]
    assert regions(rename={"V1": "V", "V2": "V"}, no_region=("x",)) == ["V", "V", "", ""]
    assert read_nwb(path, STIMULUS).remarks == {"units_across_regions": 1}


def test_trials_outside_of_what_was_observed_do_not_count_for_a_unit(tmp_path):
    content = NwbFile(
        [[0.1], [0.1]],
        units={"obs_intervals": [[[0.0, 1.0], [1.0, 2.0]], [[0.0, 1.2]]], "area": ["x", "y"]},
        tables={"trials": {"start_time": np.array([0.0, 0.8, 1.5]), "stimulus": list("aba")}},
    )
    path = tmp_path / "a.nwb"
    write_nwb(path, content)
    found = read_nwb(path, STIMULUS, UnitColumns("area", "units"))
    assert found.recorded.T.tolist() == [[True, True, True], [True, True, False]]


def test_conditions_are_labelled_and_ordered_by_value(tmp_path):
    table = {
        "start_time": np.arange(6.0),
        "left": np.array([0.5, 10, 0.5, np.nan, 0.1, -0.0], np.float32),
        "side": [" b", "a", "a", "a", "a", "b"],
        "tags": [["x"], ["y"], ["x"], ["x"], ["y"], ["x"]],
    }
    path = write_nwb(
        tmp_path / "a.nwb", NwbFile([[0.1]], units={"area": ["x"]}, tables={"epochs": table})
    )
    asked = Intervals(("left", "side"), duration=1.0, table="epochs")
    found = read_nwb(path, asked, UnitColumns("area", "units"))
    assert found.conditions == ["0,b", "0.1,a", "0.5,a", "0.5,b", "10,a"]
    assert found.trials["left_out"].tolist() == ["", "", "", "no_condition", "", ""]
    ragged = dataclasses.replace(asked, condition=("tags",))
    assert read_nwb(path, ragged, UnitColumns("area", "units")).conditions == ["x", "y"]


def test_a_table_may_lie_anywhere(tmp_path):
    content = simulated_session()
    for place in ("picture_presentations", "processing/behavior/shown"):
        tables = {place: content.tables["trials"]}
        path = write_nwb(tmp_path / "a.nwb", dataclasses.replace(content, tables=tables))
        for name in (place, place.removesuffix("_presentations")):
            asked = dataclasses.replace(STIMULUS, table=name)
            assert len(read_nwb(path, asked).counts) == 24


def test_a_column_may_be_called_like_an_index(tmp_path):
    content = simulated_session()
    path = write_nwb(tmp_path / "a.nwb", content)
    with h5py.File(path, "a") as file:
        table = file["intervals/trials"]
        table["stimulus_index"] = np.arange(24)
        table["stimulus_index"].attrs["neurodata_type"] = "VectorData"
    assert len(read_nwb(path, STIMULUS).conditions) == 4


def broken(path, change):
    with h5py.File(write_nwb(path, simulated_session()), "a") as file:
        change(file)
    return path


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        (lambda f: f.attrs.__setitem__("nwb_version", "1.0.6"), {}, "found NWB version '1.0.6'"),
        (lambda f: f.attrs.__delitem__("nwb_version"), {}, "found NWB version 'none'"),
        (lambda f: f.__delitem__("units"), {}, "no table of units, expected /units beside "),
        (lambda f: None, {"table": "trial"}, "no table of intervals 'trial', expected one of tri"),
        (lambda f: f.__delitem__("intervals"), {}, "'trials', expected one of none"),
        (lambda f: None, {"condition": ("stimuli",)}, "'stimuli', expected one of stimulus, "),
        (lambda f: None, {"start": "start"}, "'start', expected one of start_time, "),
        (lambda f: None, {"start": "stimulus"}, "found text, expected times in seconds"),
        (lambda f: f.__delitem__("units/spike_times"), {}, "no column 'spike_times', expected one"),
        (lambda f: f.__delitem__("units/spike_times_index"), {}, "found spikes of "),
        (
            lambda f: f.__setitem__("intervals/trials/short", [1.0]),
            {"condition": ("short",)},
            "trials/short: found 1 rows, expected 24",
        ),
        (lambda f: f.__delitem__("units/electrodes"), {}, "or say region_table: units"),
        (lambda f: f.__delitem__("general"), {}, "found no table of electrodes"),
        (
            lambda f: f.__delitem__("general/extracellular_ephys/electrodes/location"),
            {},
            "no column 'location', expected one of id, x",
        ),
        (lambda f: f["units/electrodes"].__setitem__(0, 77), {}, "found electrode 77, expected"),
        (
            lambda f: f["units/electrodes_index"].__setitem__(0, 200),
            {},
            "units/electrodes_index: found ends up to 200 of 24 values",
        ),
        (lambda f: None, {"filters": {"stimulus": {"min": 1}}}, "stimulus: found text, expected"),
    ],
)
def test_what_a_file_lacks_is_said_in_one_line(tmp_path, change, asked, message):
    path = broken(tmp_path / "a.nwb", change)
    with pytest.raises(ValueError, match=r"a\.nwb: ") as error:
        read_nwb(path, dataclasses.replace(STIMULUS, **asked))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": 0.0}, "duration: found 0.0"),
        ({"bin_width": 0.15}, "bin_width: found 0.15, expected a whole number of bins in 0.4 s"),
        ({"bin_width": -1.0}, "bin_width: found -1.0"),
        ({"offset": np.nan}, "offset: found nan"),
        ({"condition": ()}, "condition: found ()"),
        ({"condition": "stimulus"}, "condition: found 'stimulus', expected a list"),
    ],
)
def test_choices_are_checked(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(STIMULUS, **options)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "a.nwb").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"a\.nwb: damaged or not an NWB file"):
        read_nwb(tmp_path / "a.nwb", STIMULUS)
    with pytest.raises(ValueError, match=r"b\.nwb: found no such file"):
        read_nwb(tmp_path / "b.nwb", STIMULUS)

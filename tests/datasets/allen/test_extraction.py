"""Counts, halves, invalid intervals and dropped units, small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.datasets.allen.extraction import conditions, extract, spike_counts
from shapemetrics.datasets.allen.recording import Recording, UnitFilters
from shapemetrics.datasets.allen.stimuli import STIMULI, bins, stimulus

MOVIE = STIMULI["natural_movie_one"]
FRAME = MOVIE.duration


def recording(trains, n_frames=3, n_repeats=4, invalid=(), acronyms=None, probes=None):
    """A movie shown at once, frame after frame."""
    frames = np.tile(np.arange(float(n_frames)), n_repeats)
    start = np.arange(len(frames)) * FRAME
    units = pd.DataFrame(
        {
            "unit_id": 10 + np.arange(len(trains)),
            "peak_channel_id": 100 + np.arange(len(trains)),
            "probe": probes or ["probeA"] * len(trains),
            "structure_acronym": acronyms or ["VISp"] * len(trains),
        }
    )
    shown = pd.DataFrame({"start_time": start, "stop_time": start + FRAME, "frame": frames})
    times = pd.DataFrame(list(invalid), columns=["start_time", "stop_time", "tags"])
    trains = [np.sort(np.asarray(train, float)) for train in trains]
    return Recording(1, units, trains, shown, times, n_recorded=len(trains) + 5)


def middle(frame, repeat, n_frames=3):
    """The middle of a frame's presentation."""
    return (repeat * n_frames + frame + 0.5) * FRAME


@given(
    seed=st.integers(0, 10_000),
    n_spikes=st.integers(0, 60),
    n_onsets=st.integers(1, 30),
    edges=st.sampled_from([(0.0, 0.1), (0.0, 0.25, 0.5), (-0.2, 0.0, 1.0)]),
)
def test_counts_are_those_of_the_definition(seed, n_spikes, n_onsets, edges):
    rng = np.random.default_rng(seed)
    # A coarse grid puts spikes on edges and onsets out of order.
    trains = [np.sort(rng.integers(0, 40, n) / 8.0) for n in (n_spikes, 0, 3)]
    onsets = rng.integers(0, 40, n_onsets) / 8.0
    counts = spike_counts(trains, onsets, np.array(edges))
    for train, rows in zip(trains, counts):
        for onset, row in zip(onsets, rows):
            for low, high, count in zip(edges[:-1], edges[1:], row):
                assert count == np.sum((train >= onset + low) & (train <= onset + high))


def test_responses_are_sums_over_odd_and_even_repeats():
    spikes = [middle(0, 0), middle(0, 0), middle(0, 1), middle(2, 2), middle(1, 3)]
    found = extract(recording([spikes]), MOVIE, bins(MOVIE))
    assert found.stimuli == ["0", "1", "2"]
    assert found.counts[:, 0].tolist() == [[2, 0, 1], [1, 1, 0]]
    assert found.repeats[:, 0].tolist() == [[2, 2, 2], [2, 2, 2]]


def test_invalid_presentations_are_left_out_for_all_or_for_one_probe():
    spikes = [middle(0, 0), middle(1, 1), middle(1, 2)]
    bad_stimulus = (middle(0, 0) - 0.001, middle(0, 0) + 0.001, "EcephysSession,1,stimulus")
    bad_probe = (middle(1, 2) - 0.001, middle(1, 2) + 0.001, "EcephysProbe,2,probeB")
    both = recording(
        [spikes, spikes], invalid=[bad_stimulus, bad_probe], probes=["probeA", "probeB"]
    )
    found = extract(both, MOVIE, bins(MOVIE))
    # Without the first showing of frame 0 the second counts as odd.
    assert found.repeats[:, 0].tolist() == [[2, 2, 2], [1, 2, 2]]
    assert found.counts[:, 0].sum() == 2
    assert found.repeats[:, 1].tolist() == [[2, 1, 2], [1, 2, 2]]
    assert found.counts[:, 1].sum() == 1


def test_units_that_cannot_be_used_are_dropped_and_counted():
    trains = [[middle(0, 0)]] * 5
    acronyms = ["VISp", "", "grey", "nan", "LP"]
    # probeB loses every presentation of frame 2 in even repeats.
    lost = [(middle(2, r) - 1e-3, middle(2, r) + 1e-3, "EcephysProbe,2,probeB") for r in (1, 3)]
    found = extract(
        recording(trains, acronyms=acronyms, probes=["probeA"] * 4 + ["probeB"], invalid=lost),
        MOVIE,
        bins(MOVIE),
    )
    assert list(found.units["unit_id"]) == [10]
    assert found.dropped == {"quality": 5, "no_structure": 2, "grey": 1, "no_valid_repeats": 1}


def test_session_tables_annotate_channels():
    table = pd.Series({100: "LGd", 101: ""})
    found = extract(recording([[0.1], [0.1], [0.1]]), MOVIE, bins(MOVIE), acronyms=table)
    # The table names channel 100, knows no structure of 101, and says nothing of 102.
    assert dict(zip(found.units["unit_id"], found.units["structure_acronym"])) == {
        10: "LGd",
        12: "VISp",
    }


def test_frames_joined_and_presentations_divided():
    spikes = [middle(frame, 0, 5) for frame in (0, 1, 1, 3, 4)]
    wide = extract(recording([spikes], n_frames=5), MOVIE, bins(MOVIE, 2 * FRAME))
    assert wide.stimuli == ["0", "2"]  # the fifth frame has no partner
    assert wide.counts[0, 0].tolist() == [3, 1]
    assert wide.repeats[0, 0].tolist() == [4, 4]
    fine = extract(
        recording([[0.1 * FRAME, 0.9 * FRAME, 0.95 * FRAME]]), MOVIE, bins(MOVIE, FRAME / 2)
    )
    assert fine.stimuli[:3] == ["0@0", "0@1", "1@0"]
    assert fine.counts[0, 0, :2].tolist() == [1, 2]


def test_blanks_are_no_stimuli():
    scenes = pd.DataFrame(
        {"start_time": [0.0, 1, 2, 3], "stop_time": [0.2, 1.2, 2.2, 3.2], "frame": [-1.0, 1, 0, 1]}
    )
    shown, names = conditions(scenes, STIMULI["natural_scenes"])
    assert names == ["0", "1"]
    assert shown["position"].tolist() == [1, 0, 1]
    assert shown["half"].tolist() == [0, 0, 1]
    gratings = scenes.rename(columns={"frame": "orientation"}).assign(
        temporal_frequency=[1.0, 2.0, np.nan, 2.0]
    )
    shown, names = conditions(gratings, STIMULI["drifting_gratings"])
    assert names == ["-1,1", "1,2"]


def test_filters_are_allensdks_and_can_be_lifted():
    units = {
        "quality": np.array(["good", "noise", "good", "good", "good", "good"]),
        "amplitude_cutoff": np.array([0.1, 0.0, 0.11, 0.0, 0.0, np.nan]),
        "presence_ratio": np.array([0.95, 1.0, 1.0, 0.94, 1.0, 1.0]),
        "isi_violations": np.array([0.5, 0.0, 0.0, 0.0, 0.6, 0.0]),
    }
    valid = np.ones(6, dtype=bool)
    assert UnitFilters().passing(units, valid).tolist() == [True] + [False] * 5
    assert UnitFilters().passing(units, ~valid).sum() == 0
    lax = UnitFilters(None, None, None, filter_by_validity=False)
    # As in AllenSDK, a missing metric passes no limit, not even an infinite one.
    assert lax.passing(units, ~valid).tolist() == [True] * 5 + [False]


def test_recordings_survive_the_hand_over(tmp_path):
    before = recording([[0.1, 0.2], [], [0.05]], invalid=[(1.0, 2.0, "a,b")])
    before.save(tmp_path / "r.npz")
    after = Recording.load(tmp_path / "r.npz")
    assert (after.session_id, after.n_recorded) == (before.session_id, before.n_recorded)
    for name in ("units", "presentations", "invalid_times"):
        pd.testing.assert_frame_equal(
            getattr(after, name), getattr(before, name), check_dtype=False
        )
    assert [t.tolist() for t in after.spike_times] == [t.tolist() for t in before.spike_times]


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="stimulus 'natural_movie_on' is unknown; did you mean"):
        stimulus("natural_movie_on")
    with pytest.raises(ValueError, match="expected a whole part of a presentation"):
        bins(MOVIE, 0.7 * FRAME)
    with pytest.raises(ValueError, match="expected a multiple of a frame"):
        bins(MOVIE, 1.5 * FRAME)
    with pytest.raises(ValueError, match=r"a presentation of natural_scenes lasts 0\.25 s"):
        bins(STIMULI["natural_scenes"], 0.5)
    with pytest.raises(ValueError, match="expected a positive number"):
        bins(MOVIE, 0.0)
    with pytest.raises(ValueError, match="found no unit with a structure"):
        extract(recording([[0.1]], acronyms=["grey"]), MOVIE, bins(MOVIE))
    nothing = recording([[0.1]], invalid=[(0.0, 9.0, "EcephysSession,1,stimulus")])
    with pytest.raises(ValueError, match="no valid presentation"):
        extract(nothing, MOVIE, bins(MOVIE))

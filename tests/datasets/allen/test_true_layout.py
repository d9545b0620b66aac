"""Every source on session files with the layout of the real ones, and what is odd about those."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
from session_layout import Layout, write_layout

from shapemetrics.datasets.allen.extraction import extract
from shapemetrics.datasets.allen.nwb import read_recording
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.regions import Pooling, pool_regions
from shapemetrics.datasets.allen.sessions import session_name, write_manifest
from shapemetrics.datasets.allen.sources import AllenSDK, Download, Stream
from shapemetrics.datasets.allen.spike_ranges import merged_ranges, read_trains
from shapemetrics.datasets.allen.stimuli import STIMULI, bins
from shapemetrics.datasets.http import Retry
from shapemetrics.store.reader import RepresentationStore

QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=2.0)
TYPES = {715093703: "brain_observatory_1.1", 766640955: "functional_connectivity"}
#: What a session of either type shows, as (presentations, stimuli).
SHOWN = {
    (715093703, "natural_movie_one"): (120, 30),
    (715093703, "natural_movie_three"): (160, 40),
    (715093703, "natural_scenes"): (476, 118),
    (715093703, "drifting_gratings"): (85, 40),
    (766640955, "natural_movie_one"): (120, 30),
}
LAX = UnitFilters(None, None, None)


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """A cache with a session of each type."""
    folder = tmp_path_factory.mktemp("layout")
    for session, kind in TYPES.items():
        write_layout(folder / session_name(session), Layout(session, kind))
    write_manifest(folder)
    return folder


@pytest.fixture
def bucket(http_server, layout):
    """The cache behind HTTP."""
    http_server.folder.rmdir()
    http_server.folder.symlink_to(layout)
    return http_server


def direct(layout, session, name, filters=LAX):
    with h5py.File(layout / session_name(session)) as file:
        return read_recording(file, STIMULI[name], filters)


def same_counts(a, b, name):
    left, right = (extract(r, STIMULI[name], bins(STIMULI[name])) for r in (a, b))
    assert left.stimuli == right.stimuli
    assert left.dropped == right.dropped
    assert left.units.equals(right.units)
    np.testing.assert_array_equal(left.counts, right.counts)
    np.testing.assert_array_equal(left.repeats, right.repeats)
    assert left.counts.sum() > 20
    return left


@pytest.mark.parametrize(("session", "name"), SHOWN)
def test_streams_and_downloads_read_both_types_of_session(bucket, layout, tmp_path, session, name):
    known = direct(layout, session, name)
    n_shown, n_stimuli = SHOWN[session, name]
    assert len(known.presentations) == n_shown
    for source in (Stream(tmp_path, bucket.url, QUICK), Download(tmp_path, bucket.url, QUICK)):
        found = same_counts(known, source.recording(session, STIMULI[name], LAX), name)
    assert len(found.stimuli) == n_stimuli  # without blanks and the grey screen


@pytest.mark.slow
@pytest.mark.parametrize("session", TYPES)
def test_allensdk_reads_the_layout(layout, allensdk_python, session):
    name = "natural_movie_one"
    by_allensdk = AllenSDK(layout, allensdk_python).recording(session, STIMULI[name], LAX)
    same_counts(direct(layout, session, name), by_allensdk, name)


@pytest.mark.parametrize("name", ["natural_movie_three", "natural_scenes", "drifting_gratings"])
def test_other_type_of_session_says_what_it_shows(layout, name):
    with pytest.raises(ValueError, match=f"'{name}' was not shown; .*natural_movie_one_more_rep"):
        direct(layout, 766640955, name)


def test_units_outside_of_grey_matter_are_counted_by_reason(layout):
    recording = direct(layout, 715093703, "natural_movie_one")
    found = extract(recording, STIMULI["natural_movie_one"], bins(STIMULI["natural_movie_one"]))
    acronyms = recording.units["structure_acronym"]
    for reason, acronym in (
        ("no_structure", ""),
        ("grey", "grey"),
        ("ventricle", "VL"),
        ("fiber_tract", "cc"),
        ("unknown_structure", "??"),
    ):
        assert found.dropped[reason] == (acronyms == acronym).sum() > 0
    assert found.unknown_structures == {"??": found.dropped["unknown_structure"]}
    assert set(found.units["structure_acronym"]) <= {
        "TH",
        "LGd",
        "CA1",
        "VISp",
        "VISam",
        "NB",
        "VIS",
    }


def test_units_by_coordinates_are_placed_or_counted(layout):
    kind = STIMULI["natural_movie_one"]
    recording = direct(layout, 715093703, kind.name)
    peaks = recording.units["peak_channel_id"]
    channels = sorted(set(peaks))
    structures = pd.Series(["VISp2/3", None, "", "LGd-sh", "5"] * len(channels), dtype=object)
    structures = structures.iloc[: len(channels) - 1].set_axis(channels[:-1])
    found = extract(recording, kind, bins(kind), acronyms=structures, by_coordinates=True)
    named = peaks.map(structures)
    assert found.dropped["no_coordinates"] == named.isna().sum() > 0
    assert found.dropped["no_structure"] == (named == "").sum() > 0
    assert found.unknown_structures == {"5": (named == "5").sum()}
    assert set(found.units["structure_acronym"]) == {"VISp2/3", "LGd-sh"}
    # Structures that a table gives otherwise leave the file's own to other channels.
    found = extract(recording, kind, bins(kind), acronyms=structures)
    assert "no_coordinates" not in found.dropped


def test_store_says_what_was_left_out_and_where_structures_come_from(layout, tmp_path):
    kind = STIMULI["natural_movie_one"]
    files = []
    for session in TYPES:
        found = extract(
            direct(layout, session, kind.name), kind, bins(kind), annotation="channels.csv"
        )
        files.append(tmp_path / f"{session}.npz")
        found.save(files[-1])
    settings = {"min_units": 2, "n_components": None}
    table = pool_regions(files, tmp_path / "all", Pooling(**settings), source="x")
    facts = RepresentationStore(tmp_path / "all").metadata
    assert set(facts["dropped_units_by_session"]) == {str(session) for session in TYPES}
    assert all(each["grey"] > 0 for each in facts["dropped_units_by_session"].values())
    assert facts["dropped_units"]["grey"] == sum(
        each["grey"] for each in facts["dropped_units_by_session"].values()
    )
    assert facts["annotation"] == ["channels.csv"]
    assert set(facts["unknown_structures"]) == {"??"}
    rules = table.set_index("structure_acronym")["hierarchy_rule"]
    assert (rules["VISp"], rules["VIS"], rules["TH"]) == ("published", "mean_of_parts", "")
    # Regions that hold others, and those not wanted.
    settings |= {"parents": "drop", "exclude": ("NB",)}
    table = pool_regions(files, tmp_path / "parts", Pooling(**settings), source="x")
    assert not {"VIS", "TH", "NB"} & set(table["structure_acronym"])
    assert {"VISp", "LGd"} <= set(table["structure_acronym"])


def test_spikes_that_descend_are_refused_by_every_reader(http_server, tmp_path):
    with h5py.File(write_layout(tmp_path / "y.nwb")) as file:
        recording = read_recording(file, STIMULI["natural_movie_one"], LAX)
        position = int(
            np.flatnonzero(file["units/id"][()] == recording.units["unit_id"].iloc[5])[0]
        )
    write_layout(http_server.folder / session_name(715093703), Layout(unsorted=position))
    message = r"unit \d+: found spike times that descend, expected ascending ones"
    with pytest.raises(ValueError, match=message):
        direct(http_server.folder, 715093703, "natural_movie_one")
    with pytest.raises(ValueError, match=message):
        Stream(tmp_path, http_server.url, QUICK).recording(
            715093703, STIMULI["natural_movie_one"], LAX
        )
    train = recording.spike_times[5]
    broken = recording.__class__(
        1,
        recording.units,
        [*recording.spike_times[:5], train[::-1], *recording.spike_times[6:]],
        recording.presentations,
    )
    with pytest.raises(ValueError, match=r"session 1: unit .* that descend"):
        extract(broken, STIMULI["natural_movie_one"], bins(STIMULI["natural_movie_one"]))


def test_files_of_an_older_layout_are_named(tmp_path):
    path = write_layout(tmp_path / "old.nwb", Layout(nwb_version="2.1.0", presentations=False))
    with (
        h5py.File(path) as file,
        pytest.raises(
            ValueError,
            match=r"old\.nwb: found no tables of presentations in a file of NWB 2\.1\.0",
        ),
    ):
        read_recording(file, STIMULI["natural_movie_one"])


def test_streaming_asks_for_few_ranges_and_little_in_vain(http_server, tmp_path):
    large = Layout(n_units=300, mean_spikes=6000, seed=4)
    path = write_layout(http_server.folder / session_name(1), large)
    source = Stream(tmp_path, http_server.url, QUICK)
    streamed = source.recording(1, STIMULI["natural_movie_one"])
    with h5py.File(path) as file:
        whole = read_recording(file, STIMULI["natural_movie_one"])
    same_counts(streamed, whole, "natural_movie_one")
    needed = sum(times.nbytes for times in whole.spike_times)
    assert needed > 2_000_000
    assert source.n_requests <= 300
    # The tables of a file are about a megabyte, however large the rest.
    assert source.n_bytes <= 1.3 * needed + 1_500_000
    assert sum(times.nbytes for times in streamed.spike_times) < 0.5 * needed


@pytest.mark.parametrize("most", [1, 3, 250])
def test_trains_from_ranges_are_those_of_the_array(rng, monkeypatch, most):
    from shapemetrics.datasets.allen import spike_ranges

    monkeypatch.setattr(spike_ranges, "MOST_RANGES", most)
    monkeypatch.setattr(spike_ranges, "SHORT_GAP", 0)
    counts = rng.integers(0, 40, 30)
    ends = np.cumsum(counts)
    times = np.concatenate([np.sort(rng.random(n) * 10) for n in counts])
    keep = np.flatnonzero(rng.random(30) < 0.4)
    windows = np.array([[1.0, 2.5], [6.0, 6.5], [9.9, 12.0]])
    found = read_trains(times, (ends - counts)[keep], ends[keep], windows)
    for at, train in zip(keep, found):
        whole = times[ends[at] - counts[at] : ends[at]]
        inside = [(whole >= a) & (whole <= b) for a, b in windows]
        np.testing.assert_array_equal(train, whole[np.any(inside, axis=0)])


def test_merged_ranges_read_the_smallest_gaps():
    pieces = [(0, 5), (6, 9), (20, 25), (100, 110)]
    assert merged_ranges(pieces, 4) == pieces
    assert merged_ranges(pieces, 3) == [(0, 9), (20, 25), (100, 110)]
    assert merged_ranges(pieces, 2) == [(0, 25), (100, 110)]
    assert merged_ranges(pieces, 1) == [(0, 110)]
    assert merged_ranges(pieces, 4, shortest=1) == [(0, 9), (20, 25), (100, 110)]
    assert merged_ranges([], 4) == []


TABLE = "id,ecephys_structure_acronym\n850261194,VISp\n850261196,\n"


def test_pages_in_place_of_tables_are_not_kept(http_server, tmp_path):
    source = Stream(tmp_path, http_server.url, QUICK)
    served = http_server.folder / "sessions.csv"
    for page in ("<html><body>Please log in</body></html>", "<p>log in</p>\n<p>now</p>\n", "id\n"):
        served.write_text(page)
        with pytest.raises(ValueError, match=r"sessions\.csv: arrived damaged: .*"):
            source.table("sessions.csv")
        assert not (tmp_path / "sessions.csv").exists()
    served.write_text("id,session_type\n715093703,brain_observatory_1.1\n")
    assert source.table("sessions.csv").is_file()


@pytest.mark.parametrize("status", [403, 404])
def test_structures_of_session_files_are_never_taken_in_silence(http_server, tmp_path, status):
    source = Stream(tmp_path, http_server.url, QUICK)
    http_server.statuses = [status]
    with pytest.warns(UserWarning, match=rf"channels\.csv: the server answered {status}"):
        assert source.structures() is None
    assert source.annotation.startswith("session files, for want of channels.csv")
    (http_server.folder / "channels.csv").write_text(TABLE)
    pd.testing.assert_series_equal(
        source.structures().reset_index(drop=True),
        pd.Series(["VISp", ""], name="ecephys_structure_acronym"),
        check_dtype=False,
    )
    assert source.annotation == "channels.csv"

"""Files that pynwb writes: an oracle of the layout that nobody here made."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from shapemetrics.datasets.recordings import Intervals, UnitColumns, read_nwb

pynwb = pytest.importorskip("pynwb", reason="pynwb, which writes the files, is not installed")


@pytest.fixture
def written(tmp_path):
    """A file of pynwb's, and what pynwb reads back from it."""
    rng = np.random.default_rng(3)
    file = pynwb.NWBFile("about", "one", datetime(2024, 1, 1, tzinfo=UTC))
    device = file.create_device(name="probe")
    group = file.create_electrode_group("g", description="d", location="brain", device=device)
    file.add_electrode_column("area", "of the atlas")
    for k in range(6):
        file.add_electrode(group=group, location=["V1", "V2", "unknown"][k // 2], area=f"a{k % 2}")
    file.add_trial_column("contrast", "of the grating")
    file.add_trial_column("side", "where", index=True)
    for k in range(12):
        file.add_trial(
            0.7 * k, 0.7 * k + 0.5, contrast=[0.25, 1.0][k % 2], side=["l", "r"][: k % 3]
        )
    file.add_epoch(0.0, 4.0, ["first"])
    file.add_epoch(4.0, 9.0, ["last", "long"])
    file.add_unit_column("quality", "label")
    for k in range(6):
        file.add_unit(
            spike_times=np.sort(rng.uniform(0, 9, 50)),
            obs_intervals=[[0.0, 9.0 - k]],
            electrodes=[k],
            quality=["good", "noise"][k // 5],
        )
    other = pynwb.epoch.TimeIntervals(name="pictures", description="d")
    other.add_column("picture", "shown")
    for k in range(4):
        other.add_interval(start_time=float(k), stop_time=k + 0.5, picture=["cat", "dog"][k % 2])
    file.add_time_intervals(other)
    path = tmp_path / "one.nwb"
    with pynwb.NWBHDF5IO(path, "w") as stream:
        stream.write(file)
    return path


def counts_of_pynwb(path, starts, edges):
    with pynwb.NWBHDF5IO(path, "r") as stream:
        trains = [np.asarray(t) for t in stream.read().units["spike_times"][:]]
    return np.array([[np.histogram(t, s + edges)[0] for t in trains] for s in starts])


def test_counts_are_those_of_what_pynwb_reads(written):
    asked = Intervals(("contrast",), duration=0.4, bin_width=0.1, offset=0.05)
    found = read_nwb(written, asked, UnitColumns(filters={"quality": {"values": ["good"]}}))
    assert found.units["region"].tolist() == ["V1", "V1", "V2", "V2", "", ""]
    assert found.units["left_out"].tolist() == ["", "", "", "", "no_region", "filter:quality"]
    expected = counts_of_pynwb(written, found.trials["start"], asked.edges)
    np.testing.assert_array_equal(found.counts, expected[:, :4])
    assert found.conditions == ["0.25", "1"]
    assert found.trials["condition"].tolist() == ["0.25", "1"] * 6
    ends = found.trials["start"].to_numpy() + 0.45
    for k in range(4):
        assert found.recorded[:, k].tolist() == (ends <= 9.0 - k).tolist()


def test_other_tables_columns_and_lists_are_read(written):
    pictures = read_nwb(
        written, Intervals(("picture",), duration=0.5, table="pictures"), UnitColumns("area")
    )
    assert pictures.conditions == ["cat", "dog"]
    assert pictures.used_units["region"].tolist() == ["a0", "a1"] * 3
    expected = counts_of_pynwb(written, [0, 1, 2, 3], np.array([0, 0.5]))
    np.testing.assert_array_equal(pictures.counts, expected)
    epochs = read_nwb(written, Intervals(("tags",), duration=2.0, table="epochs"))
    assert epochs.conditions == ["first", "last,long"]
    sides = read_nwb(written, Intervals(("side",), duration=0.5))
    assert set(sides.conditions) == {"l", "l,r"}
    assert (sides.trials["left_out"] == "no_condition").sum() == 4


def test_files_of_the_mocks_that_pynwb_tests_itself_with_are_read(tmp_path):
    from pynwb.testing.mock.ecephys import mock_ElectrodeGroup
    from pynwb.testing.mock.file import mock_NWBFile

    file = mock_NWBFile()
    group = mock_ElectrodeGroup(nwbfile=file)
    for k in range(4):
        file.add_electrode(group=group, location=f"area {k % 2}")
    for k in range(4):
        file.add_unit(spike_times=np.arange(k, k + 2, 0.25), electrodes=[k], electrode_group=group)
    for k in range(6):
        file.add_trial(start_time=0.5 * k, stop_time=0.5 * k + 0.4, tags=["ab"[k % 2]])
    path = tmp_path / "mock.nwb"
    with pynwb.NWBHDF5IO(path, "w") as stream:
        stream.write(file)
    asked = Intervals(("tags",), duration=0.5)
    found = read_nwb(path, asked)
    assert found.used_units["region"].tolist() == ["area 0", "area 1"] * 2
    # Other than NumPy's last bin, ours does not hold its upper edge.
    expected = counts_of_pynwb(path, found.trials["start"], asked.edges - 1e-9)
    np.testing.assert_array_equal(found.counts, expected)

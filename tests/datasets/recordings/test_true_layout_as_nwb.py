"""Files in the layout of the Observatory, read as any NWB file and by the reader of its own."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from session_layout import Layout, write_layout

from shapemetrics.datasets.allen.extraction import extract
from shapemetrics.datasets.allen.nwb import read_recording
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.stimuli import bins, stimulus
from shapemetrics.datasets.recordings import Intervals, UnitColumns, read_nwb, session_responses

#: AllenSDK's defaults, as filters of columns.
QUALITY = {
    "amplitude_cutoff": {"max": 0.1},
    "presence_ratio": {"min": 0.95},
    "isi_violations": {"max": 0.5},
}
OBSERVATORY = UnitColumns(electrodes="peak_channel_id", matches="id", filters=QUALITY)
ACRONYMS = {
    "as they are": Layout().acronyms,
    "others": ("", "MOp", "ACAd", "RSPv", "fp", "SCm", "PAG", "MRN", "root"),
}


@pytest.mark.parametrize("acronyms", ACRONYMS)
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("drifting_gratings", ("orientation", "temporal_frequency")),
        ("natural_scenes", ("frame",)),
    ],
)
def test_both_readers_give_the_same_counts(tmp_path, name, columns, acronyms):
    path = write_layout(
        tmp_path / "session.nwb", Layout(n_units=40, acronyms=ACRONYMS[acronyms], seed=5)
    )
    kind = stimulus(name)
    with h5py.File(path) as file:
        recording = read_recording(file, kind, UnitFilters(filter_by_validity=False))
    expected = extract(recording, kind, bins(kind))
    filters = {"frame": {"min": 0}} if name == "natural_scenes" else {}
    asked = Intervals(columns, duration=kind.duration, table=name, filters=filters)
    found = session_responses(read_nwb(path, asked, OBSERVATORY), atlas="allen")
    order = np.argsort(found.units["unit_id"].to_numpy())
    assert found.units["unit_id"].to_numpy()[order].tolist() == expected.units["unit_id"].tolist()
    assert (
        found.units["structure_acronym"].to_numpy()[order].tolist()
        == expected.units["structure_acronym"].tolist()
    )
    assert len(found.stimuli) == len(expected.stimuli)
    # Both order conditions by value.
    np.testing.assert_array_equal(found.counts[:, order], expected.counts)
    np.testing.assert_array_equal(found.repeats[:, order], expected.repeats)

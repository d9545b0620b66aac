"""The recordings of Steinmetz et al. 2019, as arrays and as NWB in the form of DANDI 000017."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from nwb_writer import NwbFile, write_nwb

from shapemetrics import RepresentationStore
from shapemetrics.datasets.allen.regions import Pooling, pool_regions
from shapemetrics.datasets.allen.steinmetz import read_session, region_trials, session_files
from shapemetrics.datasets.recordings import (
    Intervals,
    UnitColumns,
    nwb_region_trials,
    nwb_sessions,
    read_nwb,
    session_responses,
)

#: As in DANDI 000017: several electrodes per unit, probes in the electrodes' table.
CONTRASTS = ("visual_stimulus_left_contrast", "visual_stimulus_right_contrast")
WINDOW = Intervals(CONTRASTS, duration=0.4, bin_width=0.01, start="visual_stimulus_time")
CHOSEN = UnitColumns(filters={"phy_annotations": {"min": 2}}, no_region=("root",))


def as_nwb(source, path):
    """Write a session's counts as spikes in the middles of their bins."""
    with np.load(source) as file:
        counts, acronyms = file["counts"], file["structure_acronym"].astype(str)
        left, right = file["contrast_left"], file["contrast_right"]
    n_trials, n_units, n_bins = counts.shape
    onset = 2.0 + 1.7 * np.arange(n_trials)
    middle = onset[:, None] + 0.01 * (np.arange(n_bins) + 0.5)
    trains = [np.repeat(middle.ravel(), counts[:, unit].ravel()) for unit in range(n_units)]
    # A multi-unit in front of all, which the annotation excludes.
    content = NwbFile(
        [np.array([2.0]), *trains],
        units={
            "id": np.arange(-1, n_units),
            "phy_annotations": np.array([1] + [2, 3] * n_units)[: n_units + 1],
            "electrodes": [[0, 0], *([k, k, (k + 1) % n_units] for k in range(n_units))],
        },
        tables={
            "trials": {
                "start_time": onset - 0.5,
                "stop_time": onset + 1.0,
                "visual_stimulus_time": onset,
                CONTRASTS[0]: left,
                CONTRASTS[1]: right,
            }
        },
        electrodes={"location": acronyms, "group": ["Probe1"] * n_units},
        index_dtype="int64",
    )
    write_nwb(path, content)


@pytest.fixture(scope="module")
def stores(shared, tmp_path_factory):
    """Three sessions pooled through either way."""
    folder = tmp_path_factory.mktemp("stores")
    files: dict[str, list] = {"arrays": [], "nwb": []}
    for source in session_files(shared / "data" / "steinmetz2019")[:3]:
        as_nwb(source, folder / "files" / f"{source.stem}.nwb")
        files["arrays"].append(folder / f"arrays_{source.stem}.npz")
        read_session(source).save(files["arrays"][-1])
    for name, place in nwb_sessions(folder / "files").items():
        files["nwb"].append(folder / f"nwb_{name}.npz")
        found = session_responses(read_nwb(place, WINDOW, CHOSEN, session=name), atlas="allen")
        found.save(files["nwb"][-1])
    tables = {
        way: pool_regions(paths, folder / way, Pooling(min_units=40), source="steinmetz")
        for way, paths in files.items()
    }
    return tables, {way: RepresentationStore(folder / way) for way in files}


def test_both_ways_give_the_same_regions_and_responses(stores):
    tables, opened = stores
    assert tables["arrays"].equals(tables["nwb"])
    arrays, nwb = opened["arrays"], opened["nwb"]
    assert len(nwb) >= 15
    assert arrays.index.equals(nwb.index)  # digests of the responses among it
    assert arrays.stimuli == nwb.stimuli


def test_single_trials_of_regions_are_the_same_both_ways(shared, tmp_path):
    sources = session_files(shared / "data" / "steinmetz2019")[:2]
    sessions = []
    for source in sources:
        as_nwb(source, tmp_path / f"{source.stem}.nwb")
        window = dataclasses.replace(WINDOW, bin_width=0.1)
        sessions.append(read_nwb(tmp_path / f"{source.stem}.nwb", window, CHOSEN))
    expected = region_trials(sources, min_units=40, min_trials=4)
    found = nwb_region_trials(sessions, min_units=40, min_trials=4, atlas="allen")
    assert found.conditions == expected.conditions
    assert found.n_units == expected.n_units
    assert found.left_out["trials"] == expected.left_out["trials"]
    for region, by_session in expected.networks.items():
        for name, arrays in by_session.items():
            for a, b in zip(arrays, found.networks[region][name], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12)

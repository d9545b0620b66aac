"""Single trials of the multi-region recordings, pooled into regions without averaging."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapemetrics.datasets.allen.steinmetz import region_trials, session_files

#: Contrast on the right, in the order of trials: conditions 0 and 1 have enough, 0.5 has not.
SHOWN = [0.0] * 9 + [1.0] * 8 + [0.5] * 3


@pytest.fixture
def folder(tmp_path: Path, rng) -> Path:
    for number, units in ((1, 6), (2, 4)):
        shown = np.array(SHOWN)[rng.permutation(len(SHOWN))]
        np.savez(
            tmp_path / f"session_{number:02d}.npz",
            counts=rng.poisson(2.0, size=(len(shown), 2 * units + 1, 12)).astype(np.uint8),
            structure_acronym=np.array(["VISp"] * units + ["CA1"] * units + ["root"]),
            contrast_left=np.zeros(len(shown)),
            contrast_right=shown,
        )
    return tmp_path


def test_trials_stay_single_and_what_is_left_out_is_counted(folder):
    found = region_trials(session_files(folder), min_trials=8, min_units=10, n_bins=4)
    assert found.conditions == ["0,0", "0,1"]
    assert found.n_units == {"CA1": 10, "VISp": 10}
    assert found.left_out == {"conditions": 1, "trials": 6, "regions": 0}
    visp = found.networks["VISp"]
    assert list(visp) == ["session_01", "session_02"]
    assert [x.shape for x in visp["session_01"]] == [(9, 4, 6), (8, 4, 6)]
    with np.load(folder / "session_01.npz") as file:
        trials = np.flatnonzero(file["contrast_right"] == 1.0)
        bins = file["counts"][:, 0].reshape(len(SHOWN), 4, 3).sum(axis=2)
    np.testing.assert_allclose(visp["session_01"][1][:, :, 0], bins[trials] / bins.std())


def test_bins_may_stay_those_of_the_file(folder):
    found = region_trials(session_files(folder), min_units=10, n_bins=None)
    assert found.networks["CA1"]["session_02"][0].shape == (9, 12, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_trials": 10}, "min_trials: found 10, which no condition has in all 2 sessions"),
        ({"min_units": 11}, "min_units: found 11, which 0 regions have, expected 2 or more"),
        ({"min_units": 10, "n_bins": 5}, "n_bins: found 5, expected a divisor of 12"),
    ],
)
def test_too_little_is_one_line(folder, options, message):
    with pytest.raises(ValueError, match=message):
        region_trials(session_files(folder), **options)


def test_real_sessions_share_conditions_of_eight_trials(shared):
    recordings = shared / "data" / "steinmetz2019"
    if not recordings.is_dir():
        pytest.skip("needs the recordings of Steinmetz et al. 2019, which are absent here")
    found = region_trials(session_files(recordings), min_units=300)
    assert len(found.conditions) == 5
    assert all(
        min(len(trials) for trials in session) >= 8
        for sessions in found.networks.values()
        for session in sessions.values()
    )
